/* SPDX-License-Identifier: Apache-2.0 */
/* Boot GDT and IDT, and an identity mapping of the first GiB by 2 MiB pages. No state. */
#include <endian.h>
#include <string.h>

#include "boot/tables.h"
#include "kvm/x86_layout.h"

#define PD_ENTRIES 512u
#define TABLE_FLAGS 0x03u /* present, writable */
#define LARGE_FLAGS 0x83u

static int write_u64(struct guestmem *m, uint64_t gpa, uint64_t v)
{
    v = htole64(v);
    return guestmem_write(m, gpa, &v, sizeof(v));
}

int paging_write(struct guestmem *m, enum boot_proto proto)
{
    static const uint64_t gdt64[X86_GDT_ENTRIES] = X86_GDT_LINUX64;
    static const uint64_t gdt32[X86_GDT_ENTRIES] = X86_GDT_PVH;
    const uint64_t *gdt = proto == BOOT_PVH ? gdt32 : gdt64;
    uint64_t pd[PD_ENTRIES];
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < X86_GDT_ENTRIES; i++) {
        r = write_u64(m, X86_BOOT_GDT + 8 * i, gdt[i]);
    }
    r = r < 0 ? r : write_u64(m, X86_BOOT_IDT, 0);
    if (r < 0 || proto == BOOT_PVH) {
        return r;
    }
    r = write_u64(m, X86_PML4, X86_PDPT | TABLE_FLAGS);
    r = r < 0 ? r : write_u64(m, X86_PDPT, X86_PD | TABLE_FLAGS);
    for (uint64_t i = 0; i < PD_ENTRIES; i++) {
        pd[i] = htole64((i << 21) | LARGE_FLAGS);
    }
    return r < 0 ? r : guestmem_write(m, X86_PD, pd, sizeof(pd));
}
