
# --- who gets in, and what runs by the clock
read_users() {
    list=$(getent passwd) || return
    printf '%s\n' "$list" | while IFS=: read -r name _ uid _ words home shell; do
        case $shell in */nologin | */false | */sync | '') continue ;; esac
        state=$(passwd -S "$name" 2>/dev/null | awk '{print $2}')
        say user "$name" "$uid" "$words" "$home" "$shell" "$(id -nG "$name" 2>/dev/null)" "${state:--}"
        for keys in "$home/.ssh/authorized_keys" "$home/.ssh/authorized_keys2"; do
            [ -f "$keys" ] || continue
            ssh-keygen -lf "$keys" 2>/dev/null | while read -r _ fingerprint rest; do say key "$name" "$fingerprint" "$rest"; done
        done
    done
}

read_sudo() {
    [ -e /etc/sudoers ] || return 0
    for file in /etc/sudoers /etc/sudoers.d/*; do
        case $file in */README | *~) continue ;; esac
        [ ! -f "$file" ] || grep -hv '^[[:space:]]*\(#\|$\)' "$file" | say_lines sudo "$file"
    done
}

read_cron() {
    for file in /etc/crontab /etc/cron.d/*; do
        case $file in */.placeholder) continue ;; esac
        [ ! -f "$file" ] || grep -hv '^[[:space:]]*\(#\|$\)' "$file" | say_lines cron "$file"
    done
    for file in /var/spool/cron/crontabs/* /var/spool/cron/*; do
        [ ! -f "$file" ] || grep -hv '^[[:space:]]*\(#\|$\)' "$file" | say_lines cron "crontab of ${file##*/}"
    done
    for every in hourly daily weekly monthly; do
        for file in /etc/cron."$every"/*; do
            [ ! -f "$file" ] || say cron "$every" "$file"
        done
    done
}

read_timers() {
    has systemctl || return
    list=$(timeout -k 5 20 systemctl list-units --type=timer --plain --no-legend --no-pager --full 2>/dev/null) || return
    printf '%s\n' "$list" | while read -r unit _; do
        [ -n "$unit" ] || continue
        shown=$(systemctl show "$unit" -p Unit -p TimersCalendar -p TimersMonotonic --no-pager 2>/dev/null)
        say timer "$unit" "$(printf '%s\n' "$shown" | sed -n 's/^Unit=//p')" \
            "$(printf '%s\n' "$shown" | sed -n 's/^Timers[A-Za-z]*={ \([A-Za-z]*\)=\([^;]*\) ;.*/\1 \2/p' | tr '\n' ',' | sed 's/,$//')"
    done
}
