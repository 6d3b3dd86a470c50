#!/bin/bash
# Row E5: put the notebook environment back to its first state; the workspace and all other files stay. Asks first.
# usage: reset_env.sh [--yes]
# The site's operators put this file beside the folder with the bases, or set NEURONHUB.
set -eu
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$(readlink -f "$0")")/words.sh"

run_neuronhub env reset "$@"
