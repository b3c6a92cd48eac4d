/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keyboard controller: reset line, Ctrl-Alt-Del, and just enough registers for a driver to
 * find it. One mutex guards the state, since vCPUs and the control thread both touch it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/legacy.h"
#include "bus/legacy_metrics.h"
#include "core/log.h"

#define I8042_BASE 0x60
#define I8042_LEN 5
#define OFF_DATA 0
#define OFF_COMMAND 4

#define ST_OUT_FULL 0x01
#define ST_PARAM 0x08
#define ST_KBD_ENABLED 0x10
#define CTL_KBD_IRQ 0x01
#define CTL_POST_OK 0x04

#define CMD_READ_CTL 0x20
#define CMD_WRITE_CTL 0x60
#define CMD_READ_OUTP 0xd0
#define CMD_WRITE_OUTP 0xd1
#define CMD_RESET 0xfe

#define RING 16

struct i8042 {
    pthread_mutex_t lock;
    int irq_fd;
    void (*reset)(void *arg);
    void *arg;
    uint8_t status, control, outp, cmd;
    uint8_t ring[RING];
    uint32_t head, n; /* oldest byte and number of bytes */
};

static void flush(struct i8042 *k)
{
    k->n = 0;
    k->status &= (uint8_t)~ST_OUT_FULL;
}

static void push(struct i8042 *k, uint8_t byte)
{
    if (k->n == RING) {
        return;
    }
    k->ring[(k->head + k->n) % RING] = byte;
    k->n++;
    k->status |= ST_OUT_FULL;
}

static uint8_t pop(struct i8042 *k)
{
    uint8_t byte;

    if (k->n == 0) {
        return 0;
    }
    byte = k->ring[k->head];
    k->head = (k->head + 1) % RING;
    k->n--;
    if (k->n == 0) {
        k->status &= (uint8_t)~ST_OUT_FULL;
    }
    return byte;
}

/* False: the guest has the keyboard interrupt switched off. */
static bool raise_irq(struct i8042 *k)
{
    const uint64_t one = 1;

    if (!(k->control & CTL_KBD_IRQ)) {
        return false;
    }
    if (write(k->irq_fd, &one, sizeof(one)) != (ssize_t)sizeof(one)) {
        bp_count(i8042_counters, I8042_ERROR, 1);
    }
    return true;
}

static void i8042_read(void *arg, uint64_t off, void *buf, uint32_t len)
{
    struct i8042 *k = arg;
    uint8_t value = 0;

    if (len != 1 || (off != OFF_DATA && off != OFF_COMMAND)) {
        bp_count(i8042_counters, I8042_MISSED_READ, 1);
        return;
    }
    pthread_mutex_lock(&k->lock);
    if (off == OFF_COMMAND) {
        value = k->status;
    } else {
        value = pop(k);
        if (k->n > 0) {
            (void)raise_irq(k);
        }
    }
    pthread_mutex_unlock(&k->lock);
    *(uint8_t *)buf = value;
    bp_count(i8042_counters, I8042_READ, 1);
}

/* False: not a command this controller knows. */
static bool command(struct i8042 *k, uint8_t cmd)
{
    switch (cmd) {
    case CMD_READ_CTL:
        flush(k);
        push(k, k->control);
        return true;
    case CMD_WRITE_CTL:
        flush(k);
        k->status |= ST_PARAM;
        k->cmd = cmd;
        return true;
    case CMD_READ_OUTP:
        flush(k);
        push(k, k->outp);
        return true;
    case CMD_WRITE_OUTP:
        k->status |= ST_PARAM;
        k->cmd = cmd;
        return true;
    default:
        return false;
    }
}

static void data_write(struct i8042 *k, uint8_t value)
{
    if (!(k->status & ST_PARAM)) {
        flush(k);
        push(k, 0xfa); /* every keyboard command is acknowledged */
        (void)raise_irq(k);
        return;
    }
    if (k->cmd == CMD_WRITE_CTL) {
        k->control = value;
    } else {
        k->outp = value;
    }
    k->status &= (uint8_t)~ST_PARAM;
}

static void i8042_write(void *arg, uint64_t off, const void *buf, uint32_t len)
{
    struct i8042 *k = arg;
    uint8_t value = *(const uint8_t *)buf;
    bool known = true;

    if (len != 1 || (off != OFF_DATA && off != OFF_COMMAND)) {
        bp_count(i8042_counters, I8042_MISSED_WRITE, 1);
        return;
    }
    if (off == OFF_COMMAND && value == CMD_RESET) {
        bp_count(i8042_counters, I8042_RESET, 1);
        bp_count(i8042_counters, I8042_WRITE, 1);
        k->reset(k->arg); /* without the lock: it may end in calls back to this device */
        return;
    }
    pthread_mutex_lock(&k->lock);
    if (off == OFF_COMMAND) {
        known = command(k, value);
    } else {
        data_write(k, value);
    }
    pthread_mutex_unlock(&k->lock);
    bp_count(i8042_counters, known ? I8042_WRITE : I8042_MISSED_WRITE, 1);
}

struct i8042 *i8042_new(int irq_fd, void (*reset)(void *arg), void *arg)
{
    struct i8042 *k = calloc(1, sizeof(*k));

    if (!k) {
        return NULL;
    }
    pthread_mutex_init(&k->lock, NULL);
    k->irq_fd = irq_fd;
    k->reset = reset;
    k->arg = arg;
    k->status = ST_KBD_ENABLED;
    k->control = CTL_POST_OK | CTL_KBD_IRQ;
    return k;
}

void i8042_free(struct i8042 *k)
{
    if (!k) {
        return;
    }
    pthread_mutex_destroy(&k->lock);
    free(k);
}

int i8042_attach(struct i8042 *k, struct bus *pio)
{
    const struct bus_window w = {
        .base = I8042_BASE, .len = I8042_LEN, .read = i8042_read, .write = i8042_write, .arg = k
    };

    return bus_add(pio, &w);
}

int i8042_ctrl_alt_del(struct i8042 *k, struct bp_err *err)
{
    /* Scan code set 2: left Ctrl, left Alt, extended Delete. An interrupt after each key. */
    static const uint8_t codes[] = { 0x14, 0x11, 0xe0, 0x71 };
    bool raised = true;

    pthread_mutex_lock(&k->lock);
    if (RING - k->n < sizeof(codes)) {
        pthread_mutex_unlock(&k->lock);
        return bp_fail(err, -ENOBUFS, BP_E_CONFLICT, "I8042 error: i8042 internal buffer full.");
    }
    for (uint32_t i = 0; i < sizeof(codes); i++) {
        push(k, codes[i]);
        if (codes[i] != 0xe0) {
            raised = raise_irq(k);
        }
    }
    pthread_mutex_unlock(&k->lock);
    if (!raised) {
        log_warn("Failed to trigger i8042 kbd interrupt (disabled by guest OS)");
    }
    return 0;
}
