/* SPDX-License-Identifier: Apache-2.0 */
/* Serial registers, receive FIFO, host input, and the keyboard controller. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sys/eventfd.h>
#include <unistd.h>

#include "bus/legacy.h"
#include "bus/legacy_metrics.h"

#define COM1 0x3f8

static struct bus pio;

static uint8_t in(uint64_t port)
{
    uint8_t v;

    assert_true(bus_read(&pio, port, &v, 1));
    return v;
}

static void out(uint64_t port, uint8_t v)
{
    assert_true(bus_write(&pio, port, &v, 1));
}

/* Events since the last look. */
static uint64_t fired(int fd)
{
    uint64_t n = 0;

    return read(fd, &n, sizeof(n)) == (ssize_t)sizeof(n) ? n : 0;
}

static void test_serial(void **state)
{
    static const uint8_t resets[8] = { 0, 0, 0xc1, 3, 8, 0x60, 0xb0, 0 };
    int irq = eventfd(0, EFD_NONBLOCK);
    struct loop *l = loop_new();
    struct serial *s;
    uint64_t lost = uart_counters[UART_ERROR];
    uint32_t word = 0;
    char buf[8];
    int o[2];

    (void)state;
    memset(&pio, 0, sizeof(pio));
    assert_int_equal(pipe(o), 0);
    s = serial_new(l, irq, o[1], -1);
    assert_int_equal(serial_attach(s, &pio), 0);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(in(COM1 + i), resets[i]);
    }
    out(COM1 + 7, 0x5a);
    assert_int_equal(in(COM1 + 7), 0x5a);
    out(COM1 + 3, 0x83);
    assert_int_equal(in(COM1), 0x0c);
    out(COM1, 1);
    out(COM1 + 1, 2);
    assert_int_equal(in(COM1), 1);
    assert_int_equal(in(COM1 + 1), 2);
    out(COM1 + 3, 3);
    out(COM1 + 1, 0xff);
    assert_int_equal(in(COM1 + 1), 0x0f);
    out(COM1, 'x');
    assert_int_equal(read(o[0], buf, sizeof(buf)), 1);
    assert_int_equal(buf[0], 'x');
    assert_int_equal(fired(irq), 1);
    out(COM1, 'y'); /* pending already: no second interrupt */
    assert_int_equal(fired(irq), 0);
    assert_int_equal(in(COM1 + 2), 0xc2);
    assert_int_equal(in(COM1 + 2), 0xc1);
    assert_true(bus_read(&pio, COM1, &word, 4));
    assert_int_equal(word, 0);
    for (uint32_t i = 0; i < 200000; i++) { /* nobody reads: never blocks */
        out(COM1, 'z');
    }
    assert_true(uart_counters[UART_ERROR] > lost);
    serial_free(s);
    loop_free(l);
    close(o[0]);
    close(o[1]);
    close(irq);
}

static void test_loopback_and_fifo(void **state)
{
    struct loop *l = loop_new();
    struct serial *s = serial_new(l, -1, -1, -1);

    (void)state;
    memset(&pio, 0, sizeof(pio));
    assert_int_equal(serial_attach(s, &pio), 0);
    out(COM1 + 4, 0x1f);
    assert_int_equal(in(COM1 + 6), 0xf0);
    for (uint32_t i = 0; i < 100; i++) {
        out(COM1, (uint8_t)i);
    }
    for (uint32_t i = 0; i < 64; i++) {
        assert_int_equal(in(COM1 + 5), 0x61);
        assert_int_equal(in(COM1), i);
    }
    assert_int_equal(in(COM1 + 5), 0x60);
    assert_int_equal(in(COM1), 0);
    serial_free(s);
    loop_free(l);
}

static void test_input(void **state)
{
    struct loop *l = loop_new();
    struct serial *s;
    struct bp_err err;
    uint8_t data[100];
    int p[2];

    (void)state;
    memset(&pio, 0, sizeof(pio));
    for (uint32_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i + 1);
    }
    assert_int_equal(pipe(p), 0);
    s = serial_new(l, -1, -1, p[0]);
    assert_int_equal(serial_attach(s, &pio), 0);
    assert_int_equal(serial_start_input(s, &err), 0);
    assert_int_equal(write(p[1], data, sizeof(data)), sizeof(data));
    for (uint32_t i = 0; i < 10; i++) {
        (void)loop_step(l, 0);
    }
    for (uint32_t i = 0; i < 64; i++) {
        assert_int_equal(in(COM1), i + 1);
    }
    assert_int_equal(in(COM1 + 5), 0x60);
    close(p[1]);
    for (uint32_t i = 0; i < 10; i++) {
        (void)loop_step(l, 0);
    }
    for (uint32_t i = 64; i < 100; i++) {
        assert_int_equal(in(COM1), i + 1);
    }
    for (uint32_t i = 0; i < 5; i++) {
        (void)loop_step(l, 0);
    }
    assert_int_equal(loop_step(l, 0), 0); /* detached: a closed peer causes no more events */
    serial_free(s);
    loop_free(l);
    close(p[0]);
}

static void on_reset(void *arg)
{
    ++*(uint32_t *)arg;
}

static void test_i8042(void **state)
{
    static const uint8_t keys[] = { 0x14, 0x11, 0xe0, 0x71 };
    int irq = eventfd(0, EFD_NONBLOCK);
    uint32_t resets = 0;
    struct i8042 *k = i8042_new(irq, on_reset, &resets);
    struct bp_err err;

    (void)state;
    memset(&pio, 0, sizeof(pio));
    assert_int_equal(i8042_attach(k, &pio), 0);
    assert_int_equal(in(0x64), 0x10);
    out(0x64, 0x20);
    assert_int_equal(in(0x64), 0x11);
    assert_int_equal(in(0x60), 0x05);
    assert_int_equal(in(0x64), 0x10);
    out(0x64, 0xd1);
    assert_int_equal(in(0x64), 0x18);
    out(0x60, 0x77);
    out(0x64, 0xd0);
    assert_int_equal(in(0x60), 0x77);
    out(0x60, 0xf4);
    assert_int_equal(fired(irq), 1);
    assert_int_equal(in(0x60), 0xfa);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(i8042_ctrl_alt_del(k, &err), 0);
        assert_int_equal(fired(irq), 3);
    }
    assert_true(i8042_ctrl_alt_del(k, &err) < 0);
    assert_string_equal(err.text, "I8042 error: i8042 internal buffer full.");
    for (uint32_t i = 0; i < 16; i++) {
        assert_int_equal(in(0x60), keys[i % 4]);
    }
    assert_int_equal(in(0x60), 0);
    out(0x64, 0x60);
    out(0x60, 0x04); /* keyboard interrupt off */
    (void)fired(irq);
    assert_int_equal(i8042_ctrl_alt_del(k, &err), 0);
    assert_int_equal(fired(irq), 0);
    assert_int_equal(resets, 0);
    out(0x64, 0xfe);
    assert_int_equal(resets, 1);
    i8042_free(k);
    close(irq);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_serial),
        cmocka_unit_test(test_loopback_and_fifo),
        cmocka_unit_test(test_input),
        cmocka_unit_test(test_i8042),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
