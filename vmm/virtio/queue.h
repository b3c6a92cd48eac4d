/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The split virtqueue (virtio 1.2, 2.7): the only code that parses rings. Belongs to the device's
 * loop thread between activation and reset. Ring addresses are translated and checked once, at
 * activation; every descriptor is copied once, then checked, then used.
 */
#ifndef BP_VIRTIO_QUEUE_H
#define BP_VIRTIO_QUEUE_H

#include <backplane/plugin.h>
#include <stdbool.h>
#include <stdint.h>

#include "mem/guestmem.h"

#define QUEUE_SIZE_MAX 32768u

/* What the driver set through the transport's registers. */
struct queue_config {
    uint16_t size, max_size;
    bool ready;
    uint64_t desc, avail, used;
};

struct bp_queue {
    /* hot */
    struct guestmem *mem;
    const uint8_t *desc; /* host pointers; NULL while inactive */
    uint8_t *avail, *used;
    uint16_t size, mask;
    uint16_t next_avail;  /* next avail entry to take */
    uint16_t avail_seen;  /* last avail.idx read with acquire */
    uint16_t next_used;   /* entries written */
    uint16_t used_pub;    /* entries published by flush */
    uint16_t used_signal; /* used index at the last interrupt decision */
    bool event_idx, indirect, broken;
    bool bad_segs; /* the device wants to see segments outside guest RAM */
    uint32_t hint; /* last guest memory region hit */
    uint32_t max_segs;
    uint64_t
        inflight[QUEUE_SIZE_MAX / 64]; /* bit per head: popped, not pushed; catches double pushes */
    uint16_t *taken;                   /* head taken at each avail position (mod size), for unpop */
    uint64_t *skip;  /* bit per avail position: given back around, already completed */
    uint32_t n_skip; /* bits set in skip */
    bool own_used;   /* pop completed a chain by itself since the last flush */
    struct queue_seg {
        uint64_t gpa;
        uint32_t len;
    } * segs;         /* seg_stride per head: its writable part, for dirty marks; when mem->track */
    uint16_t *n_segs; /* per head, when mem->track */
    uint32_t seg_stride;
    uint32_t bugs;    /* pushes of a wrong head, unpops of nothing: the device's mistakes */
    uint32_t refused; /* chains completed by pop itself */
    /* cold */
    struct queue_config cfg;
    uint32_t index;
    int kick_fd; /* eventfd bound to the doorbell; owned by the device */
    void *owner; /* upcalls' argument */
    void (*interrupt)(void *owner, uint32_t index); /* used-buffer notification */
    void (*fail)(void *owner, const char *why);     /* the driver broke the ring */
};

void queue_init(struct bp_queue *q, struct guestmem *mem, uint32_t index, uint16_t max_size);
/* Check cfg as virtio-transport.md 4.1 and cache pointers; -EINVAL with why in ret_why. */
int queue_activate(struct bp_queue *q, bool event_idx, bool indirect, uint32_t max_segs,
                   const char **ret_why);
void queue_reset(struct bp_queue *q); /* back to queue_init() state, keeps max_size and wiring */
void queue_done(struct bp_queue *q);

/* The bp_queue_svc functions (kick is the host's). See plugin.h for their contracts. */
int queue_pop(struct bp_queue *q, struct bp_chain *c, struct iovec *iov, uint32_t cap);
void queue_unpop(struct bp_queue *q, uint32_t n);
void queue_push(struct bp_queue *q, uint16_t head, uint32_t written);
void queue_flush(struct bp_queue *q);
uint32_t queue_pending(struct bp_queue *q);
/* Ask the driver for a notification at the next buffer (avail_event, fence, look again).
 * true: buffers came in meanwhile, do not sleep. Called by the host around queue_ready. */
bool queue_enable_notify(struct bp_queue *q);
void queue_disable_notify(struct bp_queue *q);

#endif
