/* SPDX-License-Identifier: Apache-2.0 */
/* Strict JSON grammar check without recursion; words and places errors as the contract does. */
#include "core/json_scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scan {
    const char *text;
    size_t len, at;
    uint32_t count;
    uint32_t depth;
    bool is_obj[JSON_DEPTH_MAX + 1];
    struct json_error *err;
};

void json_consumed(const char *text, size_t consumed, uint32_t *ret_line, uint32_t *ret_col)
{
    uint32_t line = 1;
    uint32_t col = 0;

    for (size_t i = 0; i < consumed; i++) {
        if (text[i] == '\n') {
            line++;
            col = 0;
        } else {
            col++;
        }
    }
    *ret_line = line;
    *ret_col = col;
}

static int bad_at(struct scan *s, size_t consumed, const char *text)
{
    (void)snprintf(s->err->text, sizeof(s->err->text), "%s", text);
    json_consumed(s->text, consumed < s->len ? consumed : s->len, &s->err->line, &s->err->column);
    return -EINVAL;
}

/* The byte at s->at is the offending one (or the text ends there). */
static int bad(struct scan *s, const char *text)
{
    return bad_at(s, s->at + 1, text);
}

/* The next byte, or -1 at the end. */
static int peek(const struct scan *s)
{
    return s->at < s->len ? (unsigned char)s->text[s->at] : -1;
}

static int skip_space(struct scan *s)
{
    int c = peek(s);

    while (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
        s->at++;
        c = peek(s);
    }
    return c;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static void skip_digits(struct scan *s)
{
    while (is_digit(peek(s))) {
        s->at++;
    }
}

static int need_digit(struct scan *s)
{
    if (is_digit(peek(s))) {
        return 0;
    }
    return bad(s, peek(s) < 0 ? "EOF while parsing a value" : "invalid number");
}

static int scan_number(struct scan *s)
{
    size_t start = s->at;
    bool real = false;
    int r;

    if (peek(s) == '-') {
        s->at++;
    }
    r = need_digit(s);
    if (r < 0) {
        return r;
    }
    if (peek(s) == '0') {
        s->at++;
        if (is_digit(peek(s))) {
            return bad(s, "invalid number");
        }
    }
    skip_digits(s);
    if (peek(s) == '.') {
        real = true;
        s->at++;
        r = need_digit(s);
        if (r < 0) {
            return r;
        }
        skip_digits(s);
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        real = true;
        s->at++;
        if (peek(s) == '+' || peek(s) == '-') {
            s->at++;
        }
        r = need_digit(s);
        if (r < 0) {
            return r;
        }
        skip_digits(s);
    }
    /* The text is NUL-terminated, and strtod() stops where the number does. */
    if ((real || s->at - start > 300) && __builtin_isinf(strtod(s->text + start, NULL))) {
        return bad_at(s, s->at, "number out of range");
    }
    return 0;
}

static int scan_word(struct scan *s, const char *word)
{
    for (; *word; word++, s->at++) {
        if (peek(s) < 0) {
            return bad(s, "EOF while parsing a value");
        }
        if (s->text[s->at] != *word) {
            return bad(s, "expected ident");
        }
    }
    return 0;
}

int json_hex4(const char *p)
{
    int v = 0;

    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int d = is_digit(c)              ? c - '0'
                : (c >= 'a' && c <= 'f') ? c - 'a' + 10
                : (c >= 'A' && c <= 'F') ? c - 'A' + 10
                                         : -1;

        if (d < 0) {
            return -1;
        }
        v = v * 16 + d;
    }
    return v;
}

static int scan_hex4(struct scan *s, int *ret_unit)
{
    if (s->len - s->at < 4) {
        return bad_at(s, s->len, "EOF while parsing a string");
    }
    *ret_unit = json_hex4(s->text + s->at);
    if (*ret_unit < 0) {
        while (strchr("0123456789abcdefABCDEF", s->text[s->at]) && s->text[s->at]) {
            s->at++;
        }
        return bad(s, "invalid escape");
    }
    s->at += 4;
    return 0;
}

static int scan_unicode(struct scan *s)
{
    int unit = 0;
    int low = 0;
    int r = scan_hex4(s, &unit);

    if (r < 0 || unit < 0xD800 || unit > 0xDFFF) {
        return r;
    }
    if (unit >= 0xDC00) {
        return bad_at(s, s->at, "lone leading surrogate in hex escape");
    }
    for (const char *p = "\\u"; *p; p++, s->at++) {
        if (peek(s) < 0) {
            return bad(s, "EOF while parsing a string");
        }
        if (s->text[s->at] != *p) {
            return bad(s, "unexpected end of hex escape");
        }
    }
    r = scan_hex4(s, &low);
    if (r == 0 && (low < 0xDC00 || low > 0xDFFF)) {
        return bad_at(s, s->at, "lone leading surrogate in hex escape");
    }
    return r;
}

