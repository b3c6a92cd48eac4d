/* SPDX-License-Identifier: Apache-2.0 */
/* ACPI for hardware-reduced guests: RSDP, XSDT, FADT, MADT, DSDT. No state. */
#include "boot/x86_acpi.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "boot/tables.h"
#include "kvm/x86_layout.h"

#define SDT_LEN 36u
#define OEM "BCKPLN"
#define CREATOR "BPLN"
#define CREATOR_REVISION 1u
#define FADT_LEN 276u
#define FIRST_GSI 5u
#define DSDT_MAX 8192u
#define HID_MAX 8u
#define CPUS_MAX 254u
#define MADT_MAX (SDT_LEN + 8 + 12 + 8 * CPUS_MAX)

static void put32(uint8_t *p, uint32_t v)
{
    v = htole32(v);
    memcpy(p, &v, sizeof(v));
}

static void put64(uint8_t *p, uint64_t v)
{
    v = htole64(v);
    memcpy(p, &v, sizeof(v));
}

static void seal(uint8_t *t, uint32_t len, const char *signature, uint8_t revision,
                 const char *table_id)
{
    memcpy(t, signature, 4);
    put32(t + 4, len);
    t[8] = revision;
    t[9] = 0;
    memcpy(t + 10, OEM, 6);
    memcpy(t + 16, table_id, 8);
    put32(t + 24, 0);
    memcpy(t + 28, CREATOR, 4);
    put32(t + 32, CREATOR_REVISION);
    t[9] = table_checksum(t, len);
}

void acpi_virtual_device(struct aml *a, const struct boot_device *d)
{
    struct aml_crs crs;
    uint32_t dev;
    char name[16];

    (void)snprintf(name, sizeof(name), "V%03" PRIu32, d->gsi - FIRST_GSI);
    aml_device(a, &dev);
    aml_path(a, name, NULL);
    aml_name(a, "_HID");
    aml_text(a, d->acpi_hid);
    aml_name(a, "_UID");
    aml_dword(a, d->gsi - FIRST_GSI);
    aml_name(a, "_CCA");
    aml_u8(a, 1);
    aml_crs_open(a, &crs);
    aml_memory32(a, (uint32_t)d->mmio_base, d->mmio_len);
    aml_interrupt(a, d->gsi);
    aml_crs_close(a, &crs);
    aml_close(a, dev);
}

void acpi_serial(struct aml *a)
{
    struct aml_crs crs;
    uint32_t dev;

    aml_device(a, &dev);
    aml_path(a, "_SB_", "COM1");
    aml_name(a, "_HID");
    aml_dword(a, 0x0105d041); /* PNP0501 */
    aml_name(a, "_UID");
    aml_byte(a, 0);
    aml_name(a, "_DDN");
    aml_text(a, "COM1");
    aml_crs_open(a, &crs);
    aml_interrupt(a, 4);
    aml_io(a, 0x3f8, 8);
    aml_crs_close(a, &crs);
    aml_close(a, dev);
}

void acpi_keyboard(struct aml *a)
{
    struct aml_crs crs;
    uint32_t dev;
    uint32_t method;

    aml_device(a, &dev);
    aml_path(a, "_SB_", "PS2_");
    aml_name(a, "_HID");
    aml_dword(a, 0x0303d041); /* PNP0303 */
    aml_u8(a, 0x14);
    method = aml_mark(a);
    aml_path(a, "_STA", NULL);
    aml_u8(a, 0);
    aml_u8(a, 0xa4);
    aml_byte(a, 0x0f); /* present, enabled, shown, working */
    aml_close(a, method);
    aml_crs_open(a, &crs);
    aml_io(a, 0x60, 1);
    aml_io(a, 0x64, 1);
    aml_interrupt(a, 1);
    aml_crs_close(a, &crs);
    aml_close(a, dev);
}

static bool listable(const struct boot_device *d)
{
    return d->gsi >= FIRST_GSI && d->gsi - FIRST_GSI < 1000 && strlen(d->acpi_hid) <= HID_MAX &&
           d->mmio_base <= UINT32_MAX && d->mmio_len <= UINT32_MAX - d->mmio_base;
}

