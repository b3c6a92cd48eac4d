/* SPDX-License-Identifier: Apache-2.0 */
/* The split queue with a hostile driver, one test a class of attack. Classes that are about
 * registers are in test_transport.c. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>

#include "ring.h"

static void hostile_01_descriptor_index_past_end(void **state)
{
    struct ring r;

    (void)state;
    assert_int_equal(ring_open(&r, false, false, false), 0);
    ring_desc(&r, 0, RING_DATA, 4, D_NEXT, RING_SIZE);
    ring_offer(&r, 0);
    assert_int_equal(ring_pop(&r), 1);
    assert_int_equal(r.c.n_out, 1);
    ring_offer(&r, RING_SIZE);
    assert_int_equal(ring_pop(&r), -EIO);
    assert_int_equal(ring_pop(&r), -EIO);
    assert_int_equal(r.fails, 1);
    ring_close(&r);
}

static void hostile_02_loop_in_chain(void **state)
{
    struct ring r;

    (void)state;
    assert_int_equal(ring_open(&r, false, false, false), 0);
    ring_desc(&r, 0, RING_DATA, 4, D_NEXT, 1);
    ring_desc(&r, 1, RING_DATA, 4, D_NEXT, 0);
    ring_offer(&r, 0);
    assert_int_equal(ring_pop(&r), 1);
    assert_int_equal(r.c.n_out, RING_SIZE);
    assert_int_equal(r.fails, 0);
    ring_close(&r);
}

static void hostile_03_zero_length(void **state)
{
    struct ring r;

    (void)state;
    assert_int_equal(ring_open(&r, false, false, false), 0);
    ring_desc(&r, 0, RING_DATA, 0, D_NEXT, 1);
    ring_desc(&r, 1, RING_DATA, 0, D_WRITE, 0);
    ring_offer(&r, 0);
    assert_int_equal(ring_pop(&r), 1);
    assert_int_equal(r.c.n_out + r.c.n_in, 2);
    assert_int_equal(r.c.out_len + r.c.in_len, 0);
    assert_int_equal(r.iov[1].iov_len, 0);
    ring_close(&r);
}

static void hostile_04_length_overflow(void **state)
{
    struct ring r;

    (void)state;
    assert_int_equal(ring_open(&r, false, false, false), 0);
    ring_desc(&r, 0, UINT64_MAX - 3, 8, 0, 0);
    ring_offer(&r, 0);
    assert_int_equal(ring_pop(&r), 1);
    assert_null(r.iov[0].iov_base);
    assert_int_equal(r.iov[0].iov_len, 8);
    /* Two lengths that add up past 32 bits: answered by the queue. */
    ring_desc(&r, 1, RING_DATA, UINT32_MAX, D_NEXT | D_WRITE, 2);
    ring_desc(&r, 2, RING_DATA, 1, D_WRITE, 0);
    ring_offer(&r, 1);
    assert_int_equal(ring_pop(&r), 0);
    assert_int_equal(r.q.refused, 1);
    assert_int_equal(ring_used_idx(&r), 1);
    assert_int_equal(ring_used_id(&r, 0), 1);
    assert_int_equal(ring_used_len(&r, 0), 0);
    assert_int_equal(r.irqs, 1);
    assert_int_equal(r.fails, 0);
    ring_close(&r);
}

static void hostile_05_address_outside_or_across_hole(void **state)
{
    static const uint64_t bad[] = { RING_HOLE, RING_HOLE - 4, RING_ABOVE - 4, 0x1000000 };
    struct ring r;

    (void)state;
    assert_int_equal(ring_open(&r, false, false, false), 0);
    for (uint16_t i = 0; i < 4; i++) {
        ring_desc(&r, i, bad[i], 8, D_WRITE, 0);
        ring_offer(&r, i);
        assert_int_equal(ring_pop(&r), 1);
        assert_null(r.iov[0].iov_base);
        assert_int_equal(r.c.in_len, 8);
        queue_push(&r.q, i, 0);
    }
    ring_desc(&r, 4, RING_ABOVE, 8, D_WRITE, 0);
    ring_offer(&r, 4);
    assert_int_equal(ring_pop(&r), 1);
    assert_ptr_equal(r.iov[0].iov_base, r.mem.r[1].host);
    assert_int_equal(r.fails, 0);
    ring_close(&r);
}

