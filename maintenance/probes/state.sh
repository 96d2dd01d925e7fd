# shellcheck shell=sh disable=SC2154,SC2016
# What runs now: recorded before a change and compared after it. Changes nothing.
units() {
    systemctl show --type=service --all --no-pager \
        -p Id -p Type -p ActiveState -p SubState -p UnitFileState -p NRestarts -p Result '*'
}
failed() { systemctl list-units --state=failed --plain --no-legend --no-pager | cut -d ' ' -f 1; }
packages() { dpkg-query -W -f='${db:Status-Abbrev}\t${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n'; }
reboot_file() { if [ -e /run/reboot-required ]; then echo required; fi; true; }

section kernel uname -r
section boot cat /proc/sys/kernel/random/boot_id
if [ -d /run/systemd/system ]; then
    section units units
    section failed failed
fi
section facts sudo -n "$HELPER" facts
section packages packages
section architecture dpkg --print-architecture
section reboot-file reboot_file
section audit dpkg --audit
