/* SPDX-License-Identifier: Apache-2.0 */
/* Every refusal of the loader, by file and by descriptor. argv[1..3]: good, no entry, v1 files. */
#include <backplane/plugin.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "kit.h"
#include "kit_cmocka.h"
#include "plugin/registry.h"

static char **files;
static char dir[] = "/tmp/bp-plugin-XXXXXX";

enum { FILE_GOOD = 1, FILE_NO_ENTRY, FILE_V1 };

/* Copy at most `max` bytes of a built file into the directory. */
static void copy(const char *from, const char *name, mode_t mode, size_t max, int machine)
{
    static char data[4 << 20];
    char path[300];
    FILE *f = fopen(from, "rbe");
    size_t n;
    int fd;

    assert_non_null(f);
    n = fread(data, 1, max < sizeof(data) ? max : sizeof(data), f);
    (void)fclose(f);
    if (machine) {
        data[18] = (char)machine;
    }
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, n), (ssize_t)n);
    assert_int_equal(fchmod(fd, mode), 0);
    (void)close(fd);
}

static const char *reason(const struct registry *r, const char *file)
{
    uint32_t i;

    for (i = 0; i < r->n_refused; i++) {
        if (strcmp(r->refused[i].file, file) == 0) {
            return r->refused[i].reason;
        }
    }
    return "loaded";
}

static void directory_refuses_bad_files(void **state)
{
    struct registry r;
    struct bp_err err;
    struct buf out = { 0 };
    char path[300];

    (void)state;
    assert_non_null(mkdtemp(dir));
    copy(files[FILE_GOOD], "good.so", 0755, SIZE_MAX, 0);
    copy(files[FILE_GOOD], "same.so", 0755, SIZE_MAX, 0);
    copy(files[FILE_GOOD], "world.so", 0757, SIZE_MAX, 0);
    copy(files[FILE_GOOD], "group.so", 0775, SIZE_MAX, 0);
    copy(files[FILE_GOOD], "short.so", 0755, 2000, 0);
    copy(files[FILE_GOOD], "arch.so", 0755, SIZE_MAX, 0x28);
    copy(files[FILE_NO_ENTRY], "noentry.so", 0755, SIZE_MAX, 0);
    copy(files[FILE_V1], "newer.so", 0755, SIZE_MAX, 0);
    copy("/proc/self/cmdline", "text.so", 0755, SIZE_MAX, 0);
    (void)snprintf(path, sizeof(path), "%s/dir.so", dir);
    assert_int_equal(mkdir(path, 0755), 0);
    (void)snprintf(path, sizeof(path), "%s/link.so", dir);
    assert_int_equal(symlink("good.so", path), 0);

    registry_init(&r);
    assert_int_equal(registry_load_dir(&r, dir, &err), 0);
    assert_int_equal(r.n, 1);
    assert_non_null(registry_find(&r, "sample"));
    assert_string_equal(reason(&r, "same.so"), "A plugin named sample is loaded already.");
    assert_string_equal(reason(&r, "world.so"), "Everybody can write to it.");
    assert_string_equal(reason(&r, "group.so"), "Its group can write to it.");
    assert_string_equal(reason(&r, "short.so"), "The file is cut short.");
    assert_string_equal(reason(&r, "arch.so"), "It is built for another architecture.");
    assert_string_equal(reason(&r, "noentry.so"), "It has no plugin entry point.");
    assert_string_equal(reason(&r, "newer.so"), "It is built for ABI 1, this monitor speaks 0.");
    assert_string_equal(reason(&r, "text.so"), "It is not an ELF file.");
    assert_string_equal(reason(&r, "dir.so"), "It is a directory.");
    assert_string_equal(reason(&r, "link.so"), "It is a symbolic link.");
    registry_list(&r, &out);
    assert_non_null(strstr(out.data, "\"name\":\"sample\",\"version\":\"1.2.3\""));
    assert_non_null(strstr(out.data, "{\"file\":\"dir.so\",\"reason\":\"It is a directory.\"}"));
    buf_done(&out);
    registry_done(&r);
    assert_true(registry_load_dir(&r, "/nonexistent", &err) < 0);
}

/* ---------------------------------------------------------------- descriptors */

static int call(void *self, const struct bp_json *body, struct bp_jsonw *w, struct bp_err *err)
{
    (void)self, (void)body, (void)w, (void)err;
    return 0;
}

static struct bp_plugin desc;
static struct bp_device_ops ops;
static struct bp_route route[2];
static struct bp_metric metric[2];
static struct bp_syscall sys[1];
static struct bp_need need[2];

