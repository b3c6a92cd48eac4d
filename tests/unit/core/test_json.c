/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON reader: syntax errors with their places, values, positions and hostile texts. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/cleanup.h"
#include "core/json.h"

struct bad_case {
    const char *text, *error;
    uint32_t line, column;
};

static const struct bad_case bad_cases[] = {
    { "", "EOF while parsing a value", 1, 0 },
    { " ", "EOF while parsing a value", 1, 1 },
    { "{", "EOF while parsing an object", 1, 1 },
    { "{\"a", "EOF while parsing a string", 1, 3 },
    { "{\"vcpu_count\"", "EOF while parsing an object", 1, 13 },
    { "{\"vcpu_count\":", "EOF while parsing a value", 1, 14 },
    { "{\"vcpu_count\":1", "EOF while parsing an object", 1, 15 },
    { "{\"vcpu_count\":1,", "EOF while parsing a value", 1, 16 },
    { "{\"vcpu_count\":1,}", "trailing comma", 1, 17 },
    { "{\"vcpu_count\" 1}", "expected `:`", 1, 15 },
    { "{\"vcpu_count\":1 \"a\"", "expected `,` or `}`", 1, 17 },
    { "{1:2}", "key must be a string", 1, 2 },
    { "{\"vcpu_count\":1,\"mem_size_mib\":128} x", "trailing characters", 1, 37 },
    { "{\"vcpu_count\":01}", "invalid number", 1, 16 },
    { "{\"vcpu_count\":-}", "invalid number", 1, 16 },
    { "{\"vcpu_count\":1.}", "invalid number", 1, 17 },
    { "{\"vcpu_count\":1e}", "invalid number", 1, 17 },
    { "{\"vcpu_count\":tru}", "expected ident", 1, 18 },
    { "{\"vcpu_count\":nul", "EOF while parsing a value", 1, 17 },
    { "{\"vcpu_count\":x}", "expected value", 1, 15 },
    { "{\"vcpu_count\":1e999}", "number out of range", 1, 19 },
    { "{\"\\q\":1}", "invalid escape", 1, 4 },
    { "{\"\\u12g4\":1}", "invalid escape", 1, 7 },
    { "{\"\\ud800\":1}", "unexpected end of hex escape", 1, 9 },
    { "{\"\\udc00\":1}", "lone leading surrogate in hex escape", 1, 8 },
    { "{\"\\ud800\\u0041\":1}", "lone leading surrogate in hex escape", 1, 14 },
    { "{\"a\nb\":1}", "control character (\\u0000-\\u001F) found while parsing a string", 2, 0 },
    { "{\"\xff\":1}", "invalid unicode code point", 1, 4 },
    { "[1,]", "trailing comma", 1, 4 },
    { "[1 2]", "expected `,` or `]`", 1, 4 },
    { "[1", "EOF while parsing a list", 1, 2 },
    { "[}", "expected value", 1, 2 },
};

static void test_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad_cases); i++) {
        const struct bad_case *c = &bad_cases[i];
        struct json_error err;

        assert_null(json_parse(c->text, strlen(c->text), &err));
        assert_string_equal(err.text, c->error);
        assert_int_equal(err.line, c->line);
        assert_int_equal(err.column, c->column);
    }
}

/* Every prefix of a good text is refused without reading past its end. */
static void test_prefixes(void **state)
{
    static const char text[] = "{\"a\":[1,-2.5e3,\"x\\u00e9\\ud83d\\ude00\",null,true,{\"b\":{}}]}";

    (void)state;
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        char *copy = malloc(len ? len : 1);
        struct json_error err;

        assert_non_null(copy);
        memcpy(copy, text, len);
        assert_null(json_parse(copy, len, &err));
        assert_memory_equal(err.text, "EOF while parsing", 17);
        free(copy);
    }
}

static void test_nul_byte(void **state)
{
    struct json_error err;

    (void)state;
    assert_null(json_parse("{\"a\0b\":1}", 9, &err));
    assert_null(json_parse("[1\0]", 4, &err));
    assert_null(json_parse("\"\\\0\"", 4, &err));
    assert_string_equal(err.text, "invalid escape");
}

