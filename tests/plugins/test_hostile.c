/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver that breaks every rule it can, against the block and the entropy device. What is
 * asked of both: answer the request with an error or stop the device, and nothing else. Memory
 * errors are the sanitizer builds' to find.
 */
#include <stdlib.h>
#include <string.h>

#include "blk.h"

#define NEXT 1u
#define WRITE 2u
#define INDIRECT 4u

static const struct bp_plugin *rng_plugin;
static bool is_rng;

/* The chain begins with a good header for block, so that the damage reaches its parser. */
static struct blk *attacked(void)
{
    struct bp_err err = { .code = 0 };
    struct kit_cfg cfg = { .config = "{}", .queue_size = 256, .n_regions = 2 };
    struct blk *b;

    if (!is_rng) {
        return blk_open(BODY_RW);
    }
    b = calloc(1, sizeof(*b));
    assert_non_null(b);
    b->k = kit_open(rng_plugin, &cfg, &err);
    if (b->k == NULL) {
        fail_msg("kit_open: %s", err.text);
    }
    assert_int_equal(kit_boot(b->k, 0), 0);
    return b;
}

static int setup_block(void **state)
{
    is_rng = false;
    *state = attacked();
    return 0;
}

static int setup_rng(void **state)
{
    is_rng = true;
    *state = attacked();
    return 0;
}

static int shut(void **state)
{
    blk_close(*state);
    return 0;
}

/* After any request error the device still works; after a broken ring it works again after reset.
 */
static void assert_alive(struct blk *b)
{
    uint64_t st = blk_status_byte(b), data = kit_alloc(b->k, 512, 16);
    struct kit_buf block[] = { { blk_header(b, T_IN, 0), 16, 0 },
                               { data, 512, KIT_WRITE },
                               { st, 1, KIT_WRITE } };
    struct kit_buf rng[] = { { data, 512, KIT_WRITE } };

    kit_reset(b->k);
    assert_int_equal(kit_boot(b->k, 0), 0);
    assert_false(kit_needs_reset(b->k));
    if (is_rng) {
        assert_int_equal(blk_chain(b, rng, 1), 512);
    } else {
        assert_int_equal(blk_chain(b, block, 3), 513);
        assert_int_equal(blk_byte(b, st), S_OK);
    }
}

static void publish(struct blk *b, uint16_t head)
{
    kit_raw_avail(b->k, 0, 0, head);
    kit_raw_avail_idx(b->k, 0, 1);
    kit_kick(b->k, 0);
}

static void hostile_01_head_past_the_table(void **state)
{
    struct blk *b = *state;

    publish(b, 256);
    assert_true(kit_needs_reset(b->k));
    assert_alive(b);
}

static void hostile_01_next_past_the_table(void **state)
{
    struct blk *b = *state;

    kit_raw_desc(b->k, 0, 0, (struct kit_desc){ blk_header(b, T_IN, 0), 16, NEXT, 9999 });
    publish(b, 0);
    assert_alive(b);
}

static void hostile_02_loop(void **state)
{
    struct blk *b = *state;
    uint64_t data = kit_alloc(b->k, 512, 1);

    kit_raw_desc(b->k, 0, 0, (struct kit_desc){ blk_header(b, T_IN, 0), 16, NEXT, 1 });
    kit_raw_desc(b->k, 0, 1, (struct kit_desc){ data, 512, NEXT | WRITE, 1 });
    publish(b, 0);
    assert_alive(b);
}

static void hostile_03_zero_lengths(void **state)
{
    struct blk *b = *state;
    uint64_t a = kit_alloc(b->k, 16, 1);

    for (unsigned n = 1; n <= 5; n++) {
        for (unsigned writable = 0; writable <= n; writable++) {
            struct kit_buf bufs[5];

            for (unsigned i = 0; i < n; i++) {
                bufs[i] = (struct kit_buf){ a, 0, i >= n - writable ? KIT_WRITE : 0 };
            }
            assert_int_equal(blk_chain(b, bufs, n), 0);
        }
    }
    assert_alive(b);
}

