/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest reads from CPUID: the supported set with topology, identity and cache fields made
 * its own. Pure functions over a table and a way to ask the host.
 */
#ifndef BP_KVM_X86_CPUID_H
#define BP_KVM_X86_CPUID_H

#include <backplane/plugin.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#define CPUID_ENTRIES_MAX 256u
#define CPUID_BRAND_LEN 48

enum cpuid_reg { CPUID_EAX, CPUID_EBX, CPUID_ECX, CPUID_EDX };

/* The host's own answer, in the order of enum cpuid_reg. */
typedef void cpuid_host_fn(uint32_t leaf, uint32_t sub, uint32_t ret_regs[4]);

struct cpuid_topo {
    uint32_t index, count; /* this vCPU of so many */
    uint32_t bits;         /* 1: two threads a core, else 0 */
    uint32_t per_core;     /* 1 << bits */
};

/* c has room for CPUID_ENTRIES_MAX entries. Errors begin "Failed to apply modifications to ". */
int x86_cpuid_normalize(struct kvm_cpuid2 *c, uint32_t index, uint32_t count, bool smt,
                        cpuid_host_fn *host, struct bp_err *err);
void x86_cpuid_host(uint32_t leaf, uint32_t sub, uint32_t ret_regs[4]);

/* For the vendors' files. */
struct kvm_cpuid_entry2 *cpuid_find(struct kvm_cpuid2 *c, uint32_t leaf, uint32_t sub);
/* The entry, made when it is missing; NULL: the table is full. */
struct kvm_cpuid_entry2 *cpuid_get(struct kvm_cpuid2 *c, uint32_t leaf, uint32_t sub,
                                   uint32_t flags);
void cpuid_load(struct kvm_cpuid_entry2 *e, cpuid_host_fn *host);
/* Replace bits hi..lo; -ERANGE when value does not fit. */
int cpuid_set_bits(uint32_t *reg, uint32_t hi, uint32_t lo, uint32_t value);
/* Both return -EINVAL when one of the three leaves is missing. */
int cpuid_set_brand(struct kvm_cpuid2 *c, const char brand[CPUID_BRAND_LEN]);
/* Caches shared by a core's threads (levels 1, 2) or by all (level 3): leaves 4 and 0x8000001d. */
int cpuid_set_cache_sharing(struct kvm_cpuid_entry2 *e, const struct cpuid_topo *t);
/* Each fills *ret_why with the reason on failure; it is a constant text. */
int x86_cpuid_amd(struct kvm_cpuid2 *c, const struct cpuid_topo *t, cpuid_host_fn *host,
                  const char **ret_why);
int x86_cpuid_intel(struct kvm_cpuid2 *c, const struct cpuid_topo *t, cpuid_host_fn *host,
                    const char **ret_why);

#define CPUID_RANGE_TEXT "Given value is greater than maximum storable value in bit range."

#endif
