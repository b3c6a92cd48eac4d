#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# First process of the guest: load the virtio modules, then enter the root disk, or report from here.
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for m in $(cat /modules/order); do
    insmod /modules/$m.ko
done

if grep -q ' root=/dev/vda' /proc/cmdline; then
    mode=rw
    grep -q ' root=/dev/vda ro' /proc/cmdline && mode=ro
    i=0
    while [ ! -b /dev/vda ] && [ $i -lt 50 ]; do
        sleep 0.1
        i=$((i + 1))
    done
    if mount -t ext4 -o $mode /dev/vda /mnt; then
        mount -o move /dev /mnt/dev
        umount /sys
        umount /proc
        exec switch_root /mnt /sbin/init
    fi
    echo "guest: root=unmountable"
else
    echo "guest: kernel=$(uname -r)"
    echo "guest: root=initrd"
    echo "guest: cpus=$(nproc)"
fi
echo "guest: done"
reboot -f
