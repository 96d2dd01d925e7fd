#!/bin/sh
# retainer-restore: proves a backup by restoring it on this host, run as root by retainer-host as a run of its own.
#   run FOLDER    one restore test; FOLDER is the run's, with the specification in `given`, and facts are written to `facts`
#   restore FOLDER  one restore, for the day it is needed
#   sweep         remove what tests left behind that are not running any more
#   read          a reading: snapshots, sizes, locks, room; restores nothing
#   survey        what makes backups here, and what should be in one
# It reads repositories and restores into a scratch area; it never unlocks, repairs, prunes or forgets, and never writes where a
# source lies. Keys lie in files on tmpfs, never in an argument, an environment or a log. A dump is loaded by `nobody`, without a
# network, into a database server that the test makes for itself.
#
# A test has one part for each backup that only counts together (files and their database), most have one. `given` holds
# name=value for the test, and N.name=value for part N.
set -u
LC_ALL=C
TZ=UTC
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH TZ
umask 077
SECRETS=/run/retainer-secrets
SOCKETS=/run/retainer-db
RUNS=/var/lib/retainer/runs
MARK=.retainer-restore-test
CANARY=.retainer-canary
SHOWN=20
TAB='	'

# Own exit statuses: 0 everything was done and stands in the facts; 40 the tool is not here; 41 another test runs; 42 the scratch
# area is too small; 43 it can't be used; 44 the verifier took a broken backup for a good one; 45 the repository can't be read;
# 46 no snapshot; 47 restoring failed; 48 what was restored could not be compared; 49 no database server to load it into.
fact() { printf '%s\t%s\n' "$1" "$(printf '%s' "$2" | tr '\n\t' '  ')" >>"$DIR/facts"; }
given() { sed -n "s/^$1=//p" "$DIR/given"; }
part() { sed -n "s/^$PART\.$1=//p" "$DIR/given"; }

# A phase with its exit status, duration and output in the log; what it prints is in $work/out. Where IN and OUT name files, it
# reads and writes there, and the log shows nothing of them: that is the client's data. QUIET: what the verifier tries on itself.
phase() {
    name=$1
    shift
    printf '\n==> %s %s: %s\n' "$(date -u +%H:%M:%SZ)" "$name" "$*"
    began=$(date +%s.%N)
    timeout -k 30 "$LIMIT_S" nice -n 19 ionice -c 3 "$@" >"${OUT:-$work/out}" 2>"$work/err" <"${IN:-/dev/null}"
    code=$?
    [ -n "${OUT:-}" ] || head -c 20000 "$work/out"
    # what a database says of rows that it refuses stays out
    sed -i '/CONTEXT: /d; /DETAIL: /d; /^Command was: /d; s/Duplicate entry .* for key/Duplicate entry for key/' "$work/err"
    head -c 20000 "$work/err"
    IN='' OUT=''
    printf '<== exit status %s\n' "$code"
    [ -n "${QUIET:-}" ] && return "$code"
    fact phase "$name $code $(awk -v a="$began" -v b="$(date +%s.%N)" 'BEGIN {printf "%.2f", b - a}')"
    printf '%s\t%s\n' "$code" "$(printf '%s' "$*" | tr '\n\t' '  ')" >>"$DIR/commands"
    return "$code"
}

# The last lines of what a failed phase said, for the verdict's words.
said() { fact said "$(tail -n 4 "$work/err" | tail -c 600)"; }

run() {
    begin "$1" || return
    each_part compare || return
    each_part read_a_part
    application || return 48
}

# What a test and a restore have in common: all that is needed until the data is back, in a scratch area of its own.
begin() {
    DIR=$1
    id=${DIR##*/}
    : >"$DIR/facts"
    keys=$SECRETS/$id.d
    scratch=$(given scratch)
    sweep
    trap 'stop_servers; clean "$scratch" "$id"; forget_keys "$id"' EXIT
    trap 'exit 143' TERM
    exec 8>/run/retainer-restore.lock
    flock -n 8 || return 41
    check_numbers || return 43
    top=
    each_part tool_is_here || return
    make_scratch || return 43
    unpack_keys "$SECRETS/$id" || return 43
    HOME=/root
    # a drill has nothing but what is kept for handover
    [ "$(given purpose)" != drill ] || { mkdir "$top/home" && HOME=$top/home; }
    export HOME
    # on the day it is needed nobody waits for what only a verdict needs
    is_restore || each_part prove_the_verifier || return
    each_part choose || return
    enough_room || return 42
    each_part restore || return
}

# Carries each part as far as one step; stops at the first that fails, which the facts name last.
each_part() {
    PART=0
    while [ "$PART" -lt "$(given parts)" ]; do
        PART=$((PART + 1))
        fact part "$PART"
        tool=$(part tool)
        work=$top/$PART
        [ -z "$top" ] || cd "$work" || return 43
        "$@" || return
    done
}

# Sets `family`. This program runs what it knows, never what somebody names.
tool_is_here() {
    case $tool in
    restic | borg) family=$tool needs=$tool ;;
    pg_dump | pg_dumpall) family=postgresql needs=setpriv ;;
    mysqldump) family=mysql needs=setpriv ;;
    tar) family=archive needs=tar ;;
    rsync) family=copy needs=cp ;;
    *) return 40 ;;
    esac
    command -v "$needs" >/dev/null 2>&1 || return 40
}

