/* SPDX-License-Identifier: Apache-2.0 */
/* The metric groups "i8042" and "uart"; counters are bumped with relaxed atomics. */
#include "bus/legacy_metrics.h"

#include "bus/legacy.h"
#include "core/metrics.h"

uint64_t i8042_counters[I8042_METRICS];
uint64_t uart_counters[UART_METRICS];

static uint64_t i8042_reported[I8042_METRICS];
static uint64_t uart_reported[UART_METRICS];

static const char *const i8042_names[I8042_METRICS] = {
    [I8042_ERROR] = "error_count",
    [I8042_MISSED_READ] = "missed_read_count",
    [I8042_MISSED_WRITE] = "missed_write_count",
    [I8042_READ] = "read_count",
    [I8042_RESET] = "reset_count",
    [I8042_WRITE] = "write_count",
};

static const char *const uart_names[UART_METRICS] = {
    [UART_ERROR] = "error_count",
    [UART_FLUSH] = "flush_count",
    [UART_MISSED_READ] = "missed_read_count",
    [UART_MISSED_WRITE] = "missed_write_count",
    [UART_READ] = "read_count",
    [UART_WRITE] = "write_count",
};

static struct metric_group i8042_group = {
    .key = "i8042",
    .names = i8042_names,
    .n = I8042_METRICS,
    .values = i8042_counters,
    .reported = i8042_reported,
};

static struct metric_group uart_group = {
    .key = "uart",
    .names = uart_names,
    .n = UART_METRICS,
    .values = uart_counters,
    .reported = uart_reported,
};

int legacy_metrics_register(void)
{
    int r = metrics_register(&i8042_group);

    return r < 0 ? r : metrics_register(&uart_group);
}
