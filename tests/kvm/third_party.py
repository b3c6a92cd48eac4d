# SPDX-License-Identifier: Apache-2.0
"""A device of somebody else: the template, built from the installed header alone, and its faults."""
import json
import os
import re
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
TEMPLATE = os.path.join(HERE, "..", "template", "echo.c")
HEADER = os.path.join(HERE, "..", "..", "vmm", "include", "backplane", "plugin.h")
FLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-shared", "-fPIC",
         "-fvisibility=hidden", "-Wl,-Bsymbolic", "-Wl,--no-undefined"]

# The device sees segments outside of memory itself.
BAD_SEGS = ("BP_RING_EVENT_IDX |", "BP_RING_BAD_SEGS | BP_RING_EVENT_IDX |")

# file: (what is changed in the source, what in the header, why it is refused)
FAULTS = {
    "echo-major.so": ((".abi_major = BP_ABI_MAJOR", ".abi_major = BP_ABI_MAJOR + 1"), None,
                      "It is built for ABI 1, this monitor speaks 0."),
    "echo-entry.so": (None, ("bp_plugin_entry_v0", "bp_plugin_entry_v1"),
                      "It is built for ABI 1, this monitor speaks 0."),
    "echo-need.so": (("BP_NEED(queue, flush),", 'BP_NEED(queue, flush), { "tunnel", 24, 0 },'),
                     None, "It needs services that this monitor lacks: tunnel (24 bytes)."),
    "echo-size.so": (("BP_NEED(queue, flush),", '{ "queue", 4096, 0 },'), None,
                     "It needs services that this monitor lacks: queue (4096 bytes)."),
}


def read(path, change=None):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    if change:
        assert change[0] in text, (path, change)
        text = text.replace(*change)
    return text


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def build(work, so, source_change=None, header_change=None):
    """Nothing but one source file and the header where `install` puts it; so is made by cc."""
    prefix = os.path.join(work, "prefix-" + os.path.basename(so))
    source = os.path.join(work, "src-" + os.path.basename(so), "echo.c")
    write(os.path.join(prefix, "include", "backplane", "plugin.h"), read(HEADER, header_change))
    write(source, read(TEMPLATE, source_change))
    done = subprocess.run(["cc", *FLAGS, "-I", os.path.join(prefix, "include"), "-o", so, source],
                          capture_output=True, text=True, check=False, cwd=work)
    assert done.returncode == 0, done.stderr
    os.chmod(so, 0o755)


def plugin_dir(work, plugins):
    """A directory with the project's own plugins."""
    path = os.path.join(work, "plugins")
    os.mkdir(path)
    for name in ("block.so", "rng.so"):
        shutil.copy(os.path.join(plugins, name), path)
        os.chmod(os.path.join(path, name), 0o755)
    return path


def listed(binary, directory):
    done = subprocess.run([binary, "--plugin-dir", directory, "--list-plugins"], timeout=20,
                          capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    return json.loads(done.stdout)


def counters(m, key):
    """The sums of a group over all lines of the metrics file after one more flush."""
    m.ok("PUT", "/actions", {"action_type": "FlushMetrics"})
    total = {}
    with open(os.path.join(m.dir, "metrics"), encoding="utf-8") as f:
        for line in f:
            groups = json.loads(line)
            assert key in groups, f"no group {key} in the metrics, only {sorted(groups)}"
            for name, value in groups[key].items():
                total[name] = total.get(name, 0) + value
    return total


def check_serves(m, guest):
    """Boot the echo guest beside the device and judge its checks; returns the sums it tells."""
    m.boot(guest)
    m.ok("PUT", "/entropy", {})
    m.ok("PUT", "/echo/first", {"echo_id": "first", "capitals": True})
    shown = m.ok("GET", "/vm/config")["echo"]
    assert shown == [{"echo_id": "first", "capitals": True}], shown
    m.start()
    ended = not m.wait_text(b"READY\n", 60)
    text = m.out.decode(errors="replace")
    bad = [x for x in text.splitlines() if x.startswith("FAIL ")]
    assert not bad and not ended, "\n".join(bad + [text[-400:], m.errors()[-800:]])
    assert m.ok("GET", "/")["state"] == "Running"
    m.ok("PATCH", "/vm", {"state": "Paused"})
    m.ok("PATCH", "/vm", {"state": "Resumed"})
    return {k: int(v, 16) for k, v in re.findall(r"INFO (\w+)=(0x[0-9a-f]+)\n", text)}


def check_counts(m, guest):
    """What the guest says it sent is what the plugin's counters say in the metrics file."""
    open(os.path.join(m.dir, "metrics"), "wb").close()
    m.ok("PUT", "/metrics", {"metrics_path": os.path.join(m.dir, "metrics")})
    sent = check_serves(m, guest)
    got = counters(m, "echo")
    assert got["bytes"] == sent["bytes"] > 15000, (got, sent)
    # Whether the device or the monitor completes what lies outside of memory is the ABI's matter.
    assert sent["requests"] <= got["requests"] <= sent["requests"] + sent["refused"], (got, sent)


def check_loaded(listing, directory):
    assert listing["refused"] == [], listing
    assert [p["name"] for p in listing["plugins"]] == ["block", "echo", "rng"], listing
    echo = listing["plugins"][1]
    assert echo["path"] == os.path.join(directory, "echo.so"), echo
    assert echo["virtio_id"] == 63 and echo["routes"] == ["PUT /echo/{id}"], echo
    assert echo["metrics"] == 2 and echo["syscalls"] == [], echo


def check_refused(m, directory, listing):
    """Each fault by name and reason: in the list and once in the log."""
    want = {name: fault[2] for name, fault in FAULTS.items()}
    assert {x["file"]: x["reason"] for x in listing["refused"]} == want, listing
    assert [p["name"] for p in listing["plugins"]] == ["block", "rng"], listing
    m.ok("PUT", "/entropy", {})
    with open(m.log, encoding="utf-8") as f:
        log = f.read()
    for name, why in want.items():
        line = f"plugin {os.path.join(directory, name)} is refused: {why}\n"
        assert log.count(line) == 1, (line, log)


def check_answer(m):
    """The request that needed a refused plugin names each file and its reason."""
    status, answer = m.request("PUT", "/echo/first", {"echo_id": "first"})
    assert status == 400, (status, answer)
    for name, fault in FAULTS.items():
        said = f"{name} was refused: {fault[2][:-1]}"
        assert said in answer["fault_message"], (said, answer)
