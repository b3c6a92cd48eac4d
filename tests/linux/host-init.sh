#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# First process of the software host: load KVM, run the cases, report over the second serial port.
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm /t/work
mount -t tmpfs -o size=400m tmpfs /t/work
for m in irqbypass kvm kvm-amd; do
    insmod /modules/$m.ko
done
exec > /dev/ttyS1 2>&1
stty -F /dev/ttyS1 raw 2> /dev/null
if [ -c /dev/kvm ]; then
    . /t/env
    sh /t/cases.sh
else
    echo "software host: no /dev/kvm"
fi
echo "software host: done"
sync
sleep 1
reboot -f
