#!/bin/sh
# One host of the lab, from overlay to running systemd; run under `unshare --mount --propagation private`, so that all its
# mounts end with it. Arguments: NAME BASE FOLDER CGROUP2 NETNS MIRROR
set -eu
name=$1 base=$2 folder=$3 cgroup=$4 netns=$5 mirror=$6
mkdir -p "$folder/upper" "$folder/work" "$folder/root"
# a kill leaves this mark of a volatile overlay behind, and the next mount would refuse
rm -rf "$folder/work/work/incompat"
mount -t overlay -o "volatile,lowerdir=$base,upperdir=$folder/upper,workdir=$folder/work" "rtlab-$name" "$folder/root"
root=$folder/root
if [ ! -e "$root/etc/ssh/ssh_host_ed25519_key" ]; then
    chroot "$root" ssh-keygen -q -A
    echo "$name" >"$root/etc/hostname"
    printf '127.0.0.1 localhost %s\n%s mirror.lab\n' "$name" "$mirror" >"$root/etc/hosts"
fi
# A cgroup of its own, else all hosts share one and stop each other's services.
mkdir -p "$cgroup/rtlab-$name"
echo $$ >"$cgroup/rtlab-$name/cgroup.procs"
umount -l /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
while :; do
    code=0
    systemd-nspawn -q --register=no --keep-unit -D "$root" -M "rtlab-$name" --network-namespace-path="/run/netns/$netns" \
        --capability=CAP_NET_ADMIN --resolv-conf=off --timezone=off --link-journal=no --console=pipe -b \
        </dev/null >>"$folder/console.log" 2>&1 || code=$?
    # nspawn(1): 133 is a reboot from inside
    [ "$code" = 133 ] || exit "$code"
done
