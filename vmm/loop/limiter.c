/* SPDX-License-Identifier: Apache-2.0 */
/* Token bucket arithmetic in 128-bit integers: no fraction of a token is ever lost or invented. */
#include "loop/limiter.h"

#include <string.h>

#define NS_PER_MS 1000000ull

__extension__ typedef unsigned __int128 wide;

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t t = a % b;

        a = b;
        b = t;
    }
    return a;
}

static uint64_t add_clamped(uint64_t a, uint64_t b, uint64_t max)
{
    uint64_t sum;

    if (__builtin_add_overflow(a, b, &sum) || sum > max) {
        return max;
    }
    return sum;
}

void bucket_set(struct bucket *b, uint64_t size, uint64_t burst, uint64_t refill_ms,
                uint64_t now_ns)
{
    uint64_t total_ns, g;

    memset(b, 0, sizeof(*b));
    if (size == 0 || refill_ms == 0 || __builtin_mul_overflow(refill_ms, NS_PER_MS, &total_ns)) {
        return;
    }
    g = gcd(size, total_ns);
    b->size = size;
    b->refill_ms = refill_ms;
    b->burst_init = burst;
    b->budget = size;
    b->burst = burst;
    b->per_tokens = size / g;
    b->per_ns = total_ns / g;
    b->last_ns = now_ns;
}

static void bucket_refill(struct bucket *b, uint64_t now_ns)
{
    uint64_t dt = now_ns > b->last_ns ? now_ns - b->last_ns : 0;
    uint64_t tokens;

    if (dt >= b->refill_ms * NS_PER_MS) {
        b->budget = b->size;
        b->last_ns = now_ns;
        return;
    }
    /* dt is below the refill time, so tokens is below size and used time below dt + 1. */
    tokens = (uint64_t)((wide)dt * b->per_tokens / b->per_ns);
    b->last_ns += (uint64_t)(((wide)tokens * b->per_ns + b->per_tokens - 1) / b->per_tokens);
    b->budget = add_clamped(b->budget, tokens, b->size);
}

/* How long to pause after taking `excess` tokens more than there were. */
static uint64_t penalty_ns(const struct bucket *b, uint64_t excess)
{
    wide ms = (wide)excess * b->refill_ms / b->size;

    if (ms == 0) {
        ms = 1; /* a zero delay would disarm the timer and block for ever */
    }
    return ms > UINT64_MAX / NS_PER_MS ? UINT64_MAX : (uint64_t)ms * NS_PER_MS;
}

static bool bucket_reduce(struct bucket *b, uint64_t n, uint64_t now_ns, uint64_t *ret_arm_ns)
{
    if (b->burst > 0) {
        if (b->burst >= n) {
            b->burst -= n;
            b->last_ns = now_ns;
            return true;
        }
        n -= b->burst;
        b->burst = 0;
    }
    if (n > b->budget) {
        bucket_refill(b, now_ns);
        if (n > b->size) {
            n -= b->budget;
            b->budget = 0;
            *ret_arm_ns = penalty_ns(b, n);
            return true;
        }
        if (n > b->budget) {
            *ret_arm_ns = LIMITER_RETRY_NS;
            return false;
        }
    }
    b->budget -= n;
    return true;
}

void limiter_init(struct limiter *l)
{
    memset(l, 0, sizeof(*l));
}

bool limiter_consume(struct limiter *l, enum limiter_kind kind, uint64_t tokens, uint64_t now_ns,
                     uint64_t *ret_arm_ns)
{
    struct bucket *b = &l->bucket[kind];
    bool go;

    *ret_arm_ns = 0;
    if (l->blocked) {
        return false;
    }
    if (b->size == 0) {
        return true;
    }
    go = bucket_reduce(b, tokens, now_ns, ret_arm_ns);
    l->blocked = *ret_arm_ns != 0;
    return go;
}

void limiter_give_back(struct limiter *l, enum limiter_kind kind, uint64_t tokens)
{
    struct bucket *b = &l->bucket[kind];

    if (b->size == 0) {
        return;
    }
    if (b->burst > 0) {
        b->burst = add_clamped(b->burst, tokens, b->burst_init);
        return;
    }
    b->budget = add_clamped(b->budget, tokens, b->size);
}

void limiter_unblock(struct limiter *l)
{
    l->blocked = false;
}
