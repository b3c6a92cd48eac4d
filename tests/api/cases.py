# SPDX-License-Identifier: Apache-2.0
"""Request sequences whose answers are compared byte by byte with golden/answers.json.

A sequence runs in a process of its own; `{tmp}` is its directory, where the files listed exist.
"""
FILES = ["kernel", "log", "metrics"]


def put(path, body):
    return ("PUT", path, body)


def patch(path, body):
    return ("PATCH", path, body)


def get(path):
    return ("GET", path, None)


SEQUENCES = {
    "information": [get("/"), get(""), get("//"), get("/version"), get("/version/"),
                    get("/machine-config"), get("/machine-config/x"), get("/vm/config")],
    "routing": [
        get("/nope"), get("/vm"), get("/vm/foo"), get("/version?x"), get("/actions"),
        ("GET", "/version", "x"), ("PUT", "/nope", None), ("PATCH", "/nope", None),
        put("/nope", "{}"), patch("/boot-source", "{}"), patch("/logger/x/y", "{}"),
        ("PUT", "/machine-config", None), put("/vm", "{}"), patch("/actions", "{}"),
        put("/a\"b", "{}"), put("//machine-config//", '{"vcpu_count":1,"mem_size_mib":128}')],
    "machine_config": [
        put("/machine-config", '{"vcpu_count":2,"mem_size_mib":256}'), get("/machine-config"),
        patch("/machine-config", '{"smt":true}'), get("/machine-config"),
        patch("/machine-config", '{"vcpu_count":3,"smt":true}'),
        patch("/machine-config", '{"track_dirty_pages":true}'), get("/machine-config"),
        put("/machine-config", '{"vcpu_count":1,"mem_size_mib":128}'), get("/machine-config"),
        put("/machine-config", '{"vcpu_count":1,"mem_size_mib":128,"cpu_template":"T2"}'),
        get("/machine-config"),
        put("/machine-config", '{"vcpu_count":1,"mem_size_mib":128}'), get("/machine-config"),
        patch("/machine-config", '{"cpu_template":"None"}'), get("/machine-config"),
        patch("/machine-config", '{}'), patch("/machine-config", '{"smt":null}'),
        patch("/machine-config", '{"vcpu_count":null}'),
        patch("/machine-config", '{"vcpu_count":null,"mem_size_mib":128}'),
        put("/machine-config", '{"vcpu_count":null,"mem_size_mib":128}'),
        put("/machine-config", '{"vcpu_count":1,"mem_size_mib":0}'),
        put("/machine-config", '{"mem_size_mib": 128}'),
        put("/machine-config", '{"vcpu_count": 2}'),
        put("/machine-config", '{"vcpu_count":33,"mem_size_mib":128}'),
        put("/machine-config", '{"vcpu_count":0,"mem_size_mib":128}'),
        put("/machine-config", '{"vcpu_count":256,"mem_size_mib":128}'),
        put("/machine-config", '{"vcpu_count":-1,"mem_size_mib":128}'),
        put("/machine-config", '{"vcpu_count":"1","mem_size_mib":128}'),
        put("/machine-config", '{"vcpu_count":1,"mem_size_mib":18446744073709551616}'),
        put("/machine-config", '{"vcpu_count":1,"mem_size_mib":128,"smt":"yes"}'),
        put("/machine-config", '{"vcpu_count":1,"mem_size_mib":128,"smt":null}'),
        put("/machine-config", '{"vcpu_count":1,"mem_size_mib":128,"cpu_template":"V9"}'),
        put("/machine-config", '{"vcpu_count":1,"mem_size_mib":128,"foo":1}'),
        put("/machine-config", '{"vcpu_count":1,"vcpu_count":1,"mem_size_mib":128}'),
        put("/machine-config", '{'), put("/machine-config", '{"vcpu_count":'),
        put("/machine-config", ' '),
        put("/machine-config", '5'), put("/machine-config", '"a"')],
    "boot_source": [
        put("/boot-source", '{"kernel_image_path":"{tmp}/none"}'),
        put("/boot-source", '{"kernel_image_path":"{tmp}/kernel","initrd_path":"{tmp}/none"}'),
        put("/boot-source", '{"kernel_image_path":"{tmp}/kernel","boot_args":"quiet"}'),
        put("/boot-source", '{"kernel_image_path":"{tmp}/kernel","boot_args":"' + "a" * 2100 + '"}'),
        put("/boot-source", '{}'), put("/boot-source", '{"kernel_image_path":1}'),
        put("/boot-source", '{"kernel_image_path":"a","x":1}')],
    "actions": [
        put("/actions", '{"action_type":"FlushMetrics"}'),
        put("/actions", '{"action_type":"SendCtrlAltDel"}'),
        put("/actions", '{"action_type":"InstanceStart"}'),
        put("/actions", '{"action_type":"Foo"}'), put("/actions", '{"action_type":1}'),
        put("/actions", '{"action_type":"InstanceStart","payload":1}'), put("/actions", '{}'),
        patch("/vm", '{"state":"Paused"}'), patch("/vm", '{"state":"foo"}'), patch("/vm", '{}'),
        put("/boot-source", '{"kernel_image_path":"{tmp}/kernel"}'),
        put("/actions", '{"action_type":"InstanceStart"}'), get("/")],
    "sinks": [
        put("/logger", '{"log_path":"{tmp}/none"}'), put("/logger", '{"level":"foo"}'),
        put("/logger", '{"level":"iNfO"}'), put("/logger", '{"level":"Warning"}'),
        put("/logger", '{}'), put("/logger", '{"foo":1}'),
        put("/logger", '{"show_level":"x"}'),
        put("/logger", '{"log_path":"{tmp}/log","show_level":true,"show_log_origin":true}'),
        put("/metrics", '{"metrics_path":"{tmp}/none"}'), put("/metrics", '{}'),
        put("/metrics", '{"metrics_path":"{tmp}/metrics","other":1}'),
        put("/metrics", '{"metrics_path":"{tmp}/metrics"}')],
}

# Sent as they are, each on a connection of its own.
RAW = {
    "post": b"POST / HTTP/1.1\r\n\r\n",
    "delete": b"DELETE /version HTTP/1.1\r\n\r\n",
    "unknown_method": b"BREW / HTTP/1.1\r\n\r\n",
    "version_2": b"GET / HTTP/2.0\r\n\r\n",
    "version_1_0": b"GET /version HTTP/1.0\r\n\r\n",
    "close_asked": b"GET /version HTTP/1.1\r\nConnection: close\r\n\r\n",
    "absolute": b"GET http://localhost/version HTTP/1.1\r\n\r\n",
    "one_word": b"GET\r\n\r\n",
    "length_bad": b"PUT /actions HTTP/1.1\r\nContent-Length: alpha\r\n\r\n",
    "length_signed": b"PUT /actions HTTP/1.1\r\nContent-Length: +2\r\n\r\n{}",
    "over_limit": b"PUT /actions HTTP/1.1\r\nContent-Length: 51201\r\n\r\n",
    "uri_not_utf8": b"GET /\xff HTTP/1.1\r\n\r\n",
    "other_headers": b"GET /version HTTP/1.1\r\nHost: x\r\naccept: */*\r\nX-Y: z\r\n\r\n",
    "type_ignored": b"PUT /actions HTTP/1.1\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\n{}",
}
