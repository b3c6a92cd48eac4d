/* SPDX-License-Identifier: Apache-2.0 */
/* The core's own devices: 16550A serial port, i8042 controller, boot timer. */
#ifndef BP_BUS_LEGACY_H
#define BP_BUS_LEGACY_H

#include <backplane/plugin.h>
#include <stdbool.h>

#include "bus/bus.h"
#include "loop/loop.h"

struct serial;
/* irq_fd: eventfd of GSI 4, borrowed. out_fd/in_fd: borrowed; in_fd -1: no input. Input is read by
 * the loop (only from a terminal or FIFO) into the bounded receive FIFO and paused when it is full.
 */
struct serial *serial_new(struct loop *l, int irq_fd, int out_fd, int in_fd);
void serial_free(struct serial *s);
int serial_attach(struct serial *s, struct bus *pio); /* 0x3f8, and output-less 0x2f8 0x3e8 0x2e8 */
/* Watch the input from now on; raw terminal mode when it is a terminal (restored by serial_free).
 */
int serial_start_input(struct serial *s, struct bp_err *err);
void serial_restore_terminal(void); /* async-signal-safe, idempotent */

struct i8042;
/* irq_fd: eventfd of GSI 1. reset runs on the vCPU thread that asked for the reset. */
struct i8042 *i8042_new(int irq_fd, void (*reset)(void *arg), void *arg);
void i8042_free(struct i8042 *k);
int i8042_attach(struct i8042 *k, struct bus *pio); /* 0x60..0x64 */
int i8042_ctrl_alt_del(struct i8042 *k,
                       struct bp_err *err); /* [any] "I8042 error: i8042 internal buffer full." */

/* Boot timer window: a byte 123 at offset 0 logs the boot time since the two start stamps. */
struct boot_timer {
    uint64_t start_ns, start_cpu_ns;
};
int boot_timer_attach(struct boot_timer *t, struct bus *mmio, uint64_t base);

/* Register the groups "i8042" and "uart" with core/metrics. Once per process. */
int legacy_metrics_register(void);

#endif
