/* SPDX-License-Identifier: Apache-2.0 */
/* The guest kit: see kit.h. Runs without interrupts, SSE, or a C library. */
#include "kit.h"

/* The compiler may call these for structure copies. */
void *memset(void *d, int c, size_t n);
void *memcpy(void *d, const void *s, size_t n);

void *memset(void *d, int c, size_t n)
{
    void *p = d;

    __asm__ volatile("rep stosb" : "+D"(p), "+c"(n) : "a"(c) : "memory");
    return d;
}

void *memcpy(void *d, const void *s, size_t n)
{
    void *p = d;

    __asm__ volatile("rep movsb" : "+D"(p), "+S"(s), "+c"(n) : : "memory");
    return d;
}

void put(const char *s)
{
    while (*s) {
        outb(0x3f8, (uint8_t)*s++);
    }
}

void put_dec(uint64_t v)
{
    char b[21];
    char *p = b + 20;

    *p = 0;
    do {
        *--p = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    put(p);
}

void put_hex(uint64_t v)
{
    char b[17];
    char *p = b + 16;

    *p = 0;
    do {
        *--p = "0123456789abcdef"[v & 15];
        v >>= 4;
    } while (v);
    put("0x");
    put(p);
}

void info(const char *name, uint64_t v)
{
    put("INFO ");
    put(name);
    put("=");
    put_hex(v);
    put("\n");
}

bool check(const char *name, bool ok)
{
    put(ok ? "PASS " : "FAIL ");
    put(name);
    put("\n");
    return ok;
}

bool same(const char *name, uint64_t got, uint64_t want)
{
    if (got == want) {
        return check(name, true);
    }
    put("FAIL ");
    put(name);
    put(" got ");
    put_hex(got);
    put(" want ");
    put_hex(want);
    put("\n");
    return false;
}

void finish(void)
{
    put("DONE\n");
    outb(0x64, 0xfe);
    for (;;) {
        __asm__ volatile("pause");
    }
}

uint64_t zp(uint32_t off, uint32_t bytes)
{
    uint64_t v = 0;

    for (uint32_t i = 0; i < bytes; i++) {
        v |= (uint64_t)((const volatile uint8_t *)zero_page)[off + i] << (8 * i);
    }
    return v;
}

const char *cmdline(void)
{
    return (const char *)zp(0x228, 4);
}

bool starts(const char *s, const char *prefix)
{
    while (*prefix) {
        if (*s++ != *prefix++) {
            return false;
        }
    }
    return true;
}

/* The word of the command line behind `prefix`, which starts a word; NULL: none. */
static const char *word(const char *prefix, const char *from)
{
    const char *s = from;

    while (*s) {
        if ((s == cmdline() || s[-1] == ' ') && starts(s, prefix)) {
            while (*prefix++) {
                s++;
            }
            return s;
        }
        s++;
    }
    return NULL;
}

bool has_arg(const char *name)
{
    const char *s = word(name, cmdline());

    return s && (*s == 0 || *s == ' ');
}

uint64_t arg(const char *name, uint64_t fallback)
{
    const char *s = word(name, cmdline());
    uint64_t v = 0;

    if (!s || *s != '=') {
        return fallback;
    }
    for (s++; *s >= '0' && *s <= '9'; s++) {
        v = v * 10 + (uint64_t)(*s - '0');
    }
    return v;
}

uint64_t dev_find(uint32_t type, uint32_t nth)
{
    const char *s = cmdline();

    while ((s = word("virtio_mmio.device=4K@0x", s)) != NULL) {
        uint64_t base = 0;

        for (; *s != ':' && *s != 0; s++) {
            base = base * 16 + (uint64_t)(*s <= '9' ? *s - '0' : (*s | 32) - 'a' + 10);
        }
        if (r32(base + MMIO_DEVICE) == type && nth-- == 0) {
            return base;
        }
    }
    return 0;
}

uint64_t dev_features(uint64_t base)
{
    uint64_t f;

    w32(base + MMIO_FEATURES_SEL, 1);
    f = (uint64_t)r32(base + MMIO_FEATURES) << 32;
    w32(base + MMIO_FEATURES_SEL, 0);
    return f | r32(base + MMIO_FEATURES);
}

uint64_t dev_begin(uint64_t base, uint64_t want)
{
    uint64_t f;

    w32(base + MMIO_STATUS, 0);
    w32(base + MMIO_STATUS, ST_ACK);
    w32(base + MMIO_STATUS, ST_ACK | ST_DRIVER);
    f = dev_features(base) & (want | F_VERSION_1);
    w32(base + MMIO_ACKED_SEL, 1);
    w32(base + MMIO_ACKED, (uint32_t)(f >> 32));
    w32(base + MMIO_ACKED_SEL, 0);
    w32(base + MMIO_ACKED, (uint32_t)f);
    w32(base + MMIO_STATUS, ST_ACK | ST_DRIVER | ST_FEATURES);
    return f;
}

static void place64(uint64_t at, uint64_t addr)
{
    w32(at, (uint32_t)addr);
    w32(at + 4, (uint32_t)(addr >> 32));
}

void ring_place(uint64_t base, uint32_t queue, uint32_t size, const struct ring *r)
{
    w32(base + MMIO_QSEL, queue);
    w32(base + MMIO_QNUM, size);
    place64(base + MMIO_DESC, (uint64_t)r->desc);
    place64(base + MMIO_AVAIL, (uint64_t)&r->avail);
    place64(base + MMIO_USED, (uint64_t)&r->used);
    w32(base + MMIO_QREADY, 1);
}

void ring_clear(struct ring *r)
{
    memset(r, 0, sizeof(*r));
}

bool dev_start(uint64_t base, uint64_t want, struct ring *r)
{
    ring_clear(r);
    dev_begin(base, want);
    ring_place(base, 0, QSIZE, r);
    w32(base + MMIO_STATUS, ST_ACK | ST_DRIVER | ST_FEATURES | ST_OK);
    return r32(base + MMIO_STATUS) == (ST_ACK | ST_DRIVER | ST_FEATURES | ST_OK);
}

void chain(struct ring *r, uint16_t i, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
    r->desc[i] = (struct desc){ addr, len, flags, next };
}

void offer(uint64_t base, struct ring *r, uint16_t head)
{
    uint16_t idx = r->avail.idx;

    r->avail.ring[idx % QSIZE] = head;
    barrier();
    vstore(r->avail.idx, (uint16_t)(idx + 1));
    barrier();
    w32(base + MMIO_NOTIFY, 0);
}

bool wait_used(struct ring *r, uint16_t idx)
{
    for (uint32_t i = 0; i < 3000000; i++) {
        if (vload(r->used.idx) == idx) {
            barrier();
            return true;
        }
    }
    return false;
}

uint8_t blk_do(uint64_t base, struct ring *r, uint32_t type, uint64_t sector, void *buf,
               uint32_t len, uint32_t *ret_used)
{
    static struct blk_hdr hdr;
    static uint8_t status;
    uint16_t old = r->used.idx;

    hdr = (struct blk_hdr){ type, 0, sector };
    vstore(status, 0xff);
    chain(r, 0, (uint64_t)&hdr, 16, D_NEXT, 1);
    if (buf) {
        chain(r, 1, (uint64_t)buf, len, type == BLK_OUT ? D_NEXT : D_NEXT | D_WRITE, 2);
        chain(r, 2, (uint64_t)&status, 1, D_WRITE, 0);
    } else {
        chain(r, 1, (uint64_t)&status, 1, D_WRITE, 0);
    }
    offer(base, r, 0);
    if (!wait_used(r, (uint16_t)(old + 1))) {
        put("INFO request never came back\n");
        return 0xff;
    }
    if (ret_used) {
        *ret_used = r->used.ring[old % QSIZE].len;
    }
    return vload(status);
}

uint32_t rng_do(uint64_t base, struct ring *r, void *buf, uint32_t len)
{
    uint16_t old = r->used.idx;

    chain(r, 0, (uint64_t)buf, len, D_WRITE, 0);
    offer(base, r, 0);
    return wait_used(r, (uint16_t)(old + 1)) ? r->used.ring[old % QSIZE].len : ~0u;
}
