/* SPDX-License-Identifier: Apache-2.0 */
/* What a bare-metal guest needs: serial text, the command line, virtio-mmio devices by polling. */
#ifndef GUEST_KIT_H
#define GUEST_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QSIZE 256u

enum { MMIO_MAGIC = 0x00, MMIO_VERSION = 0x04, MMIO_DEVICE = 0x08, MMIO_VENDOR = 0x0c };
enum { MMIO_FEATURES = 0x10, MMIO_FEATURES_SEL = 0x14, MMIO_ACKED = 0x20, MMIO_ACKED_SEL = 0x24 };
enum { MMIO_QSEL = 0x30, MMIO_QMAX = 0x34, MMIO_QNUM = 0x38, MMIO_QREADY = 0x44 };
enum { MMIO_NOTIFY = 0x50, MMIO_ISR = 0x60, MMIO_ISR_ACK = 0x64, MMIO_STATUS = 0x70 };
enum {
    MMIO_DESC = 0x80,
    MMIO_AVAIL = 0x90,
    MMIO_USED = 0xa0,
    MMIO_GEN = 0xfc,
    MMIO_CONFIG = 0x100
};
enum {
    ST_ACK = 1,
    ST_DRIVER = 2,
    ST_OK = 4,
    ST_FEATURES = 8,
    ST_NEEDS_RESET = 64,
    ST_FAILED = 128
};
enum { D_NEXT = 1, D_WRITE = 2, D_INDIRECT = 4 };
enum { DEV_BLOCK = 2, DEV_RNG = 4 };
enum { BLK_IN = 0, BLK_OUT = 1, BLK_FLUSH = 4, BLK_GET_ID = 8 };
#define F_BLK_RO (1ull << 5)
#define F_BLK_FLUSH (1ull << 9)
#define F_INDIRECT (1ull << 28)
#define F_EVENT_IDX (1ull << 29)
#define F_VERSION_1 (1ull << 32)

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};

struct avail {
    uint16_t flags, idx, ring[QSIZE], used_event;
};

struct used {
    uint16_t flags, idx;
    struct {
        uint32_t id, len;
    } ring[QSIZE];
    uint16_t avail_event;
};

struct ring {
    struct desc desc[QSIZE] __attribute__((aligned(4096)));
    struct avail avail __attribute__((aligned(4096)));
    struct used used __attribute__((aligned(4096)));
};

struct blk_hdr {
    uint32_t type, reserved;
    uint64_t sector;
};

extern uint64_t zero_page;
void guest_main(void);
void guest_early(void); /* optional: the very first thing, on the stack */

static inline void outb(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
    return v;
}

static inline uint32_t r32(uint64_t a)
{
    return *(volatile uint32_t *)a;
}

static inline void w32(uint64_t a, uint32_t v)
{
    *(volatile uint32_t *)a = v;
}

/* The ring is shared with the monitor's threads: order what it sees. */
#define barrier() __asm__ volatile("mfence" : : : "memory")
#define vload(x) (*(volatile __typeof__(x) *)&(x))
#define vstore(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

void put(const char *s);
void put_dec(uint64_t v);
void put_hex(uint64_t v);
void info(const char *name, uint64_t v);                  /* "INFO name=0x..." */
bool check(const char *name, bool ok);                    /* "PASS name" or "FAIL name" */
bool same(const char *name, uint64_t got, uint64_t want); /* check, with both values on FAIL */
void finish(void) __attribute__((noreturn));              /* "DONE", then reset through the i8042 */
const char *cmdline(void);
bool has_arg(const char *word);
uint64_t arg(const char *name, uint64_t fallback); /* name=<decimal> on the command line */
bool starts(const char *s, const char *prefix);
uint64_t zp(uint32_t off, uint32_t bytes); /* a field of the zero page */

/* Base of the nth virtio device of this type, from the command line; 0: none. */
uint64_t dev_find(uint32_t type, uint32_t nth);
uint64_t dev_features(uint64_t base);
/* Reset, negotiate `want` of what is offered; returns the features in use. */
uint64_t dev_begin(uint64_t base, uint64_t want);
void ring_place(uint64_t base, uint32_t queue, uint32_t size, const struct ring *r);
void ring_clear(struct ring *r);
/* The whole life up to DRIVER_OK with queue 0 on r; false: not all of status came to stay. */
bool dev_start(uint64_t base, uint64_t want, struct ring *r);
void chain(struct ring *r, uint16_t i, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next);
void offer(uint64_t base, struct ring *r, uint16_t head); /* into avail, and kick queue 0 */
/* Wait for used.idx to reach `idx`; false after a long while. */
bool wait_used(struct ring *r, uint16_t idx);
/* One request on a block device with ring r, next slot: status byte, 0xff where it never came. */
uint8_t blk_do(uint64_t base, struct ring *r, uint32_t type, uint64_t sector, void *buf,
               uint32_t len, uint32_t *ret_used);
/* One random request; number of bytes, ~0 when it never came. */
uint32_t rng_do(uint64_t base, struct ring *r, void *buf, uint32_t len);
#endif
