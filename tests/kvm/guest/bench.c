/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load for the benchmarks: rings are built once, then each batch only moves the available index,
 * kicks and polls. The command line says what: op=<n> batches=<n> depth=<n> scatter spin. Marks on
 * the serial port are bytes that no log line has: boot first, start and end round the timed part,
 * then ok when all was served, else failed. The guest then halts (or spins) for ever.
 */
#include "kit.h"

enum { MARK_BOOT = 1, MARK_START, MARK_END, MARK_OK, MARK_FAILED };
enum { OP_HELLO, OP_PORT, OP_REG, OP_READ, OP_WRITE, OP_RNG, OP_IDLE };

static struct ring ring;
static uint8_t data[64][4096] __attribute__((aligned(4096)));
static struct blk_hdr hdr[64];
static uint8_t status[64];

/* Sectors of one batch: one after the other, or far apart in a 64 MiB disk. */
static void blk_rings(uint32_t type, uint32_t depth, bool scatter)
{
    for (uint32_t i = 0; i < depth; i++) {
        uint64_t slot = scatter ? (i * 7919u) % 16384u : i;
        uint16_t h = (uint16_t)(3 * i);

        hdr[i] = (struct blk_hdr){ type, 0, slot * 8 };
        status[i] = 0xff;
        chain(&ring, h, (uint64_t)&hdr[i], 16, D_NEXT, (uint16_t)(h + 1));
        chain(&ring, (uint16_t)(h + 1), (uint64_t)data[i], 4096,
              type == BLK_OUT ? D_NEXT : D_NEXT | D_WRITE, (uint16_t)(h + 2));
        chain(&ring, (uint16_t)(h + 2), (uint64_t)&status[i], 1, D_WRITE, 0);
    }
    for (uint32_t i = 0; i < QSIZE; i++) {
        ring.avail.ring[i] = (uint16_t)(3 * (i % depth));
    }
}

static void rng_rings(uint32_t depth)
{
    for (uint32_t i = 0; i < QSIZE; i++) {
        chain(&ring, (uint16_t)i, (uint64_t)data + 64 * i, 64, D_WRITE, 0);
        ring.avail.ring[i] = (uint16_t)(i % depth);
    }
}

static void batches(uint64_t base, uint64_t n, uint32_t depth)
{
    uint16_t idx = 0;

    while (n--) {
        idx = (uint16_t)(idx + depth);
        barrier();
        vstore(ring.avail.idx, idx);
        barrier();
        w32(base + MMIO_NOTIFY, 0);
        while (vload(ring.used.idx) != idx) {
        }
    }
}

static bool served(uint64_t op, uint32_t depth)
{
    for (uint32_t i = 0; i < depth && (op == OP_READ || op == OP_WRITE); i++) {
        if (vload(status[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* The first byte, which start times are taken to, comes before anything slow. */
void guest_early(void)
{
    outb(0x3f8, MARK_BOOT);
}

void guest_main(void)
{
    uint64_t op = arg("op", OP_HELLO), n = arg("batches", 1), base = 0;
    uint32_t depth = (uint32_t)arg("depth", 1);

    if (op == OP_READ || op == OP_WRITE) {
        base = dev_find(DEV_BLOCK, 0);
    } else if (op == OP_RNG || op == OP_REG) {
        base = dev_find(DEV_RNG, 0);
    }
    if (base && op != OP_REG) {
        if (!dev_start(base, 0, &ring)) {
            outb(0x3f8, MARK_FAILED);
            base = 0;
        }
        if (op == OP_RNG) {
            rng_rings(depth);
        } else {
            blk_rings(op == OP_WRITE ? BLK_OUT : BLK_IN, depth, has_arg("scatter"));
        }
    }
    outb(0x3f8, MARK_START);
    if (op == OP_PORT) {
        while (n--) {
            outb(0x80, 0);
        }
    } else if (op == OP_REG) {
        while (n--) {
            (void)r32(base + MMIO_MAGIC);
        }
    } else if (base) {
        batches(base, n, depth);
    }
    outb(0x3f8, MARK_END);
    outb(0x3f8, served(op, depth) ? MARK_OK : MARK_FAILED);
    while (has_arg("spin")) {
        for (uint32_t i = 0; i < 1000000; i++) {
            __asm__ volatile("" : : : "memory");
        }
    }
    for (;;) {
        __asm__ volatile("hlt");
    }
}
