/* SPDX-License-Identifier: Apache-2.0 */
/* Building a machine step by step, memory slots before interrupt chips. */
#include "vm/machine.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct machine *machine_new(void)
{
    struct machine *m = calloc(1, sizeof(*m));

    if (m) {
        kvm_init(&m->kvm);
    }
    return m;
}

void machine_free(struct machine *m)
{
    if (!m) {
        return;
    }
    for (uint32_t i = 0; i < m->n_vcpus; i++) {
        vcpu_free(m->vcpu[i]);
    }
    kvm_done(&m->kvm);
    if (m->has_mem) {
        guestmem_done(&m->mem);
    }
    free(m);
}

static void *discard_thread(void *arg)
{
    machine_free(arg);
    return NULL;
}

void machine_discard(struct machine *m)
{
    pthread_attr_t attr;
    pthread_t t;
    int r;

    if (!m) {
        return;
    }
    if (!m->has_vm || pthread_attr_init(&attr) != 0) {
        machine_free(m);
        return;
    }
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    r = pthread_create(&t, &attr, discard_thread, m);
    (void)pthread_attr_destroy(&attr);
    if (r != 0) {
        machine_free(m);
    }
}

bool machine_fits(const struct machine *m, const struct machine_spec *spec)
{
    if (!m->has_mem) {
        return true;
    }
    return m->spec.mem_bytes == spec->mem_bytes && m->spec.track_dirty == spec->track_dirty &&
           m->n_vcpus <= spec->n_vcpus;
}

bool machine_complete(const struct machine *m, const struct machine_spec *spec)
{
    return m->has_chips && machine_fits(m, spec) && m->n_vcpus == spec->n_vcpus;
}

int machine_open_step(struct machine *m, struct bp_err *err)
{
    int r;

    if (!m->opened) {
        r = kvm_open(&m->kvm, err);
        m->opened = r == 0;
        return r;
    }
    if (!m->has_vm) {
        r = kvm_create_vm(&m->kvm, err);
        m->has_vm = r == 0;
        return r < 0 ? r : 1;
    }
    return 1;
}

int machine_map(struct machine *m, const struct machine_spec *spec, struct bp_err *err)
{
    int r;

    if (m->has_mem) {
        return 0;
    }
    r = guestmem_init(&m->mem, spec->mem_bytes, GUESTMEM_HOLE_START, GUESTMEM_HOLE_END,
                      spec->track_dirty, err);
    if (r == 0) {
        m->has_mem = true;
        m->spec = *spec;
    }
    return r;
}

int machine_step(struct machine *m, const struct machine_spec *spec, struct bp_err *err)
{
    int r;

    if (!m->has_vm) {
        r = machine_open_step(m, err);
        return r < 0 ? r : 0;
    }
    if (!m->has_mem) {
        return machine_map(m, spec, err);
    }
    if (!m->has_slots) {
        r = kvm_set_memory(&m->kvm, &m->mem, err);
        m->has_slots = r == 0;
        return r;
    }
    if (!m->has_chips) {
        r = kvm_create_chips(&m->kvm, err);
        m->has_chips = r == 0;
        return r;
    }
    if (m->n_vcpus < spec->n_vcpus) {
        r = vcpu_new(&m->kvm, m->n_vcpus, &m->vcpu[m->n_vcpus], err);
        if (r < 0) {
            return r;
        }
        m->n_vcpus++;
    }
    return m->n_vcpus == spec->n_vcpus;
}
