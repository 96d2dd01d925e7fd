
# --- the survey: what on this host makes backups, and what lies here that should be in one. Reads only.
#   entry=KIND<tab>NAME<tab>STATE<tab>base64     a crontab, a timer with its service, a tool's configuration, a script that they call
#   place=KIND<tab>NAME<tab>WHERE                a database, a volume, a web root, a folder of data
# Passwords never leave: where one stands there is a keyed hash, which tells only whether it changed.

BACKUP_TOOLS='(^|[^a-z])(restic|borg|borgmatic|autorestic|resticprofile|pg_dump|pg_dumpall|mysqldump|mariadb-dump|rsync|tar|duplicity|rclone|kopia|pg_basebackup|pgbackrest|wal-g)([^a-z]|$)'
SECRET_WORDS='(password|passphrase|passwd|secret|token|access_key|api_key|mysql_pwd)[a-z_]*["'"'"']?[[:space:]]*[:=]'
ENTRY_LIMIT=65536

survey() {
    DIR=$(mktemp -d /run/retainer-survey.XXXXXX) || exit 73
    trap 'rm -rf "$DIR"' EXIT
    [ -s /var/lib/retainer/salt ] || { mkdir -p /var/lib/retainer && head -c 32 /dev/urandom | sha256sum >/var/lib/retainer/salt; } || exit 73
    : >"$DIR/called"
    crontabs
    timers
    configurations
    scripts
    places 2>/dev/null
    printf 'end=survey\n'
}

keyed() { { cat /var/lib/retainer/salt - | sha256sum | cut -c 1-12; } 2>/dev/null; }

# A file's text without its secrets, as one line of base64.
redacted() {
    head -c "$ENTRY_LIMIT" "$1" >"$DIR/text"
    : >"$DIR/script"
    grep -niE "$SECRET_WORDS" "$DIR/text" | grep -viE '(password|passphrase|secret)[_-]?(file|command)' | while IFS=: read -r number line; do
        printf '%ss!\\(%s\\).*!\\1<%s>!I\n' "$number" '.*\(password\|passphrase\|passwd\|secret\|token\|access_key\|api_key\|mysql_pwd\)[a-z_]*["'"'"']\{0,1\}[[:space:]]*[:=]' \
            "$(printf '%s' "$line" | keyed)"
    done >"$DIR/script"
    # what stands in an address, and behind mysqldump's -p
    sed -f "$DIR/script" "$DIR/text" | sed -E 's!(://[^/:@[:space:]]*):[^/@[:space:]]*@!\1:<hidden>@!g; s!([[:space:]]-p)[^-[:space:]][^[:space:]]*!\1<hidden>!g' | base64 -w 0
}

