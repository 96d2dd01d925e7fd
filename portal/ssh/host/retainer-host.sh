#!/bin/sh
# retainer-host 10: the one program that the portal may run as root on this host (/etc/sudoers.d/retainer).
# It reads facts, refreshes package lists, and starts changes as units of their own that outlive any connection:
#   version                   print the version of this file
#   facts                     what only root can see: listening programs, deleted libraries in use, package locks, containers
#                             and whether they run the image that lies here, applications outside packages
#   refresh                   refresh the package lists
#   start UUID apt-apply [WISH DAYS]
#                             bring exactly the packages on standard input to exactly these versions (name=version lines;
#                             +name=version is one that must come in new), once per UUID. WISH: may or must, for a snapshot of
#                             the root file system before, kept for so many days
#   plan                      what bringing the packages on standard input to these versions would do; fetches what that needs,
#                             and keeps the versions that are installed now, so that a rollback finds them
#   start UUID apt-rollback   bring packages back to versions that `plan` kept (name=version lines), once per UUID
#   start UUID restart        restart the units on standard input, one after the other, once per UUID
#   start UUID reboot         reboot this host, once per UUID
#   start UUID dpkg-configure finish configuring half-configured packages, once per UUID
#   start UUID upgrade [WISH DAYS]
#                             run the upgrade document on standard input, step by step, once per UUID; only one whose sha256
#                             this host's administrator wrote into /etc/retainer/plans.allowed
#   start UUID upgrade-undo   take back the steps of the upgrade whose UUID is on standard input, the last one first
#   start UUID fs-rollback    bring the root file system back to the snapshot that the run on standard input took, and reboot
#   backup-reading            what a backup looks like from without (retainer-restore read): specification and keys by standard input
#   backup-survey             what on this host makes backups, and what should be in one; reads only
#   watch                     how this host does and what runs on it, as only root sees it (retainer-watch look); reads only
#   set-password              a new password for a person's account, to be changed at the next sign-in
#   ask KIND                  what answers an everyday question of somebody who uses this host (retainer-watch); reads only
#   drill KIND, calm          make a condition real that an alert must follow, harmlessly, and take it back (retainer-watch)
#   start UUID restore-test   prove a backup by restoring it (retainer-restore): its specification and, after an empty line, the
#                             repository's key on standard input; the key lies on tmpfs for as long as the run
#   start UUID restore        the same, and what came back goes where it is wanted: into a folder, or in its place
#   start UUID runbook        run a runbook on standard input (name=value lines, an empty line, its steps), then take back what its
#                             steps take back, once per UUID; only one whose sha256 stands in /etc/retainer/runbooks.allowed
#   document                  what this host is and how it is set up, for its owner's papers (retainer-document); reads only
#   tour                      a tour of this host, recorded (retainer-document); reads only
#   leave plan                what of ours is on this host
#   leave now                 remove all of it: this program, the user that the portal signs in as, and the rule that lets it run this
#   snapshots                 whether a snapshot could be taken before these packages are changed
#   drop-snapshots            remove the snapshots that are past their days, then say which are kept
#   allows SHA256             whether the administrator allowed that document
#   status UUID OFFSET        state of a run, then its log from that byte on
#   abandon UUID              a run that was never begun must not begin any more
# It runs no command that a caller names: packages come only from the sources this host's administrator set up, and steps only
# from documents that the administrator allowed by their hash.
set -u
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
DEBIAN_FRONTEND=noninteractive
NEEDRESTART_MODE=l
APT_LISTCHANGES_FRONTEND=none
export LC_ALL PATH DEBIAN_FRONTEND NEEDRESTART_MODE APT_LISTCHANGES_FRONTEND
umask 077
VERSION=10
SELF=/usr/local/sbin/retainer-host
RESTORE=/usr/local/sbin/retainer-restore
WATCH=/usr/local/sbin/retainer-watch
DOCUMENT=/usr/local/sbin/retainer-document
RUNS=/var/lib/retainer/runs
KEEP=/var/lib/retainer/keep
KEEP_DAYS=60
SNAPSHOTS=/var/lib/retainer/snapshots
TOP=/run/retainer-top
PLANS=/etc/retainer/plans.allowed
RUNBOOKS=/etc/retainer/runbooks.allowed
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

