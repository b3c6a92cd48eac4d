/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fuzz targets of queue devices read their input: the first bytes are guest memory (headers,
 * indirect tables), the rest is a program of ring operations.
 */
#ifndef BP_FUZZ_RING_H
#define BP_FUZZ_RING_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kit.h"

#define FUZZ_MEMORY 64u
#define FUZZ_OP_LEN 10u
#define FUZZ_RING 64u

struct fuzz_ring {
    struct kit *k;
    uint64_t memory; /* FUZZ_MEMORY bytes from the input, then as much again as zeros */
    uint16_t avail;
};

static inline uint64_t fuzz_addr(const struct fuzz_ring *f, uint8_t how, uint16_t v)
{
    switch (how & 7) {
    case 0:
        return (uint64_t)v << 48;
    case 1:
        return (uint64_t)v << 8;
    case 2:
        return UINT64_MAX - v;
    default:
        return f->memory + v % (2 * FUZZ_MEMORY);
    }
}

static inline uint32_t fuzz_len(uint8_t how, uint16_t v)
{
    static const uint32_t common[] = { 0, 1, 16, 20, 512, 513, 4096, UINT32_MAX };

    return (how & 8) != 0 ? v : common[v % 8];
}

/* One operation: 0-5 write a descriptor, 6 make a chain available, 7 something rarer. */
static inline void fuzz_op(struct fuzz_ring *f, const uint8_t op[FUZZ_OP_LEN])
{
    uint16_t a = (uint16_t)(op[2] | op[3] << 8), b = (uint16_t)(op[4] | op[5] << 8);
    struct kit_desc d = { fuzz_addr(f, op[1], a), fuzz_len(op[1], b), op[6] & 7,
                          op[7] >= 250 ? 9999 : op[7] % FUZZ_RING };

    if ((op[0] & 7) < 6) {
        kit_raw_desc(f->k, 0, op[8] % FUZZ_RING, d);
    } else if ((op[0] & 7) == 6) {
        kit_raw_avail(f->k, 0, f->avail++, op[8] >= 250 ? 9999 : op[8] % FUZZ_RING);
        kit_raw_avail_idx(f->k, 0, f->avail);
    } else if (op[1] < 128) {
        kit_kick(f->k, 0);
    } else if (op[1] < 192) {
        kit_advance(f->k, (uint64_t)a * 10000000u);
    } else if (op[1] < 224) {
        kit_config_write(f->k, op[2], &op[3], 1u << (op[8] % 3));
    } else if (op[1] < 232) {
        kit_raw_avail_idx(f->k, 0, a);
    } else {
        kit_reset(f->k);
        f->avail = 0;
        (void)kit_boot(f->k, (uint64_t)op[8] << 24);
    }
}

static inline void fuzz_run(struct kit *k, const uint8_t *data, size_t size)
{
    struct fuzz_ring f = { .k = k, .memory = kit_alloc(k, 2 * FUZZ_MEMORY, 16) };
    size_t head = size < FUZZ_MEMORY ? size : FUZZ_MEMORY;

    if (head > 0) {
        memcpy(kit_ptr(k, f.memory, FUZZ_MEMORY), data, head);
    }
    for (size_t at = head; size - at >= FUZZ_OP_LEN; at += FUZZ_OP_LEN) {
        fuzz_op(&f, data + at);
    }
    kit_kick(k, 0);
}

#endif
