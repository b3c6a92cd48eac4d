/* SPDX-License-Identifier: Apache-2.0 */
/* CPUID normalisation on synthetic tables of both vendors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "kvm/x86_cpuid.h"

static const char *vendor, *brand;

static void host(uint32_t leaf, uint32_t sub, uint32_t r[4])
{
    memset(r, 0, 16);
    if (leaf == 0) {
        r[CPUID_EAX] = 0xd;
        memcpy(&r[CPUID_EBX], vendor, 4);
        memcpy(&r[CPUID_EDX], vendor + 4, 4);
        memcpy(&r[CPUID_ECX], vendor + 8, 4);
    } else if (leaf >= 0x80000002 && leaf <= 0x80000004) {
        memcpy(r, brand + 16 * (leaf - 0x80000002), 16);
    } else if (leaf == 0x80000006) {
        r[CPUID_EDX] = 0x00030001;
    } else if (leaf == 0x8000001d && sub < 3) {
        r[CPUID_EAX] = 1 | (sub + 1) << 5 | 0x03ffc000;
    }
}

static struct kvm_cpuid2 *make(void)
{
    static const uint32_t leaves[] = { 0,          1,          4,          6,          7,
                                       0xa,        0xb,        0x80000000, 0x80000001, 0x80000002,
                                       0x80000003, 0x80000004, 0x80000005, 0x80000006, 0x80000008 };
    struct kvm_cpuid2 *c =
        calloc(1, sizeof(*c) + CPUID_ENTRIES_MAX * sizeof(struct kvm_cpuid_entry2));
    struct kvm_cpuid_entry2 *e;
    uint32_t r[4];

    assert_non_null(c);
    for (uint32_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
        c->entries[c->nent++].function = leaves[i];
    }
    host(0, 0, r);
    e = cpuid_find(c, 0, 0);
    e->ebx = r[CPUID_EBX];
    e->ecx = r[CPUID_ECX];
    e->edx = r[CPUID_EDX];
    cpuid_find(c, 1, 0)->ecx = 1u << 15;
    cpuid_find(c, 7, 0)->edx = 1u << 29;
    cpuid_find(c, 0xa, 0)->eax = 0x1234;
    cpuid_find(c, 4, 0)->eax = 1 | 1u << 5;
    e = &c->entries[c->nent++];
    e->function = 4;
    e->index = 1;
    e->eax = 3 | 3u << 5;
    return c;
}

static void check_common(struct kvm_cpuid2 *c)
{
    const struct kvm_cpuid_entry2 *e = cpuid_find(c, 1, 0);

    assert_int_equal(e->ebx, 3u << 24 | 4u << 16 | 8u << 8);
    assert_int_equal(e->ecx, 1u << 31 | 1u << 24);
    assert_int_equal(e->edx, 1u << 28);
    e = cpuid_find(c, 0xb, 0);
    assert_int_equal(e->eax, 1);
    assert_int_equal(e->ebx, 2);
    assert_int_equal(e->ecx, 0x100);
    assert_int_equal(e->edx, 3);
    assert_int_equal(e->flags, 1);
    e = cpuid_find(c, 0xb, 1); /* made by us */
    assert_non_null(e);
    assert_int_equal(e->eax, 7);
    assert_int_equal(e->ebx, 4);
    assert_int_equal(e->ecx, 0x201);
    assert_int_equal(cpuid_find(c, 0x80000006, 0)->edx, 1);
}

static void test_amd(void **state)
{
    struct kvm_cpuid2 *c;
    const struct kvm_cpuid_entry2 *e;
    struct bp_err err;

    (void)state;
    vendor = "AuthenticAMD";
    brand = "AMD EPYC 7R13 Processor\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    c = make();
    assert_int_equal(x86_cpuid_normalize(c, 3, 4, true, host, &err), 0);
    check_common(c);
    assert_int_equal(cpuid_find(c, 7, 0)->edx, 0);
    assert_int_equal(cpuid_find(c, 0x80000000, 0)->eax, 0x8000001f);
    assert_int_equal(cpuid_find(c, 0x80000001, 0)->ecx, 1u << 22);
    assert_int_equal(cpuid_find(c, 0x80000008, 0)->ecx, 0x7003);
    assert_int_equal(cpuid_find(c, 0x8000001d, 0)->eax >> 14 & 0xfff, 1);
    assert_int_equal(cpuid_find(c, 0x8000001d, 2)->eax >> 14 & 0xfff, 3);
    assert_null(cpuid_find(c, 0x8000001d, 3));
    e = cpuid_find(c, 0x8000001e, 0);
    assert_int_equal(e->eax, 3);
    assert_int_equal(e->ebx, 0x101);
    assert_int_equal(e->ecx, 0);
    assert_memory_equal(&cpuid_find(c, 0x80000002, 0)->eax, "AMD ", 4);
    assert_memory_equal(&cpuid_find(c, 0x80000002, 0)->ebx, "EPYC", 4);
    assert_int_equal(cpuid_find(c, 0x80000002, 0)->ecx, 0);
    free(c);
}

static void test_intel(void **state)
{
    static const char want[48] = "Intel(R) Xeon(R) Processor @ 2.90GHz";
    struct kvm_cpuid2 *c;
    char got[48];
    struct bp_err err;

    (void)state;
    vendor = "GenuineIntel";
    brand = "Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz\0\0";
    c = make();
    assert_int_equal(x86_cpuid_normalize(c, 3, 4, true, host, &err), 0);
    check_common(c);
    assert_int_equal(cpuid_find(c, 4, 0)->eax, (1 | 1u << 5) | 1u << 14 | 1u << 26);
    assert_int_equal(cpuid_find(c, 4, 1)->eax, (3 | 3u << 5) | 3u << 14 | 1u << 26);
    assert_int_equal(cpuid_find(c, 7, 0)->ebx, 1u << 6 | 1u << 13);
    assert_int_equal(cpuid_find(c, 0xa, 0)->eax, 0);
    for (uint32_t i = 0; i < 3; i++) {
        const struct kvm_cpuid_entry2 *e = cpuid_find(c, 0x80000002 + i, 0);
        const uint32_t r[4] = { e->eax, e->ebx, e->ecx, e->edx };

        memcpy(got + 16 * i, r, 16);
    }
    assert_memory_equal(got, want, sizeof(want));
    cpuid_find(c, 6, 0)->function = 0x55;
    assert_true(x86_cpuid_normalize(c, 0, 1, false, host, &err) < 0);
    assert_string_equal(err.text, "Failed to apply modifications to CPUID: Failed to apply "
                                  "modifications to Intel CPUID: Leaf 0x6 is missing from CPUID.");
    free(c);
}

static void test_refusals(void **state)
{
    struct kvm_cpuid2 *c;
    struct bp_err err;

    (void)state;
    vendor = "CyrixInstead";
    c = make();
    assert_true(x86_cpuid_normalize(c, 0, 1, false, host, &err) < 0);
    assert_non_null(strstr(err.text, "Unsupported CPUID manufacturer id"));
    free(c);
    vendor = "AuthenticAMD";
    c = make();
    assert_true(x86_cpuid_normalize(c, 0, 0, false, host, &err) < 0);
    assert_true(x86_cpuid_normalize(c, 0, 129, false, host, &err) < 0);
    cpuid_find(c, 1, 0)->function = 0x55;
    assert_true(x86_cpuid_normalize(c, 0, 1, false, host, &err) < 0);
    assert_non_null(strstr(err.text, "Leaf 0x1 is missing from CPUID."));
    free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_amd),
        cmocka_unit_test(test_intel),
        cmocka_unit_test(test_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
