/* SPDX-License-Identifier: Apache-2.0 */
/* The schema compiler: one pass over a work list of sub-schemas, no recursion. */
#include "core/schema.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/schema_impl.h"

static const struct schema_format formats[] = {
    { "uint8", "u8", true, 0, UINT8_MAX, TEXT_ANY },
    { "uint16", "u16", true, 0, UINT16_MAX, TEXT_ANY },
    { "uint32", "u32", true, 0, UINT32_MAX, TEXT_ANY },
    { "uint64", "u64", true, 0, UINT64_MAX, TEXT_ANY },
    { "usize", "usize", true, 0, UINT64_MAX, TEXT_ANY },
    { "int32", "i32", true, INT32_MIN, INT32_MAX, TEXT_ANY },
    { "int64", "i64", true, INT64_MIN, INT64_MAX, TEXT_ANY },
    { "path", "path string", false, 0, 0, TEXT_ANY },
    { "semver", "semver version", false, 0, 0, TEXT_ANY },
    { "ipv4", "IPv4 address", false, 0, 0, TEXT_IPV4 },
    { "mac", "a string", false, 0, 0, TEXT_MAC },
};

struct compile {
    struct schema *s;
    struct bp_err *err;
};

typedef int keyword_fn(struct compile *c, struct schema_node *n, const char *key,
                       const struct bp_json *v);

static int wrong(struct compile *c, const char *key)
{
    return bp_fail(c->err, -EINVAL, BP_E_CONFIG, "schema keyword `%s` has a wrong value", key);
}

static int kw_title(struct compile *c, struct schema_node *n, const char *key,
                    const struct bp_json *v)
{
    n->title = json_str(v, NULL);
    return n->title ? 0 : wrong(c, key);
}

static uint32_t type_bits(const char *name)
{
    static const struct {
        const char *name;
        uint32_t bits;
    } types[] = {
        { "null", TYPE_BIT(BP_J_NULL) },   { "boolean", TYPE_BIT(BP_J_BOOL) },
        { "integer", TYPE_BIT(BP_J_INT) }, { "number", TYPE_BIT(BP_J_INT) | TYPE_BIT(BP_J_REAL) },
        { "string", TYPE_BIT(BP_J_STR) },  { "array", TYPE_BIT(BP_J_ARR) },
        { "object", TYPE_BIT(BP_J_OBJ) },
    };

    for (size_t i = 0; name && i < ARRAY_LEN(types); i++) {
        if (strcmp(types[i].name, name) == 0) {
            return types[i].bits;
        }
    }
    return 0;
}

static int kw_type(struct compile *c, struct schema_node *n, const char *key,
                   const struct bp_json *v)
{
    if (v->type == BP_J_STR) {
        n->types = type_bits(v->str);
        return n->types ? 0 : wrong(c, key);
    }
    if (v->type != BP_J_ARR || v->count == 0) {
        return wrong(c, key);
    }
    for (uint32_t i = 0; i < v->count; i++) {
        uint32_t bits = type_bits(json_str(json_at(v, i), NULL));

        if (!bits) {
            return wrong(c, key);
        }
        n->types |= bits;
    }
    return 0;
}

static uint32_t add_node(struct compile *c, const struct bp_json *src)
{
    c->s->nodes[c->s->n_nodes].src = src;
    return c->s->n_nodes++;
}

static int kw_properties(struct compile *c, struct schema_node *n, const char *key,
                         const struct bp_json *v)
{
    uint32_t i;

    if (v->type != BP_J_OBJ || v->count > SCHEMA_PROPS_MAX) {
        return wrong(c, key);
    }
    n->props = c->s->n_props;
    n->n_props = v->count;
    for (i = json_index(v) + 1; i < v->next;) {
        const struct bp_json *name = json_node(v->doc, i);
        struct schema_prop *p = &c->s->props[c->s->n_props++];

        p->name = name->str;
        p->name_len = name->str_len;
        p->node = add_node(c, name + 1);
        i = name->next;
    }
    return 0;
}

static int kw_additional(struct compile *c, struct schema_node *n, const char *key,
                         const struct bp_json *v)
{
    int open = 0;

    if (v->type == BP_J_OBJ) {
        return 0;
    }
    if (json_bool(v, &open) < 0) {
        return wrong(c, key);
    }
    n->closed = !open;
    return 0;
}

static int string_array(struct compile *c, const char *key, const struct bp_json *v,
                        const struct bp_json **ret_arr)
{
    if (v->type != BP_J_ARR) {
        return wrong(c, key);
    }
    for (uint32_t i = 0; i < v->count; i++) {
        if (!json_str(json_at(v, i), NULL)) {
            return wrong(c, key);
        }
    }
    *ret_arr = v;
    return 0;
}

static int kw_enum(struct compile *c, struct schema_node *n, const char *key,
                   const struct bp_json *v)
{
    return string_array(c, key, v, &n->variants);
}

static int kw_aliases(struct compile *c, struct schema_node *n, const char *key,
                      const struct bp_json *v)
{
    return string_array(c, key, v, &n->aliases);
}

static int kw_items(struct compile *c, struct schema_node *n, const char *key,
                    const struct bp_json *v)
{
    (void)key;
    n->items = add_node(c, v);
    return 0;
}

static int kw_minimum(struct compile *c, struct schema_node *n, const char *key,
                      const struct bp_json *v)
{
    n->has_min = true;
    return json_svc.i64(v, &n->min) < 0 ? wrong(c, key) : 0;
}

