# SPDX-License-Identifier: Apache-2.0
"""One monitor process with its socket, files and output, for tests and measurements."""
import fcntl
import http.client
import json
import os
import select
import shutil
import socket
import subprocess
import tempfile
import time

KVM_GET_API_VERSION = 0xAE00


class UnixHTTP(http.client.HTTPConnection):
    """An HTTP connection over a UNIX socket."""

    def __init__(self, path, timeout=20):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Monitor:
    """A context: starts the process, and ends it and removes its files in the end."""

    def __init__(self, binary, plugin_dir=None, args=(), api=True, workdir=None,
                 stdin=subprocess.DEVNULL):
        self.dir = workdir or new_dir()
        self.own_dir = workdir is None
        self.sock = os.path.join(self.dir, "api.sock")
        self.log = os.path.join(self.dir, "log")
        open(self.log, "a", encoding="utf-8").close()
        cmd = [binary]
        if plugin_dir:
            cmd += ["--plugin-dir", plugin_dir]
        else:
            cmd += ["--no-seccomp"]
        cmd += ["--no-api"] if not api else ["--api-sock", self.sock]
        cmd += ["--log-path", self.log] + list(args)
        self.stderr = tempfile.TemporaryFile()
        self.proc = subprocess.Popen(cmd, stdin=stdin, stdout=subprocess.PIPE,
                                     stderr=self.stderr, bufsize=0)
        self.out = b""
        self.conn = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.conn:
            self.conn.close()
        if self.proc.poll() is None:
            self.proc.kill()
        self.proc.wait()
        self.proc.stdout.close()
        self.stderr.close()
        if self.own_dir:
            shutil.rmtree(self.dir, ignore_errors=True)

    def request(self, method, path, body=None):
        """(status, parsed body or None); waits for the socket on the first call."""
        end = time.monotonic() + 10
        while self.conn is None:
            conn = UnixHTTP(self.sock)
            try:
                conn.connect()
                self.conn = conn
            except OSError:
                if self.proc.poll() is not None or time.monotonic() > end:
                    raise
                time.sleep(0.002)
        data = None if body is None else json.dumps(body)
        try:
            self.conn.request(method, path, data,
                              {"Content-Type": "application/json"} if data else {})
            answer = self.conn.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as e:
            raise AssertionError(f"{method} {path}: {e!r}; exit {self.wait_exit(5)}; output "
                                 f"{self.out[-200:]!r}; {self.errors()[-1500:]}") from e
        return answer.status, json.loads(text) if text else None

    def ok(self, method, path, body=None):
        """A request that must succeed; its body."""
        status, text = self.request(method, path, body)
        if status not in (200, 204):
            raise AssertionError(f"{method} {path}: {status} {text}")
        return text

    def read(self, seconds=0.0):
        """Take over what stands in the pipe, waiting up to `seconds` for more; False at its end."""
        ready, _, _ = select.select([self.proc.stdout], [], [], seconds)
        if not ready:
            return True
        data = os.read(self.proc.stdout.fileno(), 65536)
        self.out += data
        return bool(data)

    def wait_text(self, text, seconds=20):
        """Wait until the guest has printed this; False when it never does."""
        end = time.monotonic() + seconds
        while text not in self.out:
            left = end - time.monotonic()
            if left <= 0 or not self.read(left):
                break
        return text in self.out

    def wait_exit(self, seconds=60):
        """Collect output up to the end of the process; its exit code, or None at the deadline."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.read(max(0.0, end - time.monotonic())):
                try:
                    return self.proc.wait(max(0.1, end - time.monotonic()))
                except subprocess.TimeoutExpired:
                    return None
        return None

    def errors(self):
        """What the process wrote on standard error and in its log: for reports of failures."""
        self.stderr.seek(0)
        text = self.stderr.read().decode(errors="replace")
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return text + f.read()

    def threads(self):
        """Names of the threads."""
        names = []
        for t in os.listdir(f"/proc/{self.proc.pid}/task"):
            with open(f"/proc/{self.proc.pid}/task/{t}/comm", encoding="utf-8") as f:
                names.append(f.read().strip())
        return names

    def boot(self, kernel, args="", initrd=None, vcpus=1, mem=64):
        """Machine and boot source."""
        self.ok("PUT", "/machine-config", {"vcpu_count": vcpus, "mem_size_mib": mem})
        source = {"kernel_image_path": kernel, "boot_args": args}
        if initrd:
            source["initrd_path"] = initrd
        self.ok("PUT", "/boot-source", source)

    def start(self):
        self.ok("PUT", "/actions", {"action_type": "InstanceStart"})


def new_dir():
    """A fresh directory in memory where there is one."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    return tempfile.mkdtemp(prefix="bp-kvm-", dir=base)


def kvm_usable():
    """Why the machine cannot run guests, or None."""
    if os.uname().machine != "x86_64":
        return "the guests are x86_64 code"
    try:
        fd = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
        try:
            version = fcntl.ioctl(fd, KVM_GET_API_VERSION)
        finally:
            os.close(fd)
    except OSError as e:
        return f"/dev/kvm: {e.strerror}"
    return None if version == 12 else f"/dev/kvm: API version {version}"


def drive(name, path, read_only=False, **more):
    """The body of PUT /drives."""
    return {"drive_id": name, "path_on_host": path, "is_root_device": False,
            "is_read_only": read_only, **more}
