/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's side of one split queue, honest or not, for tests without a VM. */
#ifndef BP_TESTS_VIRTIO_RING_H
#define BP_TESTS_VIRTIO_RING_H

#include <string.h>

#include "virtio/queue.h"

#define RING_SIZE 8u
#define RING_DESC 0x1000u
#define RING_AVAIL 0x2000u
#define RING_USED 0x3000u
#define RING_DATA 0x8000u
#define RING_TABLE 0x6000u
#define RING_RAM 0x20000u /* of which the last half lies above the hole */
#define RING_HOLE 0x10000u
#define RING_ABOVE 0x40000u
#define D_NEXT 1u
#define D_WRITE 2u
#define D_INDIRECT 4u

struct ring {
    struct guestmem mem;
    struct bp_queue q;
    struct bp_chain c;
    struct iovec iov[64];
    uint16_t avail_idx;
    unsigned irqs, fails;
};

static void ring_irq(void *owner, uint32_t index)
{
    (void)index;
    ((struct ring *)owner)->irqs++;
}

static void ring_fail(void *owner, const char *why)
{
    (void)why;
    ((struct ring *)owner)->fails++;
}

static inline void *ring_at(struct ring *r, uint64_t gpa)
{
    return guestmem_ptr(&r->mem, gpa, 1);
}

static inline uint16_t ring_get16(struct ring *r, uint64_t gpa)
{
    uint16_t v;

    memcpy(&v, ring_at(r, gpa), 2);
    return v;
}

static inline uint32_t ring_get32(struct ring *r, uint64_t gpa)
{
    uint32_t v;

    memcpy(&v, ring_at(r, gpa), 4);
    return v;
}

static inline void ring_put16(struct ring *r, uint64_t gpa, uint16_t v)
{
    memcpy(ring_at(r, gpa), &v, 2);
}

static inline void ring_desc_at(struct ring *r, uint64_t table, unsigned i, uint64_t addr,
                                uint32_t len, uint16_t flags, uint16_t next)
{
    uint8_t *p = ring_at(r, table + 16 * (uint64_t)i);

    memcpy(p, &addr, 8);
    memcpy(p + 8, &len, 4);
    memcpy(p + 12, &flags, 2);
    memcpy(p + 14, &next, 2);
}

static inline void ring_desc(struct ring *r, unsigned i, uint64_t addr, uint32_t len,
                             uint16_t flags, uint16_t next)
{
    ring_desc_at(r, RING_DESC, i, addr, len, flags, next);
}

static inline void ring_offer(struct ring *r, uint16_t head)
{
    ring_put16(r, RING_AVAIL + 4 + 2 * (r->avail_idx % RING_SIZE), head);
    ring_put16(r, RING_AVAIL + 2, ++r->avail_idx);
}

static inline int ring_pop(struct ring *r)
{
    return queue_pop(&r->q, &r->c, r->iov, 64);
}

static inline uint16_t ring_used_idx(struct ring *r)
{
    return ring_get16(r, RING_USED + 2);
}

static inline uint32_t ring_used_id(struct ring *r, unsigned i)
{
    return ring_get32(r, RING_USED + 4 + 8 * (i % RING_SIZE));
}

static inline uint32_t ring_used_len(struct ring *r, unsigned i)
{
    return ring_get32(r, RING_USED + 8 + 8 * (i % RING_SIZE));
}

static inline void ring_config(struct ring *r)
{
    r->q.cfg.size = RING_SIZE;
    r->q.cfg.ready = true;
    r->q.cfg.desc = RING_DESC;
    r->q.cfg.avail = RING_AVAIL;
    r->q.cfg.used = RING_USED;
}

static inline int ring_open(struct ring *r, bool event_idx, bool indirect, bool track)
{
    struct bp_err err;
    const char *why;
    int e;

    memset(r, 0, sizeof(*r));
    e = guestmem_init(&r->mem, RING_RAM, RING_HOLE, RING_ABOVE, track, &err);
    if (e < 0) {
        return e;
    }
    queue_init(&r->q, &r->mem, 0, 256);
    r->q.bad_segs = true;
    r->q.owner = r;
    r->q.interrupt = ring_irq;
    r->q.fail = ring_fail;
    ring_config(r);
    return queue_activate(&r->q, event_idx, indirect, 0, &why);
}

static inline void ring_close(struct ring *r)
{
    queue_done(&r->q);
    guestmem_done(&r->mem);
}

#endif
