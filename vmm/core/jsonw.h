/* SPDX-License-Identifier: Apache-2.0 */
/* The compact JSON writer behind bp_json_svc's w_* functions. */
#ifndef BP_CORE_JSONW_H
#define BP_CORE_JSONW_H

#include <backplane/plugin.h>

#include "core/buf.h"

struct bp_jsonw {
    struct buf buf;
    uint32_t depth;
    bool comma[64]; /* per depth: a member was written already */
    bool is_obj[64];
};

void jsonw_init(struct bp_jsonw *w);
void jsonw_done(struct bp_jsonw *w);
void jsonw_open(struct bp_jsonw *w, const char *key, int type);
void jsonw_close(struct bp_jsonw *w);
void jsonw_str(struct bp_jsonw *w, const char *key, const char *s, uint32_t len);
void jsonw_cstr(struct bp_jsonw *w, const char *key, const char *s); /* NULL writes null */
void jsonw_u64(struct bp_jsonw *w, const char *key, uint64_t v);
void jsonw_i64(struct bp_jsonw *w, const char *key, int64_t v);
void jsonw_bool(struct bp_jsonw *w, const char *key, int v);
void jsonw_null(struct bp_jsonw *w, const char *key);
/* Insert text that is one JSON value already. */
void jsonw_raw(struct bp_jsonw *w, const char *key, const char *json);

#endif
