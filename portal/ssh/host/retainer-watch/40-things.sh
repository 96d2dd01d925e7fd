
# --- what runs here, and how the hardware under it does
look_services() {
    has systemctl || return
    list=$(timeout -k 5 10 systemctl list-units --type=service --state=running --plain --no-legend --no-pager --full) || return
    printf '%s\n' "$list" | while read -r unit _; do
        case $unit in '' | retainer-drill*) ;; *) say service "$unit" ;; esac
    done
}

# How often systemd started each service again by itself since it was started on purpose (systemd.service(5), NRestarts).
look_restarts() {
    has systemctl || return
    list=$(timeout -k 5 10 systemctl show '*.service' -p Id -p NRestarts --no-pager) || return
    printf '%s\n' "$list" | awk -F '=' '$1 == "Id" {id = $2} $1 == "NRestarts" {n = $2} NF == 0 {if (n > 0) print id, n; n = 0} END {if (n > 0) print id, n}' |
        while read -r unit number; do say restarts "$unit" "$number"; done
}

look_containers() {
    found=1
    for engine in docker podman; do
        has "$engine" || continue
        found=0
        if ! ids=$(timeout -k 5 20 "$engine" ps -a -q --no-trunc 2>/dev/null); then
            say engine "$engine" silent
            continue
        fi
        say engine "$engine" read
        [ -n "$ids" ] || continue
        # shellcheck disable=SC2086  # one word an id
        timeout -k 5 20 "$engine" inspect --format \
            '{{.Name}}|{{.State.Status}}|{{if .State.Health}}{{.State.Health.Status}}{{else}}-{{end}}|{{.RestartCount}}|{{.HostConfig.RestartPolicy.Name}}' \
            $ids 2>/dev/null | while IFS='|' read -r name state health restarts policy; do
            say container "$engine" "${name#/}" "$state" "$health" "$restarts" "${policy:-no}"
        done
    done
    return "$found"
}

# What stands behind a word in nginx's configuration: its ends are semicolons and braces, not lines.
nginx_words() {
    cat /etc/nginx/nginx.conf /etc/nginx/sites-enabled/* /etc/nginx/conf.d/*.conf | sed 's/^[[:space:]]*#.*//' | tr ';{}' '\n' |
        sed -nE "s/^[[:space:]]*$1[[:space:]]+//p" | tr -d '"'
}

