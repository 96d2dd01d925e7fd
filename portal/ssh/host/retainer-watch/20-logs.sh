
# --- logs: how much of what should not be there came in since the last look
entries() { timeout -k 5 20 journalctl -q --no-pager -o cat --since "@$since" --until "@$until" "$@" 2>/dev/null; }

look_journal() {
    has journalctl || return
    errors=$(entries -p err) || return
    say errors "$(printf '%s\n' "$errors" | grep -cv '^$\|retainer-drill')" "$(printf '%s\n' "$errors" | grep -c 'retainer-drill')"
    printf '%s\n' "$errors" | grep -v '^$\|retainer-drill' | cut -c 1-160 | sort | uniq -c | sort -rn | head -n 3 | while read -r count words; do
        say often "$count" "$words"
    done
}

# Answers of web servers by their access logs, and how many of them were failures of the server (5xx).
look_web() {
    for file in /var/log/nginx/*access*.log /var/log/apache2/*access*.log /var/log/httpd/*access_log; do
        [ -f "$file" ] || continue
        inode=$(stat -c %i "$file")
        size=$(stat -c %s "$file")
        told=$(printf '%s' "$logs" | awk -F '\t' -v file="$file" -v inode="$inode" '$1 == file && $2 == inode {print $3; exit}')
        case $told in *[!0-9]* | '') told=$size ;; esac
        [ "$told" -le "$size" ] || told=0 # it was emptied
        part=$((size - told))
        [ "$part" -le "$LOG_LIMIT" ] || part=$LOG_LIMIT
        # shellcheck disable=SC2046  # two numbers
        say web "$file" "$inode" "$((told + part))" $(tail -c "+$((told + 1))" "$file" | head -c "$part" |
            awk 'match($0, /" [1-5][0-9][0-9] /) {all++; if (substr($0, RSTART + 2, 1) == 5) bad++} END {print all + 0, bad + 0}')
    done
}

# Who got in, and how often somebody was refused. Syslog's name, not the program's: newer ones call a part of theirs sshd-session.
look_signins() {
    has journalctl || return
    lines=$(entries -t sshd -t sshd-session) || return
    refused=$(printf '%s\n' "$lines" | grep -E '^(Failed |Invalid user |Connection (closed|reset) by (authenticating|invalid) user )')
    say refused "$(printf '%s\n' "$refused" | grep -cv '^$\|retainer-drill')" "$(printf '%s\n' "$refused" | grep -c 'retainer-drill')" \
        "$(printf '%s\n' "$refused" | grep -v retainer-drill | sed -n 's/.* from \([0-9a-fA-F.:]*\) port.*/\1/p' | sort | uniq -c | sort -rn | awk 'NR == 1 {print $2}')"
    printf '%s\n' "$lines" | sed -n 's/^Accepted \([^ ]*\) for \([^ ]*\) from \([^ ]*\) port [0-9]* ssh2\(: [^ ]* \(.*\)\)\{0,1\}$/\2\t\1\t\3\t\5/p' |
        sort -u | while IFS="$TAB" read -r user how from key; do
        say signin "$user" "$how" "$from" "${key:--}"
    done
}

look_sudo() {
    has journalctl || return
    lines=$(entries -t sudo) || return
    printf '%s\n' "$lines" | sed -n 's/^ *\([^ ]*\) : .*USER=\([^ ;]*\) .*COMMAND=.*/\1 \2/p' | sort | uniq -c | while read -r count user as; do
        say sudo "$user" "$as" "$count"
    done
    printf '%s\n' "$lines" | grep -E 'NOT in sudoers|incorrect password|command not allowed|a password is required' | sed -n 's/^ *\([^ ]*\) : .*/\1/p' |
        sort | uniq -c | while read -r count user; do say sudo-refused "$user" "$count"; done
}
