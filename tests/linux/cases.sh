#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The Linux guest's test cases, as TAP on standard output. Plain POSIX sh: it runs under bash on
# hardware and under busybox in the software host.
# Environment: BP monitor, PLUGINS directory, IMAGES directory, WORK scratch directory,
# EXTRA kernel arguments, LIMIT seconds for one boot, ONLY the cases to run.
: "${BP:?}" "${PLUGINS:?}" "${IMAGES:?}" "${WORK:?}"
LIMIT=${LIMIT:-60}
ARGS="console=ttyS0 reboot=k panic=-1 pci=off quiet $EXTRA"
SOCK=$WORK/api.sock
CONSOLE=$WORK/console
n=0
pid=

check() { # check NAME COMMAND...: one TAP line
    name=$1
    shift
    n=$((n + 1))
    if "$@" > "$WORK/check" 2>&1; then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
        sed 's/^/#   /' "$WORK/check" | tail -n 5
    fi
}

value() { # the last value the guest reported for a key
    tr -d '\r' < "$CONSOLE" | sed -n "s/.*guest: $1=//p" | tail -n 1
}

says() { # says KEY VALUE
    got=$(value "$1")
    [ "$got" = "$2" ] || { echo "guest reports $1=$got, expected $2"; return 1; }
}

# PLUGINS=none: a monitor to compare with, which has no plugins.
monitor() {
    if [ -n "$PLUGINS" ] && [ "$PLUGINS" != none ]; then
        set -- --plugin-dir "$PLUGINS" "$@"
    fi
    rm -f "$SOCK"
    : > "$CONSOLE"
    exec "$BP" --id linux "$@" < /dev/null > "$CONSOLE" 2> "$WORK/stderr"
}

request() { # request METHOD PATH BODY: the status, the reply in $WORK/reply
    curl -s -m 20 --unix-socket "$SOCK" -X "$1" -H 'Content-Type: application/json' \
        -o "$WORK/reply" -w '%{http_code}' -d "$3" "http://localhost$2"
}

wants() { # wants STATUS METHOD PATH BODY
    code=$(request "$2" "$3" "$4")
    [ "$code" = "$1" ] && return 0
    echo "$2 $3 answered $code, expected $1: $(cat "$WORK/reply" 2> /dev/null)"
    return 1
}

wait_socket() {
    i=0
    while [ ! -S "$SOCK" ]; do
        i=$((i + 1))
        [ $i -gt 150 ] && { echo "no API socket after 30 s"; return 1; }
        kill -0 "$pid" 2> /dev/null || { echo "monitor ended early"; cat "$WORK/stderr"; return 1; }
        sleep 0.2
    done
}

# Wait for the monitor to end by itself; its exit code must be 0.
ends_with_0() {
    i=0
    while kill -0 "$pid" 2> /dev/null; do
        i=$((i + 1))
        if [ $i -gt $((LIMIT * 5)) ]; then
            echo "no end after $LIMIT s; the console's last lines:"
            tail -n 4 "$CONSOLE"
            kill -9 "$pid"
            wait "$pid" 2> /dev/null
            return 1
        fi
        sleep 0.2
    done
    wait "$pid"
    rc=$?
    [ $rc -eq 0 ] || { echo "exit code $rc"; tail -n 4 "$WORK/stderr"; return 1; }
}

fresh_disk() {
    cp "$IMAGES/disk.ext4" "$WORK/disk.ext4"
}

# What the guest wrote is in the image, byte for byte, in a clean file system.
disk_holds_written() {
    rm -f "$WORK/written"
    debugfs -R "dump /data/written $WORK/written" "$WORK/disk.ext4" 2> /dev/null
    sum=$(sha256sum < "$WORK/written" | cut -d ' ' -f 1)
    [ -n "$sum" ] && [ "$sum" = "$(value written)" ] ||
        { echo "guest wrote $(value written), the image holds $sum"; return 1; }
}

disk_is_clean() {
    e2fsck -fn "$WORK/disk.ext4"
}

disk_untouched() {
    cmp "$IMAGES/disk.ext4" "$WORK/disk.ext4"
}

