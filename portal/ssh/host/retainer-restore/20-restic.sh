
# --- restic

restic_do() { # PASSWORD-FILE REPOSITORY-FILE words
    password=$1 repository=$2
    shift 2
    restic --no-cache --quiet --password-file "$password" --repository-file "$repository" "$@"
}

restic_says_cut() { grep -qiE 'invalid|error|unexpected|retr' cut.log; }

# On this host and with this tool, what is broken must be refused: a wrong key, a flipped byte, a cut pack, an empty set.
restic_verifier() {
    fact tool_version "$(restic version 2>/dev/null | head -n 1)"
    cd "$top/self/restic" || return 44
    mkdir source empty && head -c 60000 /dev/urandom >source/one && echo two >source/two
    echo right >right && echo wrong >wrong && echo "$PWD/repository" >good-at && echo "$PWD/flipped" >flipped-at && echo "$PWD/cut" >cut-at
    { restic_do right good-at init && restic_do right good-at backup "$PWD/source" && restic_do right good-at backup "$PWD/empty"; } \
        >self.log 2>&1 || { cat self.log && fact verifier "could not make a repository to try itself on" && return 44; }
    pack=$(cd repository && find data -type f -size +40k | head -n 1)
    cp -a repository flipped && cp -a repository cut && printf '\377\000\377' | dd of="flipped/$pack" bs=1 seek=30000 conv=notrunc 2>/dev/null
    truncate -s 20000 "cut/$pack"
    # The tool tries a cut pack again and again, for a quarter of an hour: beside the others, and ended when it has said what is wrong.
    # A slow or busy host has a minute to say so; with less, such a host seemed to take what is broken.
    timeout 60 restic --no-cache --quiet --password-file right --repository-file cut-at \
        restore latest --no-lock --path "$PWD/source" --target to-cut >cut.log 2>&1 &
    trying=$!
    restic_do wrong good-at snapshots --no-lock >wrong.log 2>&1
    wrong=$?
    restic_do right flipped-at restore latest --no-lock --path "$PWD/source" --target to-flipped >flipped.log 2>&1
    flipped=$?
    restic_do right good-at restore latest --no-lock --path "$PWD/source" --target to-good >good.log 2>&1
    good=$?
    restic_do right good-at restore latest --no-lock --path "$PWD/empty" --target to-empty >empty.log 2>&1
    nothing=$(find to-empty -type f | wc -l)
    while kill -0 "$trying" 2>/dev/null && ! restic_says_cut; do sleep 0.2; done
    kill "$trying" 2>/dev/null
    wait "$trying"
    cut=$?
    # it did not give up by itself: then only that it said what is wrong counts
    [ "$cut" -lt 124 ] || restic_says_cut || cut=0
    same=$(cmp -s source/one "to-good$PWD/source/one" && echo same)
    fact verifier "wrong-key $wrong flipped-byte $flipped cut-pack $cut empty-set $nothing good $good ${same:-other}"
    [ "$wrong" -ne 0 ] && [ "$flipped" -ne 0 ] && [ "$cut" -ne 0 ] && [ "$nothing" -eq 0 ] && [ "$good" -eq 0 ] && [ -n "$same" ] ||
        return 44
}

# Of S3 the login lies in a file of its own; of a REST server it stands in the address, which lies where the keys do.
restic_at() {
    [ -f "$keys/$PART.at" ] || part repository >"$keys/$PART.at"
    unset AWS_SHARED_CREDENTIALS_FILE
    [ ! -f "$keys/$PART.aws" ] || { AWS_SHARED_CREDENTIALS_FILE=$keys/$PART.aws && export AWS_SHARED_CREDENTIALS_FILE; }
}

# A phase of restic on this part's repository.
restic_phase() {
    name=$1
    shift
    phase "$name" restic --no-cache --no-lock --password-file "$keys/$PART.key" --repository-file "$keys/$PART.at" "$@"
}

restic_choose() {
    restic_at
    restic_phase snapshots --json snapshots || { said; return 45; }
    # each snapshot's time stands before its id; the portal reads the whole answer again by a real parser
    tr ',{}' '[\n*]' <"$work/out" | sed -n 's/^"time":"\([^"]*\)"$/\1/p; s/^"id":"\([0-9a-f]*\)"$/\1/p' | paste - - | sort >"$work/list"
    cp "$work/out" "$work/snapshots.json"
    choose_from_list || return
    fact snapshot "$snapshot $taken"
    fact snapshot_json "$(tr '\n' ' ' <"$work/snapshots.json" | grep -oE "\{[^{}]*(\{[^{}]*\}[^{}]*)*\"id\":\"$snapshot\"[^{}]*\}" | head -c 8000)"
    restic_do "$keys/$PART.key" "$keys/$PART.at" list locks --no-lock >"$work/locks" 2>/dev/null
    fact locks "$(grep -c . "$work/locks")"
    restic_phase size --json stats --mode restore-size "$snapshot" || { said; return 45; }
    bytes=$(sed -n 's/.*"total_size":\([0-9]*\).*/\1/p' "$work/out")
    files=$(sed -n 's/.*"total_file_count":\([0-9]*\).*/\1/p' "$work/out")
    fact expected "${bytes:-0} ${files:-0}"
    echo "$((${bytes:-0} * 12 / 10)) ${files:-0}" >"$work/needs"
}

restic_restore() {
    restic_at
    restic_phase restore restore "$(cat "$work/snapshot")" --target "$work/restore" || { said; return 47; }
}

restic_compare() { compare_with_live || return 48; }

# A rotating part of all data, so that every byte is read within as many tests as there are parts.
restic_read() {
    share=$(part read_part)
    [ -n "$share" ] || return 0
    restic_at
    if restic_phase read check --read-data-subset="$share"; then
        fact read "$share sound"
    else
        said
        fact read "$share broken"
    fi
}
