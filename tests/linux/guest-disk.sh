#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# First process on the root disk: read, write and verify it, draw random bytes, report, reboot.
export PATH=/bin:/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
echo "guest: kernel=$(uname -r)"
echo "guest: root=disk"
echo "guest: cpus=$(nproc)"
echo "guest: serial=$(cat /sys/block/vda/serial)"

cd /data
sha256sum -c golden.sha256 > /dev/null && echo "guest: golden=intact" || echo "guest: golden=damaged"

if grep -q ' root=/dev/vda rw' /proc/cmdline; then
    # 4 MiB of fresh bytes, read back from the device and not from the page cache.
    dd if=/dev/urandom of=written bs=65536 count=64 2> /dev/null
    before=$(sha256sum < written | cut -d ' ' -f 1)
    sync
    echo 3 > /proc/sys/vm/drop_caches
    after=$(sha256sum < written | cut -d ' ' -f 1)
    [ "$before" = "$after" ] && echo "guest: written=$after" || echo "guest: written=damaged"
elif dd if=/dev/zero of=/dev/vda bs=512 count=1 2> /dev/null; then
    echo "guest: readonly=ignored"
else
    echo "guest: readonly=kept"
fi

if [ -c /dev/hwrng ]; then
    echo "guest: rng=$(cat /sys/class/misc/hw_random/rng_current)"
    one=$(dd if=/dev/hwrng bs=32 count=1 2> /dev/null | od -An -tx1 | tr -d ' \n')
    two=$(dd if=/dev/hwrng bs=32 count=1 2> /dev/null | od -An -tx1 | tr -d ' \n')
    echo "guest: rngbytes=$one:$two"
fi
cd /
mount -o remount,ro / && echo "guest: remount=clean"
echo "guest: done"
reboot -f
