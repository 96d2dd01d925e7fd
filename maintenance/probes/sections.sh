# shellcheck shell=sh disable=SC2034
# Each section is framed on both streams by a random mark, so that nothing a command prints can pass for a frame, and
# ends with the command's exit status. `MARK` and `MANAGE` come from the caller.
HELPER=/usr/local/sbin/retainer-host
PATH=$PATH:/usr/sbin:/sbin
section() {
    section_name=$1
    shift
    printf '\n@%s begin %s\n' "$MARK" "$section_name"
    printf '\n@%s begin %s\n' "$MARK" "$section_name" >&2
    "$@" </dev/null
    section_status=$?
    printf '\n@%s end %s\n' "$MARK" "$section_status"
    printf '\n@%s end %s\n' "$MARK" "$section_status" >&2
}
