/* SPDX-License-Identifier: Apache-2.0 */
/* Boot tables as a guest would read them: checksums, pointers, memory maps, AML bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "boot/boot.h"
#include "boot/tables.h"
#include "boot/x86_acpi.h"

static const uint8_t v000[] = { 0x5b, 0x82, 0x45, 0x04, 0x56, 0x30, 0x30, 0x30, 0x08, 0x5f, 0x48,
                                0x49, 0x44, 0x0d, 0x4c, 0x4e, 0x52, 0x4f, 0x30, 0x30, 0x30, 0x35,
                                0x00, 0x08, 0x5f, 0x55, 0x49, 0x44, 0x0c, 0x00, 0x00, 0x00, 0x00,
                                0x08, 0x5f, 0x43, 0x43, 0x41, 0x01, 0x08, 0x5f, 0x43, 0x52, 0x53,
                                0x11, 0x1a, 0x0a, 0x17, 0x86, 0x09, 0x00, 0x01, 0x00, 0x00, 0x00,
                                0xd0, 0x00, 0x10, 0x00, 0x00, 0x89, 0x06, 0x00, 0x03, 0x01, 0x05,
                                0x00, 0x00, 0x00, 0x79, 0x00 };
static const uint8_t com1[] = { 0x5b, 0x82, 0x43, 0x04, 0x2e, 0x5f, 0x53, 0x42, 0x5f, 0x43,
                                0x4f, 0x4d, 0x31, 0x08, 0x5f, 0x48, 0x49, 0x44, 0x0c, 0x41,
                                0xd0, 0x05, 0x01, 0x08, 0x5f, 0x55, 0x49, 0x44, 0x0a, 0x00,
                                0x08, 0x5f, 0x44, 0x44, 0x4e, 0x0d, 0x43, 0x4f, 0x4d, 0x31,
                                0x00, 0x08, 0x5f, 0x43, 0x52, 0x53, 0x11, 0x16, 0x0a, 0x13,
                                0x89, 0x06, 0x00, 0x03, 0x01, 0x04, 0x00, 0x00, 0x00, 0x47,
                                0x01, 0xf8, 0x03, 0xf8, 0x03, 0x01, 0x08, 0x79, 0x00 };
static const uint8_t ps2[] = { 0x5b, 0x82, 0x43, 0x04, 0x2e, 0x5f, 0x53, 0x42, 0x5f, 0x50,
                               0x53, 0x32, 0x5f, 0x08, 0x5f, 0x48, 0x49, 0x44, 0x0c, 0x41,
                               0xd0, 0x03, 0x03, 0x14, 0x09, 0x5f, 0x53, 0x54, 0x41, 0x00,
                               0xa4, 0x0a, 0x0f, 0x08, 0x5f, 0x43, 0x52, 0x53, 0x11, 0x1e,
                               0x0a, 0x1b, 0x47, 0x01, 0x60, 0x00, 0x60, 0x00, 0x01, 0x01,
                               0x47, 0x01, 0x64, 0x00, 0x64, 0x00, 0x01, 0x01, 0x89, 0x06,
                               0x00, 0x03, 0x01, 0x01, 0x00, 0x00, 0x00, 0x79, 0x00 };

static struct guestmem mem;
static struct bp_err err;
static const struct boot_device devs[] = { { 0xd0000000, 0x1000, 5, "LNRO0005" },
                                           { 0xd0001000, 0x1000, 6, NULL } };

static const uint8_t *at(uint64_t gpa, uint64_t len)
{
    const uint8_t *p = guestmem_ptr(&mem, gpa, len);

    assert_non_null(p);
    return p;
}

static uint64_t num(uint64_t gpa, uint32_t len)
{
    uint64_t v = 0;

    memcpy(&v, at(gpa, len), len);
    return v;
}

static void make(enum boot_proto proto, uint32_t n_vcpus, uint64_t initrd_len)
{
    const struct boot_kernel k = { .proto = proto, .entry = 0x1000000 };
    const struct boot_initrd i = { 0x1f00000, initrd_len };
    struct cmdline c;

    assert_int_equal(cmdline_init(&c, "quiet", &err), 0);
    assert_int_equal(boot_write_tables(&mem, &k, &i, &c, n_vcpus, devs, 2, &err), 0);
}

static void test_aml(void **state)
{
    uint8_t buf[128];
    struct aml a = { .p = buf, .cap = sizeof(buf) };

    (void)state;
    acpi_virtual_device(&a, &devs[0]);
    assert_int_equal(a.len, sizeof(v000));
    assert_memory_equal(buf, v000, sizeof(v000));
    a.len = 0;
    acpi_serial(&a);
    assert_int_equal(a.len, sizeof(com1));
    assert_memory_equal(buf, com1, sizeof(com1));
    a.len = 0;
    acpi_keyboard(&a);
    assert_int_equal(a.len, sizeof(ps2));
    assert_memory_equal(buf, ps2, sizeof(ps2));
    assert_false(a.full);
    a = (struct aml){ .p = buf, .cap = 20 };
    acpi_keyboard(&a);
    assert_true(a.full);
}

static void test_mptable(void **state)
{
    (void)state;
    make(BOOT_LINUX64, 3, 0);
    assert_memory_equal(at(0x9fc00, 4), "_MP_", 4);
    assert_int_equal(num(0x9fc04, 4), 0x9fc10);
    assert_int_equal(table_checksum(at(0x9fc00, 16), 16), 0);
    assert_memory_equal(at(0x9fc10, 4), "PCMP", 4);
    assert_int_equal(num(0x9fc14, 2), 284 + 60 - 16);
    assert_int_equal(table_checksum(at(0x9fc10, 328), 328), 0);
    assert_int_equal(num(0x9fc10 + 44 + 3, 1), 3);
    assert_int_equal(num(0x9fc10 + 44 + 20 + 3, 1), 1);
    assert_int_equal(num(0x9fc10 + 44 + 60 + 8, 1), 2);
    assert_int_equal(num(0x9fc10 + 44 + 60 + 9, 1), 4);
}

static uint64_t table(uint64_t gpa, const char *sig)
{
    uint64_t len = num(gpa + 4, 4);

    assert_memory_equal(at(gpa, 4), sig, 4);
    assert_int_equal(table_checksum(at(gpa, len), len), 0);
    assert_true(gpa >= 0x9fc00 + 284 + 40 && gpa + len <= 0xe0000);
    return len;
}

static void test_acpi(void **state)
{
    uint64_t xsdt;
    uint64_t fadt;
    uint64_t madt;
    uint64_t dsdt;

    (void)state;
    make(BOOT_LINUX64, 2, 0);
    assert_memory_equal(at(0xe0000, 8), "RSD PTR ", 8);
    assert_int_equal(table_checksum(at(0xe0000, 20), 20), 0);
    assert_int_equal(table_checksum(at(0xe0000, 36), 36), 0);
    xsdt = num(0xe0018, 8);
    assert_int_equal(table(xsdt, "XSDT"), 52);
    fadt = num(xsdt + 36, 8);
    madt = num(xsdt + 44, 8);
    assert_int_equal(table(fadt, "FACP"), 276);
    assert_int_equal(num(fadt + 112, 4), 0x00100030);
    assert_int_equal(table(madt, "APIC"), 36 + 8 + 12 + 16);
    dsdt = num(fadt + 140, 8);
    /* The second device has no ACPI id. */
    assert_int_equal(table(dsdt, "DSDT"), 36 + sizeof(v000) + sizeof(com1) + sizeof(ps2));
    assert_memory_equal(at(dsdt + 36, sizeof(v000)), v000, sizeof(v000));
}

