/* SPDX-License-Identifier: Apache-2.0 */
/* Accessors over JSON values and the service table that plugins receive. */
#include <errno.h>
#include <string.h>

#include "core/json.h"
#include "core/jsonw.h"

static int value_type(const struct bp_json *v)
{
    return v ? v->type : BP_J_NULL;
}

static uint32_t value_count(const struct bp_json *v)
{
    return v ? v->count : 0;
}

/* The last of several equal names wins; schemas refuse them where the contract does. */
const struct bp_json *json_get(const struct bp_json *obj, const char *key)
{
    const struct bp_json *found = NULL;
    size_t len = strlen(key);
    uint32_t i;

    if (value_type(obj) != BP_J_OBJ) {
        return NULL;
    }
    i = json_index(obj) + 1;
    while (i < obj->next) {
        const struct bp_json *k = json_node(obj->doc, i);

        if (k->str_len == len && memcmp(k->str, key, len) == 0) {
            found = k + 1;
        }
        i = k->next;
    }
    return found;
}

const struct bp_json *json_at(const struct bp_json *arr, uint32_t i)
{
    const struct bp_json *v;

    if (value_type(arr) != BP_J_ARR || i >= arr->count) {
        return NULL;
    }
    v = arr + 1;
    while (i-- > 0) {
        v = json_node(arr->doc, v->next);
    }
    return v;
}

const char *json_str(const struct bp_json *v, uint32_t *ret_len)
{
    if (value_type(v) != BP_J_STR) {
        return NULL;
    }
    if (ret_len) {
        *ret_len = v->str_len;
    }
    return v->str;
}

int json_u64(const struct bp_json *v, uint64_t *ret)
{
    if (value_type(v) != BP_J_INT || v->int_neg) {
        return -EINVAL;
    }
    *ret = v->int_val;
    return 0;
}

static int value_i64(const struct bp_json *v, int64_t *ret)
{
    if (value_type(v) != BP_J_INT || (!v->int_neg && v->int_val > INT64_MAX)) {
        return -EINVAL;
    }
    *ret = (int64_t)v->int_val;
    return 0;
}

int json_bool(const struct bp_json *v, int *ret)
{
    if (value_type(v) != BP_J_BOOL) {
        return -EINVAL;
    }
    *ret = v->int_val != 0;
    return 0;
}

const struct bp_json_svc json_svc = {
    .size = sizeof(json_svc),
    .type = value_type,
    .get = json_get,
    .at = json_at,
    .count = value_count,
    .str = json_str,
    .i64 = value_i64,
    .u64 = json_u64,
    .boolean = json_bool,
    .w_open = jsonw_open,
    .w_close = jsonw_close,
    .w_str = jsonw_str,
    .w_u64 = jsonw_u64,
    .w_i64 = jsonw_i64,
    .w_bool = jsonw_bool,
    .w_null = jsonw_null,
};
