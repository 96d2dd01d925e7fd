
# --- what somebody who got in would change: each thing with a fingerprint, so that the portal can tell what is new
look_accounts() {
    passwords=$(passwd -S -a 2>/dev/null | cut -d ' ' -f 1,2)
    getent passwd | while IFS=: read -r name _ uid gid _ home shell; do
        say fact accounts "$name" "uid $uid, gid $gid, $shell, $home, password $(printf '%s\n' "$passwords" | awk -v name="$name" '$1 == name {print $2}')"
    done
}

look_groups() { getent group | while IFS=: read -r name _ gid members; do say fact groups "$name" "gid $gid: $members"; done; }

look_keys() {
    has ssh-keygen || return
    getent passwd | while IFS=: read -r name _ _ _ _ home _; do
        for file in "$home/.ssh/authorized_keys" "$home/.ssh/authorized_keys2" "/etc/ssh/authorized_keys/$name"; do
            [ -s "$file" ] || continue
            ssh-keygen -lf "$file" 2>/dev/null | while read -r bits key comment; do
                say fact keys "$name $key" "$bits bits, $comment, in $file, options $(grep -c '^[a-z].*ssh-\|^[a-z].*ecdsa-' "$file")"
            done
        done
    done | sort -u
}

sums() {
    area=$1
    shift
    for file; do
        if [ -L "$file" ]; then
            say fact "$area" "$file" "link to $(readlink "$file")"
        elif [ -f "$file" ]; then
            say fact "$area" "$file" "sha256 $(sum "$file"), $(stat -c '%U %a' "$file")"
        fi
    done
}

look_sudoers() { sums sudoers /etc/sudoers /etc/sudoers.d/* /etc/polkit-1/rules.d/*; }
look_cron() { sums cron /etc/crontab /etc/anacrontab /etc/cron.d/* /etc/cron.hourly/* /etc/cron.daily/* /etc/cron.weekly/* /etc/cron.monthly/* /var/spool/cron/crontabs/* /var/spool/cron/*; }

look_units() {
    [ -d /etc/systemd/system ] || return
    find /etc/systemd/system -type f -o -type l | sort | while read -r file; do sums units "$file"; done
}

# Listening: everything over TCP, and over UDP what is not a port of the moment.
look_ports() {
    has ss || return
    ss -Hltunp | grep -vF "$DRILL_PORT" | awk '{name = "-"; if (match($0, /\(\("[^"]+"/)) name = substr($0, RSTART + 3, RLENGTH - 4)
        port = $5; sub(/.*:/, "", port); if ($1 == "udp" && port + 0 >= 32768) next
        address = $5; sub(/%[^:\]]*/, "", address); print $1 " " address "\t" name}' | sort -u | while IFS="$TAB" read -r thing name; do
        say fact ports "$thing" "$name"
    done
}

# Files of packages that are not as they came, configuration aside. As careful with the disk as can be: it reads all of them.
look_binaries() {
    if has dpkg && dpkg --verify dpkg >/dev/null 2>&1; then
        nice -n 19 ionice -c 3 timeout -k 5 600 dpkg --verify 2>/dev/null >"/run/retainer-verify.$$"
        code=$?
        awk '$1 ~ /5/ && $2 != "c" {print $NF}' "/run/retainer-verify.$$" | head -n 500 | while read -r file; do say fact binaries "$file" "$(sum "$file")"; done
        rm -f "/run/retainer-verify.$$"
        [ "$code" -ne 124 ]
    else
        return 1
    fi
}

look_fail2ban() {
    has fail2ban-client || return
    jails=$(timeout -k 5 10 fail2ban-client status 2>/dev/null | sed -n 's/.*Jail list:[[:space:]]*//p')
    [ -n "$jails" ] || { say fail2ban - silent 0 && return; }
    printf '%s\n' "$jails" | tr ',' '\n' | while read -r jail; do
        banned=$(timeout -k 5 10 fail2ban-client status "$jail" 2>/dev/null | sed -n 's/.*Currently banned:[[:space:]]*//p')
        say fail2ban "$jail" answers "${banned:--}"
    done
}
