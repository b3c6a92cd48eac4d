/* SPDX-License-Identifier: Apache-2.0 */
/* The split queue with an honest driver: validation, pop, unpop, push, flush, notifications. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>

#include "ring.h"

static void three_part_chain_is_popped_and_pushed(void **state)
{
    struct ring r;

    (void)state;
    assert_int_equal(ring_open(&r, false, false, false), 0);
    ring_desc(&r, 2, RING_DATA, 16, D_NEXT, 5);
    ring_desc(&r, 5, RING_DATA + 0x100, 512, D_NEXT | D_WRITE, 1);
    ring_desc(&r, 1, RING_DATA + 0x800, 1, D_WRITE, 0);
    ring_offer(&r, 2);
    assert_int_equal(queue_pending(&r.q), 1);
    assert_int_equal(ring_pop(&r), 1);
    assert_int_equal(r.c.head, 2);
    assert_int_equal(r.c.n_out, 1);
    assert_int_equal(r.c.n_in, 2);
    assert_int_equal(r.c.out_len, 16);
    assert_int_equal(r.c.in_len, 513);
    assert_int_equal(r.c.flags, 0);
    assert_ptr_equal(r.iov[1].iov_base, ring_at(&r, RING_DATA + 0x100));
    assert_int_equal(r.iov[1].iov_len, 512);
    assert_int_equal(ring_pop(&r), 0);
    queue_push(&r.q, 2, 513);
    assert_int_equal(ring_used_idx(&r), 0);
    queue_flush(&r.q);
    assert_int_equal(ring_used_idx(&r), 1);
    assert_int_equal(ring_used_id(&r, 0), 2);
    assert_int_equal(ring_used_len(&r, 0), 513);
    assert_int_equal(r.irqs, 1);
    queue_flush(&r.q);
    assert_int_equal(r.irqs, 1);
    ring_close(&r);
}

static void indexes_wrap(void **state)
{
    struct ring r;

    (void)state;
    assert_int_equal(ring_open(&r, false, false, false), 0);
    ring_put16(&r, RING_AVAIL + 2, 65534);
    r.avail_idx = 65534;
    r.q.next_avail = r.q.avail_seen = 65534;
    r.q.next_used = r.q.used_pub = 65534;
    for (uint16_t i = 0; i < 4; i++) {
        ring_desc(&r, i, RING_DATA, 4, 0, 0);
        ring_offer(&r, i);
    }
    for (uint16_t i = 0; i < 4; i++) {
        assert_int_equal(ring_pop(&r), 1);
        assert_int_equal(r.c.head, i);
        queue_unpop(&r.q, 1);
        assert_int_equal(ring_pop(&r), 1);
        assert_int_equal(r.c.head, i);
        queue_push(&r.q, i, i);
    }
    assert_int_equal(ring_pop(&r), 0);
    queue_flush(&r.q);
    assert_int_equal(ring_used_idx(&r), 2);
    assert_int_equal(ring_used_id(&r, 65535), 1);
    assert_int_equal(ring_used_id(&r, 0), 2);
    ring_close(&r);
}

static void unpop_gives_back_in_order(void **state)
{
    struct ring r;

    (void)state;
    assert_int_equal(ring_open(&r, false, false, false), 0);
    for (uint16_t i = 0; i < 4; i++) {
        ring_desc(&r, i, RING_DATA, 4, 0, 0);
        ring_offer(&r, i);
        assert_int_equal(ring_pop(&r), 1);
    }
    /* 2 is completed out of order: giving two back means 3 and 1. */
    queue_push(&r.q, 2, 0);
    queue_unpop(&r.q, 2);
    assert_int_equal(ring_pop(&r), 1);
    assert_int_equal(r.c.head, 1);
    assert_int_equal(ring_pop(&r), 1);
    assert_int_equal(r.c.head, 3);
    assert_int_equal(ring_pop(&r), 0);
    assert_int_equal(r.q.bugs, 0);
    queue_unpop(&r.q, 4);
    assert_int_equal(r.q.bugs, 1);
    assert_int_equal(ring_pop(&r), 1);
    assert_int_equal(r.c.head, 0);
    ring_close(&r);
}

