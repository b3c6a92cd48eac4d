/* SPDX-License-Identifier: Apache-2.0 */
/* The virtio-mmio registers: map, status machine, features, configuration, interrupts, reset. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <string.h>

#include "virtio/transport_mmio.h"

#define QUEUES 2u
#define OFFERED (1ull << 5 | 1ull << 29 | 1ull << 35)

struct dev {
    struct guestmem mem;
    struct bp_queue q[QUEUES];
    struct transport t;
    unsigned signals, negotiations, activations, resets, config_writes;
    int refuse_features, refuse_activate;
    uint32_t config_off, config_len;
};

static int on_negotiated(void *owner, uint64_t features)
{
    struct dev *d = owner;

    (void)features;
    d->negotiations++;
    return d->refuse_features;
}

static int on_activate(void *owner)
{
    struct dev *d = owner;

    d->activations++;
    return d->refuse_activate;
}

static void on_reset(void *owner)
{
    ((struct dev *)owner)->resets++;
}

static void on_config(void *owner, uint32_t off, const void *buf, uint32_t len)
{
    struct dev *d = owner;

    (void)buf;
    d->config_writes++;
    d->config_off = off;
    d->config_len = len;
}

static int on_hop(void *owner, bp_fn *fn, void *arg)
{
    (void)owner;
    fn(arg);
    return 0;
}

static void on_signal(void *owner)
{
    ((struct dev *)owner)->signals++;
}

static const struct transport_ops ops = {
    .negotiated = on_negotiated,
    .activate = on_activate,
    .reset = on_reset,
    .config_write = on_config,
    .hop = on_hop,
    .signal = on_signal,
};

static int setup(void **state)
{
    static struct dev d;
    struct bp_err err;

    memset(&d, 0, sizeof(d));
    if (guestmem_init(&d.mem, 0x20000, 0x10000, 0x40000, false, &err) < 0) {
        return -1;
    }
    for (uint32_t i = 0; i < QUEUES; i++) {
        queue_init(&d.q[i], &d.mem, i, 256);
    }
    *state = &d;
    return transport_init(&d.t, &ops, &d, 4, OFFERED, d.q, QUEUES, 8, 0);
}

static int teardown(void **state)
{
    struct dev *d = *state;

    for (uint32_t i = 0; i < QUEUES; i++) {
        queue_done(&d->q[i]);
    }
    transport_done(&d->t);
    guestmem_done(&d->mem);
    return 0;
}

static uint32_t rd(struct dev *d, uint64_t off)
{
    uint32_t v = 0xdeadbeef;

    transport_read(&d->t, off, &v, 4);
    return v;
}

static void wr(struct dev *d, uint64_t off, uint32_t v)
{
    transport_write(&d->t, off, &v, 4);
}

static void to_features_ok(struct dev *d, uint32_t low)
{
    wr(d, 0x70, 1);
    wr(d, 0x70, 3);
    wr(d, 0x24, 0);
    wr(d, 0x20, low);
    wr(d, 0x24, 1);
    wr(d, 0x20, 1);
    wr(d, 0x70, 0xb);
}

static void set_queue(struct dev *d, uint32_t i)
{
    uint32_t base = 0x1000 + 0x4000 * i;

    wr(d, 0x30, i);
    wr(d, 0x38, 8);
    wr(d, 0x80, base);
    wr(d, 0x84, 0);
    wr(d, 0x90, base + 0x1000);
    wr(d, 0x94, 0);
    wr(d, 0xa0, base + 0x2000);
    wr(d, 0xa4, 0);
    wr(d, 0x44, 1);
}

static void bring_up(struct dev *d)
{
    to_features_ok(d, 1u << 29);
    set_queue(d, 0);
    set_queue(d, 1);
    wr(d, 0x70, 0xf);
}

static void registers_read_as_mapped(void **state)
{
    struct dev *d = *state;

    assert_int_equal(rd(d, 0x00), 0x74726976);
    assert_int_equal(rd(d, 0x04), 2);
    assert_int_equal(rd(d, 0x08), 4);
    assert_int_equal(rd(d, 0x0c), 0);
    assert_int_equal(rd(d, 0x34), 256);
    assert_int_equal(rd(d, 0x44), 0);
    assert_int_equal(rd(d, 0x60), 0);
    assert_int_equal(rd(d, 0x70), 0);
    assert_int_equal(rd(d, 0xfc), 0);
    for (uint64_t off = 0xac; off <= 0xbc; off += 4) {
        assert_int_equal(rd(d, off), UINT32_MAX);
    }
    assert_int_equal(rd(d, 0x10), OFFERED & UINT32_MAX);
    wr(d, 0x14, 1);
    assert_int_equal(rd(d, 0x10), 1 | 1 << 3);
    wr(d, 0x14, 2);
    assert_int_equal(rd(d, 0x10), 0);
}

static void hostile_16_odd_widths_and_offsets(void **state)
{
    struct dev *d = *state;
    uint8_t buf[16], poison[16];

    memset(poison, 0xa5, sizeof(poison));
    for (uint64_t off = 0; off < 0x100; off++) {
        for (uint32_t len = 1; len <= 8; len++) {
            memcpy(buf, poison, sizeof(buf));
            if (len != 4) {
                transport_read(&d->t, off, buf, len);
                assert_memory_equal(buf, poison, sizeof(buf));
                transport_write(&d->t, off, buf, len);
            }
        }
    }
    assert_int_equal(rd(d, 0x18), 0xdeadbeef);
    assert_int_equal(rd(d, 0x61), 0xdeadbeef);
    assert_int_equal(rd(d, 0x70), 0);
    /* Configuration space: clipped reads, out-of-range writes dropped. */
    wr(d, 0x70, 1);
    wr(d, 0x70, 3);
    memcpy(buf, poison, sizeof(buf));
    transport_read(&d->t, 0x106, buf, 8);
    assert_int_equal(buf[1], 0);
    assert_int_equal(buf[2], 0xa5);
    transport_read(&d->t, 0x108, buf, 8);
    assert_int_equal(buf[3], 0xa5);
    transport_read(&d->t, UINT64_MAX - 1, buf, 8);
    transport_write(&d->t, 0x105, poison, 4);
    transport_write(&d->t, UINT64_MAX - 1, poison, 4);
    assert_int_equal(d->config_writes, 0);
    transport_write(&d->t, 0x107, poison, 1);
    assert_int_equal(d->config_writes, 1);
    assert_int_equal(d->config_off, 7);
    assert_int_equal(d->config_len, 1);
}

