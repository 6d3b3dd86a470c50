# The end of a terminal's start, bash and zsh: into the notebook environment, or a line that says why not.

if ! command -v conda >/dev/null 2>&1 && [ -r "$NEURONHUB_HOOK" ]; then
    . "$NEURONHUB_HOOK"
fi
if ! [ -e "$NEURONHUB_PREFIX" ]; then
    printf '%s\n' "$NEURONHUB_MISSING"
elif ! [ -x "$NEURONHUB_PREFIX/bin/python" ]; then
    printf '%s\n' "$NEURONHUB_BROKEN"
elif command -v conda >/dev/null 2>&1; then
    conda activate "$NEURONHUB_PREFIX"
else
    PATH=$NEURONHUB_PREFIX/bin:$PATH
fi
unset NEURONHUB_PREFIX NEURONHUB_HOOK NEURONHUB_MISSING NEURONHUB_BROKEN NEURONHUB_SHELL_FILE
