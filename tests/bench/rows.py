# SPDX-License-Identifier: Apache-2.0
"""The measurements. Each takes a Bench and a Side and returns {row key: value} of one run."""
import functools
import json
import os
import time

from side import BOOT, END, NS, OK, START, Process

HELLO, PORT, REG, READ, WRITE, RNG, IDLE = range(7)
MEM = 128

# key: (title, unit, +1 when more is better, target ratio or None)
ROWS = {
    "exec": ("exec to API answering", "ms", -1, 0.8),
    "exec_cpu": ("  its CPU", "ms", -1, None),
    "pss": ("idle process, PSS", "KiB", -1, 1.0),
    "get": ("GET / kept alive", "us", -1, 1.0),
    "get_cpu": ("  its CPU", "us", -1, None),
    "put": ("PUT /machine-config", "us", -1, 1.0),
    "put_cpu": ("  its CPU", "us", -1, None),
    "conn": ("connect + GET /", "us", -1, 1.0),
    "conn_cpu": ("  its CPU", "us", -1, None),
    "start": ("InstanceStart to first guest byte", "ms", -1, 0.6),
    "start_once": ("exec to first guest byte, API, no pause", "ms", -1, None),
    "config": ("exec to first guest byte, config file", "ms", -1, 0.6),
    "config_cpu": ("  its CPU", "ms", -1, None),
    "vm_pss": ("running VM, PSS without guest memory", "KiB", -1, 1.0),
    "vm_threads": ("running VM, threads", "", -1, 1.0),
    "pause": ("pause", "ms", -1, 1.0),
    "resume": ("resume", "ms", -1, 0.2),
    "port": ("port exits", "k/s", 1, 1.0),
    "reg": ("virtio register reads", "k/s", 1, 1.0),
}

# key: (title, target, op, depth, batches, words, io engine)
LOADS = {
    "r1": ("4 KiB read, depth 1", 1.0, READ, 1, 4000, "", "Sync"),
    "w1": ("4 KiB write, depth 1", None, WRITE, 1, 4000, "", "Sync"),
    "r64": ("4 KiB read, depth 64, adjacent", 3.8, READ, 64, 800, "", "Sync"),
    "w64": ("4 KiB write, depth 64, adjacent", 3.8, WRITE, 64, 800, "", "Sync"),
    "r64s": ("4 KiB read, depth 64, scattered", 3.8, READ, 64, 800, "scatter", "Sync"),
    "w64s": ("4 KiB write, depth 64, scattered", 3.8, WRITE, 64, 800, "scatter", "Sync"),
    "ra64": ("4 KiB read, depth 64, adjacent, Async", 3.0, READ, 64, 600, "", "Async"),
    "ra64s": ("4 KiB read, depth 64, scattered, Async", 3.0, READ, 64, 600, "scatter", "Async"),
    "rng": ("rng 64 B, depth 128", 2.0, RNG, 128, 1200, "", None),
}
for key, load in LOADS.items():
    ROWS[key] = (load[0], "k/s", 1, load[1])
    ROWS[key + "_cpu"] = ("  CPU a request, device side", "us", -1, None)


class Bench:
    """Files that all runs share."""

    def __init__(self, directory, guest):
        self.dir = directory
        self.guest = guest
        self.disk = os.path.join(directory, "disk")
        with open(self.disk, "wb") as f:
            for i in range(64):
                f.write(bytes([i + 1]) * (1 << 20))

    def machine(self, p, args):
        p.call("PUT", "/machine-config", json.dumps({"vcpu_count": 1, "mem_size_mib": MEM}))
        p.call("PUT", "/boot-source", json.dumps({"kernel_image_path": self.guest,
                                                  "boot_args": args}))


def start(p):
    if not p.conn:
        p.conn = p.connect()
    p.unanswered = True
    p.send(p.conn, "PUT", "/actions", '{"action_type":"InstanceStart"}')


def probe(b, side):
    """Does this side boot this guest at all? An exception says why not."""
    with Process(side, b.dir) as p:
        b.machine(p, "op=0")
        start(p)
        p.byte(BOOT)