static void config_writes_need_a_driver(void **state)
{
    struct dev *d = *state;
    uint32_t v = 0;

    wr(d, 0x100, 0x11);
    assert_int_equal(rd(d, 0x100), 0);
    wr(d, 0x70, 1);
    wr(d, 0x70, 3);
    wr(d, 0x100, 0x22);
    assert_int_equal(rd(d, 0x100), 0x22);
    wr(d, 0x70, 0x83);
    wr(d, 0x100, 0x33);
    assert_int_equal(rd(d, 0x100), 0x22);
    assert_int_equal(d->config_writes, 1);
    assert_int_equal(rd(d, 0xfc), 0);
    assert_int_equal(transport_config_set(&d->t, 4, &v, 4), 0);
    assert_int_equal(rd(d, 0xfc), 1);
    assert_int_equal(transport_config_set(&d->t, 5, &v, 4), -EINVAL);
    assert_int_equal(transport_config_set(&d->t, UINT32_MAX, &v, 4), -EINVAL);
    assert_int_equal(d->signals, 0);
}

static void hostile_15_features_at_the_wrong_time(void **state)
{
    struct dev *d = *state;

    wr(d, 0x20, 1u << 29);
    assert_int_equal(d->t.features_acked, 0);
    wr(d, 0x70, 1);
    wr(d, 0x70, 3);
    wr(d, 0x20, UINT32_MAX);
    assert_int_equal(d->t.features_acked, 1u << 29 | 1u << 5);
    wr(d, 0x20, 1u << 29);
    wr(d, 0x24, 2);
    wr(d, 0x20, UINT32_MAX);
    wr(d, 0x24, 1);
    wr(d, 0x20, 1);
    assert_int_equal(transport_features(&d->t), 0);
    /* DRIVER_OK without FEATURES_OK. */
    wr(d, 0x70, 7);
    assert_int_equal(rd(d, 0x70), 3);
    wr(d, 0x70, 0xb);
    assert_true(transport_features(&d->t) == (1ull << 32 | 1ull << 29));
    wr(d, 0x24, 0);
    wr(d, 0x20, UINT32_MAX);
    assert_true(transport_features(&d->t) == (1ull << 32 | 1ull << 29));
    assert_int_equal(d->negotiations, 1);
}

static void refused_features_do_not_stick(void **state)
{
    struct dev *d = *state;

    d->refuse_features = -EINVAL;
    to_features_ok(d, 0);
    assert_int_equal(rd(d, 0x70), 3);
    assert_int_equal(transport_features(&d->t), 0);
}

