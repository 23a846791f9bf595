# For the scripts beside it: a Debian in a folder, without Rust and without libbedrock. They exit with 77 if a tool for
# that is missing.

# debian SUITE MIRROR PACKAGES: fetches it once, into target/consumer/SUITE; fails if that is impossible
debian() {
    local system=target/consumer/$1
    [ ! -e "$system/complete" ] || return 0
    rm -rf "$system"
    mkdir -p "$system"
    # The keys of an old Debian have expired.
    debootstrap --variant=minbase --no-check-gpg --include="$3" "$1" "$system" "$2" > target/consumer/log 2>&1 \
        || { rm -rf "$system"; return 1; }
    touch "$system/complete"
}

# layer SUITE: $root is a fresh layer over the clean system, which is never changed; a copy where there is no overlayfs
layer() {
    local system=$PWD/target/consumer/$1
    work=$(mktemp -d)
    root=$work/root
    mkdir "$root" "$work/upper" "$work/work"
    trap remove_layer EXIT
    mount -t overlay overlay -o "lowerdir=$system,upperdir=$work/upper,workdir=$work/work" "$root" 2> /dev/null \
        || cp -a "$system/." "$root"
    mount -t proc proc "$root/proc"
    mount -t devtmpfs dev "$root/dev" 2> /dev/null || mount --bind /dev "$root/dev"
    mkdir "$root/home/user"
}
remove_layer() {
    umount --recursive "$root" 2> /dev/null || true
    rm -rf --one-file-system "$work"
}

# inside COMMAND...: in $root, with no network but a loopback of its own, and nothing of this machine's environment
inside() {
    unshare --net --pid --fork --kill-child chroot "$root" /usr/bin/env -i HOME=/root LANG=C \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin AWS_EC2_METADATA_DISABLED=true "$@"
}

for needed in debootstrap unshare chroot; do
    command -v $needed > /dev/null || { echo "skipped: $needed is not installed"; exit 77; }
done
[ "$(id -u)" -eq 0 ] || { echo "skipped: chroot needs root"; exit 77; }
dist=$(realpath "${TARGET:-target/glibc-$(packaging/number glibc)}/dist")
