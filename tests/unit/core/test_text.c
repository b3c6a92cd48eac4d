/* SPDX-License-Identifier: Apache-2.0 */
/* The contract's texts for errno values. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/errtext.h"

static void test_display(void **state)
{
    char b[128];

    (void)state;
    assert_string_equal(errtext_display(ENOENT, b, sizeof(b)),
                        "No such file or directory (os error 2)");
    assert_string_equal(errtext_display(EADDRINUSE, b, sizeof(b)), "Address in use (os error 98)");
    assert_string_equal(errtext_display(EMFILE, b, sizeof(b)),
                        "No file descriptors available (os error 24)");
    assert_string_equal(errtext_display(EIO, b, sizeof(b)), "I/O error (os error 5)");
    assert_string_equal(errtext_display(9999, b, sizeof(b)),
                        "No error information (os error 9999)");
}

static void test_debug(void **state)
{
    char b[128];

    (void)state;
    assert_string_equal(errtext_debug(ENOENT, b, sizeof(b)),
                        "Os { code: 2, kind: NotFound, message: \"No such file or directory\" }");
    assert_string_equal(errtext_debug(EBUSY, b, sizeof(b)),
                        "Os { code: 16, kind: ResourceBusy, message: \"Resource busy\" }");
    assert_string_equal(errtext_debug(ENXIO, b, sizeof(b)),
                        "Os { code: 6, kind: Uncategorized, message: \"No such device or address\" "
                        "}");
    assert_string_equal(errtext_debug(ENOENT, b, 10), "Os { code");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_display),
        cmocka_unit_test(test_debug),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
