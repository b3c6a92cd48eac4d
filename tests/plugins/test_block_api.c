/* SPDX-License-Identifier: Apache-2.0 */
/* The block device towards the API client: PUT, PATCH, limits, what it shows, what it opens. */
#include "blk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MS 1000000ull

static int open_unbooted(void **state)
{
    *state = blk_open_unbooted(NULL);
    return 0;
}

static int open_booted(void **state)
{
    *state = blk_open(BODY_RW);
    return 0;
}

static int shut(void **state)
{
    blk_close(*state);
    return 0;
}

static void ask(struct blk *b, const char *method, const char *path, const char *body,
                const char *want)
{
    struct bp_err e = kit_request(b->k, method, path, body, NULL, 0);

    if (want == NULL) {
        if (e.code != 0) {
            fail_msg("%s %s: %s", method, body, e.text);
        }
    } else {
        assert_int_not_equal(e.code, 0);
        assert_string_equal(e.text, want);
    }
}

static void ask_like(struct blk *b, const char *method, const char *body, const char *part)
{
    struct bp_err e = kit_request(b->k, method, "/drives/a", body, NULL, 0);

    assert_int_not_equal(e.code, 0);
    if (strstr(e.text, part) == NULL) {
        fail_msg("\"%s\" lacks \"%s\"", e.text, part);
    }
}

#define PUT_A(path, root, extra)                                                                   \
    "{\"drive_id\":\"a\",\"path_on_host\":\"" path "\",\"is_root_device\":" root                   \
    ",\"is_read_only\":false" extra "}"

/* ------------------------------------------------------------------------- PUT */

static void put_texts(void **state)
{
    struct blk *b = *state;

    ask(b, "PUT", "/drives/a", PUT_A("nowhere", "false", ""), "Invalid block device path: nowhere");
    ask(b, "PUT", "/drives/other", PUT_A("disk", "false", ""),
        "The id from the path does not match the id from the body!");
    ask(b, "PUT", "/drives/a", PUT_A("disk", "false", ",\"io_engine\":\"Async\""),
        "Unable to create the block device: FileEngine(UnsupportedEngine(Async))");
    kit_fail_open(b->k, 1);
    ask(b, "PUT", "/drives/a", PUT_A("disk", "false", ""),
        "Unable to create the block device: BackingFile(Os { code: 13, kind: PermissionDenied, "
        "message: \"Permission denied\" }, \"disk\")");
    ask(b, "PUT", "/drives/a", PUT_A("disk", "false", ""), NULL);
}

static void put_schema_texts(void **state)
{
    struct blk *b = *state;

    ask_like(b, "PUT", "{\"drive_id\":\"a\"}", "missing field `path_on_host`");
    ask_like(b, "PUT", PUT_A("disk", "false", ",\"foo\":1"),
             "unknown field `foo`, expected one of `drive_id`, `path_on_host`, `is_root_device`, "
             "`partuuid`, `is_read_only`, `cache_type`, `rate_limiter`, `io_engine`");
    ask_like(b, "PUT", PUT_A("disk", "false", ",\"cache_type\":\"x\""),
             "unknown variant `x`, expected `Unsafe` or `Writeback`");
    ask_like(b, "PUT", PUT_A("disk", "false", ",\"io_engine\":\"x\""),
             "unknown variant `x`, expected `Async` or `Sync`");
    ask_like(b, "PUT", PUT_A("disk", "false", ",\"rate_limiter\":{\"bytes\":{}}"),
             "unknown field `bytes`, expected `bandwidth` or `ops`");
    ask_like(b, "PUT", PUT_A("disk", "false", ",\"rate_limiter\":{\"ops\":{\"size\":-1}}"),
             "invalid value: integer `-1`, expected u64");
}

