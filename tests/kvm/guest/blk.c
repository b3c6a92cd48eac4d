/* SPDX-License-Identifier: Apache-2.0 */
/* Block device: every request type and the refusals; the disk's sector n is filled with n + 1. */
#include "kit.h"

static struct ring ring;
static uint8_t buf[8192] __attribute__((aligned(4096)));
static uint64_t d;

static bool filled(const uint8_t *p, uint8_t v, uint32_t n)
{
    while (n--) {
        if (*p++ != v) {
            return false;
        }
    }
    return true;
}

static void set(uint8_t v)
{
    for (uint32_t i = 0; i < sizeof(buf); i++) {
        buf[i] = v;
    }
}

/* Refused: error status, or given back with nothing written. */
static void refused(const char *name, uint32_t type, uint64_t sector, uint32_t len)
{
    uint32_t used = 77;
    uint8_t st = blk_do(d, &ring, type, sector, buf, len, &used);

    check(name, (st == 1 && used <= len + 1) || (st == 0xff && used == 0));
}

static void reads(uint64_t sectors)
{
    uint32_t used = 0;

    set(0xee);
    same("read sector 0", blk_do(d, &ring, BLK_IN, 0, buf, 512, &used), 0);
    same("read sector 0 length", used, 513);
    check("read sector 0 content", filled(buf, 1, 512) && buf[512] == 0xee);
    same("read 4 KiB", blk_do(d, &ring, BLK_IN, 5, buf, 4096, &used), 0);
    check("read 4 KiB content", filled(buf, 6, 512) && filled(buf + 3584, 13, 512));
    same("read last", blk_do(d, &ring, BLK_IN, sectors - 1, buf, 512, &used), 0);
    check("read last content", filled(buf, (uint8_t)sectors, 512));
    refused("read past the end", BLK_IN, sectors, 512);
    refused("read across the end", BLK_IN, sectors - 1, 1024);
    refused("read at 2^55", BLK_IN, 1ull << 55, 512);
    refused("read at 2^64 - 1", BLK_IN, ~0ull, 512);
    refused("read 511 bytes", BLK_IN, 0, 511);
    same("unknown type", blk_do(d, &ring, 99, 0, buf, 512, &used), 2);
    same("get id", blk_do(d, &ring, BLK_GET_ID, 0, buf, 20, &used), 0);
    same("get id length", used, 21);
    buf[20] = 0;
    put("ID ");
    put((const char *)buf);
    put("\n");
    refused("get id in 19 bytes", BLK_GET_ID, 0, 19);
}

static void writes(bool read_only)
{
    uint32_t used = 0;

    set(0x5a);
    if (read_only) {
        refused("write to read-only", BLK_OUT, 3, 512);
        return;
    }
    same("write", blk_do(d, &ring, BLK_OUT, 3, buf, 1024, &used), 0);
    same("write length", used, 1);
    set(0);
    same("read back", blk_do(d, &ring, BLK_IN, 2, buf, 2048, &used), 0);
    check("read back content",
          filled(buf, 3, 512) && filled(buf + 512, 0x5a, 1024) && filled(buf + 1536, 6, 512));
    refused("write past the end", BLK_OUT, 1ull << 40, 512);
    same("flush", blk_do(d, &ring, BLK_FLUSH, 0, NULL, 0, &used), 0);
    same("flush length", used, 1);
}

/* A new capacity set by the host shows in configuration space, with an interrupt. */
static void resize(uint64_t sectors)
{
    uint32_t gen = r32(d + MMIO_GEN);

    w32(d + MMIO_ISR_ACK, 3);
    put("READY\n");
    for (uint32_t i = 0; i < 1000000 && r32(d + MMIO_CONFIG) == sectors; i++) {
    }
    info("capacity", r32(d + MMIO_CONFIG));
    check("generation moved", r32(d + MMIO_GEN) != gen);
    check("config interrupt", (r32(d + MMIO_ISR) & 2) == 2);
    same("read in the new part", blk_do(d, &ring, BLK_IN, sectors, buf, 512, NULL), 0);
}

void guest_main(void)
{
    uint64_t f, sectors;

    d = dev_find(DEV_BLOCK, 0);
    if (!check("found", d != 0)) {
        finish();
    }
    f = dev_features(d);
    sectors = r32(d + MMIO_CONFIG) | (uint64_t)r32(d + MMIO_CONFIG + 4) << 32;
    info("features", f);
    info("sectors", sectors);
    same("read-only feature", !!(f & F_BLK_RO), has_arg("ro"));
    same("flush feature", !!(f & F_BLK_FLUSH), has_arg("writeback"));
    check("start", dev_start(d, f & ~(F_EVENT_IDX | F_INDIRECT), &ring));
    if (has_arg("throttle")) {
        for (uint32_t i = 0; i < 3; i++) {
            blk_do(d, &ring, BLK_IN, i, buf, 512, NULL);
            put("READ\n");
            if (i == 0) {
                put("READY\n");
            }
        }
        finish();
    }
    reads(sectors);
    writes(has_arg("ro"));
    if (has_arg("resize")) {
        resize(sectors);
    }
    finish();
}