static void fresh(void)
{
    const struct bp_plugin *good = kit_load(files[FILE_GOOD]);

    assert_non_null(good);
    desc = *good;
    ops = *good->ops;
    desc.ops = &ops;
    route[0] = (struct bp_route){ .method = "PUT",
                                  .path = "/things/{id}",
                                  .summary = "s",
                                  .request = "{\"type\":\"object\"}",
                                  .when = BP_WHEN_BOOT,
                                  .action = BP_DO_CREATE };
    route[1] = (struct bp_route){ .method = "PUT",
                                  .path = "/things/all",
                                  .summary = "s",
                                  .when = BP_WHEN_BOOT,
                                  .action = BP_DO_CALL,
                                  .call = call };
    metric[0] = (struct bp_metric){ .name = "a", .help = "a" };
    metric[1] = (struct bp_metric){ .name = "b", .help = "b" };
    sys[0] = (struct bp_syscall){ .name = "read" };
    need[0] = (struct bp_need)BP_NEED(queue, kick);
    need[1] = (struct bp_need)BP_NEED(log, metrics);
    desc.routes = (struct bp_table)BP_TABLE(route);
    desc.metrics = (struct bp_table)BP_TABLE(metric);
    desc.syscalls = (struct bp_table)BP_TABLE(sys);
    desc.needs = (struct bp_table)BP_TABLE(need);
    desc.metrics_key = "things";
}

static bool core_has(const char *method, const char *path)
{
    return strcmp(method, "PUT") == 0 && strcmp(path, "/things/core") == 0;
}

static void refused(const char *want)
{
    struct registry r;
    struct bp_err err = { 0 };

    registry_init(&r);
    r.core_has = core_has;
    assert_true(registry_add(&r, &desc, "test", &err) < 0);
    if (!strstr(err.text, want)) {
        print_error("%s\nwanted: %s\n", err.text, want);
    }
    assert_non_null(strstr(err.text, want));
    assert_int_equal(r.n, 0);
    registry_done(&r);
    fresh();
}

static void descriptors_are_judged(void **state)
{
    (void)state;
    fresh();
    desc.name = "Bad";
    refused("name is not");
    desc.abi_major = 7;
    refused("built for ABI 7");
    desc.size = 16;
    refused("too short");
    desc.license = NULL;
    refused("license is missing");
    desc.flags = 0x100;
    refused("unknown flags 0x100");
    desc.virtio_id = 0;
    refused("device type is 0");
    ops.show = NULL;
    refused("no `show` operation");
    ops.queue_ready = NULL;
    refused("nor its own MMIO callbacks");
    ops.size = offsetof(struct bp_device_ops, pause); /* an older, shorter table */
    refused("no `pause` operation");
    desc.metrics.stride = 8;
    refused("are 8 bytes long");
    desc.metrics.at = NULL;
    refused("no address");
    need[0].min_size = 4096;
    need[1].service = "vendor.thing/1";
    refused("queue (4096 bytes), vendor.thing/1");
}

static void rows_are_judged(void **state)
{
    (void)state;
    fresh();
    route[0].request = "{\"type\":";
    refused("bad request schema");
    route[1].path = "/things/{id}";
    refused("route PUT /things/{id} twice");
    route[1].path = "/things/core";
    refused("belongs to the monitor");
    route[1].path = "/../x";
    refused("bad path");
    route[1].method = "POST";
    refused("unknown method");
    route[1].action = 99;
    refused("unknown action 99");
    route[1].when = 8;
    refused("bad set of times");
    route[1].call = NULL;
    refused("no operation to run");
    metric[1].name = "a";
    refused("two counters named `a`");
    metric[1].kind = 5;
    refused("unknown kind 5");
    desc.metrics_key = NULL;
    refused("no key");
    sys[0].name = "frobnicate";
    refused("unknown system call `frobnicate`");
    sys[0].name = "execve";
    refused("forbidden system call `execve`");
    sys[0].name = "prctl";
    refused("forbidden system call `prctl`");
    sys[0].op = 9;
    refused("condition on system call `read`");
}

static void good_ones_are_found_by_route(void **state)
{
    struct registry r;
    struct bp_err err = { 0 };
    struct bp_plugin other;

    (void)state;
    fresh();
    registry_init(&r);
    assert_int_equal(registry_add(&r, &desc, "test", &err), 0);
    assert_string_equal(registry_route(&r, "PUT", "things", "x")->r.path, "/things/{id}");
    assert_string_equal(registry_route(&r, "PUT", "things", "all")->r.path, "/things/all");
    assert_null(registry_route(&r, "GET", "things", "x"));
    assert_null(registry_route(&r, "PUT", "things", NULL));
    other = desc;
    other.name = "other";
    assert_true(registry_add(&r, &other, "test", &err) < 0);
    assert_non_null(strstr(err.text, "belongs to plugin sample"));
    other.routes = (struct bp_table)BP_NO_TABLE;
    assert_true(registry_add(&r, &other, "test", &err) < 0);
    assert_string_equal(err.text, "Its counters' key `things` belongs to plugin sample.");
    registry_done(&r);
}

static int clean_up(void **state)
{
    static const char *const names[] = { "good", "same", "world", "group",   "short", "arch",
                                         "text", "link", "newer", "noentry", "dir" };
    char path[300];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s.so", dir, names[i]);
        (void)remove(path);
    }
    return rmdir(dir);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directory_refuses_bad_files),
        cmocka_unit_test(descriptors_are_judged),
        cmocka_unit_test(rows_are_judged),
        cmocka_unit_test(good_ones_are_found_by_route),
    };

    if (argc < 4) {
        return 2;
    }
    files = argv;
    return cmocka_run_group_tests(tests, NULL, clean_up);
}
