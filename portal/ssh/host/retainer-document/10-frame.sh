#!/bin/sh
# retainer-document: what this host is and how it is set up, for its owner's papers, run as root by retainer-host. It only reads.
#   read   everything that a document of the host is made of. Lines are words separated by tabs; an area that was read whole ends with
#          `read AREA`. Files come as `file PATH WHY BASE64`; private keys, password files and histories are never read.
#   tour   a tour in chapters: what is typed and what it shows, each command run on a terminal of its own
set -u
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
umask 077
TAB=$(printf '\t')
# What one file may have; a document tells how a host is set up, not what it holds.
FILE_LIMIT=65536
FILES_MOST=300

has() { command -v "$1" >/dev/null 2>&1; }
# Words of a line, without what would make it another line.
say() {
    line=$1
    shift
    for word; do line="$line$TAB$(printf '%s' "$word" | tr '\t\n\r' '   ')"; done
    printf '%s\n' "$line"
}
# Each line of standard input as one word of a line of its own.
say_lines() { while IFS= read -r text; do [ -z "$text" ] || say "$@" "$text"; done; }

document() {
    say clock "$(date +%s)"
    for area in identity hardware network ports peers services sources packages users sudo cron timers containers sites certificates \
        databases storage firewall configuration; do
        "read_$area" && say read "$area"
    done
    echo end
}
