/* SPDX-License-Identifier: Apache-2.0 */
/* The sorted window table of one address space. No state of its own; see the header on locking. */
#include "bus/bus.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* Index of the first window whose base is above addr. */
static uint32_t first_above(const struct bus *b, uint64_t addr)
{
    uint32_t lo = 0;
    uint32_t hi = b->n;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;

        if (b->w[mid].base <= addr) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

int bus_add(struct bus *b, const struct bus_window *w)
{
    uint64_t last;
    uint32_t at;

    if (w->len == 0 || __builtin_add_overflow(w->base, w->len - 1, &last)) {
        return -EINVAL;
    }
    at = first_above(b, w->base);
    if (at > 0 && w->base - b->w[at - 1].base < b->w[at - 1].len) {
        return -EEXIST;
    }
    if (at < b->n && b->w[at].base <= last) {
        return -EEXIST;
    }
    if (b->n == BUS_WINDOWS_MAX) {
        return -ENOSPC;
    }
    memmove(&b->w[at + 1], &b->w[at], (b->n - at) * sizeof(b->w[0]));
    b->w[at] = *w;
    b->n++;
    return 0;
}

static bool natural_len(uint32_t len)
{
    return len == 1 || len == 2 || len == 4 || len == 8;
}

/* The window that holds all of [addr, addr + len), or NULL. */
static const struct bus_window *find(const struct bus *b, uint64_t addr, uint32_t len)
{
    const struct bus_window *w;
    uint32_t at = first_above(b, addr);

    if (at == 0 || !natural_len(len)) {
        return NULL;
    }
    w = &b->w[at - 1];
    if (addr - w->base >= w->len || w->len - (addr - w->base) < len) {
        return NULL;
    }
    return w;
}

bool bus_read(const struct bus *b, uint64_t addr, void *buf, uint32_t len)
{
    const struct bus_window *w = find(b, addr, len);

    memset(buf, 0, len);
    if (!w) {
        return false;
    }
    if (w->read) {
        w->read(w->arg, addr - w->base, buf, len);
    }
    return true;
}

bool bus_write(const struct bus *b, uint64_t addr, const void *buf, uint32_t len)
{
    const struct bus_window *w = find(b, addr, len);

    if (!w) {
        return false;
    }
    if (w->write) {
        w->write(w->arg, addr - w->base, buf, len);
    }
    return true;
}