# The package that owns a file; a dash where dpkg knows none. Merged-usr hosts map /usr/lib where the list says /lib.
owner() {
    case $1 in
    /*) ;;
    *) echo - && return ;;
    esac
    found=$(dpkg-query -S "$1" 2>/dev/null || dpkg-query -S "${1#/usr}" 2>/dev/null || dpkg-query -S "/usr$1" 2>/dev/null) || true
    found=$(printf '%s\n' "$found" | grep -v '^diversion ' | head -n 1)
    found=${found%%: *}
    found=${found%%,*}
    echo "${found:--}"
}

facts() {
    echo "version $VERSION"
    # What still runs though its file was replaced: installed is not yet effective. Per process its unit and name, then per
    # file the package that owns it (a dash where dpkg knows none).
    for maps in /proc/[0-9]*/maps; do
        pid=${maps#/proc/}
        pid=${pid%/maps}
        files=$( { sed -n 's!^[^ ]* ..x. .* \(/\(usr\|lib\|opt\|bin\|sbin\)[^ ]*\) (deleted)$!\1!p' "$maps"
            readlink "/proc/$pid/exe" | sed -n 's! (deleted)$!!p'; } 2>/dev/null | sort -u)
        [ -n "$files" ] || continue
        unit=$(sed -n 's!.*/\([^/]*\.service\)\(/.*\)*$!\1!p' "/proc/$pid/cgroup" 2>/dev/null | head -n 1)
        printf 'stale %s %s %s\n' "$pid" "${unit:--}" "$(tr '\n ' '__' <"/proc/$pid/comm" 2>/dev/null)"
        printf '%s\n' "$files"
    done | awk '/^stale / {print; next} !seen[$0]++ {print}' | while read -r line; do
        case $line in
        /*) printf 'deleted %s %s\n' "$(owner "$line")" "$line" ;;
        *) printf '%s\n' "$line" ;;
        esac
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
        ss -Hltunp 2>/dev/null | awk '{name = "-"; pid = "-"
            if (match($0, /\(\("[^"]+"/)) name = substr($0, RSTART + 3, RLENGTH - 4)
            if (match($0, /pid=[0-9]+/)) pid = substr($0, RSTART + 4, RLENGTH - 4)
            print $1, $5, name, pid}' | sort -u | while read -r proto address name pid; do
            program=$(readlink "/proc/$pid/exe" 2>/dev/null) || program=
            printf 'listen %s %s %s %s\n' "$proto" "$address" "$(printf '%s' "$name" | tr ' ' '_')" "$(owner "${program% (deleted)}")"
        done | sort -u
    fi
    printf 'load %s\n' "$(cut -d ' ' -f 1-3 /proc/loadavg 2>/dev/null)"
    if command -v journalctl >/dev/null 2>&1; then
        printf 'errors %s\n' "$(journalctl -q -p err --since -10min -o cat --no-pager 2>/dev/null | wc -l)"
    fi
    containers
    applications
}

# Running containers: the image that each runs, and the one that its tag names here now. An engine that does not answer is said.
containers() {
    for engine in docker podman; do
        command -v "$engine" >/dev/null 2>&1 || continue
        if ! ids=$(timeout 20 "$engine" ps -q --no-trunc 2>/dev/null); then
            printf 'engine %s silent\n' "$engine"
            continue
        fi
        printf 'engine %s read\n' "$engine"
        for id in $ids; do
            line=$(timeout 20 "$engine" inspect --format '{{.Name}} {{.Config.Image}} {{.Image}}' "$id" 2>/dev/null) || line=
            # shellcheck disable=SC2086  # three words
            set -- $line
            [ "$#" -eq 3 ] || { printf 'engine %s silent\n' "$engine" && continue; }
            tagged=$(timeout 20 "$engine" image inspect --format '{{.Id}}' "$2" 2>/dev/null) || tagged=-
            printf 'container %s %s %s %s %s\n' "$engine" "${1#/}" "$2" "${3#sha256:}" "${tagged#sha256:}"
        done
    done
}

# Applications that no package manager knows, by the files that say their version.
applications() {
    for file in /var/www/version.php /var/www/*/version.php /var/www/*/*/version.php /srv/*/version.php /opt/*/version.php \
        /usr/share/webapps/*/version.php; do
        grep -q 'OC_VersionString' "$file" 2>/dev/null || continue
        version=$(sed -n "s/.*OC_VersionString *= *['\"]\([0-9.]*\).*/\1/p" "$file" | head -n 1)
        printf 'application nextcloud %s %s\n' "${version:--}" "${file%/version.php}"
    done
}

refresh() {
    exec apt-get update -q -o APT::Update::Error-Mode=any -o Acquire::Retries=1 -o Acquire::http::Timeout=20 \
        -o Acquire::https::Timeout=20 -o DPkg::Lock::Timeout=30 </dev/null
}

# Package lines on standard input into $wanted; `name=version`, or `+name=version` for one that must come in new.
read_wanted() {
    head -c 262144 >"$wanted" || fail 73 "can't write $wanted (disk full?)"
    [ -s "$wanted" ] || fail 64 "no packages named"
    if grep -qvE '^[+]?[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?=[0-9A-Za-z][0-9A-Za-z.+~:-]*$' "$wanted"; then
        fail 64 "a line is not name=version"
    fi
}

start() {
    run_dir "$1"
    kind=$2
    wish=${3:-}
    days=${4:-}
    case $kind/$wish/$days in
    */may/*[!0-9]* | */must/*[!0-9]* | */may/ | */must/) fail 64 "not a number of days" ;;
    apt-apply/may/* | apt-apply/must/* | upgrade/may/* | upgrade/must/* | *//) ;;
    *) fail 64 "no such wish for a snapshot" ;;
    esac
    mkdir -p "$RUNS" || fail 73 "can't make $RUNS"
    if [ -d "$DIR" ]; then
        echo "already started"
        exit 0
    fi
    wanted=$(mktemp "$RUNS/.wanted.XXXXXX") || fail 73 "can't write in $RUNS (disk full?)"
    trap 'rm -f "$wanted"' EXIT
    case $kind in
    apt-apply | apt-rollback) read_wanted ;;
    restart)
        head -c 65536 >"$wanted" || fail 73 "can't write in $RUNS (disk full?)"
        [ -s "$wanted" ] || fail 64 "no units named"
        if grep -qvE '^[A-Za-z0-9][A-Za-z0-9:_.@\\-]*\.service$' "$wanted"; then
            fail 64 "a line is not a service"
        fi
        ;;
    upgrade)
        head -c 262145 >"$wanted" || fail 73 "can't write in $RUNS (disk full?)"
        allowed "$(sha256sum <"$wanted" | cut -d ' ' -f 1)" || fail 77 "this document is not allowed in $PLANS"
        ;;
    runbook)
        head -c 262145 >"$wanted" || fail 73 "can't write in $RUNS (disk full?)"
        # the steps come after the first empty line, which is the very first where there are no parameters
        allowed "$(awk 'steps; /^$/ {steps = 1}' "$wanted" | sha256sum | cut -d ' ' -f 1)" "$RUNBOOKS" || fail 77 "this runbook is not allowed in $RUNBOOKS"
        if sed '/^$/,$d' "$wanted" | grep -qvE '^[a-z][a-z0-9_]{0,30}=[]A-Za-z0-9@%+=:,./_ *[-]{0,400}$'; then fail 64 "a parameter is not name=value"; fi
        ;;
    upgrade-undo)
        read -r undone || fail 64 "no run named"
        case $undone in *[!0-9a-f-]* | '') fail 64 "not a run id" ;; esac
        [ -d "$RUNS/$undone/steps" ] || fail 64 "that run is not an upgrade of this host"
        echo "$undone" >"$wanted" || fail 73 "can't write in $RUNS (disk full?)"
        ;;
    fs-rollback)
        read -r snapshot || fail 64 "no run named"
        case $snapshot in *[!0-9a-f-]* | '') fail 64 "not a run id" ;; esac
        [ -f "$SNAPSHOTS/$snapshot" ] || fail 64 "that run's snapshot is not kept here"
        echo "$snapshot" >"$wanted" || fail 73 "can't write in $RUNS (disk full?)"
        ;;
    restore-test | restore)
        mkdir -p /run/retainer-secrets || fail 73 "can't make /run/retainer-secrets"
        head -c 262144 | awk -v secret="/run/retainer-secrets/$1" '!rest && /^$/ {rest = 1; next} {if (rest) print >secret; else print}' \
            >"$wanted" || fail 73 "can't write in $RUNS (disk full?)"
        grep -q '^parts=' "$wanted" || fail 64 "no specification"
        ;;
    dpkg-configure | reboot) ;;
    *) fail 64 "unknown kind of run" ;;
    esac
    # Atomic: of two callers with the same UUID one makes the folder, the other finds it.
    if ! mkdir "$DIR" 2>/dev/null; then
        [ -d "$DIR" ] && echo "already started" && exit 0
        fail 73 "can't make $DIR (disk full?)"
    fi
    if ! { echo "$kind" >"$DIR/kind" && boot_id >"$DIR/boot_id" && date +%s >"$DIR/created" && sed "s/^+//" "$wanted" | sort -u >"$DIR/wanted" &&
        sed -n "s/^+\([^=]*\)=.*/\1/p" "$wanted" | sort -u >"$DIR/new" &&
        sed 's/^+//; s/:[a-z0-9-]*=/=/' "$wanted" | sort -u >"$DIR/wanted.bare" &&
        cp "$wanted" "$DIR/given" && printf '%s %s\n' "$wish" "$days" >"$DIR/wish" && echo "${SUDO_USER:-}" >"$DIR/user" && case $kind in upgrade | runbook) split_document ;; esac && : >"$DIR/log"; }; then
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
    apt-rollback) apt_rollback ;;
    restart) restart_units ;;
    reboot) reboot_now ;;
    upgrade) upgrade ;;
    upgrade-undo) upgrade_undo ;;
    runbook) runbook ;;
    fs-rollback) fs_rollback ;;
    restore-test) "$RESTORE" run "$DIR" ;;
    restore) "$RESTORE" restore "$DIR" ;;
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
    snapshot_before || return 80
    apt_install
    status=$?
    if [ -n "$automatic" ]; then
        # shellcheck disable=SC2086
        apt-mark auto $automatic >/dev/null 2>&1
    fi
    return "$status"
}

