/* SPDX-License-Identifier: Apache-2.0 */
/* Layout of the split ring and single-copy access to it. Private to the queue. */
#ifndef BP_VIRTIO_QUEUE_RING_H
#define BP_VIRTIO_QUEUE_RING_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>

#define DESC_LEN 16u
#define DESC_NEXT 1u
#define DESC_WRITE 2u
#define DESC_INDIRECT 4u
#define AVAIL_NO_INTERRUPT 1u
#define AVAIL_IDX 2u
#define AVAIL_RING 4u
#define AVAIL_LEN(n) (6u + 2u * (uint64_t)(n))
#define USED_NO_NOTIFY 1u
#define USED_IDX 2u
#define USED_RING 4u
#define USED_LEN(n) (6u + 8u * (uint64_t)(n))
#define TAKEN_NONE 0xffffu /* no head: a queue has at most 32768 */

struct ring_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};

/* An indirect table may lie at any address. */
struct ring_word {
    uint64_t v;
} __attribute__((packed, may_alias));

static inline uint16_t ring_load16(const uint8_t *p)
{
    return le16toh(__atomic_load_n((const uint16_t *)(const void *)p, __ATOMIC_ACQUIRE));
}

static inline uint16_t ring_load16_relaxed(const uint8_t *p)
{
    return le16toh(__atomic_load_n((const uint16_t *)(const void *)p, __ATOMIC_RELAXED));
}

static inline void ring_store16(uint8_t *p, uint16_t v)
{
    __atomic_store_n((uint16_t *)(void *)p, htole16(v), __ATOMIC_RELEASE);
}

/* Volatile, so that each byte is fetched once, whatever the compiler would like. */
static inline struct ring_desc ring_desc_load(const uint8_t *table, uint32_t i)
{
    const volatile struct ring_word *w =
        (const volatile struct ring_word *)(const void *)(table + (size_t)i * DESC_LEN);
    uint64_t addr = le64toh(w[0].v), rest = le64toh(w[1].v);

    return (struct ring_desc){
        .addr = addr,
        .len = (uint32_t)rest,
        .flags = (uint16_t)(rest >> 32),
        .next = (uint16_t)(rest >> 48),
    };
}

static inline void ring_used_store(uint8_t *used, uint32_t i, uint16_t head, uint32_t written)
{
    volatile struct ring_word *w =
        (volatile struct ring_word *)(void *)(used + USED_RING + (size_t)i * sizeof(uint64_t));

    w->v = htole64((uint64_t)written << 32 | head);
}

#endif
