/* SPDX-License-Identifier: Apache-2.0 */
/* The strict reader that runs before jsmn: it alone decides what is JSON. */
#ifndef BP_CORE_JSON_SCAN_H
#define BP_CORE_JSON_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "core/json.h"

/* 0 and the number of values plus member names, or -EINVAL with ret_err filled. */
int json_scan(const char *text, size_t len, uint32_t *ret_count, struct json_error *ret_err);
/* Position after `consumed` bytes as a streaming reader counts: column 0 follows a newline. */
void json_consumed(const char *text, size_t consumed, uint32_t *ret_line, uint32_t *ret_col);
/* Value of four hexadecimal digits, or -1. */
int json_hex4(const char *p);

#endif