static int kw_maximum(struct compile *c, struct schema_node *n, const char *key,
                      const struct bp_json *v)
{
    n->has_max = true;
    return json_u64(v, &n->max) < 0 ? wrong(c, key) : 0;
}

static int kw_min_items(struct compile *c, struct schema_node *n, const char *key,
                        const struct bp_json *v)
{
    uint64_t min = 0;

    if (json_u64(v, &min) < 0 || min > UINT32_MAX) {
        return wrong(c, key);
    }
    n->min_items = (uint32_t)min;
    return 0;
}

static int kw_format(struct compile *c, struct schema_node *n, const char *key,
                     const struct bp_json *v)
{
    const char *name = json_str(v, NULL);

    if (!name) {
        return wrong(c, key);
    }
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (strcmp(formats[i].name, name) == 0) {
            n->format = &formats[i];
        }
    }
    return 0;
}

static int kw_errors(struct compile *c, struct schema_node *n, const char *key,
                     const struct bp_json *v)
{
    if (v->type != BP_J_OBJ) {
        return wrong(c, key);
    }
    n->on_min = json_str(json_get(v, "minimum"), NULL);
    n->on_max = json_str(json_get(v, "maximum"), NULL);
    n->on_null = json_str(json_get(v, "null"), NULL);
    n->on_enum = json_str(json_get(v, "enum"), NULL);
    n->on_format = json_str(json_get(v, "format"), NULL);
    return 0;
}

static const struct {
    const char *key;
    keyword_fn *fn; /* NULL: an annotation, or handled by itself */
} keywords[] = {
    { "title", kw_title },
    { "type", kw_type },
    { "properties", kw_properties },
    { "required", NULL },
    { "additionalProperties", kw_additional },
    { "enum", kw_enum },
    { "items", kw_items },
    { "minimum", kw_minimum },
    { "maximum", kw_maximum },
    { "minItems", kw_min_items },
    { "format", kw_format },
    { "x-errors", kw_errors },
    { "x-aliases", kw_aliases },
    { "description", NULL },
    { "default", NULL },
    { "example", NULL },
    { "examples", NULL },
    { "deprecated", NULL },
    { "readOnly", NULL },
    { "writeOnly", NULL },
};

static int compile_keyword(struct compile *c, struct schema_node *n, const struct bp_json *key)
{
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
        if (strcmp(keywords[i].key, key->str) == 0) {
            return keywords[i].fn ? keywords[i].fn(c, n, key->str, key + 1) : 0;
        }
    }
    if (key->str[0] == '$' || strncmp(key->str, "x-", 2) == 0) {
        return 0;
    }
    return bp_fail(c->err, -EINVAL, BP_E_CONFIG, "schema keyword `%s` is not supported", key->str);
}

/* After the other keywords, because the names must be among `properties`. */
static int compile_required(struct compile *c, struct schema_node *n)
{
    const struct bp_json *names = json_get(n->src, "required");
    const struct bp_json *arr = NULL;

    if (!names) {
        return 0;
    }
    if (string_array(c, "required", names, &arr) < 0 || !arr) {
        return -EINVAL;
    }
    for (uint32_t i = 0; i < arr->count; i++) {
        const struct bp_json *name = json_at(arr, i);
        bool known = false;

        for (uint32_t p = n->props; p < n->props + n->n_props; p++) {
            if (strcmp(c->s->props[p].name, name->str) == 0) {
                c->s->props[p].required = true;
                known = true;
            }
        }
        if (!known) {
            return bp_fail(c->err, -EINVAL, BP_E_CONFIG,
                           "schema requires `%s`, which is not among its properties", name->str);
        }
    }
    return 0;
}

static int compile_node(struct compile *c, struct schema_node *n)
{
    uint32_t i;

    if (n->src->type != BP_J_OBJ) {
        return bp_fail(c->err, -EINVAL, BP_E_CONFIG, "a schema must be an object");
    }
    for (i = json_index(n->src) + 1; i < n->src->next;) {
        const struct bp_json *key = json_node(n->src->doc, i);
        int r = compile_keyword(c, n, key);

        if (r < 0) {
            return r;
        }
        i = key->next;
    }
    return compile_required(c, n);
}

struct schema *schema_compile(const char *text, struct bp_err *err)
{
    struct json_error bad = { 0 };
    struct schema *s = calloc(1, sizeof(*s));
    struct compile c = { .s = s, .err = err };
    uint32_t n;

    if (!s) {
        (void)bp_fail(err, -ENOMEM, BP_E_HOST, "out of memory");
        return NULL;
    }
    s->doc = json_parse(text, strlen(text), &bad);
    if (!s->doc) {
        (void)bp_fail(err, -EINVAL, BP_E_CONFIG, "schema: %s at line %u column %u", bad.text,
                      bad.line, bad.column);
        schema_free(s);
        return NULL;
    }
    /* Every sub-schema and every member is at least one token of the text. */
    n = json_root(s->doc)->next;
    s->nodes = calloc(n, sizeof(*s->nodes));
    s->props = calloc(n, sizeof(*s->props));
    if (!s->nodes || !s->props) {
        (void)bp_fail(err, -ENOMEM, BP_E_HOST, "out of memory");
        schema_free(s);
        return NULL;
    }
    (void)add_node(&c, json_root(s->doc));
    for (uint32_t i = 0; i < s->n_nodes; i++) {
        if (compile_node(&c, &s->nodes[i]) < 0) {
            schema_free(s);
            return NULL;
        }
    }
    return s;
}

void schema_free(struct schema *s)
{
    if (s) {
        json_free(s->doc);
        free(s->nodes);
        free(s->props);
        free(s);
    }
}
