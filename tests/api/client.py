# SPDX-License-Identifier: Apache-2.0
"""Start the monitor and talk raw HTTP to it, byte by byte, with nothing but the standard library."""
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time


class Vmm:
    """One process in a directory of its own; leave the block and it is gone."""

    def __init__(self, binary, plugin_dir=None, extra=(), serve=True):
        self.dir = tempfile.mkdtemp(prefix="bp-api-")
        self.sock = os.path.join(self.dir, "api.sock")
        argv = [binary]
        if plugin_dir is not None:
            argv += ["--plugin-dir", plugin_dir]
        if serve:
            argv += ["--api-sock", self.sock]
        argv += [a.replace("{tmp}", self.dir) for a in extra]
        self.log = open(os.path.join(self.dir, "out.log"), "w+b")
        self.proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self.log,
                                     stderr=self.log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGKILL)
        self.proc.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def output(self):
        with open(os.path.join(self.dir, "out.log"), "rb") as f:
            return f.read().decode(errors="replace")

    def connect(self, limit=5.0):
        end = time.monotonic() + limit
        while True:
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(10)
            try:
                s.connect(self.sock)
                return s
            except (FileNotFoundError, ConnectionRefusedError):
                s.close()
                if time.monotonic() > end or self.proc.poll() is not None:
                    raise AssertionError("no API: " + self.output())
                time.sleep(0.005)

    def raw(self, data):
        """Send bytes on a connection of their own; return the whole first answer."""
        with self.connect() as s:
            s.sendall(data)
            return read_answer(s)

    def call(self, method, path, body=None):
        """(status, body text)"""
        answer = self.raw(request(method, path, body)).decode()
        head, _, rest = answer.partition("\r\n\r\n")
        return int(head.split(" ")[1]), rest


def request(method, path, body=None):
    if body is None:
        return f"{method} {path} HTTP/1.1\r\n\r\n".encode()
    data = body.encode()
    return f"{method} {path} HTTP/1.1\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data


def read_answer(s):
    got = b""
    while b"\r\n\r\n" not in got:
        part = s.recv(4096)
        if not part:
            return got
        got += part
    head, _, rest = got.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(rest) < length:
        part = s.recv(4096)
        if not part:
            break
        rest += part
    return head + b"\r\n\r\n" + rest


def silent(s, seconds=0.2):
    """Nothing more arrives."""
    return not select.select([s], [], [], seconds)[0]
