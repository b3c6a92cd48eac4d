# SPDX-License-Identifier: Apache-2.0
"""The configuration file's errors, and what is said about absent plugins."""
import os
import subprocess
import tempfile

import client

FAILED = "Configuration for VMM from one single json failed: "


def tests(cfg):
    def run(text, extra=()):
        with tempfile.TemporaryDirectory(prefix="bp-api-") as d:
            path = os.path.join(d, "vm.json")
            with open(path, "w", encoding="utf-8") as f:
                f.write(text.replace("{tmp}", d))
            with open(os.path.join(d, "kernel"), "wb"):
                pass
            r = subprocess.run([cfg.binary, "--plugin-dir", cfg.plugin_dir, "--no-api",
                                "--config-file", path, *extra], capture_output=True, text=True,
                               stdin=subprocess.DEVNULL, timeout=5, check=False)
            return r.returncode, (r.stdout + r.stderr).replace(d, "{tmp}")

    def failing(text, want):
        def check():
            code, out = run(text)
            assert code == 1 and want in out, out
        return check

    boot = '"boot-source":{"kernel_image_path":"{tmp}/kernel"}'
    yield "no_json", failing("{", FAILED + "Invalid JSON: EOF while parsing an object")
    yield "no_boot_source", failing('{"drives":[]}',
                                    FAILED + "Invalid JSON: missing field `boot-source`")
    yield "no_drives", failing("{" + boot + "}", FAILED + "Invalid JSON: missing field `drives`")
    yield "bad_member", failing('{"drives":[],' + boot + ',"machine-config":{"mem_size_mib":1}}',
                                FAILED + "Invalid JSON: missing field `vcpu_count` at line 1")
    yield "bad_machine", failing(
        '{"drives":[],' + boot + ',"machine-config":{"vcpu_count":1,"mem_size_mib":0}}',
        FAILED + "VM config error: The memory size (MiB) is invalid.")
    yield "no_kernel", failing(
        '{"drives":[],"boot-source":{"kernel_image_path":"{tmp}/none"}}',
        FAILED + "Boot source error: The kernel file cannot be opened: No such file or directory "
        "(os error 2)")
    yield "order", failing(
        '{"drives":[],"boot-source":{"kernel_image_path":"{tmp}/none"},'
        '"metrics":{"metrics_path":"{tmp}/none"},"logger":{"log_path":"{tmp}/none"}}',
        FAILED + "Logger error: Failed to open target file: No such file or directory (os error 2)")
    yield "bad_kernel", failing(
        '{"drives":[],"unknown":1,' + boot + "}",
        "Could not Start MicroVM from one single json: Cannot load kernel due to invalid memory "
        "configuration or invalid kernel image: Kernel Loader: failed to load ELF kernel image")

    def absent():
        with tempfile.TemporaryDirectory(prefix="bp-api-") as d:
            with client.Vmm(cfg.binary, d) as v:
                for path in ("/drives/a", "/entropy", "/vsock", "/balloon", "/mmds",
                             "/network-interfaces/a"):
                    status, body = v.call("PUT", path, "{}")
                    name = path.split("/")[1]
                    assert status == 400 and body == (
                        '{"fault_message":"Invalid request method and/or path: PUT ' + name +
                        ". No plugin serves /" + name +
                        ': no plugin in the plugin directory provides it."}'), body
                assert v.call("GET", "/vm/config")[0] == 200

    def refused():
        with tempfile.TemporaryDirectory(prefix="bp-api-") as d:
            with open(os.path.join(d, "junk.so"), "wb") as f:
                f.write(b"not a library")
            with client.Vmm(cfg.binary, d) as v:
                status, body = v.call("PUT", "/drives/a", "{}")
                assert status == 400 and "No plugin serves /drives: " in body, body
                assert "junk.so was refused: " in body, body
    yield "absent", absent
    yield "refused", refused
