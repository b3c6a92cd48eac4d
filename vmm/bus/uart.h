/* SPDX-License-Identifier: Apache-2.0 */
/* The register model of one 16550A, apart from where its input comes from. */
#ifndef BP_BUS_UART_H
#define BP_BUS_UART_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define UART_FIFO 64
#define UART_PORTS 8

struct uart {
    pthread_mutex_t lock; /* guards all below except the fds */
    int irq_fd;           /* -1: no interrupt line */
    int out_fd;           /* -1: output is dropped */
    int ready_fd;         /* eventfd written when the receive FIFO drains; -1: nobody cares */
    uint8_t ier, iir, lcr, lsr, mcr, msr, scr, dll, dlm;
    bool out_failed; /* the last byte could not be written: log once */
    uint8_t fifo[UART_FIFO];
    uint32_t head, n;
};

void uart_init(struct uart *u, int irq_fd, int out_fd, int ready_fd);
void uart_done(struct uart *u);
uint8_t uart_get(struct uart *u, uint8_t reg); /* [any] */
void uart_put(struct uart *u, uint8_t reg, uint8_t value);
uint32_t uart_room(struct uart *u); /* free bytes of the receive FIFO [any] */
/* Host input. Bytes beyond the FIFO, or sent while the port loops back, are dropped. [any] */
void uart_receive(struct uart *u, const uint8_t *p, uint32_t len);

#endif
