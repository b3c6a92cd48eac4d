/* SPDX-License-Identifier: Apache-2.0 */
/* The control plane without a socket: route table, texts, deprecation by schema. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/contract.h"
#include "api/deprecation.h"
#include "api/priv.h"
#include "api/text.h"

static void core_routes_are_taken(void **state)
{
    (void)state;
    assert_true(router_core_has("GET", "/"));
    assert_true(router_core_has("GET", "/vm/config"));
    assert_true(router_core_has("PUT", "/machine-config/anything"));
    assert_false(router_core_has("GET", "/vm"));
    assert_false(router_core_has("PUT", "/vm"));
    assert_false(router_core_has("PUT", "/machine"));
}

static void every_schema_compiles(void **state)
{
    (void)state;
    for (size_t i = 0; i < core_routes_n; i++) {
        struct bp_err err;
        struct schema *s;

        if (core_routes[i].schema == NULL) {
            assert_string_equal(core_routes[i].method, "GET");
            continue;
        }
        s = schema_compile(core_routes[i].schema, &err);
        assert_non_null(s);
        schema_free(s);
    }
}

static void contract_ranks_are_a_permutation(void **state)
{
    uint32_t seen = 0;

    (void)state;
    assert_int_equal(contract_keys_n, 11);
    for (size_t i = 0; i < contract_keys_n; i++) {
        assert_in_range(contract_keys[i].rank, 1, contract_keys_n);
        seen |= 1u << contract_keys[i].rank;
    }
    assert_int_equal(seen, 0xffe);
    assert_int_equal(contract_metrics_n, 19);
}

static void texts(void **state)
{
    struct buf b = { 0 };
    uint64_t n = 0;

    (void)state;
    text_debug(&b, "a\"\\\n\x01\x7f", 6);
    assert_string_equal(b.data, "\"a\\\"\\\\\\n\\u{1}\\u{7f}\"");
    buf_reset(&b);
    text_json(&b, "/\"\x01\x1f\b\x7f", 6);
    assert_string_equal(b.data, "\"/\\\"\\u0001\\u001f\\b\x7f\"");
    buf_done(&b);
    assert_true(text_is_utf8("\xc3\xa9", 2));
    assert_false(text_is_utf8("\xc3", 1));
    assert_false(text_is_utf8("\xc0\x80", 2));
    assert_false(text_is_utf8("\xed\xa0\x80", 3));
    assert_int_equal(text_u32("+4294967295", &n), 0);
    assert_int_equal(n, UINT32_MAX);
    assert_int_equal(text_u32("4294967296", &n), -EINVAL);
    assert_int_equal(text_u32("", &n), -EINVAL);
    assert_int_equal(text_u32("-1", &n), -EINVAL);
}

static bool deprecated(const char *schema, const char *body, const char *want)
{
    struct json_error je;
    struct json_doc *doc = json_parse(body, strlen(body), &je);
    struct buf b = { 0 };
    bool found;

    assert_non_null(doc);
    found = deprecation_find(schema, json_root(doc), "PUT", "/x", &b);
    if (found) {
        assert_string_equal(b.data, want);
    }
    buf_done(&b);
    json_free(doc);
    return found;
}

static void deprecation(void **state)
{
    static const char field[] = "{\"properties\":{\"b\":{\"enum\":[\"q\"]},"
                                "\"a\":{\"deprecated\":true}}}";
    static const char value[] =
        "{\"properties\":{\"v\":{\"default\":\"V1\",\"deprecated\":true,"
        "\"x-deprecated-value\":\"V1\",\"x-deprecated-text\":\"V1 is old.\"}}}";

    (void)state;
    assert_true(deprecated(field, "{\"a\":1}", "PUT /x: a field is deprecated."));
    assert_false(deprecated(field, "{\"a\":null,\"b\":1}", ""));
    assert_true(deprecated(value, "{}", "PUT /x: V1 is old."));
    assert_true(deprecated(value, "{\"v\":\"V1\"}", "PUT /x: V1 is old."));
    assert_false(deprecated(value, "{\"v\":\"V2\"}", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(core_routes_are_taken),
        cmocka_unit_test(every_schema_compiles),
        cmocka_unit_test(contract_ranks_are_a_permutation),
        cmocka_unit_test(texts),
        cmocka_unit_test(deprecation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
