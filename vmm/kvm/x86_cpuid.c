/* SPDX-License-Identifier: Apache-2.0 */
/* CPUID changes common to both vendors, and the small tools of the vendors' files. No state. */
#include "kvm/x86_cpuid.h"

#include <cpuid.h>
#include <errno.h>
#include <string.h>

#define FLAG_INDEX KVM_CPUID_FLAG_SIGNIFCANT_INDEX

void x86_cpuid_host(uint32_t leaf, uint32_t sub, uint32_t ret_regs[4])
{
    __cpuid_count(leaf, sub, ret_regs[CPUID_EAX], ret_regs[CPUID_EBX], ret_regs[CPUID_ECX],
                  ret_regs[CPUID_EDX]);
}

struct kvm_cpuid_entry2 *cpuid_find(struct kvm_cpuid2 *c, uint32_t leaf, uint32_t sub)
{
    for (uint32_t i = 0; i < c->nent; i++) {
        if (c->entries[i].function == leaf && c->entries[i].index == sub) {
            return &c->entries[i];
        }
    }
    return NULL;
}

struct kvm_cpuid_entry2 *cpuid_get(struct kvm_cpuid2 *c, uint32_t leaf, uint32_t sub,
                                   uint32_t flags)
{
    struct kvm_cpuid_entry2 *e = cpuid_find(c, leaf, sub);

    if (!e) {
        if (c->nent >= CPUID_ENTRIES_MAX) {
            return NULL;
        }
        e = &c->entries[c->nent++];
        memset(e, 0, sizeof(*e));
        e->function = leaf;
        e->index = sub;
    }
    e->flags = flags;
    return e;
}

void cpuid_load(struct kvm_cpuid_entry2 *e, cpuid_host_fn *host)
{
    uint32_t r[4];

    host(e->function, e->index, r);
    e->eax = r[CPUID_EAX];
    e->ebx = r[CPUID_EBX];
    e->ecx = r[CPUID_ECX];
    e->edx = r[CPUID_EDX];
}

int cpuid_set_bits(uint32_t *reg, uint32_t hi, uint32_t lo, uint32_t value)
{
    uint32_t width = hi - lo + 1;
    uint32_t mask = width == 32 ? UINT32_MAX : (1u << width) - 1;

    if (value > mask) {
        return -ERANGE;
    }
    *reg = (*reg & ~(mask << lo)) | value << lo;
    return 0;
}

int cpuid_set_brand(struct kvm_cpuid2 *c, const char brand[CPUID_BRAND_LEN])
{
    for (uint32_t i = 0; i < 3; i++) {
        struct kvm_cpuid_entry2 *e = cpuid_find(c, 0x80000002u + i, 0);

        if (!e) {
            return -EINVAL;
        }
        memcpy(&e->eax, brand + 16 * i, 4);
        memcpy(&e->ebx, brand + 16 * i + 4, 4);
        memcpy(&e->ecx, brand + 16 * i + 8, 4);
        memcpy(&e->edx, brand + 16 * i + 12, 4);
    }
    return 0;
}

int cpuid_set_cache_sharing(struct kvm_cpuid_entry2 *e, const struct cpuid_topo *t)
{
    switch (e->eax >> 5 & 7) {
    case 1:
    case 2:
        return cpuid_set_bits(&e->eax, 25, 14, t->per_core - 1);
    case 3:
        return cpuid_set_bits(&e->eax, 25, 14, t->count - 1);
    default:
        return 0;
    }
}

static int set_vendor(struct kvm_cpuid2 *c, cpuid_host_fn *host, const char **ret_why)
{
    struct kvm_cpuid_entry2 *e = cpuid_find(c, 0, 0);
    uint32_t r[4];

    if (!e) {
        *ret_why = "Failed to set vendor ID in leaf 0x0: Leaf 0x0 is missing from CPUID.";
        return -EINVAL;
    }
    host(0, 0, r);
    e->ebx = r[CPUID_EBX];
    e->ecx = r[CPUID_ECX];
    e->edx = r[CPUID_EDX];
    return 0;
}

static int set_features(struct kvm_cpuid2 *c, const struct cpuid_topo *t, const char **ret_why)
{
    struct kvm_cpuid_entry2 *e = cpuid_find(c, 1, 0);
    uint32_t ids = 1;
    int r;

    if (!e) {
        *ret_why = "Failed to set feature information leaf: Leaf 0x1 is missing from CPUID.";
        return -EINVAL;
    }
    while (ids < t->count) {
        ids *= 2;
    }
    e->ecx &= ~(1u << 15);             /* PDCM: there is no performance monitoring */
    e->ecx |= (1u << 24) | (1u << 31); /* TSC deadline timer, hypervisor */
    r = cpuid_set_bits(&e->ebx, 31, 24, t->index);
    r = r < 0 ? r : cpuid_set_bits(&e->ebx, 15, 8, 8);
    r = r < 0 ? r : cpuid_set_bits(&e->ebx, 23, 16, ids);
    r = r < 0 ? r : cpuid_set_bits(&e->edx, 28, 28, t->count > 1);
    if (r < 0) {
        *ret_why = "Failed to set feature information leaf: " CPUID_RANGE_TEXT;
    }
    return r;
}