# The file of a version that `plan` kept; a colon in a version is %3a in a file's name (apt does the same).
kept_file() {
    for file in "$KEEP/${1%%:*}_$(printf '%s' "$2" | sed 's/:/%3a/')"_*.deb; do
        [ -f "$file" ] && echo "$file" && return
    done
    return 1
}

# Own exit status 69: a version is not kept here. 65 and 67 as above.
apt_rollback() {
    packages=
    decided=$(cat "$DIR/wanted")
    for wanted in $decided; do
        file=$(kept_file "${wanted%%=*}" "${wanted#*=}") || {
            printf '%s is not kept on this host.\n' "$wanted"
            return 69
        }
        packages="$packages $file"
    done
    apt_install -s --allow-downgrades -o Debug::NoLocking=1 >"$DIR/plan.log" 2>&1
    planned=$?
    cat "$DIR/plan.log"
    [ "$planned" -eq 0 ] || return 66
    awk '$1 == "Inst" {v = $3; if (v ~ /^\[/) v = $4; sub(/^\(/, "", v); print $2 "=" v} $1 == "Remv" {print "remove " $2}' \
        "$DIR/plan.log" | sort -u >"$DIR/plan"
    undecided=$(sed 's/:[a-z0-9-]*=/=/' "$DIR/plan" | sort -u | comm -13 "$DIR/wanted.bare" -)
    if [ -n "$undecided" ]; then
        printf 'The plan is not what was decided. It would also change:\n%s\n' "$undecided"
        return 67
    fi
    names=$(sed 's/=.*//' "$DIR/wanted")
    # shellcheck disable=SC2086
    automatic=$(apt-mark showauto $names 2>/dev/null)
    apt_install --allow-downgrades
    status=$?
    # shellcheck disable=SC2086
    [ -z "$automatic" ] || apt-mark auto $automatic >/dev/null 2>&1
    return "$status"
}

restart_units() {
    step systemctl daemon-reload
    worst=0
    while read -r unit; do
        step systemctl restart "$unit" || worst=1
    done <"$DIR/wanted"
    return "$worst"
}

# The run ends with this boot: `status` finds another one afterwards. Where nothing happens, the run says so.
reboot_now() {
    announce_reboot
    sync
    systemctl reboot || return 70
    sleep 300
    return 70
}

# The administrator's list (of upgrade documents where none is named): nobody else may write it.
allowed() {
    list=${2:-$PLANS}
    case $1 in *[!0-9a-f]* | '') return 1 ;; esac
    [ "${#1}" -eq 64 ] && [ -f "$list" ] && [ -z "$(find "$list" ! -uid 0 -o -perm /022)" ] && grep -qE "^$1([[:space:]]|\$)" "$list"
}

