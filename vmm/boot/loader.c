/* SPDX-License-Identifier: Apache-2.0 */
/* Choice of the image loader, checked reads, and the initial RAM disk. No state. */
#include "boot/loader.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/errtext.h"
#include "core/log.h"

#define PREFIX                                                                                     \
    "Cannot load kernel due to invalid memory configuration or invalid kernel image: Kernel "      \
    "Loader: "
#define INITRD_MEMORY "Cannot load initrd due to an invalid memory configuration."
#define INITRD_IMAGE "Cannot load initrd due to an invalid image: "

int loader_read(int fd, uint64_t off, void *buf, uint64_t len)
{
    uint8_t *p = buf;
    uint64_t end;

    if (__builtin_add_overflow(off, len, &end) || end > INT64_MAX) {
        return -EIO;
    }
    while (len > 0) {
        ssize_t r = pread(fd, p, len, (int64_t)off);

        if (r < 0 && errno == EINTR) {
            continue;
        }
        if (r < 0) {
            return -errno;
        }
        if (r == 0) {
            return -EIO;
        }
        p += r;
        off += (uint64_t)r;
        len -= (uint64_t)r;
    }
    return 0;
}

int loader_copy(int fd, uint64_t off, struct guestmem *m, uint64_t gpa, uint64_t len)
{
    void *p = guestmem_ptr(m, gpa, len);
    int r;

    if (!p) {
        return -EFAULT;
    }
    r = loader_read(fd, off, p, len);
    guestmem_dirty(m, gpa, len);
    return r;
}

int boot_load_kernel(int fd, struct guestmem *m, bool prefer_pvh, struct boot_kernel *ret_k,
                     struct bp_err *err)
{
    struct boot_kernel k = { 0 };
    const char *why = "";
    bool bz = !elf_is(fd) && bzimage_is(fd);
    int r = bz ? bzimage_load(fd, m, &k, &why) : elf_load(fd, m, prefer_pvh, &k, &why);

    if (r == 0) {
        *ret_k = k;
        return 0;
    }
    log_error("Kernel image refused: %s", why);
    if (r == -ENOMEM) {
        return bp_fail(err, r, BP_E_CONFIG, PREFIX "memory to load kernel image is not enough");
    }
    return bp_fail(err, r, BP_E_CONFIG, PREFIX "failed to load %s kernel image",
                   bz ? "bzImage" : "ELF");
}

int boot_load_initrd(int fd, struct guestmem *m, const struct boot_kernel *k,
                     struct boot_initrd *ret_i, struct bp_err *err)
{
    char text[128];
    struct stat st;
    uint64_t len;
    uint64_t gpa;
    int r;

    if (fstat(fd, &st) < 0) {
        r = -errno;
        return bp_fail(err, r, BP_E_CONFIG, INITRD_IMAGE "%s",
                       errtext_display(-r, text, sizeof(text)));
    }
    if (st.st_size <= 0) {
        return bp_fail(err, -EINVAL, BP_E_CONFIG,
                       INITRD_IMAGE "Initrd image seek returned a size of zero");
    }
    len = (uint64_t)st.st_size;
    if (m->n == 0 || len > m->r[0].len || len > UINT32_MAX) {
        return bp_fail(err, -ENOMEM, BP_E_CONFIG, INITRD_MEMORY);
    }
    gpa = (m->r[0].len - len) & ~(uint64_t)(GUESTMEM_PAGE - 1);
    if (gpa < k->end) {
        return bp_fail(err, -ENOMEM, BP_E_CONFIG, INITRD_MEMORY);
    }
    r = loader_copy(fd, 0, m, gpa, len);
    if (r < 0) {
        return bp_fail(err, r, BP_E_CONFIG, INITRD_MEMORY);
    }
    ret_i->gpa = gpa;
    ret_i->len = len;
    return 0;
}
