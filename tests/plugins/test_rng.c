/* SPDX-License-Identifier: Apache-2.0 */
/* The entropy device: every row of its error matrix, its limits and its texts. */
#include <backplane/plugin.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "kit.h"

#define MS 1000000ull

static const struct bp_plugin *plugin;

/* The plugin's getrandom() resolves to this one. */
static int fail_random, interrupt_random;
static size_t most_at_once;
static unsigned n_random;

__attribute__((visibility("default"))) ssize_t getrandom(void *buf, size_t len, unsigned flags)
{
    n_random++;
    if (fail_random > 0) {
        errno = EIO;
        return -1;
    }
    if (interrupt_random > 0) {
        interrupt_random--;
        errno = EINTR;
        return -1;
    }
    return syscall(SYS_getrandom, buf, len < most_at_once ? len : most_at_once, flags);
}

static struct kit *open_with(const char *body)
{
    struct kit_cfg cfg = { .config = body, .queue_size = 256 };
    struct bp_err err = { .code = 0 };
    struct kit *k = kit_open(plugin, &cfg, &err);

    fail_random = interrupt_random = 0;
    most_at_once = SIZE_MAX;
    if (k == NULL) {
        fail_msg("kit_open: %s", err.text);
    }
    if (body != NULL) {
        assert_int_equal(kit_boot(k, 0), 0);
    }
    n_random = 0;
    return k;
}

static int open_plain(void **state)
{
    *state = open_with("{}");
    return 0;
}

static int open_without(void **state)
{
    *state = open_with(NULL);
    return 0;
}

static int shut(void **state)
{
    kit_close(*state);
    return 0;
}

static int64_t chain(struct kit *k, const struct kit_buf *b, unsigned n)
{
    uint32_t used = 0;
    int head = kit_put(k, 0, b, n);

    assert_true(head >= 0);
    kit_kick(k, 0);
    return kit_used(k, 0, &used) == head ? (int64_t)used : -1;
}

static uint64_t put(struct kit *k, uint32_t len)
{
    struct kit_buf b = { kit_alloc(k, len, 16), len, KIT_WRITE };

    assert_true(kit_put(k, 0, &b, 1) >= 0);
    return b.gpa;
}

static unsigned served(struct kit *k)
{
    unsigned n = 0;

    while (kit_used(k, 0, NULL) >= 0) {
        n++;
    }
    return n;
}

/* Random bytes of 64 and more are not zeros. */
static bool filled(struct kit *k, uint64_t gpa, uint32_t len)
{
    const uint8_t *p = kit_ptr(k, gpa, len);
    unsigned zeros = 0;

    for (uint32_t i = 0; i < len; i++) {
        zeros += p[i] == 0;
    }
    return zeros < len / 8;
}

static void features_are_plain(void **state)
{
    assert_int_equal(kit_features(*state), 1ull << 32);
}

static void fills_a_buffer(void **state)
{
    struct kit *k = *state;
    uint64_t a = kit_alloc(k, 64, 16), b = kit_alloc(k, 64, 16);
    struct kit_buf first = { a, 64, KIT_WRITE }, second = { b, 64, KIT_WRITE };

    assert_int_equal(chain(k, &first, 1), 64);
    assert_int_equal(chain(k, &second, 1), 64);
    assert_true(filled(k, a, 64));
    assert_memory_not_equal(kit_ptr(k, a, 64), kit_ptr(k, b, 64), 64);
    assert_int_equal(kit_metric(k, "entropy_bytes"), 128);
    assert_int_equal(kit_metric(k, "entropy_event_count"), 2);
}

static void fills_every_segment(void **state)
{
    struct kit *k = *state;
    struct kit_buf b[3] = { { kit_alloc(k, 64, 1), 64, KIT_WRITE },
                            { kit_alloc(k, 8192, 1), 8192, KIT_WRITE },
                            { kit_alloc(k, 100, 1), 100, KIT_WRITE } };

    assert_int_equal(chain(k, b, 3), 64 + 8192 + 100);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(filled(k, b[i].gpa, b[i].len));
    }
}