/* Leaf 0xb: level 0 are the threads of a core, level 1 the cores, further levels are void. */
static int set_topology(struct kvm_cpuid2 *c, const struct cpuid_topo *t, const char **ret_why)
{
    if (!cpuid_get(c, 0xb, 1, FLAG_INDEX)) {
        *ret_why = "Failed to set extended topology leaf: Too many CPUID entries.";
        return -ENOSPC;
    }
    for (uint32_t sub = 0; sub < CPUID_ENTRIES_MAX; sub++) {
        struct kvm_cpuid_entry2 *e = cpuid_find(c, 0xb, sub);

        if (!e) {
            break;
        }
        e->flags = FLAG_INDEX;
        e->edx = t->index;
        if (sub == 0) {
            e->eax = t->bits;
            e->ebx = t->per_core;
            e->ecx = 1u << 8;
        } else if (sub == 1) {
            e->eax = 7;
            e->ebx = t->count;
            e->ecx = 1u | 2u << 8;
        } else {
            e->eax = 0;
            e->ebx = 0;
            e->ecx = sub;
        }
    }
    return 0;
}

static int set_caches(struct kvm_cpuid2 *c, cpuid_host_fn *host, const char **ret_why)
{
    struct kvm_cpuid_entry2 *e = cpuid_find(c, 0x80000005, 0);

    if (!e) {
        *ret_why = "Failed to set extended cache features leaf: Leaf 0x80000005 is missing from "
                   "CPUID.";
        return -EINVAL;
    }
    cpuid_load(e, host);
    e = cpuid_find(c, 0x80000006, 0);
    if (!e) {
        *ret_why = "Failed to set extended cache features leaf: Leaf 0x80000006 is missing from "
                   "CPUID.";
        return -EINVAL;
    }
    cpuid_load(e, host);
    e->edx &= ~(3u << 16);
    return 0;
}

static int set_common(struct kvm_cpuid2 *c, const struct cpuid_topo *t, cpuid_host_fn *host,
                      const char **ret_why)
{
    int r;

    if (t->count == 0) {
        *ret_why = "Failed to get max CPUs per package: Failed to get max CPUs per package as "
                   "`cpu_count == 0`";
        return -EINVAL;
    }
    if (t->count > 128) {
        *ret_why = "Failed to get max CPUs per package: Failed to get max CPUs per package as "
                   "`cpu_count > 128`";
        return -EINVAL;
    }
    r = set_vendor(c, host, ret_why);
    r = r < 0 ? r : set_features(c, t, ret_why);
    r = r < 0 ? r : set_topology(c, t, ret_why);
    return r < 0 ? r : set_caches(c, host, ret_why);
}

/* The twelve bytes as they are laid out in EBX, EDX, ECX. */
static int vendor_name(struct kvm_cpuid2 *c, char ret_name[13])
{
    const struct kvm_cpuid_entry2 *e = cpuid_find(c, 0, 0);

    if (!e) {
        return -EINVAL;
    }
    memcpy(ret_name, &e->ebx, 4);
    memcpy(ret_name + 4, &e->edx, 4);
    memcpy(ret_name + 8, &e->ecx, 4);
    ret_name[12] = '\0';
    return 0;
}

int x86_cpuid_normalize(struct kvm_cpuid2 *c, uint32_t index, uint32_t count, bool smt,
                        cpuid_host_fn *host, struct bp_err *err)
{
    const struct cpuid_topo t = { .index = index,
                                  .count = count,
                                  .bits = count > 1 && smt,
                                  .per_core = count > 1 && smt ? 2 : 1 };
    const char *why = CPUID_RANGE_TEXT;
    const char *who = "";
    char vendor[13];
    bool intel;
    int r;

    if (vendor_name(c, vendor) < 0) {
        return bp_fail(err, -EINVAL, BP_E_HOST,
                       "Leaf 0 not found in the given `kvm_bindings::CpuId`.");
    }
    intel = memcmp(vendor, "GenuineIntel", 12) == 0;
    if (!intel && memcmp(vendor, "AuthenticAMD", 12) != 0) {
        return bp_fail(err, -ENOTSUP, BP_E_HOST,
                       "Unsupported CPUID manufacturer id: \"%s\" (only 'GenuineIntel' and "
                       "'AuthenticAMD' are supported).",
                       vendor);
    }
    r = set_common(c, &t, host, &why);
    if (r == 0) {
        who = intel ? "Failed to apply modifications to Intel CPUID: "
                    : "Failed to apply modifications to AMD CPUID: ";
        r = intel ? x86_cpuid_intel(c, &t, host, &why) : x86_cpuid_amd(c, &t, host, &why);
    }
    if (r < 0) {
        return bp_fail(err, r, BP_E_HOST, "Failed to apply modifications to CPUID: %s%s", who, why);
    }
    return 0;
}
