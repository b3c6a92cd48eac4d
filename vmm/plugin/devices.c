/* SPDX-License-Identifier: Apache-2.0 */
/* The device instances of the VM as a list in configuration order. Control thread only. */
#include "plugin/devices.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/json.h"
#include "core/jsonw.h"

void devices_init(struct devices *ds, struct host_env *env)
{
    memset(ds, 0, sizeof(*ds));
    ds->env = env;
}

void devices_done(struct devices *ds)
{
    while (ds->first) {
        struct bp_dev *d = ds->first;

        ds->first = d->next;
        host_dev_free(d);
    }
    ds->n = 0;
}

static const char *id_of(const struct plugin *p, const char *id)
{
    return id && id[0] != '\0' ? id : p->desc.name;
}

struct bp_dev *devices_find(const struct devices *ds, const struct plugin *p, const char *id)
{
    struct bp_dev *d;

    for (d = ds->first; d; d = d->next) {
        if (d->plugin == p && strcmp(d->id, id_of(p, id)) == 0) {
            return d;
        }
    }
    return NULL;
}

/* The plugin's context is made when it is first needed. */
static int plugin_open(const struct plugin *p, struct bp_err *err)
{
    struct plugin *mp = (struct plugin *)p; /* the registry owns it, const is for readers */
    int rc;

    if (p->opened || !p->ops.open) {
        return 0;
    }
    err->text[0] = '\0';
    rc = p->ops.open(host_table(), &mp->ctx, err);
    if (rc < 0) {
        return err->text[0] != '\0'
                   ? rc
                   : bp_fail(err, rc, BP_E_HOST, "Plugin %s cannot start", p->desc.name);
    }
    mp->opened = true;
    return 0;
}

static struct bp_dev **slot_of(struct devices *ds, const struct bp_dev *d)
{
    struct bp_dev **at = &ds->first;

    while (*at && *at != d) {
        at = &(*at)->next;
    }
    return at;
}

/* Swap places with the head of the plugin's instances. */
static void to_front(struct devices *ds, struct bp_dev *d)
{
    struct bp_dev **a = &ds->first, **b, *head, *next;

    while ((*a)->plugin != d->plugin) {
        a = &(*a)->next;
    }
    head = *a;
    if (head == d) {
        return;
    }
    b = slot_of(ds, d);
    next = d->next;
    if (head->next == d) {
        d->next = head;
    } else {
        d->next = head->next;
        *b = head;
    }
    head->next = next;
    *a = d;
}

static int run_create(struct devices *ds, const struct plugin *p, const char *id,
                      const struct bp_json *body, struct bp_err *err)
{
    struct bp_dev *old = devices_find(ds, p, id), *d = NULL, **at;
    int rc = plugin_open(p, err);

    rc = rc < 0 ? rc : host_dev_new(ds->env, p, p->ctx, id_of(p, id), body, &d, err);
    if (rc < 0) {
        return rc;
    }
    at = slot_of(ds, old); /* the end of the list when there is no old one */
    *at = d;
    if (old) {
        d->next = old->next;
        host_dev_free(old);
    } else {
        ds->n++;
    }
    if (d->first) {
        to_front(ds, d);
    }
    return 0;
}

static int no_device(const struct route *rt, const char *id, struct bp_err *err)
{
    const char *text = rt->r.absent;
    const char *at = text ? strstr(text, "{path}") : NULL;

    id = id_of(rt->plugin, id);
    if (!text) {
        return bp_fail(err, -ENODEV, BP_E_CONFIG, "There is no device %s.", id);
    }
    if (!at) {
        return bp_fail(err, -ENODEV, BP_E_CONFIG, "%s", text);
    }
    return bp_fail(err, -ENODEV, BP_E_CONFIG, "%.*s%s%s", (int)(at - text), text, id, at + 6);
}

static int silent(struct bp_err *err, int rc, const char *what)
{
    if (rc < 0 && err->text[0] == '\0') {
        return bp_fail(err, rc, BP_E_HOST, "The device could not %s.", what);
    }
    return rc;
}

int devices_execute(struct devices *ds, const struct route *rt, const char *id,
                    const struct bp_json *body, struct bp_jsonw *w, struct bp_err *err)
{
    const struct plugin *p = rt->plugin;
    struct bp_dev *d;
    int rc;

    if (rt->r.action == BP_DO_CREATE) {
        return run_create(ds, p, id, body, err);
    }
    if (rt->r.action == BP_DO_CALL && !rt->has_id) {
        rc = plugin_open(p, err);
        err->text[0] = rc < 0 ? err->text[0] : '\0';
        return rc < 0 ? rc : silent(err, rt->r.call(p->ctx, body, w, err), "do this");
    }
    d = devices_find(ds, p, rt->has_id ? id : NULL);
    if (!d) {
        return no_device(rt, id, err);
    }
    err->text[0] = '\0';
    switch (rt->r.action) {
    case BP_DO_UPDATE:
        return silent(err, p->ops.update(d->self, body, err), "be changed");
    case BP_DO_SHOW:
        return silent(err, host_dev_show(d, NULL, w), "be shown");
    case BP_DO_STATS:
        return silent(err, host_dev_stats(d, NULL, w), "report its statistics");
    case BP_DO_CALL:
        return silent(err, rt->r.call(d->self, body, w, err), "do this");
    case BP_DO_DELETE:
        *slot_of(ds, d) = d->next;
        ds->n--;
        host_dev_free(d);
        return 0;
    default:
        return bp_fail(err, -ENOTSUP, BP_E_HOST, "The route has no action.");
    }
}

void devices_show_config(const struct devices *ds, const struct route *rt, const char *key,
                         struct bp_jsonw *w)
{
    struct bp_dev *d;
    bool any = false;

    if (rt->has_id) {
        jsonw_open(w, key, BP_J_ARR);
    }
    for (d = ds->first; d; d = d->next) {
        if (d->plugin == rt->plugin && (rt->has_id || !any)) {
            any = host_dev_show(d, rt->has_id ? NULL : key, w) == 0 || any;
        }
    }
    if (rt->has_id) {
        jsonw_close(w);
    } else if (!any) {
        jsonw_null(w, key);
    }
}

static bool before(const struct bp_dev *a, const struct bp_dev *b)
{
    if (a->plugin->desc.bus_rank != b->plugin->desc.bus_rank) {
        return a->plugin->desc.bus_rank < b->plugin->desc.bus_rank;
    }
    return a->plugin == b->plugin && a->first && !b->first;
}

uint32_t devices_bus_order(const struct devices *ds, struct bp_dev **ret, uint32_t cap)
{
    struct bp_dev *d;
    uint32_t n = 0;

    for (d = ds->first; d && n < cap; d = d->next) {
        uint32_t i = n++;

        for (; i > 0 && before(d, ret[i - 1]); i--) {
            ret[i] = ret[i - 1];
        }
        ret[i] = d;
    }
    return n;
}

void devices_kick(const struct devices *ds)
{
    struct bp_dev *d;

    for (d = ds->first; d; d = d->next) {
        host_dev_kick(d);
    }
}
