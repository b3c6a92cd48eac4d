/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The split virtqueue. Everything the guest can write is read once into a local, checked, then
 * used; nothing here trusts a descriptor, an index or a length. No locks: see the header.
 */
#include "virtio/queue.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "virtio/queue_ring.h"

static int ring_broken(struct bp_queue *q, const char *why)
{
    if (!q->broken) {
        q->broken = true;
        if (q->fail != NULL) {
            q->fail(q->owner, why);
        }
    }
    return -EIO;
}

/* Entries the driver added since next_avail, refreshing the cached index when there are none. */
static int ring_waiting(struct bp_queue *q)
{
    uint16_t n;

    if (q->avail_seen != q->next_avail) {
        return 1;
    }
    /* Pairs with the driver's write barrier: the entries are visible once the index is. */
    q->avail_seen = ring_load16(q->avail + AVAIL_IDX);
    n = (uint16_t)(q->avail_seen - q->next_avail);
    if (n > q->size) {
        return ring_broken(q, "available index is further ahead than the queue is long");
    }
    return n > 0;
}

/* A chain while it is being read: sums of 32-bit lengths in 64 bits, checked at the end. */
struct walk {
    struct iovec *iov;
    struct queue_seg *dirty; /* where to note writable segments, or NULL */
    uint32_t n, limit;       /* segments so far and at most */
    uint32_t n_in, n_dirty;
    uint64_t out_len, in_len;
    bool mixed;
};

/* Add one descriptor's buffer. false: the chain is more than the device can take. */
static inline __attribute__((always_inline)) bool walk_add(struct bp_queue *q, struct walk *w,
                                                           const struct ring_desc *d)
{
    void *base;

    if (w->n == w->limit) {
        return false;
    }
    base = guestmem_ptr_fast(q->mem, d->addr, d->len, &q->hint);
    if (__builtin_expect(base == NULL, 0) && !q->bad_segs) {
        return false;
    }
    w->iov[w->n] = (struct iovec){ .iov_base = base, .iov_len = d->len };
    w->n++;
    if ((d->flags & DESC_WRITE) == 0) {
        w->mixed |= w->n_in > 0;
        w->out_len += d->len;
        return true;
    }
    w->n_in++;
    w->in_len += d->len;
    if (__builtin_expect(w->dirty != NULL, 0) && base != NULL) {
        w->dirty[w->n_dirty++] = (struct queue_seg){ .gpa = d->addr, .len = d->len };
    }
    return true;
}

/* Follow the chain. false: the queue has to answer it itself. */
static inline __attribute__((always_inline)) bool walk_chain(struct bp_queue *q, struct walk *w,
                                                             uint16_t head)
{
    const uint8_t *table = q->desc;
    uint32_t entries = q->size, at = head;
    bool inside = false;

    /* The hop budget ends loops; a legal chain never has more descriptors than the queue. */
    for (uint32_t hops = 0; hops < q->size; hops++) {
        struct ring_desc d = ring_desc_load(table, at);

        if (q->indirect && __builtin_expect((d.flags & DESC_INDIRECT) != 0, 0)) {
            entries = d.len / DESC_LEN;
            if (inside || (d.flags & DESC_NEXT) != 0 || d.len % DESC_LEN != 0 || entries == 0 ||
                entries > q->size) {
                return false;
            }
            table = guestmem_ptr_hint(q->mem, d.addr, d.len, &q->hint);
            if (table == NULL) {
                return false;
            }
            inside = true;
            at = 0;
            continue;
        }
        if (!walk_add(q, w, &d)) {
            return false;
        }
        if ((d.flags & DESC_NEXT) == 0 || d.next >= entries) {
            return true;
        }
        at = d.next;
    }
    return w->n > 0;
}

static inline bool inflight_get(const struct bp_queue *q, uint16_t head)
{
    return ((q->inflight[head / 64] >> (head % 64)) & 1) != 0;
}

static inline void inflight_flip(struct bp_queue *q, uint16_t head)
{
    q->inflight[head / 64] ^= 1ull << (head % 64);
}

/* Was this avail position completed before and given back around? */
static bool skip_get(const struct bp_queue *q, uint16_t pos)
{
    return (q->skip[(pos & q->mask) / 64] >> ((pos & q->mask) % 64) & 1) != 0;
}

static bool skip_take(struct bp_queue *q, uint16_t pos)
{
    if (!skip_get(q, pos)) {
        return false;
    }
    q->skip[(pos & q->mask) / 64] ^= 1ull << ((pos & q->mask) % 64);
    q->n_skip--;
    return true;
}

/* Read the chain at `head` into c and iov. false: refuse it. */
static inline bool chain_read(struct bp_queue *q, uint16_t head, struct bp_chain *c,
                              struct iovec *iov, uint32_t limit)
{
    struct walk w = { .iov = iov, .limit = limit };
    bool fits;

    if (q->segs != NULL) {
        w.dirty = &q->segs[(size_t)head * q->seg_stride];
    }
    fits = walk_chain(q, &w, head) && w.out_len <= UINT32_MAX && w.in_len <= UINT32_MAX;
    if (q->segs != NULL) {
        q->n_segs[head] = (uint16_t)(fits ? w.n_dirty : 0);
    }
    *c = (struct bp_chain){
        .head = head,
        .n_out = (uint16_t)(w.n - w.n_in),
        .n_in = (uint16_t)w.n_in,
        .flags = w.mixed ? BP_CHAIN_MIXED : 0,
        .out_len = (uint32_t)w.out_len,
        .in_len = (uint32_t)w.in_len,
    };
    return fits;
}

