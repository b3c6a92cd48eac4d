#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Interleaved medians of one monitor binary, beside another one; see README.md."""
import argparse
import glob
import json
import os
import shutil
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "kvm")]
from monitor import kvm_usable, new_dir  # noqa: E402
from rows import GROUPS, ROWS, Bench, probe  # noqa: E402
from side import NS, Side  # noqa: E402


def spawn_floor():
    """ms of starting a program that does nothing."""
    times = []
    for _ in range(15):
        t = NS()
        os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
        times.append(NS() - t)
    return statistics.median(times) / 1e6


def missing(opts):
    """What is not there or not what it has to be, before anything waits for it."""
    for what, path in (("--binary", opts.binary), ("--reference", opts.reference),
                       ("--queue-bench", opts.queue_bench)):
        if path and not os.access(path, os.X_OK):
            return f"{what}: no program at {os.path.abspath(path)}"
    if opts.plugin_dir and not glob.glob(os.path.join(glob.escape(opts.plugin_dir), "*.so")):
        return f"--plugin-dir: no plugins in {os.path.abspath(opts.plugin_dir)}"
    if not os.path.isfile(opts.guest):
        return f"no guest at {opts.guest}: build tests/kvm/guest/bench.elf, or say --guest"
    with open(opts.guest, "rb") as f:
        if f.read(4) != b"\x7fELF":
            return f"the guest {opts.guest} is no ELF file"
    return None


def boots(bench, sides):
    """Whether every side boots the guest; says which does not, and why."""
    for side in sides:
        try:
            probe(bench, side)
        except (OSError, RuntimeError, TimeoutError) as e:
            print(f"{side.name} ({side.argv[0]}) does not boot {bench.guest}: {e}", file=sys.stderr)
            return False
    return True


def measure(opts, sides, bench):
    """{side name: {row key: [values]}}"""
    got = {s.name: {} for s in sides}
    failed = set()
    for run in range(opts.runs):
        for name, group in GROUPS.items():
            if opts.groups and not {name, name.split(".")[0]} & set(opts.groups.split(",")):
                continue
            # Whoever goes first in one run goes second in the next.
            for side in sides if run % 2 == 0 else sides[::-1]:
                if (name, side.name) in failed:
                    continue
                try:
                    values = group(bench, side)
                except (OSError, RuntimeError, TimeoutError) as e:
                    failed.add((name, side.name))
                    print(f"{side.name}: {name} not measured: {str(e)[-300:]}", file=sys.stderr)
                    continue
                for key, v in values.items():
                    got[side.name].setdefault(key, []).append(v)
        print(f"run {run + 1} of {opts.runs} done", file=sys.stderr)
    return got, failed


def number(v):
    return "-" if v is None else f"{v:,.0f}" if v >= 1000 else f"{v:.3g}"


def table(got, sides):
    """Print the rows; how many targets are missed."""
    missed = 0
    print(f"{'row':44} {'unit':5} {'ours':>10} {'reference':>10} {'ratio':>7} {'target':>8}")
    for key, (title, unit, sign, target) in ROWS.items():
        med = [statistics.median(got[s.name][key]) if got[s.name].get(key) else None for s in sides]
        ours, ref = med[0], med[1] if len(med) > 1 else None
        if ours is None and ref is None:
            continue
        ratio = ours / ref if ours is not None and ref else None
        goal = mark = ""
        if target is not None:
            goal = ("<= " if sign < 0 else ">= ") + f"{target:g}"
            if ratio is not None and (ratio - target) * sign < -0.02 * target:
                mark, missed = " missed", missed + 1
        print(f"{title:44} {unit:5} {number(ours):>10} {number(ref):>10} "
              f"{'-' if ratio is None else f'{ratio:.2f}':>7} {goal:>8}{mark}")
    return missed


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--binary", required=True)
    p.add_argument("--plugin-dir")
    p.add_argument("--reference", help="the binary to compare with")
    p.add_argument("--guest", help="bench.elf of the bare-metal guests")
    p.add_argument("--queue-bench", help="the bench_queue program")
    p.add_argument("--runs", type=int, default=7)
    p.add_argument("--groups", help="only these, comma separated (loads: all of them): " +
                   " ".join(GROUPS))
    p.add_argument("--json", help="also write all values to this file")
    opts = p.parse_args()
    why = kvm_usable()
    if why:
        print(f"SKIPPED: {why}")
        return 77
    build = os.path.join(os.path.dirname(os.path.abspath(opts.binary)), "..", "..")
    opts.guest = os.path.abspath(opts.guest or os.path.join(build, "tests/kvm/guest/bench.elf"))
    queue_bench = os.path.join(build, "tests/bench/bench_queue")
    if not opts.queue_bench and os.path.exists(queue_bench):
        opts.queue_bench = queue_bench
    why = missing(opts)
    if why:
        p.error(why)
    sides = [Side("ours", opts.binary, opts.plugin_dir)]
    if opts.reference:
        sides.append(Side("reference", opts.reference))
    directory = new_dir()
    try:
        bench = Bench(directory, opts.guest)
        if not boots(bench, sides):
            return 1
        got, failed = measure(opts, sides, bench)
    finally:
        shutil.rmtree(directory)
    print(f"\nmedians of {opts.runs} interleaved runs; load {os.getloadavg()[0]:.1f} on "
          f"{os.cpu_count()} CPUs; starting /bin/true takes {spawn_floor():.2f} ms")
    missed = table(got, sides)
    if os.getloadavg()[0] > 1.5 * (os.cpu_count() or 1):
        print("The machine was busy: only the ratios mean anything, and not much.")
    if opts.queue_bench:
        sys.stdout.flush()
        subprocess.run([opts.queue_bench], check=True)
    if opts.json:
        with open(opts.json, "w", encoding="utf-8") as f:
            json.dump(got, f, indent=1)
    print(f"{missed} targets missed, {len(failed)} groups not measured")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
