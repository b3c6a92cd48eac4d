/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The four serial ports and the host side of the first: standard output, and input that the loop
 * reads into the receive FIFO and leaves alone while that is full. Loop thread, except for the
 * port callbacks, which run on vCPU threads and only touch the ports.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "bus/legacy.h"
#include "bus/legacy_metrics.h"
#include "bus/uart.h"
#include "core/errtext.h"
#include "core/log.h"

struct serial {
    struct loop *loop;
    int in_fd, ready_fd;
    int in_flags; /* of in_fd before it became non-blocking; -1: untouched */
    struct loop_source *in_src, *ready_src;
    bool in_paused; /* FIFO full: the source exists but listens to nothing */
    struct uart com1, com3, com24;
};

/* What serial_restore_terminal() needs from signal context: 1 says that fd and modes are valid. */
static int32_t term_raw;
static int term_fd = -1;
static struct termios term_modes;

static void port_read(void *arg, uint64_t off, void *buf, uint32_t len)
{
    if (len != 1) {
        bp_count(uart_counters, UART_MISSED_READ, 1);
        return;
    }
    *(uint8_t *)buf = uart_get(arg, (uint8_t)off);
}

static void port_write(void *arg, uint64_t off, const void *buf, uint32_t len)
{
    if (len != 1) {
        bp_count(uart_counters, UART_MISSED_WRITE, 1);
        return;
    }
    uart_put(arg, (uint8_t)off, *(const uint8_t *)buf);
}

static int set_nonblock(int fd, int *ret_flags)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        return -errno;
    }
    *ret_flags = flags;
    return 0;
}

struct serial *serial_new(struct loop *l, int irq_fd, int out_fd, int in_fd)
{
    struct serial *s = calloc(1, sizeof(*s));
    int flags;

    if (!s) {
        return NULL;
    }
    s->loop = l;
    s->in_fd = in_fd;
    s->in_flags = -1;
    s->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->ready_fd < 0) {
        free(s);
        return NULL;
    }
    if (out_fd >= 0) {
        (void)set_nonblock(out_fd, &flags); /* a vCPU must never wait for a reader */
    }
    uart_init(&s->com1, irq_fd, out_fd, s->ready_fd);
    uart_init(&s->com3, irq_fd, -1, -1);
    uart_init(&s->com24, -1, -1, -1);
    return s;
}

static void stop_input(struct serial *s)
{
    loop_source_del(s->in_src);
    loop_source_del(s->ready_src);
    s->in_src = NULL;
    s->ready_src = NULL;
}

void serial_free(struct serial *s)
{
    if (!s) {
        return;
    }
    stop_input(s);
    serial_restore_terminal();
    if (s->in_flags >= 0) {
        (void)fcntl(s->in_fd, F_SETFL, s->in_flags);
    }
    close(s->ready_fd);
    uart_done(&s->com1);
    uart_done(&s->com3);
    uart_done(&s->com24);
    free(s);
}

int serial_attach(struct serial *s, struct bus *pio)
{
    const struct {
        uint16_t base;
        struct uart *uart;
    } ports[] = {
        { 0x3f8, &s->com1 }, { 0x2f8, &s->com24 }, { 0x3e8, &s->com3 }, { 0x2e8, &s->com24 }
    };

    for (uint32_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        const struct bus_window w = { .base = ports[i].base,
                                      .len = UART_PORTS,
                                      .read = port_read,
                                      .write = port_write,
                                      .arg = ports[i].uart };
        int r = bus_add(pio, &w);

        if (r < 0) {
            return r;
        }
    }
    return 0;
}