static void hostile_04_address_wraps(void **state)
{
    struct blk *b = *state;
    uint64_t st = blk_status_byte(b);
    struct kit_buf bufs[] = { { blk_header(b, T_IN, 0), 16, 0 },
                              { UINT64_MAX - 100, 512, KIT_WRITE },
                              { st, 1, KIT_WRITE } };

    assert_true(blk_chain(b, bufs + (is_rng ? 1 : 0), is_rng ? 2 : 3) >= 0);
    assert_int_equal(blk_byte(b, st), is_rng ? S_UNTOUCHED : S_IOERR);
    assert_alive(b);
}

static void hostile_05_across_the_end_of_ram(void **state)
{
    struct blk *b = *state;
    uint64_t st = blk_status_byte(b), end = 0;

    while (kit_ptr(b->k, end, 4096) != NULL) {
        end += 4096;
    }
    struct kit_buf bufs[] = { { blk_header(b, T_IN, 0), 16, 0 },
                              { end - 256, 512, KIT_WRITE },
                              { st, 1, KIT_WRITE } };

    assert_true(blk_chain(b, bufs + (is_rng ? 1 : 0), is_rng ? 2 : 3) >= 0);
    assert_int_equal(blk_byte(b, st), is_rng ? S_UNTOUCHED : S_IOERR);
    /* The last bytes of memory themselves are fine. */
    bufs[1].gpa = end - 512;
    assert_int_equal(blk_chain(b, bufs + (is_rng ? 1 : 0), is_rng ? 1 : 3), is_rng ? 512 : 513);
    assert_alive(b);
}

static void hostile_06_chain_as_long_as_the_queue(void **state)
{
    struct blk *b = *state;
    uint64_t data = kit_alloc(b->k, 512 * 256, 512);

    for (uint16_t i = 0; i < 256; i++) {
        kit_raw_desc(
            b->k, 0, i,
            (struct kit_desc){ data + i * 512u, 512, NEXT | WRITE, (uint16_t)((i + 1) % 256) });
    }
    if (!is_rng) {
        kit_raw_desc(b->k, 0, 0, (struct kit_desc){ blk_header(b, T_IN, 0), 16, NEXT, 1 });
    }
    publish(b, 0);
    assert_alive(b);
}

static void hostile_07_indirect_is_not_offered(void **state)
{
    struct blk *b = *state;

    kit_raw_desc(b->k, 0, 0, (struct kit_desc){ kit_alloc(b->k, 64, 16), 33, INDIRECT, 0 });
    publish(b, 0);
    assert_alive(b);
}

static void hostile_08_writable_before_readable(void **state)
{
    struct blk *b = *state;
    uint64_t data = kit_alloc(b->k, 512, 1), hdr = blk_header(b, T_OUT, 0);
    struct kit_buf bufs[][3] = {
        { { data, 512, KIT_WRITE }, { hdr, 16, 0 }, { data, 1, KIT_WRITE } },
        { { hdr, 16, 0 }, { data, 1, KIT_WRITE }, { data, 512, 0 } },
        { { data, 1, KIT_WRITE }, { data, 512, 0 }, { hdr, 16, 0 } },
    };

    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(blk_chain(b, bufs[i], 3), 0);
    }
    assert_alive(b);
}

static void hostile_09_available_index_jumps(void **state)
{
    struct blk *b = *state;

    kit_raw_avail_idx(b->k, 0, 257);
    kit_kick(b->k, 0);
    assert_true(kit_needs_reset(b->k));
    assert_alive(b);
}

