#!/bin/bash
# Row E1: make the notebook environment, once for each user, on a login node. Safe to run again.
# The site's operators put this file beside the folder with the bases, or set NEURONHUB.
set -eu
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$(readlink -f "$0")")/words.sh"

run_neuronhub env create
say "Open a new shell, or run: source ~/.bashrc   Then: conda activate notebook" \
    "새 셸을 열거나 source ~/.bashrc 를 실행한 다음, conda activate notebook 을 실행하세요."
