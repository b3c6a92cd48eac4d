/* SPDX-License-Identifier: Apache-2.0 */
/* The kit's control plane: requests through the plugin's routes, pause, state round trips. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/jsonw.h"
#include "host/state.h"
#include "kit_cmocka.h"
#include "kit_priv.h"

static uint32_t kit_when(const struct kit *k)
{
    if (k->paused) {
        return BP_WHEN_PAUSED;
    }
    return k->has_run || (k->dev && k->dev->started) ? BP_WHEN_RUNNING : BP_WHEN_BOOT;
}

static int check_body(const struct route *rt, const char *id, const struct bp_json *body,
                      struct bp_err *err)
{
    char why[512];
    int rc = 0;

    if (rt->request) {
        if (!body) {
            return bp_fail(err, -EINVAL, BP_E_CONFIG, "a body is needed");
        }
        rc = schema_check(rt->request, body, why, sizeof(why));
        if (rc < 0) {
            return bp_fail(err, rc, BP_E_CONFIG, "%s", why);
        }
    }
    if (rt->has_id && rt->r.id_field && body) {
        const struct bp_json *v = json_get(body, rt->r.id_field);
        const char *s = v ? json_str(v, NULL) : NULL;

        if (!s || strcmp(s, id) != 0) {
            return bp_fail(err, -EINVAL, BP_E_CONFIG, "%s",
                           rt->r.mismatch ? rt->r.mismatch : "the ids differ");
        }
    }
    return rt->r.check && body ? rt->r.check(host_table(), body, err) : 0;
}

static int run_request(struct kit *k, const struct route *rt, const char *id, const char *body,
                       struct bp_jsonw *w, struct bp_err *err)
{
    struct json_error why;
    struct json_doc *doc = body ? json_parse(body, strlen(body), &why) : NULL;
    int rc;

    if (body && !doc) {
        return bp_fail(err, -EINVAL, BP_E_CONFIG, "%s at line %u column %u", why.text, why.line,
                       why.column);
    }
    rc = check_body(rt, id, doc ? json_root(doc) : NULL, err);
    if (rc == 0 && !(rt->r.when & kit_when(k))) {
        rc = bp_fail(err, -EBUSY, BP_E_CONFLICT, "not now");
    }
    if (rc == 0) {
        const char *at = k->dev ? k->dev->id : NULL;
        char was[128] = "";

        (void)snprintf(was, sizeof(was), "%s", at ? at : "");
        rc = devices_execute(&k->devs, rt, id, doc ? json_root(doc) : NULL, w, err);
        k->dev = devices_find(&k->devs, k->plugin, was); /* it may have been replaced */
        k->dev = k->dev ? k->dev : k->devs.first;
    }
    json_free(doc);
    return rc;
}

struct bp_err kit_request(struct kit *k, const char *method, const char *path, const char *body,
                          char *reply, size_t cap)
{
    struct bp_err err = { 0 };
    struct bp_jsonw w;
    char first[64], second[256] = "";
    const struct route *rt = NULL;
    int rc;

    if (sscanf(path, "/%63[^/]/%255[^/]", first, second) >= 1) {
        rt = registry_route(&k->reg, method, first, second);
    }
    if (!rt) {
        (void)bp_fail(&err, -ENOENT, BP_E_CONFIG, "no such route");
        return err;
    }
    jsonw_init(&w);
    rc = run_request(k, rt, rt->has_id ? second : NULL, body, &w, &err);
    if (reply && cap > 0) {
        (void)snprintf(reply, cap, "%s", w.buf.data ? w.buf.data : "");
    }
    jsonw_done(&w);
    if (rc >= 0) {
        memset(&err, 0, sizeof(err));
    } else if (err.code == 0) {
        err.code = rc;
    }
    kit_run(k);
    return err;
}

int kit_pause(struct kit *k)
{
    unsigned i;
    int rc;

    rc = host_dev_pause(k->dev);
    for (i = 0; rc == 1 && i < 1000; i++) {
        kit_run(k);
        rc = host_dev_pause(k->dev);
    }
    k->paused = rc == 0;
    return rc;
}

void kit_resume(struct kit *k)
{
    (void)host_dev_resume(k->dev);
    k->paused = false;
    k->has_run = true;
    kit_run(k);
}

static int save(struct kit *k, struct bp_dev *d, struct buf *out)
{
    struct bp_statew w = { out };

    return d->ops->save(d->self, &w, &k->err);
}

/* A second instance beside the first, as a restore makes it. */
static int again(struct kit *k, struct bp_dev **ret_d)
{
    struct json_error why;
    struct json_doc *doc;
    struct bp_jsonw w;
    int rc;

    jsonw_init(&w);
    rc = host_dev_show(k->dev, NULL, &w);
    doc = rc == 0 ? json_parse(w.buf.data, w.buf.len, &why) : NULL;
    if (rc == 0 && !doc) {
        rc = bp_fail(&k->err, -EINVAL, BP_E_CONFIG, "show() wrote no JSON: %s", why.text);
    }
    rc = rc < 0 ? rc
                : host_dev_new(&k->env, k->plugin, k->plugin->ctx, k->dev->id, json_root(doc),
                               ret_d, &k->err);
    json_free(doc);
    jsonw_done(&w);
    return rc;
}

int kit_roundtrip(struct kit *k)
{
    struct buf a = { 0 }, b = { 0 };
    struct bp_dev *d = NULL;
    struct bp_stater r;
    int rc;

    memset(&k->err, 0, sizeof(k->err));
    if (!k->dev->ops->save) {
        return 2;
    }
    rc = save(k, k->dev, &a);
    r = (struct bp_stater){ (const uint8_t *)a.data, a.len };
    rc = rc < 0 ? rc : state_check(&r);
    rc = rc < 0 ? rc : again(k, &d);
    rc = rc < 0 ? rc : host_dev_start(d, &k->mem, &k->err);
    rc = rc < 0 ? rc : d->ops->restore(d->self, &r, k->plugin->desc.state_version, &k->err);
    rc = rc < 0 ? rc : save(k, d, &b);
    if (rc >= 0) {
        rc = a.len != b.len || (a.len > 0 && memcmp(a.data, b.data, a.len) != 0);
    }
    host_dev_free(d);
    buf_done(&a);
    buf_done(&b);
    return rc;
}
