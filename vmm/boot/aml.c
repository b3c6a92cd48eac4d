/* SPDX-License-Identifier: Apache-2.0 */
/* AML encodings (ACPI 6.5, chapters 20 and 6.4). No state. */
#include "boot/aml.h"

#include <string.h>

void aml_bytes(struct aml *a, const void *p, uint32_t len)
{
    if (len > a->cap - a->len) {
        a->full = true;
        return;
    }
    memcpy(a->p + a->len, p, len);
    a->len += len;
}

void aml_u8(struct aml *a, uint8_t v)
{
    aml_bytes(a, &v, 1);
}

static void raw16(struct aml *a, uint16_t v)
{
    const uint8_t b[2] = { (uint8_t)v, (uint8_t)(v >> 8) };

    aml_bytes(a, b, sizeof(b));
}

static void raw32(struct aml *a, uint32_t v)
{
    raw16(a, (uint16_t)v);
    raw16(a, (uint16_t)(v >> 16));
}

void aml_dword(struct aml *a, uint32_t v)
{
    aml_u8(a, 0x0c);
    raw32(a, v);
}

void aml_byte(struct aml *a, uint8_t v)
{
    aml_u8(a, 0x0a);
    aml_u8(a, v);
}

void aml_text(struct aml *a, const char *s)
{
    aml_u8(a, 0x0d);
    aml_bytes(a, s, (uint32_t)strlen(s) + 1);
}

void aml_path(struct aml *a, const char *seg0, const char *seg1)
{
    if (seg1) {
        aml_u8(a, 0x2e);
    }
    aml_bytes(a, seg0, 4);
    if (seg1) {
        aml_bytes(a, seg1, 4);
    }
}

void aml_name(struct aml *a, const char *seg)
{
    aml_u8(a, 0x08);
    aml_path(a, seg, 0);
}

uint32_t aml_mark(const struct aml *a)
{
    return a->len;
}

void aml_close(struct aml *a, uint32_t mark)
{
    uint32_t body = a->len - mark;
    uint32_t extra = body + 1 < 64 ? 0 : body + 2 < 4096 ? 1 : body + 3 < 1u << 20 ? 2 : 3;
    uint32_t total = body + 1 + extra;
    uint8_t enc[4];

    if (a->full || 1 + extra > a->cap - a->len) {
        a->full = true;
        return;
    }
    enc[0] = (uint8_t)(extra ? extra << 6 | (total & 0xf) : total);
    for (uint32_t i = 0; i < extra; i++) {
        enc[i + 1] = (uint8_t)(total >> (4 + 8 * i));
    }
    memmove(a->p + mark + 1 + extra, a->p + mark, body);
    memcpy(a->p + mark, enc, 1 + extra);
    a->len += 1 + extra;
}

void aml_device(struct aml *a, uint32_t *ret_mark)
{
    aml_u8(a, 0x5b);
    aml_u8(a, 0x82);
    *ret_mark = aml_mark(a);
}

void aml_crs_open(struct aml *a, struct aml_crs *ret_c)
{
    aml_name(a, "_CRS");
    aml_u8(a, 0x11);
    ret_c->buffer = aml_mark(a);
    aml_byte(a, 0); /* the length, known at close; resource lists here are short */
    ret_c->data = aml_mark(a);
}

void aml_crs_close(struct aml *a, const struct aml_crs *c)
{
    aml_u8(a, 0x79);
    aml_u8(a, 0x00);
    if (a->full || a->len - c->data > UINT8_MAX) {
        a->full = true;
        return;
    }
    a->p[c->data - 1] = (uint8_t)(a->len - c->data);
    aml_close(a, c->buffer);
}

void aml_memory32(struct aml *a, uint32_t base, uint32_t len)
{
    static const uint8_t head[] = { 0x86, 0x09, 0x00, 0x01 };

    aml_bytes(a, head, sizeof(head));
    raw32(a, base);
    raw32(a, len);
}

void aml_interrupt(struct aml *a, uint32_t gsi)
{
    static const uint8_t head[] = { 0x89, 0x06, 0x00, 0x03, 0x01 };

    aml_bytes(a, head, sizeof(head));
    raw32(a, gsi);
}

void aml_io(struct aml *a, uint16_t port, uint8_t len)
{
    static const uint8_t head[] = { 0x47, 0x01 };

    aml_bytes(a, head, sizeof(head));
    raw16(a, port);
    raw16(a, port);
    aml_u8(a, 1);
    aml_u8(a, len);
}
