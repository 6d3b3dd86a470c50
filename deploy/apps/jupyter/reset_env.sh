#!/bin/bash
# Row E5: put the notebook environment back to its first state. The workspace and all other files stay.
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

if [ "${1:-}" != --yes ]; then
    say "The notebook environment goes back to its first state: packages that you have installed go, your files stay." \
        "notebook 환경을 처음 상태로 되돌립니다. 직접 설치한 패키지는 사라지고, 파일은 그대로 남습니다."
    printf '%s' "$(say 'Go on? [y/N] ' '계속할까요? [y/N] ')"
    read -r answer || answer=
    case "$answer" in
        y | Y | yes) ;;
        *)
            say "Nothing was changed." "아무것도 바꾸지 않았습니다."
            exit 1
            ;;
    esac
fi

"$NEURONHUB" env reset --yes --language "$language"
