
# --- what runs on it, and where that is kept
read_containers() {
    found=0
    for engine in docker podman; do
        has "$engine" || continue
        ids=$(timeout -k 5 20 "$engine" ps -a -q --no-trunc 2>/dev/null) || { found=1 && continue; }
        for id in $ids; do
            timeout -k 5 20 "$engine" inspect --format \
                '{{.Name}}|{{.Config.Image}}|{{.State.Status}}|{{.HostConfig.RestartPolicy.Name}}|{{range .Mounts}}{{.Source}}:{{.Destination}} {{end}}' \
                "$id" 2>/dev/null | while IFS='|' read -r name image state policy mounts; do
                say container "$engine" "${name#/}" "$image" "$state" "$policy" "$mounts"
            done
        done
    done
    return "$found"
}

# What stands in a web server's configuration, without comments, one statement a line.
nginx_statements() {
    cat /etc/nginx/nginx.conf /etc/nginx/sites-enabled/* /etc/nginx/conf.d/*.conf 2>/dev/null | sed 's/^[[:space:]]*#.*//' | tr ';{}' '\n'
}

read_sites() {
    nginx_statements | sed -nE 's/^[[:space:]]*(server_name|listen|root|proxy_pass)[[:space:]]+(.*)$/\1\t\2/p' |
        while IFS="$TAB" read -r what value; do say site nginx "$what" "$value"; done
    sed -nE 's/^[[:space:]]*(ServerName|ServerAlias|DocumentRoot|ProxyPass)[[:space:]]+(.*)$/\1\t\2/p' /etc/apache2/sites-enabled/* \
        /etc/httpd/conf.d/*.conf 2>/dev/null | while IFS="$TAB" read -r what value; do say site apache "$what" "$value"; done
}

read_certificates() {
    has openssl || return 0
    {
        nginx_statements | sed -nE 's/^[[:space:]]*ssl_certificate[[:space:]]+//p'
        sed -nE 's/^[[:space:]]*SSLCertificateFile[[:space:]]+"?([^"[:space:]]+)"?.*/\1/p' /etc/apache2/sites-enabled/* /etc/httpd/conf.d/*.conf
        sed -nE 's/^[[:space:]]*smtpd_tls_(chain_files|cert_file)[[:space:]]*=[[:space:]]*([^,[:space:]]+).*/\2/p' /etc/postfix/main.cf
        sed -nE 's/^[[:space:]]*ssl_(server_)?cert(_file)?[[:space:]]*=[[:space:]]*<?([^[:space:]]+).*/\3/p' /etc/dovecot/dovecot.conf /etc/dovecot/conf.d/*.conf
        ls -d /etc/letsencrypt/live/*/fullchain.pem
    } 2>/dev/null | sort -u | while read -r file; do
        case $file in /*) ;; *) continue ;; esac
        end=$(openssl x509 -noout -enddate -in "$file" 2>/dev/null | sed 's/^notAfter=//')
        renews=
        case $file in /etc/letsencrypt/*) renews=certbot ;; */acme*) renews=acme ;; esac
        say certificate "$file" "$(openssl x509 -noout -subject -nameopt RFC2253 -in "$file" 2>/dev/null | sed 's/^subject= *//')" "${end:-not readable}" "${renews:--}"
    done
}

read_databases() {
    found=0
    if has pg_lsclusters; then
        pg_lsclusters -h 2>/dev/null | while read -r version cluster port state _ folder _; do
            say database "postgresql $version/$cluster" "port $port" "$state" "$folder"
            [ "$state" != online ] || (cd / && timeout -k 5 20 runuser -u postgres -- psql -X -A -t -F "$TAB" -p "$port" -c \
                "SELECT d.datname, r.rolname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE NOT d.datistemplate ORDER BY 1" 2>/dev/null) |
                while IFS="$TAB" read -r name role; do say database "postgresql $version/$cluster" "database $name" "owned by $role" ""; done
        done
    fi
    for tool in mariadb mysql; do
        has "$tool" || continue
        systemctl is-active -q mariadb 2>/dev/null || systemctl is-active -q mysql 2>/dev/null || break
        list=$(timeout -k 5 20 "$tool" -N -B -e 'SHOW DATABASES' 2>/dev/null) || { found=1 && break; }
        printf '%s\n' "$list" | while read -r name; do
            case $name in information_schema | performance_schema | sys | mysql) ;; *) say database "$tool" "database $name" "" "" ;; esac
        done
        break
    done
    return "$found"
}

read_storage() {
    has findmnt || return
    findmnt -rn -t ext2,ext3,ext4,xfs,btrfs,zfs,f2fs,overlay,nfs,nfs4,cifs,ceph,glusterfs -o TARGET,SOURCE,FSTYPE 2>/dev/null | while read -r target from type; do
        case $target in /run/* | /proc/* | /dev/* | /sys/* | /var/lib/docker/* | /var/lib/containers/*) continue ;; esac
        say mount "$target" "$from" "$type" "$(df -P -h "$target" 2>/dev/null | awk 'NR == 2 {print $2}')"
    done
    grep -v '^[[:space:]]*\(#\|$\)' /etc/fstab 2>/dev/null | say_lines fstab
    if has lvs; then lvs --noheadings -o vg_name,lv_name,lv_size 2>/dev/null | sed 's/^ *//' | say_lines volume; fi
}

read_firewall() {
    found=1
    if has nft; then
        rules=$(nft list ruleset 2>/dev/null) && found=0
        printf '%s\n' "$rules" | say_lines rule nft
    fi
    if has iptables-save && [ "$found" -ne 0 ]; then
        rules=$(iptables-save 2>/dev/null) && found=0
        printf '%s\n' "$rules" | grep -v '^#' | sed 's/\[[0-9:]*\]//' | say_lines rule iptables
    fi
    if ! has nft && ! has iptables-save; then found=0; fi
    return "$found"
}
