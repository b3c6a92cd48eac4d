/* SPDX-License-Identifier: Apache-2.0 */
/* The boot timer: a guest's one-byte write says how long it took to come up. No mutable state. */
#include <inttypes.h>
#include <time.h>

#include "bus/legacy.h"
#include "core/log.h"

#define BOOT_TIMER_LEN 4096
#define BOOT_TIMER_MAGIC 123

static uint64_t clock_ns(clockid_t id)
{
    struct timespec ts;

    if (clock_gettime(id, &ts) < 0) {
        return 0;
    }
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t since_us(uint64_t now_ns, uint64_t start_ns)
{
    return now_ns > start_ns ? (now_ns - start_ns) / 1000 : 0;
}

static void timer_write(void *arg, uint64_t off, const void *buf, uint32_t len)
{
    const struct boot_timer *t = arg;
    uint64_t wall_us;
    uint64_t cpu_us;

    if (off != 0 || len != 1 || *(const uint8_t *)buf != BOOT_TIMER_MAGIC) {
        return;
    }
    wall_us = since_us(clock_ns(CLOCK_MONOTONIC), t->start_ns);
    cpu_us = since_us(clock_ns(CLOCK_PROCESS_CPUTIME_ID), t->start_cpu_ns);
    log_info("Guest-boot-time = %6" PRIu64 " us %" PRIu64 " ms, %6" PRIu64 " CPU us %" PRIu64
             " CPU ms",
             wall_us, wall_us / 1000, cpu_us, cpu_us / 1000);
}

int boot_timer_attach(struct boot_timer *t, struct bus *mmio, uint64_t base)
{
    const struct bus_window w = {
        .base = base, .len = BOOT_TIMER_LEN, .write = timer_write, .arg = t
    };

    return bus_add(mmio, &w);
}
