# SPDX-License-Identifier: Apache-2.0
"""Command lines: parse rules, texts and exit codes; log destination and levels; signals."""
import os
import re
import signal
import subprocess
import tempfile
import time

TAIL = " \\n\\nFor more information try --help."
WRONG = "Found argument '%s' which wasn't expected, or isn't valid in this context."


def tests(cfg):
    def run(*args):
        r = subprocess.run([cfg.binary, *args], capture_output=True, text=True,
                           stdin=subprocess.DEVNULL, timeout=5, check=False)
        return r.returncode, r.stdout, r.stderr

    def refused(code, text, *args):
        def check():
            got, out, err = run(*args)
            assert got == code and text in out and text in err, (got, out, err)
        return check

    def parse_error(text, *args):
        return refused(153, "Arguments parsing error: " + text + TAIL, *args)

    yield "unknown_name", parse_error(WRONG % "foo", "--foo")
    yield "stray_word", parse_error(WRONG % "foo", "foo")
    yield "equals_sign", parse_error(WRONG % "id=x", "--id=x")
    yield "value_missing", parse_error(
        "The argument 'id' requires a value, but none was supplied.", "--id")
    yield "value_looks_like_a_name", parse_error(
        "The argument 'id' requires a value, but none was supplied.", "--id", "--no-api")
    yield "given_twice", parse_error("The argument 'id' was provided more than once.",
                                     "--id", "a", "--id", "b")
    yield "no_api_needs_a_file", parse_error("Argument 'config-file' required, but not found.",
                                             "--no-api")
    yield "id_character", refused(1, "Invalid instance ID: InvalidChar('_', 1)", "--id", "a_b")
    yield "id_length", refused(1, "Invalid instance ID: InvalidLen(65, 1, 64)", "--id", "x" * 65)
    yield "level", refused(152, "Invalid value for logger level: Failed to parse string to level "
                           "filter: loud.Possible values: [Error, Warning, Info, Debug]",
                           "--level", "loud")
    yield "log_path", refused(1, "Could not initialize logger: Failed to open target file: No such "
                              "file or directory (os error 2)", "--log-path", "/nonexistent/log")
    yield "metrics_path", refused(1, "Could not initialize metrics: InitializationFailure(\"No such "
                                  "file or directory (os error 2)\")",
                                  "--metrics-path", "/nonexistent/metrics")
    yield "payload_size", refused(1, "'http-api-max-payload-size' parameter expected to be of "
                                  "'usize' type.: ParseIntError { kind: InvalidDigit }",
                                  "--http-api-max-payload-size", "-1")
    yield "config_file_unreadable", refused(
        1, "Unable to open or read from the configuration file: ", "--no-api", "--config-file",
        "/nonexistent/vm.json")

    def version():
        code, out, _ = run("--version", "--foo")
        assert code == 0 and out.startswith("Firecracker v1.5.1\n\n"), out
        assert re.search(r"^Backplane v\d", out, re.M), out

    def usage():
        code, out, _ = run("--version", "--help", "--", "--id")
        assert code == 0 and out.startswith("Firecracker v1.5.1\n\noptional arguments:\n"), out
        names = re.findall(r"^  --([a-z-]+)", out, re.M)
        assert names == sorted(names) and "plugin-dir" in names and "api-sock" in names, names
        assert '[default: "/run/firecracker.socket"]' in out, out

    def plugin_list():
        code, out, _ = run("--list-plugins", "--plugin-dir", cfg.plugin_dir)
        assert code == 0 and '"name":"block"' in out and '"refused":[]' in out, out

    def started(*args):
        d = tempfile.mkdtemp(prefix="bp-cli-")
        log = os.path.join(d, "log")
        with open(log, "w", encoding="utf-8"):
            pass
        sock = os.path.join(d, "api.sock")
        p = subprocess.Popen([cfg.binary, "--plugin-dir", cfg.plugin_dir, "--api-sock", sock,
                              "--log-path", log, *args], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={})
        deadline = time.time() + 5
        while not os.path.exists(sock) and time.time() < deadline:
            time.sleep(0.005)
        time.sleep(0.1)
        return p, log

    def ended(p):
        out, err = p.communicate(timeout=5)
        return p.returncode, out, err

    def log_file():
        p, log = started("--id", "vm-1", "--level", "info", "--show-level", "--show-log-origin")
        p.terminate()
        code, out, _ = ended(p)
        with open(log, encoding="utf-8") as f:
            first = f.readline()
        assert code == -signal.SIGTERM and out == "", (code, out)
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9} \[vm-1:main:INFO:[^:]+/[^:]+:\d+\] "
                        r"Running Firecracker v1\.5\.1\n", first), first

    def level_off():
        p, log = started("--level", "Off")
        p.terminate()
        assert ended(p)[1] == ""
        assert os.path.getsize(log) == 0

    def fatal_signal(number, code):
        def check():
            p, _ = started()
            p.send_signal(number)
            got, _, err = ended(p)
            want = f"Shutting down VM after intercepting signal {int(number)}, code 0."
            assert got == code and want in err, (got, err)
        return check

    def sigpipe():
        p, _ = started()
        p.send_signal(signal.SIGPIPE)
        time.sleep(0.1)
        assert p.poll() is None
        p.terminate()
        ended(p)

    yield "version", version
    yield "help", usage
    yield "list_plugins", plugin_list
    yield "log_file_and_line_format", log_file
    yield "level_off", level_off
    yield "sighup", fatal_signal(signal.SIGHUP, 156)
    yield "sigbus", fatal_signal(signal.SIGBUS, 149)
    yield "sigxcpu", fatal_signal(signal.SIGXCPU, 154)
    yield "sigpipe_survives", sigpipe
