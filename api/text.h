/* SPDX-License-Identifier: Apache-2.0 */
/* Small text helpers of the control plane. */
#ifndef BP_API_TEXT_H
#define BP_API_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

bool text_is_utf8(const char *s, size_t len);
/* Decimal, an optional '+', at most 32 bits; -EINVAL otherwise (NULL too). */
int text_u32(const char *s, uint64_t *ret);
/* Quote as the contract's log lines do: "a\"b\n\u{1b}", with the quotes. */
void text_debug(struct buf *out, const char *s, size_t len);
/* A JSON string with its quotes. */
void text_json(struct buf *out, const char *s, size_t len);

#endif
