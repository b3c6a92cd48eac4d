/* SPDX-License-Identifier: Apache-2.0 */
/* What vm.c, start.c and run.c share. */
#ifndef BP_VM_VM_PRIV_H
#define BP_VM_VM_PRIV_H

#include "boot/boot.h"
#include "bus/bus.h"
#include "bus/legacy.h"
#include "vm/machine.h"
#include "vm/vm.h"

#define VM_GSI_KEYBOARD 1u
#define VM_GSI_SERIAL 4u
#define VM_GSI_FIRST 5u
#define VM_GSI_LAST 23u
#define VM_DEVICES_MAX (VM_GSI_LAST - VM_GSI_FIRST + 1)
#define VM_MMIO_BASE GUESTMEM_HOLE_START
#define VM_MMIO_SLOT 0x1000u

struct boot_source {
    int kernel_fd, initrd_fd;               /* -1: none */
    char *kernel_path, *initrd_path, *args; /* as the client gave them; NULL: not given */
    bool set;
    struct cmdline cmdline;
};

struct vm {
    struct loop *loop;
    struct vm_opts opts;
    enum vm_state state;
    struct machine_config mc;
    struct boot_source boot;
    struct registry registry;
    struct devices devices;
    struct host_env env;
    bool plugins_loaded;
    bool configured; /* the client has begun: prepare memory and vCPUs too */

    struct machine *machine; /* prepared, or running; NULL when nothing is prepared */
    bool prepare_failed;

    /* from vm_start() on */
    struct bus mmio, pio;
    struct serial *serial;
    struct i8042 *i8042;
    int irq_serial, irq_keyboard; /* eventfds, -1 */
    struct boot_timer boot_timer;
    struct vcpu_host vcpu_host;
    struct cmdline *cmdline; /* the command line under construction, inside vm_start() only */
    bool cpus_running;       /* threads exist */
};

void vm_spec(const struct vm *v, struct machine_spec *ret_spec);
void vm_stop_cpus(struct vm *v);
/* Free what vm_start() made, keep the configuration. */
void vm_undo_start(struct vm *v);

#endif
