# zsh reads this in the place of the user's own .zshrc, and hands on to it. See .zlogin.
ZDOTDIR=$NEURONHUB_USER_ZDOTDIR
if [[ -r $ZDOTDIR/.zshrc ]]; then . $ZDOTDIR/.zshrc; fi
NEURONHUB_USER_ZDOTDIR=$ZDOTDIR
ZDOTDIR=$NEURONHUB_ZDOTDIR
