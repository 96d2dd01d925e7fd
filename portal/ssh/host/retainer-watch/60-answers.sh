
# --- answers to everyday questions, read and never changed: ask KIND, with ACCOUNT and PATH as lines of standard input
ask() {
    IFS= read -r account || account=
    IFS= read -r path || path=
    case $account in -* | *[!A-Za-z0-9._@+-]*) account= ;; esac
    case $path in /*) ;; *) path= ;; esac
    case $1 in
    password) [ -z "$account" ] || ask_password ;;
    mail) ask_mail ;;
    permission | sharing)
        [ -z "$account" ] || ask_account
        [ -z "$path" ] || ask_path
        ;;
    *) echo "no such question" >&2 && exit 64 ;;
    esac
    echo end
}

ask_account() {
    if getent passwd "$account" >/dev/null; then
        say account "$account" there
        say groups "$(id -nG "$account" 2>/dev/null)"
    else
        say account "$account" missing
    fi
}

# shadow(5): the last change and the longest age in days, the account's end in days since 1970.
ask_password() {
    ask_account
    line=$(getent shadow "$account") || return 0
    printf '%s\n' "$line" | awk -F ':' -v OFS='\t' '{
        if ($2 ~ /^[!*]/) print "locked"
        if ($3 == 0) print "must-change"
        if ($3 > 0) print "changed", $3 * 86400
        if ($3 > 0 && $5 != "" && $5 < 90000) print "expires", ($3 + $5) * 86400
        if ($8 != "") print "account-ends", $8 * 86400
    }'
    if has faillock; then say failures "$(faillock --user "$account" 2>/dev/null | grep -c ' V$')"; fi
}

ask_mail() {
    if [ -n "$account" ]; then
        if has doveadm && doveadm user "$account" >/dev/null 2>&1; then
            say mailbox "$account" there
            quota=$(doveadm -f tab quota get -u "$account" 2>/dev/null | awk -F '\t' '$2 == "STORAGE" {print $5; exit}')
            [ -z "$quota" ] || say quota "$quota"
        elif has doveadm; then
            say mailbox "$account" missing
        fi
        name=${account%%@*}
        ! getent passwd "$name" >/dev/null || { account=$name && ask_password; }
    fi
    for port in 143 993 587 465; do
        if ss -Hltn "sport = :$port" 2>/dev/null | grep -q .; then say port "$port" listens; else say port "$port" silent; fi
        case $port in 993 | 465) say shown "$port" "$(shown_end "127.0.0.1:$port")" ;; esac
    done
    if has mailq; then say queue "$(mailq 2>/dev/null | grep -c '^[0-9A-F]')"; fi
}

# Each folder on the way, and whether the account gets in: tried as the account, by reading alone.
ask_path() {
    before=
    rest=$path
    while [ -n "$rest" ]; do
        part=${rest%"${rest#*/}"}
        rest=${rest#"$part"}
        [ -n "$part" ] || { part=$rest && rest=; }
        before=$before$part
        step=${before%/}
        step=${step:-/}
        facts=$(stat -c '%A %U %G' "$step" 2>/dev/null) || {
            say step "$step" missing
            break
        }
        say step "$step" "$facts"
        if [ -n "$account" ] && getent passwd "$account" >/dev/null && [ -d "$step" ] && ! runuser -u "$account" -- test -x "$step" 2>/dev/null; then
            say refused "$step" enter
            break
        fi
    done
    if [ -n "$account" ] && getent passwd "$account" >/dev/null && [ -e "$path" ]; then
        for right in r w; do
            if runuser -u "$account" -- test "-$right" "$path" 2>/dev/null; then say may "$right" yes; else say may "$right" no; fi
        done
    fi
    say free "$(df -P -k "$path" 2>/dev/null | awk 'NR == 2 {print $4}')"
}
