/* SPDX-License-Identifier: Apache-2.0 */
/* The VM object: configuration before the start, and the work done while nobody asks for any. */
#include "vm/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/errtext.h"
#include "core/log.h"
#include "vm/vm_priv.h"

#define IDLE_BEFORE_WORK_MS 1
#define IDLE_AT_FIRST_MS 3 /* the first client is about to connect: let it be answered first */

static bool idle_work(void *arg);

struct vm *vm_new(struct loop *l, const struct vm_opts *o)
{
    struct vm *v = calloc(1, sizeof(*v));

    if (!v) {
        return NULL;
    }
    v->loop = l;
    v->opts = *o;
    v->mc = (struct machine_config){ .vcpu_count = 1, .mem_size_mib = 128 };
    v->boot.kernel_fd = -1;
    v->boot.initrd_fd = -1;
    v->irq_serial = -1;
    v->irq_keyboard = -1;
    v->env.loop = l;
    v->env.arg = v;
    registry_init(&v->registry);
    devices_init(&v->devices, &v->env);
    loop_set_idle(l, idle_work, v, IDLE_AT_FIRST_MS);
    return v;
}

static void boot_source_done(struct boot_source *b)
{
    if (b->kernel_fd >= 0) {
        (void)close(b->kernel_fd);
    }
    if (b->initrd_fd >= 0) {
        (void)close(b->initrd_fd);
    }
    free(b->kernel_path);
    free(b->initrd_path);
    free(b->args);
}

void vm_free(struct vm *v)
{
    if (!v) {
        return;
    }
    loop_set_idle(v->loop, NULL, NULL, 0);
    loop_close_calls(v->loop); /* a vCPU that waits for a device must not wait for ever */
    vm_stop_cpus(v);
    devices_done(&v->devices);
    vm_undo_start(v);
    registry_done(&v->registry);
    boot_source_done(&v->boot);
    free(v);
}

enum vm_state vm_state(const struct vm *v)
{
    return v->state;
}

const char *vm_state_name(const struct vm *v)
{
    switch (v->state) {
    case VM_NOT_STARTED:
        return "Not started";
    case VM_RUNNING:
        return "Running";
    case VM_PAUSED:
        return "Paused";
    }
    return "Not started";
}

const char *vm_id(const struct vm *v)
{
    return v->opts.id;
}

const struct machine_config *vm_machine_config(const struct vm *v)
{
    return &v->mc;
}

struct registry *vm_registry(struct vm *v)
{
    return &v->registry;
}

struct devices *vm_devices(struct vm *v)
{
    return &v->devices;
}

void vm_spec(const struct vm *v, struct machine_spec *ret_spec)
{
    uint64_t bytes;

    if (__builtin_mul_overflow(v->mc.mem_size_mib, (uint64_t)1 << 20, &bytes)) {
        bytes = UINT64_MAX; /* no host maps that: the start reports it */
    }
    ret_spec->mem_bytes = bytes;
    ret_spec->n_vcpus = v->mc.vcpu_count;
    ret_spec->track_dirty = v->mc.track_dirty_pages;
}

/* The client has changed something that a prepared machine may depend on. */
static void reconsider(struct vm *v)
{
    struct machine_spec spec;

    vm_spec(v, &spec);
    if (v->machine && !machine_fits(v->machine, &spec)) {
        machine_discard(v->machine);
        v->machine = NULL;
    }
    v->configured = true;
    v->prepare_failed = false;
    if (v->machine && machine_complete(v->machine, &spec)) {
        return;
    }
    loop_set_idle(v->loop, idle_work, v, IDLE_BEFORE_WORK_MS);
}

