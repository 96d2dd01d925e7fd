
# --- tar archives, and rsync's copies: what lies as a file or a folder, the newest by its own time

# Into $work/list: time and path of what the job's pattern names. What is younger than two minutes may still be written, and is
# taken only where nothing else lies there.
list_files() { # a find type
    pattern=$(part repository)
    case $pattern in /*) ;; *) fact unusable "the repository is no absolute path" && return 43 ;; esac
    folder=${pattern%/*}
    [ -d "${folder:-/}" ] || { fact said "$folder is not there"; fact nowhere "$folder"; return 45; }
    find "${folder:-/}" -maxdepth 1 -mindepth 1 -type "$1" -name "${pattern##*/}" -printf '@%T@\t%p\n' | sort >"$work/all"
    old=$(($(date +%s) - 120))
    awk -F '\t' -v old="$old" 'substr($1, 2) + 0 <= old' "$work/all" >"$work/list"
    [ -s "$work/list" ] || cp "$work/all" "$work/list"
}

# How to read a file by how it begins; sets `reader`.
reader_of() {
    case $(head -c 6 "$1" | od -An -tx1 | tr -d ' \n') in
    1f8b*) reader=gzip ;;
    28b52ffd*) reader=zstd ;;
    fd377a585a00) reader=xz ;;
    425a68*) reader=bzip2 ;;
    *) reader='' ;;
    esac
    [ -z "$reader" ] || command -v "$reader" >/dev/null 2>&1
}

archive_verifier() {
    fact tool_version "$(tar --version | head -n 1)"
    cd "$top/self/archive" || return 44
    mkdir source empty && head -c 60000 /dev/urandom >source/one && echo two >source/two
    tar -czf good.tar.gz source && tar -czf empty.tar.gz empty && cp good.tar.gz flipped.tar.gz && cp good.tar.gz cut.tar.gz || return 44
    printf '\377\000\377' | dd of=flipped.tar.gz bs=1 seek=30000 conv=notrunc 2>/dev/null
    truncate -s 20000 cut.tar.gz
    for one in good flipped cut empty; do
        mkdir "to-$one" && tar -xzf "$one.tar.gz" -C "to-$one" >"$one.log" 2>&1
        echo $? >"$one-code"
    done
    nothing=$(find to-empty -type f | wc -l)
    same=$(cmp -s source/one to-good/source/one && echo same)
    fact verifier "flipped-byte $(cat flipped-code) cut $(cat cut-code) empty-set $nothing good $(cat good-code) ${same:-other}"
    [ "$(cat flipped-code)" -ne 0 ] && [ "$(cat cut-code)" -ne 0 ] && [ "$nothing" -eq 0 ] && [ "$(cat good-code)" -eq 0 ] && [ -n "$same" ] ||
        return 44
}

archive_choose() {
    list_files f || return
    choose_from_list || return
    reader_of "$snapshot" || { fact said "$reader is not installed" && return 40; }
    fact snapshot_name "$snapshot"
    if reads_only; then fact expected "$(stat -c %s "$snapshot") 1" && return 0; fi
    fact snapshot "$(sha256sum <"$snapshot" | cut -d ' ' -f 1) $taken"
    # its own list, to its end: an archive that was cut says so here already
    OUT=$work/listing
    phase size tar --list --verbose --file="$snapshot" ${reader:+--use-compress-program="$reader"} --numeric-owner --quoting-style=escape ||
        { said; return 47; }
    # a second name of a file has no bytes of its own
    expected=$(awk '/^-/ {b += $3; n++} /^h/ {n++} END {printf "%d %d", b, n}' "$work/listing")
    fact expected "$expected"
    echo "$((${expected% *} * 12 / 10)) ${expected#* }" >"$work/needs"
}

archive_restore() {
    snapshot=$(cat "$work/snapshot")
    reader_of "$snapshot"
    place=$work/restore$(part root)
    mkdir -p "$place"
    phase restore tar --extract --file="$snapshot" ${reader:+--use-compress-program="$reader"} --directory="$place" --numeric-owner \
        --preserve-permissions --same-owner || { said; return 47; }
}

archive_compare() { compare_with_live || return 48; }

archive_read() { fact read "1/1 sound"; } # all of it was read

copy_verifier() {
    fact tool_version "$(cp --version | head -n 1)"
    cd "$top/self/copy" || return 44
    mkdir source && head -c 60000 /dev/urandom >source/one && cp -a source to-good && cp -a source flipped
    printf '\377\000\377' | dd of=flipped/one bs=1 seek=30000 conv=notrunc 2>/dev/null
    touch -r source/one flipped/one
    truncate -s 20000 source/two
    # what a copy is judged by: sums, sizes and the list
    flipped=$([ "$(sha256sum <flipped/one)" = "$(sha256sum <source/one)" ] && echo 0 || echo 1)
    cut=$([ "$(stat -c %s source/two)" = "$(stat -c %s source/one)" ] && echo 0 || echo 1)
    good=$([ "$(sha256sum <to-good/one)" = "$(sha256sum <source/one)" ] && echo 0 || echo 1)
    fact verifier "flipped-byte $flipped cut $cut good $good"
    [ "$flipped" -ne 0 ] && [ "$cut" -ne 0 ] && [ "$good" -eq 0 ] || return 44
}

copy_choose() {
    list_files d || return
    # a copy is as old as its newest change; a folder's own time is the source's
    while IFS=$TAB read -r _ path; do
        printf '@%s\t%s\n' "$(find "$path" -printf '%C@\n' | sort -n | tail -n 1)" "$path"
    done <"$work/list" | sort >"$work/by-change"
    mv "$work/by-change" "$work/list"
    choose_from_list || return
    if [ "$(given live)" = yes ] && [ "$(given snapshot)" = newest ] && copy_is_current; then
        # it holds what lives here now, whenever that was written
        taken=$(date +%s)
        echo "$taken" >"$work/taken"
        fact newest "$taken"
    fi
    (cd "$snapshot" && find . -type f -printf '%s\t%i\n') | awk -F '\t' '{n++} !($2 in seen) {seen[$2] = 1; b += $1}
        END {printf "%d %d", b, n}' >"$work/size" || return 45
    fact snapshot "$(cd "$snapshot" && find . -printf '%P\t%s\t%T@\n' | sort | sha256sum | cut -d ' ' -f 1) $taken"
    fact snapshot_name "$snapshot"
    fact expected "$(cat "$work/size")"
    awk '{printf "%d %d\n", $1 * 1.2, $2}' "$work/size" >"$work/needs"
}

# Whether every file that lives in the sources and is not excluded lies in the copy with its size and time.
copy_is_current() {
    root=$(part root)
    excluded >"$work/excluded"
    part source | while read -r source; do
        set -- -type f
        while read -r word; do set -- "$@" "$word"; done <"$work/excluded"
        find "$source" "$@" -printf '%p\t%s\t%Ts\n' 2>/dev/null
    done | sort >"$work/lives"
    (cd "$snapshot" && find . -type f -printf '%P\t%s\t%Ts\n') | sed "s!^!${root%/}/!" | sort >"$work/copied"
    [ -s "$work/lives" ] && [ -z "$(comm -23 "$work/lives" "$work/copied" | head -c 1)" ]
}

copy_restore() {
    place=$work/restore$(part root)
    mkdir -p "$place"
    phase restore cp -a "$(cat "$work/snapshot")/." "$place" || { said; return 47; }
}

copy_compare() { compare_with_live || return 48; }

copy_read() { fact read "1/1 sound"; } # all of it was read
