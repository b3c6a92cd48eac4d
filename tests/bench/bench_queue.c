/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nanoseconds a chain costs when the device does nothing: three descriptors, batches of 32, pop,
 * push, one flush. Beside it a baseline in the same run: the same ring parsed inline, trusted.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "loop/loop.h"
#include "mem/guestmem.h"
#include "virtio/queue.h"

#define SIZE 256u
#define BATCH 32u
#define ROUNDS 40000u
#define REPEATS 7
#define DESC 0x10000u
#define AVAIL 0x12000u
#define USED 0x14000u
#define DATA 0x20000u

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};

static struct guestmem mem;
static struct bp_queue queue;
static volatile uint64_t sink; /* keeps the work that nobody looks at */

static void on_irq(void *owner, uint32_t index)
{
    (void)owner;
    (void)index;
}

/* Chains at 0, 3, 6, ...: header, data, status. */
static void fill_descriptors(void)
{
    struct desc *d = guestmem_ptr(&mem, DESC, SIZE * sizeof(*d));

    for (uint32_t i = 0; i < BATCH; i++) {
        uint64_t at = DATA + (uint64_t)i * 0x2000;

        d[3 * i] = (struct desc){ at, 16, 1, (uint16_t)(3 * i + 1) };
        d[3 * i + 1] = (struct desc){ at + 0x1000, 4096, 3, (uint16_t)(3 * i + 2) };
        d[3 * i + 2] = (struct desc){ at + 16, 1, 2, 0 };
    }
}

/* The driver's part of a round: BATCH heads, one index. */
static void offer(uint16_t *avail)
{
    uint16_t idx = avail[1];

    for (uint16_t i = 0; i < BATCH; i++) {
        avail[2 + (uint16_t)(idx + i) % SIZE] = (uint16_t)(3 * i);
    }
    __atomic_store_n(&avail[1], (uint16_t)(idx + BATCH), __ATOMIC_RELEASE);
}

static void round_queue(uint16_t *avail)
{
    struct bp_chain c;
    struct iovec iov[8];

    offer(avail);
    while (queue_pop(&queue, &c, iov, 8) > 0) {
        sink += iov[0].iov_len + c.in_len;
        queue_push(&queue, c.head, 1);
    }
    queue_flush(&queue);
}

static uint16_t inline_next, inline_used;

static void round_inline(uint16_t *avail)
{
    const struct desc *d = guestmem_ptr(&mem, DESC, SIZE * sizeof(*d));
    uint8_t *used = guestmem_ptr(&mem, USED, 6 + 8 * SIZE);
    uint16_t idx;

    offer(avail);
    idx = __atomic_load_n(&avail[1], __ATOMIC_ACQUIRE);
    while (inline_next != idx) {
        uint16_t head = avail[2 + inline_next++ % SIZE], at = head;
        uint32_t elem[2] = { head, 1 };
        struct iovec iov[8];
        uint32_t n = 0;

        for (;;) {
            iov[n].iov_base = mem.r[0].host + d[at].addr;
            iov[n++].iov_len = d[at].len;
            if ((d[at].flags & 1) == 0 || n == 8) {
                break;
            }
            at = d[at].next;
        }
        sink += iov[0].iov_len + iov[n - 1].iov_len;
        memcpy(used + 4 + 8 * (size_t)(inline_used++ % SIZE), elem, sizeof(elem));
    }
    __atomic_store_n((uint16_t *)(void *)(used + 2), inline_used, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Best of several runs, in hundredths of a nanosecond a chain. */
static uint64_t measure(void (*round)(uint16_t *avail))
{
    uint16_t *avail = guestmem_ptr(&mem, AVAIL, 6 + 2 * SIZE);
    uint64_t best = UINT64_MAX;

    for (int k = 0; k < REPEATS; k++) {
        uint64_t start = loop_now_ns(), took;

        for (uint32_t i = 0; i < ROUNDS; i++) {
            round(avail);
        }
        took = (loop_now_ns() - start) * 100 / ((uint64_t)ROUNDS * BATCH);
        best = took < best ? took : best;
    }
    return best;
}

int main(void)
{
    const char *why = "";
    struct bp_err err;
    uint64_t base, cost;

    if (guestmem_init(&mem, 1u << 20, 1u << 20, 2u << 20, false, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return EXIT_FAILURE;
    }
    fill_descriptors();
    base = measure(round_inline);
    memset(guestmem_ptr(&mem, AVAIL, 6 + 2 * SIZE), 0, 6 + 2 * SIZE);
    memset(guestmem_ptr(&mem, USED, 6 + 8 * SIZE), 0, 6 + 8 * SIZE);
    queue_init(&queue, &mem, 0, SIZE);
    queue.interrupt = on_irq;
    queue.cfg = (struct queue_config){ SIZE, SIZE, true, DESC, AVAIL, USED };
    if (queue_activate(&queue, true, true, 0, &why) < 0) {
        fprintf(stderr, "%s\n", why);
        return EXIT_FAILURE;
    }
    cost = measure(round_queue);
    printf("inline baseline  %3" PRIu64 ".%02" PRIu64 " ns/chain\n", base / 100, base % 100);
    printf("queue            %3" PRIu64 ".%02" PRIu64 " ns/chain\n", cost / 100, cost % 100);
    queue_done(&queue);
    guestmem_done(&mem);
    return EXIT_SUCCESS;
}