static void bring_up_activates_once(void **state)
{
    struct dev *d = *state;

    bring_up(d);
    assert_int_equal(rd(d, 0x70), 0xf);
    assert_true(transport_is_active(&d->t));
    assert_int_equal(d->activations, 1);
    assert_true(d->q[1].event_idx);
    wr(d, 0x70, 0xf);
    assert_int_equal(d->activations, 1);
}

static void hostile_10_11_rings_moved_after_driver_ok(void **state)
{
    struct dev *d = *state;

    bring_up(d);
    wr(d, 0x30, 0);
    wr(d, 0x38, 3);
    wr(d, 0x80, 0x77770);
    wr(d, 0x44, 0);
    assert_int_equal(d->q[0].cfg.size, 8);
    assert_int_equal(d->q[0].cfg.desc, 0x1000);
    assert_int_equal(rd(d, 0x44), 1);
}

static void queue_fields_follow_the_status(void **state)
{
    static const uint32_t steps[] = { 1, 3 };
    struct dev *d = *state;

    for (unsigned i = 0; i < 2; i++) {
        wr(d, 0x38, 8);
        wr(d, 0x44, 1);
        assert_int_equal(d->q[0].cfg.size, 0);
        assert_int_equal(rd(d, 0x44), 0);
        wr(d, 0x70, steps[i]);
    }
    wr(d, 0x70, 0xb);
    wr(d, 0x38, 0x10008);
    wr(d, 0x84, 5);
    wr(d, 0x80, 7);
    assert_int_equal(d->q[0].cfg.size, 8);
    assert_true(d->q[0].cfg.desc == 0x500000007ull);
    wr(d, 0x44, 2);
    assert_int_equal(rd(d, 0x44), 0);
    wr(d, 0x44, 1);
    assert_int_equal(rd(d, 0x44), 1);
    wr(d, 0x70, 0x8b);
    wr(d, 0x38, 16);
    assert_int_equal(d->q[0].cfg.size, 8);
    wr(d, 0x44, 0);
    assert_int_equal(rd(d, 0x44), 0);
}

static void hostile_12_queue_sel_out_of_range(void **state)
{
    struct dev *d = *state;

    to_features_ok(d, 0);
    wr(d, 0x30, QUEUES);
    assert_int_equal(rd(d, 0x34), 0);
    assert_int_equal(rd(d, 0x44), 0);
    wr(d, 0x38, 8);
    wr(d, 0x44, 1);
    wr(d, 0x30, UINT32_MAX);
    wr(d, 0x80, 8);
    assert_int_equal(rd(d, 0x34), 0);
    wr(d, 0x30, 1);
    assert_int_equal(d->q[1].cfg.size, 0);
}

static void hostile_13_notify_for_dead_queue(void **state)
{
    struct dev *d = *state;

    wr(d, 0x50, 0);
    wr(d, 0x50, 99);
    to_features_ok(d, 0);
    wr(d, 0x50, 1);
    assert_int_equal(rd(d, 0x70), 0xb);
    assert_int_equal(d->signals, 0);
}

static void queue_that_is_not_ready_stays_out(void **state)
{
    struct dev *d = *state;

    to_features_ok(d, 0);
    set_queue(d, 1);
    wr(d, 0x70, 0xf);
    assert_true(transport_is_active(&d->t));
    assert_int_equal(queue_pending(&d->q[0]), 0);
    assert_null(d->q[0].desc);
    assert_non_null(d->q[1].desc);
}

static void no_queue_is_inert_and_a_bad_one_needs_reset(void **state)
{
    struct dev *d = *state;

    to_features_ok(d, 0);
    wr(d, 0x70, 0xf);
    assert_int_equal(rd(d, 0x70), 0xf);
    assert_false(transport_is_active(&d->t));
    wr(d, 0x70, 0);
    to_features_ok(d, 0);
    set_queue(d, 0);
    set_queue(d, 1);
    wr(d, 0x38, 7);
    wr(d, 0x70, 0xf);
    assert_int_equal(rd(d, 0x70), 0x4f);
    assert_int_equal(rd(d, 0x60), VIRTIO_INT_CONFIG);
    assert_false(transport_is_active(&d->t));
    assert_null(d->q[0].desc);
    assert_int_equal(d->activations, 0);
    assert_int_equal(d->resets, 0);
}

static void failed_activation_needs_reset(void **state)
{
    struct dev *d = *state;

    d->refuse_activate = -EIO;
    bring_up(d);
    assert_int_equal(rd(d, 0x70), 0x4f);
    assert_int_equal(rd(d, 0x60), VIRTIO_INT_CONFIG);
    assert_int_equal(d->signals, 1);
    assert_false(transport_is_active(&d->t));
    d->refuse_activate = 0;
    wr(d, 0x70, 0);
    assert_int_equal(d->resets, 1);
    bring_up(d);
    assert_true(transport_is_active(&d->t));
}

