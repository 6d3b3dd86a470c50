#!/bin/bash
# Row E5: put the notebook environment back to its first state; the workspace and all other files stay. Asks first.
# usage: reset_env.sh [--yes]
# The site's operators put this file beside the folder with the bases, or set NEURONHUB below.
set -eu

NEURONHUB=${NEURONHUB:-$(dirname "$(readlink -f "$0")")/bases/current/bin/neuronhub}

case "${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}" in
    ko*) language=ko ;;
    *) language=en ;;
esac

# say ENGLISH KOREAN
say() {
    if [ "$language" = ko ]; then printf '%s\n' "$2"; else printf '%s\n' "$1"; fi
}

if ! [ -x "$NEURONHUB" ]; then
    say "$NEURONHUB is missing. Tell the operators of this site: no base is active." \
        "$NEURONHUB 이(가) 없습니다. 시스템 관리자에게 활성화된 기본 환경이 없다고 알려 주세요." >&2
    exit 1
fi

exec "$NEURONHUB" env reset --language "$language" "$@"