static void test_zero_page(void **state)
{
    (void)state;
    make(BOOT_LINUX64, 1, 77);
    assert_int_equal(num(0x7070, 8), 0xe0000);
    assert_int_equal(num(0x71fe, 2), 0xaa55);
    assert_int_equal(num(0x7218, 4), 0x1f00000);
    assert_int_equal(num(0x721c, 4), 77);
    assert_int_equal(num(0x7228, 4), 0x20000);
    assert_int_equal(num(0x7238, 4), 6);
    assert_string_equal((const char *)at(0x20000, 6), "quiet");
    assert_int_equal(num(0x71e8, 1), 3);
    assert_int_equal(num(0x72d0 + 8, 8), 0x9fc00);
    assert_int_equal(num(0x72d0 + 20, 8), 0x9fc00);
    assert_int_equal(num(0x72d0 + 36, 4), 2);
    assert_int_equal(num(0x72d0 + 40, 8), 0x100000);
    assert_int_equal(num(0x72d0 + 48, 8), 0x1f00000);
}

static void test_paging(void **state)
{
    (void)state;
    make(BOOT_LINUX64, 1, 0);
    assert_int_equal(num(0x9000, 8), 0xa003);
    assert_int_equal(num(0xa000, 8), 0xb003);
    for (uint64_t i = 0; i < 512; i++) {
        assert_int_equal(num(0xb000 + 8 * i, 8), (i << 21) + 0x83);
    }
    assert_int_equal(num(0x508, 8), 0x00af9b000000ffff);
    assert_int_equal(num(0x520, 8), 0);
}

static void test_pvh(void **state)
{
    (void)state;
    make(BOOT_PVH, 1, 77);
    assert_int_equal(num(0x6000, 4), 0x336ec578);
    assert_int_equal(num(0x600c, 4), 1);
    assert_int_equal(num(0x6010, 8), 0x6040);
    assert_int_equal(num(0x6018, 8), 0x20000);
    assert_int_equal(num(0x6030, 4), 3);
    assert_int_equal(num(0x6040, 8), 0x1f00000);
    assert_int_equal(num(0x6048, 8), 77);
    assert_int_equal(num(0x7000 + 24 + 16, 4), 2);
    assert_int_equal(num(0x7000 + 48, 8), 0x100000);
    assert_int_equal(num(0x508, 8), 0x00cf9b000000ffff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aml),    cmocka_unit_test(test_mptable),
        cmocka_unit_test(test_acpi),   cmocka_unit_test(test_zero_page),
        cmocka_unit_test(test_paging), cmocka_unit_test(test_pvh),
    };
    int r;

    if (guestmem_init(&mem, 32u << 20, GUESTMEM_HOLE_START, GUESTMEM_HOLE_END, false, &err) < 0) {
        return 1;
    }
    r = cmocka_run_group_tests(tests, NULL, NULL);
    guestmem_done(&mem);
    return r;
}
