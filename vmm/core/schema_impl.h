/* SPDX-License-Identifier: Apache-2.0 */
/* The compiled form shared by the schema compiler and the checker; immutable once compiled. */
#ifndef BP_CORE_SCHEMA_IMPL_H
#define BP_CORE_SCHEMA_IMPL_H

#include "core/schema.h"

#define SCHEMA_PROPS_MAX 64 /* members of one object: one bit each while checking */

#define TYPE_BIT(t) (1u << (t))

enum schema_text { /* what a format says about a string's content */
                   TEXT_ANY,
                   TEXT_IPV4,
                   TEXT_MAC,
};

struct schema_format {
    const char *name, *want;
    bool is_int;
    int64_t min;
    uint64_t max;
    enum schema_text text;
};

struct schema_node {
    const struct bp_json *src;
    const char *title; /* or NULL */
    uint32_t types;    /* TYPE_BIT()s, 0: any */
    uint32_t props, n_props;
    bool closed;                    /* unknown members are refused */
    const struct bp_json *variants; /* string array or NULL */
    const struct bp_json *aliases;  /* accepted, but not listed in messages */
    uint32_t items;                 /* node of the elements, 0: any */
    uint32_t min_items;
    bool has_min, has_max;
    int64_t min;
    uint64_t max;
    const struct schema_format *format;
    /* Texts for checks on a decoded value, or NULL. */
    const char *on_min, *on_max, *on_null, *on_enum, *on_format;
};

struct schema_prop {
    const char *name;
    uint32_t name_len;
    uint32_t node;
    bool required;
};

struct schema {
    struct json_doc *doc;
    struct schema_node *nodes; /* 0 is the root */
    struct schema_prop *props;
    uint32_t n_nodes, n_props;
};

#endif
