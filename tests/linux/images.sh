#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Prepare Debian's own cloud kernel and the guest images around it, without root rights or mounts.
# usage: images.sh CACHE_DIR; leaves vmlinuz, vmlinux, guest.cpio.gz, disk.ext4 and modules/ there.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${1:?usage: images.sh CACHE_DIR}
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

die() { echo "images.sh: $*" >&2; exit 1; }

# The guest's modules in load order; each is found by name in the package's module tree.
guest_modules="virtio_ring virtio virtio_mmio virtio_blk virtio-rng"
host_modules="irqbypass kvm kvm-amd kvm-intel"

fetch_kernel() {
    local meta=linux-image-cloud-amd64 pkg deb
    pkg=$(apt-cache depends $meta 2>/dev/null |
        sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
    if [ -z "$pkg" ]; then
        # Without package lists an earlier download still serves.
        [ -s "$cache/vmlinux" ] && return 0
        die "apt knows no $meta package: run apt-get update first"
    fi
    [ "$(cat "$cache/kernel-package" 2>/dev/null)" = "$pkg" ] && [ -s "$cache/vmlinux" ] && return 0
    rm -rf "$cache/deb" "$cache/kernel-package"
    mkdir -p "$cache/deb/x"
    (cd "$cache/deb" && apt-get -qq -o APT::Sandbox::User=root download "$pkg") ||
        die "cannot download the Debian package $pkg"
    deb=$(ls "$cache"/deb/*.deb)
    dpkg-deb -x "$deb" "$cache/deb/x" || die "cannot unpack $deb"
    cp "$cache"/deb/x/boot/vmlinuz-* "$cache/vmlinuz"
    unpack_kernel "$cache/vmlinuz" "$cache/vmlinux"
    rm -rf "$cache/modules"
    mkdir "$cache/modules"
    for m in $guest_modules $host_modules; do
        find "$cache/deb/x/lib/modules" -name "$m.ko" -exec cp {} "$cache/modules/" \;
        [ -s "$cache/modules/$m.ko" ] || die "the kernel package has no module $m"
    done
    rm -rf "$cache/deb"
    echo "$pkg" > "$cache/kernel-package"
}

# The compressed kernel lies at payload_offset (0x248) behind the setup code, payload_length
# (0x24c) bytes long; its last four bytes are the unpacked size, which lz4 does not expect.
unpack_kernel() {
    python3 - "$1" "$2" <<'PY'
import struct, subprocess, sys
image = open(sys.argv[1], "rb").read()
if image[0x202:0x206] != b"HdrS":
    sys.exit("not a bzImage: " + sys.argv[1])
start = (image[0x1f1] + 1) * 512 + struct.unpack_from("<I", image, 0x248)[0]
payload = image[start:start + struct.unpack_from("<I", image, 0x24c)[0] - 4]
with open(sys.argv[2], "wb") as out:
    subprocess.run(["lz4", "-dcq"], input=payload, stdout=out, check=True)
PY
    [ "$(head -c 4 "$2" | tail -c 3)" = ELF ] || die "the kernel's payload is no ELF image"
}

# A root directory with busybox and links for its commands.
busybox_root() {
    local root=$1 name
    mkdir -p "$root"/{bin,sbin,dev,proc,sys,tmp,mnt,data}
    cp /bin/busybox "$root/bin/busybox"
    for name in sh mount umount insmod echo cat dd sha256sum cut reboot switch_root sync grep nproc \
        sleep mkdir ls wc cmp head tr uname od; do
        ln -sf busybox "$root/bin/$name"
    done
}

build_guest() {
    local work=$cache/work m
    rm -rf "$work"
    busybox_root "$work/initrd"
    mkdir "$work/initrd/modules"
    for m in $guest_modules; do
        cp "$cache/modules/$m.ko" "$work/initrd/modules/"
    done
    echo "$guest_modules" > "$work/initrd/modules/order"
    install -m 755 "$here/guest-initrd.sh" "$work/initrd/init"
    (cd "$work/initrd" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) |
        gzip -1 > "$cache/guest.cpio.gz"

    busybox_root "$work/disk"
    install -m 755 "$here/guest-disk.sh" "$work/disk/sbin/init"
    head -c 3000000 /dev/urandom > "$work/disk/data/golden"
    (cd "$work/disk/data" && sha256sum golden > golden.sha256)
    rm -f "$cache/disk.ext4"
    mke2fs -q -t ext4 -E root_owner=0:0 -L bproot -d "$work/disk" "$cache/disk.ext4" 24M ||
        die "cannot make the root disk"
    rm -rf "$work"
}

for tool in apt-get dpkg-deb python3 lz4 cpio gzip mke2fs sha256sum; do
    command -v "$tool" > /dev/null || PATH=$PATH:/usr/sbin:/sbin command -v "$tool" > /dev/null ||
        die "$tool is not installed"
done
[ -x /bin/busybox ] || die "the package busybox-static is not installed"
PATH=$PATH:/usr/sbin:/sbin
fetch_kernel
build_guest
