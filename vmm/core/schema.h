/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON Schema subset that describes request bodies, and the check that words violations as the
 * contract does. Understood keywords:
 *   title (the contract's struct name), type (one name or ["x","null"]), properties (declaration
 *   order matters), required, additionalProperties (false refuses unknown members), enum,
 *   items, minimum, maximum, minItems, description, default,
 *   format: "uint8" "uint16" "uint32" "uint64" "usize" "path" "semver" "ipv4" "mac" (the
 *   expected type in messages: u8, u16, ..., path string, IPv4 address); others say nothing,
 *   x-errors: texts of checks on a decoded value, by keyword: {"minimum": "...", "maximum": "...",
 *   "enum": "...", "format": "...", "null": "..."} ("null" refuses null whatever the type says),
 *   x-aliases: strings that `enum` takes as well but does not list in messages.
 * Annotations (description, default, examples, $..., x-...) are skipped, other keywords refused.
 * A nested object with `title` is reported as `struct TITLE`.
 */
#ifndef BP_CORE_SCHEMA_H
#define BP_CORE_SCHEMA_H

#include <backplane/plugin.h>

#include "core/json.h"

struct schema;

/* NULL: err says what is wrong with the schema text. */
struct schema *schema_compile(const char *text, struct bp_err *err);
void schema_free(struct schema *s);
/* 0, or -EINVAL with the detail ("missing field `x` at line 1 column 2") in ret_detail. Members are
 * judged in document order, missing ones at the closing brace, as a streaming reader would. */
int schema_check(const struct schema *s, const struct bp_json *v, char *ret_detail, size_t cap);

#endif
