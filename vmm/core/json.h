/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON documents over jsmn tokens: a strict parser (jsmn alone accepts too much), values with
 * their byte positions, and the accessors behind bp_json_svc. A document is immutable after
 * json_parse() and may be read from any thread.
 */
#ifndef BP_CORE_JSON_H
#define BP_CORE_JSON_H

#include <backplane/plugin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 127 /* deeper nesting is "recursion limit exceeded" */

struct json_doc;

/* One value. Defined here so that core code can walk documents; opaque to plugins. */
struct bp_json {
    const struct json_doc *doc;
    int type;            /* BP_J_* */
    uint32_t start, end; /* byte offsets of the value's text; strings: without the quotes */
    uint32_t next;       /* index of the value after this one's subtree */
    uint32_t count;      /* members or elements */
    const char *str;     /* strings and keys: unescaped, NUL-terminated */
    uint32_t str_len;
    bool is_key;      /* an object's member name; its value is the value at index + 1 */
    bool int_neg;     /* BP_J_INT: value is negative, in int_val as two's complement */
    uint64_t int_val; /* BP_J_INT only; integers beyond 64 bits have type BP_J_REAL */
    double real_val;
};

/* Where and why a text is no JSON document: offset is the byte the contract reports. */
struct json_error {
    char text[96]; /* "expected value", "EOF while parsing an object", "trailing characters" */
    uint32_t line, column; /* 1-based; EOF errors: position of the end */
};

/* NULL: not JSON (ret_err filled) or out of memory (text "out of memory"). Copies the text. */
struct json_doc *json_parse(const char *text, size_t len, struct json_error *ret_err);
void json_free(struct json_doc *doc);
const struct bp_json *json_root(const struct json_doc *doc);
const char *json_text(const struct json_doc *doc, size_t *ret_len); /* as received */
/* Line and column (1-based, bytes) of a byte offset. */
void json_position(const struct json_doc *doc, uint32_t offset, uint32_t *ret_line,
                   uint32_t *ret_col);
/* The value at absolute token index i (0 is the root), for walkers. */
const struct bp_json *json_node(const struct json_doc *doc, uint32_t i);
uint32_t json_index(const struct bp_json *v);

const struct bp_json *json_get(const struct bp_json *obj, const char *key);
const struct bp_json *json_at(const struct bp_json *arr, uint32_t i);
const char *json_str(const struct bp_json *v, uint32_t *ret_len);
int json_u64(const struct bp_json *v, uint64_t *ret);
int json_bool(const struct bp_json *v, int *ret);

/* The table handed to plugins. */
extern const struct bp_json_svc json_svc;

#endif