def process(b, side):
    """Start-up, idle memory, API calls."""
    r = {}
    with Process(side, b.dir) as p:
        p.call("GET", "/")
        r["exec"] = (NS() - p.start) / 1e6
        r["exec_cpu"] = p.cpu_ns() / 1e6
        time.sleep(0.1)
        r["pss"] = p.pss_kib()
        body = json.dumps({"vcpu_count": 1, "mem_size_mib": MEM})
        for key, args, n in (("get", ("GET", "/"), 500),
                             ("put", ("PUT", "/machine-config", body), 300)):
            for _ in range(20):
                p.call(*args)
            t, c = NS(), p.cpu_ns()
            for _ in range(n):
                p.call(*args)
            r[key] = (NS() - t) / n / 1e3
            r[key + "_cpu"] = (p.cpu_ns() - c) / n / 1e3
        n = 200
        t, c = NS(), p.cpu_ns()
        for _ in range(n):
            s = p.connect()
            p.send(s, "GET", "/")
            p.answer(s)
            s.close()
        r["conn"] = (NS() - t) / n / 1e3
        r["conn_cpu"] = (p.cpu_ns() - c) / n / 1e3
    return r


def boot(b, side):
    """The three ways to the first guest byte."""
    r = {}
    with Process(side, b.dir) as p:
        b.machine(p, "op=0")
        start(p)
        r["start_once"] = (p.byte(BOOT) - p.start) / 1e6
    with Process(side, b.dir) as p:
        b.machine(p, "op=0")
        time.sleep(0.05)
        t = NS()
        start(p)
        r["start"] = (p.byte(BOOT) - t) / 1e6
    path = os.path.join(b.dir, "vm.json")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"boot-source": {"kernel_image_path": b.guest, "boot_args": "op=6"}, "drives": [],
                   "machine-config": {"vcpu_count": 1, "mem_size_mib": MEM}}, f)
    with Process(side, b.dir, "--config-file", path) as p:
        r["config"] = (p.byte(BOOT) - p.start) / 1e6
        r["config_cpu"] = p.cpu_ns() / 1e6
    return r


def running(b, side):
    """Memory and threads of a VM with a disk and the entropy device; pause and resume."""
    r = {}
    with Process(side, b.dir) as p:
        devices(b, p, "Sync")
        b.machine(p, f"op={IDLE}")
        start(p)
        p.byte(START)
        p.answer(p.conn)
        time.sleep(0.1)
        r["vm_pss"] = p.pss_kib(MEM * 1024)
        r["vm_threads"] = len(p.threads())
    with Process(side, b.dir) as p:
        b.machine(p, f"op={IDLE} spin")
        start(p)
        p.byte(OK)
        p.answer(p.conn)
        pause, resume = [], []
        for _ in range(15):
            t = NS()
            p.call("PATCH", "/vm", '{"state":"Paused"}')
            pause.append(NS() - t)
            t = NS()
            p.call("PATCH", "/vm", '{"state":"Resumed"}')
            resume.append(NS() - t)
        r["pause"] = sorted(pause)[7] / 1e6
        r["resume"] = sorted(resume)[7] / 1e6
    return r


def devices(b, p, engine):
    p.call("PUT", "/entropy", "{}")
    p.call("PUT", "/drives/d", json.dumps({
        "drive_id": "d", "path_on_host": b.disk, "is_root_device": False, "is_read_only": False,
        "io_engine": engine or "Sync"}))


def timed(b, side, args, engine=None):
    """(ns between the guest's two marks, CPU ns of all threads but the vCPU's)."""
    with Process(side, b.dir) as p:
        devices(b, p, engine)
        b.machine(p, args)
        start(p)
        t = p.byte(START)
        c = p.cpu_ns() - p.vcpu_ns()
        t = p.byte(END) - t
        c = p.cpu_ns() - p.vcpu_ns() - c
        p.byte(OK)
        return t, c


def exits(b, side):
    n = 15000
    t, _ = timed(b, side, f"op={PORT} batches={n}")
    u, _ = timed(b, side, f"op={REG} batches={n}")
    return {"port": n * 1e6 / t, "reg": n * 1e6 / u}


def one_load(key, b, side):
    _, _, op, depth, n, words, engine = LOADS[key]
    t, c = timed(b, side, f"op={op} depth={depth} batches={n} {words}", engine)
    return {key: n * depth * 1e6 / t, key + "_cpu": c / (n * depth) / 1e3}


GROUPS = {"process": process, "boot": boot, "running": running, "exits": exits}
for key in LOADS:
    GROUPS["loads." + key] = functools.partial(one_load, key)
