/* SPDX-License-Identifier: Apache-2.0 */
/* A writer of AML byte code into a fixed buffer. Overflow sticks in `full`. */
#ifndef BP_BOOT_AML_H
#define BP_BOOT_AML_H

#include <stdbool.h>
#include <stdint.h>

struct aml {
    uint8_t *p;
    uint32_t len, cap;
    bool full;
};

void aml_bytes(struct aml *a, const void *p, uint32_t len);
void aml_u8(struct aml *a, uint8_t v);
void aml_dword(struct aml *a, uint32_t v); /* as an integer, always in 32 bits */
void aml_byte(struct aml *a, uint8_t v);   /* as an integer, always in 8 bits */
void aml_text(struct aml *a, const char *s);
/* "V000" or "_SB_" "COM1": one or two segments of four letters. */
void aml_path(struct aml *a, const char *seg0, const char *seg1);
void aml_name(struct aml *a, const char *seg); /* the value follows */
/* A length is put at the mark once all after it is written. */
uint32_t aml_mark(const struct aml *a);
void aml_close(struct aml *a, uint32_t mark);
void aml_device(struct aml *a, uint32_t *ret_mark); /* path and body follow */

/* _CRS: resources between open and close. */
struct aml_crs {
    uint32_t buffer, data;
};
void aml_crs_open(struct aml *a, struct aml_crs *ret_c);
void aml_crs_close(struct aml *a, const struct aml_crs *c);
void aml_memory32(struct aml *a, uint32_t base, uint32_t len);
void aml_interrupt(struct aml *a, uint32_t gsi); /* edge, high, exclusive */
void aml_io(struct aml *a, uint16_t port, uint8_t len);

#endif
