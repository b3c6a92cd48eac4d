/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-mmio register file: values, widths, status machine, reset and a second life. */
#include "kit.h"

static struct ring ring;
static uint8_t data[64];
static uint64_t d;

static void values(void)
{
    same("magic", r32(d + MMIO_MAGIC), 0x74726976);
    same("version", r32(d + MMIO_VERSION), 2);
    same("device id", r32(d + MMIO_DEVICE), DEV_RNG);
    same("vendor", r32(d + MMIO_VENDOR), 0);
    check("VERSION_1 offered", (dev_features(d) & F_VERSION_1) != 0);
    w32(d + MMIO_FEATURES_SEL, 2);
    same("feature page 2", r32(d + MMIO_FEATURES), 0);
    w32(d + MMIO_FEATURES_SEL, 0xffffffff);
    same("feature page 2^32 - 1", r32(d + MMIO_FEATURES), 0);
    same("queue max", (w32(d + MMIO_QSEL, 0), r32(d + MMIO_QMAX)), 256);
    same("queue 1 max", (w32(d + MMIO_QSEL, 1), r32(d + MMIO_QMAX)), 0);
    same("queue 2^32 - 1 max", (w32(d + MMIO_QSEL, 0xffffffff), r32(d + MMIO_QMAX)), 0);
    same("queue 2^32 - 1 ready", r32(d + MMIO_QREADY), 0);
    w32(d + MMIO_QSEL, 0);
    same("queue ready at first", r32(d + MMIO_QREADY), 0);
    same("interrupt status at first", r32(d + MMIO_ISR), 0);
    same("status at first", r32(d + MMIO_STATUS), 0);
    same("generation at first", r32(d + MMIO_GEN), 0);
    same("shared memory length low", r32(d + 0xb0), 0xffffffff);
    same("shared memory length high", r32(d + 0xb4), 0xffffffff);
}

static void widths(void)
{
    same("1-byte read of magic", *(volatile uint8_t *)(d + MMIO_MAGIC), 0);
    same("2-byte read of magic", *(volatile uint16_t *)(d + MMIO_MAGIC), 0);
    same("8-byte read of magic", *(volatile uint64_t *)(d + MMIO_MAGIC), 0);
    same("unaligned read", r32(d + 0x02), 0);
    *(volatile uint8_t *)(d + MMIO_STATUS) = ST_ACK;
    same("1-byte write of status ignored", r32(d + MMIO_STATUS), 0);
    *(volatile uint16_t *)(d + MMIO_STATUS) = ST_ACK;
    same("2-byte write of status ignored", r32(d + MMIO_STATUS), 0);
    *(volatile uint64_t *)(d + MMIO_STATUS) = ST_ACK;
    same("8-byte write of status ignored", r32(d + MMIO_STATUS), 0);
    w32(d + 0x04, 7);
    same("write to a read-only register ignored", r32(d + MMIO_VERSION), 2);
    for (uint32_t o = 0x100; o < 0x1000; o += 0x3a5) {
        (void)*(volatile uint8_t *)(d + o);
        *(volatile uint8_t *)(d + o) = 0xff;
    }
    same("alive after odd config accesses", r32(d + MMIO_MAGIC), 0x74726976);
}

static void status_is(const char *name, uint32_t write, uint32_t want)
{
    w32(d + MMIO_STATUS, write);
    same(name, r32(d + MMIO_STATUS), want);
}

static void machine(void)
{
    status_is("DRIVER before ACKNOWLEDGE refused", ST_DRIVER, 0);
    status_is("all at once refused", 0x0f, 0);
    status_is("ACKNOWLEDGE", 1, 1);
    status_is("clearing ACKNOWLEDGE refused", 2, 1);
    status_is("FEATURES_OK before DRIVER refused", 9, 1);
    status_is("DRIVER", 3, 3);
    status_is("same value again", 3, 3);
    status_is("DRIVER_OK before FEATURES_OK refused", 7, 3);
    w32(d + MMIO_QSEL, 0);
    w32(d + MMIO_QREADY, 1);
    same("queue ready before FEATURES_OK ignored", r32(d + MMIO_QREADY), 0);
    w32(d + MMIO_ACKED_SEL, 1);
    w32(d + MMIO_ACKED, 0xffffffff);
    w32(d + MMIO_ACKED_SEL, 0);
    w32(d + MMIO_ACKED, 0);
    status_is("FEATURES_OK", 0x0b, 0x0b);
    w32(d + MMIO_QREADY, 1);
    same("queue ready", r32(d + MMIO_QREADY), 1);
    w32(d + MMIO_QREADY, 0);
    same("queue not ready", r32(d + MMIO_QREADY), 0);
    status_is("FAILED", 0x80, 0x8b);
    status_is("reset after FAILED", 0, 0);
    status_is("FAILED from 0", 0x80, 0x80);
    status_is("reset again", 0, 0);
}