random_bytes() {
    one=$(value rngbytes | cut -d : -f 1)
    two=$(value rngbytes | cut -d : -f 2)
    echo "drawn: '$one' '$two'"
    [ ${#one} -eq 64 ] && [ ${#two} -eq 64 ] && [ "$one" != "$two" ] &&
        [ -n "$(echo "$one" | tr -d 0)" ]
}

configure() { # configure KERNEL CPUS READONLY
    wants 204 PUT /machine-config "{\"vcpu_count\": $2, \"mem_size_mib\": 256}" &&
        wants 204 PUT /boot-source "{\"kernel_image_path\": \"$IMAGES/$1\",
            \"initrd_path\": \"$IMAGES/guest.cpio.gz\", \"boot_args\": \"$ARGS\"}" &&
        wants 204 PUT /drives/root "{\"drive_id\": \"root\", \"path_on_host\": \"$WORK/disk.ext4\",
            \"is_root_device\": true, \"is_read_only\": $3}" &&
        wants 204 PUT /entropy '{}'
}

boot_disk() { # boot_disk TITLE KERNEL CPUS
    fresh_disk
    (monitor --api-sock "$SOCK") &
    pid=$!
    check "$1: API socket appears" wait_socket
    check "$1: configured by requests" configure "$2" "$3" false
    check "$1: InstanceStart" wants 204 PUT /actions '{"action_type": "InstanceStart"}'
    check "$1: exit code 0 on reboot" ends_with_0
    check "$1: user space on the root disk" says root disk
    check "$1: $3 CPU(s) online" says cpus "$3"
    check "$1: file on the disk reads intact" says golden intact
    check "$1: guest's write is in the image" disk_holds_written
    check "$1: file system clean" disk_is_clean
    check "$1: rng bytes from /dev/hwrng" random_bytes
}

case_elf() { boot_disk "ELF, 1 vCPU" vmlinux 1; }
case_smp() { boot_disk "ELF, 2 vCPUs" vmlinux 2; }
case_bzimage() { boot_disk "bzImage, 1 vCPU" vmlinuz 1; }

case_initrd() {
    t="initrd only"
    (monitor --api-sock "$SOCK") &
    pid=$!
    check "$t: API socket appears" wait_socket
    check "$t: boot source" wants 204 PUT /boot-source "{\"kernel_image_path\": \"$IMAGES/vmlinux\",
        \"initrd_path\": \"$IMAGES/guest.cpio.gz\", \"boot_args\": \"$ARGS\"}"
    check "$t: InstanceStart" wants 204 PUT /actions '{"action_type": "InstanceStart"}'
    check "$t: exit code 0 on reboot" ends_with_0
    check "$t: user space in the initrd" says root initrd
}

# Without API: everything from a configuration file, and a root disk nobody may write.
case_readonly() {
    t="config file, read-only root"
    fresh_disk
    cat > "$WORK/vm.json" << EOF
{"boot-source": {"kernel_image_path": "$IMAGES/vmlinux", "boot_args": "$ARGS",
                 "initrd_path": "$IMAGES/guest.cpio.gz"},
 "drives": [{"drive_id": "root", "path_on_host": "$WORK/disk.ext4",
             "is_root_device": true, "is_read_only": true}],
 "machine-config": {"vcpu_count": 1, "mem_size_mib": 256}}
EOF
    (monitor --no-api --config-file "$WORK/vm.json") &
    pid=$!
    check "$t: exit code 0 on reboot" ends_with_0
    check "$t: user space on the root disk" says root disk
    check "$t: guest's write is refused" says readonly kept
    check "$t: file on the disk reads intact" says golden intact
    check "$t: image unchanged" disk_untouched
}

# The device is the plugin: without its file the route is gone, and nothing else.
case_absent() {
    t="without block.so"
    [ "$PLUGINS" = none ] && return
    mkdir -p "$WORK/few"
    cp "$PLUGINS/rng.so" "$WORK/few/"
    fresh_disk
    (PLUGINS=$WORK/few monitor --api-sock "$SOCK") &
    pid=$!
    check "$t: API socket appears" wait_socket
    check "$t: PUT /drives is refused" wants 400 PUT /drives/root "{\"drive_id\": \"root\",
        \"path_on_host\": \"$WORK/disk.ext4\", \"is_root_device\": true, \"is_read_only\": false}"
    check "$t: the refusal has a reason" grep -q fault_message "$WORK/reply"
    check "$t: PUT /entropy still works" wants 204 PUT /entropy '{}'
    kill "$pid"
    wait "$pid" 2> /dev/null
}

step() { # step METHOD PATH BODY: one request of the demonstration, shown as a user would type it
    echo "\$ curl --unix-socket api.sock -X $1 http://localhost$2 -d '$3'"
    check "$1 $2" wants 204 "$1" "$2" "$3"
}

# The demonstration: the requests one by one, then the guest's console as it comes.
case_demo() {
    fresh_disk
    ARGS="console=ttyS0 reboot=k panic=-1 pci=off $EXTRA"
    echo "\$ backplane --api-sock api.sock --plugin-dir plugins"
    (monitor --api-sock "$SOCK") &
    pid=$!
    check "API socket appears" wait_socket
    step PUT /machine-config '{"vcpu_count": 1, "mem_size_mib": 256}'
    step PUT /boot-source "{\"kernel_image_path\": \"$IMAGES/vmlinux\", \"initrd_path\":\
 \"$IMAGES/guest.cpio.gz\", \"boot_args\": \"$ARGS\"}"
    step PUT /drives/root "{\"drive_id\": \"root\", \"path_on_host\": \"$WORK/disk.ext4\",\
 \"is_root_device\": true, \"is_read_only\": false}"
    step PUT /entropy '{}'
    step PUT /actions '{"action_type": "InstanceStart"}'
    tail -n +1 -f "$CONSOLE" &
    console=$!
    check "exit code 0 on reboot" ends_with_0
    sleep 1
    kill "$console"
    check "user space on the root disk" says root disk
    check "guest's write is in the image" disk_holds_written
}

for c in ${ONLY:-elf smp bzimage initrd readonly absent}; do
    "case_$c"
done
echo "1..$n"
