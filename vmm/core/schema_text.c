/* SPDX-License-Identifier: Apache-2.0 */
/* Wording of schema violations; pure functions over immutable documents. */
#include "core/schema_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json_scan.h"

/* A string in quotes with the contract's debug escapes. */
static void text_debug(struct buf *b, const char *s, uint32_t len)
{
    static const char from[] = "\"\\\n\r\t";
    static const char to[] = "\"\\nrt";

    buf_add(b, "\"", 1);
    for (uint32_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        const char *hit = c ? strchr(from, c) : NULL;

        if (hit) {
            buf_fmt(b, "\\%c", to[hit - from]);
        } else if (c == 0) {
            buf_str(b, "\\0");
        } else if (c < 0x20 || c == 0x7f) {
            buf_fmt(b, "\\u{%x}", c);
        } else {
            buf_add(b, &s[i], 1);
        }
    }
    buf_add(b, "\"", 1);
}

/* Shortest decimal digits that read back as the same number, never with an exponent. */
static void text_real(struct buf *b, double d)
{
    char digits[40];
    char flat[40];
    int n = 0;
    int exp;

    for (int p = 0; p < 17; p++) {
        (void)snprintf(digits, sizeof(digits), "%.*e", p, d);
        if (strtod(digits, NULL) == d) {
            break;
        }
    }
    exp = (int)strtol(strchr(digits, 'e') + 1, NULL, 10);
    for (const char *p = digits; *p != 'e'; p++) {
        if (*p >= '0' && *p <= '9') {
            flat[n++] = *p;
        }
    }
    while (n > 1 && flat[n - 1] == '0') {
        n--;
    }
    buf_str(b, digits[0] == '-' ? "-" : "");
    if (exp < 0) {
        buf_str(b, "0.");
        for (int i = -1; i > exp; i--) {
            buf_add(b, "0", 1);
        }
        buf_add(b, flat, (size_t)n);
        return;
    }
    for (int i = 0; i < n || i <= exp; i++) {
        if (i == exp + 1) {
            buf_add(b, ".", 1);
        }
        buf_add(b, i < n ? &flat[i] : "0", 1);
    }
}

void text_found(struct buf *b, const struct bp_json *v)
{
    switch (v->type) {
    case BP_J_BOOL:
        buf_str(b, v->int_val ? "boolean `true`" : "boolean `false`");
        break;
    case BP_J_INT:
        buf_fmt(b, v->int_neg ? "integer `%lld`" : "integer `%llu`",
                (unsigned long long)v->int_val);
        break;
    case BP_J_REAL:
        buf_str(b, "floating point `");
        text_real(b, v->real_val);
        buf_add(b, "`", 1);
        break;
    case BP_J_STR:
        buf_str(b, "string ");
        text_debug(b, v->str, v->str_len);
        break;
    case BP_J_ARR:
        buf_str(b, "sequence");
        break;
    case BP_J_OBJ:
        buf_str(b, "map");
        break;
    default:
        buf_str(b, "null");
        break;
    }
}

void text_wanted(struct buf *b, const struct schema_node *n)
{
    if (n->types & TYPE_BIT(BP_J_OBJ)) {
        buf_str(b, n->title ? "struct " : "a map");
        buf_str(b, n->title ? n->title : "");
    } else if (n->format) {
        buf_str(b, n->format->want);
    } else if (n->types & TYPE_BIT(BP_J_ARR)) {
        buf_str(b, "a sequence");
    } else if (n->types & TYPE_BIT(BP_J_REAL)) {
        buf_str(b, "f64");
    } else if (n->types & TYPE_BIT(BP_J_INT)) {
        buf_str(b, "i64");
    } else if (n->types & TYPE_BIT(BP_J_BOOL)) {
        buf_str(b, "a boolean");
    } else if ((n->types & TYPE_BIT(BP_J_STR)) || n->variants) {
        buf_str(b, "a string");
    } else {
        buf_str(b, "unit");
    }
}

void text_choice(struct buf *b, uint32_t i, uint32_t n, const char *name)
{
    if (i == 0) {
        buf_str(b, n > 2 ? "expected one of " : "expected ");
    } else {
        buf_str(b, n > 2 ? ", " : " or ");
    }
    buf_fmt(b, "`%s`", name);
}

void text_where(struct buf *b, const struct bp_json *v, size_t consumed)
{
    uint32_t line = 0;
    uint32_t col = 0;

    json_consumed(json_text(v->doc, NULL), consumed, &line, &col);
    buf_fmt(b, " at line %u column %u", line, col);
}

size_t where_end(const struct bp_json *v)
{
    return v->type == BP_J_STR ? (size_t)v->end + 1 : v->end;
}

size_t where_type(const struct bp_json *v)
{
    return v->type == BP_J_ARR || v->type == BP_J_OBJ ? v->start : where_end(v);
}

static size_t skip_space(const char *text, size_t i)
{
    return i + strspn(text + i, " \n\t\r");
}

size_t where_decoded(const struct bp_json *v)
{
    const char *text = json_text(v->doc, NULL);
    size_t i = skip_space(text, where_end(v));

    if (text[i] == '}' || text[i] == ']') {
        return i + 1;
    }
    /* In a list the reader has passed the comma already, in an object it has not. */
    if (text[i] == ',' && !(json_index(v) > 0 && (v - 1)->is_key)) {
        return skip_space(text, i + 1);
    }
    return i;
}
