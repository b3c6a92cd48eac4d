/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed kernels (bzImage) by their 64-bit entry. No state. */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "boot/loader.h"
#include "kvm/x86_layout.h"

#define HDR_START 0x1f1u /* of the setup header in the file */
#define HDR_END 0x270u
#define HDR_MAGIC 0x53726448u
#define SECTOR 512u
#define ENTRY64 0x200u
#define VERSION_64BIT 0x020cu
#define LOADED_HIGH 0x01u
#define XLF_KERNEL_64 0x01u

static uint32_t get(const uint8_t *hdr, uint32_t off, uint32_t len)
{
    uint32_t v = 0;

    memcpy(&v, hdr + off - HDR_START, len);
    return le32toh(v);
}

static int read_header(int fd, uint8_t hdr[HDR_END - HDR_START])
{
    return loader_read(fd, HDR_START, hdr, HDR_END - HDR_START);
}

bool bzimage_is(int fd)
{
    uint8_t hdr[HDR_END - HDR_START];

    return read_header(fd, hdr) == 0 && get(hdr, 0x202, 4) == HDR_MAGIC;
}

/* The decompressor works in [*ret_end - init_size, *ret_end): it moves itself to the preferred
 * address, or up to its alignment when it may run elsewhere. */
static int work_area(const uint8_t *hdr, uint64_t load, uint64_t *ret_end)
{
    uint64_t align = get(hdr, 0x230, 4);
    uint64_t base = (uint64_t)get(hdr, 0x25c, 4) << 32 | get(hdr, 0x258, 4);
    bool relocatable = get(hdr, 0x234, 1) != 0;

    if (relocatable && align > 0 && (align & (align - 1)) == 0) {
        uint64_t at = (load + align - 1) & ~(align - 1);

        base = at > base ? at : base;
    }
    return __builtin_add_overflow(base, (uint64_t)get(hdr, 0x260, 4), ret_end) ? -EINVAL : 0;
}

static int check_header(const uint8_t *hdr, const char **ret_why)
{
    *ret_why = "Invalid bzImage header";
    if (get(hdr, 0x206, 2) < 0x0200 || !(get(hdr, 0x211, 1) & LOADED_HIGH)) {
        return -EINVAL;
    }
    *ret_why = "bzImage does not provide a 64-bit entry point";
    if (get(hdr, 0x206, 2) < VERSION_64BIT || !(get(hdr, 0x236, 2) & XLF_KERNEL_64)) {
        return -EINVAL;
    }
    *ret_why = "Invalid entry address";
    return get(hdr, 0x214, 4) < X86_HIGH_MEMORY ? -EINVAL : 0;
}

/* Offset and length of the protected-mode part. */
static int payload(int fd, const uint8_t *hdr, uint64_t *ret_off, uint64_t *ret_len)
{
    uint64_t sects = get(hdr, 0x1f1, 1);
    uint64_t off = ((sects ? sects : 4) + 1) * SECTOR;
    struct stat st;

    if (fstat(fd, &st) < 0 || st.st_size < 0 || (uint64_t)st.st_size <= off + ENTRY64) {
        return -EINVAL;
    }
    *ret_off = off;
    *ret_len = (uint64_t)st.st_size - off;
    return 0;
}

int bzimage_load(int fd, struct guestmem *m, struct boot_kernel *ret_k, const char **ret_why)
{
    uint8_t hdr[HDR_END - HDR_START];
    uint32_t hdr_len;
    uint64_t load;
    uint64_t off;
    uint64_t len;
    uint64_t end;
    int r;

    *ret_why = "Unable to read bzImage header";
    if (read_header(fd, hdr) < 0) {
        return -EINVAL;
    }
    r = check_header(hdr, ret_why);
    if (r < 0) {
        return r;
    }
    load = get(hdr, 0x214, 4);
    *ret_why = "Unable to read bzImage compressed image";
    if (payload(fd, hdr, &off, &len) < 0 || work_area(hdr, load, &end) < 0) {
        return -EINVAL;
    }
    end = end > load + len ? end : load + len;
    *ret_why = "Not enough memory to decompress the kernel";
    if (m->n == 0 || end > m->r[0].len) {
        return -ENOMEM;
    }
    *ret_why = "Unable to read bzImage compressed image";
    if (loader_copy(fd, off, m, load, len) < 0) {
        return -EINVAL;
    }
    hdr_len = 0x202 + get(hdr, 0x201, 1) - HDR_START;
    hdr_len = hdr_len < sizeof(hdr) ? hdr_len : sizeof(hdr);
    memcpy(ret_k->setup_header, hdr, hdr_len);
    ret_k->setup_header_len = hdr_len;
    ret_k->has_setup_header = true;
    ret_k->proto = BOOT_LINUX64;
    ret_k->entry = load + ENTRY64;
    ret_k->end = end;
    return 0;
}