static void one_draw_serves_a_batch(void **state)
{
    struct kit *k = *state;
    uint64_t at[48];
    unsigned irqs = kit_irqs(k, 0);

    for (unsigned i = 0; i < 48; i++) {
        at[i] = put(k, 64);
    }
    kit_kick(k, 0);
    assert_int_equal(served(k), 48);
    assert_int_equal(n_random, 1);
    assert_int_equal(kit_irqs(k, 0), irqs + 1);
    assert_int_equal(kit_metric(k, "entropy_bytes"), 48 * 64);
    for (unsigned i = 0; i < 48; i++) {
        assert_true(filled(k, at[i], 64));
        assert_memory_not_equal(kit_ptr(k, at[i], 64), kit_ptr(k, at[(i + 1) % 48], 64), 64);
    }
}

static void small_and_large_mix(void **state)
{
    struct kit *k = *state;
    static const uint32_t lens[] = { 64, 5000, 4096, 1, 4097, 4096, 4096, 4096, 64 };
    uint64_t at[9];

    for (unsigned i = 0; i < 9; i++) {
        at[i] = put(k, lens[i]);
    }
    kit_kick(k, 0);
    for (unsigned i = 0; i < 9; i++) {
        uint32_t used;

        assert_true(kit_used(k, 0, &used) >= 0);
        assert_int_equal(used, lens[i]);
        assert_true(lens[i] < 64 || filled(k, at[i], lens[i]));
    }
}

static void short_and_interrupted_draws_go_on(void **state)
{
    struct kit *k = *state;
    uint64_t small = put(k, 1000), large = put(k, 6000);

    most_at_once = 256;
    interrupt_random = 3;
    kit_kick(k, 0);
    assert_int_equal(served(k), 2);
    assert_true(filled(k, small, 1000) && filled(k, large, 6000));
    assert_int_equal(kit_metric(k, "host_rng_fails"), 0);
}

static void readable_descriptors_are_refused(void **state)
{
    struct kit *k = *state;
    uint64_t a = kit_alloc(k, 64, 1), b = kit_alloc(k, 64, 1);
    struct kit_buf only[] = { { a, 64, 0 } };
    struct kit_buf first[] = { { a, 64, 0 }, { b, 64, KIT_WRITE } };
    struct kit_buf last[] = { { a, 64, KIT_WRITE }, { b, 64, 0 } };

    assert_int_equal(chain(k, only, 1), 0);
    assert_int_equal(chain(k, first, 2), 0);
    assert_int_equal(chain(k, last, 2), 0);
    assert_int_equal(kit_metric(k, "entropy_event_fails"), 3);
    assert_int_equal(kit_metric(k, "entropy_event_count"), 3);
    assert_int_equal(n_random, 0);
    assert_false(kit_needs_reset(k));
}

static void outside_ram_is_refused(void **state)
{
    struct kit *k = *state;
    struct kit_buf b[] = { { kit_alloc(k, 64, 1), 64, KIT_WRITE }, { 1ull << 40, 64, KIT_WRITE } };

    assert_int_equal(chain(k, b, 2), 0);
    assert_int_equal(kit_metric(k, "entropy_event_fails"), 1);
}

static void zero_length_draws_nothing(void **state)
{
    struct kit *k = *state;
    struct kit_buf b = { kit_alloc(k, 64, 1), 0, KIT_WRITE };

    assert_int_equal(chain(k, &b, 1), 0);
    assert_int_equal(n_random, 0);
    assert_int_equal(kit_metric(k, "entropy_event_fails"), 0);
}

static void a_failing_source_gives_nothing(void **state)
{
    struct kit *k = *state;
    uint64_t small = put(k, 64), large = put(k, 8192);

    fail_random = 1;
    kit_kick(k, 0);
    for (unsigned i = 0; i < 2; i++) {
        uint32_t used = 1;

        assert_true(kit_used(k, 0, &used) >= 0);
        assert_int_equal(used, 0);
    }
    assert_int_equal(kit_metric(k, "host_rng_fails"), 2);
    assert_int_equal(kit_metric(k, "entropy_event_fails"), 2);
    assert_int_equal(*(uint8_t *)kit_ptr(k, small, 1), 0);
    assert_int_equal(*(uint8_t *)kit_ptr(k, large, 1), 0);
}

static void a_large_request_is_cut(void **state)
{
    struct kit *k = *state;
    uint64_t a = kit_alloc(k, 100000, 16);
    struct kit_buf b = { a, 100000, KIT_WRITE };

    assert_int_equal(chain(k, &b, 1), 65536);
    assert_true(filled(k, a, 65536));
    assert_int_equal(*(uint8_t *)kit_ptr(k, a + 65536, 1), 0);
}

