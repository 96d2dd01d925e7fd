#!/bin/sh
# retainer-host 1: the one program that the portal may run as root on this host (/etc/sudoers.d/retainer).
# It reads facts, refreshes package lists, and starts changes as units of their own that outlive any connection:
#   version                   print the version of this file
#   facts                     what only root can see: listening programs, deleted libraries in use, package locks
#   refresh                   refresh the package lists
#   start UUID apt-apply      bring exactly the packages on standard input to exactly these versions (name=version lines;
#                             +name=version is one that must come in new), once per UUID
#   start UUID dpkg-configure finish configuring half-configured packages, once per UUID
#   status UUID OFFSET        state of a run, then its log from that byte on
#   abandon UUID              a run that was never begun must not begin any more
# It runs no command that a caller names: packages come only from the sources this host's administrator set up.
set -u
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
DEBIAN_FRONTEND=noninteractive
NEEDRESTART_MODE=l
APT_LISTCHANGES_FRONTEND=none
export LC_ALL PATH DEBIAN_FRONTEND NEEDRESTART_MODE APT_LISTCHANGES_FRONTEND
umask 077
VERSION=1
SELF=/usr/local/sbin/retainer-host
RUNS=/var/lib/retainer/runs
LOCK_WAIT_S=${RETAINER_LOCK_WAIT_S:-120}
LOG_CHUNK=262144

fail() { printf 'retainer-host: %s\n' "$2" >&2; exit "$1"; }
boot_id() { cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo unknown; }
# pid and start time name a process for ever; a pid alone is reused (proc(5), field 22 of stat, after the name's bracket)
start_time() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }

run_dir() {
    case $1 in
    *[!0-9a-f-]* | '') fail 64 "not a run id" ;;
    ????????-????-????-????-????????????) DIR=$RUNS/$1 ;;
    *) fail 64 "not a run id" ;;
    esac
}

facts() {
    echo "version $VERSION"
    # Programs that still map a library deleted since: installed is not yet effective.
    for maps in /proc/[0-9]*/maps; do
        pid=${maps#/proc/}
        pid=${pid%/maps}
        if grep -qE ' /(usr|lib|opt)[^ ]*\.so[^ ]* \(deleted\)$' "$maps" 2>/dev/null; then
            unit=$(sed -n 's!.*/\([^/]*\.service\)\(/.*\)*$!\1!p' "/proc/$pid/cgroup" 2>/dev/null | head -n 1)
            printf 'stale %s %s %s\n' "$pid" "${unit:--}" "$(tr '\n ' '__' <"/proc/$pid/comm" 2>/dev/null)"
        fi
    done
    if command -v needrestart >/dev/null 2>&1; then
        needrestart -b 2>/dev/null | sed -n 's/^NEEDRESTART-/needrestart /p'
    fi
    for lock in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock; do
        inode=$(stat -c %i "$lock" 2>/dev/null) || continue
        holder=$(awk -v i=":$inode" 'substr($6, length($6) - length(i) + 1) == i && $5 > 0 {print $5; exit}' /proc/locks)
        [ -z "$holder" ] || printf 'lock %s %s %s\n' "$lock" "$holder" "$(tr '\n ' '__' <"/proc/$holder/comm" 2>/dev/null)"
    done
    if command -v ss >/dev/null 2>&1; then
        ss -Hltunp 2>/dev/null | awk '{name = "-"; if (match($0, /\(\("[^"]+"/)) name = substr($0, RSTART + 3, RLENGTH - 4)
            print "listen", $1, $5, name}' | sort -u
    fi
}

refresh() {
    exec apt-get update -q -o APT::Update::Error-Mode=any -o Acquire::Retries=1 -o Acquire::http::Timeout=20 \
        -o Acquire::https::Timeout=20 -o DPkg::Lock::Timeout=30 </dev/null
}

