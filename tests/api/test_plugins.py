# SPDX-License-Identifier: Apache-2.0
"""Files that are no plugins, and directories that are none: one clear sentence each, no more."""
import json
import os
import re
import shutil
import struct
import subprocess
import tempfile

import client
from run import Skip

HERE = os.path.dirname(os.path.abspath(__file__))
INCLUDE = os.path.join(HERE, "..", "..", "vmm", "include")
TEMPLATE = os.path.join(HERE, "..", "template", "echo.c")
FLAGS = ["-std=gnu11", "-O1", "-shared", "-fPIC", "-fvisibility=hidden", "-Wl,-Bsymbolic"]
NOBODY = 65534
ELF_TYPE, ELF_MACHINE = 16, 18  # offsets of 16-bit fields in the ELF header


def compiled(so, *changes):
    """The template as a plugin, with parts of its source replaced."""
    if not shutil.which("cc"):
        raise Skip("no cc to build a plugin with")
    with open(TEMPLATE, encoding="utf-8") as f:
        text = f.read()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    subprocess.run(["cc", *FLAGS, "-I", INCLUDE, "-x", "c", "-o", so, "-"], input=text, text=True,
                   check=True, capture_output=True)
    os.chmod(so, 0o755)


def patched(so, source, offset, value):
    shutil.copy(source, so)
    with open(so, "r+b") as f:
        f.seek(offset)
        f.write(struct.pack("<H", value))


def cut(so, source, size):
    shutil.copy(source, so)
    os.truncate(so, size)


def text_file(so, data):
    with open(so, "wb") as f:
        f.write(data)
    os.chmod(so, 0o644)


def with_mode(so, source, mode):
    shutil.copy(source, so)
    os.chmod(so, mode)


def with_owner(so, source):
    if os.geteuid() != 0:
        raise Skip("only root gives files away")
    shutil.copy(source, so)
    os.chown(so, NOBODY, NOBODY)


