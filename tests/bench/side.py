# SPDX-License-Identifier: Apache-2.0
"""One monitor process seen with as little client as possible: raw sockets, the same for all."""
import os
import select
import signal
import socket
import time

NS = time.perf_counter_ns
BOOT, START, END, OK, FAILED = b"\1", b"\2", b"\3", b"\4", b"\5"


class Side:
    """How to start one of the binaries compared."""

    def __init__(self, name, binary, plugin_dir=None):
        self.name = name
        self.argv = [os.path.abspath(binary)]
        # The reference is built without filters; this keeps its start the shortest one.
        self.argv += ["--plugin-dir", os.path.abspath(plugin_dir)] if plugin_dir else ["--no-seccomp"]


class Process:
    """A running monitor: output pipe, API connection, CPU clocks."""

    def __init__(self, side, directory, *args):
        self.sock = os.path.join(directory, "api.sock")
        if os.path.exists(self.sock):
            os.unlink(self.sock)
        self.out, child = os.pipe2(os.O_CLOEXEC)
        null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        log = os.open(os.path.join(directory, "log"), os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        os.close(log)
        argv = side.argv + ["--api-sock", self.sock, "--level", "Error",
                            "--log-path", os.path.join(directory, "log")] + list(args)
        actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, child, 1),
                   (os.POSIX_SPAWN_DUP2, null, 2)]
        self.start = NS()
        self.pid = os.posix_spawn(argv[0], argv, {}, file_actions=actions,
                                  setsigdef=[signal.SIGPIPE])
        os.close(child)
        os.close(null)
        self.conn = None
        self.unanswered = False
        self.text = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.conn:
            self.conn.close()
        os.close(self.out)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)

    def connect(self):
        """A new connection; waits for the socket."""
        end = time.monotonic() + 10
        while True:
            s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
            s.settimeout(10)
            try:
                s.connect(self.sock)
                return s
            except OSError:
                s.close()
                if time.monotonic() > end:
                    raise
                time.sleep(0.00005)

    @staticmethod
    def send(conn, method, path, body=""):
        conn.sendall((f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
                      f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                      f"{body}").encode())

    @staticmethod
    def answer(conn):
        """The whole answer; an exception when it is not a 2xx."""
        data = conn.recv(65536)
        while b"\r\n\r\n" not in data:
            more = conn.recv(65536)
            if not more:
                raise ConnectionError("closed")
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        at = head.lower().find(b"content-length:")
        want = int(head[at + 15:].split(b"\r\n", 1)[0]) if at >= 0 else 0
        while len(body) < want:
            body += conn.recv(65536)
        if head[9:10] != b"2":
            raise RuntimeError((head + body).decode(errors="replace"))
        return body

    def call(self, method, path, body=""):
        if not self.conn:
            self.conn = self.connect()
        self.send(self.conn, method, path, body)
        return self.answer(self.conn)

    def cpu_ns(self):
        """CPU time of the whole process so far, threads that ended included."""
        return time.clock_gettime_ns((~self.pid << 3) | 2)

    def threads(self):
        return os.listdir(f"/proc/{self.pid}/task")

    def vcpu_ns(self):
        """CPU time of the vCPU threads."""
        total = 0
        for tid in self.threads():
            with open(f"/proc/{self.pid}/task/{tid}/comm", encoding="ascii") as f:
                if not f.read().startswith("fc_vcpu"):
                    continue
            with open(f"/proc/{self.pid}/task/{tid}/schedstat", encoding="ascii") as f:
                total += int(f.read().split()[0])
        return total

    def refused(self):
        """The answer that can be read now, when it is no success; it stays to be read."""
        self.unanswered = False
        head = self.conn.recv(4096, socket.MSG_PEEK)
        return None if head[9:10] == b"2" else head.decode(errors="replace")

    def byte(self, want, seconds=20):
        """Wait for this byte from the guest; the time it was seen."""
        poll = select.poll()
        poll.register(self.out, select.POLLIN)
        if self.unanswered:
            poll.register(self.conn, select.POLLIN)
        end = time.monotonic() + seconds
        while want not in self.text:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no {want!r} from the guest in {seconds} s, only {self.text!r}")
            ready = [fd for fd, _ in poll.poll(left * 1000 + 1)]
            if self.out not in ready:
                if ready:
                    poll.unregister(self.conn)
                    why = self.refused()
                    if why is not None:
                        raise RuntimeError(f"InstanceStart: {why or 'the monitor hung up'}")
                continue
            data = os.read(self.out, 4096)
            if not data or FAILED in data:
                raise RuntimeError(f"the guest failed: {self.text + data!r}")
            self.text += data
        return NS()

    def pss_kib(self, skip_kib=None):
        """Proportional memory; mappings of skip_kib and more (guest memory) left out."""
        if skip_kib is None:
            with open(f"/proc/{self.pid}/smaps_rollup", encoding="ascii") as f:
                return next(int(x.split()[1]) for x in f if x.startswith("Pss:"))
        total = size = 0
        with open(f"/proc/{self.pid}/smaps", encoding="ascii") as f:
            for line in f:
                if line.startswith("Size:"):
                    size = int(line.split()[1])
                elif line.startswith("Pss:") and size < skip_kib:
                    total += int(line.split()[1])
        return total