start() {
    run_dir "$1"
    kind=$2
    mkdir -p "$RUNS" || fail 73 "can't make $RUNS"
    if [ -d "$DIR" ]; then
        echo "already started"
        exit 0
    fi
    wanted=$(mktemp "$RUNS/.wanted.XXXXXX") || fail 73 "can't write in $RUNS (disk full?)"
    trap 'rm -f "$wanted"' EXIT
    case $kind in
    apt-apply)
        head -c 262144 >"$wanted" || fail 73 "can't write in $RUNS (disk full?)"
        [ -s "$wanted" ] || fail 64 "no packages named"
        if grep -qvE '^[+]?[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?=[0-9A-Za-z][0-9A-Za-z.+~:-]*$' "$wanted"; then
            fail 64 "a line is not name=version"
        fi
        ;;
    dpkg-configure) ;;
    *) fail 64 "unknown kind of run" ;;
    esac
    # Atomic: of two callers with the same UUID one makes the folder, the other finds it.
    if ! mkdir "$DIR" 2>/dev/null; then
        [ -d "$DIR" ] && echo "already started" && exit 0
        fail 73 "can't make $DIR (disk full?)"
    fi
    if ! { echo "$kind" >"$DIR/kind" && boot_id >"$DIR/boot_id" && date +%s >"$DIR/created" && sed "s/^+//" "$wanted" | sort -u >"$DIR/wanted" &&
        sed -n "s/^+\([^=]*\)=.*/\1/p" "$wanted" | sort -u >"$DIR/new" &&
        : >"$DIR/log"; }; then
        rm -rf "$DIR"
        fail 73 "can't write in $DIR (disk full?)"
    fi
    if [ -d /run/systemd/system ] && command -v systemd-run >/dev/null 2>&1; then
        systemd-run --quiet --collect --no-block --unit="retainer-run-$1" --property=TimeoutStopSec=600 \
            "$SELF" execute "$1" </dev/null || { echo 71 >"$DIR/exit"; fail 71 "systemd-run failed"; }
    else
        setsid "$SELF" execute "$1" </dev/null >/dev/null 2>&1 &
    fi
    echo "started"
}

# Of `execute` and `abandon` whoever makes this folder first decides.
begin_once() { mkdir "$DIR/begun" 2>/dev/null; }

execute() {
    run_dir "$1"
    begin_once || exit 0
    cd / || exit 1
    exec >>"$DIR/log" 2>&1 </dev/null
    trap '' HUP INT PIPE
    printf '%s %s\n' "$$" "$(start_time $$)" >"$DIR/process"
    date +%s >"$DIR/started"
    case $(cat "$DIR/kind") in
    apt-apply) apt_apply ;;
    dpkg-configure) step dpkg --configure -a --force-confdef --force-confold ;;
    *) false ;;
    esac
    status=$?
    dpkg --audit >"$DIR/audit" 2>&1
    date +%s >"$DIR/finished"
    # Last of all and at once: who sees this file may trust that everything else is written.
    echo "$status" >"$DIR/exit.new" && sync "$DIR/exit.new" && mv "$DIR/exit.new" "$DIR/exit"
}

# Runs a command, with itself and its exit status in the log and in the list of commands.
step() {
    printf '\n==> %s %s\n' "$(date -u +%H:%M:%SZ)" "$*"
    "$@"
    code=$?
    printf '%s\t%s\n' "$code" "$*" >>"$DIR/commands"
    printf '<== exit status %s\n' "$code"
    return "$code"
}

apt_install() {
    # shellcheck disable=SC2086  # one word per package is what we want; `start` checked each
    step apt-get "$@" -y -q --no-remove --no-install-recommends -o Dpkg::Use-Pty=0 \
        -o "DPkg::Lock::Timeout=$LOCK_WAIT_S" -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
        install $packages
}

