/* SPDX-License-Identifier: Apache-2.0 */
/* Boot facts: zero page, registers' consequences, command line, MP table, boot timer, initrd. */
#include "kit.h"

static uint8_t byte_at(uint64_t a)
{
    return *(volatile uint8_t *)a;
}

static uint8_t sum(uint64_t a, uint32_t n)
{
    uint8_t s = 0;

    while (n--) {
        s = (uint8_t)(s + byte_at(a++));
    }
    return s;
}

static void memory_map(void)
{
    uint64_t n = zp(0x1e8, 1);

    check("e820 has entries", n >= 3 && n <= 32);
    for (uint32_t i = 0; i < n; i++) {
        put("E820 ");
        put_hex(zp(0x2d0 + 20 * i, 8));
        put(" ");
        put_hex(zp(0x2d8 + 20 * i, 8));
        put(" ");
        put_dec(zp(0x2e0 + 20 * i, 4));
        put("\n");
    }
}

static void mp_table(void)
{
    uint64_t fp = 0;
    uint64_t t, cpus = 0, intr = 0;

    for (uint64_t a = 0x9fc00; a < 0x100000 && !fp; a += 16) {
        if (r32(a) == 0x5f504d5f && sum(a, 16) == 0) {
            fp = a;
        }
    }
    if (!check("MP floating pointer", fp != 0)) {
        return;
    }
    t = r32(fp + 4);
    check("MP table signature", r32(t) == 0x504d4350);
    same("MP table checksum", sum(t, r32(t + 4) & 0xffff), 0);
    same("MP table local APIC", r32(t + 36), 0xfee00000);
    for (uint64_t e = t + 44, end = t + (r32(t + 4) & 0xffff); e < end;) {
        uint8_t kind = byte_at(e);

        cpus += kind == 0;
        intr += kind == 3;
        if (kind == 0 && byte_at(e + 3) != (cpus == 1 ? 3 : 1)) {
            check("MP table CPU flags", false);
        }
        e += kind == 0 ? 20 : 8;
    }
    same("MP table CPUs", cpus, arg("cpus", 1));
    same("MP table interrupt entries", intr, 24);
}

static void registers(void)
{
    uint64_t cr0, cr3, cr4, flags;
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) gdt;

    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("pushfq; pop %0" : "=r"(flags));
    __asm__ volatile("sgdt %0" : "=m"(gdt));
    check("paging and protection on", (cr0 & 0x80000001) == 0x80000001);
    same("page table root", cr3, 0x9000);
    check("PAE on", (cr4 & 0x20) != 0);
    check("interrupts off", (flags & 0x200) == 0);
    same("GDT base", gdt.base, 0x500);
    same("GDT limit", gdt.limit, 0x1f);
}

void guest_main(void)
{
    if (has_arg("quit")) {
        finish();
    }
    same("zero page address", zero_page, 0x7000);
    same("boot flag", zp(0x1fe, 2), 0xaa55);
    same("header magic", zp(0x202, 4), 0x53726448);
    same("loader type", zp(0x210, 1), 0xff);
    same("command line address", zp(0x228, 4), 0x20000);
    put("CMDLINE ");
    put(cmdline());
    put("\n");
    registers();
    memory_map();
    mp_table();
    if (has_arg("initrd")) {
        uint64_t a = zp(0x218, 4);

        info("initrd_size", zp(0x21c, 4));
        same("initrd alignment", a & 0xfff, 0);
        check("initrd content", a && r32(a) == 0x61626364);
    }
    if (has_arg("timer")) {
        *(volatile uint8_t *)0xd0000000 = 123;
    }
    finish();
}