static void status_bits_come_in_order(void **state)
{
    struct dev *d = *state;

    wr(d, 0x70, 3);
    wr(d, 0x70, 2);
    wr(d, 0x70, 0xf);
    assert_int_equal(rd(d, 0x70), 0);
    wr(d, 0x70, 1);
    wr(d, 0x70, 2); /* the next bit, but an old one taken back */
    assert_int_equal(rd(d, 0x70), 1);
    wr(d, 0x70, 0x83);
    assert_int_equal(rd(d, 0x70), 0x81);
    wr(d, 0x70, 0);
    assert_int_equal(rd(d, 0x70), 0);
}

static void failed_keeps_an_active_device(void **state)
{
    struct dev *d = *state;

    bring_up(d);
    wr(d, 0x70, 0x80);
    assert_int_equal(rd(d, 0x70), 0x8f);
    assert_true(transport_is_active(&d->t));
}

static void reset_is_real(void **state)
{
    struct dev *d = *state;

    bring_up(d);
    transport_interrupt(&d->t, VIRTIO_INT_USED);
    wr(d, 0x14, 1);
    wr(d, 0x70, 0);
    assert_int_equal(d->resets, 1);
    assert_int_equal(rd(d, 0x70), 0);
    assert_int_equal(rd(d, 0x60), 0);
    assert_int_equal(rd(d, 0x10), OFFERED & UINT32_MAX);
    assert_int_equal(d->t.features_acked, 0);
    assert_int_equal(rd(d, 0x44), 0);
    assert_int_equal(d->q[0].cfg.desc, 0);
    assert_false(transport_is_active(&d->t));
    wr(d, 0x70, 0);
    assert_int_equal(d->resets, 1);
    bring_up(d);
    assert_true(transport_is_active(&d->t));
    assert_int_equal(d->activations, 2);
}

static void interrupts_are_acknowledged(void **state)
{
    struct dev *d = *state;

    d->t.interrupt_status = 0x2a;
    wr(d, 0x64, 7);
    assert_int_equal(rd(d, 0x60), 0x2a);
    bring_up(d);
    wr(d, 0x64, 7);
    assert_int_equal(rd(d, 0x60), 0x28);
    transport_interrupt(&d->t, VIRTIO_INT_USED);
    assert_int_equal(rd(d, 0x60), 0x29);
    assert_int_equal(d->signals, 1);
    assert_int_equal(transport_config_set(&d->t, 0, "\1", 1), 0);
    assert_int_equal(rd(d, 0x60), 0x2b);
    assert_int_equal(d->signals, 2);
}

static void broken_ring_needs_reset(void **state)
{
    struct dev *d = *state;
    uint16_t jump = 300;
    struct bp_chain c;
    struct iovec iov[4];

    bring_up(d);
    assert_int_equal(guestmem_write(&d->mem, 0x2002, &jump, 2), 0);
    assert_int_equal(queue_pop(&d->q[0], &c, iov, 4), -EIO);
    assert_int_equal(queue_pop(&d->q[1], &c, iov, 4), -EIO);
    assert_int_equal(rd(d, 0x70), 0x4f);
    assert_int_equal(rd(d, 0x60), VIRTIO_INT_CONFIG);
    jump = 0;
    assert_int_equal(guestmem_write(&d->mem, 0x2002, &jump, 2), 0);
    wr(d, 0x70, 0);
    bring_up(d);
    assert_int_equal(queue_pop(&d->q[0], &c, iov, 4), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(registers_read_as_mapped),
        T(hostile_16_odd_widths_and_offsets),
        T(config_writes_need_a_driver),
        T(hostile_15_features_at_the_wrong_time),
        T(refused_features_do_not_stick),
        T(bring_up_activates_once),
        T(hostile_10_11_rings_moved_after_driver_ok),
        T(queue_fields_follow_the_status),
        T(hostile_12_queue_sel_out_of_range),
        T(hostile_13_notify_for_dead_queue),
        T(queue_that_is_not_ready_stays_out),
        T(no_queue_is_inert_and_a_bad_one_needs_reset),
        T(failed_activation_needs_reset),
        T(status_bits_come_in_order),
        T(failed_keeps_an_active_device),
        T(reset_is_real),
        T(interrupts_are_acknowledged),
        T(broken_ring_needs_reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
