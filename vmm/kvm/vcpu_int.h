/* SPDX-License-Identifier: Apache-2.0 */
/* One vCPU as its files see it: creation, registers (x86_regs.c), exits, thread. */
#ifndef BP_KVM_VCPU_INT_H
#define BP_KVM_VCPU_INT_H

#include <pthread.h>

#include "kvm/vcpu.h"

enum vcpu_metric {
    VCPU_EXIT_IO_IN,
    VCPU_EXIT_IO_OUT,
    VCPU_EXIT_MMIO_READ,
    VCPU_EXIT_MMIO_WRITE,
    VCPU_FAILURES,
    VCPU_METRICS,
};

extern uint64_t vcpu_counters[VCPU_METRICS];

struct vcpu {
    uint32_t index;
    int fd;
    struct kvm_run *run;
    uint32_t run_size;
    const struct vcpu_host *host;
    char name[16]; /* of the thread */
    pthread_t thread;
    bool started, joined; /* control thread's */
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t wake;  /* a command was put */
    pthread_cond_t reply; /* ... and answered */
    enum vcpu_cmd cmd;
    uint64_t asked, answered; /* commands so far */
    bool parked;              /* looks for commands before it enters KVM_RUN */
};

/* What one KVM_RUN meant for the loop of the thread. */
enum vcpu_step { VCPU_GO_ON, VCPU_KICKED, VCPU_EXIT_CLEAN, VCPU_EXIT_ERROR };

enum vcpu_step vcpu_step(struct vcpu *v); /* on the vCPU thread */
int x86_regs_setup(const struct vcpu *v, enum boot_proto proto, uint64_t entry, struct bp_err *err);

#endif
