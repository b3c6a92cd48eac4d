/* SPDX-License-Identifier: Apache-2.0 */
/* Windows of an address space: order, overlap, edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "bus/bus.h"

struct seen {
    uint64_t off;
    uint32_t len;
    uint8_t byte;
};

static void on_read(void *arg, uint64_t off, void *buf, uint32_t len)
{
    struct seen *s = arg;

    s->off = off;
    s->len = len;
    *(uint8_t *)buf = s->byte;
}

static void on_write(void *arg, uint64_t off, const void *buf, uint32_t len)
{
    struct seen *s = arg;

    s->off = off;
    s->len = len;
    s->byte = *(const uint8_t *)buf;
}

static int add(struct bus *b, uint64_t base, uint64_t len, struct seen *s)
{
    const struct bus_window w = { base, len, on_read, on_write, s };

    return bus_add(b, &w);
}

static void test_overlap(void **state)
{
    static struct bus b;
    struct seen s = { 0 };

    (void)state;
    assert_int_equal(add(&b, 0x2000, 0x1000, &s), 0);
    assert_int_equal(add(&b, 0x0, 0x1000, &s), 0);
    assert_int_equal(add(&b, 0x1000, 0x1000, &s), 0);
    assert_int_equal(add(&b, 0x2fff, 1, &s), -EEXIST);
    assert_int_equal(add(&b, 0x2000, 1, &s), -EEXIST);
    assert_int_equal(add(&b, 0x0fff, 2, &s), -EEXIST);
    assert_int_equal(add(&b, 0x3000, 0, &s), -EINVAL);
    assert_int_equal(add(&b, UINT64_MAX, 2, &s), -EINVAL);
    assert_int_equal(add(&b, UINT64_MAX, 1, &s), 0);
    for (uint32_t i = 1; i < b.n; i++) {
        assert_true(b.w[i - 1].base < b.w[i].base);
    }
    while (b.n < BUS_WINDOWS_MAX) {
        assert_int_equal(add(&b, 0x10000 + b.n, 1, &s), 0);
    }
    assert_int_equal(add(&b, 0x5000, 1, &s), -ENOSPC);
}

static void test_lookup(void **state)
{
    static struct bus b;
    struct seen s[2] = { { .byte = 1 }, { .byte = 2 } };
    uint8_t buf[8];

    (void)state;
    assert_int_equal(add(&b, 0x100, 8, &s[1]), 0);
    assert_int_equal(add(&b, 0x80, 4, &s[0]), 0);
    memset(buf, 0xff, sizeof(buf));
    assert_true(bus_read(&b, 0x104, buf, 4));
    assert_int_equal(s[1].off, 4);
    assert_int_equal(s[1].len, 4);
    assert_memory_equal(buf, "\2\0\0\0\xff", 5);
    assert_false(bus_read(&b, 0x108, buf, 8));
    assert_memory_equal(buf, "\0\0\0\0\0\0\0\0", 8);
    assert_false(bus_read(&b, 0x7f, buf, 1));
    assert_false(bus_read(&b, 0x84, buf, 1));
    assert_false(bus_write(&b, 0x106, buf, 4)); /* crosses the end */
    assert_false(bus_write(&b, 0x100, buf, 3));
    buf[0] = 0x55;
    assert_true(bus_write(&b, 0x83, buf, 1));
    assert_int_equal(s[0].byte, 0x55);
    assert_int_equal(s[0].off, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_lookup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