static void refused_kinds(void **state)
{
    struct blk *b = *state;
    int pipes[2], socks[2];

    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, socks), 0);
    kit_fd(b->k, "fifo", pipes[0]);
    kit_fd(b->k, "socket", socks[0]);
    kit_real_files(b->k, true);
    ask(b, "PUT", "/drives/a", PUT_A("fifo", "false", ""),
        "Unable to create the block device: BackingFile(Os { code: 29, kind: NotSeekable, "
        "message: \"Invalid seek\" }, \"fifo\")");
    ask(b, "PUT", "/drives/a", PUT_A("socket", "false", ""),
        "Unable to create the block device: BackingFile(Os { code: 6, kind: Uncategorized, "
        "message: \"No such device or address\" }, \"socket\")");
    ask(b, "PUT", "/drives/a",
        "{\"drive_id\":\"a\",\"path_on_host\":\"/\",\"is_root_device\":false,"
        "\"is_read_only\":true}",
        "Unable to create the block device: BackingFile(Os { code: 21, kind: IsADirectory, "
        "message: \"Is a directory\" }, \"/\")");
    for (unsigned i = 0; i < 2; i++) {
        (void)close(pipes[i]);
        (void)close(socks[i]);
    }
}

static void one_root_only(void **state)
{
    struct blk *b = *state;

    ask(b, "PUT", "/drives/a", PUT_A("disk", "true", ""), NULL);
    ask(b, "PUT", "/drives/b",
        "{\"drive_id\":\"b\",\"path_on_host\":\"disk\",\"is_root_device\":true,"
        "\"is_read_only\":true}",
        "A root block device already exists!");
    /* Itself it may replace, and after that it is no root any more. */
    ask(b, "PUT", "/drives/a", PUT_A("disk", "true", ""), NULL);
    ask(b, "PUT", "/drives/a", PUT_A("disk", "false", ""), NULL);
    ask(b, "PUT", "/drives/b",
        "{\"drive_id\":\"b\",\"path_on_host\":\"disk\",\"is_root_device\":true,"
        "\"is_read_only\":true}",
        NULL);
    assert_int_equal(kit_select(b->k, "b"), 0);
    assert_int_equal(kit_boot(b->k, 0), 0);
    assert_string_equal(kit_cmdline(b->k), "root=/dev/vda ro");
}

static void root_by_partuuid(void **state)
{
    struct blk *b = *state;

    ask(b, "PUT", "/drives/a", PUT_A("disk", "true", ",\"partuuid\":\"0eaa91a0-01\""), NULL);
    assert_int_equal(kit_select(b->k, "a"), 0);
    assert_int_equal(kit_boot(b->k, 0), 0);
    assert_string_equal(kit_cmdline(b->k), "root=PARTUUID=0eaa91a0-01 rw");
}

static uint64_t offered(struct blk *b, const char *body)
{
    ask(b, "PUT", "/drives/a", body, NULL);
    assert_int_equal(kit_select(b->k, "a"), 0);
    assert_int_equal(kit_start(b->k), 0);
    return kit_features(b->k);
}

static void features_plain(void **state)
{
    assert_int_equal(offered(*state, PUT_A("disk", "false", "")), F_EVENT_IDX | F_VERSION_1);
}

static void features_full(void **state)
{
    assert_int_equal(offered(*state, "{\"drive_id\":\"a\",\"path_on_host\":\"disk\","
                                     "\"is_root_device\":false,\"is_read_only\":true,"
                                     "\"cache_type\":\"Writeback\"}"),
                     F_EVENT_IDX | F_VERSION_1 | F_RO | F_FLUSH);
}

static void the_tail_of_an_odd_file_is_hidden(void **state)
{
    struct blk *b = *state;
    uint64_t sectors;

    kit_file(b->k, "odd", b->image, 1000);
    ask(b, "PUT", "/drives/a", PUT_A("odd", "false", ""), NULL);
    assert_non_null(strstr(kit_log(b->k),
                           "Disk size 1000 is not a multiple of sector size 512; the remainder "
                           "will not be visible to the guest."));
    assert_int_equal(kit_select(b->k, "a"), 0);
    assert_int_equal(kit_boot(b->k, 0), 0);
    kit_config_read(b->k, 0, &sectors, sizeof(sectors));
    assert_int_equal(sectors, 1);
}

/* ----------------------------------------------------------------------- PATCH */

#define PATCH(extra) "{\"drive_id\":\"block\"" extra "}"