static void hostile_14_reset_with_requests_held_back(void **state)
{
    struct blk *b = *state;

    if (!is_rng) {
        struct bp_err e = kit_request(b->k, "PATCH", "/drives/block",
                                      "{\"drive_id\":\"block\",\"rate_limiter\":{\"ops\":{"
                                      "\"size\":1,\"refill_time\":1000}}}",
                                      NULL, 0);

        assert_int_equal(e.code, 0);
        (void)blk_put(b, T_IN, 0, 512);
        (void)blk_put(b, T_IN, 1, 512);
        kit_kick(b->k, 0);
        kit_reset(b->k);
        kit_advance(b->k, 5000000000ull);
        assert_int_equal(kit_metric(b->k, "read_count"), 1);
    }
    assert_alive(b);
}

static void hostile_16_config_at_odd_places(void **state)
{
    struct blk *b = *state;
    uint8_t junk[16];

    memset(junk, 0xff, sizeof(junk));
    for (uint32_t off = 0; off < 20; off++) {
        for (uint32_t n = 1; n <= 8; n *= 2) {
            kit_config_write(b->k, off, junk, n);
            kit_config_read(b->k, off, junk + 8, n);
        }
    }
    assert_alive(b);
}

/* Another vCPU rewrites header and lengths of data while requests run. */
static void hostile_17_double_fetch(void **state)
{
    struct blk *b = *state;

    for (unsigned i = 0; i < 20; i++) {
        uint64_t hdr = blk_header(b, T_IN, i), st = blk_status_byte(b);
        struct kit_buf bufs[] = { { hdr, 16, 0 },
                                  { kit_alloc(b->k, 512, 512), 512, KIT_WRITE },
                                  { st, 1, KIT_WRITE } };
        int head = kit_put(b->k, 0, bufs + (is_rng ? 1 : 0), is_rng ? 2 : 3);

        kit_mutate_during(b->k, hdr, 16);
        kit_kick(b->k, 0);
        kit_mutate_stop(b->k);
        assert_int_equal(kit_used(b->k, 0, NULL), head);
    }
    assert_alive(b);
}

static void hostile_18_sector_overflow(void **state)
{
    struct blk *b = *state;
    static const uint64_t sectors[] = { UINT64_MAX, UINT64_MAX - 1, 1ull << 55, 1ull << 63,
                                        DISK_SECTORS };

    for (unsigned i = 0; i < 5 && !is_rng; i++) {
        struct blk_req r = blk_put(b, i % 2 ? T_OUT : T_IN, sectors[i], 1024);

        assert_int_equal(blk_do(b, &r, NULL), S_IOERR);
    }
    assert_alive(b);
}

static void hostile_19_lengths_pass_32_bits(void **state)
{
    struct blk *b = *state;
    struct kit_buf bufs[] = { { blk_header(b, T_IN, 0), 16, 0 },
                              { kit_alloc(b->k, 64, 1), UINT32_MAX, KIT_WRITE },
                              { kit_alloc(b->k, 64, 1), UINT32_MAX, KIT_WRITE },
                              { blk_status_byte(b), 1, KIT_WRITE } };

    assert_true(blk_chain(b, bufs + (is_rng ? 1 : 0), is_rng ? 3 : 4) <= 1);
    assert_alive(b);
}

static void hostile_20_a_ring_full_of_rubbish(void **state)
{
    struct blk *b = *state;
    uint64_t a = kit_alloc(b->k, 4096, 16);

    srand(7);
    for (unsigned round = 0; round < 50; round++) {
        for (uint16_t i = 0; i < 256; i++) {
            kit_raw_desc(b->k, 0, i,
                         (struct kit_desc){ a + (unsigned)rand() % 8192, (unsigned)rand() % 2048,
                                            (uint16_t)(rand() % 8), (uint16_t)(rand() % 300) });
            kit_raw_avail(b->k, 0, i, (uint16_t)(i));
        }
        kit_raw_avail_idx(b->k, 0, 200);
        kit_kick(b->k, 0);
        kit_reset(b->k);
        assert_int_equal(kit_boot(b->k, 0), 0);
    }
    assert_alive(b);
}

