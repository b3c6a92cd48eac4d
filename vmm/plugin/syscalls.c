/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls that a plugin declares: known names, none of the forbidden ones. */
#include <errno.h>
#include <seccomp.h>
#include <string.h>

#include "core/cleanup.h"
#include "plugin/priv.h"

/* These give a device more than a device ever needs, or let it out of its filter. */
static const char *const denied[] = {
    "execve",
    "execveat",
    "fork",
    "vfork",
    "clone",
    "clone3",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "bpf",
    "mount",
    "umount2",
    "mount_setattr",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsmount",
    "fsconfig",
    "fspick",
    "pivot_root",
    "chroot",
    "setns",
    "unshare",
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
    "kexec_file_load",
    "open_by_handle_at",
    "perf_event_open",
    "userfaultfd",
    "seccomp",
    "reboot",
    "swapon",
    "swapoff",
    "pidfd_getfd",
    "process_madvise",
    "add_key",
    "request_key",
    "keyctl",
};

/* prctl() only with a named, harmless operation: PR_SET_* would change the process. */
static bool prctl_ok(const struct bp_syscall *s)
{
    return s->op == BP_ARG_EQ && s->arg == 0 &&
           (s->value == 16 /* PR_GET_NAME */ || s->value == 15 /* PR_SET_NAME */);
}

static bool is_denied(const struct bp_syscall *s)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(denied); i++) {
        if (strcmp(s->name, denied[i]) == 0) {
            return true;
        }
    }
    return strcmp(s->name, "prctl") == 0 && !prctl_ok(s);
}

int plugin_check_syscalls(const struct plugin *p, struct bp_err *err)
{
    uint32_t i;

    for (i = 0; i < p->desc.syscalls.count; i++) {
        struct bp_syscall s;

        plugin_row(&p->desc.syscalls, i, &s, sizeof(s));
        if (!s.name || seccomp_syscall_resolve_name(s.name) == __NR_SCMP_ERROR) {
            return bp_fail(err, -EINVAL, BP_E_CONFIG, "It declares the unknown system call `%s`.",
                           s.name ? s.name : "");
        }
        if (s.op > BP_ARG_MASKED || s.arg > 5) {
            return bp_fail(err, -EINVAL, BP_E_CONFIG,
                           "Its condition on system call `%s` is unknown.", s.name);
        }
        if (is_denied(&s)) {
            return bp_fail(err, -EINVAL, BP_E_CONFIG, "It declares the forbidden system call `%s`.",
                           s.name);
        }
    }
    return 0;
}