# Certificates on disk that a program here is told to show.
look_certificates() {
    has openssl || return
    {
        nginx_words ssl_certificate
        sed -nE 's/^[[:space:]]*SSLCertificateFile[[:space:]]+"?([^"[:space:]]+)"?.*/\1/p' /etc/apache2/sites-enabled/* /etc/httpd/conf.d/*.conf
        sed -nE 's/^[[:space:]]*smtpd_tls_(chain_files|cert_file)[[:space:]]*=[[:space:]]*([^,[:space:]]+).*/\2/p' /etc/postfix/main.cf
        sed -nE 's/^[[:space:]]*ssl_(server_)?cert(_file)?[[:space:]]*=[[:space:]]*<?([^[:space:]]+).*/\3/p' /etc/dovecot/dovecot.conf /etc/dovecot/conf.d/*.conf
        sed -nE 's/^[[:space:]]*ssl_cert_file[[:space:]]*=[[:space:]]*'"'"'([^'"'"']+)'"'"'.*/\1/p' /etc/postgresql/*/*/postgresql.conf
        ls -d /etc/letsencrypt/live/*/fullchain.pem
    } 2>/dev/null | sort -u | while read -r file; do
        case $file in /*) ;; *) continue ;; esac
        end=$(openssl x509 -noout -enddate -in "$file" 2>/dev/null | sed 's/^notAfter=//')
        say certificate "$file" "$([ -z "$end" ] || date -d "$end" +%s)"
    done
    [ ! -e "$DRILL/certificate.pem" ] || say certificate "$DRILL/certificate.pem" "$(shown_end "$DRILL_PORT")"
}

# The end of the certificate that a program shows on a port of this host; nothing where nobody answers.
shown_end() {
    end=$(timeout -k 5 10 openssl s_client -connect "$1" </dev/null 2>/dev/null | openssl x509 -noout -enddate 2>/dev/null | sed 's/^notAfter=//')
    [ -z "$end" ] || date -d "$end" +%s
}

# Names that web servers here answer to.
look_sites() {
    {
        nginx_words server_name
        sed -nE 's/^[[:space:]]*Server(Name|Alias)[[:space:]]+(.+)$/\2/p' /etc/apache2/sites-enabled/* /etc/httpd/conf.d/*.conf
    } 2>/dev/null | tr ' ' '\n' | sed 's/:[0-9]*$//' | grep -E '^[A-Za-z0-9.-]+\.[A-Za-z]+$' | sort -u | while read -r name; do say site "$name"; done
}

# Whether databases accept connections, each cluster for itself.
look_databases() {
    found=1
    if has pg_lsclusters; then
        found=0
        pg_lsclusters -h 2>/dev/null | while read -r version cluster port _; do
            [ "$(systemctl is-enabled "postgresql@$version-$cluster" 2>/dev/null)" != disabled ] || continue
            systemctl is-enabled -q postgresql 2>/dev/null || systemctl is-active -q "postgresql@$version-$cluster" 2>/dev/null || continue
            timeout -k 5 10 "/usr/lib/postgresql/$version/bin/pg_isready" -q -h /var/run/postgresql -p "$port" && state=accepts || state=refuses
            say database "postgresql $version/$cluster" "$state"
        done
    fi
    for unit in mariadb mysql; do
        [ -L "/etc/systemd/system/multi-user.target.wants/$unit.service" ] || systemctl is-active -q "$unit" 2>/dev/null || continue
        found=0
        tool=$(command -v mariadb-admin || command -v mysqladmin) || continue
        # who is refused for want of a password was answered
        timeout -k 5 10 "$tool" ping >/dev/null 2>&1 && state=accepts || state=refuses
        say database "$unit" "$state"
        break
    done
    return "$found"
}

look_smart() {
    has smartctl || return
    smartctl --scan 2>/dev/null | while read -r disk _ type _; do
        said=$(timeout -k 5 20 smartctl -n standby -H -A ${type:+-d "$type"} "$disk" 2>/dev/null)
        health=$(printf '%s\n' "$said" | sed -n 's/.*\(overall-health self-assessment test result\|SMART Health Status\): *//p')
        say smart "$disk" "${health:--}" \
            "$(printf '%s\n' "$said" | awk '$2 ~ /Reallocated_Sector_Ct|Current_Pending_Sector|Offline_Uncorrectable/ {n += $10} /Media and Data Integrity Errors:/ {n += $NF} END {print n + 0}')" \
            "$(printf '%s\n' "$said" | sed -n 's/.*Percentage Used: *\([0-9]*\)%.*/\1/p')"
    done
}

look_zfs() {
    has zpool || return
    list=$(timeout -k 5 20 zpool list -H -o name,health,cap 2>/dev/null) || return
    printf '%s\n' "$list" | while read -r pool health used; do [ -z "$pool" ] || say zfs "$pool" "$health" "${used%\%}"; done
}

look_raid() {
    [ -e /proc/mdstat ] || return
    awk '$2 == ":" && $1 ~ /^md/ {name = $1; state = $3} name != "" && /\[[U_]+\]/ {match($0, /\[[U_]+\]/); print name, state, substr($0, RSTART, RLENGTH)}
        name != "" && /(recovery|resync|reshape|check) *=/ {print name, "busy", $2 $3 $4} NF == 0 {name = ""}' /proc/mdstat |
        while read -r name state disks; do say raid "$name" "$state" "$disks"; done
}

# Everything that holds files of its own, on other machines as well.
look_mounts() {
    has findmnt || return
    list=$(timeout -k 5 10 findmnt -rn -t ext2,ext3,ext4,xfs,btrfs,zfs,f2fs,overlay,nfs,nfs4,cifs,fuse.sshfs,ceph,glusterfs,fuse.glusterfs -o TARGET,FSTYPE) || [ $? -eq 1 ] || return
    printf '%s\n' "$list" | while read -r target type; do
        case $target in '' | /run/* | /proc/* | /dev/* | /sys/* | /var/lib/docker/* | /var/lib/containers/*) continue ;; esac
        say mount "$target" "$type"
    done
}