static void patch_texts(void **state)
{
    struct blk *b = *state;
    const char *at = "/drives/block";

    ask(b, "PATCH", at, PATCH(""),
        "Please specify at least one property to patch: path_on_host, rate_limiter.");
    ask(b, "PATCH", at, PATCH(",\"path_on_host\":null,\"rate_limiter\":null"),
        "Please specify at least one property to patch: path_on_host, rate_limiter.");
    ask(b, "PATCH", at, PATCH(",\"path_on_host\":\"foo.bar\""),
        "Unable to patch the block device: BackingFile(Os { code: 2, kind: NotFound, message: "
        "\"No such file or directory\" }, \"foo.bar\")");
    ask(b, "PATCH", "/drives/none", "{\"drive_id\":\"none\",\"path_on_host\":\"disk\"}",
        "Unable to patch the block device: Failed to find the device on the bus.");
    assert_int_equal(blk_metric(b, "update_fails"), 1);
    assert_int_equal(blk_metric(b, "update_count"), 0);
}

static void patch_changes_the_file(void **state)
{
    struct blk *b = *state;
    uint8_t other[2048];
    uint64_t sectors;
    struct blk_req r, beyond;

    memset(other, 0x77, sizeof(other));
    kit_file(b->k, "other", other, sizeof(other));
    ask(b, "PATCH", "/drives/block", PATCH(",\"path_on_host\":\"other\""), NULL);
    kit_config_read(b->k, 0, &sectors, sizeof(sectors));
    assert_int_equal(sectors, 4);
    assert_int_equal(kit_config_irqs(b->k), 1);
    assert_int_equal(blk_metric(b, "update_count"), 1);
    r = blk_put(b, T_IN, 3, 512);
    assert_int_equal(blk_do(b, &r, NULL), S_OK);
    assert_int_equal(blk_byte(b, r.data), 0x77);
    beyond = blk_put(b, T_IN, 4, 512);
    assert_int_equal(blk_do(b, &beyond, NULL), S_IOERR);
}

static void patch_of_the_same_path_rescans(void **state)
{
    struct blk *b = *state;
    int fd = kit_file_fd(b->k, "disk");
    uint64_t sectors;

    assert_int_equal(ftruncate(fd, DISK_LEN / 2), 0);
    (void)close(fd);
    ask(b, "PATCH", "/drives/block", PATCH(",\"path_on_host\":\"disk\""), NULL);
    kit_config_read(b->k, 0, &sectors, sizeof(sectors));
    assert_int_equal(sectors, DISK_SECTORS / 2);
}

static void a_failed_patch_changes_nothing(void **state)
{
    struct blk *b = *state;
    struct blk_req r;
    uint64_t sectors;

    kit_fail_open(b->k, 1);
    ask(b, "PATCH", "/drives/block",
        PATCH(",\"path_on_host\":\"disk\",\"rate_limiter\":{\"ops\":{\"size\":1,"
              "\"refill_time\":1000}}"),
        "Unable to patch the block device: BackingFile(Os { code: 13, kind: PermissionDenied, "
        "message: \"Permission denied\" }, \"disk\")");
    kit_config_read(b->k, 0, &sectors, sizeof(sectors));
    assert_int_equal(sectors, DISK_SECTORS);
    assert_int_equal(kit_config_irqs(b->k), 0);
    for (unsigned i = 0; i < 3; i++) {
        r = blk_put(b, T_IN, i, 512);
        assert_int_equal(blk_do(b, &r, NULL), S_OK);
    }
}

/* What the guest writes into its config space does not make the disk larger. */
static void config_writes_change_no_check(void **state)
{
    struct blk *b = *state;
    uint64_t lie = 1ull << 40;
    struct blk_req r;

    kit_config_write(b->k, 0, &lie, sizeof(lie));
    r = blk_put(b, T_OUT, DISK_SECTORS, 512);
    assert_int_equal(blk_do(b, &r, NULL), S_IOERR);
    assert_int_equal(blk_metric(b, "execute_fails"), 1);
}

/* ---------------------------------------------------------------------- limits */

static void limit(struct blk *b, const char *what)
{
    char body[256];

    (void)snprintf(body, sizeof(body), PATCH(",\"rate_limiter\":%s"), what);
    ask(b, "PATCH", "/drives/block", body, NULL);
}

static unsigned served(struct blk *b)
{
    unsigned n = 0;

    while (kit_used(b->k, 0, NULL) >= 0) {
        n++;
    }
    return n;
}