static void hostile_22_kicks_without_requests(void **state)
{
    struct blk *b = *state;
    unsigned irqs = kit_irqs(b->k, 0);

    for (unsigned i = 0; i < 1000; i++) {
        kit_kick(b->k, 0);
    }
    assert_int_equal(kit_irqs(b->k, 0), irqs);
    assert_alive(b);
}

/* Configuration space: what is refused changes nothing, and is counted by devices that count it. */
static void hostile_16_config_accesses_are_refused_and_counted(void **state)
{
    struct blk *b = *state;
    uint64_t before = 0, after = 0, junk = ~0ull;
    uint8_t poison[4] = { 0x5a, 0x5a, 0x5a, 0x5a };

    kit_config_read(b->k, 0, &before, 8);
    kit_config_read(b->k, 200, poison, sizeof(poison));
    assert_int_equal(poison[0], 0x5a);
    kit_config_write(b->k, 0, &junk, 8);
    kit_config_write(b->k, 4, &junk, 8);
    kit_config_read(b->k, 0, &after, 8);
    assert_int_equal(before, after);
    if (!is_rng) {
        assert_int_equal(kit_metric(b->k, "cfg_fails"), 3);
    }
    assert_alive(b);
}

/* kit_run() fails the test when a source stays readable for ever. */
static void hostile_23_a_waiting_device_leaves_the_loop_idle(void **state)
{
    struct blk *b = *state;

    kit_pause(b->k);
    for (unsigned i = 0; i < 10; i++) {
        kit_kick(b->k, 0);
    }
    kit_resume(b->k);
    kit_run(b->k);
    assert_alive(b);
}

/* The same megabyte 255 times over: nothing is allocated by the guest's numbers. */
static void hostile_25_the_same_memory_many_times(void **state)
{
    struct blk *b = *state;
    uint64_t data = kit_alloc(b->k, 1u << 20, 4096);

    for (uint16_t i = 0; i < 255; i++) {
        kit_raw_desc(
            b->k, 0, i,
            (struct kit_desc){ data, 1u << 20, (i < 254 ? NEXT : 0) | WRITE, (uint16_t)(i + 1) });
    }
    if (!is_rng) {
        kit_raw_desc(b->k, 0, 0, (struct kit_desc){ blk_header(b, T_IN, 0), 16, NEXT, 1 });
    }
    publish(b, 0);
    assert_alive(b);
}

int main(int argc, char **argv)
{
#define BOTH(f)                                                                                    \
    { "block: " #f, f, setup_block, shut, NULL },                                                  \
    {                                                                                              \
        "rng: " #f, f, setup_rng, shut, NULL                                                       \
    }
    const struct CMUnitTest tests[] = {
        BOTH(hostile_01_head_past_the_table),
        BOTH(hostile_01_next_past_the_table),
        BOTH(hostile_02_loop),
        BOTH(hostile_03_zero_lengths),
        BOTH(hostile_04_address_wraps),
        BOTH(hostile_05_across_the_end_of_ram),
        BOTH(hostile_06_chain_as_long_as_the_queue),
        BOTH(hostile_07_indirect_is_not_offered),
        BOTH(hostile_08_writable_before_readable),
        BOTH(hostile_09_available_index_jumps),
        BOTH(hostile_14_reset_with_requests_held_back),
        BOTH(hostile_16_config_at_odd_places),
        BOTH(hostile_17_double_fetch),
        BOTH(hostile_18_sector_overflow),
        BOTH(hostile_19_lengths_pass_32_bits),
        BOTH(hostile_20_a_ring_full_of_rubbish),
        BOTH(hostile_22_kicks_without_requests),
        BOTH(hostile_16_config_accesses_are_refused_and_counted),
        BOTH(hostile_23_a_waiting_device_leaves_the_loop_idle),
        BOTH(hostile_25_the_same_memory_many_times),
    };

    blk_plugin = argc > 2 ? kit_load(argv[1]) : NULL;
    rng_plugin = argc > 2 ? kit_load(argv[2]) : NULL;
    if (blk_plugin == NULL || rng_plugin == NULL) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