/* Nothing to hand out: publish what pop answered itself, the device may have no reason to. */
static int pop_none(struct bp_queue *q, int result)
{
    if (q->own_used) {
        queue_flush(q);
    }
    return result;
}

int queue_pop(struct bp_queue *q, struct bp_chain *c, struct iovec *iov, uint32_t cap)
{
    uint32_t limit = cap < q->seg_stride ? cap : q->seg_stride;

    if (q->broken) {
        return -EIO;
    }
    /* Bounded, so that a guest which keeps adding refused chains cannot hold the thread. */
    for (uint32_t tries = 0; tries < q->size; tries++) {
        uint16_t head;
        int r = ring_waiting(q);

        if (r <= 0) {
            return pop_none(q, r);
        }
        if (q->n_skip > 0 && skip_take(q, q->next_avail)) {
            q->next_avail++;
            continue;
        }
        head = ring_load16_relaxed(q->avail + AVAIL_RING + 2 * (size_t)(q->next_avail & q->mask));
        if (head >= q->size) {
            return ring_broken(q, "available ring names a descriptor past the table");
        }
        if (inflight_get(q, head)) {
            return ring_broken(q, "available ring names a descriptor that is in use");
        }
        q->taken[q->next_avail & q->mask] = head;
        q->next_avail++;
        inflight_flip(q, head);
        if (chain_read(q, head, c, iov, limit)) {
            return 1;
        }
        q->refused++;
        queue_push(q, head, 0);
        q->own_used = true;
    }
    return pop_none(q, 0);
}

void queue_unpop(struct bp_queue *q, uint32_t n)
{
    if (q->desc == NULL || q->broken) {
        return;
    }
    for (uint32_t steps = 0; n > 0 && steps < q->size; steps++) {
        uint16_t pos = (uint16_t)(q->next_avail - 1);
        uint16_t head = q->taken[pos & q->mask];

        if (head == TAKEN_NONE || (q->n_skip > 0 && skip_get(q, pos))) {
            break; /* further back than anything this queue handed out */
        }
        q->next_avail = pos;
        if (inflight_get(q, head)) {
            inflight_flip(q, head);
            n--;
        } else {
            /* Completed already: pop must pass over it when it comes by again. */
            q->skip[(pos & q->mask) / 64] |= 1ull << ((pos & q->mask) % 64);
            q->n_skip++;
        }
    }
    if (n > 0) {
        q->bugs++;
    }
}

static void push_dirty(struct bp_queue *q, uint16_t head)
{
    const struct queue_seg *s = &q->segs[(size_t)head * q->seg_stride];

    for (uint32_t i = 0; i < q->n_segs[head]; i++) {
        guestmem_dirty(q->mem, s[i].gpa, s[i].len);
    }
}

void queue_push(struct bp_queue *q, uint16_t head, uint32_t written)
{
    if (head >= q->size || !inflight_get(q, head)) {
        q->bugs++;
        return;
    }
    inflight_flip(q, head);
    if (q->segs != NULL) {
        push_dirty(q, head);
    }
    ring_used_store(q->used, q->next_used & q->mask, head, written);
    q->next_used++;
}

/* Does the driver want to hear of the entries used_signal .. next_used? */
static bool wants_interrupt(struct bp_queue *q)
{
    uint16_t old = q->used_signal, event;

    q->used_signal = q->next_used;
    /* The used index must be visible before the driver's wish is read: it writes the wish, then
     * looks at the index. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!q->event_idx) {
        return (ring_load16_relaxed(q->avail) & AVAIL_NO_INTERRUPT) == 0;
    }
    event = ring_load16_relaxed(q->avail + AVAIL_RING + 2 * (size_t)q->size);
    return (uint16_t)(q->next_used - event - 1) < (uint16_t)(q->next_used - old);
}

void queue_flush(struct bp_queue *q)
{
    q->own_used = false;
    if (q->next_used == q->used_pub || q->broken) {
        return;
    }
    if (q->segs != NULL) {
        guestmem_dirty(q->mem, q->cfg.used, USED_LEN(q->size));
    }
    /* Pairs with the driver's read barrier: the elements are visible once the index is. */
    ring_store16(q->used + USED_IDX, q->next_used);
    q->used_pub = q->next_used;
    if (wants_interrupt(q) && q->interrupt != NULL) {
        q->interrupt(q->owner, q->index);
    }
}

uint32_t queue_pending(struct bp_queue *q)
{
    uint16_t n;

    if (q->desc == NULL || q->broken) {
        return 0;
    }
    n = (uint16_t)(ring_load16(q->avail + AVAIL_IDX) - q->next_avail);
    return n > q->size ? q->size : n;
}

bool queue_enable_notify(struct bp_queue *q)
{
    if (q->desc == NULL || q->broken) {
        return false;
    }
    if (q->event_idx) {
        ring_store16(q->used + USED_RING + 8 * (size_t)q->size, q->next_avail);
    } else {
        ring_store16(q->used, 0);
    }
    if (q->segs != NULL) {
        guestmem_dirty(q->mem, q->cfg.used, USED_LEN(q->size));
    }
    /* The driver adds, then looks whether to notify; here it is the other way round. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return ring_load16(q->avail + AVAIL_IDX) != q->next_avail;
}

void queue_disable_notify(struct bp_queue *q)
{
    /* With event indexes a stale avail_event is silence enough. */
    if (q->desc != NULL && !q->broken && !q->event_idx) {
        ring_store16(q->used, USED_NO_NOTIFY);
        if (q->segs != NULL) {
            guestmem_dirty(q->mem, q->cfg.used, USED_LEN(q->size));
        }
    }
}
