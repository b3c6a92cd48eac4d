/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a PC-less x86-64 machine needs in memory before its first instruction: kernel, initrd,
 * command line, zero page or PVH start info, page tables and GDT, MP table, ACPI tables. Everything
 * is written with checked guestmem functions; image files are hostile input.
 */
#ifndef BP_BOOT_BOOT_H
#define BP_BOOT_BOOT_H

#include <backplane/plugin.h>
#include <stdbool.h>
#include <stdint.h>

#include "kvm/vcpu.h"
#include "mem/guestmem.h"

#define BOOT_CMDLINE_MAX 2048 /* with the NUL */
#define BOOT_CMDLINE_DEFAULT                                                                       \
    "reboot=k panic=1 pci=off nomodule 8250.nr_uarts=0 i8042.noaux i8042.nomux i8042.nopnp "       \
    "i8042.dumbkbd"

struct cmdline {
    char boot[BOOT_CMDLINE_MAX]; /* what goes before " -- " */
    char init[BOOT_CMDLINE_MAX]; /* what goes after */
};

/* Split and trim. -EINVAL: "Invalid cmdline capacity provided." and the other texts of the
 * contract. */
int cmdline_init(struct cmdline *c, const char *text, struct bp_err *err);
/* Append to the boot part with a blank. -E2BIG "Inserting string would make command line too
 * long.", -EINVAL "String contains a non-printable ASCII character." or init args without boot
 * args. */
int cmdline_insert(struct cmdline *c, const char *text, struct bp_err *err);
int cmdline_text(const struct cmdline *c, char *ret_text, size_t cap, struct bp_err *err);

struct boot_kernel {
    enum boot_proto proto;
    uint64_t entry;
    uint64_t end;          /* first byte after the image (init_size for a bzImage) */
    bool has_setup_header; /* bzImage: its own header goes into the zero page */
    uint8_t setup_header[0x80];
    uint32_t setup_header_len;
};

struct boot_initrd {
    uint64_t gpa;
    uint64_t len; /* 0: none */
};

/* A device that the guest finds by MP table/command line and ACPI. */
struct boot_device {
    uint64_t mmio_base;
    uint32_t mmio_len;
    uint32_t gsi;
    const char *acpi_hid; /* NULL: not listed in ACPI */
};

/* fd is read with pread from 0. Error texts: contract 3.3 ("Cannot load kernel due to ..."). An
 * ELF with a PVH note boots by PVH unless it also has a 64-bit Linux entry the caller prefers;
 * we use PVH only when prefer_pvh. */
int boot_load_kernel(int fd, struct guestmem *m, bool prefer_pvh, struct boot_kernel *ret_k,
                     struct bp_err *err);
int boot_load_initrd(int fd, struct guestmem *m, const struct boot_kernel *k,
                     struct boot_initrd *ret_i, struct bp_err *err);
/* Command line, page tables, GDT, zero page/start info, MP table, ACPI. */
int boot_write_tables(struct guestmem *m, const struct boot_kernel *k, const struct boot_initrd *i,
                      const struct cmdline *c, uint32_t n_vcpus, const struct boot_device *dev,
                      uint32_t n_dev, struct bp_err *err);

#endif