static void wrong_pushes_are_ignored_and_counted(void **state)
{
    struct ring r;

    (void)state;
    assert_int_equal(ring_open(&r, false, false, false), 0);
    ring_desc(&r, 0, RING_DATA, 4, 0, 0);
    ring_offer(&r, 0);
    assert_int_equal(ring_pop(&r), 1);
    queue_push(&r.q, 1, 0);
    queue_push(&r.q, RING_SIZE, 0);
    queue_push(&r.q, 65535, 0);
    assert_int_equal(r.q.bugs, 3);
    queue_push(&r.q, 0, 0);
    queue_push(&r.q, 0, 0);
    assert_int_equal(r.q.bugs, 4);
    queue_flush(&r.q);
    assert_int_equal(ring_used_idx(&r), 1);
    ring_close(&r);
}

struct fault {
    struct queue_config cfg;
    const char *why;
};

static void each_rule_of_validation(void **state)
{
    static const struct fault faults[] = {
        { { 8, 256, false, 0x1000, 0x2000, 0x3000 }, "not marked ready" },
        { { 0, 256, true, 0x1000, 0x2000, 0x3000 }, "invalid size" },
        { { 6, 256, true, 0x1000, 0x2000, 0x3000 }, "invalid size" },
        { { 512, 256, true, 0x1000, 0x2000, 0x3000 }, "invalid size" },
        { { 8, 256, true, 0x1008, 0x2000, 0x3000 }, "descriptor table breaks alignment" },
        { { 8, 256, true, 0x1000, 0x2001, 0x3000 }, "available ring breaks alignment" },
        { { 8, 256, true, 0x1000, 0x2000, 0x3002 }, "used ring breaks alignment" },
        { { 8, 256, true, 0xfff0, 0x2000, 0x3000 }, "descriptor table goes out of bounds" },
        { { 8, 256, true, UINT64_MAX - 15, 0x2000, 0x3000 }, "descriptor table goes out" },
        { { 8, 256, true, 0x1000, 0xfffe, 0x3000 }, "available ring goes out of bounds" },
        { { 8, 256, true, 0x1000, 0x2000, 0xffc0 }, "used ring goes out of bounds" },
        { { 8, 256, true, 0x1000, 0x2000, 0x20000 }, "used ring goes out of bounds" },
    };
    struct ring r;
    const char *why = NULL;

    (void)state;
    assert_int_equal(ring_open(&r, false, false, false), 0);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        queue_reset(&r.q);
        r.q.cfg = faults[i].cfg;
        assert_int_equal(queue_activate(&r.q, false, false, 0, &why), -EINVAL);
        assert_non_null(strstr(why, faults[i].why));
        assert_int_equal(ring_pop(&r), 0);
    }
    queue_reset(&r.q);
    ring_config(&r);
    ring_put16(&r, RING_AVAIL + 2, 257);
    assert_int_equal(queue_activate(&r.q, false, false, 0, &why), -EINVAL);
    assert_non_null(strstr(why, "greater than queue max size"));
    ring_put16(&r, RING_AVAIL + 2, 0);
    assert_int_equal(queue_activate(&r.q, false, false, 0, &why), 0);
    ring_close(&r);
}

/* Complete `added` entries ending at used index 10 while the driver waits for entry used_event. */
static unsigned interrupts(unsigned added, uint16_t used_event)
{
    struct ring r;
    unsigned irqs;

    assert_int_equal(ring_open(&r, true, false, false), 0);
    r.q.next_used = r.q.used_pub = r.q.used_signal = (uint16_t)(10 - added);
    ring_put16(&r, RING_AVAIL + 4 + 2 * RING_SIZE, used_event);
    for (uint16_t i = 0; i < added; i++) {
        ring_desc(&r, i, RING_DATA, 4, 0, 0);
        ring_offer(&r, i);
        assert_int_equal(ring_pop(&r), 1);
        queue_push(&r.q, i, 0);
    }
    queue_flush(&r.q);
    irqs = r.irqs;
    ring_close(&r);
    return irqs;
}