/* Read no more than the FIFO can take; a full FIFO silences the source until it drains. */
static void take_input(struct serial *s)
{
    uint8_t buf[UART_FIFO];
    uint32_t room = uart_room(&s->com1);
    ssize_t r;

    if (room == 0) {
        if (!s->in_paused && loop_fd_mod(s->in_src, 0) == 0) {
            s->in_paused = true;
        }
        return;
    }
    r = read(s->in_fd, buf, room);
    if (r > 0) {
        uart_receive(&s->com1, buf, (uint32_t)r);
    } else if (r < 0 && (errno == EAGAIN || errno == EINTR)) {
        if (s->in_paused && loop_fd_mod(s->in_src, BP_FD_READ) == 0) {
            s->in_paused = false;
        }
    } else {
        stop_input(s);
        log_warn("Detached the serial input due to peer close/error.");
    }
}

static void on_input(void *arg, int fd, uint32_t events)
{
    struct serial *s = arg;

    (void)fd;
    (void)events;
    /* A hang-up is reported even by a source that listens to nothing; with a full FIFO that
     * would spin, so the source goes and the drain makes a new one. */
    if (s->in_paused) {
        loop_source_del(s->in_src);
        s->in_src = NULL;
        return;
    }
    take_input(s);
}

static void on_drained(void *arg, int fd, uint32_t events)
{
    struct serial *s = arg;
    uint64_t n;

    (void)events;
    if (read(fd, &n, sizeof(n)) < 0 && errno == EAGAIN) {
        return;
    }
    if (!s->in_paused) {
        return;
    }
    if (!s->in_src) {
        if (loop_fd_add(s->loop, s->in_fd, BP_FD_READ, on_input, s, &s->in_src) < 0) {
            stop_input(s);
            return;
        }
    } else if (loop_fd_mod(s->in_src, BP_FD_READ) < 0) {
        return;
    }
    s->in_paused = false;
}

static int make_raw(struct serial *s, struct bp_err *err)
{
    char text[160];
    struct termios t;

    if (tcgetattr(s->in_fd, &t) < 0) {
        goto fail;
    }
    term_modes = t;
    term_modes.c_lflag |= ICANON | ECHO | ISIG;
    term_fd = s->in_fd;
    t.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
    if (tcsetattr(s->in_fd, TCSANOW, &t) < 0) {
        goto fail;
    }
    __atomic_store_n(&term_raw, 1, __ATOMIC_RELEASE); /* pairs with serial_restore_terminal */
    return 0;
fail:
    return bp_fail(err, -errno, BP_E_HOST, "Cannot set raw mode for the terminal. %s",
                   errtext_debug(errno, text, sizeof(text)));
}

int serial_start_input(struct serial *s, struct bp_err *err)
{
    char text[160];
    struct stat st;
    bool tty;
    int r;

    if (s->in_fd < 0 || fstat(s->in_fd, &st) < 0) {
        return 0;
    }
    tty = isatty(s->in_fd);
    if (!tty && !S_ISFIFO(st.st_mode)) {
        return 0; /* files and /dev/null are no input that one can wait for */
    }
    if (tty) {
        r = make_raw(s, err);
        if (r < 0) {
            return r;
        }
    }
    r = set_nonblock(s->in_fd, &s->in_flags);
    if (r < 0) {
        return bp_fail(err, r, BP_E_HOST, "Cannot set non block for the terminal. %s",
                       errtext_debug(-r, text, sizeof(text)));
    }
    r = loop_fd_add(s->loop, s->ready_fd, BP_FD_READ, on_drained, s, &s->ready_src);
    if (r == 0) {
        r = loop_fd_add(s->loop, s->in_fd, BP_FD_READ, on_input, s, &s->in_src);
    }
    if (r < 0) {
        stop_input(s);
        return bp_fail(err, r, BP_E_HOST, "Event fd error: %s",
                       errtext_display(-r, text, sizeof(text)));
    }
    return 0;
}

void serial_restore_terminal(void)
{
    int saved = errno;

    if (__atomic_exchange_n(&term_raw, 0, __ATOMIC_ACQ_REL) == 1) {
        (void)tcsetattr(term_fd, TCSANOW, &term_modes);
    }
    errno = saved;
}
