/* SPDX-License-Identifier: Apache-2.0 */
/* Where boot structures lie in guest memory, known both to registers and to their writer. */
#ifndef BP_KVM_X86_LAYOUT_H
#define BP_KVM_X86_LAYOUT_H

#define X86_BOOT_GDT 0x500u
#define X86_BOOT_IDT 0x520u
#define X86_PVH_INFO 0x6000u
#define X86_PVH_MODULE 0x6040u
#define X86_ZERO_PAGE 0x7000u /* the memory map when booting by PVH */
#define X86_BOOT_STACK 0x8ff0u
#define X86_PML4 0x9000u
#define X86_PDPT 0xa000u
#define X86_PD 0xb000u
#define X86_CMDLINE 0x20000u
#define X86_TABLES 0x9fc00u /* MP table, then ACPI tables */
#define X86_TABLES_END 0xe0000u
#define X86_RSDP 0xe0000u
#define X86_HIGH_MEMORY 0x100000u
#define X86_IOAPIC 0xfec00000u
#define X86_LAPIC 0xfee00000u

/* Null, code, data, TSS. */
#define X86_GDT_ENTRIES 4
/* clang-format off */
#define X86_GDT_LINUX64 { 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x008f8b000000ffff }
#define X86_GDT_PVH { 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00008b0000000067 }
/* clang-format on */

#endif
