/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /dev/kvm and one VM: checks, memory slots, interrupt chips, irqfd and ioeventfd. Control thread.
 * Slots registered before the interrupt chips cost a seventieth of slots registered after them.
 * Every ioctl survives EINTR. Error texts as in the contract, after "Internal error while starting
 * microVM: " ("Vm error: Error creating KVM object. [...]").
 */
#ifndef BP_KVM_KVM_H
#define BP_KVM_KVM_H

#include <backplane/plugin.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>

#include "mem/guestmem.h"

struct kvm {
    int sys_fd, vm_fd;
    uint32_t run_size; /* of struct kvm_run's mapping */
    uint32_t max_slots;
    struct kvm_cpuid2 *supported; /* KVM_GET_SUPPORTED_CPUID, cached */
    bool has_chips;
};

void kvm_init(struct kvm *k);                    /* no fds, destructor-safe */
int kvm_open(struct kvm *k, struct bp_err *err); /* /dev/kvm, version, capabilities, cpuid */
int kvm_create_vm(struct kvm *k, struct bp_err *err);
int kvm_set_memory(struct kvm *k, const struct guestmem *m, struct bp_err *err);
int kvm_create_chips(struct kvm *k, struct bp_err *err); /* TSS address, irqchip, PIT2 */
int kvm_irqfd(struct kvm *k, int fd, uint32_t gsi);
int kvm_ioeventfd(struct kvm *k, int fd, uint64_t gpa, uint32_t len, uint32_t datamatch);
void kvm_done(struct kvm *k);
int kvm_ioctl(int fd, unsigned long req, void *arg); /* result or -errno, EINTR retried */

#endif
