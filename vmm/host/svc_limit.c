/* SPDX-License-Identifier: Apache-2.0 */
/* Rate limiters: the arithmetic of loop/limiter.h with a timer of the device. Loop thread. */
#include <errno.h>
#include <stdlib.h>

#include "core/errtext.h"
#include "core/json.h"
#include "core/jsonw.h"
#include "host/priv.h"
#include "loop/limiter.h"

#define AT_ONCE_NS 1u

static void limiter_fired(void *arg)
{
    struct bp_limiter *l = arg;

    limiter_unblock(&l->l);
    if (l->refilled) {
        l->refilled(l->arg);
    }
}

struct bucket_cfg {
    bool present;
    uint64_t size, burst, refill_ms;
};

static bool given(const struct bp_json *v)
{
    return v && v->type != BP_J_NULL;
}

static int bucket_parse(const struct bp_json *cfg, const char *key, struct bucket_cfg *ret_b,
                        struct bp_err *err)
{
    const struct bp_json *v = given(cfg) ? json_get(cfg, key) : NULL;
    struct bucket_cfg b = { .present = true };

    ret_b->present = false;
    if (!given(v)) {
        return 0;
    }
    if (v->type != BP_J_OBJ || json_u64(json_get(v, "size"), &b.size) < 0 ||
        json_u64(json_get(v, "refill_time"), &b.refill_ms) < 0) {
        return bp_fail(err, -EINVAL, BP_E_CONFIG,
                       "`%s` needs `size` and `refill_time` as unsigned integers", key);
    }
    v = json_get(v, "one_time_burst");
    if (given(v) && json_u64(v, &b.burst) < 0) {
        return bp_fail(err, -EINVAL, BP_E_CONFIG, "`%s`: `one_time_burst` is no unsigned integer",
                       key);
    }
    *ret_b = b;
    return 0;
}

static int cfg_parse(const struct bp_json *cfg, struct bucket_cfg ret_b[2], struct bp_err *err)
{
    int rc;

    if (given(cfg) && cfg->type != BP_J_OBJ) {
        return bp_fail(err, -EINVAL, BP_E_CONFIG, "a rate limiter is an object");
    }
    rc = bucket_parse(cfg, "bandwidth", &ret_b[LIMITER_BYTES], err);
    return rc < 0 ? rc : bucket_parse(cfg, "ops", &ret_b[LIMITER_OPS], err);
}

/* Buckets that were not given stay as they are. */
static void cfg_apply(struct bp_limiter *l, const struct bucket_cfg b[2])
{
    uint32_t i;

    for (i = 0; i < 2; i++) {
        if (b[i].present) {
            bucket_set(&l->l.bucket[i], b[i].size, b[i].burst, b[i].refill_ms, host_now(l->d));
        }
    }
}

static int svc_make(struct bp_dev *d, const struct bp_json *cfg, bp_fn *refilled, void *arg,
                    struct bp_limiter **lim, struct bp_err *err)
{
    struct bucket_cfg b[2] = { 0 };
    struct bp_limiter *l;
    char text[160];
    int rc = cfg_parse(cfg, b, err);

    if (rc < 0) {
        return rc;
    }
    l = calloc(1, sizeof(*l));
    rc = l ? 0 : -ENOMEM;
    if (l) {
        l->d = d;
        l->refilled = refilled;
        l->arg = arg;
        limiter_init(&l->l);
        rc = host_timer_add(d, limiter_fired, l, &l->timer);
    }
    if (rc < 0) {
        free(l);
        return bp_fail(err, rc, BP_E_HOST, "%s", errtext_display(-rc, text, sizeof(text)));
    }
    cfg_apply(l, b);
    l->next = d->limiters;
    d->limiters = l;
    *lim = l;
    return 0;
}

static int svc_update(struct bp_limiter *l, const struct bp_json *cfg, struct bp_err *err)
{
    struct bucket_cfg b[2] = { 0 };
    int rc = cfg_parse(cfg, b, err);

    if (rc < 0) {
        return rc;
    }
    cfg_apply(l, b);
    if (l->l.blocked && b[l->cause].present) {
        /* The bucket that made the device wait is gone: wake it right after this call. */
        (void)host_timer_arm(l->timer, AT_ONCE_NS, 0);
    }
    return 0;
}

static bool consume(struct bp_limiter *l, enum limiter_kind kind, uint64_t n)
{
    uint64_t arm_ns = 0;
    bool go;

    if (n == 0) {
        return !l->l.blocked;
    }
    go = limiter_consume(&l->l, kind, n, host_now(l->d), &arm_ns);
    if (arm_ns > 0) {
        l->cause = kind;
        (void)host_timer_arm(l->timer, arm_ns, 0);
    }
    return go;
}

static int svc_take(struct bp_limiter *l, uint64_t ops, uint64_t bytes)
{
    if (!consume(l, LIMITER_OPS, ops)) {
        return 0;
    }
    if (bytes > 0 && !consume(l, LIMITER_BYTES, bytes)) {
        limiter_give_back(&l->l, LIMITER_OPS, ops);
        return 0;
    }
    return 1;
}

static void svc_give(struct bp_limiter *l, uint64_t ops, uint64_t bytes)
{
    limiter_give_back(&l->l, LIMITER_OPS, ops);
    limiter_give_back(&l->l, LIMITER_BYTES, bytes);
}

static int svc_blocked(struct bp_limiter *l)
{
    return l->l.blocked;
}

static void bucket_show(const struct bucket *b, const char *key, struct bp_jsonw *w)
{
    if (b->size == 0) {
        jsonw_null(w, key);
        return;
    }
    jsonw_open(w, key, BP_J_OBJ);
    jsonw_u64(w, "size", b->size);
    if (b->burst_init > 0) {
        jsonw_u64(w, "one_time_burst", b->burst_init);
    } else {
        jsonw_null(w, "one_time_burst");
    }
    jsonw_u64(w, "refill_time", b->refill_ms);
    jsonw_close(w);
}

static void svc_show(struct bp_limiter *l, const char *key, struct bp_jsonw *w)
{
    const struct bucket *b = l->l.bucket;

    if (b[LIMITER_BYTES].size == 0 && b[LIMITER_OPS].size == 0) {
        jsonw_null(w, key);
        return;
    }
    jsonw_open(w, key, BP_J_OBJ);
    bucket_show(&b[LIMITER_BYTES], "bandwidth", w);
    bucket_show(&b[LIMITER_OPS], "ops", w);
    jsonw_close(w);
}

void host_limiters_free(struct bp_dev *d)
{
    while (d->limiters) {
        struct bp_limiter *l = d->limiters;

        d->limiters = l->next;
        free(l);
    }
}

const struct bp_limit_svc host_limit_svc = {
    .size = sizeof(host_limit_svc),
    .make = svc_make,
    .update = svc_update,
    .take = svc_take,
    .give = svc_give,
    .blocked = svc_blocked,
    .show = svc_show,
};
