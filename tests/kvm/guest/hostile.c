/* SPDX-License-Identifier: Apache-2.0 */
/* Broken rings on a block device: the monitor survives, the other device works, reset heals. */
#include "kit.h"

static struct ring ring, other;
static struct desc table[16] __attribute__((aligned(16)));
static struct blk_hdr hdr;
static uint8_t buf[4096] __attribute__((aligned(4096))), noise[64], status;
static uint64_t blk, rng;

static void after(const char *name)
{
    /* Time to misbehave; then both devices must serve. */
    for (uint32_t i = 0; i < 50; i++) {
        (void)r32(blk + MMIO_STATUS);
    }
    info("status", r32(blk + MMIO_STATUS));
    put("CASE ");
    put(name);
    put("\n");
    same("other device works", rng_do(rng, &other, noise, 64), 64);
    check("starts again", dev_start(blk, F_INDIRECT | F_EVENT_IDX, &ring));
    same("serves again", blk_do(blk, &ring, BLK_IN, 0, buf, 512, NULL), 0);
    dev_start(blk, F_INDIRECT, &ring);
}

static void good_chain(void)
{
    hdr = (struct blk_hdr){ BLK_IN, 0, 0 };
    chain(&ring, 0, (uint64_t)&hdr, 16, D_NEXT, 1);
    chain(&ring, 1, (uint64_t)buf, 512, D_NEXT | D_WRITE, 2);
    chain(&ring, 2, (uint64_t)&status, 1, D_WRITE, 0);
}

static void indexes(void)
{
    good_chain();
    offer(blk, &ring, 256);
    after("head 256 of 256");
    good_chain();
    offer(blk, &ring, 65535);
    after("head 65535");
    good_chain();
    ring.desc[1].next = 256;
    offer(blk, &ring, 0);
    after("next past the end");
    good_chain();
    ring.desc[2].flags = D_WRITE | D_NEXT;
    ring.desc[2].next = 2;
    offer(blk, &ring, 0);
    after("descriptor that follows itself");
    good_chain();
    ring.desc[2].flags = D_WRITE | D_NEXT;
    ring.desc[2].next = 0;
    offer(blk, &ring, 0);
    after("loop of three");
    good_chain();
    vstore(ring.avail.idx, 257);
    w32(blk + MMIO_NOTIFY, 0);
    after("available index 257 ahead");
    good_chain();
    vstore(ring.avail.idx, 0xffff);
    w32(blk + MMIO_NOTIFY, 0);
    after("available index 65535 ahead");
    for (uint32_t i = 0; i < 256; i++) {
        ring.avail.ring[i] = 0;
    }
    good_chain();
    vstore(ring.avail.idx, 256);
    w32(blk + MMIO_NOTIFY, 0);
    after("one chain 256 times");
}

static void addresses(void)
{
    good_chain();
    ring.desc[1].addr = 0x80000000;
    offer(blk, &ring, 0);
    after("data outside memory");
    good_chain();
    ring.desc[1].addr = ~0ull - 255;
    offer(blk, &ring, 0);
    after("data wraps round 2^64");
    good_chain();
    ring.desc[1].len = 0xffffffff;
    offer(blk, &ring, 0);
    after("data of 2^32 - 1 bytes");
    good_chain();
    ring.desc[0].addr = blk;
    offer(blk, &ring, 0);
    after("header in the MMIO window");
    good_chain();
    ring.desc[2].addr = 1ull << 63;
    offer(blk, &ring, 0);
    after("status byte at 2^63");
    good_chain();
    ring.desc[1].addr = (uint64_t)&ring;
    ring.desc[1].len = 512;
    offer(blk, &ring, 0);
    after("data over the ring itself");
}

static void shapes(void)
{
    good_chain();
    ring.desc[0].flags = 0;
    offer(blk, &ring, 0);
    after("header alone");
    good_chain();
    ring.desc[0].len = 3;
    offer(blk, &ring, 0);
    after("header of 3 bytes");
    good_chain();
    ring.desc[0].flags = D_NEXT | D_WRITE;
    offer(blk, &ring, 0);
    after("writable header");
    good_chain();
    ring.desc[1].flags = D_NEXT;
    offer(blk, &ring, 0);
    after("read into a readable buffer");
    good_chain();
    ring.desc[2].flags = 0;
    offer(blk, &ring, 0);
    after("readable status byte");
    good_chain();
    ring.desc[2].len = 0;
    offer(blk, &ring, 0);
    after("empty status");
}

static void indirect(const char *name, uint32_t len, uint16_t flags, uint16_t last_flags)
{
    hdr = (struct blk_hdr){ BLK_IN, 0, 0 };
    table[0] = (struct desc){ (uint64_t)&hdr, 16, D_NEXT, 1 };
    table[1] = (struct desc){ (uint64_t)buf, 512, D_NEXT | D_WRITE, 2 };
    table[2] = (struct desc){ (uint64_t)&status, 1, (uint16_t)(D_WRITE | last_flags), 1 };
    chain(&ring, 0, (uint64_t)table, len, flags, 1);
    chain(&ring, 1, (uint64_t)buf, 512, D_WRITE, 0);
    offer(blk, &ring, 0);
    after(name);
}

void guest_main(void)
{
    blk = dev_find(DEV_BLOCK, 0);
    rng = dev_find(DEV_RNG, 0);
    if (!check("found", blk && rng)) {
        finish();
    }
    check("other device starts", dev_start(rng, 0, &other));
    check("start", dev_start(blk, F_INDIRECT, &ring));
    indexes();
    addresses();
    shapes();
    indirect("indirect table", 48, D_INDIRECT, 0);
    indirect("indirect table of 17 bytes", 17, D_INDIRECT, 0);
    indirect("empty indirect table", 0, D_INDIRECT, 0);
    indirect("indirect table of 4 GiB", 0xfffffff0, D_INDIRECT, 0);
    indirect("indirect and next", 48, D_INDIRECT | D_NEXT, 0);
    indirect("indirect inside indirect", 48, D_INDIRECT, D_INDIRECT);
    indirect("loop in an indirect table", 48, D_INDIRECT, D_NEXT);
    finish();
}
