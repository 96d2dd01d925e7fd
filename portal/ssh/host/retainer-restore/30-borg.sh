
# --- BorgBackup; 1.2 and 1.4. Without a lock it only reads; a repository that moved is refused, not followed.

borg_env() { # BASE-FOLDER PASSPHRASE-FILE
    BORG_BASE_DIR=$1
    BORG_PASSCOMMAND="cat $2"
    BORG_RELOCATED_REPO_ACCESS_IS_OK=no
    BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=$3
    BORG_EXIT_CODES=legacy
    export BORG_BASE_DIR BORG_PASSCOMMAND BORG_RELOCATED_REPO_ACCESS_IS_OK BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK BORG_EXIT_CODES
    unset BORG_KEY_FILE
}

borg_verifier() {
    fact tool_version "$(borg --version 2>/dev/null | head -n 1)"
    cd "$top/self/borg" || return 44
    mkdir source empty && head -c 60000 /dev/urandom >source/one && echo two >source/two
    echo right >right && echo wrong >wrong
    borg_env "$PWD/base" "$PWD/right" no
    { borg init -e repokey repository && borg create repository::full source && borg create repository::empty empty; } >self.log 2>&1 ||
        { cat self.log && fact verifier "could not make a repository to try itself on" && return 44; }
    # only the segment that holds the data: it is the first that is as large
    segment=$(cd repository && find data -type f -size +40k | sort | head -n 1)
    cp -a repository flipped && cp -a repository cut
    printf '\377\000\377' | dd of="flipped/$segment" bs=1 seek=30000 conv=notrunc 2>/dev/null
    truncate -s 20000 "cut/$segment"
    mkdir to-flipped to-cut to-good to-empty
    { (cd to-flipped && BORG_BASE_DIR=$PWD/base borg extract --bypass-lock ../flipped::full); echo $? >flipped-code; } >flipped.log 2>&1 &
    { (cd to-cut && BORG_BASE_DIR=$PWD/base borg extract --bypass-lock ../cut::full); echo $? >cut-code; } >cut.log 2>&1 &
    wait
    BORG_PASSCOMMAND="cat $PWD/wrong" borg list --bypass-lock repository >wrong.log 2>&1
    wrong=$?
    (cd to-good && borg extract --bypass-lock ../repository::full) >good.log 2>&1
    good=$?
    (cd to-empty && borg extract --bypass-lock ../repository::empty) >empty.log 2>&1
    nothing=$(find to-empty -type f | wc -l)
    same=$(cmp -s source/one to-good/source/one && echo same)
    fact verifier "wrong-key $wrong flipped-byte $(cat flipped-code) cut-pack $(cat cut-code) empty-set $nothing good $good ${same:-other}"
    [ "$wrong" -ne 0 ] && [ "$(cat flipped-code)" -ne 0 ] && [ "$(cat cut-code)" -ne 0 ] && [ "$nothing" -eq 0 ] && [ "$good" -eq 0 ] && [ -n "$same" ] ||
        return 44
}

# Sets up the environment of this part and `repository`.
borg_here() {
    repository=$(part repository)
    case $repository in -*) return 43 ;; esac
    [ -e "$keys/$PART.key" ] && encrypted=no || encrypted=yes
    borg_env "$work/borg" "$keys/$PART.key" "$encrypted"
    [ ! -s "$keys/$PART.export" ] || { BORG_KEY_FILE=$keys/$PART.export && export BORG_KEY_FILE; }
}

borg_choose() {
    borg_here || return
    phase snapshots borg list --bypass-lock --log-json --json "$repository" || { said; return 45; }
    cp "$work/out" "$work/archives.json"
    # one value a line; of each archive the name stands before the time
    sed -n 's/^ *"\(name\|time\)": "\(.*\)",\{0,1\}$/\1\t\2/p' "$work/archives.json" |
        awk -F '\t' '$1 == "name" {n = $2} $1 == "time" {print $2 "\t" n}' | sort >"$work/list"
    choose_from_list || return
    # of a repository that lies here; a remote one does not tell
    [ ! -d "$repository" ] || fact locks "$(find "$repository" -maxdepth 1 -name lock.exclusive | wc -l)"
    phase size borg info --bypass-lock --log-json --json "$repository::$snapshot" || { said; return 45; }
    archive=$(sed -n '1,/"limits"/s/^ *"id": "\([0-9a-f]*\)",$/\1/p' "$work/out" | head -n 1)
    bytes=$(sed -n 's/^ *"original_size": \([0-9]*\).*/\1/p' "$work/out" | head -n 1)
    files=$(sed -n 's/^ *"nfiles": \([0-9]*\).*/\1/p' "$work/out" | head -n 1)
    fact snapshot "${archive:-unknown} $taken"
    fact snapshot_name "$snapshot"
    if reads_only; then fact expected "${bytes:-0} ${files:-0}" && return 0; fi
    # what it lists, not what its statistics count: hard links are in there once for each name
    phase list borg list --bypass-lock --log-json --format '{type}{TAB}{size}{TAB}{path}{NL}' "$repository::$snapshot" || { said; return 45; }
    fact expected "$(awk -F '\t' '$1 == "-" {b += $2} $1 == "-" || $1 == "h" {n++} END {printf "%d %d", b, n}' "$work/out")"
    echo "$((${bytes:-0} * 12 / 10)) ${files:-0}" >"$work/needs"
}

borg_restore() {
    borg_here || return
    mkdir "$work/restore" && cd "$work/restore" || return 43
    phase restore borg extract --bypass-lock --log-json --numeric-ids "$repository::$(cat "$work/snapshot")" || { said; return 47; }
}

borg_compare() { compare_with_live || return 48; }

# All segments at once, in the last of as many tests as there are parts; a check in parts would write into the repository.
borg_read() {
    share=$(part read_part)
    [ -n "$share" ] && [ "${share%/*}" = "${share#*/}" ] || return 0
    borg_here
    if phase read borg check --bypass-lock --log-json --repository-only "$repository"; then
        fact read "1/1 sound"
    else
        said
        fact read "1/1 broken"
    fi
}
