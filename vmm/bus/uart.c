/* SPDX-License-Identifier: Apache-2.0 */
/* 16550A registers and the bounded receive FIFO. The port's mutex is held inside each function. */
#include "bus/uart.h"

#include <backplane/plugin.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bus/legacy_metrics.h"
#include "core/errtext.h"
#include "core/log.h"

#define REG_DATA 0
#define REG_IER 1
#define REG_IIR 2
#define REG_LCR 3
#define REG_MCR 4
#define REG_LSR 5
#define REG_MSR 6
#define REG_SCR 7

#define IER_RX 0x01
#define IER_TX 0x02
#define IER_MASK 0x0f
#define IIR_NONE 0x01
#define IIR_TX 0x02
#define IIR_RX 0x04
#define IIR_FIFO 0xc0
#define LCR_DLAB 0x80
#define LSR_DATA 0x01
#define LSR_IDLE 0x60
#define MCR_DTR 0x01
#define MCR_RTS 0x02
#define MCR_OUT1 0x04
#define MCR_OUT2 0x08
#define MCR_LOOP 0x10
#define MSR_CTS 0x10
#define MSR_DSR 0x20
#define MSR_RI 0x40
#define MSR_DCD 0x80

void uart_init(struct uart *u, int irq_fd, int out_fd, int ready_fd)
{
    memset(u, 0, sizeof(*u));
    pthread_mutex_init(&u->lock, NULL);
    u->irq_fd = irq_fd;
    u->out_fd = out_fd;
    u->ready_fd = ready_fd;
    u->iir = IIR_NONE;
    u->lcr = 0x03;
    u->lsr = LSR_IDLE;
    u->mcr = MCR_OUT2;
    u->msr = MSR_CTS | MSR_DSR | MSR_DCD;
    u->dll = 0x0c;
}

void uart_done(struct uart *u)
{
    pthread_mutex_destroy(&u->lock);
}

static void signal_fd(int fd)
{
    const uint64_t one = 1;

    if (fd >= 0 && write(fd, &one, sizeof(one)) != (ssize_t)sizeof(one)) {
        bp_count(uart_counters, UART_ERROR, 1);
    }
}

/* Raise the cause unless it is masked or pending already. */
static void raise_irq(struct uart *u, uint8_t enable, uint8_t cause)
{
    if (!(u->ier & enable) || (u->iir & cause)) {
        return;
    }
    u->iir = (uint8_t)((u->iir & ~IIR_NONE) | cause);
    signal_fd(u->irq_fd);
}

static void clear_irq(struct uart *u, uint8_t cause)
{
    u->iir &= (uint8_t)~cause;
    if (u->iir == 0) {
        u->iir = IIR_NONE;
    }
}

static void enqueue(struct uart *u, uint8_t byte)
{
    if (u->n == UART_FIFO) {
        return;
    }
    u->fifo[(u->head + u->n) % UART_FIFO] = byte;
    u->n++;
    u->lsr |= LSR_DATA;
}

static uint8_t dequeue(struct uart *u)
{
    uint8_t byte;

    clear_irq(u, IIR_RX);
    bp_count(uart_counters, UART_READ, 1);
    if (u->n == 0) {
        return 0;
    }
    byte = u->fifo[u->head];
    u->head = (u->head + 1) % UART_FIFO;
    u->n--;
    if (u->n == 0) {
        u->lsr &= (uint8_t)~LSR_DATA;
        signal_fd(u->ready_fd);
    }
    return byte;
}

static uint8_t modem_status(const struct uart *u)
{
    uint8_t msr = 0;

    if (!(u->mcr & MCR_LOOP)) {
        return u->msr;
    }
    msr |= u->mcr & MCR_RTS ? MSR_CTS : 0;
    msr |= u->mcr & MCR_DTR ? MSR_DSR : 0;
    msr |= u->mcr & MCR_OUT1 ? MSR_RI : 0;
    msr |= u->mcr & MCR_OUT2 ? MSR_DCD : 0;
    return msr;
}

uint8_t uart_get(struct uart *u, uint8_t reg)
{
    uint8_t value = 0;
    bool dlab;

    pthread_mutex_lock(&u->lock);
    dlab = u->lcr & LCR_DLAB;
    switch (reg) {
    case REG_DATA:
        value = dlab ? u->dll : dequeue(u);
        break;
    case REG_IER:
        value = dlab ? u->dlm : u->ier;
        break;
    case REG_IIR:
        value = u->iir | IIR_FIFO;
        u->iir = IIR_NONE;
        break;
    case REG_LCR:
        value = u->lcr;
        break;
    case REG_MCR:
        value = u->mcr;
        break;
    case REG_LSR:
        value = u->lsr;
        break;
    case REG_MSR:
        value = modem_status(u);
        break;
    case REG_SCR:
        value = u->scr;
        break;
    default:
        break;
    }
    pthread_mutex_unlock(&u->lock);
    return value;
}

/* The descriptor does not block, so neither does a vCPU whose reader is slow: the byte is lost. */
static void emit(struct uart *u, uint8_t byte)
{
    char text[160];
    ssize_t r = 1;

    if (u->out_fd >= 0) {
        do {
            r = write(u->out_fd, &byte, 1);
        } while (r < 0 && errno == EINTR);
    }
    if (r == 1) {
        bp_count(uart_counters, UART_WRITE, 1);
        u->out_failed = false;
        return;
    }
    bp_count(uart_counters, UART_MISSED_WRITE, 1);
    bp_count(uart_counters, UART_ERROR, 1);
    if (!u->out_failed) {
        u->out_failed = true;
        log_error("Failed the write to serial: %s",
                  errtext_debug(r < 0 ? errno : EIO, text, sizeof(text)));
    }
}

static void transmit(struct uart *u, uint8_t byte)
{
    if (u->mcr & MCR_LOOP) {
        if (u->n < UART_FIFO) {
            enqueue(u, byte);
            raise_irq(u, IER_RX, IIR_RX);
        }
        return;
    }
    emit(u, byte);
    raise_irq(u, IER_TX, IIR_TX);
}

void uart_put(struct uart *u, uint8_t reg, uint8_t value)
{
    bool dlab;

    pthread_mutex_lock(&u->lock);
    dlab = u->lcr & LCR_DLAB;
    switch (reg) {
    case REG_DATA:
        if (dlab) {
            u->dll = value;
        } else {
            transmit(u, value);
        }
        break;
    case REG_IER:
        if (dlab) {
            u->dlm = value;
        } else {
            u->ier = value & IER_MASK;
        }
        break;
    case REG_LCR:
        u->lcr = value;
        break;
    case REG_MCR:
        u->mcr = value;
        break;
    case REG_SCR:
        u->scr = value;
        break;
    default: /* FIFO control, line and modem status take no writes */
        break;
    }
    pthread_mutex_unlock(&u->lock);
}

uint32_t uart_room(struct uart *u)
{
    uint32_t room;

    pthread_mutex_lock(&u->lock);
    room = UART_FIFO - u->n;
    pthread_mutex_unlock(&u->lock);
    return room;
}

void uart_receive(struct uart *u, const uint8_t *p, uint32_t len)
{
    pthread_mutex_lock(&u->lock);
    if (!(u->mcr & MCR_LOOP) && len > 0) {
        for (uint32_t i = 0; i < len; i++) {
            enqueue(u, p[i]);
        }
        raise_irq(u, IER_RX, IIR_RX);
    }
    pthread_mutex_unlock(&u->lock);
}