# A document's steps as files: 001.kind, .name, .timeout, .expect, .run, .undo. The portal checked its form and reads it alike.
split_document() {
    mkdir "$DIR/steps" && awk -v dir="$DIR/steps" '
        /^(check|step) / { n++; p = sprintf("%s/%03d", dir, n); part = ""; print $1 >(p ".kind"); print $2 >(p ".name"); next }
        /^    / && part != "" { print substr($0, 5) >part; next }
        /^ *$/ { if (part != "") print "" >part; next }
        { part = "" }
        /^  timeout / { print $2 >(p ".timeout") }
        /^  expect / { print substr($0, 10) >(p ".expect") }
        /^  (run|undo)$/ { part = p "." $1 }' "$DIR/given"
}

# Runs one file of a step under its timeout, with its output in the log; its exit status, 124 for the timeout.
step_file() {
    limit=$(cat "${1%.*}.timeout" 2>/dev/null || echo 600)
    printf '\n==> %s %s\n' "$(date -u +%H:%M:%SZ)" "$2"
    { timeout -k 30 "$limit" sh -eu "$1" </dev/null 2>&1; echo "$?" >"$DIR/code"; } | tee "$DIR/output"
    code=$(cat "$DIR/code")
    [ "$code" -ne 124 ] || printf 'It did not end within %s seconds.\n' "$limit"
    if [ "$code" -eq 0 ] && [ -f "${1%.*}.expect" ] && [ "${1##*.}" = run ] && ! grep -qE -f "${1%.*}.expect" "$DIR/output"; then
        printf 'No line of its output matches: %s\n' "$(cat "${1%.*}.expect")"
        code=1
    fi
    printf '%s\t%s\n' "$code" "$2" >>"$DIR/commands"
    printf '<== exit status %s\n' "$code"
    return "$code"
}

# Own exit statuses: 76 a check did not hold, nothing was changed; 78 a step failed, what was begun stands in `begun_steps`.
upgrade() {
    taken=
    for file in "$DIR"/steps/*.kind; do
        one=${file%.kind}
        if [ "$(cat "$file")" = check ]; then
            step_file "$one.run" "check $(cat "$one.name")" || return 76
            continue
        fi
        # once, before the first step, when the checks before it have held
        [ -n "$taken" ] || snapshot_before || return 80
        taken=yes
        echo "${one##*/}" >>"$DIR/begun_steps"
        step_file "$one.run" "step $(cat "$one.name")" || return 78
    done
}

# Own exit status 79: an undo failed, or a step that was begun has none; what was not undone stays as it is.
upgrade_undo() {
    other=$RUNS/$(cat "$DIR/given")
    [ -f "$other/begun_steps" ] || return 0
    sort -r "$other/begun_steps" >"$DIR/to_undo"
    while read -r number; do
        name=$(cat "$other/steps/$number.name")
        if [ ! -f "$other/steps/$number.undo" ]; then
            printf '\nstep %s has no undo.\n' "$name"
            printf '1\tundo %s\n' "$name" >>"$DIR/commands"
            return 79
        fi
        step_file "$other/steps/$number.undo" "undo $name" || return 79
    done <"$DIR/to_undo"
}

