/* SPDX-License-Identifier: Apache-2.0 */
/* The zero page of the 64-bit boot protocol and the start info of PVH. No state. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "boot/tables.h"
#include "kvm/x86_layout.h"

#define MAP_MAX (2 + GUESTMEM_REGIONS_MAX)
#define MAP_RAM 1u
#define MAP_RESERVED 2u
#define ZERO_PAGE_LEN 4096u
#define SETUP_HEADER 0x1f1u
#define E820_TABLE 0x2d0u
#define E820_ENTRY 20u
#define PVH_MAGIC 0x336ec578u
#define PVH_INFO_LEN 56u
#define PVH_ENTRY 24u
#define PVH_MODULE_LEN 32u

struct map_entry {
    uint64_t addr, size;
    uint32_t type;
};

static uint32_t make_map(const struct guestmem *m, struct map_entry map[MAP_MAX])
{
    uint32_t n = 0;

    map[n++] = (struct map_entry){ 0, X86_TABLES, MAP_RAM };
    map[n++] = (struct map_entry){ X86_TABLES, X86_TABLES_END - X86_TABLES, MAP_RESERVED };
    for (uint32_t i = 0; i < m->n && i < GUESTMEM_REGIONS_MAX; i++) {
        uint64_t start = i == 0 ? X86_HIGH_MEMORY : m->r[i].gpa;
        uint64_t end = m->r[i].gpa + m->r[i].len;

        if (end > start) {
            map[n++] = (struct map_entry){ start, end - start, MAP_RAM };
        }
    }
    return n;
}

static void put32(uint8_t *p, uint32_t off, uint32_t v)
{
    v = htole32(v);
    memcpy(p + off, &v, sizeof(v));
}

static void put64(uint8_t *p, uint32_t off, uint64_t v)
{
    v = htole64(v);
    memcpy(p + off, &v, sizeof(v));
}

static int write_zero_page(struct guestmem *m, const struct boot_kernel *k,
                           const struct boot_initrd *i, uint32_t text_len)
{
    struct map_entry map[MAP_MAX];
    uint32_t n = make_map(m, map);
    uint8_t page[ZERO_PAGE_LEN] = { 0 };

    if (k->has_setup_header) {
        if (k->setup_header_len > sizeof(k->setup_header)) {
            return -EINVAL;
        }
        memcpy(page + SETUP_HEADER, k->setup_header, k->setup_header_len);
    } else {
        put32(page, 0x230, 0x01000000); /* kernel_alignment */
    }
    put64(page, 0x070, X86_RSDP);
    page[0x1e8] = (uint8_t)n;
    page[0x1fe] = 0x55;
    page[0x1ff] = 0xaa;
    put32(page, 0x202, 0x53726448);
    page[0x210] = 0xff; /* a loader without a number of its own */
    put32(page, 0x218, (uint32_t)(i->len ? i->gpa : 0));
    put32(page, 0x21c, (uint32_t)i->len);
    put32(page, 0x228, X86_CMDLINE);
    put32(page, 0x238, text_len);
    for (uint32_t e = 0; e < n; e++) {
        put64(page, E820_TABLE + e * E820_ENTRY, map[e].addr);
        put64(page, E820_TABLE + e * E820_ENTRY + 8, map[e].size);
        put32(page, E820_TABLE + e * E820_ENTRY + 16, map[e].type);
    }
    return guestmem_write(m, X86_ZERO_PAGE, page, sizeof(page));
}

static int write_pvh(struct guestmem *m, const struct boot_initrd *i)
{
    struct map_entry map[MAP_MAX];
    uint32_t n = make_map(m, map);
    uint8_t info[PVH_INFO_LEN] = { 0 };
    uint8_t module[PVH_MODULE_LEN] = { 0 };
    uint8_t table[MAP_MAX * PVH_ENTRY] = { 0 };
    int r;

    put32(info, 0, PVH_MAGIC);
    put32(info, 4, 1);
    put32(info, 12, i->len ? 1 : 0);
    put64(info, 16, i->len ? X86_PVH_MODULE : 0);
    put64(info, 24, X86_CMDLINE);
    put64(info, 32, X86_RSDP);
    put64(info, 40, X86_ZERO_PAGE);
    put32(info, 48, n);
    put64(module, 0, i->gpa);
    put64(module, 8, i->len);
    for (uint32_t e = 0; e < n; e++) {
        put64(table, e * PVH_ENTRY, map[e].addr);
        put64(table, e * PVH_ENTRY + 8, map[e].size);
        put32(table, e * PVH_ENTRY + 16, map[e].type);
    }
    r = guestmem_write(m, X86_PVH_INFO, info, sizeof(info));
    if (r == 0 && i->len) {
        r = guestmem_write(m, X86_PVH_MODULE, module, sizeof(module));
    }
    return r < 0 ? r : guestmem_write(m, X86_ZERO_PAGE, table, n * PVH_ENTRY);
}

int params_write(struct guestmem *m, const struct boot_kernel *k, const struct boot_initrd *i,
                 uint32_t text_len)
{
    return k->proto == BOOT_PVH ? write_pvh(m, i) : write_zero_page(m, k, i, text_len);
}
