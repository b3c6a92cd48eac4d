/* SPDX-License-Identifier: Apache-2.0 */
/* Prints a dot now and then for ever: shows whether the vCPU runs. */
#include "kit.h"

void guest_main(void)
{
    put("READY\n");
    for (;;) {
        for (uint32_t i = 0; i < 2000; i++) {
            __asm__ volatile("" : : : "memory");
        }
        put(".");
    }
}
