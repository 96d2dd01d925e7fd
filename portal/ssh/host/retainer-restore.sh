#!/bin/sh
# retainer-restore: proves a backup by restoring it on this host, run as root by retainer-host as a run of its own.
#   run FOLDER    one restore test; FOLDER is the run's, with the specification in `given`, and facts are written to `facts`
#   sweep         remove what tests left behind that are not running any more
# It reads repositories and restores into a scratch area; it never unlocks, repairs, prunes or forgets, and never writes where a
# source lies. The repository's key lies in a file on tmpfs, never in an argument, an environment or a log.
set -u
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
umask 077
SECRETS=/run/retainer-secrets
RUNS=/var/lib/retainer/runs
MARK=.retainer-restore-test
SHOWN=20

# Own exit statuses: 0 everything was done and stands in the facts; 40 the tool is not here; 41 another test runs; 42 the scratch
# area is too small; 43 it can't be used; 44 the verifier took a broken repository for a good one; 45 the repository can't be read;
# 46 no snapshot; 47 restoring failed; 48 what was restored could not be compared.
fact() { printf '%s\t%s\n' "$1" "$(printf '%s' "$2" | tr '\n\t' '  ')" >>"$DIR/facts"; }
given() { sed -n "s/^$1=//p" "$DIR/given"; }

# A phase with its exit status, duration and output in the log; what it prints is in $work/out.
phase() {
    name=$1
    shift
    printf '\n==> %s %s: %s\n' "$(date -u +%H:%M:%SZ)" "$name" "$*"
    began=$(date +%s.%N)
    timeout -k 30 "$LIMIT_S" nice -n 19 ionice -c 3 "$@" >"$work/out" 2>"$work/err" </dev/null
    code=$?
    head -c 20000 "$work/out"
    head -c 20000 "$work/err"
    printf '<== exit status %s\n' "$code"
    fact phase "$name $code $(awk -v a="$began" -v b="$(date +%s.%N)" 'BEGIN {printf "%.2f", b - a}')"
    printf '%s\t%s\n' "$code" "$*" >>"$DIR/commands"
    return "$code"
}

# The last lines of what a failed phase said, for the verdict's words.
said() { fact said "$(tail -n 4 "$work/err" | tail -c 600)"; }

run() {
    DIR=$1
    id=${DIR##*/}
    : >"$DIR/facts"
    secret=$SECRETS/$id
    scratch=$(given scratch)
    sweep
    LIMIT_S=$(given limit_s)
    trap 'clean "$scratch" "$id"; rm -f "$secret"' EXIT
    trap 'exit 143' TERM
    exec 8>/run/retainer-restore.lock
    flock -n 8 || return 41
    tool=$(given tool)
    # this program runs what it knows, never what somebody names
    case $tool in restic) ;; *) return 40 ;; esac
    for number in limit_s spare_b sample seed; do
        case $(given "$number") in *[!0-9]* | '') fact unusable "$number is no number" && return 43 ;; esac
    done
    command -v "$tool" >/dev/null 2>&1 || return 40
    make_scratch || return 43
    cd "$work" || return 43
    fact tool_version "$("$tool" version 2>/dev/null | head -n 1)"
    verifier_refuses_what_is_broken || return 44
    choose_snapshot || return
    enough_room || return 42
    restore_all || return
    compare_with_live || return 48
    read_a_part
    return 0
}

