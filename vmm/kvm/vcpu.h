/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One virtual CPU and its thread "fc_vcpu N". Commands come from the control thread and are
 * answered within a deadline; while it waits it calls `serve`, since the vCPU may itself wait for
 * the loop.
 */
#ifndef BP_KVM_VCPU_H
#define BP_KVM_VCPU_H

#include <backplane/plugin.h>
#include <stdbool.h>
#include <stdint.h>

#include "bus/bus.h"
#include "kvm/kvm.h"

#define VCPUS_MAX 32

struct vcpu;

enum vcpu_cmd { VCPU_PAUSE, VCPU_RESUME, VCPU_FINISH };

struct vcpu_host {
    const struct bus *mmio, *pio;
    /* A vCPU left its loop: 0 clean (HLT, shutdown), 1 error. On the vCPU thread, once. */
    void (*exited)(void *arg, uint32_t index, int code);
    void (*serve)(void *arg); /* on the control thread, while it waits for a reply */
    void *arg;
};

/* How the boot CPU (and every other) starts; see boot/boot.h for who fills it. */
enum boot_proto { BOOT_LINUX64, BOOT_PVH };

int vcpu_new(const struct kvm *k, uint32_t index, struct vcpu **ret_v, struct bp_err *err);
void vcpu_free(struct vcpu *v); /* the thread must have been finished */
/* CPUID (normalised for index of count, SMT), MSRs, registers, FPU, special registers, LAPIC.
 * Also writes nothing to guest memory: GDT and page tables are boot/'s. */
int vcpu_configure(struct vcpu *v, const struct kvm *k, uint32_t count, bool smt,
                   enum boot_proto proto, uint64_t entry, struct bp_err *err);
/* Start the thread; it waits paused until VCPU_RESUME. host is borrowed until vcpu_free(). */
int vcpu_start(struct vcpu *v, const struct vcpu_host *host, struct bp_err *err);
/* Send to all n, then wait for all: 0, or -ETIMEDOUT (30 s). VCPU_FINISH also joins the threads. */
int vcpus_command(struct vcpu **v, uint32_t n, enum vcpu_cmd cmd);

/* Register the group "vcpu" with core/metrics. Once per process. */
int vcpu_metrics_register(void);

#endif
