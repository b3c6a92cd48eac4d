/* SPDX-License-Identifier: Apache-2.0 */
/* The Intel MP table, for guests that do not read ACPI. No state. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "boot/tables.h"
#include "kvm/x86_layout.h"

#define FLOATING_LEN 16u
#define HEADER_LEN 44u
#define CPU_LEN 20u
#define ENTRY_LEN 8u
#define N_IRQS 24u
#define CPUS_MAX 254u
#define FIXED_LEN (FLOATING_LEN + HEADER_LEN + (1 + 1 + N_IRQS + 2) * ENTRY_LEN)
#define APIC_VERSION 0x14

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v & 0xffff);
    put16(p + 2, v >> 16);
}

static void fill_cpu(uint8_t *e, uint32_t i)
{
    e[1] = (uint8_t)i;
    e[2] = APIC_VERSION;
    e[3] = i == 0 ? 3 : 1; /* enabled, boot processor */
    put32(e + 4, 0x600);   /* family 6 */
    put32(e + 8, 0x201);   /* FPU, APIC */
}

/* Bus, I/O APIC, its 24 inputs, and the two local ones. */
static void fill_entries(uint8_t *e, uint32_t n_vcpus)
{
    const uint8_t ioapic_id = (uint8_t)(n_vcpus + 1);

    e[0] = 1;
    memcpy(e + 2, "ISA   ", 6);
    e += ENTRY_LEN;
    e[0] = 2;
    e[1] = ioapic_id;
    e[2] = APIC_VERSION;
    e[3] = 1;
    put32(e + 4, X86_IOAPIC);
    for (uint32_t i = 0; i < N_IRQS; i++) {
        e += ENTRY_LEN;
        e[0] = 3;
        e[5] = (uint8_t)i;
        e[6] = ioapic_id;
        e[7] = (uint8_t)i;
    }
    e += ENTRY_LEN;
    e[0] = 4;
    e[1] = 3; /* ExtINT at LINT 0 of the boot processor */
    e += ENTRY_LEN;
    e[0] = 4;
    e[1] = 1; /* NMI at LINT 1 of all */
    e[6] = 0xff;
    e[7] = 1;
}

int mptable_write(struct table_pool *p, uint32_t n_vcpus)
{
    uint8_t t[FIXED_LEN + CPUS_MAX * CPU_LEN] = { 0 };
    uint8_t *header = t + FLOATING_LEN;
    uint32_t len = FIXED_LEN + n_vcpus * CPU_LEN;
    uint64_t gpa;

    if (n_vcpus == 0 || n_vcpus > CPUS_MAX) {
        return -EINVAL;
    }
    for (uint32_t i = 0; i < n_vcpus; i++) {
        fill_cpu(header + HEADER_LEN + i * CPU_LEN, i);
    }
    fill_entries(header + HEADER_LEN + n_vcpus * CPU_LEN, n_vcpus);

    memcpy(header, "PCMP", 4);
    put16(header + 4, len - FLOATING_LEN);
    header[6] = 4;
    memcpy(header + 8, "BCKPLN  ", 8);
    memcpy(header + 16, "MICROVM     ", 12);
    put16(header + 34, n_vcpus + 2 + N_IRQS + 2);
    put32(header + 36, X86_LAPIC);
    header[7] = table_checksum(header, len - FLOATING_LEN);

    memcpy(t, "_MP_", 4);
    put32(t + 4, (uint32_t)p->next + FLOATING_LEN);
    t[8] = 1;
    t[9] = 4;
    t[10] = table_checksum(t, FLOATING_LEN);
    return pool_write(p, t, len, &gpa);
}