static void event_idx_decides_on_interrupts(void **state)
{
    (void)state;
    assert_int_equal(interrupts(5, 6), 1);
    assert_int_equal(interrupts(4, 6), 1);
    assert_int_equal(interrupts(3, 6), 0);
    assert_int_equal(interrupts(0, 6), 0);
}

static void no_interrupt_flag_is_honoured(void **state)
{
    struct ring r;

    (void)state;
    assert_int_equal(ring_open(&r, false, false, false), 0);
    ring_put16(&r, RING_AVAIL, 1);
    ring_desc(&r, 0, RING_DATA, 4, 0, 0);
    ring_offer(&r, 0);
    assert_int_equal(ring_pop(&r), 1);
    queue_push(&r.q, 0, 0);
    queue_flush(&r.q);
    assert_int_equal(r.irqs, 0);
    assert_int_equal(ring_used_idx(&r), 1);
    ring_close(&r);
}

static void writable_pages_are_dirty_after_push(void **state)
{
    struct ring r;

    (void)state;
    assert_int_equal(ring_open(&r, false, true, true), 0);
    ring_desc_at(&r, RING_TABLE, 0, RING_DATA, 16, D_NEXT, 1);
    ring_desc_at(&r, RING_TABLE, 1, RING_DATA + 0x1ff8, 16, D_WRITE, 0);
    ring_desc(&r, 3, RING_TABLE, 32, D_INDIRECT, 0);
    ring_offer(&r, 3);
    assert_int_equal(ring_pop(&r), 1);
    assert_int_equal(r.c.n_out, 1);
    assert_int_equal(r.c.n_in, 1);
    assert_false(guestmem_is_dirty(&r.mem, RING_DATA + 0x1000));
    queue_push(&r.q, 3, 1);
    assert_false(guestmem_is_dirty(&r.mem, RING_DATA));
    assert_true(guestmem_is_dirty(&r.mem, RING_DATA + 0x1000));
    assert_true(guestmem_is_dirty(&r.mem, RING_DATA + 0x2000));
    assert_false(guestmem_is_dirty(&r.mem, RING_USED));
    queue_flush(&r.q);
    assert_true(guestmem_is_dirty(&r.mem, RING_USED));
    ring_close(&r);
}

static void inactive_queue_has_nothing(void **state)
{
    struct ring r;

    (void)state;
    assert_int_equal(ring_open(&r, false, false, false), 0);
    ring_desc(&r, 0, RING_DATA, 4, 0, 0);
    ring_offer(&r, 0);
    assert_int_equal(ring_pop(&r), 1);
    queue_reset(&r.q);
    /* A completion that comes after the reset touches no guest memory. */
    queue_push(&r.q, 0, 4);
    queue_flush(&r.q);
    queue_unpop(&r.q, 1);
    assert_int_equal(ring_pop(&r), 0);
    assert_int_equal(queue_pending(&r.q), 0);
    assert_false(queue_enable_notify(&r.q));
    queue_disable_notify(&r.q);
    assert_int_equal(ring_used_idx(&r), 0);
    assert_int_equal(r.irqs, 0);
    assert_int_equal(r.q.cfg.max_size, 256);
    assert_ptr_equal(r.q.owner, &r);
    ring_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_part_chain_is_popped_and_pushed),
        cmocka_unit_test(indexes_wrap),
        cmocka_unit_test(unpop_gives_back_in_order),
        cmocka_unit_test(wrong_pushes_are_ignored_and_counted),
        cmocka_unit_test(each_rule_of_validation),
        cmocka_unit_test(event_idx_decides_on_interrupts),
        cmocka_unit_test(no_interrupt_flag_is_honoured),
        cmocka_unit_test(writable_pages_are_dirty_after_push),
        cmocka_unit_test(inactive_queue_has_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
