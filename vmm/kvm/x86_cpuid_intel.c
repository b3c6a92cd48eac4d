/* SPDX-License-Identifier: Apache-2.0 */
/* Intel's cache, power, monitoring and brand leaves. No state. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kvm/x86_cpuid.h"

#define CACHES_MAX 16u
#define BRAND "Intel(R) Xeon(R) Processor"

static int set_caches(struct kvm_cpuid2 *c, const struct cpuid_topo *t)
{
    for (uint32_t sub = 0; sub < CACHES_MAX; sub++) {
        struct kvm_cpuid_entry2 *e = cpuid_find(c, 4, sub);
        int r;

        if (!e || (e->eax == 0 && e->ebx == 0 && e->ecx == 0 && e->edx == 0)) {
            break;
        }
        r = cpuid_set_cache_sharing(e, t);
        r = r < 0 ? r : cpuid_set_bits(&e->eax, 31, 26, t->count / t->per_core - 1);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int set_features(struct kvm_cpuid2 *c, const char **ret_why)
{
    struct kvm_cpuid_entry2 *e = cpuid_find(c, 6, 0);

    if (!e) {
        *ret_why = "Leaf 0x6 is missing from CPUID.";
        return -EINVAL;
    }
    e->eax &= ~(1u << 1); /* Turbo */
    e->ecx &= ~(1u << 3); /* energy bias */
    e = cpuid_find(c, 7, 0);
    if (!e) {
        *ret_why = "Leaf 0x7 / subleaf 0 is missing from CPUID.";
        return -EINVAL;
    }
    e->ebx |= (1u << 6) | (1u << 13); /* FDP_EXCPTN_ONLY, FCS/FDS deprecated */
    e->ecx &= ~(1u << 5);             /* WAITPKG: a guest could stall its CPU */
    e = cpuid_find(c, 0xa, 0);
    if (!e) {
        *ret_why = "Leaf 0xA is missing from CPUID.";
        return -EINVAL;
    }
    e->eax = e->ebx = e->ecx = e->edx = 0;
    return 0;
}

/* Where the first of the units begins; NULL: no frequency. */
static const char *find_unit(const char *brand)
{
    static const char *const units[] = { "THz", "GHz", "MHz" };

    for (uint32_t i = 0; i < 3; i++) {
        const char *at = strstr(brand, units[i]);

        if (at) {
            return at;
        }
    }
    return NULL;
}

/* The host's frequency after a neutral name, or the name alone. */
static void make_brand(cpuid_host_fn *host, char ret_brand[CPUID_BRAND_LEN])
{
    char own[CPUID_BRAND_LEN + 1] = { 0 };
    char text[2 * CPUID_BRAND_LEN];
    const char *at;
    const char *from;
    int len;

    for (uint32_t i = 0; i < 3; i++) {
        uint32_t r[4];

        host(0x80000002u + i, 0, r);
        memcpy(own + 16 * i, r, sizeof(r));
    }
    memset(ret_brand, 0, CPUID_BRAND_LEN);
    memcpy(ret_brand, BRAND, sizeof(BRAND) - 1);
    at = find_unit(own);
    if (!at) {
        return;
    }
    for (from = at; from > own && ((from[-1] >= '0' && from[-1] <= '9') || from[-1] == '.');) {
        from--;
    }
    if (from == own || from[-1] != ' ') {
        return;
    }
    len = snprintf(text, sizeof(text), BRAND " @%s", from - 1);
    if (len < 0 || len > CPUID_BRAND_LEN) {
        return;
    }
    memset(ret_brand, 0, CPUID_BRAND_LEN);
    memcpy(ret_brand, text, (size_t)len);
}

/* Newer guests read leaf 0x1f first: it must tell the same topology. */
static void mirror_topology(struct kvm_cpuid2 *c)
{
    for (uint32_t sub = 0; sub < CPUID_ENTRIES_MAX; sub++) {
        struct kvm_cpuid_entry2 *v2 = cpuid_find(c, 0x1f, sub);
        const struct kvm_cpuid_entry2 *v1 = cpuid_find(c, 0xb, sub);

        if (!v2) {
            break;
        }
        v2->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
        v2->eax = v1 ? v1->eax : 0;
        v2->ebx = v1 ? v1->ebx : 0;
        v2->ecx = v1 ? v1->ecx : sub;
        v2->edx = v1 ? v1->edx : 0;
    }
}

int x86_cpuid_intel(struct kvm_cpuid2 *c, const struct cpuid_topo *t, cpuid_host_fn *host,
                    const char **ret_why)
{
    char brand[CPUID_BRAND_LEN];
    int r = set_caches(c, t);

    if (r < 0) {
        *ret_why = CPUID_RANGE_TEXT;
        return r;
    }
    r = set_features(c, ret_why);
    if (r < 0) {
        return r;
    }
    mirror_topology(c);
    make_brand(host, brand);
    *ret_why = "Missing brand string leaves 0x80000002, 0x80000003 and 0x80000004.";
    return cpuid_set_brand(c, brand);
}
