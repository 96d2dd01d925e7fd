# shellcheck shell=sh disable=SC2154,SC2016
# One round trip that reads what a scan needs. Changes nothing but the package lists (and those only where we may).
kernel() { uname -r && uname -m && cat /proc/sys/kernel/random/boot_id && cut -d ' ' -f 1 /proc/uptime; }
kernels() { for image in /boot/vmlinuz-*; do [ -e "$image" ] && echo "${image#/boot/vmlinuz-}"; done; true; }
container() { systemd-detect-virt --container 2>/dev/null || cat /run/systemd/container 2>/dev/null || echo none; }
reboot_file() { if [ -e /run/reboot-required ]; then echo required && cat /run/reboot-required.pkgs 2>/dev/null; fi; true; }
disk() { df -Pk / /var /tmp 2>/dev/null | awk 'NR > 1 {print $6, $2, $4}' | sort -u; }
inodes() { df -Pi / /var 2>/dev/null | awk 'NR > 1 {print $6, $2, $4}' | sort -u; }
plan() {
    plan_text=$(simulate --with-new-pkgs upgrade)
    plan_status=$?
    printf '%s\n' "$plan_text"
    return "$plan_status"
}
# A new package (a kernel, a new dependency) is not in the inventory, so its source is asked for.
new_packages() {
    names=$(printf '%s\n' "$plan_text" | awk '$1 == "Inst" && $3 !~ /^\[/ {print $2}')
    # shellcheck disable=SC2086  # one word per package
    [ -z "$names" ] || apt-cache show --no-all-versions $names | sed -n '/^\(Package\|Source\):/p'
}
# shellcheck disable=SC2046  # one word per package
policy() { apt-cache policy $(dpkg-query -W -f='${binary:Package} '); }
lists_age() { date +%s && find /var/lib/apt/lists -maxdepth 1 -printf '%C@\n' | sort -n | tail -n 1; }
simulate() { apt-get -s -q -o Debug::NoLocking=1 "$@"; }
inventory() {
    dpkg-query -W -f='${db:Status-Abbrev}\t${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n'
}

section os-release cat /etc/os-release
section kernel kernel
section kernels kernels
section container container
section reboot-file reboot_file
section disk disk
section inodes inodes
if command -v apt-get >/dev/null 2>&1; then
    section manager echo apt
    [ "$MANAGE" = 0 ] || section refresh sudo -n "$HELPER" refresh
    section lists-age lists_age
    section architecture dpkg --print-architecture
    section inventory inventory
    section upgradable apt list --upgradable
    section plan plan
    section new-packages new_packages
    section full-plan simulate dist-upgrade
    section holds apt-mark showhold
    section audit dpkg --audit
    section policy policy
elif command -v dnf >/dev/null 2>&1; then
    section manager echo dnf
    section inventory rpm -qa --qf '%{NAME}\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\t%{ARCH}\t%{SOURCERPM}\n'
    section upgradable dnf -q check-update
    section advisories dnf -q updateinfo list --updates --security --with-cve
elif command -v zypper >/dev/null 2>&1; then
    section manager echo zypper
    section upgradable zypper --xmlout --non-interactive list-updates
    section advisories zypper --xmlout --non-interactive list-patches --category security
elif command -v apk >/dev/null 2>&1; then
    section manager echo apk
    section upgradable apk -u list
else
    section manager echo none
fi
[ "$MANAGE" = 0 ] || section facts sudo -n "$HELPER" facts
