#!/bin/bash
# Row E3: TensorBoard, IPython Clusters and the ipython profile slurm. kisti_conda_jupyter.sh has brought them already:
# this script confirms it, in the notebook environment only.
set -eu
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$(readlink -f "$0")")/words.sh"

active=${CONDA_DEFAULT_ENV:-}
if [ "$active" != notebook ] || [ -z "${CONDA_PREFIX:-}" ]; then
    say "The notebook environment is not active (${active:-none} is). Run: conda activate notebook" \
        "notebook 환경이 활성화되어 있지 않습니다 (현재: ${active:-없음}). conda activate notebook 을 먼저 실행하세요." >&2
    exit 1
fi

profile=${IPYTHONDIR:-$HOME/.ipython}/profile_slurm
if ! "$CONDA_PREFIX/bin/python" -c 'import ipyparallel, tensorboard' || ! [ -d "$profile" ]; then
    say "The notebook environment is not whole. Run: neuronhub env repair" \
        "notebook 환경이 온전하지 않습니다. neuronhub env repair 를 실행하세요." >&2
    exit 1
fi
say "TensorBoard and IPython Clusters are in the web pages, and the profile slurm is in $profile." \
    "TensorBoard와 IPython Clusters가 웹 페이지에 있고, slurm 프로파일이 $profile 에 있습니다."