# KIND NAME STATE FILE: an entry, where its text or a script that it calls knows a tool that makes backups.
entry() {
    grep -oE '/[A-Za-z0-9_./@-]+' "$4" | sort -u >"$DIR/paths"
    known=$(grep -qE "$BACKUP_TOOLS" "$4" && echo yes)
    while read -r path; do
        case $path in /dev/* | /proc/* | /sys/* | /run/* | /bin/* | /usr/bin/* | /sbin/* | /usr/sbin/*) continue ;; esac
        if [ ! -f "$path" ] || [ "$(head -c 2 "$path" | tr -d '\0')" != '#!' ] || ! grep -qE "$BACKUP_TOOLS" "$path"; then continue; fi
        echo "$path" >>"$DIR/called"
        known=yes
    done <"$DIR/paths"
    [ -n "$known" ] || return 0
    printf 'entry=%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$(redacted "$4")"
}

crontabs() {
    state=off
    for unit in cron crond; do [ "$(systemctl is-active "$unit" 2>/dev/null)" != active ] || state=on; done
    for file in /etc/crontab /etc/cron.d/* /etc/cron.hourly/* /etc/cron.daily/* /etc/cron.weekly/* /etc/cron.monthly/* /var/spool/cron/crontabs/* /var/spool/cron/*; do
        [ -f "$file" ] || continue
        grep -vE '^[[:space:]]*#' "$file" >"$DIR/cron"
        entry cron "$file" "$state" "$DIR/cron"
    done
}

timers() {
    command -v systemctl >/dev/null 2>&1 || return 0
    systemctl list-unit-files --type=timer --no-legend --plain 2>/dev/null | cut -d ' ' -f 1 | grep -v '@\.timer$' | while read -r timer; do
        service=$(systemctl show -p Unit --value "$timer" 2>/dev/null)
        systemctl cat "$timer" "${service:-$timer}" >"$DIR/unit" 2>/dev/null || continue
        state="$(systemctl show -p UnitFileState --value "$timer") $(systemctl show -p ActiveState --value "$timer")"
        entry timer "$timer" "$state" "$DIR/unit"
    done
}

configurations() {
    for file in /etc/borgmatic/*.yaml /etc/borgmatic.d/*.yaml /root/.config/borgmatic/*.yaml /root/.config/borgmatic.d/*.yaml /etc/autorestic.y*ml \
        /etc/autorestic/*.y*ml /root/.autorestic.y*ml /etc/resticprofile/* /root/resticprofile/* /root/.config/resticprofile/*; do
        [ -f "$file" ] || continue
        printf 'entry=configuration\t%s\tthere\t%s\n' "$file" "$(redacted "$file")"
    done
}

scripts() {
    sort -u "$DIR/called" | while read -r file; do
        [ -x "$file" ] && state=runs || state='not executable'
        printf 'entry=script\t%s\t%s\t%s\n' "$file" "$state" "$(redacted "$file")"
    done
}

place() { printf 'place=%s\t%s\t%s\n' "$1" "$2" "$3"; }

places() {
    for bin in /usr/lib/postgresql/*/bin; do :; done
    if [ -x "$bin/psql" ]; then
        live_psql postgres -c "$USER_DATABASES" </dev/null | while read -r name; do place database "$name" postgresql; done
    fi
    if client=$(command -v mariadb || command -v mysql); then
        live_mysql "SELECT schema_name FROM information_schema.schemata WHERE schema_name $USERS" </dev/null | while read -r name; do place database "$name" mysql; done
    fi
    for engine in docker podman; do
        command -v "$engine" >/dev/null 2>&1 || continue
        timeout 20 "$engine" volume ls -q | head -n 200 | while read -r name; do
            place volume "$name" "$(timeout 20 "$engine" volume inspect -f '{{.Mountpoint}}' "$name")"
        done
    done
    {
        sed -nE 's/^[[:space:]]*root[[:space:]]+([^;[:space:]]+);.*/\1/p' /etc/nginx/sites-enabled/* /etc/nginx/conf.d/*.conf
        sed -nE 's/^[[:space:]]*DocumentRoot[[:space:]]+"?([^"[:space:]]+)"?.*/\1/p' /etc/apache2/sites-enabled/* /etc/httpd/conf.d/*.conf
    } | sort -u | while read -r folder; do [ ! -d "$folder" ] || place webroot "$folder" "$folder"; done
    findmnt -rn -t ext4,xfs,btrfs,zfs -o TARGET | grep -vxE '/|/boot.*|/usr|/var|/tmp|/run/.*|/proc/.*|/dev/.*|/sys/.*' | while read -r folder; do place mount "$folder" "$folder"; done
    # the portal's own login has nothing that a client would miss
    ours=$(getent passwd "${SUDO_USER:-}" | cut -d : -f 6)
    for folder in /srv/* /home/* /var/mail /var/vmail /etc; do
        if [ ! -d "$folder" ] || [ -L "$folder" ] || [ "$folder" = "$ours" ]; then continue; fi
        [ -z "$(find "$folder" -xdev -type f -print -quit)" ] || place folder "$folder" "$folder"
    done
}
