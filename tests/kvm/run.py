#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bare-metal guests and the REST API around them, against one monitor binary on /dev/kvm."""
import argparse
import json
import os
import re
import shutil
import signal
import sys
import termios
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import third_party  # noqa: E402
from monitor import Monitor, drive, kvm_usable, new_dir  # noqa: E402


class Skip(Exception):
    """The machine or the binary cannot run this test, and why."""


class Suite:
    """Collects TAP lines and counts."""

    def __init__(self, opts):
        self.opts = opts
        self.count = {"passed": 0, "failed": 0, "skipped": 0}
        self.n = 0

    def line(self, kind, name, why=""):
        self.n += 1
        self.count[kind] += 1
        word = "not ok" if kind == "failed" else "ok"
        tail = f" # SKIP {why}" if kind == "skipped" else ""
        print(f"{word} {self.n} - {name}{tail}", flush=True)
        if kind == "failed" and why:
            for text in why.rstrip().splitlines():
                print(f"#   {text}", flush=True)

    def run(self, name, fn):
        if self.opts.only and not re.search(self.opts.only, name):
            return
        try:
            fn()
            self.line("passed", name)
        except Skip as e:
            self.line("skipped", name, str(e))
        except Exception as e:  # pylint: disable=broad-except
            where = traceback.extract_tb(e.__traceback__)[-1]
            self.line("failed", name, f"{type(e).__name__}: {e} (line {where.lineno})")


