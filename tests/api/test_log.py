# SPDX-License-Identifier: Apache-2.0
"""Log lines around requests, request counters and the metrics file."""
import json
import os

import client


def tests(cfg):
    def start(*extra):
        return client.Vmm(cfg.binary, cfg.plugin_dir, extra)

    def around_a_request():
        with start() as v:
            v.call("PUT", "/machine-config", '{"vcpu_count":1,\n"mem_size_mib":128}')
            v.call("GET", "/version")
            v.call("GET", "/foo")
            v.call("PUT", "/machine-config", '{"vcpu_count":1}')
            v.call("PATCH", "/vm", '{"state":"Paused"}')
            v.call("PUT", "/x")
            v.call("PUT", "/machine-config",
                   '{"vcpu_count":1,"mem_size_mib":128,"cpu_template":"None"}')
            out = v.output()
            for want in (
                    'The API server received a Put request on "/machine-config" with body '
                    '"{\\"vcpu_count\\":1,\\n\\"mem_size_mib\\":128}".',
                    'The API server received a Get request on "/version".',
                    "The request was executed successfully. Status code: 204 No Content.",
                    "The request was executed successfully. Status code: 200 OK.",
                    'InvalidPathMethod("foo", Get)',
                    'SerdeJson(Error("missing field `mem_size_mib`", line: 1, column: 16))',
                    "Received Error. Status code: 400 Bad Request. Message: The requested "
                    "operation is not supported before starting the microVM.",
                    'Generic(BadRequest, "Empty PUT request.")',
                    "PUT /machine-config: cpu_template field is deprecated."):
                assert want in out, want + "\n" + out

    def duration_at_debug():
        with start("--level", "Debug") as v:
            v.call("GET", "/version")
            assert "Total previous API call duration: " in v.output(), v.output()

    def thread_in_line():
        with start() as v:
            v.call("GET", "/version")
            assert " [anonymous-instance:fc_api] The API server received" in v.output(), v.output()

    def log_file():
        with start() as v:
            path = os.path.join(v.dir, "log")
            with open(path, "wb"):
                pass
            assert v.call("PUT", "/logger", json.dumps({"log_path": path}))[0] == 204
            v.call("GET", "/version")
            with open(path, encoding="utf-8") as f:
                lines = f.read().splitlines()
            assert "Running Firecracker v1.5.1" in lines[0], lines
            assert any('Get request on "/version"' in x for x in lines), lines

    for name, check in list(locals().items()):
        if callable(check) and name not in ("start",) and check.__module__ == __name__:
            yield name, check