static int scan_escape(struct scan *s)
{
    int c = peek(s);

    if (c < 0) {
        return bad(s, "EOF while parsing a string");
    }
    if (c == 0 || !strchr("\"\\/bfnrtu", c)) {
        return bad(s, "invalid escape");
    }
    s->at++;
    return c == 'u' ? scan_unicode(s) : 0;
}

/* Length of the UTF-8 sequence at p (n bytes are there), or 0 when it is none. */
static size_t utf8_len(const unsigned char *p, size_t n)
{
    size_t len = p[0] < 0x80                    ? 1
                 : p[0] >= 0xC2 && p[0] <= 0xDF ? 2
                 : (p[0] & 0xF0) == 0xE0        ? 3
                 : p[0] >= 0xF0 && p[0] <= 0xF4 ? 4
                                                : 0;

    if (len == 0 || len > n) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
        (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F)) {
        return 0;
    }
    return len;
}

static int scan_string(struct scan *s)
{
    bool utf8_ok = true;

    s->at++;
    for (;;) {
        int c = peek(s);
        size_t n;
        int r;

        if (c < 0) {
            return bad(s, "EOF while parsing a string");
        }
        if (c == '"') {
            s->at++;
            return utf8_ok ? 0 : bad_at(s, s->at, "invalid unicode code point");
        }
        if (c == '\\') {
            s->at++;
            r = scan_escape(s);
            if (r < 0) {
                return r;
            }
            continue;
        }
        if (c < 0x20) {
            return bad(s, "control character (\\u0000-\\u001F) found while parsing a string");
        }
        n = utf8_len((const unsigned char *)s->text + s->at, s->len - s->at);
        utf8_ok = utf8_ok && n;
        s->at += n ? n : 1;
    }
}

static int open_container(struct scan *s, bool obj)
{
    if (s->depth == JSON_DEPTH_MAX) {
        return bad(s, "recursion limit exceeded");
    }
    s->is_obj[s->depth++] = obj;
    s->at++;
    return 0;
}

/* One value's start: a whole scalar, or an opening bracket (*ret_open). */
static int scan_value(struct scan *s, bool *ret_open)
{
    int c = skip_space(s);

    *ret_open = false;
    s->count++;
    switch (c) {
    case -1:
        return bad(s, "EOF while parsing a value");
    case 'n':
        return scan_word(s, "null");
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    case '"':
        return scan_string(s);
    case '{':
    case '[':
        *ret_open = true;
        return open_container(s, c == '{');
    default:
        return c == '-' || is_digit(c) ? scan_number(s) : bad(s, "expected value");
    }
}

/* A member's name and colon. */
static int scan_key(struct scan *s)
{
    int c = skip_space(s);
    int r;

    if (c != '"') {
        return bad(s, c < 0 ? "EOF while parsing a value" : "key must be a string");
    }
    s->count++;
    r = scan_string(s);
    if (r < 0) {
        return r;
    }
    c = skip_space(s);
    if (c != ':') {
        return bad(s, c < 0 ? "EOF while parsing an object" : "expected `:`");
    }
    s->at++;
    return 0;
}

/* Between values: close finished containers up to the next value's start. 1: all is read. */
static int scan_between(struct scan *s, bool first)
{
    while (s->depth > 0) {
        bool obj = s->is_obj[s->depth - 1];
        int close = obj ? '}' : ']';
        int c = skip_space(s);

        if (c < 0) {
            return bad(s, obj ? "EOF while parsing an object" : "EOF while parsing a list");
        }
        if (c == close) {
            s->at++;
            s->depth--;
            first = false;
            continue;
        }
        if (!first) {
            if (c != ',') {
                return bad(s, obj ? "expected `,` or `}`" : "expected `,` or `]`");
            }
            s->at++;
            if (skip_space(s) == close) {
                return bad(s, "trailing comma");
            }
        }
        return obj ? scan_key(s) : 0;
    }
    return 1;
}

int json_scan(const char *text, size_t len, uint32_t *ret_count, struct json_error *ret_err)
{
    struct scan s = { .text = text, .len = len, .err = ret_err };
    int r;

    do {
        bool opened;

        r = scan_value(&s, &opened);
        if (r == 0) {
            r = scan_between(&s, opened);
        }
    } while (r == 0);
    if (r < 0) {
        return r;
    }
    if (skip_space(&s) >= 0) {
        return bad(&s, "trailing characters");
    }
    *ret_count = s.count;
    return 0;
}
