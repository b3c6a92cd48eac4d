/* SPDX-License-Identifier: Apache-2.0 */
/* AMD's cache and topology leaves. No state. */
#include <errno.h>
#include <string.h>

#include "kvm/x86_cpuid.h"

#define CACHES_MAX 16u

/* The host's own leaves, which KVM leaves out or empty. */
static int pass_through(struct kvm_cpuid2 *c, cpuid_host_fn *host, const char **ret_why)
{
    struct kvm_cpuid_entry2 *e = cpuid_get(c, 0x8000001e, 0, 0);

    if (!e) {
        *ret_why = "Too many CPUID entries.";
        return -ENOSPC;
    }
    cpuid_load(e, host);
    for (uint32_t sub = 0; sub < CACHES_MAX; sub++) {
        uint32_t r[4];

        host(0x8000001d, sub, r);
        if ((r[CPUID_EAX] & 0xf) == 0) {
            return 0;
        }
        e = cpuid_get(c, 0x8000001d, sub, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
        if (!e) {
            *ret_why = "Too many CPUID entries.";
            return -ENOSPC;
        }
        e->eax = r[CPUID_EAX];
        e->ebx = r[CPUID_EBX];
        e->ecx = r[CPUID_ECX];
        e->edx = r[CPUID_EDX];
    }
    return 0;
}

static int set_features(struct kvm_cpuid2 *c, const struct cpuid_topo *t, const char **ret_why)
{
    struct kvm_cpuid_entry2 *e = cpuid_find(c, 7, 0);
    int r;

    *ret_why = "Missing leaf 0x7 / subleaf 0.";
    if (!e) {
        return -EINVAL;
    }
    e->edx &= ~(1u << 29); /* ARCH_CAPABILITIES is Intel's */
    e = cpuid_find(c, 0x80000000, 0);
    *ret_why = "Missing leaf 0x80000000.";
    if (!e) {
        return -EINVAL;
    }
    e->eax = 0x8000001f;
    e = cpuid_find(c, 0x80000001, 0);
    *ret_why = "Missing leaf 0x80000001.";
    if (!e) {
        return -EINVAL;
    }
    e->ecx |= 1u << 22;
    e = cpuid_find(c, 0x80000008, 0);
    *ret_why = "Missing leaf 0x80000008.";
    if (!e) {
        return -EINVAL;
    }
    *ret_why = CPUID_RANGE_TEXT;
    r = cpuid_set_bits(&e->ecx, 15, 12, 7);
    return r < 0 ? r : cpuid_set_bits(&e->ecx, 7, 0, t->count - 1);
}

static int set_topology(struct kvm_cpuid2 *c, const struct cpuid_topo *t)
{
    struct kvm_cpuid_entry2 *e = cpuid_find(c, 0x8000001e, 0);
    int r;

    e->eax = t->index;
    r = cpuid_set_bits(&e->ebx, 7, 0, t->index / t->per_core);
    r = r < 0 ? r : cpuid_set_bits(&e->ebx, 15, 8, t->per_core - 1);
    r = r < 0 ? r : cpuid_set_bits(&e->ecx, 10, 8, 0);
    return r < 0 ? r : cpuid_set_bits(&e->ecx, 7, 0, 0);
}

int x86_cpuid_amd(struct kvm_cpuid2 *c, const struct cpuid_topo *t, cpuid_host_fn *host,
                  const char **ret_why)
{
    static const char brand[CPUID_BRAND_LEN] = "AMD EPYC";
    uint32_t id[4];
    int r;

    host(0, 0, id);
    if (memcmp(&id[CPUID_EBX], "Auth", 4) != 0 || memcmp(&id[CPUID_EDX], "enti", 4) != 0 ||
        memcmp(&id[CPUID_ECX], "cAMD", 4) != 0) {
        *ret_why = "The host vendor id does not match AMD.";
        return -EINVAL;
    }
    r = pass_through(c, host, ret_why);
    r = r < 0 ? r : set_features(c, t, ret_why);
    if (r < 0) {
        return r;
    }
    *ret_why = CPUID_RANGE_TEXT;
    for (uint32_t sub = 0; sub < CACHES_MAX; sub++) {
        struct kvm_cpuid_entry2 *e = cpuid_find(c, 0x8000001d, sub);

        if (!e) {
            break;
        }
        r = cpuid_set_cache_sharing(e, t);
        if (r < 0) {
            return r;
        }
    }
    r = set_topology(c, t);
    if (r < 0) {
        return r;
    }
    *ret_why = "Missing brand string leaves 0x80000002, 0x80000003 and 0x80000004.";
    return cpuid_set_brand(c, brand);
}
