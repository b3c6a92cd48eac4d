/* SPDX-License-Identifier: Apache-2.0 */
/* The devices of the DSDT, one writer each. */
#ifndef BP_BOOT_X86_ACPI_H
#define BP_BOOT_X86_ACPI_H

#include "boot/aml.h"
#include "boot/boot.h"

void acpi_virtual_device(struct aml *a, const struct boot_device *d);
void acpi_serial(struct aml *a);
void acpi_keyboard(struct aml *a);

#endif
