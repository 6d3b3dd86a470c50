# A terminal in Jupyter, zsh: the last file that a login shell reads; after the user's own, the notebook environment.
ZDOTDIR=$NEURONHUB_USER_ZDOTDIR
if [[ -r $ZDOTDIR/.zlogin ]]; then . $ZDOTDIR/.zlogin; fi
if [[ ${HISTFILE-} == $NEURONHUB_ZDOTDIR/* ]]; then HISTFILE=$ZDOTDIR/${HISTFILE:t}; fi
if [[ $ZDOTDIR == $HOME ]]; then unset ZDOTDIR; fi
unset NEURONHUB_USER_ZDOTDIR NEURONHUB_ZDOTDIR
. $NEURONHUB_SHELL_FILE
