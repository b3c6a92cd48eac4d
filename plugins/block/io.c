/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data path: take a batch of requests, do them in order, complete them together. Neighbouring
 * requests of one direction whose sectors follow each other share one system call; it moves data
 * between the file and guest memory without a copy in between.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "block.h"
#include "request.h"

#define BATCH_REQS 128u
/* Room for the longest chain is needed before each pop; data of a whole ring fits. */
#define BATCH_SEGS (4u * BLOCK_MAX_SEGS)
/* One system call moves at most this much, so that a run never comes near the kernel's limits. */
#define RUN_BYTES_MAX (16u << 20)

_Static_assert(BATCH_SEGS <= 1024, "one preadv takes no more");

struct batch {
    uint32_t n;      /* requests */
    uint32_t n_segs; /* of the pool; the data of request i+1 follows that of request i */
    struct request reqs[BATCH_REQS];
    struct iovec segs[BATCH_SEGS];
};

struct batch *batch_new(void)
{
    return calloc(1, sizeof(struct batch));
}

void batch_free(struct batch *t)
{
    free(t);
}

static const char *type_name(uint32_t type)
{
    switch (type) {
    case BLK_T_IN:
        return "In";
    case BLK_T_OUT:
        return "Out";
    case BLK_T_FLUSH:
        return "Flush";
    case BLK_T_GET_ID:
        return "GetDeviceID";
    default:
        return "Unsupported";
    }
}

static void settle(struct request *r, uint8_t result, uint32_t used)
{
    r->result = result;
    r->used = used;
    r->done = true;
}

static void refuse(struct block *b, struct request *r, const char *why)
{
    b->h->log->log(b->d, BP_LOG_ERROR, "Failed to execute %s virtio block request: %s",
                   type_name(r->type), why);
    bp_count(b->m, M_INVALID_REQS, 1);
    settle(r, BLK_S_IOERR, 1);
}

/* ------------------------------------------------------------------ moving data */

static int64_t transfer(int fd, bool write, const struct iovec *iov, uint32_t n, uint64_t off)
{
    if (n == 1) {
        return write ? pwrite(fd, iov->iov_base, iov->iov_len, (int64_t)off)
                     : pread(fd, iov->iov_base, iov->iov_len, (int64_t)off);
    }
    return write ? pwritev(fd, iov, (int)n, (int64_t)off) : preadv(fd, iov, (int)n, (int64_t)off);
}

static void advance(struct iovec **iov, uint32_t *n, size_t by)
{
    while (*n > 0 && by >= (*iov)->iov_len) {
        by -= (*iov)->iov_len;
        (*iov)++;
        (*n)--;
    }
    if (*n > 0) {
        (*iov)->iov_base = (uint8_t *)(*iov)->iov_base + by;
        (*iov)->iov_len -= by;
    }
}

/* All of one request, whatever it takes. 0 or a positive errno. */
static int transfer_all(int fd, struct request *r)
{
    uint64_t off = r->sector << SECTOR_SHIFT;
    uint32_t left = r->len;

    while (left > 0) {
        int64_t n = transfer(fd, r->type == BLK_T_OUT, r->iov, r->n_iov, off);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return errno;
        }
        if (n == 0) {
            return EIO; /* the file became shorter than the disk the guest was told of */
        }
        off += (uint64_t)n;
        left -= (uint32_t)n;
        advance(&r->iov, &r->n_iov, (size_t)n);
    }
    return 0;
}

static void moved(struct block *b, struct request *r)
{
    bool write = r->type == BLK_T_OUT;

    bp_count(b->m, write ? M_WRITE_BYTES : M_READ_BYTES, r->len);
    bp_count(b->m, write ? M_WRITE_COUNT : M_READ_COUNT, 1);
    settle(r, BLK_S_OK, write ? 1 : r->len + 1);
}

/* How many requests from `r` on can share one call: at least 1. */
static uint32_t run_length(const struct request *r, const struct request *end, uint64_t *ret_bytes)
{
    const struct request *at = r;
    uint64_t bytes = r->len;

    while (at + 1 < end && !at[1].done && at[1].type == r->type &&
           at[1].sector == at->sector + (at->len >> SECTOR_SHIFT) &&
           bytes + at[1].len <= RUN_BYTES_MAX) {
        at++;
        bytes += at->len;
    }
    *ret_bytes = bytes;
    return (uint32_t)(at - r) + 1;
}

/* The segments of a run lie side by side in the pool, so they already are its iovec. */
static uint32_t do_run(struct block *b, struct request *r, const struct request *end)
{
    uint64_t bytes;
    uint32_t n = run_length(r, end, &bytes), n_segs = 0;
    bool whole = false;

    for (uint32_t i = 0; i < n; i++) {
        n_segs += r[i].n_iov;
    }
    if (n > 1) {
        int64_t got =
            transfer(b->disk.fd, r->type == BLK_T_OUT, r->iov, n_segs, r->sector << SECTOR_SHIFT);

        whole = got >= 0 && (uint64_t)got == bytes;
    }
    for (uint32_t i = 0; i < n; i++) {
        /* After anything but full success each request finds out its own fate. */
        int e = whole ? 0 : transfer_all(b->disk.fd, &r[i]);

        if (e == 0) {
            moved(b, &r[i]);
        } else {
            refuse(b, &r[i], strerror(e));
        }
    }
    return n;
}

