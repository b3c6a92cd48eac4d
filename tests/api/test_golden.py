# SPDX-License-Identifier: Apache-2.0
"""Every answer of the core's operations, byte by byte, against the recorded ones."""
import json
import os

import cases
import client


def collect(start):
    answers = {}
    for name, sequence in cases.SEQUENCES.items():
        with start() as vmm:
            for f in cases.FILES:
                with open(os.path.join(vmm.dir, f), "wb"):
                    pass
            out = []
            for method, path, body in sequence:
                if body is not None:
                    body = body.replace("{tmp}", vmm.dir)
                got = vmm.raw(client.request(method, path if path else "/", body))
                out.append(got.decode("latin-1").replace(vmm.dir, "{tmp}"))
            answers[name] = out
    with start() as vmm:
        for name, data in cases.RAW.items():
            answers["raw " + name] = vmm.raw(data).decode("latin-1")
    return answers


def tests(cfg):
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "golden", "answers.json"), encoding="utf-8") as f:
        want = json.load(f)
    got = collect(lambda: client.Vmm(cfg.binary, cfg.plugin_dir))
    for name, sequence in cases.SEQUENCES.items():
        for i, (method, path, body) in enumerate(sequence):
            yield (f"{name} {i}: {method} {path} {'' if body is None else body[:60]}",
                   same(want[name][i], got[name][i]))
    for name in cases.RAW:
        yield f"raw {name}", same(want["raw " + name], got["raw " + name])


def same(want, got):
    def check():
        assert got == want, f"\n  want {want!r}\n  got  {got!r}"
    return check