int vm_set_machine_config(struct vm *v, const struct machine_config *mc, struct bp_err *err)
{
    if (mc->smt && mc->vcpu_count > 1 && mc->vcpu_count % 2 != 0) {
        return bp_fail(err, -EINVAL, BP_E_CONFIG,
                       "The vCPU number is invalid! The vCPU number can only be 1 or an even "
                       "number when SMT is enabled.");
    }
    if (mc->mem_size_mib == 0) {
        return bp_fail(err, -EINVAL, BP_E_CONFIG, "The memory size (MiB) is invalid.");
    }
    v->mc = *mc;
    reconsider(v);
    return 0;
}

static int open_image(const char *path, const char *what, int *ret_fd, struct bp_err *err)
{
    char text[128];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0) {
        int e = errno;

        return bp_fail(err, -e, BP_E_CONFIG, "%s%s", what, errtext_display(e, text, sizeof(text)));
    }
    *ret_fd = fd;
    return 0;
}

int vm_set_boot_source(struct vm *v, const char *kernel, const char *initrd, const char *args,
                       struct bp_err *err)
{
    struct boot_source b = { .kernel_fd = -1, .initrd_fd = -1 };
    int r;

    r = open_image(kernel, "The kernel file cannot be opened: ", &b.kernel_fd, err);
    if (r == 0 && initrd) {
        r = open_image(
            initrd, "The initrd file cannot be opened due to invalid path or invalid permissions. ",
            &b.initrd_fd, err);
    }
    if (r == 0) {
        struct bp_err why;

        r = cmdline_init(&b.cmdline, args ? args : BOOT_CMDLINE_DEFAULT, &why);
        if (r < 0) {
            r = bp_fail(err, r, BP_E_CONFIG, "The kernel command line is invalid: %.1900s",
                        why.text);
        }
    }
    if (r == 0) {
        b.kernel_path = strdup(kernel);
        b.initrd_path = initrd ? strdup(initrd) : NULL;
        b.args = args ? strdup(args) : NULL;
        if (!b.kernel_path || (initrd && !b.initrd_path) || (args && !b.args)) {
            r = bp_fail(err, -ENOMEM, BP_E_HOST, "Out of memory");
        }
    }
    if (r < 0) {
        boot_source_done(&b);
        return r;
    }
    b.set = true;
    boot_source_done(&v->boot);
    v->boot = b;
    reconsider(v);
    return 0;
}

void vm_show_boot_source(const struct vm *v, struct bp_jsonw *w, const char *key)
{
    jsonw_open(w, key, BP_J_OBJ);
    jsonw_cstr(w, "kernel_image_path", v->boot.set ? v->boot.kernel_path : "");
    jsonw_cstr(w, "initrd_path", v->boot.initrd_path);
    if (v->boot.args) {
        jsonw_cstr(w, "boot_args", v->boot.args);
    }
    jsonw_close(w);
}

void vm_load_plugins(struct vm *v)
{
    struct bp_err err;

    if (v->plugins_loaded) {
        return;
    }
    v->plugins_loaded = true;
    if (v->opts.plugin_dir[0] != '\0' &&
        registry_load_dir(&v->registry, v->opts.plugin_dir, &err) < 0) {
        log_warn("%s", err.text);
    }
}

bool vm_prepare_step(struct vm *v)
{
    struct machine_spec spec;
    struct bp_err err;
    int r;

    if (v->state != VM_NOT_STARTED || v->prepare_failed) {
        return false;
    }
    if (!v->machine) {
        v->machine = machine_new();
        if (!v->machine) {
            return false;
        }
    }
    vm_spec(v, &spec);
    r = v->configured ? machine_step(v->machine, &spec, &err) : machine_open_step(v->machine, &err);
    if (r < 0) {
        /* The start tries again from scratch and tells the client why it cannot be done. */
        machine_free(v->machine);
        v->machine = NULL;
        v->prepare_failed = true;
    }
    return r == 0;
}

static bool idle_work(void *arg)
{
    struct vm *v = arg;

    if (v->state != VM_NOT_STARTED) {
        return false;
    }
    if (!v->plugins_loaded) {
        vm_load_plugins(v);
        return true;
    }
    return vm_prepare_step(v);
}
