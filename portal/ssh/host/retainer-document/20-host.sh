
# --- what it is
read_identity() {
    say identity name "$(hostname -f 2>/dev/null || hostname)"
    [ ! -r /etc/os-release ] || say identity system "$(sed -n 's/^PRETTY_NAME="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' /etc/os-release)"
    say identity kernel "$(uname -r)"
    say identity architecture "$(uname -m)"
    say identity "time zone" "$(readlink /etc/localtime 2>/dev/null | sed 's#.*/zoneinfo/##')"
    if has systemd-detect-virt; then say identity virtualisation "$(systemd-detect-virt 2>/dev/null)"; fi
}

read_hardware() {
    [ -r /proc/cpuinfo ] || return
    say hardware processor "$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)"
    say hardware "processor cores" "$(grep -c '^processor' /proc/cpuinfo)"
    say hardware "memory kB" "$(awk '$1 == "MemTotal:" {print $2}' /proc/meminfo)"
    say hardware "swap kB" "$(awk '$1 == "SwapTotal:" {print $2}' /proc/meminfo)"
    for name in sys_vendor product_name; do
        [ ! -r "/sys/class/dmi/id/$name" ] || say hardware "$(echo "$name" | tr _ ' ')" "$(cat "/sys/class/dmi/id/$name")"
    done
    ! has lsblk || lsblk -dnr -o NAME,SIZE,TYPE 2>/dev/null | while read -r name size type; do
        case $name in loop* | ram* | zram*) ;; *) say hardware "$type $name" "$size" ;; esac
    done
}

read_network() {
    has ip || return
    list=$(ip -o addr show 2>/dev/null) || return
    printf '%s\n' "$list" | while read -r _ name family address _; do
        case $name/$family in lo/* | */inet6*) continue ;; */inet*) say network "address of $name" "$address" ;; esac
    done
    printf '%s\n' "$list" | awk '$3 == "inet6" && $0 ~ /scope global/ {print $2, $4}' | while read -r name address; do say network "address of $name" "$address"; done
    ip route show default 2>/dev/null | while read -r _ _ gateway _ name _; do say network "gateway by ${name:--}" "$gateway"; done
    sed -n 's/^nameserver[[:space:]]*//p' /etc/resolv.conf 2>/dev/null | say_lines network "name server"
    grep -v '^[[:space:]]*\(#\|$\|127\.\|::1\|f[ef]0\)' /etc/hosts 2>/dev/null | say_lines network "known by name"
}

# The package that owns a file, a dash where none does.
owner() {
    found=$(dpkg-query -S "$1" 2>/dev/null || dpkg-query -S "${1#/usr}" 2>/dev/null) || found=-
    found=$(printf '%s\n' "$found" | grep -v '^diversion ' | head -n 1)
    found=${found%%: *}
    printf '%s' "${found%%,*}"
}

read_ports() {
    has ss || return
    list=$(ss -Hltunp 2>/dev/null) || return
    printf '%s\n' "$list" | awk 'NF {name = "-"; pid = "-"
        if (match($0, /\(\("[^"]+"/)) name = substr($0, RSTART + 3, RLENGTH - 4)
        if (match($0, /pid=[0-9]+/)) pid = substr($0, RSTART + 4, RLENGTH - 4)
        print $1, $5, name, pid}' | sort -u | while read -r proto address name pid; do
        program=$(readlink "/proc/$pid/exe" 2>/dev/null) || program=
        say port "$proto" "$address" "$name" "$(owner "${program% (deleted)}")"
    done | sort -u
}

# Whom this host talks to by itself: the other end of its connections, without the ports that only this moment has.
read_peers() {
    has ss || return
    list=$(ss -Htn state established 2>/dev/null) || return
    mine=$(ss -Hltn 2>/dev/null | awk '{n = split($4, w, ":"); print w[n]}' | sort -u | tr '\n' ' ')
    printf '%s\n' "$list" | awk -v mine=" $mine" 'NF {n = split($3, w, ":"); m = split($4, p, ":"); if (index(mine, " " w[n] " ") == 0) {
        sub(/:[0-9]+$/, "", $4); print $4, p[m]}}' | sort -u | while read -r address port; do say peer "$address" "$port"; done
}

read_services() {
    has systemctl || return
    list=$(timeout -k 5 20 systemctl list-unit-files --type=service --no-legend --no-pager --full 2>/dev/null) || return
    running=$(timeout -k 5 20 systemctl list-units --type=service --state=running --plain --no-legend --no-pager --full 2>/dev/null | awk '{print $1}')
    {
        printf '%s\n' "$list" | awk '$2 == "enabled" || $2 == "enabled-runtime" {print $1}'
        printf '%s\n' "$running"
    } | grep -v '@\.service$' | grep -v '^retainer-' | sort -u | while read -r unit; do
        [ -n "$unit" ] || continue
        shown=$(systemctl show "$unit" -p Description -p FragmentPath -p UnitFileState --no-pager 2>/dev/null)
        case "
$running
" in *"
$unit
"*) state=running ;; *) state=stopped ;; esac
        say service "$unit" "$(printf '%s\n' "$shown" | sed -n 's/^UnitFileState=//p')" "$state" \
            "$(printf '%s\n' "$shown" | sed -n 's/^FragmentPath=//p')" "$(printf '%s\n' "$shown" | sed -n 's/^Description=//p')"
    done
}

read_sources() {
    if [ -d /etc/apt ]; then
        for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
            [ -f "$file" ] && grep -hv '^[[:space:]]*\(#\|$\)' "$file" | say_lines source "$file"
        done
        return 0
    fi
    for file in /etc/yum.repos.d/*.repo /etc/zypp/repos.d/*.repo; do
        [ ! -f "$file" ] || grep -hv '^[[:space:]]*\(#\|$\)' "$file" | say_lines source "$file"
    done
}

# What somebody asked for by name; the rest came with it.
read_packages() {
    if has apt-mark; then
        list=$(apt-mark showmanual 2>/dev/null) || return
        printf '%s\n' "$list" | while read -r name; do say package "$name" "$(dpkg-query -W -f='${Version}' "$name" 2>/dev/null)"; done
        say packages "$(dpkg-query -W -f='${db:Status-Abbrev}\n' 2>/dev/null | grep -c '^ii')"
    elif has rpm; then
        rpm -qa --qf '%{NAME}\t%{VERSION}-%{RELEASE}\n' 2>/dev/null | sort | while read -r name version; do say package "$name" "$version"; done
    else
        return 1
    fi
}