/* A device that did not ask never sees a segment that it must not touch. */
static void hostile_05_is_hidden_from_devices_by_default(void **state)
{
    struct ring r;

    (void)state;
    assert_int_equal(ring_open(&r, false, false, false), 0);
    r.q.bad_segs = false;
    ring_desc(&r, 0, RING_DATA, 8, D_NEXT, 1);
    ring_desc(&r, 1, RING_HOLE - 4, 8, D_WRITE, 0);
    ring_offer(&r, 0);
    ring_desc(&r, 2, RING_DATA, 8, D_WRITE, 0);
    ring_offer(&r, 2);
    assert_int_equal(ring_pop(&r), 1);
    assert_int_equal(r.c.head, 2);
    queue_push(&r.q, 2, 8);
    queue_flush(&r.q);
    assert_int_equal(ring_used_idx(&r), 2);
    assert_int_equal(ring_used_id(&r, 0), 0);
    assert_int_equal(ring_used_len(&r, 0), 0);
    assert_int_equal(ring_used_len(&r, 1), 8);
    assert_int_equal(r.fails, 0);
    ring_close(&r);
}

static void hostile_06_chain_longer_than_queue(void **state)
{
    struct ring r;

    (void)state;
    assert_int_equal(ring_open(&r, false, true, false), 0);
    for (unsigned i = 0; i < 16; i++) {
        ring_desc_at(&r, RING_TABLE, i, RING_DATA, 1, D_NEXT, (uint16_t)(i + 1));
    }
    ring_desc(&r, 0, RING_TABLE, 16 * 16, D_INDIRECT, 0);
    ring_offer(&r, 0);
    assert_int_equal(ring_pop(&r), 0);
    assert_int_equal(r.q.refused, 1);
    assert_int_equal(ring_used_idx(&r), 1);
    /* More segments than the device has room for. */
    for (uint16_t i = 1; i < 5; i++) {
        ring_desc(&r, i, RING_DATA, 1, i < 4 ? D_NEXT : 0, (uint16_t)(i + 1));
    }
    ring_offer(&r, 1);
    assert_int_equal(queue_pop(&r.q, &r.c, r.iov, 3), 0);
    assert_int_equal(r.q.refused, 2);
    ring_offer(&r, 1);
    assert_int_equal(queue_pop(&r.q, &r.c, r.iov, 4), 1);
    assert_int_equal(r.c.n_out, 4);
    ring_close(&r);
}

static void hostile_07_indirect_abuse(void **state)
{
    static const struct {
        uint64_t addr;
        uint32_t len;
        uint16_t flags;
    } bad[] = {
        { RING_TABLE, 16, D_INDIRECT },          /* whose entry is indirect again */
        { RING_TABLE, 24, D_INDIRECT },          /* not a multiple of 16 */
        { RING_TABLE, 0, D_INDIRECT },           /* empty */
        { RING_HOLE, 16, D_INDIRECT },           /* outside of memory */
        { RING_HOLE - 16, 32, D_INDIRECT },      /* across the hole */
        { RING_TABLE, 16, D_INDIRECT | D_NEXT }, /* and a next */
        { RING_TABLE, 0xfffffff0, D_INDIRECT },
    };
    struct ring r;

    (void)state;
    assert_int_equal(ring_open(&r, false, true, false), 0);
    ring_desc_at(&r, RING_TABLE, 0, RING_TABLE, 16, D_INDIRECT, 0);
    for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ring_desc(&r, 0, bad[i].addr, bad[i].len, bad[i].flags, 0);
        ring_offer(&r, 0);
        assert_int_equal(ring_pop(&r), 0);
        assert_int_equal(r.q.refused, i + 1);
        assert_int_equal(ring_used_idx(&r), i + 1);
    }
    assert_int_equal(r.fails, 0);
    ring_close(&r);
    /* Without the feature the flag means nothing. */
    assert_int_equal(ring_open(&r, false, false, false), 0);
    ring_desc(&r, 0, RING_TABLE, 24, D_INDIRECT, 0);
    ring_offer(&r, 0);
    assert_int_equal(ring_pop(&r), 1);
    assert_int_equal(r.c.out_len, 24);
    ring_close(&r);
}