# A runbook's steps, then, whatever became of them, the undo of each that was begun and has one, the last one first. Parameters stand
# before each step's own lines, quoted. Own exit statuses: 76 a check did not hold, 78 a step failed, 79 an undo failed.
runbook() {
    sed '/^$/,$d' "$DIR/given" | sed "s/'/'\\\\''/g; s/^\([a-z0-9_]*\)=\(.*\)\$/\1='\2'/" >"$DIR/parameters"
    for file in "$DIR"/steps/*.run "$DIR"/steps/*.undo; do
        [ -f "$file" ] || continue
        cat "$DIR/parameters" "$file" >"$file.new" && mv "$file.new" "$file" || return 73
    done
    upgrade
    outcome=$?
    [ -f "$DIR/begun_steps" ] || return "$outcome"
    sort -r "$DIR/begun_steps" >"$DIR/to_undo"
    while read -r number; do
        [ -f "$DIR/steps/$number.undo" ] || continue
        step_file "$DIR/steps/$number.undo" "undo $(cat "$DIR/steps/$number.name")" || outcome=79
    done <"$DIR/to_undo"
    return "$outcome"
}

# The file system of / as SOURCE, FSTYPE and FSROOT, and the reason why it can't be brought back by a snapshot, empty where it
# can. $1: the packages to be changed, in a file; "-" where anything may be changed.
root_file_system() {
    why=
    root=$(findmnt -nro SOURCE,FSTYPE,FSROOT --mountpoint / 2>/dev/null | tail -n 1)
    # shellcheck disable=SC2086  # three words; findmnt escapes blanks
    set -- "$1" $root
    [ "$#" -eq 4 ] || { why="what / lies on can't be read" && return; }
    fs_source=${2%%\[*} fs_type=$3 fs_root=$4
    # What an update changes must go back as one: programs, settings, and the package system's own records.
    for path in /usr /etc /var /var/lib /var/lib/dpkg; do
        [ "$(findmnt -nro TARGET -T "$path" 2>/dev/null | tail -n 1)" = / ] ||
            { why="$path lies on another file system or subvolume than /" && return; }
    done
    if [ "$(findmnt -nro TARGET -T /boot 2>/dev/null | tail -n 1)" != / ] && { [ "$1" = - ] ||
        grep -qE '^[+]?(linux-(image|modules)|grub|shim|systemd-boot)' "$1"; }; then
        why="/boot lies on another file system, and its kernels would not go back with /" && return
    fi
    case $fs_type in
    btrfs)
        fs_kind=btrfs
        command -v btrfs >/dev/null 2>&1 || why="btrfs-progs is not installed"
        [ "$fs_root" != / ] || why="/ is the top level of its btrfs, not a subvolume"
        [ -n "$why" ] || nested_subvolumes
        ;;
    zfs)
        fs_kind=zfs
        command -v zfs >/dev/null 2>&1 || why="zfs is not installed"
        ;;
    *)
        fs_kind=lvm
        logical_volume || why="/ lies on $fs_type without LVM: no snapshots there"
        [ -n "$why" ] || [ -n "$lv_pool" ] || [ "$((lv_free_b * 10))" -ge "$lv_size_b" ] ||
            why="the volume group $lv_group has less than a tenth of / free for a snapshot"
        ;;
    esac
}

# Snapshots of btrfs do not reach into subvolumes below: what lies in one would be missing afterwards.
nested_subvolumes() {
    btrfs subvolume list -o / 2>/dev/null | sed "s!.* path !!; s!^${fs_root#/}/!!" >/run/retainer-nested
    while read -r nested; do
        [ -z "$(ls -A "/$nested" 2>/dev/null)" ] || why="/$nested is a subvolume of its own below /"
    done </run/retainer-nested
    rm -f /run/retainer-nested
}

# The volume of / in LVM (lvs(8)): group, name, pool where it is thin, sizes in bytes.
logical_volume() {
    command -v lvs >/dev/null 2>&1 || return 1
    # shellcheck disable=SC2046  # words; the last is missing where there is no pool
    set -- $(lvs --noheadings --nosuffix --units b --separator ' ' -o vg_name,lv_name,lv_size,vg_free,pool_lv "$fs_source" 2>/dev/null)
    [ "$#" -ge 4 ] || return 1
    lv_group=$1 lv_name=$2 lv_size_b=$3 lv_free_b=$4 lv_pool=${5:-}
}

# The top level of the btrfs of /, mounted for a moment; snapshots lie there in @retainer, out of the way of /.
mount_top() {
    mkdir -p "$TOP" || return 1
    ! mountpoint -q "$TOP" || umount "$TOP" || return 1
    mount -t "$1" -o "$2" "$3" "$TOP"
}

# One at a time takes, removes or goes back to a snapshot.
lock_snapshots() {
    mkdir -p "$SNAPSHOTS" || return 1
    exec 9>"$SNAPSHOTS/.lock" && flock -w 60 9
}

# Takes the snapshot that was asked for; fails where one had to be taken and was not, or was offered and could not be taken.
snapshot_before() {
    read -r wish days <"$DIR/wish" || return 0
    [ -n "$wish" ] || return 0
    named=$DIR/wanted
    [ "$(cat "$DIR/kind")" = apt-apply ] || named=-
    root_file_system "$named"
    if [ -n "$why" ]; then
        printf 'No snapshot before: %s.\n' "$why"
        [ "$wish" = may ]
        return
    fi
    id=${DIR##*/}
    lock_snapshots || return 1
    # the record first: what is half made is removed with it one day
    echo "$fs_kind $fs_source $(date +%s) $days" >"$SNAPSHOTS/$id" || return 1
    case $fs_kind in
    btrfs)
        mount_top btrfs subvolid=5 "$fs_source" && mkdir -p "$TOP/@retainer" &&
            step btrfs subvolume snapshot -r / "$TOP/@retainer/$id"
        code=$?
        umount "$TOP"
        ;;
    lvm)
        if [ -n "$lv_pool" ]; then
            step lvcreate -y -s -kn -n "retainer-$id" "$lv_group/$lv_name"
        else
            # a fifth of / or what there is: a classic snapshot that fills up is lost
            size=$((lv_size_b / 5))
            [ "$size" -le "$lv_free_b" ] || size=$lv_free_b
            step lvcreate -y -s -n "retainer-$id" -L "${size}b" "$lv_group/$lv_name"
        fi
        code=$?
        echo "$fs_kind $lv_group $(date +%s) $days" >"$SNAPSHOTS/$id"
        ;;
    zfs)
        step zfs snapshot "$fs_source@retainer-$id"
        code=$?
        ;;
    esac
    exec 9>&-
    [ "$code" -eq 0 ] || { rm -f "$SNAPSHOTS/$id" && return 1; }
    echo "$fs_kind" >"$DIR/snapshot"
}

# Whether a recorded snapshot is still there and whole: $id with $kind and $source as its record has them.
snapshot_is_there() {
    case $kind in
    btrfs)
        mount_top btrfs subvolid=5,ro "$source" || return 1
        [ -d "$TOP/@retainer/$id" ]
        found=$?
        umount "$TOP"
        return "$found"
        ;;
    # a classic snapshot that filled up is there and worth nothing
    lvm) said=$(lvs --noheadings -o lv_snapshot_invalid "$source/retainer-$id" 2>/dev/null) && [ -z "${said##* }" ] ;;
    zfs) zfs list -H -t snapshot "$source@retainer-$id" >/dev/null 2>&1 ;;
    esac
}

remove_snapshot() {
    case $kind in
    btrfs)
        mount_top btrfs subvolid=5 "$source" || return 1
        btrfs -q subvolume delete "$TOP/@retainer/$id"
        gone=$?
        umount "$TOP"
        return "$gone"
        ;;
    lvm) lvremove -q -y "$source/retainer-$id" ;;
    zfs) zfs destroy "$source@retainer-$id" ;;
    *) return 1 ;;
    esac
}

# What is kept: run, kind, when it was taken (seconds), for how many days, and whether it is there.
kept_snapshots() {
    for record in "$SNAPSHOTS"/*; do
        [ -f "$record" ] || continue
        id=${record##*/}
        read -r kind source created days <"$record" || continue
        snapshot_is_there && state=there || state=lost
        printf 'kept=%s\t%s\t%s\t%s\t%s\n' "$id" "$kind" "$created" "$days" "$state"
    done
}

snapshots() {
    wanted=$(mktemp /run/retainer-wanted.XXXXXX) || fail 73 "can't write in /run"
    trap 'rm -f "$wanted"' EXIT
    head -c 262144 >"$wanted"
    if [ -s "$wanted" ]; then root_file_system "$wanted"; else root_file_system -; fi
    if [ -z "$why" ]; then printf 'offer=%s\n' "$fs_kind"; else printf 'offer=none\t%s\n' "$why"; fi
}

