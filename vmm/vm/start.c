/* SPDX-License-Identifier: Apache-2.0 */
/* InstanceStart: from a configuration to a running guest, or back without a trace. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "core/cleanup.h"
#include "core/errtext.h"
#include "core/log.h"
#include "vm/vm_priv.h"

struct started {
    struct boot_kernel kernel;
    struct boot_initrd initrd;
    struct cmdline cmdline;
    struct boot_device dev[VM_DEVICES_MAX];
    uint32_t n_dev;
    uint64_t next_slot;
};

/* Put what was done in front of what went wrong. */
static int prefix(struct bp_err *err, const char *text)
{
    struct bp_err inner = *err;

    (void)snprintf(err->text, sizeof(err->text), "%s%.1900s", text, inner.text);
    return err->code;
}

static int finish_machine(struct vm *v, struct bp_err *err)
{
    struct machine_spec spec;
    int r;

    vm_spec(v, &spec);
    for (;;) {
        r = machine_step(v->machine, &spec, err);
        if (r < 0) {
            return prefix(err, "Internal error while starting microVM: ");
        }
        if (r > 0) {
            return 0;
        }
    }
}

static int load_images(struct vm *v, struct started *s, struct bp_err *err)
{
    struct machine_spec spec;
    int r;

    vm_spec(v, &spec);
    if (!v->machine) {
        v->machine = machine_new();
        if (!v->machine) {
            return bp_fail(err, -ENOMEM, BP_E_HOST, "Out of memory");
        }
    }
    r = machine_map(v->machine, &spec, err);
    if (r < 0) {
        return prefix(err, "Invalid Memory Configuration: ");
    }
    r = boot_load_kernel(v->boot.kernel_fd, &v->machine->mem, false, &s->kernel, err);
    if (r < 0) {
        /* The contract's text names no file, so the log does. */
        log_error("The kernel image at fault is %s", v->boot.kernel_path);
        return r;
    }
    if (v->boot.initrd_fd >= 0) {
        r = boot_load_initrd(v->boot.initrd_fd, &v->machine->mem, &s->kernel, &s->initrd, err);
        if (r < 0) {
            log_error("The initrd at fault is %s", v->boot.initrd_path);
        }
    }
    return r;
}

static int event_fd(int *ret_fd, struct bp_err *err)
{
    char text[128];
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0) {
        int e = errno;

        return bp_fail(err, -e, BP_E_HOST,
                       "Internal error while starting microVM: Event fd error: %s",
                       errtext_display(e, text, sizeof(text)));
    }
    *ret_fd = fd;
    return 0;
}

static void guest_reset(void *arg)
{
    struct vm *v = arg;

    loop_stop(v->loop, 0);
}

static int bind_irq(struct vm *v, int fd, uint32_t gsi, struct bp_err *err)
{
    char text[128];
    int r = kvm_irqfd(&v->machine->kvm, fd, gsi);

    if (r < 0) {
        return bp_fail(err, r, BP_E_HOST,
                       "Cannot initialize a MMIO Device or add a device to the MMIO Bus or "
                       "cmdline: Failed to register irqfd: %s",
                       errtext_display(-r, text, sizeof(text)));
    }
    return 0;
}

static int attach_legacy(struct vm *v, struct started *s, struct bp_err *err)
{
    int r = event_fd(&v->irq_serial, err);

    if (r == 0) {
        r = event_fd(&v->irq_keyboard, err);
    }
    if (r == 0) {
        r = bind_irq(v, v->irq_serial, VM_GSI_SERIAL, err);
    }
    if (r == 0) {
        r = bind_irq(v, v->irq_keyboard, VM_GSI_KEYBOARD, err);
    }
    if (r < 0) {
        return r;
    }
    v->serial = serial_new(v->loop, v->irq_serial, v->opts.serial_out, v->opts.serial_in);
    v->i8042 = i8042_new(v->irq_keyboard, guest_reset, v);
    if (!v->serial || !v->i8042) {
        return bp_fail(err, -ENOMEM, BP_E_HOST,
                       "Internal error while starting microVM: Out of memory");
    }
    r = serial_attach(v->serial, &v->pio);
    if (r == 0) {
        r = i8042_attach(v->i8042, &v->pio);
    }
    if (r == 0 && v->opts.boot_timer) {
        r = boot_timer_attach(&v->boot_timer, &v->mmio, s->next_slot);
        s->next_slot += VM_MMIO_SLOT;
    }
    return r < 0 ? bp_fail(err, r, BP_E_HOST, "Cannot attach a legacy device to its bus") : 0;
}

/* The cmdline service of a cold boot: a device's own words on the kernel command line. */
static int env_cmdline(void *arg, const char *text, struct bp_err *err)
{
    struct vm *v = arg;
    int r = cmdline_insert(v->cmdline, text, err);

    return r < 0 ? prefix(err, "Invalid kernel command line: ") : 0;
}

#define MMIO_ERROR "Cannot initialize a MMIO Device or add a device to the MMIO Bus or cmdline: "

static void mmio_read(void *arg, uint64_t off, void *buf, uint32_t len)
{
    host_dev_mmio_read(arg, off, buf, len);
}

static void mmio_write(void *arg, uint64_t off, const void *buf, uint32_t len)
{
    host_dev_mmio_write(arg, off, buf, len);
}

static int bind_doorbells(struct vm *v, struct bp_dev *d, struct bp_err *err)
{
    char text[128];

    for (uint32_t i = 0; i < d->info->n_queues; i++) {
        int r = kvm_ioeventfd(&v->machine->kvm, d->queues[i].kick_fd, d->mmio_base + 0x50, 4, i);

        if (r < 0) {
            return bp_fail(err, r, BP_E_HOST, MMIO_ERROR "Failed to register IO event: %s",
                           errtext_display(-r, text, sizeof(text)));
        }
    }
    return 0;
}

