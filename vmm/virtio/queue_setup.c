/* SPDX-License-Identifier: Apache-2.0 */
/* Bringing a virtqueue up and down: checks of what the driver configured, cached pointers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "virtio/queue.h"
#include "virtio/queue_ring.h"

void queue_init(struct bp_queue *q, struct guestmem *mem, uint32_t index, uint16_t max_size)
{
    memset(q, 0, sizeof(*q));
    q->mem = mem;
    q->index = index;
    q->cfg.max_size = max_size;
    q->kick_fd = -1;
}

/* The rules of a queue's registers, in the order the contract reports them. */
static const char *config_fault(const struct guestmem *mem, const struct queue_config *cfg)
{
    uint16_t n = cfg->size;

    if (!cfg->ready) {
        return "attempt to use virtio queue that is not marked ready";
    }
    if (n == 0 || (n & (n - 1)) != 0 || n > cfg->max_size) {
        return "virtio queue with invalid size";
    }
    if (cfg->desc % 16 != 0) {
        return "virtio queue descriptor table breaks alignment constraints";
    }
    if (cfg->avail % 2 != 0) {
        return "virtio queue available ring breaks alignment constraints";
    }
    if (cfg->used % 4 != 0) {
        return "virtio queue used ring breaks alignment constraints";
    }
    if (guestmem_ptr(mem, cfg->desc, (uint64_t)DESC_LEN * n) == NULL) {
        return "virtio queue descriptor table goes out of bounds";
    }
    if (guestmem_ptr(mem, cfg->avail, AVAIL_LEN(n)) == NULL) {
        return "virtio queue available ring goes out of bounds";
    }
    if (guestmem_ptr(mem, cfg->used, USED_LEN(n)) == NULL) {
        return "virtio queue used ring goes out of bounds";
    }
    return NULL;
}

static void arrays_free(struct bp_queue *q)
{
    free(q->taken);
    free(q->skip);
    free(q->segs);
    free(q->n_segs);
    q->taken = NULL;
    q->skip = NULL;
    q->segs = NULL;
    q->n_segs = NULL;
}

static int arrays_new(struct bp_queue *q, uint16_t size, uint32_t stride)
{
    q->taken = malloc(size * sizeof(*q->taken));
    q->skip = calloc(size / 64u + 1, sizeof(*q->skip));
    if (q->taken == NULL || q->skip == NULL) {
        return -ENOMEM;
    }
    memset(q->taken, 0xff, size * sizeof(*q->taken));
    if (!q->mem->track) {
        return 0;
    }
    q->segs = calloc((size_t)size * stride, sizeof(*q->segs));
    q->n_segs = calloc(size, sizeof(*q->n_segs));
    return q->segs == NULL || q->n_segs == NULL ? -ENOMEM : 0;
}

int queue_activate(struct bp_queue *q, bool event_idx, bool indirect, uint32_t max_segs,
                   const char **ret_why)
{
    const struct queue_config *cfg = &q->cfg;
    const char *why = config_fault(q->mem, cfg);
    uint32_t stride = max_segs != 0 && max_segs < cfg->size ? max_segs : cfg->size;
    uint8_t *avail;

    if (why != NULL) {
        *ret_why = why;
        return -EINVAL;
    }
    avail = guestmem_ptr(q->mem, cfg->avail, AVAIL_LEN(cfg->size));
    if ((uint16_t)(ring_load16(avail + AVAIL_IDX) - q->next_avail) > cfg->max_size) {
        *ret_why = "virtio queue number of available descriptors is greater than queue max size";
        return -EINVAL;
    }
    arrays_free(q);
    if (arrays_new(q, cfg->size, stride) < 0) {
        arrays_free(q);
        *ret_why = "out of memory";
        return -ENOMEM;
    }
    q->desc = guestmem_ptr(q->mem, cfg->desc, (uint64_t)DESC_LEN * cfg->size);
    q->avail = avail;
    q->used = guestmem_ptr(q->mem, cfg->used, USED_LEN(cfg->size));
    q->size = cfg->size;
    q->mask = (uint16_t)(cfg->size - 1);
    q->avail_seen = q->next_avail;
    q->used_pub = q->next_used;
    q->event_idx = event_idx;
    q->indirect = indirect;
    q->broken = false;
    q->own_used = false;
    q->n_skip = 0;
    q->hint = 0;
    q->max_segs = max_segs;
    q->seg_stride = stride;
    memset(q->inflight, 0, sizeof(q->inflight));
    return 0;
}

void queue_reset(struct bp_queue *q)
{
    struct bp_queue old;

    arrays_free(q);
    old = *q;
    queue_init(q, old.mem, old.index, old.cfg.max_size);
    q->kick_fd = old.kick_fd;
    q->owner = old.owner;
    q->interrupt = old.interrupt;
    q->fail = old.fail;
    q->bad_segs = old.bad_segs;
    q->bugs = old.bugs;
    q->refused = old.refused;
}

void queue_done(struct bp_queue *q)
{
    if (q != NULL) {
        arrays_free(q);
        q->desc = NULL;
        q->size = 0;
    }
}
