/* SPDX-License-Identifier: Apache-2.0 */
/* A started VM: pause, resume, keys, and taking it apart. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "vm/vm_priv.h"

#define PAUSE_DEADLINE_NS 10000000000ull
#define PAUSE_POLL_MS 10

static int tell_cpus(struct vm *v, enum vcpu_cmd cmd, struct bp_err *err)
{
    int r = vcpus_command(v->machine->vcpu, v->machine->n_vcpus, cmd);

    if (r < 0) {
        return bp_fail(err, r, BP_E_HOST, "Internal Vmm error: Failed to message the vCPUs.");
    }
    return 0;
}

static void resume_devices(struct vm *v)
{
    for (struct bp_dev *d = v->devices.first; d; d = d->next) {
        (void)host_dev_resume(d);
    }
}

/* Wait until no device has a request in flight. */
static int quiesce_devices(struct vm *v, struct bp_err *err)
{
    uint64_t until = loop_now_ns() + PAUSE_DEADLINE_NS;

    for (struct bp_dev *d = v->devices.first; d; d = d->next) {
        int r;

        while ((r = host_dev_pause(d)) == 1 && loop_now_ns() < until) {
            (void)loop_step(v->loop, PAUSE_POLL_MS);
        }
        if (r != 0) {
            return bp_fail(err, -ETIMEDOUT, BP_E_HOST,
                           "Internal Vmm error: Device %.64s has requests in flight that do not "
                           "finish.",
                           d->id);
        }
    }
    return 0;
}

int vm_pause(struct vm *v, struct bp_err *err)
{
    int r = tell_cpus(v, VCPU_PAUSE, err);

    if (r < 0 || v->state == VM_PAUSED) {
        return r;
    }
    r = quiesce_devices(v, err);
    if (r < 0) {
        struct bp_err again;

        resume_devices(v);
        (void)tell_cpus(v, VCPU_RESUME, &again);
        return r;
    }
    v->state = VM_PAUSED;
    return 0;
}

int vm_resume(struct vm *v, struct bp_err *err)
{
    int r;

    log_info("Artificially kick devices.");
    resume_devices(v);
    devices_kick(&v->devices);
    r = tell_cpus(v, VCPU_RESUME, err);
    if (r == 0) {
        v->state = VM_RUNNING;
    }
    return r;
}

int vm_ctrl_alt_del(struct vm *v, struct bp_err *err)
{
    return i8042_ctrl_alt_del(v->i8042, err);
}

void vm_stop_cpus(struct vm *v)
{
    if (!v->cpus_running) {
        return;
    }
    log_info("Vmm is stopping.");
    if (vcpus_command(v->machine->vcpu, v->machine->n_vcpus, VCPU_FINISH) < 0) {
        log_error("Failed to tear down Vmm: the vcpu threads have not finished execution.");
        _exit(1); /* their memory cannot be freed under them */
    }
    v->cpus_running = false;
}

void vm_undo_start(struct vm *v)
{
    for (struct bp_dev *d = v->devices.first; d; d = d->next) {
        host_dev_stop(d);
    }
    serial_free(v->serial);
    i8042_free(v->i8042);
    v->serial = NULL;
    v->i8042 = NULL;
    if (v->irq_serial >= 0) {
        (void)close(v->irq_serial);
    }
    if (v->irq_keyboard >= 0) {
        (void)close(v->irq_keyboard);
    }
    v->irq_serial = -1;
    v->irq_keyboard = -1;
    memset(&v->mmio, 0, sizeof(v->mmio));
    memset(&v->pio, 0, sizeof(v->pio));
    machine_free(v->machine);
    v->machine = NULL;
}
