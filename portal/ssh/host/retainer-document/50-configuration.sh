
# --- configuration that somebody wrote or changed
# What is never read, whatever changed there: keys, passwords, what people typed, and our own way in.
secret_place() {
    case $1 in
    */shadow* | */gshadow* | */ssh_host_* | *.key | *.p12 | *.pfx | *.jks | */private/* | */.ssh/* | *_history | */authorized_keys | \
        /etc/sudoers.d/retainer | /etc/retainer/* | */opasswd | *.kdbx | */krb5.keytab) return 0 ;;
    esac
    return 1
}

# A file's text, where it is one and not too long; a link is told, not followed.
say_file() {
    path=$1
    secret_place "$path" && return
    [ -f "$path" ] || return
    [ ! -L "$path" ] || return
    case $path in *"$TAB"*) return ;; esac
    [ "$told" -lt "$FILES_MOST" ] || { say left-out "$path" "too many files" && return; }
    [ "$(stat -c %s "$path")" -le "$FILE_LIMIT" ] || { say left-out "$path" "longer than $FILE_LIMIT bytes" && return; }
    [ ! -s "$path" ] || grep -qI . "$path" || { say left-out "$path" "not text" && return; }
    ! grep -qs 'PRIV[A]TE KEY-----' "$path" || { say left-out "$path" "holds a private key" && return; }
    told=$((told + 1))
    say file "$path" "$2" "$(base64 -w 0 <"$path")" "$3"
}

# The package's own text of a file, where its archive still lies here.
default_of() {
    version=$(dpkg-query -W -f='${Version}' "$1" 2>/dev/null | sed 's/:/%3a/')
    for archive in /var/cache/apt/archives/"${1%%:*}_${version}_"*.deb; do
        [ -f "$archive" ] || continue
        timeout 20 dpkg-deb --fsys-tarfile "$archive" 2>/dev/null | timeout 20 tar -xO ".$2" 2>/dev/null | head -c "$FILE_LIMIT" | base64 -w 0
        return
    done
}

read_configuration() {
    told=0
    if has dpkg-query; then
        list=$(dpkg-query -W -f='${Package}\n${Conffiles}\n' 2>/dev/null) || return
        changed=$(printf '%s\n' "$list" | awk '/^[^ ]/ {p = $1; next} NF >= 2 && $3 != "obsolete" && $1 ~ /^\// {print p, $1, $2}' | while read -r package path sum; do
            [ -f "$path" ] || continue
            is=$(md5sum <"$path" | cut -d ' ' -f 1)
            [ "$is" = "$sum" ] || printf '%s %s\n' "$package" "$path"
        done)
        while read -r package path; do
            [ -n "$path" ] || continue
            say_file "$path" "changed from $package" "$(secret_place "$path" || default_of "$package" "$path")"
        done <<X
$changed
X
    elif has rpm; then
        changed=$(rpm -Va --nomtime --nodeps --nodigest 2>/dev/null | sed -nE 's/^..5.{6}  c (\/.*)$/\1/p')
        while read -r path; do [ -z "$path" ] || say_file "$path" "changed from its package" ""; done <<X
$changed
X
    fi
    # what no package brought, where services and sites are described
    found=$(find /etc/nginx /etc/apache2 /etc/systemd/system /etc/cron.d /etc/postfix /etc/dovecot /etc/logrotate.d /etc/fail2ban /etc/ssh/sshd_config.d \
        /etc/nftables.conf /etc/restic /etc/borgmatic /etc/default -xdev -type f 2>/dev/null | sort)
    composed=$(find /srv /opt /root /home -xdev -maxdepth 3 -type f \( -name 'docker-compose*.y*ml' -o -name 'compose*.y*ml' -o -name config.php \) 2>/dev/null | sort)
    while read -r path; do
        [ -n "$path" ] || continue
        [ "$(owner "$path")" = - ] || continue
        say_file "$path" "of nobody's package" ""
    done <<X
$found
$composed
X
}
