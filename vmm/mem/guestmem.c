/* SPDX-License-Identifier: Apache-2.0 */
/* Guest physical memory: mappings, checked translation, dirty bits. Locking: see the header. */
#include "mem/guestmem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/errtext.h"

#define BITS 64u

/* "Os { code: 12, kind: OutOfMemory, message: Out of memory }": the contract drops the quotes. */
static int map_error(struct bp_err *err, int e)
{
    char text[256], bare[256];
    size_t n = 0;

    errtext_debug(e, text, sizeof(text));
    for (const char *p = text; *p != '\0' && n < sizeof(bare) - 1; p++) {
        if (*p != '"') {
            bare[n++] = *p;
        }
    }
    bare[n] = '\0';
    return bp_fail(err, -e, BP_E_HOST, "MmapRegion(Mmap(%s))", bare);
}

static int region_map(struct mem_region *r, uint64_t gpa, uint64_t len, bool track)
{
    uint64_t whole;
    uint8_t *base;

    if (__builtin_add_overflow(len, 2 * (uint64_t)GUESTMEM_PAGE, &whole) || whole > SIZE_MAX) {
        return -ENOMEM;
    }
    /* Reserve with the guards first, then map the middle: one mapping of exactly len bytes. */
    base = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        return -errno;
    }
    r->host = mmap(base + GUESTMEM_PAGE, len, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    if (r->host == MAP_FAILED) {
        int e = errno;

        r->host = NULL;
        (void)munmap(base, whole);
        return -e;
    }
    r->gpa = gpa;
    r->len = len;
    if (track) {
        r->dirty = calloc(len / GUESTMEM_PAGE / BITS + 1, sizeof(*r->dirty));
        if (r->dirty == NULL) {
            return -ENOMEM;
        }
    }
    return 0;
}

int guestmem_init(struct guestmem *m, uint64_t bytes, uint64_t hole_start, uint64_t hole_end,
                  bool track, struct bp_err *err)
{
    uint64_t low = bytes < hole_start ? bytes : hole_start;
    uint64_t high = bytes - low, end;
    int r = 0;

    memset(m, 0, sizeof(*m));
    m->track = track;
    if (bytes == 0 || bytes % GUESTMEM_PAGE != 0 || hole_start % GUESTMEM_PAGE != 0 ||
        hole_end % GUESTMEM_PAGE != 0 || hole_end < hole_start) {
        return map_error(err, EINVAL);
    }
    if (__builtin_add_overflow(hole_end, high, &end)) {
        return map_error(err, ENOMEM);
    }
    if (low > 0) {
        r = region_map(&m->r[m->n++], 0, low, track);
    }
    if (r == 0 && high > 0) {
        r = region_map(&m->r[m->n++], hole_end, high, track);
    }
    if (r < 0) {
        guestmem_done(m);
        return map_error(err, -r);
    }
    return 0;
}

void guestmem_done(struct guestmem *m)
{
    if (m == NULL) {
        return;
    }
    for (uint32_t i = 0; i < m->n; i++) {
        struct mem_region *r = &m->r[i];

        if (r->host != NULL) {
            (void)munmap(r->host - GUESTMEM_PAGE, r->len + 2 * (uint64_t)GUESTMEM_PAGE);
        }
        free(r->dirty);
    }
    memset(m, 0, sizeof(*m));
}

void *guestmem_ptr_hint(const struct guestmem *m, uint64_t gpa, uint64_t len, uint32_t *hint)
{
    uint32_t at = *hint < m->n ? *hint : 0;

    for (uint32_t i = 0; i < m->n; i++) {
        const struct mem_region *r = &m->r[at];
        uint64_t off = gpa - r->gpa;

        if (off < r->len && len <= r->len - off) {
            *hint = at;
            return r->host + off;
        }
        at = at + 1 < m->n ? at + 1 : 0;
    }
    return NULL;
}

void *guestmem_ptr(const struct guestmem *m, uint64_t gpa, uint64_t len)
{
    uint32_t hint = 0;

    return guestmem_ptr_hint(m, gpa, len, &hint);
}