def faults():
    """name: (make(path of the file, path of the good rng.so), what the sentence is)"""
    def source(*changes):
        return lambda so, rng: compiled(so, *changes)
    need = "BP_NEED(queue, flush),"
    return {
        "architecture": (lambda so, rng: patched(so, rng, ELF_MACHINE, 0xf3),
                         "It is built for another architecture."),
        "executable": (lambda so, rng: patched(so, rng, ELF_TYPE, 2), "It is not a shared object."),
        "half": (lambda so, rng: cut(so, rng, os.path.getsize(rng) // 2), "The file is cut short."),
        "head": (lambda so, rng: cut(so, rng, 40), "The file is cut short."),
        "empty": (lambda so, rng: text_file(so, b""), "The file is cut short."),
        "text": (lambda so, rng: text_file(so, b"#!/bin/sh\necho this is no library\n" * 9),
                 "It is not an ELF file."),
        "no_entry": (source(("BP_PLUGIN(echo_plugin)",
                             "BP_EXPORT const void *other(void);"
                             "const void *other(void) { return &echo_plugin; }")),
                     "It has no plugin entry point."),
        "other_entry": (source(("#include <backplane/plugin.h>",
                                "#include <backplane/plugin.h>\n#undef BP_ENTRY_\n"
                                "#define BP_ENTRY_ bp_plugin_entry_v1")),
                        "It is built for ABI 1, this monitor speaks 0."),
        "other_abi": (source((".abi_major = BP_ABI_MAJOR", ".abi_major = 7")),
                      "It is built for ABI 7, this monitor speaks 0."),
        "no_descriptor": (source(("BP_PLUGIN(echo_plugin)",
                                  "BP_EXPORT const struct bp_plugin *bp_plugin_entry_v0(void);"
                                  "const struct bp_plugin *bp_plugin_entry_v0(void)"
                                  "{ return echo_plugin.size > 0 ? NULL : &echo_plugin; }")),
                          "Its descriptor is missing or too short."),
        "short_descriptor": (source((".size = sizeof(echo_plugin)", ".size = 24")),
                             "Its descriptor is missing or too short."),
        "service": (source((need, need + '{ "tunnel", 24, 0 },')),
                    "It needs services that this monitor lacks: tunnel (24 bytes)."),
        "services": (source((need, '{ "queue", 4096, 0 }, { "acme.x/1", 8, 0 },')),
                     "It needs services that this monitor lacks: queue (4096 bytes), "
                     "acme.x/1 (8 bytes)."),
        "linked": (source(("BP_PLUGIN(echo_plugin)", "extern int nobody_has_this(void);"
                           "int (*echo_use)(void) BP_EXPORT; BP_PLUGIN(echo_plugin)"
                           "__attribute__((constructor)) static void f(void)"
                           "{ echo_use = nobody_has_this; }")),
                   "It cannot be loaded: undefined symbol: nobody_has_this."),
        "route": (source(('"/echo/{id}"', '"/entropy"')),
                  "Its route PUT /entropy belongs to plugin rng."),
        "counters": (source(('.metrics_key = "echo"', '.metrics_key = "entropy"')),
                     "Its counters' key `entropy` belongs to plugin rng."),
        "schema": (source(('\\"type\\":\\"boolean\\"', '\\"type\\":\\"bool\\"')),
                   "Route PUT /echo/{id} has a bad request schema: schema keyword `type` has a "
                   "wrong value."),
        "plugin": (lambda so, rng: shutil.copy(rng, so), "A plugin named rng is loaded already."),
        "world": (lambda so, rng: with_mode(so, rng, 0o757), "Everybody can write to it."),
        "group": (lambda so, rng: with_mode(so, rng, 0o775), "Its group can write to it."),
        "owner": (with_owner, "It belongs to user 65534, neither to root nor to the user who runs "
                  "the monitor."),
        "symlink": (lambda so, rng: os.symlink(rng, so), "It is a symbolic link."),
        "dangling": (lambda so, rng: os.symlink("/none", so), "It is a symbolic link."),
        "directory": (lambda so, rng: os.mkdir(so), "It is a directory."),
        "fifo": (lambda so, rng: os.mkfifo(so, 0o600), "It is not a regular file."),
    }


def listed(cfg, directory, **how):
    return subprocess.run([cfg.binary, "--plugin-dir", directory, "--list-plugins"], timeout=10,
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
                          **how)


def one_sentence(text):
    assert re.fullmatch(r"[A-Z][^\n]*[^.]\.", text) and ". " not in text, text


def tests(cfg):
    good = ("block.so", "rng.so")

    def plugins(directory, names=good):
        for name in names:
            shutil.copy(os.path.join(cfg.plugin_dir, name), directory)
            os.chmod(os.path.join(directory, name), 0o755)

    def serves(v, directory):
        """Both of the good plugins still take requests."""
        disk = os.path.join(directory, "disk")
        with open(disk, "wb") as f:
            f.truncate(4096)
        body = {"drive_id": "d", "path_on_host": disk, "is_root_device": False,
                "is_read_only": False}
        for path, what in (("/entropy", {}), ("/drives/d", body)):
            status, text = v.call("PUT", path, json.dumps(what))
            assert status == 204, (path, text)

    def faulty(make, why):
        def check():
            with tempfile.TemporaryDirectory(prefix="bp-api-") as d:
                plugins(d)
                so = os.path.join(d, "x.so")
                make(so, os.path.join(d, "rng.so"))
                done = listed(cfg, d)
                assert done.returncode == 0 and done.stderr == "", done
                seen = json.loads(done.stdout)
                assert [p["name"] for p in seen["plugins"]] == ["block", "rng"], seen
                assert [p["file"] for p in seen["refused"]] == ["x.so"], seen
                reason = seen["refused"][0]["reason"]
                assert reason == why, reason
                one_sentence(reason)
                with client.Vmm(cfg.binary, d) as v:
                    serves(v, d)
                    said = [x for x in v.output().splitlines() if "x.so" in x]
                    assert len(said) == 1, said
                    assert said[0].endswith(f"plugin {so} is refused: {reason}"), said
        return check

    for name, (make, why) in faults().items():
        yield "refused_" + name, faulty(make, why)

    def all_at_once():
        """A directory of nothing but faults costs no crash, and the good two still serve."""
        with tempfile.TemporaryDirectory(prefix="bp-api-") as d:
            plugins(d)
            names = []
            for name, (make, _) in faults().items():
                try:
                    make(os.path.join(d, f"x-{name}.so"), os.path.join(d, "rng.so"))
                    names.append(f"x-{name}.so")
                except Skip:
                    pass
            seen = json.loads(listed(cfg, d).stdout)
            assert sorted(x["file"] for x in seen["refused"]) == sorted(names), seen
            with client.Vmm(cfg.binary, d) as v:
                serves(v, d)
    yield "all_faults_at_once", all_at_once

    def monitors_own(old, new, reason):
        """What belongs to the monitor: (the list says so, the process says so)"""
        def make(d):
            plugins(d)
            compiled(os.path.join(d, "x.so"), (old, new))

        def by_list():
            with tempfile.TemporaryDirectory(prefix="bp-api-") as d:
                make(d)
                seen = json.loads(listed(cfg, d).stdout)
                assert seen["refused"] == [{"file": "x.so", "reason": reason}], seen

        def by_process():
            with tempfile.TemporaryDirectory(prefix="bp-api-") as d:
                make(d)
                with client.Vmm(cfg.binary, d) as v:
                    serves(v, d)
                    said = [x for x in v.output().splitlines() if "x.so" in x]
                    assert len(said) == 1 and said[0].endswith(reason), said
        return by_list, by_process

    for name, change in (
            ("route", ('"/echo/{id}"', '"/machine-config"',
                       "Its route PUT /machine-config belongs to the monitor.")),
            ("counters", ('.metrics_key = "echo"', '.metrics_key = "vmm"',
                          "Its counters' key `vmm` belongs to the monitor."))):
        by_list, by_process = monitors_own(*change)
        yield f"monitors_own_{name}_in_list", by_list
        yield f"monitors_own_{name}", by_process

    def without_block():
        """What is missing is named; the other plugin works."""
        with tempfile.TemporaryDirectory(prefix="bp-api-") as d:
            plugins(d, ("rng.so",))
            with client.Vmm(cfg.binary, d) as v:
                status, body = v.call("PUT", "/drives/d", "{}")
                assert status == 400, (status, body)
                text = json.loads(body)["fault_message"]
                assert "No plugin serves /drives: " in text, text
                assert "no plugin in the plugin directory provides it." in text, text
                assert v.call("PUT", "/entropy", "{}")[0] == 204
    yield "without_block", without_block

    def broken_block():
        """A plugin that was damaged: the request for it says which file and why, once."""
        with tempfile.TemporaryDirectory(prefix="bp-api-") as d:
            plugins(d)
            os.truncate(os.path.join(d, "block.so"), 5000)
            with client.Vmm(cfg.binary, d) as v:
                status, body = v.call("PUT", "/drives/d", "{}")
                text = json.loads(body)["fault_message"]
                assert status == 400 and "block.so was refused: The file is cut short" in text, body
                assert text.endswith("cut short."), text
                assert v.call("PUT", "/entropy", "{}")[0] == 204
    yield "broken_block", broken_block

    def empty():
        with tempfile.TemporaryDirectory(prefix="bp-api-") as d:
            text_file(os.path.join(d, "readme.txt"), b"no plugin")
            done = listed(cfg, d)
            assert done.returncode == 0 and json.loads(done.stdout) == {
                "plugins": [], "refused": []}, done
            with client.Vmm(cfg.binary, d) as v:
                status, body = v.call("PUT", "/entropy", "{}")
                assert status == 400 and "No plugin serves /entropy" in body, body
                assert v.call("GET", "/version")[0] == 200
    yield "empty_directory", empty

    def unusable(path, why, **how):
        want = f"Cannot read the plugin directory {path}: {why}"
        done = listed(cfg, path, **how)
        assert done.returncode == 1 and done.stdout == "", done
        assert done.stderr == f"Error: {want}\n", done

    def missing():
        with tempfile.TemporaryDirectory(prefix="bp-api-") as d:
            unusable(d + "/none", "No such file or directory (os error 2)")
    yield "missing_directory", missing

    def no_directory():
        with tempfile.TemporaryDirectory(prefix="bp-api-") as d:
            text_file(d + "/file", b"")
            unusable(d + "/file", "Not a directory (os error 20)")
    yield "file_for_directory", no_directory

    def unreadable():
        how = {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}
        with tempfile.TemporaryDirectory(prefix="bp-api-") as d:
            os.chmod(d, 0o755)
            os.mkdir(d + "/closed", 0o700)
            os.chmod(d + "/closed", 0o700 if how else 0o300)
            try:
                unusable(d + "/closed", "Permission denied (os error 13)", **how)
            except PermissionError as e:
                raise Skip("another user cannot run the monitor from here") from e
    yield "unreadable_directory", unreadable

    def serves_without_directory():
        """The API works, and the log says once what is wrong with the directory."""
        with tempfile.TemporaryDirectory(prefix="bp-api-") as d:
            with client.Vmm(cfg.binary, d + "/none") as v:
                status, body = v.call("PUT", "/entropy", "{}")
                assert status == 400 and "No plugin serves /entropy" in body, body
                want = f"Cannot read the plugin directory {d}/none: No such file or directory"
                said = [x for x in v.output().splitlines() if want in x]
                assert len(said) == 1, v.output()
                assert v.call("GET", "/version")[0] == 200
    yield "serves_without_directory", serves_without_directory
