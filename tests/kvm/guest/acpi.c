/* SPDX-License-Identifier: Apache-2.0 */
/* ACPI: root pointer, every table of the XSDT with its checksum, CPUs of the MADT, the DSDT. */
#include "kit.h"

static uint8_t byte_at(uint64_t a)
{
    return *(volatile uint8_t *)a;
}

static uint64_t r64(uint64_t a)
{
    return r32(a) | (uint64_t)r32(a + 4) << 32;
}

static uint8_t sum(uint64_t a, uint32_t n)
{
    uint8_t s = 0;

    while (n--) {
        s = (uint8_t)(s + byte_at(a++));
    }
    return s;
}

static void name(uint64_t t)
{
    char s[5] = { 0 };

    for (uint32_t i = 0; i < 4; i++) {
        s[i] = (char)byte_at(t + i);
    }
    put("TABLE ");
    put(s);
    put(" ");
    put_hex(t);
    put(" ");
    put_dec(r32(t + 4));
    put("\n");
}

static void madt(uint64_t t)
{
    uint64_t cpus = 0, ioapics = 0;

    same("MADT local APIC", r32(t + 36), 0xfee00000);
    for (uint64_t e = t + 44; e < t + r32(t + 4);) {
        uint8_t len = byte_at(e + 1);

        if (!len) {
            check("MADT entry length", false);
            return;
        }
        if (byte_at(e) == 0) {
            cpus += byte_at(e + 4) & 1;
        } else if (byte_at(e) == 1) {
            ioapics++;
            same("MADT IOAPIC", r32(e + 4), 0xfec00000);
        }
        e += len;
    }
    same("MADT CPUs", cpus, arg("cpus", 1));
    same("MADT IOAPICs", ioapics, 1);
}

static void fadt(uint64_t t)
{
    uint64_t dsdt = r64(t + 140);

    same("FADT flags", r32(t + 112), 0x00100030);
    if (check("FADT names a DSDT", dsdt && r32(dsdt) == 0x54445344)) {
        name(dsdt);
        same("DSDT checksum", sum(dsdt, r32(dsdt + 4)), 0);
    }
}

void guest_main(void)
{
    const uint64_t rsdp = 0xe0000;
    uint64_t xsdt;
    uint32_t seen = 0;

    if (!check("RSDP signature", r64(rsdp) == 0x2052545020445352ull)) {
        finish();
    }
    same("RSDP checksum", sum(rsdp, 20), 0);
    same("RSDP extended checksum", sum(rsdp, 36), 0);
    same("RSDP revision", byte_at(rsdp + 15), 2);
    same("zero page names it", zp(0x70, 8), rsdp);
    xsdt = r64(rsdp + 24);
    if (!check("XSDT signature", r32(xsdt) == 0x54445358)) {
        finish();
    }
    same("XSDT checksum", sum(xsdt, r32(xsdt + 4)), 0);
    for (uint64_t p = xsdt + 36; p < xsdt + r32(xsdt + 4); p += 8) {
        uint64_t t = r64(p);

        name(t);
        same("table checksum", sum(t, r32(t + 4)), 0);
        if (r32(t) == 0x43495041) {
            madt(t);
            seen |= 1;
        } else if (r32(t) == 0x50434146) {
            fadt(t);
            seen |= 2;
        }
    }
    same("FADT and MADT present", seen, 3);
    finish();
}
