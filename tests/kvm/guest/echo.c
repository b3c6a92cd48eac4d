/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The echo device of tests/template, which turns letters into capitals: requests in every split,
 * more of them than the ring is long, and buffers outside of memory. In the end the guest says how
 * much it sent and stays, so that the host can read the device's counters.
 */
#include "kit.h"

enum { DEV_ECHO = 63, RING = 64 };

static struct ring ring;
static struct desc table[4] __attribute__((aligned(16)));
static uint8_t out[4096] __attribute__((aligned(4096))), in[4096];
static uint64_t d, requests, bytes;
static uint32_t span = sizeof(out); /* bytes that a request prepares and checks */

static uint8_t question(uint32_t i, uint32_t salt)
{
    return (uint8_t)(i * 7 + salt);
}

static uint8_t answer(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c;
}

static void prepare(uint32_t salt)
{
    for (uint32_t i = 0; i < span; i++) {
        out[i] = question(i, salt);
        in[i] = 0xee;
    }
}

/* Offer head 0 and wait; the length in the used ring, ~0 when it never comes. */
static uint32_t go(void)
{
    uint16_t idx = ring.avail.idx;

    ring.avail.ring[idx % RING] = 0;
    barrier();
    vstore(ring.avail.idx, (uint16_t)(idx + 1));
    barrier();
    w32(d + MMIO_NOTIFY, 0);
    if (!wait_used(&ring, (uint16_t)(idx + 1)) || ring.used.ring[idx % RING].id != 0) {
        return ~0u;
    }
    return ring.used.ring[idx % RING].len;
}

/* The first n bytes are the answer, the others were never touched, nor was the question. */
static bool answered(uint32_t n, uint32_t salt)
{
    for (uint32_t i = 0; i < span; i++) {
        if (in[i] != (i < n ? answer(question(i, salt)) : 0xee) || out[i] != question(i, salt)) {
            info("wrong byte", i);
            return false;
        }
    }
    return true;
}

static bool echoes(uint32_t n_out, uint32_t n_in, uint32_t salt)
{
    uint32_t want = n_out < n_in ? n_out : n_in;

    prepare(salt);
    chain(&ring, 0, (uint64_t)out, n_out, D_NEXT, 1);
    chain(&ring, 1, (uint64_t)in, n_in, D_WRITE, 0);
    requests++;
    bytes += want;
    return go() == want && answered(want, salt);
}

static void lengths(void)
{
    bool ok = true;

    check("4096 bytes", echoes(4096, 4096, 1));
    check("1 byte", echoes(1, 1, 2));
    check("more asked than room", echoes(100, 30, 3));
    check("more room than asked", echoes(30, 100, 4));
    check("no bytes to send", echoes(0, 100, 5));
    span = 64; /* emulated processors are slow */
    for (uint32_t i = 0; i < 3 * RING; i++) {
        ok = ok && echoes(i % 48 + 1, i % 48 + 1, i);
    }
    span = sizeof(out);
    check("three times round the ring", ok);
}

static void splits(void)
{
    prepare(6);
    chain(&ring, 0, (uint64_t)out, 1, D_NEXT, 9);
    chain(&ring, 9, (uint64_t)out + 1, 0, D_NEXT, 5);
    chain(&ring, 5, (uint64_t)out + 1, 299, D_NEXT, 63);
    chain(&ring, 63, (uint64_t)in, 200, D_NEXT | D_WRITE, 7);
    chain(&ring, 7, (uint64_t)in + 200, 200, D_WRITE, 0);
    requests++;
    bytes += 300;
    same("five segments", go(), 300);
    check("five segments' bytes", answered(300, 6));

    prepare(7);
    table[0] = (struct desc){ (uint64_t)out, 4096, D_NEXT, 2 };
    table[2] = (struct desc){ (uint64_t)in, 1000, D_WRITE | D_NEXT, 1 };
    table[1] = (struct desc){ (uint64_t)in + 1000, 3096, D_WRITE, 0 };
    chain(&ring, 0, (uint64_t)table, sizeof(table), D_INDIRECT, 0);
    requests++;
    bytes += 4096;
    same("indirect table", go(), 4096);
    check("indirect table's bytes", answered(4096, 7));
}

/* The request comes back empty, the device goes on. */
static void outside(const char *name, uint64_t from, uint64_t to)
{
    prepare(8);
    chain(&ring, 0, from, 64, D_NEXT, 1);
    chain(&ring, 1, (uint64_t)in, 8, D_NEXT | D_WRITE, 2);
    chain(&ring, 2, to, 64, D_WRITE, 0);
    same(name, go(), 0);
    check("nothing written", answered(0, 8));
    same("status stays", r32(d + MMIO_STATUS), ST_ACK | ST_DRIVER | ST_FEATURES | ST_OK);
    check("serves the next one", echoes(500, 500, 9));
}

void guest_main(void)
{
    d = dev_find(DEV_ECHO, 0);
    if (!check("found", d != 0)) {
        finish();
    }
    ring_clear(&ring);
    check("indirect tables in use", (dev_begin(d, F_INDIRECT) & F_INDIRECT) != 0);
    w32(d + MMIO_QSEL, 0);
    same("queue max", r32(d + MMIO_QMAX), RING);
    ring_place(d, 0, RING, &ring);
    w32(d + MMIO_STATUS, ST_ACK | ST_DRIVER | ST_FEATURES | ST_OK);
    lengths();
    splits();
    outside("question in the hole", 0x80000000, (uint64_t)in + 8);
    outside("answer in the hole", (uint64_t)out, 0x80000000);
    outside("answer in the device's window", (uint64_t)out, d);
    outside("question at the end of 2^64", ~0ull - 15, (uint64_t)in + 8);
    outside("both outside", 1ull << 40, 1ull << 63);
    info("requests", requests);
    info("refused", 5);
    info("bytes", bytes);
    put("READY\n");
    for (;;) {
        __asm__ volatile("pause" : : : "memory");
    }
}
