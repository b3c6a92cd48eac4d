/* SPDX-License-Identifier: Apache-2.0 */
/* Random device: lengths, chains, different bytes, buffers it must refuse. */
#include "kit.h"

static struct ring ring;
static uint8_t a[131072], b[64];

static bool equal(const uint8_t *x, const uint8_t *y, uint32_t n)
{
    while (n--) {
        if (*x++ != *y++) {
            return false;
        }
    }
    return true;
}

static bool zeros(const uint8_t *x, uint32_t n)
{
    while (n--) {
        if (*x++) {
            return false;
        }
    }
    return true;
}

void guest_main(void)
{
    uint64_t d = dev_find(DEV_RNG, 0);
    uint16_t idx;
    uint32_t n;

    if (!check("found", d != 0)) {
        finish();
    }
    check("start", dev_start(d, 0, &ring));
    same("64 bytes", rng_do(d, &ring, a, 64), 64);
    same("64 more", rng_do(d, &ring, b, 64), 64);
    check("differ", !equal(a, b, 64));
    check("not zero", !zeros(a, 64) && !zeros(b, 64));
    same("1 byte", rng_do(d, &ring, a, 1), 1);
    n = rng_do(d, &ring, a, 65536);
    same("64 KiB", n, 65536);
    check("64 KiB filled to its end", !zeros(a + 65536 - 64, 64));
    n = rng_do(d, &ring, a, sizeof(a));
    check("128 KiB gives something, no more", n > 0 && n <= sizeof(a));

    chain(&ring, 0, (uint64_t)b, 64, 0, 0);
    idx = ring.used.idx;
    offer(d, &ring, 0);
    check("readable buffer comes back", wait_used(&ring, (uint16_t)(idx + 1)));
    same("readable buffer gets nothing", ring.used.ring[idx % QSIZE].len, 0);

    for (uint32_t i = 0; i < 256; i++) {
        a[i] = 0;
    }
    chain(&ring, 0, (uint64_t)a, 48, D_WRITE | D_NEXT, 7);
    chain(&ring, 7, (uint64_t)a + 64, 16, D_WRITE | D_NEXT, 3);
    chain(&ring, 3, (uint64_t)a + 128, 64, D_WRITE, 0);
    idx = ring.used.idx;
    offer(d, &ring, 0);
    check("three buffers come back", wait_used(&ring, (uint16_t)(idx + 1)));
    same("three buffers' length", ring.used.ring[idx % QSIZE].len, 128);
    same("three buffers' head", ring.used.ring[idx % QSIZE].id, 0);
    check("three buffers filled", !zeros(a, 48) && !zeros(a + 64, 16) && !zeros(a + 128, 64));
    check("nothing between them", zeros(a + 48, 16) && zeros(a + 80, 48) && zeros(a + 192, 64));
    check("interrupt status", (r32(d + MMIO_ISR) & 1) == 1);
    w32(d + MMIO_ISR_ACK, 1);
    same("interrupt acknowledged", r32(d + MMIO_ISR) & 1, 0);
    finish();
}
