/* SPDX-License-Identifier: Apache-2.0 */
/* Compact JSON output, byte for byte what the contract's writer produces; one owner, no locks. */
#include "core/jsonw.h"

#include <string.h>

#include "core/cleanup.h"

void jsonw_init(struct bp_jsonw *w)
{
    memset(w, 0, sizeof(*w));
}

void jsonw_done(struct bp_jsonw *w)
{
    buf_done(&w->buf);
}

/* Two-character escapes by control code; 0: written as \u00XX. */
static char escape_short(unsigned char c)
{
    switch (c) {
    case '"':
    case '\\':
        return (char)c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return '\0';
    }
}

static void write_quoted(struct buf *b, const char *s, uint32_t len)
{
    uint32_t from = 0;

    buf_add(b, "\"", 1);
    for (uint32_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        char esc[2] = { '\\', escape_short(c) };

        if (c >= 0x20 && !esc[1]) {
            continue;
        }
        buf_add(b, s + from, i - from);
        from = i + 1;
        if (esc[1]) {
            buf_add(b, esc, 2);
        } else {
            buf_fmt(b, "\\u%04x", c);
        }
    }
    buf_add(b, s + from, len - from);
    buf_add(b, "\"", 1);
}

static void write_key(struct bp_jsonw *w, const char *key)
{
    if (w->depth > 0) {
        bool *comma = &w->comma[w->depth - 1];

        if (*comma) {
            buf_add(&w->buf, ",", 1);
        }
        *comma = true;
    }
    if (key) {
        write_quoted(&w->buf, key, (uint32_t)strlen(key));
        buf_add(&w->buf, ":", 1);
    }
}

void jsonw_open(struct bp_jsonw *w, const char *key, int type)
{
    if (w->depth >= ARRAY_LEN(w->comma)) {
        w->buf.failed = true;
        return;
    }
    write_key(w, key);
    w->is_obj[w->depth] = type == BP_J_OBJ;
    w->comma[w->depth] = false;
    w->depth++;
    buf_add(&w->buf, type == BP_J_OBJ ? "{" : "[", 1);
}

void jsonw_close(struct bp_jsonw *w)
{
    if (w->depth == 0) {
        w->buf.failed = true;
        return;
    }
    w->depth--;
    buf_add(&w->buf, w->is_obj[w->depth] ? "}" : "]", 1);
}

void jsonw_str(struct bp_jsonw *w, const char *key, const char *s, uint32_t len)
{
    write_key(w, key);
    write_quoted(&w->buf, s, len);
}

void jsonw_cstr(struct bp_jsonw *w, const char *key, const char *s)
{
    if (s) {
        jsonw_str(w, key, s, (uint32_t)strlen(s));
    } else {
        jsonw_null(w, key);
    }
}

void jsonw_u64(struct bp_jsonw *w, const char *key, uint64_t v)
{
    write_key(w, key);
    buf_fmt(&w->buf, "%llu", (unsigned long long)v);
}

void jsonw_i64(struct bp_jsonw *w, const char *key, int64_t v)
{
    write_key(w, key);
    buf_fmt(&w->buf, "%lld", (long long)v);
}

void jsonw_bool(struct bp_jsonw *w, const char *key, int v)
{
    write_key(w, key);
    buf_str(&w->buf, v ? "true" : "false");
}

void jsonw_null(struct bp_jsonw *w, const char *key)
{
    write_key(w, key);
    buf_str(&w->buf, "null");
}

void jsonw_raw(struct bp_jsonw *w, const char *key, const char *json)
{
    write_key(w, key);
    buf_str(&w->buf, json);
}