# A folder of this run alone, with a mark that says it may be removed.
make_scratch() {
    case $scratch in
    /*) ;;
    *) fact unusable "the scratch area is no absolute path" && return 1 ;;
    esac
    [ ! -L "$scratch" ] || { fact unusable "$scratch is a symbolic link" && return 1; }
    mkdir -p "$scratch" || return 1
    real=$(readlink -f "$scratch")
    given source >"$DIR/sources"
    while read -r source; do
        case $source in /*) ;; *) fact unusable "a source is no absolute path" && return 1 ;; esac
        case $real/ in "$source"/*) fact unusable "$scratch lies inside the source $source" && return 1 ;; esac
        case $source/ in "$real"/*) fact unusable "the source $source lies inside $scratch" && return 1 ;; esac
    done <"$DIR/sources"
    [ -z "$(find "$scratch" -mindepth 1 -maxdepth 1 ! -name 'rt-*' -print -quit)" ] || { fact unusable "$scratch is not empty" && return 1; }
    work=$real/rt-$id
    mkdir "$work" && echo "$id" >"$work/$MARK"
}

# Removes a test's folder (its scratch area, its id), once its mark was read again and it is what it says.
clean() {
    cd / || return
    place=$(readlink -f "$1") || return 0
    place=$place/rt-$2
    [ -d "$place" ] && [ ! -L "$place" ] && [ "$(cat "$place/$MARK" 2>/dev/null)" = "$2" ] || return 0
    rm -rf --one-file-system "$place"
}

sweep() {
    for folder in "$RUNS"/*/; do
        [ "$(cat "$folder/kind" 2>/dev/null)" = restore-test ] || continue
        other=$(basename "$folder")
        [ "$other" != "${id:-}" ] || continue
        read -r pid since 2>/dev/null <"$folder/process" || pid=
        if [ -z "$pid" ] && [ ! -f "$folder/exit" ] && [ "$(cat "$folder/boot_id")" = "$(cat /proc/sys/kernel/random/boot_id)" ]; then
            continue # it is only just beginning
        fi
        [ -z "$pid" ] || [ "$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d ' ' -f 20)" != "$since" ] || continue
        clean "$(sed -n 's/^scratch=//p' "$folder/given")" "$other"
        rm -f "$SECRETS/$other"
    done
}

restic_do() { # PASSWORD-FILE REPOSITORY-FILE words
    password=$1 repository=$2
    shift 2
    restic --no-cache --quiet --password-file "$password" --repository-file "$repository" "$@"
}

# On this host and with this tool, what is broken must be refused: a wrong key, a flipped byte, a cut pack, an empty set.
verifier_refuses_what_is_broken() {
    mkdir "$work/self" && cd "$work/self" || return 1
    mkdir source empty && head -c 60000 /dev/urandom >source/one && echo two >source/two
    echo right >right && echo wrong >wrong && echo "$PWD/repository" >good-at && echo "$PWD/flipped" >flipped-at && echo "$PWD/cut" >cut-at
    { restic_do right good-at init && restic_do right good-at backup "$PWD/source" && restic_do right good-at backup "$PWD/empty"; } \
        >self.log 2>&1 || { cat self.log && fact verifier "could not make a repository to try itself on" && cd "$work" && return 1; }
    pack=$(cd repository && find data -type f -size +40k | head -n 1)
    cp -a repository flipped && cp -a repository cut && printf '\377\000\377' | dd of="flipped/$pack" bs=1 seek=30000 conv=notrunc 2>/dev/null
    truncate -s 20000 "cut/$pack"
    # the cut pack is tried again and again by the tool, beside the others
    { timeout 8 restic --no-cache --quiet --password-file right --repository-file cut-at restore latest --no-lock --path "$PWD/source" --target to-cut
        echo "$?" >cut-code; } >cut.log 2>&1 &
    restic_do wrong good-at snapshots --no-lock >wrong.log 2>&1
    wrong=$?
    restic_do right flipped-at restore latest --no-lock --path "$PWD/source" --target to-flipped >flipped.log 2>&1
    flipped=$?
    restic_do right good-at restore latest --no-lock --path "$PWD/source" --target to-good >good.log 2>&1
    good=$?
    restic_do right good-at restore latest --no-lock --path "$PWD/empty" --target to-empty >empty.log 2>&1
    nothing=$(find to-empty -type f | wc -l)
    wait
    same=$(cmp -s source/one "to-good$PWD/source/one" && echo same)
    fact verifier "wrong-key $wrong flipped-byte $flipped cut-pack $(cat cut-code) empty-set $nothing good $good ${same:-other}"
    cd "$work" || return 1
    [ "$wrong" -ne 0 ] && [ "$flipped" -ne 0 ] && [ "$(cat self/cut-code)" -ne 0 ] && [ "$nothing" -eq 0 ] && [ "$good" -eq 0 ] && [ -n "$same" ]
    verdict=$?
    rm -rf "$work/self"
    return "$verdict"
}