static void byte_limit(void **state)
{
    struct kit *k = open_with("{\"rate_limiter\":{\"bandwidth\":{\"size\":128,"
                              "\"refill_time\":1000}}}");

    *state = k;
    (void)put(k, 128);
    (void)put(k, 64);
    kit_kick(k, 0);
    assert_int_equal(served(k), 1);
    assert_int_equal(kit_metric(k, "entropy_rate_limiter_throttled") >= 1, 1);
    kit_advance(k, 1100 * MS);
    assert_int_equal(served(k), 1);
    assert_int_equal(kit_metric(k, "rate_limiter_event_count") >= 1, 1);
    assert_int_equal(kit_metric(k, "entropy_bytes"), 192);
}

static void operation_limit(void **state)
{
    struct kit *k = open_with("{\"rate_limiter\":{\"ops\":{\"size\":3,\"refill_time\":1000}}}");

    *state = k;
    for (unsigned i = 0; i < 5; i++) {
        (void)put(k, 64);
    }
    kit_kick(k, 0);
    assert_int_equal(served(k), 3);
    kit_advance(k, 1100 * MS);
    assert_int_equal(served(k), 2);
}

static void over_the_bucket_is_served_once(void **state)
{
    struct kit *k = open_with("{\"rate_limiter\":{\"bandwidth\":{\"size\":100,"
                              "\"refill_time\":100}}}");

    *state = k;
    (void)put(k, 1000);
    (void)put(k, 64);
    kit_kick(k, 0);
    assert_int_equal(served(k), 1);
    kit_advance(k, 500 * MS);
    assert_int_equal(served(k), 0);
    kit_advance(k, 1000 * MS);
    assert_int_equal(served(k), 1);
}

static void put_twice_and_texts(void **state)
{
    struct kit *k = *state;
    struct bp_err e = kit_request(k, "PUT", "/entropy", "{}", NULL, 0);

    assert_int_equal(e.code, 0);
    e = kit_request(k, "PUT", "/entropy", "{\"rate_limiter\":null}", NULL, 0);
    assert_int_equal(e.code, 0);
    e = kit_request(k, "PUT", "/entropy", "{\"x\":1}", NULL, 0);
    assert_int_not_equal(e.code, 0);
    assert_non_null(strstr(e.text, "unknown field `x`, expected `rate_limiter`"));
    e = kit_request(k, "PUT", "/entropy", "{\"rate_limiter\":{\"ops\":{\"size\":1}}}", NULL, 0);
    assert_int_not_equal(e.code, 0);
    assert_non_null(strstr(e.text, "missing field `refill_time`"));
}

static void a_hundred_resets(void **state)
{
    struct kit *k = *state;
    uint64_t a = kit_alloc(k, 64, 16);
    struct kit_buf b = { a, 64, KIT_WRITE };

    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(chain(k, &b, 1), 64);
        kit_reset(k);
        assert_int_equal(kit_boot(k, 0), 0);
    }
    assert_int_equal(kit_metric(k, "entropy_bytes"), 6400);
}

int main(int argc, char **argv)
{
#define UP(f) cmocka_unit_test_setup_teardown(f, open_plain, shut)
    const struct CMUnitTest tests[] = {
        UP(features_are_plain),
        UP(fills_a_buffer),
        UP(fills_every_segment),
        UP(one_draw_serves_a_batch),
        UP(small_and_large_mix),
        UP(short_and_interrupted_draws_go_on),
        UP(readable_descriptors_are_refused),
        UP(outside_ram_is_refused),
        UP(zero_length_draws_nothing),
        UP(a_failing_source_gives_nothing),
        UP(a_large_request_is_cut),
        cmocka_unit_test_teardown(byte_limit, shut),
        cmocka_unit_test_teardown(operation_limit, shut),
        cmocka_unit_test_teardown(over_the_bucket_is_served_once, shut),
        cmocka_unit_test_setup_teardown(put_twice_and_texts, open_without, shut),
        UP(a_hundred_resets),
    };

    plugin = argc > 1 ? kit_load(argv[1]) : NULL;
    return plugin == NULL ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