class Tests:
    """Every test_* method is one test."""

    def __init__(self, opts):
        self.o = opts

    def monitor(self, *args, **kw):
        return Monitor(self.o.binary, self.o.plugin_dir, args, **kw)

    def guest(self, name):
        return os.path.join(self.o.guests, name + ".elf")

    def ours_only(self):
        if self.o.reference:
            raise Skip("the reference behaves differently here")

    @staticmethod
    def finish(m, seconds=60, known=()):
        """Run the guest to its end; every check line must be a PASS, the exit code 0."""
        code = m.wait_exit(seconds)
        text = m.out.decode(errors="replace")
        bad = [x for x in text.splitlines()
               if x.startswith("FAIL ") and not any(x[5:].startswith(k) for k in known)]
        if bad:
            raise AssertionError("\n".join(bad[:20]))
        if "DONE" not in text:
            raise AssertionError(f"guest did not finish, exit {code}; tail: {text[-400:]!r} "
                                 f"errors: {m.errors()[-800:]}")
        if code != 0:
            raise AssertionError(f"exit code {code}: {m.errors()[-800:]}")
        return text

    @staticmethod
    def disk(m, name="disk", sectors=64):
        path = os.path.join(m.dir, name)
        with open(path, "wb") as f:
            for i in range(sectors):
                f.write(bytes([(i + 1) & 0xff]) * 512)
        return path

    @staticmethod
    def fault(m, method, path, body, *texts):
        status, answer = m.request(method, path, body)
        message = (answer or {}).get("fault_message", "")
        if status != 400 or not any(t in message for t in texts):
            raise AssertionError(f"{method} {path}: {status} {answer}, wanted one of {texts}")

    # Guests

    def test_hello(self):
        """Zero page, registers, e820, MP table; the command line as given."""
        with self.monitor() as m:
            m.boot(self.guest("hello"), "first second=2 cpus=1")
            m.start()
            text = self.finish(m)
            assert "CMDLINE first second=2 cpus=1" in text, text
            assert "E820 0x0 0x9fc00 1\n" in text, text
            assert "E820 0x100000 0x3f00000 1\n" in text, text

    def test_pvh(self):
        """A 32-bit kernel with nothing but a PVH note: start info, memory map, RSDP, mode."""
        with self.monitor() as m:
            m.boot(self.guest("pvh"), "by note")
            m.start()
            assert "PASS pvh by note" in self.finish(m)

    def test_hello_initrd(self):
        with self.monitor() as m:
            initrd = os.path.join(m.dir, "initrd")
            with open(initrd, "wb") as f:
                f.write(b"dcba" * 2500)
            m.boot(self.guest("hello"), "initrd cpus=1", initrd)
            m.start()
            assert "INFO initrd_size=0x2710\n" in self.finish(m)

    def test_hello_without_machine_config(self):
        with self.monitor() as m:
            m.ok("PUT", "/boot-source", {"kernel_image_path": self.guest("hello"),
                                         "boot_args": "cpus=1"})
            m.start()
            assert "E820 0x100000 0x7f00000 1\n" in self.finish(m)

    def test_hello_above_4g(self):
        with self.monitor() as m:
            m.boot(self.guest("hello"), "cpus=1", mem=4096)
            m.start()
            text = self.finish(m)
            low = int(re.search(r"E820 0x100000 (0x[0-9a-f]+) 1\n", text)[1], 16) + 0x100000
            high = int(re.search(r"E820 0x100000000 (0x[0-9a-f]+) 1\n", text)[1], 16)
            assert low + high == 4096 << 20, (hex(low), hex(high))

    def test_root_drive_on_command_line(self):
        with self.monitor() as m:
            m.boot(self.guest("hello"), "cpus=1 a -- b")
            body = drive("root", self.disk(m), read_only=True)
            body["is_root_device"] = True
            m.ok("PUT", "/drives/root", body)
            m.start()
            line = re.search(r"CMDLINE (.*)", self.finish(m))[1]
            assert re.fullmatch(r"cpus=1 a root=/dev/vda ro "
                                r"virtio_mmio\.device=4K@0xd0000000:5 -- b", line), line

    def test_boot_timer(self):
        with self.monitor("--boot-timer") as m:
            m.boot(self.guest("hello"), "timer cpus=1")
            m.start()
            self.finish(m)
            log = m.errors()
            assert re.search(r"Guest-boot-time = *\d+ us \d+ ms, *\d+ CPU us \d+ CPU ms", log), log

    def test_short_life(self):
        """A guest that ends at once: the start is still answered, the process ends with 0."""
        for n in (1, 4) * 6:  # the answer must not be lost to the shutdown
            with self.monitor() as m:
                m.boot(self.guest("hello"), "quit", vcpus=n)
                m.start()
                self.finish(m)

    def test_acpi(self):
        self.ours_only()
        for cpus in (1, 4):
            with self.monitor() as m:
                m.boot(self.guest("acpi"), f"cpus={cpus}", vcpus=cpus)
                m.ok("PUT", "/entropy", {})
                m.start()
                self.finish(m)

    def test_mmio(self):
        self.ours_only()
        with self.monitor() as m:
            m.boot(self.guest("mmio"))
            m.ok("PUT", "/entropy", {})
            m.start()
            self.finish(m, 120)

    def test_rng(self):
        known = ("128 KiB",) if self.o.reference else ()
        with self.monitor() as m:
            m.boot(self.guest("rng"))
            m.ok("PUT", "/entropy", {})
            m.start()
            self.finish(m, known=known)

    def test_bad_queue_needs_reset(self):
        """DRIVER_OK with a broken queue shows as DEVICE_NEEDS_RESET."""
        self.ours_only()
        with self.monitor() as m:
            m.boot(self.guest("mmio"), "needs_reset")
            m.ok("PUT", "/entropy", {})
            m.start()
            self.finish(m, 120)

    @staticmethod
    def put_async(m, path):
        """A drive with the asynchronous engine; skips where the host has none."""
        body = drive("d", path, io_engine="Async")
        status, answer = m.request("PUT", "/drives/d", body)
        if status == 400 and "UnsupportedEngine(Async)" in answer["fault_message"]:
            raise Skip("no asynchronous engine: " + answer["fault_message"])
        assert status == 204, answer

    def run_blk(self, words, **more):
        with self.monitor() as m:
            path = self.disk(m)
            m.boot(self.guest("blk"), words)
            if more.get("io_engine") == "Async":
                self.put_async(m, path)
            else:
                m.ok("PUT", "/drives/d", drive("d", path, **more))
            before = os.stat(path)
            m.start()
            text = self.finish(m, 120)
            want = f"{before.st_dev}{before.st_rdev}{before.st_ino}"[:20]
            assert f"ID {want}\n" in text, (want, text)
            with open(path, "rb") as f:
                data = f.read()
            assert len(data) == 64 * 512
            wrote = b"\x5a" * 1024 if not more.get("read_only") else b"\4" * 512 + b"\5" * 512
            assert data[3 * 512:5 * 512] == wrote, "written sectors"
            assert data[:512] == b"\1" * 512 and data[5 * 512:6 * 512] == b"\6" * 512, "others"

    def test_blk(self):
        self.run_blk("")

    def test_blk_writeback(self):
        self.run_blk("writeback", cache_type="Writeback")

    def test_blk_read_only(self):
        self.run_blk("ro", read_only=True)

    def test_blk_async(self):
        self.run_blk("", io_engine="Async")

    def test_blk_odd_size(self):
        """The tail below a whole sector is hidden."""
        with self.monitor() as m:
            path = self.disk(m)
            os.truncate(path, 64 * 512 - 1)
            m.boot(self.guest("blk"))
            m.ok("PUT", "/drives/d", drive("d", path))
            m.start()
            m.wait_text(b"INFO sectors=")
            m.wait_exit(60)
            assert b"INFO sectors=0x3f\n" in m.out, m.out

    def run_hostile(self, put):
        self.ours_only()
        with self.monitor() as m:
            m.boot(self.guest("hostile"))
            m.ok("PUT", "/entropy", {})
            put(m, self.disk(m))
            m.start()
            text = self.finish(m, 200)
            assert text.count("CASE ") == 27, text.count("CASE ")

    def test_hostile(self):
        self.run_hostile(lambda m, path: m.ok("PUT", "/drives/d", drive("d", path)))

    def test_hostile_async(self):
        self.run_hostile(self.put_async)

    # The host's side

    def test_terminal(self):
        """A terminal on standard input is raw while the guest runs and as before afterwards."""
        flags = termios.ICANON | termios.ECHO | termios.ISIG
        master, slave = os.openpty()
        try:
            with self.monitor(stdin=slave) as m:
                m.boot(self.guest("count"))
                assert termios.tcgetattr(slave)[3] & flags == flags, "raw before the start"
                m.start()
                assert m.wait_text(b"READY\n.."), m.out
                assert termios.tcgetattr(slave)[3] & flags == 0, "not raw while running"
                os.write(master, b"x" * 4096)  # more than the receiver holds: it stops reading
                m.ok("GET", "/")
                m.proc.send_signal(signal.SIGHUP)
                assert m.wait_exit(10) == 156
                assert termios.tcgetattr(slave)[3] & flags == flags, "still raw after the end"
        finally:
            os.close(master)
            os.close(slave)

    def test_pause_resume(self):
        with self.monitor() as m:
            m.boot(self.guest("count"))
            m.start()
            assert m.wait_text(b"READY\n.."), m.out
            for _ in range(3):
                m.ok("PATCH", "/vm", {"state": "Paused"})
                assert m.ok("GET", "/")["state"] == "Paused"
                m.ok("PATCH", "/vm", {"state": "Paused"})
                time.sleep(0.05)
                m.read()
                seen = len(m.out)
                m.read(0.2)
                assert len(m.out) == seen, "the guest runs while paused"
                m.ok("PATCH", "/vm", {"state": "Resumed"})
                assert m.ok("GET", "/")["state"] == "Running"
                m.ok("PATCH", "/vm", {"state": "Resumed"})
                assert m.wait_text(m.out + b"..", 10), "the guest stands still after resume"

    def config(self, directory, **more):
        doc = {"boot-source": {"kernel_image_path": self.guest("hello"), "boot_args": "cpus=2"},
               "drives": [], "machine-config": {"vcpu_count": 2, "mem_size_mib": 64}, **more}
        path = os.path.join(directory, "vm.json")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(doc, f)
        return path

    def test_config_file(self):
        directory = new_dir()
        try:
            path = self.config(directory)
            for api in (True, False):
                with self.monitor("--config-file", path, api=api, workdir=directory) as m:
                    self.finish(m)
                    assert "Successfully started microvm that was configured from one single json" \
                        in m.errors()
                if os.path.exists(m.sock):
                    os.unlink(m.sock)
        finally:
            shutil.rmtree(directory)

    def test_config_file_devices(self):
        directory = new_dir()
        try:
            disk = os.path.join(directory, "disk")
            with open(disk, "wb") as f:
                for i in range(64):
                    f.write(bytes([i + 1]) * 512)
            path = self.config(directory, drives=[drive("d", disk)], entropy={}, **{
                "boot-source": {"kernel_image_path": self.guest("blk"), "boot_args": ""}})
            with self.monitor("--config-file", path, api=False, workdir=directory) as m:
                self.finish(m)
        finally:
            shutil.rmtree(directory)

    def test_config_file_faults(self):
        cases = [
            ("{", "Configuration for VMM from one single json failed: Invalid JSON: "),
            ('{"boot-source": {"kernel_image_path": "/none"}, "drives": []}',
             "Configuration for VMM from one single json failed: Boot source error: "
             "The kernel file cannot be opened: No such file or directory (os error 2)"),
            ('{"drives": []}', "Invalid JSON: missing field `boot-source`"),
            ('{"boot-source": {"kernel_image_path": "%s"}, "drives": [{"drive_id": "d", '
             '"path_on_host": "/none", "is_root_device": false, "is_read_only": false}]}'
             % self.guest("hello"), "Block device error: Invalid block device path: /none"),
            ('{"boot-source": {"kernel_image_path": "/dev/null"}, "drives": []}',
             "Could not Start MicroVM from one single json: Cannot load kernel due to invalid memory "
             "configuration or invalid kernel image: Kernel Loader: failed to load ELF kernel image"),
        ]
        directory = new_dir()
        path = os.path.join(directory, "vm.json")
        try:
            for text, want in cases:
                with open(path, "w", encoding="utf-8") as f:
                    f.write(text)
                with self.monitor("--config-file", path, api=False, workdir=directory) as m:
                    code = m.wait_exit(20)
                    assert code == 1, (text, code)
                    assert want in m.errors(), (want, m.errors())
        finally:
            shutil.rmtree(directory)

    def test_vm_config(self):
        with self.monitor() as m:
            path = self.disk(m)
            m.boot(self.guest("count"), "x=1")
            m.ok("PUT", "/drives/d", drive("d", path))
            m.ok("PUT", "/entropy", {})
            m.start()
            got = m.ok("GET", "/vm/config")
            want = {"balloon": None, "boot-source": {"kernel_image_path": self.guest("count"),
                    "initrd_path": None, "boot_args": "x=1"}, "cpu-config": None,
                    "drives": [{"drive_id": "d", "path_on_host": path, "is_root_device": False,
                                "partuuid": None, "is_read_only": False, "cache_type": "Unsafe",
                                "rate_limiter": None, "io_engine": "Sync"}],
                    "logger": None, "metrics": None, "mmds-config": None, "network-interfaces": [],
                    "vsock": None, "entropy": {"rate_limiter": None},
                    "machine-config": {"vcpu_count": 1, "mem_size_mib": 64, "smt": False,
                                       "track_dirty_pages": False}}
            assert got == want, got

    def test_wrong_state(self):
        post = "The requested operation is not supported after starting the microVM."
        pre = "The requested operation is not supported before starting the microVM."
        with self.monitor() as m:
            m.boot(self.guest("count"))
            body = drive("d", self.disk(m))
            self.fault(m, "PATCH", "/vm", {"state": "Paused"}, pre)
            self.fault(m, "PATCH", "/drives/d", {"drive_id": "d", "path_on_host": "x"}, pre)
            m.start()
            self.fault(m, "PUT", "/drives/d", body, post)
            self.fault(m, "PUT", "/entropy", {}, post)
            self.fault(m, "PUT", "/machine-config", {"vcpu_count": 1, "mem_size_mib": 1}, post)
            self.fault(m, "PUT", "/actions", {"action_type": "InstanceStart"}, post)

    def test_drive_resize(self):
        """PATCH of the same path after the file grew: capacity, generation, interrupt."""
        known = ("generation moved",) if self.o.reference else ()
        with self.monitor() as m:
            path = self.disk(m)
            m.boot(self.guest("blk"), "resize")
            m.ok("PUT", "/drives/d", drive("d", path))
            m.start()
            assert m.wait_text(b"READY\n", 60), m.out
            os.truncate(path, 128 * 512)
            m.ok("PATCH", "/drives/d", {"drive_id": "d", "path_on_host": path})
            assert "INFO capacity=0x80\n" in self.finish(m, known=known)

    def test_drive_patch_faults(self):
        with self.monitor() as m:
            path = self.disk(m)
            m.boot(self.guest("count"))
            m.ok("PUT", "/drives/d", drive("d", path))
            m.start()
            self.fault(m, "PATCH", "/drives/d", {"drive_id": "d", "path_on_host": "/none"},
                       'Unable to patch the block device: BackingFile(Os { code: 2, kind: NotFound, '
                       'message: "No such file or directory" }, "/none")')
            self.fault(m, "PATCH", "/drives/e", {"drive_id": "e", "path_on_host": path},
                       "Unable to patch the block device: Failed to find the device on the bus.")
            self.fault(m, "PATCH", "/drives/d", {"drive_id": "d"},
                       "Please specify at least one property to patch: path_on_host, rate_limiter.")
            assert m.ok("GET", "/vm/config")["drives"][0]["path_on_host"] == path

    def test_drive_limiter(self):
        """One operation a minute holds the guest; a PATCH lets it go on."""
        with self.monitor() as m:
            m.boot(self.guest("blk"), "throttle")
            m.ok("PUT", "/drives/d", drive("d", self.disk(m), rate_limiter={
                "ops": {"size": 1, "refill_time": 60000}}))
            m.start()
            assert m.wait_text(b"READY\n"), m.out
            m.read(0.3)
            assert m.out.count(b"READ\n") == 1, m.out
            m.ok("PATCH", "/drives/d", {"drive_id": "d", "rate_limiter": {
                "ops": {"size": 1000, "refill_time": 100}}})
            self.finish(m, 20)
            assert m.out.count(b"READ\n") == 3, m.out

    def test_bad_kernel(self):
        """A failed start changes nothing and can be repeated with a good kernel."""
        text = "Cannot load kernel due to invalid memory configuration or invalid kernel image: " \
               "Kernel Loader: failed to load ELF kernel image"
        with self.monitor() as m:
            m.ok("PUT", "/machine-config", {"vcpu_count": 1, "mem_size_mib": 64})
            start = {"action_type": "InstanceStart"}
            self.fault(m, "PUT", "/actions", start,
                       "Cannot start microvm without kernel configuration.")
            self.fault(m, "PUT", "/boot-source", {"kernel_image_path": "/none"},
                       "The kernel file cannot be opened: No such file or directory (os error 2)")
            self.fault(m, "PUT", "/boot-source",
                       {"kernel_image_path": self.guest("hello"), "initrd_path": "/none"},
                       "The initrd file cannot be opened due to invalid path or invalid permissions. "
                       "No such file or directory (os error 2)")
            bad = os.path.join(m.dir, "bad")
            with open(self.guest("hello"), "rb") as f:
                elf = f.read()
            for data in (b"", b"\x7fELF", b"x" * 4096, elf[:100], elf[:4200]):
                with open(bad, "wb") as f:
                    f.write(data)
                m.ok("PUT", "/boot-source", {"kernel_image_path": bad})
                self.fault(m, "PUT", "/actions", start, text)
            assert m.ok("GET", "/")["state"] == "Not started"
            m.boot(self.guest("hello"), "cpus=1")
            m.start()
            self.finish(m)

    def test_bad_initrd(self):
        with self.monitor() as m:
            empty = os.path.join(m.dir, "empty")
            open(empty, "wb").close()
            m.boot(self.guest("hello"), "cpus=1", empty)
            self.fault(m, "PUT", "/actions", {"action_type": "InstanceStart"},
                       "Cannot load initrd due to an invalid image: "
                       "Initrd image seek returned a size of zero")
            big = os.path.join(m.dir, "big")
            with open(big, "wb") as f:
                f.truncate(65 << 20)
            m.boot(self.guest("hello"), "cpus=1", big)
            self.fault(m, "PUT", "/actions", {"action_type": "InstanceStart"},
                       "Cannot load initrd due to an invalid memory configuration.")
            m.boot(self.guest("hello"), "cpus=1")
            m.start()
            self.finish(m)

    def test_bad_disk(self):
        with self.monitor() as m:
            self.fault(m, "PUT", "/drives/d", drive("d", "/none"),
                       "Invalid block device path: /none")
            self.fault(m, "PUT", "/drives/e", drive("d", self.disk(m)),
                       "The id from the path does not match the id from the body!")
            root = drive("a", self.disk(m))
            root["is_root_device"] = True
            m.ok("PUT", "/drives/a", root)
            self.fault(m, "PUT", "/drives/b", dict(root, drive_id="b"),
                       "A root block device already exists!")

    def test_many_devices(self):
        """Nineteen interrupts: the twentieth device fails the start with a clear text."""
        with self.monitor() as m:
            m.boot(self.guest("hello"), "cpus=1")
            path = self.disk(m)
            for i in range(20):
                m.ok("PUT", f"/drives/d{i}", drive(f"d{i}", path))
            self.fault(m, "PUT", "/actions", {"action_type": "InstanceStart"},
                       "Failed to allocate requested resource: The requested resource is not "
                       "available.")
        with self.monitor() as m:
            m.boot(self.guest("blk"), "")
            for i in range(19):
                m.ok("PUT", f"/drives/d{i}", drive(f"d{i}", self.disk(m, f"disk{i}")))
            m.start()
            self.finish(m)

    def test_vcpus(self):
        """1..32 vCPUs start, one named thread each; the tables list them."""
        for n in (1, 2, 3, 8, 32):
            with self.monitor() as m:
                m.boot(self.guest("hello"), f"cpus={n}", vcpus=n)
                m.start()
                self.finish(m)
            with self.monitor() as m:
                m.boot(self.guest("count"), vcpus=n)
                m.start()
                assert m.wait_text(b"READY\n"), m.out
                got = sorted(t for t in m.threads() if t.startswith("fc_vcpu"))
                assert got == sorted(f"fc_vcpu {i}" for i in range(n)), got
                m.ok("PATCH", "/vm", {"state": "Paused"})
                m.ok("PATCH", "/vm", {"state": "Resumed"})

    def test_terminated_while_running(self):
        with self.monitor() as m:
            m.boot(self.guest("count"), vcpus=2)
            m.start()
            assert m.wait_text(b"READY\n"), m.out
            m.proc.terminate()
            assert m.wait_exit(10) == -15, m.proc.returncode

    def test_without_block_plugin(self):
        """A plugin that is not installed: its requests fail clearly, the rest works."""
        if not self.o.plugin_dir:
            raise Skip("the binary has no plugins")
        directory = new_dir()
        try:
            for root, _, names in os.walk(self.o.plugin_dir):
                for name in names:
                    if name.endswith(".so") and "block" not in name:
                        shutil.copy(os.path.join(root, name), directory)
            with Monitor(self.o.binary, directory) as m:
                status, answer = m.request("PUT", "/drives/d", drive("d", self.disk(m)))
                assert status == 400 and answer["fault_message"], (status, answer)
                print("# without the plugin:", answer["fault_message"])
                assert m.ok("GET", "/vm/config")["drives"] == []
                m.boot(self.guest("rng"))
                m.ok("PUT", "/entropy", {})
                m.start()
                self.finish(m)
        finally:
            shutil.rmtree(directory)

    def test_without_plugins(self):
        if not self.o.plugin_dir:
            raise Skip("the binary has no plugins")
        directory = new_dir()
        try:
            with Monitor(self.o.binary, directory) as m:
                m.boot(self.guest("hello"), "cpus=1")
                m.start()
                assert "virtio_mmio" not in self.finish(m)
        finally:
            shutil.rmtree(directory)

    def third_party(self, check, faulty=False, change=None):
        """Run check(plugin directory) with the template's plugin, or its faulty kin, in there."""
        if not self.o.plugin_dir:
            raise Skip("the binary has no plugins")
        if not shutil.which("cc"):
            raise Skip("no cc to build a plugin with")
        work = new_dir()
        try:
            plugins = third_party.plugin_dir(work, self.o.plugin_dir)
            if not faulty:
                third_party.build(work, os.path.join(plugins, "echo.so"), change)
            for name, fault in third_party.FAULTS.items() if faulty else ():
                third_party.build(work, os.path.join(plugins, name), fault[0], fault[1])
            check(plugins)
        finally:
            shutil.rmtree(work)

    def test_third_party_plugin(self):
        """Built from the installed header alone: listed, configured, serves a guest."""
        def check(plugins):
            third_party.check_loaded(third_party.listed(self.o.binary, plugins), plugins)
            with Monitor(self.o.binary, plugins) as m:
                third_party.check_serves(m, self.guest("echo"))
        self.third_party(check)

    def test_third_party_bad_segments(self):
        """The same guest, and the device itself answers what lies outside of memory."""
        def check(plugins):
            with Monitor(self.o.binary, plugins) as m:
                third_party.check_serves(m, self.guest("echo"))
        self.third_party(check, change=third_party.BAD_SEGS)

    def test_third_party_counters(self):
        def check(plugins):
            with Monitor(self.o.binary, plugins) as m:
                third_party.check_counts(m, self.guest("echo"))
        self.third_party(check)

    def test_third_party_refused(self):
        """Another ABI, or a service the monitor lacks: refused with reasons, the rest serves."""
        def check(plugins):
            listing = third_party.listed(self.o.binary, plugins)
            with Monitor(self.o.binary, plugins) as m:
                third_party.check_refused(m, plugins, listing)
                m.boot(self.guest("rng"))
                m.start()
                self.finish(m)
            with Monitor(self.o.binary, plugins) as m:
                m.boot(self.guest("blk"))
                m.ok("PUT", "/drives/d", drive("d", self.disk(m)))
                m.start()
                self.finish(m)
        self.third_party(check, faulty=True)

    def test_third_party_answer(self):
        """The client whose request needs a refused plugin reads why there is none."""
        def check(plugins):
            with Monitor(self.o.binary, plugins) as m:
                third_party.check_answer(m)
                m.ok("PUT", "/entropy", {})
        self.third_party(check, faulty=True)

    def test_second_cpu(self):
        raise Skip("starting a second CPU needs interrupts that emulating hosts do not deliver; "
                   "the Linux tier covers it")


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    p = argparse.ArgumentParser()
    p.add_argument("--binary", required=True)
    p.add_argument("--plugin-dir")
    p.add_argument("--guests", default=os.path.join(here, "guest"))
    p.add_argument("--reference", action="store_true", help="the binary is the original")
    p.add_argument("--only", help="regular expression over test names")
    opts = p.parse_args()
    opts.binary = os.path.abspath(opts.binary)
    opts.guests = os.path.abspath(opts.guests)
    suite = Suite(opts)
    tests = Tests(opts)
    why = kvm_usable()
    for name in [n for n in vars(Tests) if n.startswith("test_")]:
        if why:
            suite.line("skipped", name[5:], why)
        else:
            suite.run(name[5:], getattr(tests, name))
    print(f"1..{suite.n}")
    c = suite.count
    print(f"{c['passed']} passed, {c['failed']} failed, {c['skipped']} skipped")
    if why:
        print(f"SKIPPED: bare-metal guests cannot run: {why}")
        return 77
    return 1 if c["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
