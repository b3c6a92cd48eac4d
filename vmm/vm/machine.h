/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The KVM objects and guest memory of one VM, built in steps so that they can be made while the
 * client still configures. A machine that has been handed to a guest is never reused.
 */
#ifndef BP_VM_MACHINE_H
#define BP_VM_MACHINE_H

#include <backplane/plugin.h>
#include <stdbool.h>
#include <stdint.h>

#include "kvm/kvm.h"
#include "kvm/vcpu.h"
#include "mem/guestmem.h"

/* What a machine is built for; a machine with other premises is thrown away. */
struct machine_spec {
    uint64_t mem_bytes;
    uint32_t n_vcpus;
    bool track_dirty;
};

struct machine {
    struct kvm kvm;
    struct guestmem mem;
    struct vcpu *vcpu[VCPUS_MAX];
    struct machine_spec spec; /* valid once has_mem */
    uint32_t n_vcpus;
    bool opened, has_vm, has_mem, has_slots, has_chips;
};

struct machine *machine_new(void); /* NULL: out of memory */
void machine_free(struct machine *m);
/* The same on a thread of its own: ending a VM takes the kernel up to 20 ms. */
void machine_discard(struct machine *m);
/* Can it still become a machine for this specification? */
bool machine_fits(const struct machine *m, const struct machine_spec *spec);
/* Nothing is left to do for it. */
bool machine_complete(const struct machine *m, const struct machine_spec *spec);
/* /dev/kvm and the VM object: what no configuration changes. 1: done, 0: call again, <0: failed. */
int machine_open_step(struct machine *m, struct bp_err *err);
/* One step more towards the specification. 1: complete, 0: call again, <0: failed. */
int machine_step(struct machine *m, const struct machine_spec *spec, struct bp_err *err);
/* Guest memory alone, which the kernel is loaded into; mapped, not yet known to KVM. */
int machine_map(struct machine *m, const struct machine_spec *spec, struct bp_err *err);

#endif
