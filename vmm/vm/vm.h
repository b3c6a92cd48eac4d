/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtual machine as the API sees it. Control thread only. Configuration is kept until
 * vm_start(); a failed start leaves it as it was and may be repeated.
 */
#ifndef BP_VM_VM_H
#define BP_VM_VM_H

#include <backplane/plugin.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/jsonw.h"
#include "loop/loop.h"
#include "plugin/devices.h"
#include "plugin/registry.h"

enum vm_state { VM_NOT_STARTED, VM_RUNNING, VM_PAUSED };

struct vm_opts {
    const char *id;         /* borrowed for the VM's life */
    const char *plugin_dir; /* "" : none */
    bool boot_timer;
    int serial_in, serial_out; /* fds, usually 0 and 1 */
};

struct machine_config {
    uint8_t vcpu_count;
    uint64_t mem_size_mib;
    bool smt, track_dirty_pages;
    char cpu_template[8]; /* "" none set */
};

struct vm;

struct vm *vm_new(struct loop *l, const struct vm_opts *o);
void vm_free(struct vm *v); /* stops vCPUs, frees devices, restores the terminal */
enum vm_state vm_state(const struct vm *v);
const char *vm_state_name(const struct vm *v); /* "Not started", "Running", "Paused" */
const char *vm_id(const struct vm *v);

const struct machine_config *vm_machine_config(const struct vm *v);
/* Whole new configuration; checked (memory 0, odd vCPUs with SMT) and taken over, or refused
 * unchanged. */
int vm_set_machine_config(struct vm *v, const struct machine_config *mc, struct bp_err *err);
/* Opens the files now. initrd and args may be NULL. */
int vm_set_boot_source(struct vm *v, const char *kernel, const char *initrd, const char *args,
                       struct bp_err *err);
void vm_show_boot_source(const struct vm *v, struct bp_jsonw *w, const char *key);

struct registry *vm_registry(struct vm *v);
struct devices *vm_devices(struct vm *v);
/* Load the plugin directory now unless that has happened already. */
void vm_load_plugins(struct vm *v);

int vm_start(struct vm *v, struct bp_err *err);
int vm_pause(struct vm *v, struct bp_err *err);
int vm_resume(struct vm *v, struct bp_err *err);
int vm_ctrl_alt_del(struct vm *v, struct bp_err *err);
/* The VM ended by itself (guest reset, vCPU error): loop_stop() was called with this exit code. */

/* Prepare KVM objects that the next vm_start() can use, one step a call; false: nothing left. */
bool vm_prepare_step(struct vm *v);

#endif