static void hostile_08_writable_before_readable(void **state)
{
    struct ring r;

    (void)state;
    assert_int_equal(ring_open(&r, false, false, false), 0);
    ring_desc(&r, 0, RING_DATA, 1, D_NEXT | D_WRITE, 1);
    ring_desc(&r, 1, RING_DATA + 8, 2, 0, 0);
    ring_offer(&r, 0);
    assert_int_equal(ring_pop(&r), 1);
    assert_int_equal(r.c.flags, BP_CHAIN_MIXED);
    assert_int_equal(r.c.n_out, 1);
    assert_int_equal(r.c.n_in, 1);
    assert_int_equal(r.iov[0].iov_len, 1);
    ring_close(&r);
}

static void hostile_09_avail_idx_jumps(void **state)
{
    struct ring r;

    (void)state;
    assert_int_equal(ring_open(&r, false, false, false), 0);
    ring_put16(&r, RING_AVAIL + 2, RING_SIZE + 1);
    assert_int_equal(queue_pending(&r.q), RING_SIZE);
    assert_int_equal(ring_pop(&r), -EIO);
    assert_int_equal(r.fails, 1);
    assert_int_equal(queue_pending(&r.q), 0);
    assert_false(queue_enable_notify(&r.q));
    ring_close(&r);
}

static void hostile_10_overlapping_rings(void **state)
{
    struct ring r;
    const char *why;

    (void)state;
    assert_int_equal(ring_open(&r, false, false, false), 0);
    queue_reset(&r.q);
    ring_config(&r);
    r.q.cfg.used = r.q.cfg.avail = r.q.cfg.desc;
    assert_int_equal(queue_activate(&r.q, false, false, 0, &why), 0);
    ring_desc(&r, 0, (uint64_t)1 << 16, 4, 0, 0); /* which is avail.idx 1 as well */
    for (int i = 0; i < 100; i++) {
        if (ring_pop(&r) == 1) {
            queue_push(&r.q, r.c.head, 0);
        }
        queue_flush(&r.q);
    }
    assert_true(r.q.next_used <= 100);
    ring_close(&r);
}

static void hostile_11_size_fixed_after_activation(void **state)
{
    struct ring r;

    (void)state;
    assert_int_equal(ring_open(&r, false, false, false), 0);
    r.q.cfg.size = 256; /* what a register write after DRIVER_OK would do, were it let through */
    ring_offer(&r, 100);
    assert_int_equal(ring_pop(&r), -EIO);
    ring_close(&r);
}

static void hostile_14_reset_with_request_in_flight(void **state)
{
    struct ring r;
    const char *why;

    (void)state;
    assert_int_equal(ring_open(&r, false, false, true), 0);
    ring_desc(&r, 3, RING_DATA, 4, D_WRITE, 0);
    ring_offer(&r, 3);
    assert_int_equal(ring_pop(&r), 1);
    queue_reset(&r.q);
    ring_config(&r);
    ring_put16(&r, RING_AVAIL + 2, 0);
    assert_int_equal(queue_activate(&r.q, false, false, 0, &why), 0);
    queue_push(&r.q, 3, 4);
    queue_flush(&r.q);
    assert_int_equal(r.q.bugs, 1);
    assert_int_equal(ring_used_idx(&r), 0);
    ring_close(&r);
}

