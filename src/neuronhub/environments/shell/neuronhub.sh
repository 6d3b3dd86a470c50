# NeuronHub's conda for posix shells, bash and zsh: the function `conda`, whose `activate` changes the shell itself.
# Read by ~/.bashrc, or in a job: . /apps/jupyter/bases/current/etc/profile.d/neuronhub.sh
# It also lies beside itself as conda.sh, which scripts read: . "$(conda info --base)/etc/profile.d/conda.sh"
# Runs at every start of a shell, so it starts no program. bash and zsh know where this file lies; other shells
# are told by NEURONHUB_BASE.

__neuronhub_file=
if [ -n "${BASH_VERSION-}" ]; then
    eval '__neuronhub_file=${BASH_SOURCE[0]-}'
elif [ -n "${ZSH_VERSION-}" ]; then
    eval '__neuronhub_file=${(%):-%x}'
fi
case $__neuronhub_file in
    /*/etc/profile.d/*.sh) NEURONHUB_BASE=${__neuronhub_file%/etc/profile.d/*} ;;
    */etc/profile.d/*.sh) NEURONHUB_BASE=$PWD/${__neuronhub_file%/etc/profile.d/*} ;;
    *) NEURONHUB_BASE=${NEURONHUB_BASE:-/apps/jupyter/bases/current} ;;
esac
unset __neuronhub_file

__neuronhub_conda() {
    # -I: a PYTHONPATH or a package in the home folder cannot break what repairs environments.
    "$NEURONHUB_BASE/bin/python" -I -m neuronhub.environments.conda "$@"
}

__neuronhub_change() {
    __neuronhub_text=$(__neuronhub_conda shell.posix "$@") || return
    eval "$__neuronhub_text"
    unset __neuronhub_text
}

unalias conda 2>/dev/null || :
conda() {
    case ${1-} in
        activate | deactivate | reactivate)
            __neuronhub_change "$@"
            ;;
        install | update | upgrade | remove | uninstall)
            __neuronhub_conda "$@" || return
            __neuronhub_change reactivate
            hash -r
            ;;
        *)
            __neuronhub_conda "$@"
            ;;
    esac
}

if ! command -v neuronhub >/dev/null 2>&1; then
    neuronhub() {
        (
            unset PYTHONPATH PYTHONHOME PYTHONSTARTUP
            PYTHONNOUSERSITE=1
            export PYTHONNOUSERSITE
            exec "$NEURONHUB_BASE/bin/neuronhub" "$@"
        )
    }
fi

if [ "${CONDA_AUTO_ACTIVATE_BASE-}" = true ] && [ -z "${CONDA_PREFIX-}" ]; then
    case $- in
        *i*) conda activate base ;;
    esac
fi
