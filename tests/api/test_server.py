# SPDX-License-Identifier: Apache-2.0
"""The connection itself: limits, pipelining, pieces, slow clients, the socket file."""
import os
import resource
import subprocess
import time

import client

OK = (b"HTTP/1.1 200 \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n"
      b"Content-Type: application/json\r\nContent-Length: 31\r\n\r\n"
      b'{"firecracker_version":"1.5.1"}')
FULL = (b"HTTP/1.1 503\r\nServer: Firecracker API\r\nConnection: close\r\n"
        b'Content-Length: 40\r\n\r\n{ "error": "Too many open connections" }')
GET = b"GET /version HTTP/1.1\r\n\r\n"


def tests(cfg):
    def start(*extra):
        return client.Vmm(cfg.binary, cfg.plugin_dir, extra)

    def keep_alive():
        with start() as v, v.connect() as s:
            for _ in range(50):
                s.sendall(GET)
                assert client.read_answer(s) == OK
            assert client.silent(s, 0.05)

    def pipelined():
        with start() as v, v.connect() as s:
            s.sendall(GET * 3)
            got = b""
            while len(got) < 3 * len(OK):
                got += s.recv(4096)
            assert got == OK * 3, got

    def in_pieces():
        with start() as v, v.connect() as s:
            body = b'{"vcpu_count":2,"mem_size_mib":128}'
            data = b"PUT /machine-config HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            for i in range(0, len(data), 7):
                s.sendall(data[i:i + 7])
                time.sleep(0.002)
            assert client.read_answer(s).startswith(b"HTTP/1.1 204 \r\n")

    def no_content():
        with start() as v:
            got = v.raw(client.request("PATCH", "/machine-config", '{"smt":false}'))
            assert got == (b"HTTP/1.1 204 \r\nServer: Firecracker API\r\n"
                           b"Connection: keep-alive\r\n\r\n"), got
            assert len(got) == 66

    def expect():
        with start() as v, v.connect() as s:
            s.sendall(b"PUT /logger HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            assert client.read_answer(s) == (b"HTTP/1.1 100 \r\nServer: Firecracker API\r\n"
                                             b"Connection: keep-alive\r\n\r\n")
            s.sendall(b"{}")
            assert client.read_answer(s).startswith(b"HTTP/1.1 204 ")

    def eleven():
        with start() as v:
            held = [v.connect() for _ in range(10)]
            for s in held:
                s.sendall(GET)
                assert client.read_answer(s) == OK
            with v.connect() as s:
                got = b""
                while len(got) < len(FULL):
                    part = s.recv(4096)
                    assert part, got
                    got += part
                assert got == FULL, got
                try:
                    assert s.recv(1) == b""
                except ConnectionResetError:
                    pass
            held.pop().close()
            time.sleep(0.1)
            assert v.raw(GET) == OK
            for s in held:
                s.close()

    def slow():
        with start() as v, v.connect() as stuck, v.connect() as half:
            stuck.sendall(b"GET /ver")
            half.sendall(b"PUT /logger HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
            t = time.monotonic()
            assert v.raw(GET) == OK
            assert time.monotonic() - t < 0.5

    def limit():
        with start("--http-api-max-payload-size", "250") as v:
            got = v.raw(b"PUT /logger HTTP/1.1\r\nContent-Length: 260\r\n\r\n")
            assert b"Content-Length: 145\r\n" in got, got
            assert b"size 260 is larger than the limit of 250 allowed" in got
            body = "{" + " " * 248 + "}"
            assert v.call("PUT", "/logger", body)[0] == 204

    def in_use():
        with start() as v:
            v.connect().close()
            r = subprocess.run([cfg.binary, "--api-sock", v.sock], capture_output=True, text=True,
                               stdin=subprocess.DEVNULL, timeout=10, check=False)
            want = (f"Failed to open the API socket at: {v.sock}. "
                    "Check that it is not already used.")
            assert r.returncode == 1 and want in r.stdout + r.stderr, r
            assert os.path.exists(v.sock) and v.raw(GET) == OK

    def stale_file():
        with start() as v:
            v.connect().close()
            path = os.path.join(v.dir, "plain")
            with open(path, "w", encoding="ascii") as f:
                f.write("keep")
            r = subprocess.run([cfg.binary, "--api-sock", path], capture_output=True, text=True,
                               stdin=subprocess.DEVNULL, timeout=10, check=False)
            with open(path, encoding="ascii") as f:
                assert r.returncode == 1 and f.read() == "keep"

    def idle_costs_nothing():
        with start() as v:
            held = [v.connect() for _ in range(3)]
            for s in held:
                s.sendall(GET)
                client.read_answer(s)

            def switches():
                n = 0
                for t in os.listdir(f"/proc/{v.proc.pid}/task"):
                    try:
                        with open(f"/proc/{v.proc.pid}/task/{t}/comm", encoding="ascii") as f:
                            if f.read().strip() != "fc_api":
                                continue
                        with open(f"/proc/{v.proc.pid}/task/{t}/status", encoding="ascii") as f:
                            n += sum(int(x.split()[1]) for x in f if "ctxt_switches" in x)
                    except FileNotFoundError:
                        pass
                return n
            time.sleep(0.2)
            a = switches()
            time.sleep(2.5)
            assert a > 0 and switches() == a
            for s in held:
                s.close()

    def hostile():
        junk = [b"\r\n" * 10, b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/1.1\r\nbroken\r\n\r\n",
                b"A" * 20000 + b"\r\n\r\n", b"PUT / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                b"PUT /x HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
                b"GET  / HTTP/1.1\r\n\r\n", b"GET /\r\n\r\n", b"PUT / HTTP/1.1\r\n" + b"a:b\r\n" * 200,
                b"PUT /logger HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"]
        with start() as v:
            for data in junk:
                with v.connect() as s:
                    s.settimeout(0.3)
                    try:
                        s.sendall(data)
                        s.recv(65536)
                    except OSError:
                        pass
                assert v.raw(GET) == OK, data
            assert v.proc.poll() is None

    def small():
        with start() as v:
            v.connect().close()
            with open(f"/proc/{v.proc.pid}/status", encoding="ascii") as f:
                rss = [int(x.split()[1]) for x in f if x.startswith("VmRSS")][0]
            assert rss < 5 * 1024, rss
            assert resource.getpagesize() > 0

    for name, check in list(locals().items()):
        if callable(check) and name not in ("start",) and check.__module__ == __name__:
            yield name, check