choose_snapshot() {
    given repository >"$work/repository-at"
    phase snapshots restic --no-cache --no-lock --json --password-file "$secret" --repository-file "$work/repository-at" snapshots ||
        { said; return 45; }
    # each snapshot's time stands before its id; the portal reads the whole answer again by a real parser
    tr ',{}' '[\n*]' <"$work/out" | sed -n 's/^"time":"\([^"]*\)"$/\1/p; s/^"id":"\([0-9a-f]*\)"$/\1/p' | paste - - | sort >"$work/list"
    cp "$work/out" "$DIR/snapshots.json"
    fact snapshots_total "$(wc -l <"$work/list")"
    wanted=$(given snapshot)
    case $wanted in
    newest) chosen=$(tail -n 1 "$work/list") ;;
    random) chosen=$(awk -v seed="$(given seed)" 'BEGIN {srand(seed)} {line[NR] = $0} END {print line[int(rand() * NR) + 1]}' "$work/list") ;;
    *) chosen=$(grep -F "	$wanted" "$work/list" | head -n 1) ;;
    esac
    [ -n "$chosen" ] || return 46
    snapshot=${chosen#*	}
    taken=$(date -d "${chosen%%	*}" +%s) || return 46
    fact snapshot "$snapshot $taken"
    fact snapshot_json "$(tr '\n' ' ' <"$DIR/snapshots.json" | grep -oE "\{[^{}]*(\{[^{}]*\}[^{}]*)*\"id\":\"$snapshot\"[^{}]*\}" | head -c 8000)"
    fact newest "$(tail -n 1 "$work/list" | cut -f 1 | { read -r time && date -d "$time" +%s; })"
    restic_do "$secret" "$work/repository-at" list locks --no-lock >"$work/locks" 2>/dev/null
    fact locks "$(grep -c . "$work/locks")"
}

enough_room() {
    phase size restic --no-cache --no-lock --json --password-file "$secret" --repository-file "$work/repository-at" \
        stats --mode restore-size "$snapshot" || { said; return 1; }
    bytes=$(sed -n 's/.*"total_size":\([0-9]*\).*/\1/p' "$work/out")
    files=$(sed -n 's/.*"total_file_count":\([0-9]*\).*/\1/p' "$work/out")
    free=$(df --output=avail -B 1 "$work" | tail -n 1 | tr -d ' ')
    inodes=$(df --output=iavail "$work" | tail -n 1 | tr -d ' -')
    needed=$((${bytes:-0} * 12 / 10 + $(given spare_b)))
    fact expected "${bytes:-0} ${files:-0}"
    fact room "$needed $free ${files:-0} ${inodes:-0}"
    [ "$free" -ge "$needed" ] && { [ -z "$inodes" ] || [ "$inodes" -eq 0 ] || [ "$inodes" -gt "${files:-0}" ]; }
}

restore_all() {
    phase restore restic --no-cache --no-lock --password-file "$secret" --repository-file "$work/repository-at" \
        restore "$snapshot" --target "$work/restore" || { said; return 47; }
}

