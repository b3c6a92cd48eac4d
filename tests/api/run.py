#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run the API tests against a built monitor; TAP on standard output."""
import argparse
import importlib
import os
import sys
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
MODULES = ["test_golden", "test_server", "test_log", "test_config", "test_cli", "test_plugins"]


class Skip(Exception):
    """What the test needs is not there."""


sys.modules["run"] = sys.modules[__name__]  # the Skip of the test modules is this one


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--binary", required=True)
    ap.add_argument("--plugin-dir", required=True)
    ap.add_argument("modules", nargs="*", default=MODULES)
    cfg = ap.parse_args()
    cfg.binary = os.path.abspath(cfg.binary)
    cfg.plugin_dir = os.path.abspath(cfg.plugin_dir)
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    n = 0
    for module in cfg.modules:
        for name, check in importlib.import_module(module).tests(cfg):
            n += 1
            name = " ".join(name.replace("#", "").split())
            try:
                check()
                counts["passed"] += 1
                print(f"ok {n} - {module}: {name}")
            except Skip as why:
                counts["skipped"] += 1
                print(f"ok {n} - {module}: {name} # SKIP {why}")
            except Exception:  # a test may fail in any way
                counts["failed"] += 1
                print(f"not ok {n} - {module}: {name}")
                for line in traceback.format_exc(limit=-1).splitlines():
                    print("# " + line)
            sys.stdout.flush()
    print(f"1..{n}")
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
    sys.exit(1 if counts["failed"] or n == 0 else 0)


if __name__ == "__main__":
    main()