static int write_dsdt(struct table_pool *p, const struct boot_device *dev, uint32_t n_dev,
                      uint64_t *ret_gpa)
{
    uint8_t t[DSDT_MAX] = { 0 };
    struct aml a = { .p = t, .len = SDT_LEN, .cap = sizeof(t) };

    for (uint32_t i = 0; i < n_dev; i++) {
        if (!dev[i].acpi_hid) {
            continue;
        }
        if (!listable(&dev[i])) {
            return -EINVAL;
        }
        acpi_virtual_device(&a, &dev[i]);
    }
    acpi_serial(&a);
    acpi_keyboard(&a);
    if (a.full) {
        return -ENOSPC;
    }
    seal(t, a.len, "DSDT", 2, "BPVMDSDT");
    return pool_write(p, t, a.len, ret_gpa);
}

static int write_fadt(struct table_pool *p, uint64_t dsdt, uint64_t *ret_gpa)
{
    uint8_t t[FADT_LEN] = { 0 };

    t[109] = 1 << 2;                              /* no VGA */
    put32(t + 112, 1u << 20 | 1u << 5 | 1u << 4); /* hardware-reduced, no fixed buttons */
    t[131] = 5;
    put64(t + 140, dsdt);
    memcpy(t + 268, "BCKPLNVM", 8);
    seal(t, sizeof(t), "FACP", 6, "BPVMFADT");
    return pool_write(p, t, sizeof(t), ret_gpa);
}

static int write_madt(struct table_pool *p, uint32_t n_vcpus, uint64_t *ret_gpa)
{
    uint8_t t[MADT_MAX] = { 0 };
    uint8_t *e = t + SDT_LEN + 8;

    if (n_vcpus > CPUS_MAX) {
        return -EINVAL;
    }
    put32(t + SDT_LEN, X86_LAPIC);
    e[0] = 1;
    e[1] = 12;
    put32(e + 4, X86_IOAPIC);
    e += 12;
    for (uint32_t i = 0; i < n_vcpus; i++, e += 8) {
        e[1] = 8;
        e[2] = (uint8_t)i;
        e[3] = (uint8_t)i;
        put32(e + 4, 1);
    }
    seal(t, (uint32_t)(e - t), "APIC", 6, "BPVMMADT");
    return pool_write(p, t, (uint64_t)(e - t), ret_gpa);
}

static int write_roots(struct table_pool *p, uint64_t fadt, uint64_t madt)
{
    uint8_t xsdt[SDT_LEN + 16] = { 0 };
    uint8_t rsdp[36] = { 0 };
    uint64_t gpa;
    int r;

    put64(xsdt + SDT_LEN, fadt);
    put64(xsdt + SDT_LEN + 8, madt);
    seal(xsdt, sizeof(xsdt), "XSDT", 1, "BPVMXSDT");
    r = pool_write(p, xsdt, sizeof(xsdt), &gpa);
    if (r < 0) {
        return r;
    }
    memcpy(rsdp, "RSD PTR ", 8);
    memcpy(rsdp + 9, OEM, 6);
    rsdp[15] = 2;
    put32(rsdp + 20, sizeof(rsdp));
    put64(rsdp + 24, gpa);
    rsdp[8] = table_checksum(rsdp, 20);
    rsdp[32] = table_checksum(rsdp, sizeof(rsdp));
    return guestmem_write(p->m, X86_RSDP, rsdp, sizeof(rsdp));
}

int acpi_write(struct table_pool *p, uint32_t n_vcpus, const struct boot_device *dev,
               uint32_t n_dev, struct bp_err *err)
{
    uint64_t dsdt = 0;
    uint64_t fadt = 0;
    uint64_t madt = 0;
    int r = write_dsdt(p, dev, n_dev, &dsdt);

    r = r < 0 ? r : write_fadt(p, dsdt, &fadt);
    r = r < 0 ? r : write_madt(p, n_vcpus, &madt);
    r = r < 0 ? r : write_roots(p, fadt, madt);
    return r < 0 ? bp_fail(err, r, BP_E_CONFIG, "System configuration error: AcpiSetup") : 0;
}
