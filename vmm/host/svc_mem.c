/* SPDX-License-Identifier: Apache-2.0 */
/* Guest memory outside of chains, for plugins. */
#include <errno.h>

#include "host/priv.h"
#include "mem/guestmem.h"

static struct guestmem *mem_of(struct bp_dev *d)
{
    if (!d->mem) {
        host_bug(d, "guest memory used before start()");
    }
    return d->mem;
}

static int svc_read(struct bp_dev *d, uint64_t gpa, void *buf, uint32_t len)
{
    const struct guestmem *m = mem_of(d);

    return m ? guestmem_read(m, gpa, buf, len) : -EPERM;
}

static int svc_write(struct bp_dev *d, uint64_t gpa, const void *buf, uint32_t len)
{
    struct guestmem *m = mem_of(d);

    return m ? guestmem_write(m, gpa, buf, len) : -EPERM;
}

static int svc_release(struct bp_dev *d, uint64_t gpa, uint64_t len)
{
    struct guestmem *m = mem_of(d);

    return m ? guestmem_release(m, gpa, len) : -EPERM;
}

/* The guest address of a pointer that pop() gave. */
static int gpa_of(const struct guestmem *m, const void *p, size_t len, uint64_t *ret_gpa)
{
    uint32_t i;

    for (i = 0; i < m->n; i++) {
        uint64_t off = (uint64_t)((uintptr_t)p - (uintptr_t)m->r[i].host);

        if (off < m->r[i].len && len <= m->r[i].len - off) {
            *ret_gpa = m->r[i].gpa + off;
            return 0;
        }
    }
    return -EFAULT;
}

/* Only whole pages inside a segment can go. */
static int svc_release_iov(struct bp_dev *d, const struct iovec *iov, uint32_t n)
{
    struct guestmem *m = mem_of(d);
    uint32_t i;

    if (!m) {
        return -EPERM;
    }
    for (i = 0; i < n; i++) {
        uint64_t gpa, first, end;
        int rc = gpa_of(m, iov[i].iov_base, iov[i].iov_len, &gpa);

        if (rc < 0) {
            return rc;
        }
        first = (gpa + GUESTMEM_PAGE - 1) & ~(uint64_t)(GUESTMEM_PAGE - 1);
        end = (gpa + iov[i].iov_len) & ~(uint64_t)(GUESTMEM_PAGE - 1);
        rc = end > first ? guestmem_release(m, first, end - first) : 0;
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

const struct bp_mem_svc host_mem_svc = {
    .size = sizeof(host_mem_svc),
    .read = svc_read,
    .write = svc_write,
    .release = svc_release,
    .release_iov = svc_release_iov,
};
