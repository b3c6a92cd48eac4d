/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two token buckets and the blocked flag, pure arithmetic over a caller's clock: the timer that
 * unblocks is the owner's. No floating point.
 */
#ifndef BP_LOOP_LIMITER_H
#define BP_LOOP_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
    uint64_t size, refill_ms, burst_init; /* size 0: no bucket */
    uint64_t budget, burst;
    uint64_t per_ns, per_tokens; /* rate after division by the gcd */
    uint64_t last_ns;
};

enum limiter_kind { LIMITER_BYTES, LIMITER_OPS };

struct limiter {
    struct bucket bucket[2]; /* by enum limiter_kind */
    bool blocked;            /* until limiter_unblock() */
};

#define LIMITER_RETRY_NS 100000000ull

/* size 0, refill_ms 0, or refill_ms * 10^6 past 64 bits: no bucket. */
void bucket_set(struct bucket *b, uint64_t size, uint64_t burst, uint64_t refill_ms,
                uint64_t now_ns);
void limiter_init(struct limiter *l);
/* true: go on. When it blocks (in either case) *ret_arm_ns is the delay after which to unblock,
 * otherwise *ret_arm_ns is 0. */
bool limiter_consume(struct limiter *l, enum limiter_kind kind, uint64_t tokens, uint64_t now_ns,
                     uint64_t *ret_arm_ns);
void limiter_give_back(struct limiter *l, enum limiter_kind kind, uint64_t tokens);
void limiter_unblock(struct limiter *l);

#endif
