#!/bin/sh
# One host of the lab, from overlay to running systemd; run under `unshare --mount --propagation private`, so that all its
# mounts end with it. Arguments: NAME BASE FOLDER CGROUP2 NETNS MIRROR DISK
# DISK is overlay, or btrfs for a host whose root is the subvolume @rootfs of a btrfs of its own.
set -eu
name=$1 base=$2 folder=$3 cgroup=$4 netns=$5 mirror=$6 disk=$7
mkdir -p "$folder/upper" "$folder/work" "$folder/root"
root=$folder/root
set -- # what more nspawn is told

# At each boot anew: a host may have put another subvolume in its root's place.
mount_root() {
    if [ "$disk" = overlay ]; then
        # a kill leaves this mark of a volatile overlay behind, and the next mount would refuse
        rm -rf "$folder/work/work/incompat"
        mount -t overlay -o "volatile,lowerdir=$base,upperdir=$folder/upper,workdir=$folder/work" "rtlab-$name" "$root"
    else
        mount -t btrfs -o subvol=@rootfs "$loop" "$root"
    fi
}

if [ "$disk" = btrfs ]; then
    image=$folder/disk.img
    if [ ! -e "$image" ]; then
        truncate -s 4G "$image.new"
        mkfs.btrfs -q "$image.new"
        mount -o loop "$image.new" "$root"
        btrfs -q subvolume create "$root/@rootfs"
        cp -a "$base/." "$root/@rootfs/"
        umount "$root"
        mv "$image.new" "$image"
    fi
    loop=$(losetup --find --show "$image")
    exec 9<"$loop"
    # gone by itself, once this shell and the host's mounts are
    losetup --detach "$loop"
    set -- --bind="$loop"
fi
mount_root
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
        --capability=CAP_NET_ADMIN --resolv-conf=off --timezone=off --link-journal=no --console=pipe "$@" -b \
        </dev/null >>"$folder/console.log" 2>&1 || code=$?
    # nspawn(1): 133 is a reboot from inside
    [ "$code" = 133 ] || exit "$code"
    [ "$disk" = overlay ] || { umount "$root" && mount_root; }
done