static void hostile_17_descriptor_rewritten_after_pop(void **state)
{
    struct ring r;

    (void)state;
    assert_int_equal(ring_open(&r, false, false, true), 0);
    ring_desc(&r, 0, RING_DATA, 4, D_WRITE, 0);
    ring_offer(&r, 0);
    assert_int_equal(ring_pop(&r), 1);
    ring_desc(&r, 0, RING_HOLE, 0xffffffff, D_WRITE | D_NEXT, 77);
    queue_push(&r.q, 0, 4);
    queue_flush(&r.q);
    assert_int_equal(r.iov[0].iov_len, 4);
    assert_true(guestmem_is_dirty(&r.mem, RING_DATA));
    ring_close(&r);
}

static void hostile_20_head_offered_twice(void **state)
{
    struct ring r;

    (void)state;
    assert_int_equal(ring_open(&r, false, false, false), 0);
    ring_desc(&r, 0, RING_DATA, 4, 0, 0);
    ring_offer(&r, 0);
    ring_offer(&r, 0);
    assert_int_equal(ring_pop(&r), 1);
    assert_int_equal(ring_pop(&r), -EIO);
    assert_int_equal(r.fails, 1);
    ring_close(&r);
}

static void hostile_21_lost_wakeups(void **state)
{
    struct ring r;

    (void)state;
    assert_int_equal(ring_open(&r, true, false, false), 0);
    ring_desc(&r, 0, RING_DATA, 4, 0, 0);
    ring_offer(&r, 0);
    assert_int_equal(ring_pop(&r), 1);
    queue_disable_notify(&r.q);
    assert_false(queue_enable_notify(&r.q));
    assert_int_equal(ring_get16(&r, RING_USED + 4 + 8 * RING_SIZE), 1);
    /* A buffer that came before the wish was visible is seen by the second look. */
    ring_desc(&r, 1, RING_DATA, 4, 0, 0);
    ring_offer(&r, 1);
    assert_true(queue_enable_notify(&r.q));
    ring_close(&r);
    assert_int_equal(ring_open(&r, false, false, false), 0);
    queue_disable_notify(&r.q);
    assert_int_equal(ring_get16(&r, RING_USED), 1);
    assert_false(queue_enable_notify(&r.q));
    assert_int_equal(ring_get16(&r, RING_USED), 0);
    ring_close(&r);
}

static void hostile_24_buffer_is_the_ring_itself(void **state)
{
    struct ring r;

    (void)state;
    assert_int_equal(ring_open(&r, false, false, false), 0);
    ring_desc(&r, 0, RING_AVAIL, 6, D_NEXT | D_WRITE, 1);
    ring_desc(&r, 1, RING_DESC, 16 * RING_SIZE, D_WRITE, 0);
    ring_offer(&r, 0);
    assert_int_equal(ring_pop(&r), 1);
    memset(r.iov[0].iov_base, 0xff, r.iov[0].iov_len);
    memset(r.iov[1].iov_base, 0xff, r.iov[1].iov_len);
    queue_push(&r.q, 0, 4);
    queue_flush(&r.q);
    assert_int_equal(ring_used_idx(&r), 1);
    assert_int_equal(ring_pop(&r), -EIO);
    ring_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_01_descriptor_index_past_end),
        cmocka_unit_test(hostile_02_loop_in_chain),
        cmocka_unit_test(hostile_03_zero_length),
        cmocka_unit_test(hostile_04_length_overflow),
        cmocka_unit_test(hostile_05_address_outside_or_across_hole),
        cmocka_unit_test(hostile_05_is_hidden_from_devices_by_default),
        cmocka_unit_test(hostile_06_chain_longer_than_queue),
        cmocka_unit_test(hostile_07_indirect_abuse),
        cmocka_unit_test(hostile_08_writable_before_readable),
        cmocka_unit_test(hostile_09_avail_idx_jumps),
        cmocka_unit_test(hostile_10_overlapping_rings),
        cmocka_unit_test(hostile_11_size_fixed_after_activation),
        cmocka_unit_test(hostile_14_reset_with_request_in_flight),
        cmocka_unit_test(hostile_17_descriptor_rewritten_after_pop),
        cmocka_unit_test(hostile_20_head_offered_twice),
        cmocka_unit_test(hostile_21_lost_wakeups),
        cmocka_unit_test(hostile_24_buffer_is_the_ring_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
