/* SPDX-License-Identifier: Apache-2.0 */
/* What the image loaders share. Image files are hostile: nothing in them is believed. */
#ifndef BP_BOOT_LOADER_H
#define BP_BOOT_LOADER_H

#include "boot/boot.h"

/* All of [off, off + len), else -EIO. */
int loader_read(int fd, uint64_t off, void *buf, uint64_t len);
/* From the file straight into guest RAM: -EIO short file, -EFAULT not all RAM. */
int loader_copy(int fd, uint64_t off, struct guestmem *m, uint64_t gpa, uint64_t len);
/* Both: 0, or -errno with *ret_why for the log. */
int elf_load(int fd, struct guestmem *m, bool prefer_pvh, struct boot_kernel *ret_k,
             const char **ret_why);
int bzimage_load(int fd, struct guestmem *m, struct boot_kernel *ret_k, const char **ret_why);
bool elf_is(int fd);
bool bzimage_is(int fd);

#endif