prove_the_verifier() {
    tool_is_here
    mkdir -p "$top/self"
    # once for each tool
    [ ! -e "$top/self/$family" ] || return 0
    mkdir "$top/self/$family"
    chmod 711 "$top/self" "$top/self/$family"
    "${family}_verifier"
    verdict=$?
    cd "$work" && find "$top/self/$family" -mindepth 1 -delete
    return "$verdict"
}

choose() { tool_is_here && "${family}_choose"; }
restore() { tool_is_here && "${family}_restore"; }
compare() { tool_is_here && "${family}_compare"; }
read_a_part() { tool_is_here && "${family}_read"; }

check_numbers() {
    for name in limit_s parts $(reads_only || echo spare_b sample seed); do
        case $(given "$name") in *[!0-9]* | '') fact unusable "$name is no number" && return 1 ;; esac
    done
    LIMIT_S=$(given limit_s)
}

# A folder of this run alone, with a mark that says it may be removed.
make_scratch() {
    case $scratch in
    /*) ;;
    *) fact unusable "the scratch area is no absolute path" && return 1 ;;
    esac
    [ ! -L "$scratch" ] || { fact unusable "$scratch is a symbolic link" && return 1; }
    # a dump is loaded by nobody, who must get to the folder and sees nothing on the way
    [ -d "$scratch" ] || { mkdir -p "$scratch" && chmod 711 "$scratch"; } || return 1
    case $scratch in /var/lib/retainer/*) chmod 711 /var/lib/retainer ;; esac
    real=$(readlink -f "$scratch")
    sed -n 's/^[0-9]*\.source=//p' "$DIR/given" >"$DIR/sources"
    while read -r source; do
        case $source in /*) ;; *) fact unusable "a source is no absolute path" && return 1 ;; esac
        case $real/ in "$source"/*) fact unusable "$scratch lies inside the source $source" && return 1 ;; esac
        case $source/ in "$real"/*) fact unusable "the source $source lies inside $scratch" && return 1 ;; esac
    done <"$DIR/sources"
    [ -z "$(find "$scratch" -mindepth 1 -maxdepth 1 ! -name 'rt-*' -print -quit)" ] || { fact unusable "$scratch is not empty" && return 1; }
    mkdir "$real/rt-$id" && echo "$id" >"$real/rt-$id/$MARK" || return 1
    top=$real/rt-$id
    chmod 711 "$top"
    # what comes back may bring programs that run as root: only root gets to it, whatever modes it brings
    for number in $(seq "$(given parts)"); do mkdir -m 700 "$top/$number" || return 1; done
}

# The keys came as N.name=base64 in a FILE; each lies in a file of its own.
unpack_keys() {
    mkdir "$keys" || return 1
    [ -f "$1" ] || return 0
    while read -r line; do
        name=${line%%=*}
        case $name in *[!0-9a-z.]* | '' | .*) continue ;; esac
        printf '%s' "${line#*=}" | base64 -d >"$keys/$name" || return 1
    done <"$1"
}

forget_keys() { rm -rf "${SECRETS:?}/$1" "${SECRETS:?}/$1.d" "$SOCKETS-$1"; }

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
        case $(cat "$folder/kind" 2>/dev/null) in restore-test | restore) ;; *) continue ;; esac
        other=$(basename "$folder")
        [ "$other" != "${id:-}" ] || continue
        read -r pid since 2>/dev/null <"$folder/process" || pid=
        if [ -z "$pid" ] && [ ! -f "$folder/exit" ] && [ "$(cat "$folder/boot_id")" = "$(cat /proc/sys/kernel/random/boot_id)" ]; then
            continue # it is only just beginning
        fi
        [ -z "$pid" ] || [ "$(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null | cut -d ' ' -f 20)" != "$since" ] || continue
        clean "$(sed -n 's/^scratch=//p' "$folder/given")" "$other"
        forget_keys "$other"
    done
}

# What all parts need together: `choose` left bytes and files of each in $work/needs.
enough_room() {
    free=$(df --output=avail -B 1 "$top" | tail -n 1 | tr -d ' ')
    inodes=$(df --output=iavail "$top" | tail -n 1 | tr -d ' -')
    needed=$(cat "$top"/*/needs | awk -v spare="$(given spare_b)" '{n += $1} END {printf "%d", n + spare}')
    files=$(cat "$top"/*/needs | awk '{n += $2} END {printf "%d", n}')
    fact room "$needed $free $files ${inodes:-0}"
    [ "$free" -ge "$needed" ] && { [ -z "$inodes" ] || [ "$inodes" -eq 0 ] || [ "$inodes" -gt "$files" ]; }
}

# Of $work/list (time, id, the oldest first) the one that the test wants; sets `chosen` to its line.
choose_from_list() {
    fact snapshots_total "$(wc -l <"$work/list")"
    wanted=$(given snapshot)
    case $wanted in
    newest) chosen=$(tail -n 1 "$work/list") ;;
    random) chosen=$(awk -v seed="$(given seed)" 'BEGIN {srand(seed)} {line[NR] = $0} END {print line[int(rand() * NR) + 1]}' "$work/list") ;;
    *) chosen=$(grep -F "$TAB$wanted" "$work/list" | head -n 1) ;;
    esac
    [ -n "$chosen" ] || return 46
    snapshot=${chosen#*"$TAB"}
    taken=$(date -d "${chosen%%"$TAB"*}" +%s) || return 46
    echo "$snapshot" >"$work/snapshot"
    echo "$taken" >"$work/taken"
    fact newest "$(tail -n 1 "$work/list" | cut -f 1 | { read -r time && date -d "$time" +%s; })"
}