int guestmem_read(const struct guestmem *m, uint64_t gpa, void *buf, uint64_t len)
{
    const void *p = guestmem_ptr(m, gpa, len);

    if (p == NULL) {
        return -EFAULT;
    }
    if (len > 0) {
        memcpy(buf, p, len);
    }
    return 0;
}

int guestmem_write(struct guestmem *m, uint64_t gpa, const void *buf, uint64_t len)
{
    void *p = guestmem_ptr(m, gpa, len);

    if (p == NULL) {
        return -EFAULT;
    }
    if (len > 0) {
        memcpy(p, buf, len);
        guestmem_dirty(m, gpa, len);
    }
    return 0;
}

/* off and len lie inside the region. */
static void region_dirty(struct mem_region *r, uint64_t off, uint64_t len)
{
    uint64_t last;

    if (r->dirty == NULL || len == 0) {
        return;
    }
    last = (off + len - 1) / GUESTMEM_PAGE;
    for (uint64_t page = off / GUESTMEM_PAGE; page <= last; page++) {
        uint64_t *word = &r->dirty[page / BITS];
        uint64_t bit = 1ull << (page % BITS);

        /* Looking first keeps the cache line shared when the page is dirty already. */
        if ((__atomic_load_n(word, __ATOMIC_RELAXED) & bit) == 0) {
            __atomic_fetch_or(word, bit, __ATOMIC_RELAXED);
        }
    }
}

void guestmem_dirty(struct guestmem *m, uint64_t gpa, uint64_t len)
{
    for (uint32_t i = 0; m->track && i < m->n; i++) {
        uint64_t off = gpa - m->r[i].gpa;

        if (off < m->r[i].len && len <= m->r[i].len - off) {
            region_dirty(&m->r[i], off, len);
            return;
        }
    }
}

void guestmem_dirty_host(struct guestmem *m, const void *p, uint64_t len)
{
    for (uint32_t i = 0; m->track && i < m->n; i++) {
        uint64_t off = (uint64_t)((uintptr_t)p - (uintptr_t)m->r[i].host);

        if (off < m->r[i].len && len <= m->r[i].len - off) {
            region_dirty(&m->r[i], off, len);
            return;
        }
    }
}

bool guestmem_is_dirty(const struct guestmem *m, uint64_t gpa)
{
    for (uint32_t i = 0; i < m->n; i++) {
        const struct mem_region *r = &m->r[i];
        uint64_t page = (gpa - r->gpa) / GUESTMEM_PAGE;

        if (gpa - r->gpa < r->len && r->dirty != NULL) {
            return (__atomic_load_n(&r->dirty[page / BITS], __ATOMIC_RELAXED) >> (page % BITS)) & 1;
        }
    }
    return false;
}

void guestmem_clear_dirty(struct guestmem *m)
{
    for (uint32_t i = 0; i < m->n; i++) {
        uint64_t words = m->r[i].len / GUESTMEM_PAGE / BITS + 1;

        for (uint64_t w = 0; m->r[i].dirty != NULL && w < words; w++) {
            __atomic_store_n(&m->r[i].dirty[w], 0, __ATOMIC_RELAXED);
        }
    }
}

uint64_t guestmem_size(const struct guestmem *m)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < m->n; i++) {
        sum += m->r[i].len;
    }
    return sum;
}

int guestmem_release(struct guestmem *m, uint64_t gpa, uint64_t len)
{
    void *p = guestmem_ptr(m, gpa, len);

    if (p == NULL || gpa % GUESTMEM_PAGE != 0 || len % GUESTMEM_PAGE != 0) {
        return -EINVAL;
    }
    if (len == 0) {
        return 0;
    }
    if (madvise(p, len, MADV_DONTNEED) < 0) {
        return -errno;
    }
    guestmem_dirty(m, gpa, len); /* the pages read as zeros now, which a diff must record */
    return 0;
}