static int attach_device(struct vm *v, struct started *s, struct bp_dev *d, struct bp_err *err)
{
    struct bus_window w = { .read = mmio_read, .write = mmio_write, .arg = d };
    struct boot_device *b = &s->dev[s->n_dev];
    char token[64];
    int r = host_dev_start(d, &v->machine->mem, err);

    if (r < 0) {
        return r;
    }
    d->gsi = VM_GSI_FIRST + s->n_dev;
    d->mmio_base = s->next_slot;
    w.base = d->mmio_base;
    w.len = d->info->mmio_len ? d->info->mmio_len : VM_MMIO_SLOT;
    s->next_slot += (w.len + VM_MMIO_SLOT - 1) / VM_MMIO_SLOT * VM_MMIO_SLOT;
    r = bus_add(&v->mmio, &w);
    if (r < 0) {
        return bp_fail(err, r, BP_E_HOST, MMIO_ERROR "Failed to insert device on the bus: %s",
                       "New device overlaps with an old device.");
    }
    r = event_fd(&d->irq_fd, err);
    if (r == 0) {
        r = bind_irq(v, d->irq_fd, d->gsi, err);
    }
    if (r == 0) {
        r = bind_doorbells(v, d, err);
    }
    if (r < 0) {
        return r;
    }
    *b = (struct boot_device){ d->mmio_base, (uint32_t)w.len, d->gsi, d->info->acpi_hid };
    s->n_dev++;
    if (d->info->n_queues == 0) {
        return 0;
    }
    (void)snprintf(token, sizeof(token), "virtio_mmio.device=4K@0x%llx:%u",
                   (unsigned long long)d->mmio_base, d->gsi);
    r = cmdline_insert(&s->cmdline, token, err);
    return r < 0 ? prefix(err, MMIO_ERROR "Failed to allocate requested resourc: ") : 0;
}

static int attach_devices(struct vm *v, struct started *s, struct bp_err *err)
{
    struct bp_dev *order[VM_DEVICES_MAX];
    uint32_t n;
    int r = 0;

    if (v->devices.n > VM_DEVICES_MAX) {
        return bp_fail(err, -ENOSPC, BP_E_CONFIG,
                       MMIO_ERROR "Failed to allocate requested resource: The requested resource "
                                  "is not available.");
    }
    n = devices_bus_order(&v->devices, order, VM_DEVICES_MAX);
    v->cmdline = &s->cmdline;
    v->env.cmdline = env_cmdline;
    for (uint32_t i = 0; i < n && r == 0; i++) {
        r = attach_device(v, s, order[i], err);
    }
    v->env.cmdline = NULL;
    v->cmdline = NULL;
    return r;
}

static void cpu_exited(void *arg, uint32_t index, int code)
{
    struct vm *v = arg;

    (void)index;
    loop_stop(v->loop, code);
}

static void cpu_serve(void *arg)
{
    struct vm *v = arg;

    loop_serve(v->loop);
}

static int start_cpus(struct vm *v, const struct started *s, struct bp_err *err)
{
    struct machine *m = v->machine;
    int r;

    for (uint32_t i = 0; i < m->n_vcpus; i++) {
        r = vcpu_configure(m->vcpu[i], &m->kvm, m->n_vcpus, v->mc.smt, s->kernel.proto,
                           s->kernel.entry, err);
        if (r < 0) {
            return prefix(err, "Internal error while starting microVM: ");
        }
    }
    r = boot_write_tables(&m->mem, &s->kernel, &s->initrd, &s->cmdline, m->n_vcpus, s->dev,
                          s->n_dev, err);
    if (r == 0) {
        r = serial_start_input(v->serial, err);
    }
    if (r < 0) {
        return r;
    }
    v->vcpu_host = (struct vcpu_host){ &v->mmio, &v->pio, cpu_exited, cpu_serve, v };
    v->cpus_running = true;
    for (uint32_t i = 0; i < m->n_vcpus; i++) {
        r = vcpu_start(m->vcpu[i], &v->vcpu_host, err);
        if (r < 0) {
            return prefix(err, "Internal error while starting microVM: ");
        }
    }
    r = vcpus_command(m->vcpu, m->n_vcpus, VCPU_RESUME);
    if (r < 0) {
        return bp_fail(err, r, BP_E_HOST,
                       "Internal error while starting microVM: Failed to message the vCPUs.");
    }
    return 0;
}

static void stamp(struct boot_timer *t)
{
    struct timespec ts = { 0 };

    t->start_ns = loop_now_ns();
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    t->start_cpu_ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int vm_start(struct vm *v, struct bp_err *err)
{
    struct started s = { .next_slot = VM_MMIO_BASE };
    int r;

    stamp(&v->boot_timer);
    if (!v->boot.set) {
        return bp_fail(err, -EINVAL, BP_E_CONFIG,
                       "Cannot start microvm without kernel configuration.");
    }
    s.cmdline = v->boot.cmdline;
    r = load_images(v, &s, err);
    if (r == 0) {
        r = finish_machine(v, err);
    }
    if (r == 0) {
        r = attach_legacy(v, &s, err);
    }
    if (r == 0) {
        r = attach_devices(v, &s, err);
    }
    if (r == 0) {
        r = start_cpus(v, &s, err);
    }
    if (r < 0) {
        vm_stop_cpus(v);
        vm_undo_start(v);
        return r;
    }
    v->state = VM_RUNNING;
    return 0;
}
