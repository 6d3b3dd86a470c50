#!/bin/bash
# Row E1: make the notebook environment, once for each user, on a login node. Safe to run again.
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

"$NEURONHUB" env create --language "$language"
say "Open a new shell, or run: source ~/.bashrc   Then: conda activate notebook" \
    "새 셸을 열거나 source ~/.bashrc 를 실행한 다음, conda activate notebook 을 실행하세요."
