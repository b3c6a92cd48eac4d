/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel and RAM disk loaders on hostile images: no input may touch memory outside the guest's. */
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "boot/boot.h"
#include "core/log.h"

#define FUZZ_RAM (16u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct boot_device dev = { 0xd0000000, 0x1000, 5, "LNRO0005" };
    static struct guestmem m;
    struct boot_kernel k = { 0 };
    struct boot_initrd initrd = { 0 };
    struct cmdline c;
    struct bp_err err;
    int fd;

    log_set_level(LOG_LEVEL_OFF);
    if (m.n == 0 &&
        guestmem_init(&m, FUZZ_RAM, GUESTMEM_HOLE_START, GUESTMEM_HOLE_END, true, &err) < 0) {
        return 0;
    }
    fd = memfd_create("image", MFD_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    if (write(fd, data, size) == (ssize_t)size &&
        boot_load_kernel(fd, &m, size & 1, &k, &err) == 0 &&
        boot_load_initrd(fd, &m, &k, &initrd, &err) == 0 && cmdline_init(&c, "a", &err) == 0) {
        (void)boot_write_tables(&m, &k, &initrd, &c, 1, &dev, 1, &err);
    }
    close(fd);
    return 0;
}
