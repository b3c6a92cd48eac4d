/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON writer, the byte buffer under it, and the counter groups that write through it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/json.h"
#include "core/jsonw.h"
#include "core/metrics.h"

static void test_compact(void **state)
{
    struct bp_jsonw w;

    (void)state;
    jsonw_init(&w);
    json_svc.w_open(&w, NULL, BP_J_OBJ);
    json_svc.w_str(&w, "s", "a/b\xc3\xa9", 5);
    json_svc.w_u64(&w, "u", UINT64_MAX);
    json_svc.w_i64(&w, "i", INT64_MIN);
    json_svc.w_open(&w, "l", BP_J_ARR);
    json_svc.w_bool(&w, NULL, 1);
    jsonw_null(&w, NULL);
    json_svc.w_open(&w, NULL, BP_J_OBJ);
    json_svc.w_close(&w);
    json_svc.w_close(&w);
    jsonw_raw(&w, "r", "[1,2]");
    jsonw_cstr(&w, "n", NULL);
    json_svc.w_close(&w);
    assert_string_equal(w.buf.data,
                        "{\"s\":\"a/b\xc3\xa9\",\"u\":18446744073709551615,"
                        "\"i\":-9223372036854775808,\"l\":[true,null,{}],\"r\":[1,2],\"n\":null}");
    jsonw_done(&w);
}

static void test_escapes(void **state)
{
    static const char in[] = "\"\\\b\f\n\r\t\x01\x1f\x7f\0z";
    struct bp_jsonw w;

    (void)state;
    jsonw_init(&w);
    jsonw_str(&w, NULL, in, sizeof(in) - 1);
    assert_string_equal(w.buf.data, "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\\u0000z\"");
    jsonw_done(&w);
}

static void test_too_deep(void **state)
{
    struct bp_jsonw w;

    (void)state;
    jsonw_init(&w);
    for (int i = 0; i < 65; i++) {
        jsonw_open(&w, NULL, BP_J_ARR);
    }
    assert_true(w.buf.failed);
    jsonw_done(&w);
}

static void test_buf(void **state)
{
    struct buf b = { 0 };

    (void)state;
    for (int i = 0; i < 1000; i++) {
        buf_fmt(&b, "%d,", i % 10);
    }
    assert_int_equal(b.len, 2000);
    assert_int_equal(b.data[2000], '\0');
    buf_reset(&b);
    assert_int_equal(b.data[0], '\0');
    buf_add(&b, NULL, SIZE_MAX);
    assert_true(b.failed);
    buf_done(&b);
    assert_null(b.data);
}

static void test_metrics(void **state)
{
    static const char *const names[] = { "hits", "level" };
    static const bool stored[] = { false, true };
    static uint64_t values[2], reported[2];
    static struct metric_group group = { "g", names, 2, stored, values, reported };
    struct bp_jsonw w;

    (void)state;
    assert_int_equal(metrics_register(&group), 0);
    assert_int_equal(metrics_register(&group), -EEXIST);
    assert_ptr_equal(metrics_find("g"), &group);
    assert_null(metrics_find("h"));
    bp_count(values, 0, 5);
    values[1] = 7;
    jsonw_init(&w);
    jsonw_open(&w, NULL, BP_J_OBJ);
    metrics_write(&group, &w);
    bp_count(values, 0, 2);
    metrics_write(&group, &w);
    jsonw_close(&w);
    assert_string_equal(w.buf.data,
                        "{\"g\":{\"hits\":5,\"level\":7},\"g\":{\"hits\":2,\"level\":7}}");
    jsonw_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compact),  cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_too_deep), cmocka_unit_test(test_buf),
        cmocka_unit_test(test_metrics),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
