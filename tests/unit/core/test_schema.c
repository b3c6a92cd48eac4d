/* SPDX-License-Identifier: Apache-2.0 */
/* Request bodies against their schemas: the contract's texts with line and column. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/json.h"
#include "core/schema.h"
#include "schema_cases.h"

static struct schema *compile(const char *text)
{
    struct bp_err err = { 0 };
    struct schema *s = schema_compile(text, &err);

    if (!s) {
        fail_msg("%s: %s", err.text, text);
    }
    return s;
}

static int check(const char *schema, const char *body, char *detail, size_t cap)
{
    struct schema *s = compile(schema);
    struct json_error bad = { 0 };
    struct json_doc *doc = json_parse(body, strlen(body), &bad);
    int r;

    if (!doc) {
        fail_msg("%s: %s", bad.text, body);
    }
    r = schema_check(s, json_root(doc), detail, cap);
    json_free(doc);
    schema_free(s);
    return r;
}

static void test_bodies(void **state)
{
    char detail[1024];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int r = check(cases[i].body->schema, cases[i].text, detail, sizeof(detail));

        if (r != (cases[i].detail ? -EINVAL : 0) ||
            (cases[i].detail && strcmp(detail, cases[i].detail) != 0)) {
            fail_msg("%s\n  gives   %s\n  instead %s", cases[i].text, r ? detail : "success",
                     cases[i].detail ? cases[i].detail : "success");
        }
    }
}

static void test_lists(void **state)
{
    static const char schema[] =
        "{\"type\":\"array\",\"minItems\":2,\"items\":{\"type\":\"number\"}}";
    char detail[256];

    (void)state;
    assert_int_equal(check(schema, "[1,2.5]", detail, sizeof(detail)), 0);
    assert_int_equal(check(schema, "[1]", detail, sizeof(detail)), -EINVAL);
    assert_string_equal(detail,
                        "invalid length 1, expected at least 2 elements at line 1 column 3");
    assert_int_equal(check(schema, "[1,\"\"]", detail, sizeof(detail)), -EINVAL);
    assert_string_equal(detail, "invalid type: string \"\", expected f64 at line 1 column 5");
    assert_int_equal(check("{}", "[1,{\"a\":null}]", detail, sizeof(detail)), 0);
}

/* A short buffer shortens the text and nothing else. */
static void test_short_buffer(void **state)
{
    char detail[8] = "";

    (void)state;
    assert_int_equal(check(vm.schema, "{}", detail, sizeof(detail)), -EINVAL);
    assert_string_equal(detail, "missing");
}

static void test_deepest(void **state)
{
    struct buf text = { 0 };
    char detail[128];

    (void)state;
    for (int i = 0; i < JSON_DEPTH_MAX - 1; i++) {
        buf_str(&text, "{\"type\":\"array\",\"items\":");
        if (i >= JSON_DEPTH_MAX - 2) {
            buf_str(&text, "{}");
        }
    }
    for (int i = 0; i < JSON_DEPTH_MAX - 1; i++) {
        buf_str(&text, "}");
    }
    assert_int_equal(check(text.data, "[[[[[[5]]]]]]", detail, sizeof(detail)), -EINVAL);
    assert_string_equal(detail,
                        "invalid type: integer `5`, expected a sequence at line 1 column 7");
    buf_done(&text);
}

static void test_bad_schemas(void **state)
{
    static const struct {
        const char *text, *error;
    } bad[] = {
        { "{", "schema: EOF while parsing an object at line 1 column 1" },
        { "[]", "a schema must be an object" },
        { "{\"type\":\"int\"}", "schema keyword `type` has a wrong value" },
        { "{\"type\":[]}", "schema keyword `type` has a wrong value" },
        { "{\"pattern\":\"x\"}", "schema keyword `pattern` is not supported" },
        { "{\"enum\":[1]}", "schema keyword `enum` has a wrong value" },
        { "{\"minimum\":1.5}", "schema keyword `minimum` has a wrong value" },
        { "{\"properties\":{\"a\":5}}", "a schema must be an object" },
        { "{\"required\":[\"a\"]}", "schema requires `a`, which is not among its properties" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct bp_err err = { 0 };

        assert_null(schema_compile(bad[i].text, &err));
        assert_string_equal(err.text, bad[i].error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),       cmocka_unit_test(test_lists),
        cmocka_unit_test(test_short_buffer), cmocka_unit_test(test_deepest),
        cmocka_unit_test(test_bad_schemas),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
