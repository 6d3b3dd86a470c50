# shellcheck shell=bash
# Sourced by the scripts beside it: the language that they speak, and the command that they call. It lies beside them,
# and they beside the folder with the bases; or else NEURONHUB is set.

case "${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}" in
    ko*) language=ko ;;
    *) language=en ;;
esac

# say ENGLISH KOREAN
say() {
    if [ "$language" = ko ]; then printf '%s\n' "$2"; else printf '%s\n' "$1"; fi
}

# run_neuronhub ARGUMENT...: run the command of the active base
run_neuronhub() {
    local neuronhub=${NEURONHUB:-$(dirname "$(readlink -f "$0")")/bases/current/bin/neuronhub}
    if ! [ -x "$neuronhub" ]; then
        say "$neuronhub is missing. Tell the operators of this site: no base is active." \
            "$neuronhub 이(가) 없습니다. 시스템 관리자에게 활성화된 기본 환경이 없다고 알려 주세요." >&2
        exit 1
    fi
    "$neuronhub" "$@" --language "$language"
}
