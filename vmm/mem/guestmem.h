/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest physical memory: up to two regions around the hole below 4 GiB, checked translation, and
 * one dirty bit per page for writes that KVM's own log does not see. Regions never change after
 * guestmem_init(), so translation needs no lock [any]; dirty bits are set with relaxed atomics
 * [any].
 */
#ifndef BP_MEM_GUESTMEM_H
#define BP_MEM_GUESTMEM_H

#include <backplane/plugin.h>
#include <stdbool.h>
#include <stdint.h>

#define GUESTMEM_REGIONS_MAX 4
#define GUESTMEM_PAGE 4096u

struct mem_region {
    uint64_t gpa, len;
    uint8_t *host;
    uint64_t *dirty; /* one bit per page; NULL when nobody tracks */
};

struct guestmem {
    uint32_t n;
    struct mem_region r[GUESTMEM_REGIONS_MAX];
    bool track;
};

#define GUESTMEM_HOLE_START 0xd0000000ull
#define GUESTMEM_HOLE_END 0x100000000ull

/* Anonymous private memory with a guard page on both sides of each region. Error text as the
 * contract words it after "Invalid Memory Configuration: ". */
int guestmem_init(struct guestmem *m, uint64_t bytes, uint64_t hole_start, uint64_t hole_end,
                  bool track, struct bp_err *err);
void guestmem_done(struct guestmem *m);
/* Host address of [gpa, gpa + len) when one region holds all of it, else NULL. len 0: gpa must be
 * in RAM. */
void *guestmem_ptr(const struct guestmem *m, uint64_t gpa, uint64_t len);
/* The same starting at region *hint, which is updated: the data path's one-entry cache. */
void *guestmem_ptr_hint(const struct guestmem *m, uint64_t gpa, uint64_t len, uint32_t *hint);
/* guestmem_ptr_hint() with the hit in the cache inline. */
static inline void *guestmem_ptr_fast(const struct guestmem *m, uint64_t gpa, uint64_t len,
                                      uint32_t *hint)
{
    const struct mem_region *r = &m->r[*hint & (GUESTMEM_REGIONS_MAX - 1)];
    uint64_t off = gpa - r->gpa;

    if (__builtin_expect(off < r->len && len <= r->len - off, 1)) {
        return r->host + off;
    }
    return guestmem_ptr_hint(m, gpa, len, hint);
}
int guestmem_read(const struct guestmem *m, uint64_t gpa, void *buf, uint64_t len); /* -EFAULT */
int guestmem_write(struct guestmem *m, uint64_t gpa, const void *buf, uint64_t len);
void guestmem_dirty(struct guestmem *m, uint64_t gpa, uint64_t len);
/* The same by host address, for a pointer that guestmem_ptr() gave. */
void guestmem_dirty_host(struct guestmem *m, const void *p, uint64_t len);
bool guestmem_is_dirty(const struct guestmem *m, uint64_t gpa);
void guestmem_clear_dirty(struct guestmem *m);
uint64_t guestmem_size(const struct guestmem *m);
/* Give whole pages back to the host. -EINVAL: not page aligned or not RAM. */
int guestmem_release(struct guestmem *m, uint64_t gpa, uint64_t len);

#endif