drop_snapshots() {
    lock_snapshots || fail 73 "the snapshots are locked"
    now=$(date +%s)
    for record in "$SNAPSHOTS"/*; do
        [ -f "$record" ] || continue
        id=${record##*/}
        read -r kind source created days <"$record" || continue
        [ "$((created + days * 86400))" -lt "$now" ] || continue
        if ! snapshot_is_there || said=$(remove_snapshot 2>&1); then
            rm -f "$record"
        else
            printf 'trouble=%s\t%s\n' "$id" "$(printf '%s' "$said" | tr '\n\t' '  ' | head -c 300)"
        fi
    done
    kept_snapshots
}

# What must not go back with the file system: the records of runs and snapshots, the way in, and the administrator's list.
carry_over() {
    mkdir -p "$1/var/lib/retainer" && rm -rf "$1/var/lib/retainer/runs" "$1/var/lib/retainer/snapshots" "$1/var/lib/retainer/keep" &&
        cp -a /var/lib/retainer/. "$1/var/lib/retainer/" && cp -a "$SELF" "$RESTORE" "$WATCH" "$1${SELF%/*}/" || return 1
    [ ! -d /etc/retainer ] || cp -a /etc/retainer "$1/etc/" || return 1
    [ ! -f /etc/sudoers.d/retainer ] || cp -a /etc/sudoers.d/retainer "$1/etc/sudoers.d/" || return 1
    home=$(getent passwd "$(cat "$DIR/user")" | cut -d : -f 6)
    [ -z "$home" ] || [ ! -d "$home/.ssh" ] || [ ! -d "$1$home" ] || cp -a "$home/.ssh" "$1$home/"
}

# Own exit statuses: 81 the snapshot is not there any more, 82 going back failed before the file system was changed.
fs_rollback() {
    id=$(cat "$DIR/given")
    mine=${DIR##*/}
    lock_snapshots || return 82
    read -r kind source created days <"$SNAPSHOTS/$id" || return 81
    snapshot_is_there || return 81
    root_file_system /dev/null
    [ -z "$why" ] || { printf 'Not possible any more: %s.\n' "$why" && return 82; }
    case $kind in
    btrfs) back_by_btrfs ;;
    lvm) back_by_lvm ;;
    zfs) back_by_zfs ;;
    esac || return
    sync
    sleep 300 & # where the reboot does not come, the run says so
    systemctl reboot ${forced:+--force} || return 70
    wait
    return 70
}

# A writable copy of the snapshot changes places with the root of now, at once or not at all (renameat2, RENAME_EXCHANGE); what
# was the root until now is kept as long as the snapshot, under the name of this run.
back_by_btrfs() {
    mount_top btrfs subvolid=5 "$source" || return 82
    fresh=$TOP/@retainer/$mine
    step btrfs subvolume snapshot "$TOP/@retainer/$id" "$fresh" || { umount "$TOP" && return 82; }
    echo btrfs >"$DIR/snapshot"
    echo "btrfs $source $(date +%s) $days" >"$SNAPSHOTS/$mine"
    # that mark is seen only by who boots into the copy
    if ! { carry_over "$fresh" && touch "$fresh$DIR/switched" && sync && step exchange "$TOP$fs_root" "$fresh"; }; then
        btrfs -q subvolume delete "$fresh"
        rm -f "$SNAPSHOTS/$mine" "$DIR/snapshot"
        umount "$TOP"
        return 82
    fi
    announce_reboot
    cp "$DIR/log" "$DIR/commands" "$TOP$fs_root$DIR/"
    umount "$TOP"
}

announce_reboot() {
    printf '0\t%s\n' "systemctl reboot" >>"$DIR/commands"
    echo "==> systemctl reboot"
}

exchange() {
    case $(uname -m) in
    x86_64) number=316 ;;
    aarch64 | riscv64) number=276 ;;
    *) number=0 ;;
    esac
    perl -e '(syscall($ARGV[0] + 0, -100, $ARGV[1], -100, $ARGV[2], 2) == 0) or die "$!\n"' "$number" "$1" "$2"
}

# The volume merges back when it is next activated, which the reboot does (lvconvert(8), --mergesnapshot).
back_by_lvm() {
    options=rw
    [ "$fs_type" != xfs ] || options=rw,nouuid
    mount_top "$fs_type" "$options" "/dev/$source/retainer-$id" || return 82
    carry_over "$TOP" && touch "$TOP$DIR/switched" && rm -f "$TOP$SNAPSHOTS/$id"
    code=$?
    umount "$TOP"
    [ "$code" -eq 0 ] && step lvconvert -y --mergesnapshot "$source/retainer-$id" || return 82
}

# Without -r: newer snapshots that somebody else took are not ours to destroy, and then nothing is changed.
back_by_zfs() {
    mkdir -p /run/retainer-carry && cp -a /var/lib/retainer /run/retainer-carry/ || return 82
    step zfs rollback "$source@retainer-$id" || return 82
    rm -rf /var/lib/retainer/runs && cp -a /run/retainer-carry/retainer/. /var/lib/retainer/ && touch "$DIR/switched"
    announce_reboot
    forced=yes
}

