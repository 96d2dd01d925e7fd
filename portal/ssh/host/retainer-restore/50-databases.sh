
# --- databases: dumps are loaded by nobody, without a network, into a server of the test's own

# Sets `cage`: the words that make a command nobody's. A dump is a program; it gets no rights and no way out.
make_cage() {
    cage="setpriv --reuid=$(id -u nobody) --regid=$(id -g nobody) --clear-groups --no-new-privs"
    ! unshare --net true 2>/dev/null || cage="unshare --net $cage"
    # shellcheck disable=SC2086
    $cage test -x "$top" || { fact unusable "nobody can't enter $scratch, and dumps are loaded as nobody" && return 43; }
}

# A folder for a server, and one for its socket, whose path may not be long; sets `place` and `socket`.
make_server_folders() { # FOLDER NAME
    place=$1 socket=$SOCKETS-$id/$2
    mkdir -p "$place" "$socket" && chmod 711 "$SOCKETS-$id" && chmod 700 "$place" "$socket" && chown "$(id -u nobody):$(id -g nobody)" "$place" "$socket"
}

# Whatever servers the test started end at once: nothing in them is worth a farewell.
stop_servers() {
    [ -n "${top:-}" ] || return 0
    for note in "$top"/server-*/*.pid "$top"/self/*/server/*.pid "$top"/server-*/data/postmaster.pid "$top"/self/*/server/data/postmaster.pid; do
        [ -f "$note" ] || continue
        pid=$(head -n 1 "$note")
        case $pid in *[!0-9]* | '') continue ;; esac
        # of a process that is this test's own: its working folder or its words lie in the scratch area
        grep -qaF "$top" "/proc/$pid/cmdline" 2>/dev/null || [ "$(readlink "/proc/$pid/cwd")" = "${note%/*}" ] || continue
        kill -KILL "$pid"
        while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    done
}

# The dump as it is to be loaded lies in $work/dump afterwards; root reads it for who loads it. 40: what unpacks it is not here.
unpack_dump() {
    snapshot=$(cat "$work/snapshot")
    if [ -d "$snapshot" ]; then
        phase unpack cp -R "$snapshot" "$work/dump" || { said; return 47; }
        return
    fi
    reader_of "$snapshot" || { fact said "$reader is not installed" && return 40; }
    if [ -n "$reader" ]; then
        OUT=$work/dump
        phase unpack "$reader" -dc "$snapshot" || { said; return 47; }
    else
        phase unpack cp "$snapshot" "$work/dump" || { said; return 47; }
    fi
}

# pg_dump's directory format: its table of contents is written last.
list_folders() {
    list_files d || return
    while IFS=$TAB read -r time path; do
        [ ! -f "$path/toc.dat" ] || printf '%s\t%s\n' "$time" "$path"
    done <"$work/list" >"$work/folders"
    mv "$work/folders" "$work/list"
}

# sha256 of a file; of a folder over those of its files.
sum_of_all() {
    find "$1" -type f -exec sha256sum {} + | cut -d ' ' -f 1 | sort >"$work/sums"
    if [ -d "$1" ]; then sha256sum <"$work/sums" | cut -d ' ' -f 1; else cat "$work/sums"; fi
}

choose_dump() {
    list_files f || return
    [ "$tool" != pg_dump ] || [ -s "$work/list" ] || list_folders || return
    choose_from_list || return
    size=$(find "$snapshot" -type f -printf '%s\n' | awk '{n += $1} END {printf "%d", n}')
    if reads_only; then fact snapshot_name "$snapshot" && fact expected "$size 1" && return 0; fi
    fact snapshot "$(sum_of_all "$snapshot") $taken"
    fact snapshot_name "$snapshot"
    reader=packed
    [ -d "$snapshot" ] || reader_of "$snapshot" || { fact said "$reader is not installed" && return 40; }
    # packed text grows
    [ -z "$reader" ] && factor=3 || factor=12
    fact dump "$size"
    echo "$((size * factor + 200000000)) 5000" >"$work/needs"
}

is_restore() { [ -n "$(given mode)" ]; }

# The answers of declared queries, by their number, each asked by a user who may only read.
queries() { # the words that ask one; it comes by standard input
    number=0
    part query >"$work/queries"
    while read -r query; do
        number=$((number + 1))
        # shellcheck disable=SC2086
        if answer=$(printf '%s\n' "$query" | timeout -k 5 300 "$@" 2>"$work/err"); then
            fact query "$number $(printf '%s' "$answer" | head -n 1 | head -c 200)"
        else
            fact query_failed "$number $(tail -n 1 "$work/err" | head -c 300)"
        fi
    done <"$work/queries"
}
