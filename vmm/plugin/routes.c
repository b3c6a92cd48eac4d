/* SPDX-License-Identifier: Apache-2.0 */
/* The routes of a descriptor: shape, schemas, duplicates within and across plugins. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/priv.h"

#define REFUSE(err, ...) bp_fail((err), -EINVAL, BP_E_CONFIG, __VA_ARGS__)

static bool method_ok(const char *m)
{
    return m && (strcmp(m, "GET") == 0 || strcmp(m, "PUT") == 0 || strcmp(m, "PATCH") == 0 ||
                 strcmp(m, "DELETE") == 0);
}

static int copy_segment(char *to, size_t cap, const char *s, size_t n)
{
    static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

    if (n == 0 || n >= cap || strspn(s, chars) < n) {
        return -EINVAL;
    }
    memcpy(to, s, n);
    to[n] = '\0';
    return 0;
}

/* "/first", "/first/{id}" or "/first/second" */
static int split_path(struct route *rt)
{
    const char *s = rt->r.path;
    const char *slash;

    if (!s || s[0] != '/') {
        return -EINVAL;
    }
    s++;
    slash = strchr(s, '/');
    if (!slash) {
        return copy_segment(rt->first, sizeof(rt->first), s, strlen(s));
    }
    if (copy_segment(rt->first, sizeof(rt->first), s, (size_t)(slash - s)) < 0) {
        return -EINVAL;
    }
    if (strcmp(slash + 1, "{id}") == 0) {
        rt->has_id = true;
        return 0;
    }
    return copy_segment(rt->second, sizeof(rt->second), slash + 1, strlen(slash + 1));
}

static bool same_route(const struct route *a, const struct route *b)
{
    return strcmp(a->r.method, b->r.method) == 0 && strcmp(a->first, b->first) == 0 &&
           strcmp(a->second, b->second) == 0 && a->has_id == b->has_id;
}

static int check_action(const struct plugin *p, const struct bp_route *r, struct bp_err *err)
{
    const uint32_t when = BP_WHEN_BOOT | BP_WHEN_RUNNING | BP_WHEN_PAUSED;

    if (r->action < BP_DO_CREATE || r->action > BP_DO_DELETE) {
        return REFUSE(err, "Route %s %s has the unknown action %u.", r->method, r->path, r->action);
    }
    if (r->when == 0 || (r->when & ~when)) {
        return REFUSE(err, "Route %s %s has a bad set of times 0x%x.", r->method, r->path, r->when);
    }
    if ((r->action == BP_DO_UPDATE && !p->ops.update) ||
        (r->action == BP_DO_STATS && !p->ops.stats) || (r->action == BP_DO_CALL && !r->call)) {
        return REFUSE(err, "Route %s %s has no operation to run.", r->method, r->path);
    }
    if (r->action == BP_DO_CREATE && !r->request) {
        return REFUSE(err, "Route %s %s creates devices but describes no body.", r->method,
                      r->path);
    }
    return 0;
}

static int check_schemas(struct route *rt, struct bp_err *err)
{
    struct bp_err why = { 0 };
    struct schema *reply;

    if (rt->r.request) {
        rt->request = schema_compile(rt->r.request, &why);
        if (!rt->request) {
            return REFUSE(err, "Route %s %s has a bad request schema: %.1500s.", rt->r.method,
                          rt->r.path, why.text);
        }
    }
    if (rt->r.response) {
        reply = schema_compile(rt->r.response, &why);
        if (!reply) {
            return REFUSE(err, "Route %s %s has a bad response schema: %.1500s.", rt->r.method,
                          rt->r.path, why.text);
        }
        schema_free(reply);
    }
    return 0;
}

static int check_taken(const struct registry *r, const struct plugin *p, const struct route *rt,
                       struct bp_err *err)
{
    uint32_t i, k;

    for (i = 0; i + 1 < p->n_routes; i++) {
        if (same_route(&p->routes[i], rt)) {
            return REFUSE(err, "It has route %s %s twice.", rt->r.method, rt->r.path);
        }
    }
    for (k = 0; k < r->n; k++) {
        for (i = 0; i < r->plugins[k]->n_routes; i++) {
            if (same_route(&r->plugins[k]->routes[i], rt)) {
                return REFUSE(err, "Its route %s %s belongs to plugin %s.", rt->r.method,
                              rt->r.path, r->plugins[k]->desc.name);
            }
        }
    }
    if (r->core_has && r->core_has(rt->r.method, rt->r.path)) {
        return REFUSE(err, "Its route %s %s belongs to the monitor.", rt->r.method, rt->r.path);
    }
    return 0;
}

int plugin_check_routes(const struct registry *r, struct plugin *p, struct bp_err *err)
{
    uint32_t i;

    p->routes = calloc(p->desc.routes.count > 0 ? p->desc.routes.count : 1u, sizeof(*p->routes));
    if (!p->routes) {
        return bp_fail(err, -ENOMEM, BP_E_HOST, "Out of memory.");
    }
    for (i = 0; i < p->desc.routes.count; i++) {
        struct route *rt = &p->routes[i];
        int rc;

        plugin_row(&p->desc.routes, i, &rt->r, sizeof(rt->r));
        rt->plugin = p;
        p->n_routes = i + 1;
        if (!method_ok(rt->r.method)) {
            return REFUSE(err, "Route %u has an unknown method.", i);
        }
        if (split_path(rt) < 0) {
            return REFUSE(err, "Route %u has a bad path.", i);
        }
        rc = check_action(p, &rt->r, err);
        rc = rc < 0 ? rc : check_schemas(rt, err);
        rc = rc < 0 ? rc : check_taken(r, p, rt, err);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}
