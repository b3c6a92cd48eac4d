/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An address space of device windows (one for MMIO, one for port I/O). Filled before vCPUs run,
 * read-only afterwards, so lookups take no lock. Callbacks run on vCPU threads.
 */
#ifndef BP_BUS_BUS_H
#define BP_BUS_BUS_H

#include <stdbool.h>
#include <stdint.h>

#define BUS_WINDOWS_MAX 64

struct bus_window {
    uint64_t base, len;
    /* off is relative to base; len is 1, 2, 4 or 8. A read leaves buf alone to say "no data". */
    void (*read)(void *arg, uint64_t off, void *buf, uint32_t len);
    void (*write)(void *arg, uint64_t off, const void *buf, uint32_t len);
    void *arg;
};

struct bus {
    uint32_t n;
    struct bus_window w[BUS_WINDOWS_MAX]; /* sorted by base */
};

int bus_add(struct bus *b,
            const struct bus_window *w); /* -EINVAL empty, -EEXIST overlap, -ENOSPC */
bool bus_read(const struct bus *b, uint64_t addr, void *buf,
              uint32_t len); /* false: nobody there; buf is zeroed first */
bool bus_write(const struct bus *b, uint64_t addr, const void *buf, uint32_t len);

#endif