# What bringing packages to versions would do, as apt says it; with what can be told beforehand: conflicts of configuration
# files, and whether the versions of now can be had again. Changes nothing but caches of packages.
plan() {
    mkdir -p "$KEEP" || fail 73 "can't make $KEEP"
    find "$KEEP" -name '*.deb' -mtime "+$KEEP_DAYS" -delete
    wanted=$(mktemp "$KEEP/.wanted.XXXXXX") || fail 73 "can't write in $KEEP (disk full?)"
    new=$(mktemp -d "$KEEP/.new.XXXXXX") || fail 73 "can't write in $KEEP (disk full?)"
    trap 'rm -rf "$wanted" "$new"' EXIT
    read_wanted
    packages=$(sed 's/^+//' "$wanted")
    plan_text=$(plan_of 2>&1)
    printf 'exit=%s\n' "$?"
    # the archives that the run will install come into apt's own cache, so that the window is not spent on downloads
    # shellcheck disable=SC2086
    apt-get -y -q --no-remove --no-install-recommends --download-only -o DPkg::Lock::Timeout=30 install $packages >/dev/null 2>&1
    printf 'fetched=%s\n' "$?"
    for one in $packages; do
        name=${one%%=*}
        # what was kept before is kept; a package that is new has nothing to keep
        old=$(dpkg-query -W -f='${db:Status-Status} ${Version}' "$name" 2>/dev/null)
        case $old in
        "installed "*) old=${old#installed } ;;
        *) continue ;;
        esac
        [ "$old" != "${one#*=}" ] || continue
        keep "$name" "$old" && printf 'keep=%s\t%s\tkept\n' "$name" "$old" || printf 'keep=%s\t%s\tmissing\n' "$name" "$old"
        conflicts "$name" "${one#*=}"
    done
    printf 'plan:\n%s\n' "$plan_text"
}

plan_of() {
    # shellcheck disable=SC2086
    apt-get -s -y -q --no-remove --no-install-recommends -o Debug::NoLocking=1 install $packages
}

