/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the block plugin share: one instance and its counters. Everything belongs to
 * the device: ops and callbacks of one instance never overlap.
 */
#ifndef BP_BLOCK_BLOCK_H
#define BP_BLOCK_BLOCK_H

#include <backplane/plugin.h>
#include <stdbool.h>
#include <stdint.h>

#include "disk.h"

#define BLOCK_QUEUE_MAX 256u
#define BLOCK_MAX_SEGS BLOCK_QUEUE_MAX

/* In the order of the descriptor's table. */
enum block_metric {
    M_ACTIVATE_FAILS,
    M_CFG_FAILS,
    M_NO_AVAIL_BUFFER,
    M_EVENT_FAILS,
    M_EXECUTE_FAILS,
    M_INVALID_REQS,
    M_FLUSH_COUNT,
    M_QUEUE_EVENTS,
    M_LIMITER_EVENTS,
    M_UPDATE_COUNT,
    M_UPDATE_FAILS,
    M_READ_BYTES,
    M_WRITE_BYTES,
    M_READ_COUNT,
    M_WRITE_COUNT,
    M_LIMITER_THROTTLED,
    M_ENGINE_THROTTLED,
    M_N
};

struct batch;
struct block;

/* Once per VM: the drives, to know whether one of them is the root already. */
struct block_vm {
    struct block *first;
};

struct block {
    const struct bp_host *h;
    struct bp_dev *d;
    uint64_t *m;
    struct bp_limiter *lim; /* NULL: never had one */
    struct disk disk;
    struct batch *batch;
    bool read_only, writeback, is_root;
    bool own_kick; /* the next queue_ready() is our own doing, not the guest's */
    char *id, *path, *partuuid;
    struct block_vm *vm;
    struct block *next;
    struct bp_device_info info;
};

/* device.c */
extern const struct bp_device_ops block_ops;
int block_check_patch(const struct bp_host *h, const struct bp_json *body, struct bp_err *err);
/* io.c */
struct batch *batch_new(void);
void batch_free(struct batch *t);
int block_queue_ready(void *self, struct bp_queue *q, uint32_t index, uint32_t budget);

#endif
