/* SPDX-License-Identifier: Apache-2.0 */
/* The state in which a vCPU starts: MSRs, registers, FPU, segments, local APIC. No state here. */
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/errtext.h"
#include "kvm/vcpu_int.h"
#include "kvm/x86_layout.h"

#define CR0_PE 0x1u
#define CR0_ET 0x10u
#define CR0_PG 0x80000000u
#define CR4_PAE 0x20u
#define EFER_LME 0x100u
#define EFER_LMA 0x400u

#define LVT_LINT0 0x350
#define LVT_LINT1 0x360
#define APIC_EXTINT 7u
#define APIC_NMI 4u

struct boot_msr {
    uint32_t index;
    uint64_t value;
};

static const struct boot_msr boot_msrs[] = {
    { 0x174, 0 },                                            /* SYSENTER_CS, _ESP, _EIP */
    { 0x175, 0 },      { 0x176, 0 },      { 0xc0000081, 0 }, /* STAR, CSTAR, KERNEL_GS_BASE,
                                                                SYSCALL_MASK, LSTAR */
    { 0xc0000083, 0 }, { 0xc0000102, 0 }, { 0xc0000084, 0 }, { 0xc0000082, 0 },
    { 0x10, 0 },      /* TSC */
    { 0x1a0, 1 },     /* MISC_ENABLE: fast strings */
    { 0x2ff, 0x806 }, /* MTRRdefType: enabled, write-back */
};

#define N_MSRS (sizeof(boot_msrs) / sizeof(boot_msrs[0]))

static int fail_regs(struct bp_err *err, int r, const char *what)
{
    char text[128];

    return bp_fail(err, r, BP_E_HOST, "Error configuring the vcpu for boot: %s: %s", what,
                   errtext_display(-r, text, sizeof(text)));
}

static int set_msrs(const struct vcpu *v, struct bp_err *err)
{
    size_t size = sizeof(struct kvm_msrs) + N_MSRS * sizeof(struct kvm_msr_entry);
    _cleanup_free_ struct kvm_msrs *m = calloc(1, size);
    int r;

    if (!m) {
        return fail_regs(err, -ENOMEM, "Failed to set MSRs");
    }
    m->nmsrs = N_MSRS;
    for (uint32_t i = 0; i < N_MSRS; i++) {
        m->entries[i].index = boot_msrs[i].index;
        m->entries[i].data = boot_msrs[i].value;
    }
    r = kvm_ioctl(v->fd, KVM_SET_MSRS, m);
    if (r < 0) {
        return fail_regs(err, r, "Failed to set MSRs");
    }
    if (r != (int)N_MSRS) {
        return bp_fail(err, -EIO, BP_E_HOST,
                       "Error configuring the vcpu for boot: Failed to set MSRs: Not all given "
                       "MSRs were set.");
    }
    return 0;
}

static int set_regs(const struct vcpu *v, enum boot_proto proto, uint64_t entry)
{
    struct kvm_regs regs = { .rflags = 0x2, .rip = entry };

    if (proto == BOOT_PVH) {
        regs.rbx = X86_PVH_INFO;
    } else {
        regs.rsp = X86_BOOT_STACK;
        regs.rbp = X86_BOOT_STACK;
        regs.rsi = X86_ZERO_PAGE;
    }
    return kvm_ioctl(v->fd, KVM_SET_REGS, &regs);
}

static int set_fpu(const struct vcpu *v)
{
    struct kvm_fpu fpu = { .fcw = 0x37f, .mxcsr = 0x1f80 };

    return kvm_ioctl(v->fd, KVM_SET_FPU, &fpu);
}

/* The cached segment that loading selector n * 8 of this descriptor would give. */
static struct kvm_segment segment(uint32_t n, uint64_t desc)
{
    struct kvm_segment s = {
        .base = (desc >> 16 & 0xffffff) | (desc >> 56 & 0xff) << 24,
        .limit = (uint32_t)((desc & 0xffff) | (desc >> 32 & 0xf0000)),
        .selector = (uint16_t)(n * 8),
        .type = desc >> 40 & 0xf,
        .s = desc >> 44 & 1,
        .dpl = desc >> 45 & 3,
        .present = desc >> 47 & 1,
        .avl = desc >> 52 & 1,
        .l = desc >> 53 & 1,
        .db = desc >> 54 & 1,
        .g = desc >> 55 & 1,
    };

    if (s.g) {
        s.limit = s.limit << 12 | 0xfff;
    }
    s.unusable = !s.present;
    return s;
}

static void set_segments(struct kvm_sregs *s, const uint64_t gdt[X86_GDT_ENTRIES])
{
    s->cs = segment(1, gdt[1]);
    s->ds = segment(2, gdt[2]);
    s->es = s->fs = s->gs = s->ss = s->ds;
    s->tr = segment(3, gdt[3]);
    s->gdt.base = X86_BOOT_GDT;
    s->gdt.limit = X86_GDT_ENTRIES * 8 - 1;
    s->idt.base = X86_BOOT_IDT;
    s->idt.limit = 7;
}

static int set_sregs(const struct vcpu *v, enum boot_proto proto)
{
    static const uint64_t gdt64[X86_GDT_ENTRIES] = X86_GDT_LINUX64;
    static const uint64_t gdt32[X86_GDT_ENTRIES] = X86_GDT_PVH;
    struct kvm_sregs s;
    int r = kvm_ioctl(v->fd, KVM_GET_SREGS, &s);

    if (r < 0) {
        return r;
    }
    if (proto == BOOT_PVH) {
        set_segments(&s, gdt32);
        s.cr0 = CR0_PE | CR0_ET;
        s.cr4 = 0;
    } else {
        set_segments(&s, gdt64);
        s.cr0 |= CR0_PE | CR0_PG;
        s.cr3 = X86_PML4;
        s.cr4 |= CR4_PAE;
        s.efer |= EFER_LME | EFER_LMA;
    }
    return kvm_ioctl(v->fd, KVM_SET_SREGS, &s);
}

static void set_delivery(struct kvm_lapic_state *l, uint32_t off, uint32_t mode)
{
    uint32_t lvt;

    memcpy(&lvt, l->regs + off, sizeof(lvt));
    lvt = (lvt & ~0x700u) | mode << 8;
    memcpy(l->regs + off, &lvt, sizeof(lvt));
}

static int set_lapic(const struct vcpu *v)
{
    struct kvm_lapic_state l;
    int r = kvm_ioctl(v->fd, KVM_GET_LAPIC, &l);

    if (r < 0) {
        return r;
    }
    set_delivery(&l, LVT_LINT0, APIC_EXTINT);
    set_delivery(&l, LVT_LINT1, APIC_NMI);
    return kvm_ioctl(v->fd, KVM_SET_LAPIC, &l);
}

int x86_regs_setup(const struct vcpu *v, enum boot_proto proto, uint64_t entry, struct bp_err *err)
{
    int r = set_msrs(v, err);

    if (r < 0) {
        return r;
    }
    r = set_regs(v, proto, entry);
    if (r < 0) {
        return fail_regs(err, r, "Failed to setup registers");
    }
    r = set_fpu(v);
    if (r < 0) {
        return fail_regs(err, r, "Failed to setup FPU");
    }
    r = set_sregs(v, proto);
    if (r < 0) {
        return fail_regs(err, r, "Failed to setup special registers");
    }
    r = set_lapic(v);
    return r < 0 ? fail_regs(err, r, "Failed to configure LAPICs") : 0;
}
