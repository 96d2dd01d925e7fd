
# --- drills: a condition made real. Whatever happens to the portal, it is gone after twenty minutes.
drill() {
    # who looks each minute is not root
    mkdir -p "$DRILL" && chmod 755 "$DRILL" || exit 73
    systemctl stop -q retainer-drill-end.timer 2>/dev/null
    systemd-run --quiet --collect --unit=retainer-drill-end --on-active=1200 "$0" calm </dev/null || exit 71
    case $1 in
    units) systemctl reset-failed retainer-drill.service 2>/dev/null; systemd-run --quiet --unit=retainer-drill.service --description="Drill: a unit that fails on purpose" /bin/false </dev/null ;;
    cert-file)
        # a program that shows a certificate near its end, to this host alone
        openssl req -x509 -newkey rsa:2048 -nodes -keyout "$DRILL/key.pem" -out "$DRILL/certificate.pem" -days 1 -subj /CN=retainer-drill 2>/dev/null || exit 69
        systemctl stop -q retainer-drill-port.service 2>/dev/null
        systemd-run --quiet --collect --unit=retainer-drill-port openssl s_server -accept "$DRILL_PORT" -cert "$DRILL/certificate.pem" -key "$DRILL/key.pem" -quiet </dev/null
        ;;
    disk)
        mkdir -p "$DRILL/disk" && chmod 755 "$DRILL/disk" && { mountpoint -q "$DRILL/disk" || mount -t tmpfs -o size=1m,mode=755,nosuid,nodev,noexec retainer-drill "$DRILL/disk" 2>/dev/null; } || exit 69
        head -c 1040000 /dev/zero >"$DRILL/disk/filled"
        ;;
    sign-ins) seq 60 | while read -r number; do echo "Failed password for invalid user retainer-drill from 192.0.2.1 port $number ssh2"; done | logger -t sshd -p auth.info ;;
    errors) seq 60 | while read -r number; do echo "retainer-drill: an error on purpose, $number"; done | logger -t retainer-drill -p daemon.err ;;
    *) echo "no such drill" >&2 && exit 64 ;;
    esac || exit 70
    echo made
}

calm() {
    systemctl stop -q retainer-drill-end.timer 2>/dev/null
    systemctl stop -q retainer-drill-port.service 2>/dev/null
    systemctl reset-failed retainer-drill.service 2>/dev/null
    ! mountpoint -q "$DRILL/disk" || umount "$DRILL/disk"
    rm -rf "$DRILL"
    echo calm
}
