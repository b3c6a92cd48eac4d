/* SPDX-License-Identifier: Apache-2.0 */
/* The template that plugin authors start from does what its text says. */
#include <backplane/plugin.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kit.h"

static const struct bp_plugin *plugin;

static struct kit *open_echo(const char *body)
{
    struct kit_cfg cfg = { .config = body, .id = "first" };
    struct bp_err err = { .code = 0 };
    struct kit *k = kit_open(plugin, &cfg, &err);

    if (k == NULL) {
        fail_msg("kit_open: %s", err.text);
    }
    assert_int_equal(kit_boot(k, 1ull << 28 /* indirect descriptors */), 0);
    return k;
}

static void sends_back(void **state)
{
    struct kit *k = open_echo("{\"echo_id\":\"first\"}");
    uint64_t out = kit_alloc(k, 5, 1), in = kit_alloc(k, 8, 1);
    struct kit_buf b[] = {
        { out, 2, 0 }, { out + 2, 3, 0 }, { in, 1, KIT_WRITE }, { in + 1, 7, KIT_WRITE }
    };
    uint32_t used;

    (void)state;
    memcpy(kit_ptr(k, out, 5), "hello", 5);
    assert_int_equal(kit_put(k, 0, b, 4) >= 0, 1);
    kit_kick(k, 0);
    assert_true(kit_used(k, 0, &used) >= 0);
    assert_int_equal(used, 5);
    assert_memory_equal(kit_ptr(k, in, 5), "hello", 5);
    assert_int_equal(kit_metric(k, "requests"), 1);
    assert_int_equal(kit_metric(k, "bytes"), 5);
    kit_close(k);
}

static void capitals(void **state)
{
    struct kit *k = open_echo("{\"echo_id\":\"first\",\"capitals\":true}");
    uint64_t out = kit_alloc(k, 5, 1), in = kit_alloc(k, 2, 1);
    struct kit_buf b[] = { { out, 5, 0 }, { in, 2, KIT_WRITE } };
    uint32_t used;

    (void)state;
    memcpy(kit_ptr(k, out, 5), "hello", 5);
    assert_int_equal(kit_put_indirect(k, 0, b, 2) >= 0, 1);
    kit_kick(k, 0);
    assert_true(kit_used(k, 0, &used) >= 0);
    assert_int_equal(used, 2);
    assert_memory_equal(kit_ptr(k, in, 2), "HE", 2);
    kit_close(k);
}

static void outside_memory(void **state)
{
    struct kit *k = open_echo("{\"echo_id\":\"first\"}");
    struct kit_buf b[] = { { 1ull << 40, 5, 0 }, { kit_alloc(k, 8, 1), 8, KIT_WRITE } };
    uint32_t used = 1;

    (void)state;
    assert_int_equal(kit_put(k, 0, b, 2) >= 0, 1);
    kit_kick(k, 0);
    assert_true(kit_used(k, 0, &used) >= 0);
    assert_int_equal(used, 0);
    kit_close(k);
}

/* One bad segment anywhere: nothing is written, and the device serves the next request. */
static void partly_outside(void **state)
{
    struct kit *k = open_echo("{\"echo_id\":\"first\"}");
    uint64_t out = kit_alloc(k, 4, 1), in = kit_alloc(k, 4, 1);
    struct kit_buf read_bad[] = { { out, 2, 0 }, { 1ull << 40, 2, 0 }, { in, 4, KIT_WRITE } };
    struct kit_buf write_bad[] = { { out, 4, 0 },
                                   { in, 2, KIT_WRITE },
                                   { ~0ull - 8, 4, KIT_WRITE } };
    struct kit_buf good[] = { { out, 4, 0 }, { in, 0, KIT_WRITE }, { in, 4, KIT_WRITE } };
    uint32_t used = 1;

    (void)state;
    memcpy(kit_ptr(k, out, 4), "wxyz", 4);
    memcpy(kit_ptr(k, in, 4), "....", 4);
    assert_true(kit_put(k, 0, read_bad, 3) >= 0);
    kit_kick(k, 0);
    assert_true(kit_used(k, 0, &used) >= 0);
    assert_int_equal(used, 0);
    used = 1;
    assert_true(kit_put(k, 0, write_bad, 3) >= 0);
    kit_kick(k, 0);
    assert_true(kit_used(k, 0, &used) >= 0);
    assert_int_equal(used, 0);
    assert_memory_equal(kit_ptr(k, in, 4), "....", 4);
    assert_true(kit_put(k, 0, good, 3) >= 0);
    kit_kick(k, 0);
    assert_true(kit_used(k, 0, &used) >= 0);
    assert_int_equal(used, 4);
    assert_memory_equal(kit_ptr(k, in, 4), "wxyz", 4);
    assert_int_equal(kit_metric(k, "bytes"), 4);
    kit_close(k);
}

static void ids_must_agree(void **state)
{
    struct kit *k = open_echo("{\"echo_id\":\"first\"}");
    struct bp_err e = kit_request(k, "PUT", "/echo/x", "{\"echo_id\":\"y\"}", NULL, 0);

    (void)state;
    assert_int_not_equal(e.code, 0);
    assert_non_null(strstr(e.text, "The echo id"));
    kit_close(k);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_back),     cmocka_unit_test(capitals),
        cmocka_unit_test(outside_memory), cmocka_unit_test(partly_outside),
        cmocka_unit_test(ids_must_agree),
    };

    plugin = argc > 1 ? kit_load(argv[1]) : NULL;
    return plugin == NULL ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
