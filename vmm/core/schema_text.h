/* SPDX-License-Identifier: Apache-2.0 */
/* Wording of schema violations: what was found, what was wanted, and where. */
#ifndef BP_CORE_SCHEMA_TEXT_H
#define BP_CORE_SCHEMA_TEXT_H

#include "core/buf.h"
#include "core/schema_impl.h"

/* "integer `5`", "string \"bar\"", "map". */
void text_found(struct buf *b, const struct bp_json *v);
/* "u8", "a boolean", "struct Name". */
void text_wanted(struct buf *b, const struct schema_node *n);
/* "expected one of `a`, `b`, `c`" one name at a time: the i-th of n. */
void text_choice(struct buf *b, uint32_t i, uint32_t n, const char *name);
/* " at line L column C" after `consumed` bytes of v's document. */
void text_where(struct buf *b, const struct bp_json *v, size_t consumed);

/* How far a streaming reader is when it notices: after the value, before it (brackets), or when
 * a decoded value is refused (it looked for the next delimiter by then). */
size_t where_end(const struct bp_json *v);
size_t where_type(const struct bp_json *v);
size_t where_decoded(const struct bp_json *v);

#endif
