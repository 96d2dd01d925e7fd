#!/bin/sh
# retainer-watch: what only root can see of how this host does and of what runs on it, run by retainer-host.
#   look        reads, and changes nothing. By standard input: since=SECONDS (count log lines from then on), full=yes (verify files of
#               packages as well, which takes a while), log=PATH<tab>INODE<tab>OFFSET (how far a log was counted)
#   drill KIND  make a condition real that an alert must follow, in a way that harms nothing; it is taken back by itself
#   calm        take back what drills made
#   ask KIND    read what answers an everyday question of somebody who uses this host; changes nothing
# Lines are words separated by tabs. An area that was read whole ends with `read AREA`: what it does not name is not there. Without
# that line nobody knows. The last line is `end`.
set -u
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
umask 077
TAB=$(printf '\t')
DRILL=/run/retainer-drill
# Where a drill shows its certificate.
DRILL_PORT=127.0.0.1:47993
# What one log may have grown by since the last look and still be counted whole.
LOG_LIMIT=16777216

has() { command -v "$1" >/dev/null 2>&1; }
# Words of a line, without what would make it another line.
say() {
    line=$1
    shift
    for word; do line="$line$TAB$(printf '%s' "$word" | tr '\t\n' '  ')"; done
    printf '%s\n' "$line"
}
sum() { sha256sum "$1" 2>/dev/null | cut -c 1-16; }

look() {
    since=$(($(date +%s) - 300))
    full=no
    logs=
    while IFS='=' read -r name value; do
        case $name in
        since) case $value in *[!0-9.]* | '') ;; *) since=$value ;; esac ;;
        full) full=$value ;;
        log) logs="$logs$value
" ;;
        esac
    done
    # an entry is counted by one look and no other
    until=$(date +%s.%6N)
    say clock "$until"
    for area in journal web signins sudo accounts groups keys sudoers units cron ports services restarts containers certificates \
        sites databases mounts fail2ban smart zfs raid; do
        "look_$area" && say read "$area"
    done
    if [ "$full" = yes ]; then look_binaries && say read binaries; fi
    echo end
}
