
# --- the tour: what somebody would type who has to get to know this host
chapter() { say chapter "$@"; }

# Run one command on a terminal of its own, and say when it showed what. Without script(1) the moments are lost, not the words.
show() {
    say command "$1"
    work=$(mktemp -d)
    code=0
    if has script; then
        script -q -e -E never -m classic -O "$work/out" -T "$work/timing" -c "stty cols 100 rows 30 2>/dev/null; TERM=xterm PAGER=cat SYSTEMD_PAGER=cat SYSTEMD_COLORS=1 timeout 20 sh -c '$1'" \
            </dev/null >/dev/null 2>&1 || code=$?
        [ -s "$work/timing" ] || code=255
    else
        code=255
    fi
    if [ "$code" -eq 255 ]; then
        code=0
        timeout 20 sh -c "$1" </dev/null >"$work/out" 2>&1 || code=$?
        : >"$work/timing"
    fi
    say output "$(head -c 40000 "$work/out" | base64 -w 0)" "$(head -c 20000 "$work/timing" | base64 -w 0)"
    say exit "$code"
    rm -rf "$work"
}

tour() {
    say clock "$(date +%s)"
    say host "$(hostname)"
    chapter "What this system is" "The system, its kernel, and since when it runs."
    show "hostnamectl 2>/dev/null || uname -a"
    show "uptime"
    chapter "Where its configuration lives" "Whatever was changed by hand is under /etc; the documents list each file."
    show "ls /etc"
    if [ -d /etc/nginx ]; then show "ls -l /etc/nginx/sites-enabled"; fi
    chapter "What runs" "The services that run now, and what listens for others."
    show "systemctl list-units --type=service --state=running --no-legend --no-pager --plain | head -n 40"
    ! has ss || show "ss -ltun"
    chapter "How to see whether it is well" "Nothing should stand in the first list; space and memory should be left."
    show "systemctl --failed --no-pager"
    show "df -h -x tmpfs -x devtmpfs"
    show "free -m"
    chapter "Where its logs are" "The journal has the words of every service; the newest errors are these."
    show "journalctl -p warning -n 15 --no-pager -o short"
    show "ls /var/log"
    chapter "How updates are applied" "Refresh the lists, look at what is pending, then apply it; the runbook has every step."
    if has apt; then show "apt list --upgradable 2>/dev/null | head -n 20"; fi
    chapter "How it is backed up and restored" "What runs by the clock makes the backups; the runbook brings a file back."
    show "systemctl list-timers --no-pager --no-legend | head -n 20"
    show "grep -rhE \"restic|borg|pg_dump|mysqldump|rsync|tar \" /etc/cron.d /etc/cron.daily /var/spool/cron 2>/dev/null | head -n 20"
    chapter "Who may get in" "Accounts with a shell, and who may become root."
    show "getent passwd | grep -vE \"nologin|false|sync\" | cut -d: -f1,3,6,7"
    show "getent group sudo wheel"
    echo end
}
