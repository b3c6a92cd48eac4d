/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: JSON text through the reader, the schema checker and every accessor. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/jsonw.h"
#include "core/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char schema_text[] =
    "{\"type\":\"object\",\"title\":\"Body\",\"additionalProperties\":false,\"properties\":{"
    "\"n\":{\"type\":\"integer\",\"format\":\"uint8\",\"minimum\":1,\"maximum\":32,"
    "\"x-errors\":{\"minimum\":\"low\",\"maximum\":\"high\",\"null\":\"none\"}},"
    "\"e\":{\"type\":[\"string\",\"null\"],\"enum\":[\"a\",\"b\",\"c\"],\"x-aliases\":[\"A\"]},"
    "\"l\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":\"object\",\"title\":\"Item\","
    "\"properties\":{\"b\":{\"type\":\"boolean\"},\"s\":{\"type\":\"string\"}},"
    "\"required\":[\"b\"]}},"
    "\"i\":{\"type\":\"string\",\"format\":\"ipv4\"},"
    "\"m\":{\"type\":\"string\",\"format\":\"mac\",\"x-errors\":{\"format\":\"bad\"}},"
    "\"f\":{\"type\":\"number\"},\"any\":{}},\"required\":[\"n\"]}";

static void expect(int holds)
{
    if (!holds) {
        abort();
    }
}

/* A writer's output is JSON again, and reads back as the same string. */
static void round_trip(const struct bp_json *v)
{
    struct json_error err;
    struct json_doc *again;
    struct bp_jsonw w;

    jsonw_init(&w);
    jsonw_str(&w, NULL, v->str, v->str_len);
    expect(!w.buf.failed);
    again = json_parse(w.buf.data, w.buf.len, &err);
    expect(again != NULL);
    expect(json_root(again)->str_len == v->str_len &&
           memcmp(json_root(again)->str, v->str, v->str_len) == 0);
    json_free(again);
    jsonw_done(&w);
}

static void visit(const struct json_doc *doc, const struct bp_json *v, uint32_t i)
{
    size_t len;
    uint32_t line, col;
    uint64_t u;
    int64_t s;
    int b;

    (void)json_text(doc, &len);
    expect(json_index(v) == i && v->start <= v->end && v->end <= len && v->next > i);
    json_position(doc, v->start, &line, &col);
    expect(line >= 1 && col >= 1);
    (void)json_svc.u64(v, &u);
    (void)json_svc.i64(v, &s);
    (void)json_svc.boolean(v, &b);
    (void)json_svc.get(v, "n");
    expect((json_svc.at(v, 0) != NULL) == (v->type == BP_J_ARR && v->count > 0));
    if (json_svc.str(v, NULL)) {
        expect(v->str[v->str_len] == '\0');
        round_trip(v);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct schema *schema;
    struct bp_err bad;
    struct json_error err;
    struct json_doc *doc;
    struct schema *own;
    char detail[256] = "";

    if (!schema) {
        schema = schema_compile(schema_text, &bad);
        expect(schema != NULL);
    }
    doc = json_parse((const char *)data, size, &err);
    if (!doc) {
        expect(err.text[0] != '\0' && err.line >= 1);
        return 0;
    }
    for (uint32_t i = 0; json_node(doc, i); i++) {
        visit(doc, json_node(doc, i), i);
    }
    expect((schema_check(schema, json_root(doc), detail, sizeof(detail)) < 0) == (detail[0] != 0));
    own = schema_compile(json_text(doc, NULL), &bad);
    if (own) {
        (void)schema_check(own, json_root(doc), detail, sizeof(detail));
        schema_free(own);
    }
    json_free(doc);
    return 0;
}