static void test_depth(void **state)
{
    char text[2 * JSON_DEPTH_MAX + 2];
    struct json_error err;
    struct json_doc *doc;

    (void)state;
    memset(text, '[', JSON_DEPTH_MAX);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    doc = json_parse(text, (size_t)2 * JSON_DEPTH_MAX, &err);
    assert_non_null(doc);
    json_free(doc);
    memset(text, '[', sizeof(text));
    assert_null(json_parse(text, sizeof(text), &err));
    assert_string_equal(err.text, "recursion limit exceeded");
    assert_int_equal(err.column, JSON_DEPTH_MAX + 1);
}

static struct json_doc *parse(const char *text)
{
    struct json_error err;
    struct json_doc *doc = json_parse(text, strlen(text), &err);

    if (!doc) {
        fail_msg("%s: %s", text, err.text);
    }
    return doc;
}

static void test_values(void **state)
{
    struct json_doc *doc =
        parse("{\"s\":\"a\\n\\u00e9\\ud83d\\ude00\\/\", \"t\":true, \"n\":null,\n"
              " \"l\":[1,{\"x\":[2,3]},\"z\"], \"f\":1.5, \"d\":1, \"d\":2}");
    const struct bp_json *root = json_root(doc);
    const struct bp_json *list = json_get(root, "l");
    uint32_t line, col, len = 0;
    uint64_t u = 0;
    int b = 0;

    (void)state;
    assert_int_equal(json_svc.type(root), BP_J_OBJ);
    assert_int_equal(json_svc.count(root), 7);
    assert_string_equal(json_str(json_get(root, "s"), &len), "a\n\xc3\xa9\xf0\x9f\x98\x80/");
    assert_int_equal(len, 9);
    assert_int_equal(json_bool(json_get(root, "t"), &b), 0);
    assert_int_equal(b, 1);
    assert_int_equal(json_get(root, "n")->type, BP_J_NULL);
    assert_null(json_get(root, "absent"));
    assert_null(json_get(list, "s"));
    assert_int_equal(list->count, 3);
    assert_string_equal(json_str(json_at(list, 2), NULL), "z");
    assert_null(json_at(list, 3));
    assert_int_equal(json_u64(json_at(json_get(json_at(list, 1), "x"), 1), &u), 0);
    assert_int_equal(u, 3);
    assert_int_equal(json_u64(json_get(root, "d"), &u), 0);
    assert_int_equal(u, 2);
    assert_true(json_get(root, "f")->real_val == 1.5);
    assert_int_equal(json_u64(json_get(root, "f"), &u), -EINVAL);
    json_position(doc, list->start, &line, &col);
    assert_int_equal(line, 2);
    assert_int_equal(col, 6);
    json_free(doc);
}

static void test_numbers(void **state)
{
    static const struct {
        const char *text;
        int type;
        int i64, u64;
        int64_t value;
    } cases[] = {
        { "0", BP_J_INT, 0, 0, 0 },
        { "-1", BP_J_INT, 0, -EINVAL, -1 },
        { "9223372036854775807", BP_J_INT, 0, 0, INT64_MAX },
        { "-9223372036854775808", BP_J_INT, 0, -EINVAL, INT64_MIN },
        { "18446744073709551615", BP_J_INT, -EINVAL, 0, -1 },
        { "18446744073709551616", BP_J_REAL, -EINVAL, -EINVAL, 0 },
        { "-9223372036854775809", BP_J_REAL, -EINVAL, -EINVAL, 0 },
        { "-0", BP_J_REAL, -EINVAL, -EINVAL, 0 },
        { "1.0", BP_J_REAL, -EINVAL, -EINVAL, 0 },
        { "1e2", BP_J_REAL, -EINVAL, -EINVAL, 0 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json_doc *doc = parse(cases[i].text);
        const struct bp_json *v = json_root(doc);
        uint64_t u = 0;
        int64_t s = 0;

        assert_int_equal(v->type, cases[i].type);
        assert_int_equal(json_svc.i64(v, &s), cases[i].i64);
        assert_int_equal(json_svc.u64(v, &u), cases[i].u64);
        if (cases[i].i64 == 0) {
            assert_true(s == cases[i].value);
        }
        if (cases[i].u64 == 0) {
            assert_true(u == (uint64_t)cases[i].value);
        }
        json_free(doc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),   cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_nul_byte), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_values),   cmocka_unit_test(test_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