/* ---------------------------------------------------------------- other requests */

static void do_flush(struct block *b, struct request *r)
{
    int rc;

    do {
        rc = fsync(b->disk.fd);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0) {
        refuse(b, r, strerror(errno));
        return;
    }
    bp_count(b->m, M_FLUSH_COUNT, 1);
    settle(r, BLK_S_OK, 1);
}

static void do_get_id(struct block *b, struct request *r)
{
    uint32_t at = 0;

    for (uint32_t i = 0; i < r->n_iov && at < DISK_ID_LEN; i++) {
        size_t n = r->iov[i].iov_len;

        if (n > DISK_ID_LEN - at) {
            n = DISK_ID_LEN - at;
        }
        if (n != 0) {
            memcpy(r->iov[i].iov_base, b->disk.id + at, n);
        }
        at += (uint32_t)n;
    }
    settle(r, BLK_S_OK, DISK_ID_LEN + 1);
}

static uint32_t do_next(struct block *b, struct request *r, const struct request *end)
{
    if (r->done) {
        return 1;
    }
    switch (r->type) {
    case BLK_T_IN:
    case BLK_T_OUT:
        return do_run(b, r, end);
    case BLK_T_FLUSH:
        do_flush(b, r);
        return 1;
    case BLK_T_GET_ID:
        do_get_id(b, r);
        return 1;
    default:
        b->h->log->log(b->d, BP_LOG_WARN, "Received unsupported virtio block request: %u", r->type);
        bp_count(b->m, M_INVALID_REQS, 1);
        settle(r, BLK_S_UNSUPP, 1);
        return 1;
    }
}

/* ------------------------------------------------------------------ the batches */

/* What can be told without I/O. */
static void judge(struct block *b, struct request *r)
{
    if (r->outside) {
        refuse(b, r, "the buffer is outside guest memory");
    } else if (r->type == BLK_T_OUT && b->read_only) {
        refuse(b, r, "the drive is read-only");
    }
}

static bool charge(struct block *b, const struct request *r)
{
    bool data = r->type == BLK_T_IN || r->type == BLK_T_OUT;

    return b->lim == NULL || b->h->limit->take(b->lim, 1, data ? r->len : 0);
}

/* 1: there may be more, 0: no more for now, <0: the ring is broken. *ret_good counts what was well
 * formed. */
static int batch_fill(struct block *b, struct bp_queue *q, uint32_t *budget, uint32_t *ret_good)
{
    struct batch *t = b->batch;

    t->n = 0;
    t->n_segs = 0;
    while (*budget > 0) {
        struct request *r = &t->reqs[t->n];
        struct iovec *iov = &t->segs[t->n_segs];
        struct bp_chain c;
        const char *bad;
        int rc;

        if (t->n == BATCH_REQS || BATCH_SEGS - t->n_segs < BLOCK_MAX_SEGS) {
            return 1;
        }
        rc = b->h->queue->pop(q, &c, iov, BLOCK_MAX_SEGS);
        if (rc <= 0) {
            return rc;
        }
        bad = request_parse(&c, iov, b->disk.sectors, r);
        if (bad != NULL) {
            b->h->log->log(b->d, BP_LOG_ERROR, "Failed to parse available descriptor chain: %s",
                           bad);
            bp_count(b->m, M_EXECUTE_FAILS, 1);
            r->n_iov = 0;
            settle(r, BLK_S_IOERR, 1);
        } else if (!charge(b, r)) {
            b->h->queue->unpop(q, 1);
            bp_count(b->m, M_LIMITER_THROTTLED, 1);
            return 0;
        } else {
            judge(b, r);
            (*ret_good)++;
        }
        t->n_segs += r->n_iov;
        t->n++;
        (*budget)--;
    }
    return 1;
}

static void batch_complete(struct block *b, struct bp_queue *q)
{
    const struct batch *t = b->batch;

    for (uint32_t i = 0; i < t->n; i++) {
        const struct request *r = &t->reqs[i];

        if (r->status != NULL) {
            *r->status = r->result;
        }
        b->h->queue->push(q, r->head, r->status != NULL ? r->used : 0);
    }
}

int block_queue_ready(void *self, struct bp_queue *q, uint32_t index, uint32_t budget)
{
    struct block *b = self;
    struct batch *t = b->batch;
    uint32_t good = 0;
    int more;

    (void)index;
    if (!b->own_kick) {
        bp_count(b->m, M_QUEUE_EVENTS, 1);
    }
    b->own_kick = false;
    if (b->lim != NULL && b->h->limit->blocked(b->lim)) {
        bp_count(b->m, M_LIMITER_THROTTLED, 1);
        return 0; /* the limiter's callback kicks the queue */
    }
    do {
        more = batch_fill(b, q, &budget, &good);
        if (more < 0) {
            return 0;
        }
        for (uint32_t i = 0; i < t->n;) {
            i += do_next(b, &t->reqs[i], &t->reqs[t->n]);
        }
        batch_complete(b, q);
    } while (more > 0 && budget > 0);
    b->h->queue->flush(q);
    if (good == 0) {
        bp_count(b->m, M_NO_AVAIL_BUFFER, 1);
    }
    b->own_kick = more > 0;
    return more > 0;
}
