/* SPDX-License-Identifier: Apache-2.0 */
/* JSON documents: values with positions, built from jsmn's tokens once; read-only afterwards. */
#include "core/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/json_scan.h"

#define JSMN_STATIC
#define JSMN_PARENT_LINKS
#include <jsmn.h>

struct json_doc {
    char *text; /* NUL-terminated copy */
    char *strings;
    size_t len;
    uint32_t n;
    struct bp_json *nodes; /* in document order: a container, then its members */
};

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

/* Decode one escape (the scan made sure of its form); p is after the backslash. */
static const char *unescape_one(const char *p, char *out, size_t *ret_len)
{
    static const char from[] = "bfnrt";
    static const char to[] = "\b\f\n\r\t";
    const char *hit;

    if (*p == 'u') {
        uint32_t c = (uint32_t)json_hex4(p + 1);

        p += 5;
        if (c >= 0xD800 && c <= 0xDBFF) {
            c = 0x10000 + ((c - 0xD800) << 10) + ((uint32_t)json_hex4(p + 2) - 0xDC00);
            p += 6;
        }
        *ret_len = put_utf8(out, c);
        return p;
    }
    hit = strchr(from, *p);
    *out = hit ? to[hit - from] : *p;
    *ret_len = 1;
    return p + 1;
}

/* Write the string's value at `out`; it is never longer than its text. */
static size_t unescape(const char *p, const char *end, char *out)
{
    char *start = out;

    while (p < end) {
        size_t n = 1;

        if (*p == '\\') {
            p = unescape_one(p + 1, out, &n);
        } else {
            *out = *p++;
        }
        out += n;
    }
    *out = '\0';
    return (size_t)(out - start);
}

/* Integers that fit 64 bits stay integers; "-0" and longer ones are reals. */
static void read_number(const struct json_doc *doc, struct bp_json *v)
{
    const char *p = doc->text + v->start;
    const char *end = doc->text + v->end;
    bool neg = *p == '-';
    uint64_t sum = 0;

    v->type = BP_J_REAL;
    v->real_val = strtod(p, NULL);
    for (p += neg; p < end; p++) {
        if (*p < '0' || *p > '9' || __builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(*p - '0'), &sum)) {
            return;
        }
    }
    if (neg && (sum == 0 || sum > (uint64_t)INT64_MAX + 1)) {
        return;
    }
    v->type = BP_J_INT;
    v->int_neg = neg;
    v->int_val = neg ? 0 - sum : sum;
}

static void read_primitive(const struct json_doc *doc, struct bp_json *v)
{
    switch (doc->text[v->start]) {
    case 'n':
        v->type = BP_J_NULL;
        break;
    case 't':
    case 'f':
        v->type = BP_J_BOOL;
        v->int_val = doc->text[v->start] == 't';
        break;
    default:
        read_number(doc, v);
        break;
    }
}

static void build_nodes(struct json_doc *doc, const jsmntok_t *toks)
{
    char *out = doc->strings;

    for (uint32_t i = 0; i < doc->n; i++) {
        const jsmntok_t *t = &toks[i];
        struct bp_json *v = &doc->nodes[i];

        v->doc = doc;
        v->start = (uint32_t)t->start;
        v->end = (uint32_t)t->end;
        v->next = i + 1;
        if (t->type == JSMN_OBJECT || t->type == JSMN_ARRAY) {
            v->type = t->type == JSMN_OBJECT ? BP_J_OBJ : BP_J_ARR;
            v->count = (uint32_t)t->size;
        } else if (t->type == JSMN_STRING) {
            v->type = BP_J_STR;
            v->is_key = t->parent >= 0 && toks[t->parent].type == JSMN_OBJECT;
            v->str = out;
            v->str_len = (uint32_t)unescape(doc->text + v->start, doc->text + v->end, out);
            out += v->str_len + 1;
        } else {
            read_primitive(doc, v);
        }
    }
    /* Children come after their parent, so backwards each subtree is complete when met. */
    for (uint32_t i = doc->n; i-- > 1;) {
        struct bp_json *up = &doc->nodes[toks[i].parent];

        if (up->next < doc->nodes[i].next) {
            up->next = doc->nodes[i].next;
        }
    }
}

static int build(struct json_doc *doc, uint32_t count)
{
    jsmntok_t *toks = calloc(count, sizeof(*toks));
    jsmn_parser parser;

    doc->nodes = calloc(count, sizeof(*doc->nodes));
    doc->strings = malloc(doc->len + 1);
    if (!toks || !doc->nodes || !doc->strings) {
        free(toks);
        return -ENOMEM;
    }
    jsmn_init(&parser);
    if (jsmn_parse(&parser, doc->text, doc->len, toks, count) != (int)count) {
        free(toks);
        return -EINVAL;
    }
    doc->n = count;
    build_nodes(doc, toks);
    free(toks);
    return 0;
}

struct json_doc *json_parse(const char *text, size_t len, struct json_error *ret_err)
{
    struct json_doc *doc = calloc(1, sizeof(*doc));
    uint32_t count = 0;
    int r = -ENOMEM;

    *ret_err = (struct json_error){ .text = "out of memory", .line = 1 };
    if (!doc || len >= INT32_MAX) {
        free(doc);
        return NULL;
    }
    doc->len = len;
    doc->text = malloc(len + 1);
    if (doc->text) {
        if (len) {
            memcpy(doc->text, text, len);
        }
        doc->text[len] = '\0';
        r = json_scan(doc->text, len, &count, ret_err);
        if (r == 0) {
            r = build(doc, count);
        }
    }
    if (r < 0) {
        json_free(doc);
        return NULL;
    }
    return doc;
}

void json_free(struct json_doc *doc)
{
    if (doc) {
        free(doc->text);
        free(doc->strings);
        free(doc->nodes);
        free(doc);
    }
}

const struct bp_json *json_root(const struct json_doc *doc)
{
    return &doc->nodes[0];
}

const char *json_text(const struct json_doc *doc, size_t *ret_len)
{
    if (ret_len) {
        *ret_len = doc->len;
    }
    return doc->text;
}

void json_position(const struct json_doc *doc, uint32_t offset, uint32_t *ret_line,
                   uint32_t *ret_col)
{
    json_consumed(doc->text, offset < doc->len ? offset : doc->len, ret_line, ret_col);
    *ret_col += 1;
}

const struct bp_json *json_node(const struct json_doc *doc, uint32_t i)
{
    return i < doc->n ? &doc->nodes[i] : NULL;
}

uint32_t json_index(const struct bp_json *v)
{
    return (uint32_t)(v - v->doc->nodes);
}