# find's words that leave out what the job excludes: an absolute pattern by its path, any other by its name.
excluded() {
    given exclude | while read -r pattern; do
        case $pattern in
        /*) printf '%s\n' -not -path "$pattern" -not -path "$pattern/*" ;;
        *) printf '%s\n' -not -name "$pattern" -not -path "*/$pattern/*" ;;
        esac
    done
}

compare_with_live() {
    printf '\n==> compare with what lives here\n'
    began=$(date +%s.%N)
    (cd "$work/restore" && find . -type f -printf '%s\t%T@\t%P\n') | tr -d '\r' >"$work/files" || return 1
    fact restored "$(awk -F '\t' '{n++; b += $1} END {printf "%d %d", b, n}' "$work/files")"
    while read -r source; do
        fact source "$(find "$work/restore$source" -type f 2>/dev/null | wc -l) $source"
    done <"$DIR/sources"
    sample
    missing
    fact phase "compare 0 $(awk -v a="$began" -v b="$(date +%s.%N)" 'BEGIN {printf "%.2f", b - a}')"
}

# In strata, by a seed that is kept: the largest, newest, oldest, empty ones, odd names, and some at random.
sample() {
    seed=$(given seed)
    {
        sort -t '	' -k 1,1nr "$work/files" | head -n 10
        sort -t '	' -k 2,2nr "$work/files" | head -n 10
        sort -t '	' -k 2,2n "$work/files" | head -n 10
        awk -F '\t' '$1 == 0' "$work/files" | head -n 5
        awk -F '\t' '$3 ~ /[^A-Za-z0-9_.\/-]/' "$work/files" | head -n 10
        awk -v seed="$seed" 'BEGIN {srand(seed)} {print rand() "\t" $0}' "$work/files" | sort -n | head -n "$(given sample)" | cut -f 2-
    } | sort -u >"$work/sample"
    same=0 changed=0 gone=0 bad=0
    : >"$work/bad"
    while IFS='	' read -r size time path; do
        live=/$path
        if [ ! -f "$live" ]; then
            gone=$((gone + 1))
        elif [ "$(stat -c '%s %Y' "$live")" != "$size ${time%%.*}" ]; then
            changed=$((changed + 1))
        elif [ "$(sha256sum <"$live")" = "$(sha256sum <"$work/restore/$path")" ]; then
            same=$((same + 1))
        elif [ "$(stat -c '%s %Y' "$live")" != "$size ${time%%.*}" ]; then
            changed=$((changed + 1)) # while it was read
        else
            bad=$((bad + 1))
            echo "$live" >>"$work/bad"
        fi
        [ ! -f "$live" ] || [ "$(stat -c '%U %G %a' "$live")" = "$(stat -c '%U %G %a' "$work/restore/$path")" ] || echo "$live" >>"$work/modes"
    done <"$work/sample"
    fact sample "$same $changed $gone $bad"
    head -n "$SHOWN" "$work/bad" | while read -r path; do fact differs "$path"; done
    [ ! -f "$work/modes" ] || fact modes "$(wc -l <"$work/modes") $(head -n 1 "$work/modes")"
    fact sample_hash "$(cd "$work/restore" && cut -f 3 "$work/sample" | tr '\n' '\0' | xargs -0 -r sha256sum | sha256sum | cut -d ' ' -f 1)"
}

# What lay in a source a minute before the snapshot, is not excluded, and did not come back.
missing() {
    cut -f 3 "$work/files" | sort >"$work/names"
    excluded >"$work/excluded"
    while read -r source; do
        if [ ! -e "$source" ]; then
            fact live_gone "$source"
            continue
        fi
        set -- -type f -not -newermt "@$((taken - 60))" -not -newerct "@$((taken - 60))"
        while read -r word; do set -- "$@" "$word"; done <"$work/excluded"
        find "$source" "$@" 2>/dev/null | sed 's!^/!!' | sort | comm -23 - "$work/names"
    done <"$DIR/sources" >"$work/missing"
    fact missing "$(wc -l <"$work/missing")"
    head -n "$SHOWN" "$work/missing" | while read -r path; do fact absent "/$path"; done
}

# A rotating part of all data, so that every byte is read within as many tests as there are parts.
read_a_part() {
    part=$(given read_part)
    [ -n "$part" ] || return 0
    if phase read restic --no-cache --no-lock --password-file "$secret" --repository-file "$work/repository-at" check --read-data-subset="$part"; then
        fact read "$part sound"
    else
        said
        fact read "$part broken"
    fi
}

case ${1:-} in
run) run "${2:-}" ;;
sweep) sweep ;;
*) echo "retainer-restore: run FOLDER, or sweep" >&2 && exit 64 ;;
esac