/* DRIVER_OK with a queue that cannot work: nothing is served, and a reset heals it. */
static void bad_queue(const char *name, uint32_t off, uint64_t value)
{
    ring_clear(&ring);
    dev_begin(d, 0);
    ring_place(d, 0, QSIZE, &ring);
    w32(d + MMIO_QREADY, 0);
    w32(d + off, (uint32_t)value);
    if (off != MMIO_QNUM) {
        w32(d + off + 4, (uint32_t)(value >> 32));
    }
    w32(d + MMIO_QREADY, 1);
    w32(d + MMIO_STATUS, 0x0f);
    w32(d + MMIO_NOTIFY, 0);
    for (uint32_t i = 0; i < 20; i++) {
        (void)r32(d + MMIO_STATUS);
    }
    check(name, (r32(d + MMIO_STATUS) & (0x0b | ST_FAILED)) == 0x0b && vload(ring.used.idx) == 0);
    if (has_arg("needs_reset")) {
        check("status asks for a reset", (r32(d + MMIO_STATUS) & ST_NEEDS_RESET) != 0);
    }
    status_is("reset heals", 0, 0);
}

static void bad_queues(void)
{
    bad_queue("size 0", MMIO_QNUM, 0);
    bad_queue("size 3", MMIO_QNUM, 3);
    bad_queue("size 512", MMIO_QNUM, 512);
    bad_queue("table unaligned", MMIO_DESC, (uint64_t)ring.desc + 8);
    bad_queue("available ring unaligned", MMIO_AVAIL, (uint64_t)&ring.avail + 1);
    bad_queue("used ring unaligned", MMIO_USED, (uint64_t)&ring.used + 2);
    bad_queue("table outside memory", MMIO_DESC, 0x80000000);
    bad_queue("available ring at 2^64 - 2", MMIO_AVAIL, ~1ull);
    bad_queue("used ring in the MMIO window", MMIO_USED, d);
    bad_queue("table at 2^63", MMIO_DESC, 1ull << 63);
}

static void lives(void)
{
    for (uint32_t i = 0; i < 3; i++) {
        check("start", dev_start(d, 0, &ring));
        same("request served", rng_do(d, &ring, data, 64), 64);
        w32(d + MMIO_QNUM, 2);
        w32(d + MMIO_DESC, 0);
        same("request served after late queue writes", rng_do(d, &ring, data, 64), 64);
        check("interrupt pending", (r32(d + MMIO_ISR) & 1) == 1);
        status_is("reset", 0, 0);
        same("interrupt status after reset", r32(d + MMIO_ISR), 0);
        same("queue ready after reset", (w32(d + MMIO_QSEL, 0), r32(d + MMIO_QREADY)), 0);
        w32(d + MMIO_NOTIFY, 0);
    }
    /* A queue kicked before DRIVER_OK is served once the driver is there. */
    ring_clear(&ring);
    dev_begin(d, 0);
    ring_place(d, 0, QSIZE, &ring);
    chain(&ring, 0, (uint64_t)data, 64, D_WRITE, 0);
    offer(d, &ring, 0);
    w32(d + MMIO_STATUS, 0x0f);
    check("early kick not lost", wait_used(&ring, 1));
}

void guest_main(void)
{
    d = dev_find(DEV_RNG, 0);
    if (!check("found", d != 0)) {
        finish();
    }
    if (!has_arg("needs_reset")) {
        values();
        widths();
        machine();
    }
    bad_queues();
    lives();
    finish();
}
