# zsh reads this in the place of the user's own .zshenv, and hands on to it. See .zlogin.
ZDOTDIR=$NEURONHUB_USER_ZDOTDIR
if [[ -r $ZDOTDIR/.zshenv ]]; then . $ZDOTDIR/.zshenv; fi
NEURONHUB_USER_ZDOTDIR=$ZDOTDIR
ZDOTDIR=$NEURONHUB_ZDOTDIR
