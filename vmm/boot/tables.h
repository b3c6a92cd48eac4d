/* SPDX-License-Identifier: Apache-2.0 */
/* Writers of the machine's tables, and the pool below 0xe0000 that they share. */
#ifndef BP_BOOT_TABLES_H
#define BP_BOOT_TABLES_H

#include "boot/boot.h"

struct table_pool {
    struct guestmem *m;
    uint64_t next, end;
};

/* Write p at the next free place: 0 and its address, or -ENOSPC/-EFAULT. */
int pool_write(struct table_pool *p, const void *data, uint64_t len, uint64_t *ret_gpa);
/* The byte that makes the sum of all len bytes zero, if it is 0 now. */
uint8_t table_checksum(const void *p, uint64_t len);

int mptable_write(struct table_pool *p, uint32_t n_vcpus);
int acpi_write(struct table_pool *p, uint32_t n_vcpus, const struct boot_device *dev,
               uint32_t n_dev, struct bp_err *err);
/* GDT, IDT and, for 64-bit entry, page tables. */
int paging_write(struct guestmem *m, enum boot_proto proto);
/* Zero page or PVH start info; text_len is with the NUL. */
int params_write(struct guestmem *m, const struct boot_kernel *k, const struct boot_initrd *i,
                 uint32_t text_len);

#endif