# Exit statuses of our own (apt's is 100): 65 the candidate moved, 66 no plan, 67 the plan is not what was decided,
# 68 a package is no longer installed.
apt_apply() {
    packages=$(cat "$DIR/wanted")
    names=$(sed 's/=.*//' "$DIR/wanted")
    # shellcheck disable=SC2086
    apt-cache policy $names >"$DIR/policy" 2>&1
    for wanted in $packages; do
        name=${wanted%%=*}
        version=${wanted#*=}
        if ! grep -qxF "$name" "$DIR/new"; then
            case $(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null) in
            '' | config-files | not-installed)
                printf '%s is no longer installed on this host.\n' "$name"
                return 68
                ;;
            esac
        fi
        candidate=$(apt-cache policy "$name" 2>/dev/null | sed -n 's/^  Candidate: //p' | head -n 1)
        if [ "$candidate" != "$version" ]; then
            printf 'The candidate moved: %s was decided for %s, this host would now install %s.\n' "$version" "$name" "${candidate:-nothing}"
            return 65
        fi
    done
    apt_install -s -o Debug::NoLocking=1 >"$DIR/plan.log" 2>&1
    planned=$?
    cat "$DIR/plan.log"
    [ "$planned" -eq 0 ] || return 66
    awk '$1 == "Inst" {v = $3; if (v ~ /^\[/) v = $4; sub(/^\(/, "", v); print $2 "=" v} $1 == "Remv" {print "remove " $2}' \
        "$DIR/plan.log" | sort -u >"$DIR/plan"
    # A package that has the decided version already is not in the plan, and need not be.
    undecided=$(comm -13 "$DIR/wanted" "$DIR/plan")
    if [ -n "$undecided" ]; then
        printf 'The plan is not what was decided. It would also change:\n%s\n' "$undecided"
        return 67
    fi
    # Naming a package would mark it as wanted by hand; what was automatic stays automatic.
    # shellcheck disable=SC2086
    automatic=$(apt-mark showauto $names 2>/dev/null)
    apt_install
    status=$?
    if [ -n "$automatic" ]; then
        # shellcheck disable=SC2086
        apt-mark auto $automatic >/dev/null 2>&1
    fi
    return "$status"
}

status() {
    run_dir "$1"
    case $2 in *[!0-9]* | '') fail 64 "not an offset" ;; esac
    if [ ! -d "$DIR" ]; then
        printf 'state=absent\nboot_id=%s\nlog:\n' "$(boot_id)"
        exit 0
    fi
    read -r pid since 2>/dev/null <"$DIR/process" || pid=
    if [ -f "$DIR/exit" ]; then
        state=finished
    elif [ "$(cat "$DIR/boot_id")" != "$(boot_id)" ]; then
        state=rebooted
    elif [ ! -d "$DIR/begun" ]; then
        state=starting
    elif [ -n "$pid" ] && [ "$(start_time "$pid")" = "$since" ]; then
        state=running
    elif [ -z "$pid" ] && [ "$(($(date +%s) - $(cat "$DIR/created")))" -lt 30 ]; then
        state=running
    elif [ -f "$DIR/exit" ]; then
        state=finished # it ended between the two looks
    else
        state=died
    fi
    printf 'state=%s\n' "$state"
    printf 'boot_id=%s\n' "$(boot_id)"
    printf 'age_s=%s\n' "$(($(date +%s) - $(cat "$DIR/created")))"
    for name in exit started finished; do
        [ ! -f "$DIR/$name" ] || printf '%s=%s\n' "$name" "$(cat "$DIR/$name")"
    done
    [ ! -f "$DIR/commands" ] || sed 's/^/command=/' "$DIR/commands"
    [ "$state" = running ] || dpkg --audit 2>&1 | head -c 8000 | sed 's/^/audit=/'
    printf 'log_bytes=%s\nlog:\n' "$(stat -c %s "$DIR/log")"
    tail -c "+$(($2 + 1))" "$DIR/log" | head -c "$LOG_CHUNK"
}

case ${1:-} in
version) echo "$VERSION" ;;
facts) facts ;;
refresh) refresh ;;
start) start "${2:-}" "${3:-}" ;;
execute) execute "${2:-}" ;;
status) status "${2:-}" "${3:-}" ;;
abandon)
    run_dir "${2:-}"
    mkdir -p "$DIR" && begin_once && boot_id >"$DIR/boot_id" && date +%s >"$DIR/created" && : >"$DIR/log" &&
        echo 75 >"$DIR/exit" && echo "abandoned"
    ;;
*) fail 64 "unknown word; see the head of $SELF" ;;
esac
