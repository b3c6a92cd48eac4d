/* SPDX-License-Identifier: Apache-2.0 */
/* The system and VM descriptors of /dev/kvm. Control thread only. */
#include "kvm/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/errtext.h"

#define API_VERSION 12
#define TSS_ADDR 0xfffbd000ul
#define CPUID_ROOM_MAX 256u
#define KVM_NAME_MAX 128

/* Asking for the guest's use of dynamically enabled XSAVE parts (asm/prctl.h of newer kernels). */
#define XCOMP_GET_SUPP 0x1021
#define XCOMP_REQ_GUEST_PERM 0x1025
#define XCOMP_TILEDATA 18

static const uint32_t required_caps[] = {
    KVM_CAP_IRQCHIP,      KVM_CAP_IOEVENTFD, KVM_CAP_IRQFD,       KVM_CAP_USER_MEMORY,
    KVM_CAP_SET_TSS_ADDR, KVM_CAP_PIT2,      KVM_CAP_PIT_STATE2,  KVM_CAP_ADJUST_CLOCK,
    KVM_CAP_DEBUGREGS,    KVM_CAP_MP_STATE,  KVM_CAP_VCPU_EVENTS, KVM_CAP_XCRS,
    KVM_CAP_XSAVE,        KVM_CAP_EXT_CPUID,
};

int kvm_ioctl(int fd, unsigned long req, void *arg)
{
    int r;

    do {
        r = ioctl(fd, req, arg);
    } while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : r;
}

static int ioctl_num(int fd, unsigned long req, unsigned long arg)
{
    int r;

    do {
        r = ioctl(fd, req, arg);
    } while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : r;
}

void kvm_init(struct kvm *k)
{
    memset(k, 0, sizeof(*k));
    k->sys_fd = -1;
    k->vm_fd = -1;
}

void kvm_done(struct kvm *k)
{
    if (k->vm_fd >= 0) {
        close(k->vm_fd);
    }
    if (k->sys_fd >= 0) {
        close(k->sys_fd);
    }
    free(k->supported);
    kvm_init(k);
}

/* "Vm error: <what><errno text><tail>". */
static int fail_vm(struct bp_err *err, int r, const char *what, const char *tail)
{
    char text[KVM_NAME_MAX];

    return bp_fail(err, r, BP_E_HOST, "Vm error: %s%s%s", what,
                   errtext_display(-r, text, sizeof(text)), tail);
}

static int check_caps(struct kvm *k, struct bp_err *err)
{
    int r = ioctl_num(k->sys_fd, KVM_GET_API_VERSION, 0);

    if (r != API_VERSION) {
        return bp_fail(err, -ENOTSUP, BP_E_HOST,
                       "Vm error: The host kernel reports an invalid KVM API version: %d", r);
    }
    for (uint32_t i = 0; i < sizeof(required_caps) / sizeof(required_caps[0]); i++) {
        if (ioctl_num(k->sys_fd, KVM_CHECK_EXTENSION, required_caps[i]) <= 0) {
            return bp_fail(err, -ENOTSUP, BP_E_HOST, "Vm error: Missing KVM capabilities: 0x%x",
                           required_caps[i]);
        }
    }
    r = ioctl_num(k->sys_fd, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS);
    k->max_slots = r > 0 ? (uint32_t)r : 32;
    return 0;
}

/* Without the permission older kernels report half of AMX and guests die of it. */
static void request_amx(void)
{
    uint64_t supported = 0;

    if (syscall(SYS_arch_prctl, XCOMP_GET_SUPP, &supported) == 0 &&
        (supported >> XCOMP_TILEDATA & 1)) {
        (void)syscall(SYS_arch_prctl, XCOMP_REQ_GUEST_PERM, XCOMP_TILEDATA);
    }
}

static int read_cpuid(struct kvm *k, struct bp_err *err)
{
    struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + CPUID_ROOM_MAX * sizeof(struct kvm_cpuid_entry2));
    int r;

    if (!c) {
        return fail_vm(err, -ENOMEM, "Failed to get supported cpuid: ", "");
    }
    c->nent = CPUID_ROOM_MAX;
    r = kvm_ioctl(k->sys_fd, KVM_GET_SUPPORTED_CPUID, c);
    if (r < 0) {
        free(c);
        return fail_vm(err, r, "Failed to get supported cpuid: ", "");
    }
    k->supported = c;
    return 0;
}

