#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A stock Debian cloud kernel as guest: on this machine's KVM where the CPU has virtualization,
# else inside an emulated host that has it. Prints TAP and one line "N passed, N failed, N skipped".
# usage: run.sh BUILD_DIR [CASE...]. BP and PLUGINS name another monitor and its plugins ("none": it
# has none), CACHE another place for the images.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: run.sh BUILD_DIR [CASE...]}" && pwd)
shift
only="$*"
bp=${BP:-$build/vmm/main/backplane}
plugins=${PLUGINS:-$build/plugins}
cache=${CACHE:-$build/linux-images}
limit=${LINUX_TIER_LIMIT:-330}
PATH=$PATH:/usr/sbin:/sbin

skip() {
    echo "1..0 # SKIP $*"
    echo "Linux tier skipped: $*"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}

fail() {
    echo "not ok 1 - $*"
    echo "0 passed, 1 failed, 0 skipped"
    exit 1
}

work=$(mktemp -d "${TMPDIR:-/tmp}/backplane-linux.XXXXXX")
child=
watcher=
cleanup() {
    [ -n "$child" ] && kill -9 "$child" 2> /dev/null
    [ -n "$watcher" ] && kill "$watcher" 2> /dev/null
    rm -rf "$work"
}
trap cleanup EXIT

hardware_kvm() {
    grep -qwE 'svm|vmx' /proc/cpuinfo && [ -r /dev/kvm ] && [ -w /dev/kvm ] &&
        python3 -c 'import fcntl, os, sys
sys.exit(fcntl.ioctl(os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC), 0xAE00, 0) != 12)' 2> /dev/null
}

# add_program ROOT FILE [AS]: a program and the libraries it is linked with.
add_program() {
    local lib
    mkdir -p "$1/usr/bin"
    cp -L "$2" "$1/usr/bin/${3:-$(basename "$2")}"
    add_libraries "$1" "$2"
}

add_libraries() {
    ldd "$2" 2> /dev/null | grep -o '/[^ ]*' | while read -r lib; do
        mkdir -p "$1$(dirname "$lib")"
        [ -e "$1$lib" ] || cp -L "$lib" "$1$lib"
    done
}

build_host() { # the software host's initramfs: busybox, KVM modules, monitor, plugins, images
    local root=$work/host name so
    mkdir -p "$root"/{bin,sbin,dev,proc,sys,tmp,modules,t/images,t/plugins}
    cp /bin/busybox "$root/bin/"
    for name in $(/bin/busybox --list); do
        [ "$name" = busybox ] || ln -s busybox "$root/bin/$name"
    done
    cp "$cache"/modules/{irqbypass,kvm,kvm-amd}.ko "$root/modules/"
    add_program "$root" "$bp" backplane
    add_program "$root" "$(command -v curl)"
    add_program "$root" "$(command -v debugfs)"
    add_program "$root" "$(command -v e2fsck)"
    if [ "$plugins" != none ]; then
        for so in "$plugins"/*.so; do
            install -m 644 "$so" "$root/t/plugins/"
            add_libraries "$root" "$so"
        done
    fi
    ln "$cache"/{vmlinux,vmlinuz,guest.cpio.gz,disk.ext4} "$root/t/images/" 2> /dev/null ||
        cp "$cache"/{vmlinux,vmlinuz,guest.cpio.gz,disk.ext4} "$root/t/images/"
    cp "$here/cases.sh" "$root/t/"
    # noxsave: the emulator's nested XSAVE is inconsistent and costs seconds.
    cat > "$root/t/env" << EOF
export PATH=/usr/bin:/bin:/sbin BP=/usr/bin/backplane IMAGES=/t/images WORK=/t/work LIMIT=60
export PLUGINS=$([ "$plugins" = none ] && echo none || echo /t/plugins)
export EXTRA="noxsave" ONLY="$only"
EOF
    install -m 755 "$here/host-init.sh" "$root/init"
    (cd "$root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) > "$work/host.cpio" ||
        return 1
    rm -rf "$root"
}

run_nested() {
    # The whole run has a deadline; a stall of the emulator ends here and not in the caller.
    qemu-system-x86_64 -M q35 -accel tcg,thread=multi,tb-size=1024 -cpu max,+svm -smp 2 -m 3072 \
        -kernel "$cache/vmlinuz" -initrd "$work/host.cpio" \
        -append "console=ttyS0 panic=-1 quiet mitigations=off tsc=reliable" \
        -nodefaults -display none -serial "file:$work/host-console" -serial stdio -no-reboot \
        < /dev/null > "$work/tap" 2> "$work/qemu-stderr" &
    child=$!
    follow
    child=
    grep -q '^software host: done' <(tr -d '\r' < "$work/tap")
}

run_direct() {
    mkdir -p "$work/scratch"
    BP=$bp PLUGINS=$plugins IMAGES=$cache WORK=$work/scratch LIMIT=60 EXTRA= ONLY=$only \
        sh "$here/cases.sh" > "$work/tap" 2>&1 &
    child=$!
    follow
    child=
    grep -q '^1\.\.' "$work/tap"
}

# Copy the running child's output as it grows, until it ends or its time is up.
follow() {
    local start=$SECONDS pid=$child
    tail -n +1 -f "$work/tap" --pid="$pid" -s 0.5 | sed -u 's/\r$//' &
    watcher=$!
    while kill -0 "$pid" 2> /dev/null; do
        if [ $((SECONDS - start)) -gt "$limit" ]; then
            echo "# no end after $limit s: stopping"
            kill -9 "$pid" 2> /dev/null
        fi
        sleep 0.5
    done
    wait "$pid" 2> /dev/null
    wait "$watcher" 2> /dev/null
    watcher=
}

[ -x "$bp" ] || fail "no monitor at $bp: build first"
where=nested
if hardware_kvm; then
    where=direct
elif ! command -v qemu-system-x86_64 > /dev/null; then
    skip "this CPU has no virtualization and qemu-system-x86 is not installed"
fi
"$here/images.sh" "$cache" > "$work/images.log" 2>&1 || {
    tail -n 3 "$work/images.log"
    fail "guest images cannot be prepared: $(tail -n 1 "$work/images.log")"
}
if [ $where = nested ]; then
    echo "# no virtualization in this CPU: the monitor runs inside an emulated host (slow)"
    build_host || fail "cannot build the software host's initramfs"
fi

for attempt in 1 2; do
    : > "$work/tap"
    if run_$where && ! grep -q '^not ok' "$work/tap"; then
        break
    fi
    [ $attempt = 2 ] && break
    grep '^not ok' "$work/tap" | sed 's/^/# /'
    tail -n 3 "$work/host-console" "$work/qemu-stderr" 2> /dev/null | sed 's/^/# /'
    echo "# first run incomplete or failed; about one emulated run in ten stalls, so one more try"
done

passed=$(grep -c '^ok ' "$work/tap")
failed=$(grep -c '^not ok ' "$work/tap")
complete=$(tr -d '\r' < "$work/tap" | grep -c '^1\.\.')
if [ "$complete" = 0 ]; then
    echo "not ok - the run did not reach its end"
    failed=$((failed + 1))
fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
