/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of the core's own devices, in the order of their metric groups. */
#ifndef BP_BUS_LEGACY_METRICS_H
#define BP_BUS_LEGACY_METRICS_H

#include <stdint.h>

enum i8042_metric {
    I8042_ERROR,
    I8042_MISSED_READ,
    I8042_MISSED_WRITE,
    I8042_READ,
    I8042_RESET,
    I8042_WRITE,
    I8042_METRICS,
};

enum uart_metric {
    UART_ERROR,
    UART_FLUSH,
    UART_MISSED_READ,
    UART_MISSED_WRITE,
    UART_READ,
    UART_WRITE,
    UART_METRICS,
};

/* Bump with bp_count(). */
extern uint64_t i8042_counters[I8042_METRICS];
extern uint64_t uart_counters[UART_METRICS];

#endif