int kvm_open(struct kvm *k, struct bp_err *err)
{
    int r;

    k->sys_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (k->sys_fd < 0) {
        r = -errno;
        return fail_vm(err, r, "Error creating KVM object. [",
                       r == -EACCES ? "]\nMake sure the user launching the firecracker process is "
                                      "configured on the /dev/kvm file's ACL."
                                    : "]");
    }
    r = check_caps(k, err);
    if (r < 0) {
        goto fail;
    }
    r = ioctl_num(k->sys_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (r < (int)sizeof(struct kvm_run)) {
        r = fail_vm(err, r < 0 ? r : -EINVAL, "Failed to get the size of a vCPU's memory: ", "");
        goto fail;
    }
    k->run_size = (uint32_t)r;
    request_amx();
    r = read_cpuid(k, err);
    if (r < 0) {
        goto fail;
    }
    return 0;
fail:
    kvm_done(k);
    return r;
}

int kvm_create_vm(struct kvm *k, struct bp_err *err)
{
    int r = ioctl_num(k->sys_fd, KVM_CREATE_VM, 0);

    if (r < 0) {
        return fail_vm(err, r, "Cannot open the VM file descriptor: ", "");
    }
    k->vm_fd = r;
    return 0;
}

int kvm_set_memory(struct kvm *k, const struct guestmem *m, struct bp_err *err)
{
    if (m->n > k->max_slots) {
        return bp_fail(err, -ENOSPC, BP_E_HOST,
                       "Vm error: The number of configured slots is bigger than the maximum "
                       "reported by KVM");
    }
    for (uint32_t i = 0; i < m->n; i++) {
        struct kvm_userspace_memory_region slot = {
            .slot = i,
            .flags = m->track ? KVM_MEM_LOG_DIRTY_PAGES : 0,
            .guest_phys_addr = m->r[i].gpa,
            .memory_size = m->r[i].len,
            .userspace_addr = (uintptr_t)m->r[i].host,
        };
        int r = kvm_ioctl(k->vm_fd, KVM_SET_USER_MEMORY_REGION, &slot);

        if (r < 0) {
            return fail_vm(err, r, "Cannot set the memory regions: ", "");
        }
    }
    return 0;
}

int kvm_create_chips(struct kvm *k, struct bp_err *err)
{
    /* The kernel answers port 0x61, which the calibration loops of old guests poll. */
    struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
    int r = ioctl_num(k->vm_fd, KVM_SET_TSS_ADDR, TSS_ADDR);

    if (r < 0) {
        return fail_vm(err, r, "Failed to set the TSS address: ", "");
    }
    r = ioctl_num(k->vm_fd, KVM_CREATE_IRQCHIP, 0);
    if (r < 0) {
        return fail_vm(err, r, "Failed to create the interrupt controller: ", "");
    }
    r = kvm_ioctl(k->vm_fd, KVM_CREATE_PIT2, &pit);
    if (r < 0) {
        return fail_vm(err, r, "Failed to create the interval timer: ", "");
    }
    k->has_chips = true;
    return 0;
}

int kvm_irqfd(struct kvm *k, int fd, uint32_t gsi)
{
    struct kvm_irqfd irqfd = { .fd = (uint32_t)fd, .gsi = gsi };

    return kvm_ioctl(k->vm_fd, KVM_IRQFD, &irqfd);
}

int kvm_ioeventfd(struct kvm *k, int fd, uint64_t gpa, uint32_t len, uint32_t datamatch)
{
    struct kvm_ioeventfd ioev = {
        .datamatch = datamatch,
        .addr = gpa,
        .len = len,
        .fd = fd,
        .flags = KVM_IOEVENTFD_FLAG_DATAMATCH,
    };

    return kvm_ioctl(k->vm_fd, KVM_IOEVENTFD, &ioev);
}
