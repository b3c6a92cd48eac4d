/* SPDX-License-Identifier: Apache-2.0 */
/* Small text helpers of the control plane. */
#include "api/text.h"

#include <errno.h>
#include <string.h>

/* Bytes of the sequence at s, 0 when it is malformed, overlong or a surrogate. */
static size_t utf8_len(const unsigned char *s, size_t left)
{
    static const uint32_t lowest[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc0 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    uint32_t c = n < 2 ? s[0] : s[0] & (0xffu >> (n + 1));

    if (n == 0 || s[0] > 0xf4 || n > left) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = c << 6 | (s[i] & 0x3fu);
    }
    return c < lowest[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : n;
}

bool text_is_utf8(const char *s, size_t len)
{
    size_t n;

    for (size_t i = 0; i < len; i += n) {
        n = utf8_len((const unsigned char *)s + i, len - i);
        if (n == 0) {
            return false;
        }
    }
    return true;
}

int text_u32(const char *s, uint64_t *ret)
{
    uint64_t v = 0;

    if (s == NULL) {
        return -EINVAL;
    }
    s += *s == '+';
    if (*s == '\0') {
        return -EINVAL;
    }
    for (; *s != '\0'; s++) {
        if (*s < '0' || *s > '9') {
            return -EINVAL;
        }
        v = v * 10 + (uint64_t)(*s - '0');
        if (v > UINT32_MAX) {
            return -EINVAL;
        }
    }
    *ret = v;
    return 0;
}

void text_debug(struct buf *out, const char *s, size_t len)
{
    buf_str(out, "\"");
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];

        if (c == '"' || c == '\\') {
            buf_fmt(out, "\\%c", c);
        } else if (c == '\n' || c == '\r' || c == '\t' || c == '\0') {
            buf_fmt(out, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : '0');
        } else if (c < 0x20 || c == 0x7f) {
            buf_fmt(out, "\\u{%x}", c);
        } else {
            buf_add(out, s + i, 1);
        }
    }
    buf_str(out, "\"");
}

void text_json(struct buf *out, const char *s, size_t len)
{
    static const char named[] = "\b\t\n\f\r";
    static const char letter[] = "btnfr";
    const char *at;

    buf_str(out, "\"");
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];

        if (c == '"' || c == '\\') {
            buf_fmt(out, "\\%c", c);
        } else if (c < 0x20 && c != 0 && (at = strchr(named, c)) != NULL) {
            buf_fmt(out, "\\%c", letter[at - named]);
        } else if (c < 0x20) {
            buf_fmt(out, "\\u%04x", c);
        } else {
            buf_add(out, s + i, 1);
        }
    }
    buf_str(out, "\"");
}
