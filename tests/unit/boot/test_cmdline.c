/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel command line's splitting, insertion and bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "boot/boot.h"

static const struct {
    const char *text, *insert, *want;
} cases[] = {
    { "", "", "" },
    { "  a b ", "c", "a b c" },
    { "", " root=/dev/vda ", "root=/dev/vda" },
    { "a -- b c", "x", "a x -- b c" },
    { "a=\" -- \" -- b", "x", "a=\" -- \" x -- b" },
    { "a -- b -- c", "x", "a x -- b -- c" },
    { "a --", "x", "a -- x" },
    { " -- b", "x", "x -- b" },
};

static void test_cases(void **state)
{
    char text[BOOT_CMDLINE_MAX];
    struct bp_err err;
    struct cmdline c;

    (void)state;
    for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(cmdline_init(&c, cases[i].text, &err), 0);
        if (cases[i].insert[0]) {
            assert_int_equal(cmdline_insert(&c, cases[i].insert, &err), 0);
        }
        assert_int_equal(cmdline_text(&c, text, sizeof(text), &err), 0);
        assert_string_equal(text, cases[i].want);
    }
}

static void test_refusals(void **state)
{
    char text[BOOT_CMDLINE_MAX + 1];
    struct bp_err err;
    struct cmdline c;

    (void)state;
    memset(text, 'a', sizeof(text));
    text[BOOT_CMDLINE_MAX] = '\0';
    assert_int_equal(cmdline_init(&c, text, &err), -EINVAL);
    assert_string_equal(err.text, "Invalid cmdline capacity provided.");
    text[BOOT_CMDLINE_MAX - 1] = '\0';
    assert_int_equal(cmdline_init(&c, text, &err), 0);
    assert_int_equal(cmdline_insert(&c, "b", &err), -E2BIG);
    assert_string_equal(err.text, "Inserting string would make command line too long.");
    assert_int_equal(cmdline_text(&c, text, sizeof(text) - 1, &err), 0);
    assert_int_equal(cmdline_init(&c, " -- init", &err), 0);
    assert_int_equal(cmdline_text(&c, text, sizeof(text), &err), -EINVAL);
    assert_string_equal(err.text, "Cmdline cannot contain only init args.");
    assert_int_equal(cmdline_insert(&c, "a\x80", &err), -EINVAL);
    assert_int_equal(cmdline_insert(&c, "a\x01z", &err), -EINVAL);
    assert_string_equal(err.text, "String contains a non-printable ASCII character.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
