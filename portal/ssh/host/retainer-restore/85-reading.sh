
# --- a reading: what a backup looks like from without; nothing is restored, nothing is written but a folder on tmpfs

# The specification, an empty line and the keys come by standard input; prints fact=NAME<tab>VALUE lines and exit=STATUS.
reading() {
    DIR=$(mktemp -d /run/retainer-reading.XXXXXX) || exit 73
    trap 'rm -rf "$DIR"' EXIT
    id=reading top=$DIR keys=$DIR/keys scratch=$DIR
    : >"$DIR/facts"
    head -c 262144 | awk -v secret="$DIR/secret" '!rest && /^$/ {rest = 1; next} {if (rest) print >secret; else print}' >"$DIR/given"
    { check_numbers && unpack_keys "$DIR/secret" && for number in $(seq "$(given parts)"); do mkdir "$top/$number"; done; } >"$DIR/log" 2>&1 ||
        exit 64
    HOME=/root
    export HOME
    each_part read_one >>"$DIR/log" 2>&1
    code=$?
    sed 's/^/fact=/' "$DIR/facts"
    printf 'exit=%s\n' "$code"
}

reads_only() { [ "$(given purpose)" = reading ]; }

read_one() {
    tool_is_here || return
    "${family}_choose" || return
    fact oldest "$(head -n 1 "$work/list" | cut -f 1 | { read -r time && date -d "$time" +%s; })"
    # what one can choose from
    tail -n 50 "$work/list" | while IFS=$TAB read -r time name; do fact choice "$(date -d "$time" +%s) $name"; done
    "${family}_reading"
}

# Of what lies here: how much room is left beside it, and whether it can be changed at all.
room_beside() {
    [ -e "$1" ] || return 0
    fact space "$(df --output=avail,size -B 1 "$1" | tail -n 1 | tr -s ' ' | sed 's/^ //')"
    ! lsattr -d "$1" 2>/dev/null | grep -q '^[^ ]*[ai]' || fact append_only yes
}

restic_reading() {
    fact tool_version "$(restic version 2>/dev/null | head -n 1)"
    fact identity "$(restic_do "$keys/$PART.key" "$keys/$PART.at" --no-lock cat config 2>/dev/null | sed -n 's/.*"id": *"\([0-9a-f]*\)".*/\1/p')"
    # who can open it: a key that came or went is drift
    restic_do "$keys/$PART.key" "$keys/$PART.at" --no-lock list keys 2>/dev/null | sort >"$work/key-ids"
    fact keys "$(wc -l <"$work/key-ids") $(sha256sum <"$work/key-ids" | cut -c 1-16)"
    fact encryption always
    room_beside "$(part repository)"
}

borg_reading() {
    fact tool_version "$(borg --version 2>/dev/null | head -n 1)"
    fact identity "$(sed -n '/"repository"/,$s/^ *"id": "\([0-9a-f]*\)".*/\1/p' "$work/archives.json" | head -n 1)"
    fact encryption "$(sed -n 's/^ *"mode": "\(.*\)".*/\1/p' "$work/archives.json" | head -n 1)"
    if [ -f "$repository/config" ]; then
        grep -q '^append_only = 1' "$repository/config" && fact append_only yes
        fact keys "1 $(sed -n '/^key = /,/^[a-z_]* = /p' "$repository/config" | sha256sum | cut -c 1-16)"
    fi
    room_beside "$repository"
}

archive_reading() {
    fact tool_version "$(tar --version | head -n 1)"
    room_beside "${pattern%/*}"
}

copy_reading() {
    fact tool_version "$(rsync --version 2>/dev/null | head -n 1)"
    room_beside "${pattern%/*}"
}

postgresql_reading() {
    ! postgresql_binaries 0 || fact tool_version "$("$bin/pg_dump" --version)"
    room_beside "${pattern%/*}"
}

mysql_reading() {
    dumper=$(command -v mariadb-dump || command -v mysqldump)
    [ -z "$dumper" ] || fact tool_version "$("$dumper" --version)"
    room_beside "${pattern%/*}"
}
