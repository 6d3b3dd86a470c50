# zsh reads this in the place of the user's own .zprofile, and hands on to it. See .zlogin.
ZDOTDIR=$NEURONHUB_USER_ZDOTDIR
if [[ -r $ZDOTDIR/.zprofile ]]; then . $ZDOTDIR/.zprofile; fi
NEURONHUB_USER_ZDOTDIR=$ZDOTDIR
ZDOTDIR=$NEURONHUB_ZDOTDIR
