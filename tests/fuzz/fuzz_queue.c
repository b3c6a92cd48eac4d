/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: a split ring whose every byte, and the device's calls, the fuzzer writes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "virtio/queue.h"

#define SIZE 16u
#define RAM 0x10000u
#define SEGS 24u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int holds)
{
    if (!holds) {
        abort();
    }
}

/* What pop promises about a chain, and a write to every byte that it says is guest memory. */
static void use_chain(const struct guestmem *m, const struct bp_chain *c, const struct iovec *iov)
{
    uint64_t sum = 0;
    uint32_t n = (uint32_t)c->n_out + c->n_in;

    expect(n >= 1 && n <= SEGS && c->head < SIZE);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t *p = iov[i].iov_base;

        sum += iov[i].iov_len;
        if (p != NULL) {
            expect(p >= m->r[0].host && iov[i].iov_len <= RAM);
            expect(p + iov[i].iov_len <= m->r[0].host + RAM);
        }
    }
    expect(sum == (uint64_t)c->out_len + c->in_len);
}

static void drive(struct bp_queue *q, struct guestmem *m, const uint8_t *data, size_t size)
{
    struct bp_chain c = { 0 };
    struct iovec iov[SEGS];

    for (size_t i = 0; i + 3 <= size; i += 3) {
        uint16_t v = (uint16_t)(data[i + 1] | data[i + 2] << 8);

        switch (data[i] % 8) {
        case 0:
        case 1:
            if (queue_pop(q, &c, iov, 1 + v % SEGS) == 1) {
                use_chain(m, &c, iov);
            }
            break;
        case 2:
            queue_push(q, c.head, v);
            break;
        case 3:
            queue_push(q, v, 1);
            break;
        case 4:
            queue_unpop(q, v % 20);
            break;
        case 5:
            queue_flush(q);
            break;
        case 6:
            (void)queue_enable_notify(q);
            expect(queue_pending(q) <= SIZE);
            break;
        default: /* the driver writes somewhere in the ring */
            m->r[0].host[0x1000 + v % 0x1000] = data[i] / 8;
            break;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bp_queue q;
    struct guestmem m;
    struct bp_err err;
    const char *why;
    size_t ring;

    if (size < 8) {
        return 0;
    }
    if (guestmem_init(&m, RAM, RAM, 2 * RAM, (data[0] & 4) != 0, &err) < 0) {
        abort();
    }
    ring = (size - 1) / 2 < 0x1000 ? (size - 1) / 2 : 0x1000;
    memcpy(m.r[0].host + 0x1000, data + 1, ring);
    queue_init(&q, &m, 0, SIZE);
    q.bad_segs = true;
    q.cfg = (struct queue_config){ SIZE, SIZE, true, 0x1000, 0x1100, 0x1180 };
    if (queue_activate(&q, (data[0] & 1) != 0, (data[0] & 2) != 0, 0, &why) == 0) {
        drive(&q, &m, data + 1 + ring, size - 1 - ring);
    }
    queue_done(&q);
    guestmem_done(&m);
    return 0;
}
