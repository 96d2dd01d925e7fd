#!/bin/sh
# What one look at a system reads: files of /proc and four tools, as the login user, nothing is written. Each section begins with
# @name; one that the host can't answer is not there, which is not the same as empty. Without @end it was cut.
LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH

clock() { date +%s.%N; }
boot() { cat /proc/sys/kernel/random/boot_id; }
processor() { grep '^cpu' /proc/stat; }
load() { cat /proc/loadavg; }
memory() { cat /proc/meminfo; }
pressure() { for name in cpu memory io; do sed "s/^/$name /" "/proc/pressure/$name" || return; done; }
# local file systems only: one that hangs on a dead server would hang us
disk() { timeout -k 5 10 df -P -T -k -l; }
inodes() { timeout -k 5 10 df -P -T -i -l; }
units() { timeout -k 5 10 systemctl list-units --state=failed --plain --no-legend --no-pager --full; }
# as they are, not only what failed: one that was stopped failed nothing
services() { timeout -k 5 10 systemctl list-units --type=service --state=running --plain --no-legend --no-pager --full; }
disks() { cat /proc/diskstats; }
heat() {
    for zone in /sys/class/thermal/thermal_zone*; do
        [ ! -r "$zone/temp" ] || printf '%s %s\n' "$(cat "$zone/temp")" "$(tr ' ' '_' <"$zone/type")"
    done
    for file in /sys/class/hwmon/hwmon*/temp*_input; do
        [ ! -r "$file" ] || printf '%s %s\n' "$(cat "$file")" "$(tr ' ' '_' <"${file%/*}/name")"
    done
}
restart() { if [ -e /run/reboot-required ] || [ -e /var/run/reboot-required ]; then echo yes; else echo no; fi; }

# all at once: each piece would be a packet of its own
told=
for name in clock boot processor load memory pressure disk inodes units services disks heat restart; do
    # df says 1 where it could not read one of many: what it could stands there
    said=$($name 2>/dev/null)
    code=$?
    case $name in disk | inodes) [ -z "$said" ] || code=0 ;; esac
    [ "$code" -ne 0 ] || told="$told@$name
$said
"
done
printf '%s@end\n' "$told"