static void ops_limit_holds_requests_back(void **state)
{
    struct blk *b = *state;

    limit(b, "{\"ops\":{\"size\":2,\"refill_time\":1000}}");
    for (unsigned i = 0; i < 4; i++) {
        (void)blk_put(b, T_IN, i, 512);
    }
    kit_kick(b->k, 0);
    assert_int_equal(served(b), 2);
    assert_int_equal(blk_metric(b, "rate_limiter_throttled_events") >= 1, 1);
    kit_advance(b->k, 2000 * MS);
    assert_int_equal(served(b), 2);
    assert_int_equal(blk_metric(b, "rate_limiter_event_count") >= 1, 1);
    assert_int_equal(blk_metric(b, "read_count"), 4);
}

static void byte_limit_counts_data_only(void **state)
{
    struct blk *b = *state;

    limit(b, "{\"bandwidth\":{\"size\":1024,\"refill_time\":1000}}");
    (void)blk_put(b, T_IN, 0, 1024);
    (void)blk_put(b, T_FLUSH, 0, 0);
    (void)blk_put(b, T_IN, 2, 512);
    kit_kick(b->k, 0);
    assert_int_equal(served(b), 2);
    kit_advance(b->k, 1500 * MS);
    assert_int_equal(served(b), 1);
}

static void refused_bytes_give_the_operation_back(void **state)
{
    struct blk *b = *state;

    limit(b, "{\"bandwidth\":{\"size\":512,\"refill_time\":100},"
             "\"ops\":{\"size\":3,\"refill_time\":100000}}");
    for (unsigned i = 0; i < 3; i++) {
        (void)blk_put(b, T_IN, i, 512);
    }
    kit_kick(b->k, 0);
    assert_int_equal(served(b), 1);
    for (unsigned i = 0; i < 4; i++) {
        kit_advance(b->k, 100 * MS);
    }
    assert_int_equal(served(b), 2);
}

static void malformed_requests_are_free(void **state)
{
    struct blk *b = *state;

    limit(b, "{\"ops\":{\"size\":1,\"refill_time\":100000}}");
    (void)blk_put(b, T_IN, DISK_SECTORS, 512);
    (void)blk_put(b, T_IN, 0, 511);
    (void)blk_put(b, T_IN, 0, 512);
    kit_kick(b->k, 0);
    assert_int_equal(served(b), 3);
}

static void a_removed_limit_frees_what_waits(void **state)
{
    struct blk *b = *state;

    limit(b, "{\"ops\":{\"size\":1,\"refill_time\":1000000}}");
    (void)blk_put(b, T_IN, 0, 512);
    (void)blk_put(b, T_IN, 1, 512);
    kit_kick(b->k, 0);
    assert_int_equal(served(b), 1);
    limit(b, "{\"ops\":{\"size\":0,\"refill_time\":0}}");
    kit_advance(b->k, 200 * MS);
    assert_int_equal(served(b), 1);
}

static void an_empty_limiter_is_a_no_op(void **state)
{
    struct blk *b = *state;

    limit(b, "{}");
    (void)blk_put(b, T_IN, 0, 512);
    kit_kick(b->k, 0);
    assert_int_equal(served(b), 1);
}

int main(int argc, char **argv)
{
#define NEW(f) cmocka_unit_test_setup_teardown(f, open_unbooted, shut)
#define UP(f) cmocka_unit_test_setup_teardown(f, open_booted, shut)
    const struct CMUnitTest tests[] = {
        NEW(put_texts),
        NEW(put_schema_texts),
        NEW(refused_kinds),
        NEW(one_root_only),
        NEW(root_by_partuuid),
        NEW(features_plain),
        NEW(features_full),
        NEW(the_tail_of_an_odd_file_is_hidden),
        UP(patch_texts),
        UP(patch_changes_the_file),
        UP(patch_of_the_same_path_rescans),
        UP(a_failed_patch_changes_nothing),
        UP(config_writes_change_no_check),
        UP(ops_limit_holds_requests_back),
        UP(byte_limit_counts_data_only),
        UP(refused_bytes_give_the_operation_back),
        UP(malformed_requests_are_free),
        UP(a_removed_limit_frees_what_waits),
        UP(an_empty_limiter_is_a_no_op),
    };

    blk_plugin = argc > 1 ? kit_load(argv[1]) : NULL;
    return blk_plugin == NULL ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