# Have the archive of an installed version: kept before, in apt's cache, from the sources, or packed again from what is installed.
keep() {
    kept_file "$1" "$2" >/dev/null && return
    for file in /var/cache/apt/archives/"${1%%:*}_$(printf '%s' "$2" | sed 's/:/%3a/')"_*.deb; do
        [ -f "$file" ] && cp "$file" "$KEEP/" && return
    done
    (cd "$KEEP" && apt-get -q download "$1=$2" >/dev/null 2>&1) && kept_file "$1" "$2" >/dev/null && return
    if command -v dpkg-repack >/dev/null 2>&1; then
        (cd "$new" && dpkg-repack "$1" >/dev/null 2>&1 && mv ./*.deb "$KEEP/$(kept_name "$1" "$2")") && return
    fi
    return 1
}

kept_name() { printf '%s_%s_%s.deb' "${1%%:*}" "$(printf '%s' "$2" | sed 's/:/%3a/')" "$(dpkg-query -W -f='${Architecture}' "$1")"; }

# Configuration files that were changed here and that the new version changes too: dpkg keeps ours.
conflicts() {
    dpkg-query -W -f='${Conffiles}\n' "$1" 2>/dev/null | while read -r path shipped flag; do
        if [ -z "$path" ] || [ ! -f "$path" ] || [ -n "$flag" ]; then
            continue # none, gone, or obsolete
        fi
        [ "$(md5sum <"$path" | cut -d ' ' -f 1)" != "$shipped" ] || continue
        if [ ! -d "$new/$1" ]; then
            mkdir "$new/$1"
            (cd "$new/$1" && apt-get -q download "$1=$2" >/dev/null 2>&1)
        fi
        fresh=$(dpkg-deb --fsys-tarfile "$new/$1"/*.deb 2>/dev/null | tar -xO ".$path" 2>/dev/null | md5sum | cut -d ' ' -f 1)
        [ "$fresh" = "$shipped" ] || printf 'conffile=%s\t%s\n' "$1" "$path"
    done
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
    elif [ "$(cat "$DIR/boot_id")" != "$(boot_id)" ] && [ "$(cat "$DIR/kind")" = reboot ] && [ -d "$DIR/begun" ]; then
        echo 0 >"$DIR/exit" && state=finished
    elif [ "$(cat "$DIR/boot_id")" != "$(boot_id)" ] && [ -f "$DIR/switched" ]; then
        echo 0 >"$DIR/exit" && state=finished
    elif [ "$(cat "$DIR/boot_id")" != "$(boot_id)" ]; then
        state=rebooted
    elif [ ! -d "$DIR/begun" ]; then
        state=starting
    elif [ -n "$pid" ] && [ "$(start_time "$pid")" = "$since" ]; then
        state=running
    elif grep -qxE 'reboot|fs-rollback' "$DIR/kind" && [ "$(($(date +%s) - $(cat "$DIR/created")))" -lt 330 ]; then
        state=running # the host is on its way down, and the run with it
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
    case $(cat "$DIR/kind") in
    restore-test | restore)
        # what died in the middle leaves nothing behind
        case $state in died | rebooted) "$RESTORE" sweep ;; esac
        [ ! -f "$DIR/facts" ] || head -c 1048576 "$DIR/facts" | sed 's/^/fact=/'
        ;;
    esac
    [ ! -f "$DIR/snapshot" ] || printf 'snapshot=%s\n' "$(cat "$DIR/snapshot")"
    [ ! -f "$DIR/commands" ] || sed 's/^/command=/' "$DIR/commands"
    [ "$state" = running ] || dpkg --audit 2>&1 | head -c 8000 | sed 's/^/audit=/'
    printf 'log_bytes=%s\nlog:\n' "$(stat -c %s "$DIR/log")"
    tail -c "+$(($2 + 1))" "$DIR/log" | head -c "$LOG_CHUNK"
}

# A new password for somebody who uses this host, which must be changed at the next sign-in: account and password by standard input.
# Not for root, nor for accounts of programs. What is true afterwards is read, not assumed.
set_password() {
    IFS= read -r account || fail 64 "an account and a password, a line each"
    IFS= read -r secret || fail 64 "an account and a password, a line each"
    [ -n "$secret" ] || fail 64 "an account and a password, a line each"
    case $account in -* | *[!A-Za-z0-9._-]*) fail 64 "not an account" ;; esac
    number=$(id -u "$account" 2>/dev/null) || fail 67 "there is no account $account"
    if [ "$number" -lt 1000 ] || [ "$number" -eq 65534 ]; then fail 77 "$account is not a person's account"; fi
    before=$(getent shadow "$account" | cut -d : -f 2)
    printf '%s:%s\n' "$account" "$secret" | chpasswd 2>&1 || fail 70 "chpasswd refused it"
    chage -d 0 "$account" || fail 70 "chage refused it"
    after=$(getent shadow "$account" | cut -d : -f 2,3)
    case $after in "$before":*) fail 70 "the password is the one before" ;; '!'*) fail 70 "the account is still locked" ;; *:0) ;; *) fail 70 "it need not be changed" ;; esac
    echo set
}

# What of ours is on this host, a line each; `leave now` removes it and says so for each. The user goes where the set-up script made it;
# where it was there before, only our key goes. The line of that key comes by standard input.
ours() {
    for file in /etc/sudoers.d/retainer "$RESTORE" "$WATCH" "$DOCUMENT" "$SELF"; do [ ! -e "$file" ] || printf 'file\t%s\n' "$file"; done
    for folder in /var/lib/retainer /etc/retainer /run/retainer-secrets /run/retainer-drill; do [ ! -d "$folder" ] || printf 'folder\t%s\n' "$folder"; done
    if made_by_us; then printf 'user\t%s\n' "$leaver"; else printf 'key\t%s\n' "$(getent passwd "$leaver" | cut -d : -f 6)/.ssh/authorized_keys"; fi
    ! grep -rls -- "$leaver" /etc/sudoers /etc/sudoers.d 2>/dev/null | grep -vx /etc/sudoers.d/retainer | sed 's/^/other\tnamed in /'
    [ ! -e /var/spool/cron/crontabs/"$leaver" ] || printf 'other\t%s\n' /var/spool/cron/crontabs/"$leaver"
}

made_by_us() {
    [ "$(cat /var/lib/retainer/made-user 2>/dev/null)" = "$leaver" ] && return 0
    entry=$(getent passwd "$leaver") || return 1
    [ "$(printf '%s' "$entry" | cut -d : -f 3)" -lt 1000 ] && [ "$(printf '%s' "$entry" | cut -d : -f 6)" = "/home/$leaver" ]
}

leave() {
    leaver=${SUDO_USER:-}
    case $leaver in '' | root) fail 64 "only the portal's own user leaves" ;; esac
    IFS= read -r line || line=
    case $1 in
    plan) ours && echo end && return ;;
    now) ;;
    *) fail 64 "leave plan, or leave now" ;;
    esac
    for unit in $(systemctl list-units 'retainer-run-*' --plain --no-legend --no-pager 2>/dev/null | awk '{print $1}'); do
        case $unit in retainer-run-*) fail 75 "a run is under way: $unit" ;; esac
    done
    [ ! -x "$WATCH" ] || "$WATCH" calm >/dev/null 2>&1
    home=$(getent passwd "$leaver" | cut -d : -f 6)
    number=$(id -u "$leaver")
    mine=no
    if made_by_us; then mine=yes; fi
    if [ -f "$home/.ssh/authorized_keys" ] && [ -n "$line" ]; then
        grep -vF -- "$line" "$home/.ssh/authorized_keys" >"$home/.ssh/authorized_keys.left"
        cat "$home/.ssh/authorized_keys.left" >"$home/.ssh/authorized_keys" && rm -f "$home/.ssh/authorized_keys.left"
        if grep -qF -- "$line" "$home/.ssh/authorized_keys"; then printf 'left\tkey\n'; else printf 'gone\tkey\n'; fi
    fi
    # the rule before the rest: whatever comes after, nobody of ours becomes root any more
    rm -f /etc/sudoers.d/retainer
    [ "$mine" = no ] || userdel -f -r "$leaver" >/dev/null 2>&1
    rm -rf /var/lib/retainer /etc/retainer /run/retainer-secrets /run/retainer-drill
    rm -f "$RESTORE" "$WATCH" "$DOCUMENT" "$SELF"
    for path in /etc/sudoers.d/retainer "$RESTORE" "$WATCH" "$DOCUMENT" "$SELF" /var/lib/retainer /etc/retainer; do
        if [ -e "$path" ]; then printf 'left\t%s\n' "$path"; else printf 'gone\t%s\n' "$path"; fi
    done
    if [ "$mine" = yes ]; then
        if getent passwd "$leaver" >/dev/null; then printf 'left\tuser %s\n' "$leaver"; else printf 'gone\tuser %s\n' "$leaver"; fi
        if [ -d "$home" ]; then printf 'left\t%s\n' "$home"; else printf 'gone\t%s\n' "$home"; fi
        # what still runs as nobody's number ends with the connection that this answer goes over
        setsid sh -c "sleep 2; pkill -KILL -U $number" </dev/null >/dev/null 2>&1 &
    fi
    echo end
}

case ${1:-} in
version) echo "$VERSION" ;;
facts) facts ;;
refresh) refresh ;;
plan) plan ;;
backup-reading) "$RESTORE" read ;;
backup-survey) "$RESTORE" survey ;;
watch) "$WATCH" look ;;
drill) "$WATCH" drill "${2:-}" ;;
calm) "$WATCH" calm ;;
ask) "$WATCH" ask "${2:-}" ;;
document) "$DOCUMENT" read ;;
tour) "$DOCUMENT" tour ;;
leave) leave "${2:-}" ;;
set-password) set_password ;;
snapshots) snapshots ;;
drop-snapshots) drop_snapshots ;;
start) start "${2:-}" "${3:-}" "${4:-}" "${5:-}" ;;
allows) allowed "${2:-}" || fail 77 "this document is not allowed in $PLANS" ;;
execute) execute "${2:-}" ;;
status) status "${2:-}" "${3:-}" ;;
abandon)
    run_dir "${2:-}"
    mkdir -p "$DIR" && begin_once && boot_id >"$DIR/boot_id" && date +%s >"$DIR/created" && : >"$DIR/log" &&
        echo 75 >"$DIR/exit" && echo "abandoned"
    ;;
*) fail 64 "unknown word; see the head of $SELF" ;;
esac
