/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: register accesses of any offset, width and order, with live queues behind. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "virtio/transport_mmio.h"

#define RAM 0x10000u
#define QUEUES 2u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct dev {
    struct transport t;
    struct bp_queue q[QUEUES];
    int active;
};

static int on_activate(void *owner)
{
    struct dev *d = owner;

    if (d->active) {
        abort(); /* activated twice without a reset */
    }
    d->active = 1;
    return d->t.features_acked % 3 == 0 ? -1 : 0;
}

static void on_reset(void *owner)
{
    struct dev *d = owner;

    if (!d->active) {
        abort();
    }
    d->active = 0;
}

static int on_negotiated(void *owner, uint64_t features)
{
    struct dev *d = owner;

    if ((features & ~d->t.features_offered) != 0) {
        abort();
    }
    return 0;
}

static void on_config(void *owner, uint32_t off, const void *buf, uint32_t len)
{
    const struct dev *d = owner;

    if (off + len > d->t.config_len || memcmp(&d->t.config[off], buf, len) != 0) {
        abort();
    }
}

static int on_hop(void *owner, bp_fn *fn, void *arg)
{
    (void)owner;
    fn(arg);
    return 0;
}

static void on_signal(void *owner)
{
    (void)owner;
}

static const struct transport_ops ops = {
    .negotiated = on_negotiated,
    .activate = on_activate,
    .reset = on_reset,
    .config_write = on_config,
    .hop = on_hop,
    .signal = on_signal,
};

static void work(struct dev *d)
{
    for (uint32_t i = 0; i < QUEUES; i++) {
        struct bp_chain c;
        struct iovec iov[8];

        for (int k = 0; k < 8 && queue_pop(&d->q[i], &c, iov, 8) == 1; k++) {
            queue_push(&d->q[i], c.head, c.in_len);
        }
        queue_flush(&d->q[i]);
    }
}

/* Steps of six bytes: what, offset (two bytes are plenty), three of value. */
static void drive(struct dev *d, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 6 <= size; i += 6) {
        uint64_t off = (uint64_t)(data[i + 1] | (data[i + 2] & 1) << 8);
        uint8_t buf[8] = { data[i + 3], data[i + 4], data[i + 5] };

        switch (data[i] % 4) {
        case 0:
            transport_write(&d->t, off & ~3ull, buf, 4);
            break;
        case 1:
            transport_write(&d->t, off, buf, 1 + data[i + 5] % 8);
            break;
        case 2:
            transport_read(&d->t, off, buf, 1 + data[i + 5] % 8);
            break;
        default:
            work(d);
            break;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dev d;
    struct guestmem m;
    struct bp_err err;

    memset(&d, 0, sizeof(d));
    if (guestmem_init(&m, RAM, RAM, 2 * RAM, false, &err) < 0) {
        abort();
    }
    memcpy(m.r[0].host, data, size < RAM ? size : RAM);
    for (uint32_t i = 0; i < QUEUES; i++) {
        queue_init(&d.q[i], &m, i, 64);
    }
    if (transport_init(&d.t, &ops, &d, 4, 3ull << 28 | 7, d.q, QUEUES, 24, 8) < 0) {
        abort();
    }
    drive(&d, data, size);
    for (uint32_t i = 0; i < QUEUES; i++) {
        queue_done(&d.q[i]);
    }
    transport_done(&d.t);
    guestmem_done(&m);
    return 0;
}
