/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a request to an answer: routing, identifiers, body checks, execution on the control thread.
 * Requests come one at a time; what runs on the control thread is in functions named run_*.
 */
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "api/contract.h"
#include "api/deprecation.h"
#include "api/priv.h"
#include "api/text.h"
#include "core/cleanup.h"
#include "core/log.h"
#include "core/metrics.h"
#include "host/host.h"

struct call {
    struct api *a;
    const struct server_request *rq;
    char *t1, *t2; /* NULL: absent */
    const struct core_route *core;
    size_t core_index;
    const struct route *route;
    struct json_doc *doc;
    const struct bp_json *body;
    struct bp_jsonw w;
    struct bp_err err;
    int rc;
    bool refused_by_check; /* the body was at fault, not the machine */
    bool deprecated;
};

bool router_core_has(const char *method, const char *path)
{
    size_t len;

    path += *path == '/';
    len = strcspn(path, "/");
    for (size_t i = 0; i < core_routes_n; i++) {
        const struct core_route *c = &core_routes[i];

        if (strcmp(c->method, method) == 0 && strlen(c->t1) == len &&
            strncmp(c->t1, path, len) == 0 &&
            (c->t2 == NULL || (path[len] == '/' && strcmp(path + len + 1, c->t2) == 0))) {
            return true;
        }
    }
    return false;
}

static const char *method_name(const struct call *c)
{
    return c->rq->method[0] == 'G' ? "Get" : c->rq->method[1] == 'U' ? "Put" : "Patch";
}

/* ------------------------------------------------------------------ answers */

/* The request itself is at fault: its debug form goes to the log. */
BP_PRINTF(3, 4)
static int reject(struct call *c, const char *debug, const char *fmt, ...)
{
    va_list ap;

    c->err.code = -EINVAL;
    c->err.kind = BP_E_CONFIG;
    va_start(ap, fmt);
    (void)vsnprintf(c->err.text, sizeof(c->err.text), fmt, ap);
    va_end(ap);
    c->refused_by_check = true;
    log_error("%s", debug);
    return -EINVAL;
}

static int reject_generic(struct call *c, const char *text)
{
    struct buf b = { 0 };

    buf_str(&b, "Generic(BadRequest, ");
    text_debug(&b, text, strlen(text));
    buf_str(&b, ")");
    (void)reject(c, b.data == NULL ? "" : b.data, "%s", text);
    buf_done(&b);
    return -EINVAL;
}

static int reject_path(struct call *c)
{
    const char *t1 = c->t1 == NULL ? "" : c->t1;
    struct buf b = { 0 };

    buf_str(&b, "InvalidPathMethod(");
    text_debug(&b, t1, strlen(t1));
    buf_fmt(&b, ", %s)", method_name(c));
    (void)reject(c, b.data == NULL ? "" : b.data, "Invalid request method and/or path: %s %.1500s.",
                 c->rq->method, t1);
    buf_done(&b);
    return -EINVAL;
}

static int reject_body(struct call *c, const char *detail)
{
    const char *at = strstr(detail, " at line ");
    struct buf b = { 0 };
    unsigned line = 0, col = 0;

    if (at != NULL && sscanf(at, " at line %u column %u", &line, &col) != 2) {
        at = NULL;
    }
    buf_str(&b, "SerdeJson(Error(");
    text_debug(&b, detail, at == NULL ? strlen(detail) : (size_t)(at - detail));
    buf_fmt(&b, ", line: %u, column: %u))", line, col);
    (void)reject(c, b.data == NULL ? "" : b.data, BAD_REQUEST_BODY "%.1900s.", detail);
    buf_done(&b);
    return -EINVAL;
}

static void count(const struct call *c, const char *counter, const char *what)
{
    const char *group = c->rq->method[0] == 'G'   ? "get_api_requests"
                        : c->rq->method[1] == 'U' ? "put_api_requests"
                                                  : "patch_api_requests";
    char name[64];
    uint64_t *at;

    if (counter == NULL) {
        return;
    }
    (void)snprintf(name, sizeof(name), "%s_%s", counter, what);
    at = api_metric(group, name);
    if (at != NULL) {
        bp_count(at, 0, 1);
    }
}

/* ------------------------------------------------------------------ routing */

/* First and second token of the path, in memory of the call. */
static int split_path(struct call *c)
{
    const char *p = c->rq->path, *end;

    p += strspn(p, "/");
    if (*p == '\0') {
        return 0;
    }
    end = p + strcspn(p, "/");
    c->t1 = strndup(p, (size_t)(end - p));
    if (*end == '/' && end[1] != '\0') {
        c->t2 = strndup(end + 1, strcspn(end + 1, "/"));
    }
    return c->t1 == NULL || (*end == '/' && end[1] != '\0' && c->t2 == NULL) ? -ENOMEM : 0;
}

static void run_load_plugins(void *arg)
{
    struct api *a = arg;

    vm_load_plugins(a->vm);
}

/* Choose among the routes of plugins with this method and first segment: a literal second segment,
 * {id}, or the bare path. An unknown second segment matters only where literals exist. */
static int find_plugin_route(struct call *c)
{
    const struct registry *r = vm_registry(c->a->vm);
    const struct route *bare = NULL, *with_id = NULL;
    bool literals = false;

    for (uint32_t i = 0; c->t1 != NULL && i < r->n; i++) {
        for (uint32_t j = 0; j < r->plugins[i]->n_routes; j++) {
            const struct route *rt = &r->plugins[i]->routes[j];

            if (strcmp(rt->r.method, c->rq->method) != 0 || strcmp(rt->first, c->t1) != 0) {
                continue;
            }
            if (rt->has_id) {
                with_id = rt;
            } else if (rt->second[0] == '\0') {
                bare = rt;
            } else if (c->t2 != NULL && strcmp(rt->second, c->t2) == 0) {
                c->route = rt;
                return 0;
            } else {
                literals = true;
            }
        }
    }
    if (with_id == NULL && literals && c->t2 != NULL) {
        char text[512];

        (void)snprintf(text, sizeof(text), "Unrecognized %s request path `%.400s`.", c->rq->method,
                       c->t2);
        return reject_generic(c, text);
    }
    c->route = with_id != NULL ? with_id : bare;
    return c->route != NULL ? 0 : -ENOENT;
}

/* A path of the contract that no loaded plugin knows: say why. */
static int reject_absent(struct call *c)
{
    const struct registry *r = vm_registry(c->a->vm);
    struct buf b = { 0 };

    for (uint32_t i = 0; i < r->n; i++) {
        for (uint32_t j = 0; j < r->plugins[i]->n_routes; j++) {
            if (strcmp(r->plugins[i]->routes[j].first, c->t1) == 0) {
                return reject_path(c); /* served, but not with this method */
            }
        }
    }
    for (uint32_t i = 0; i < r->n_refused; i++) {
        size_t n = strlen(r->refused[i].reason);

        n -= n > 0 && r->refused[i].reason[n - 1] == '.'; /* the sentence goes on */
        buf_fmt(&b, "%s%s was refused: %.*s", i == 0 ? "" : "; ", r->refused[i].file, (int)n,
                r->refused[i].reason);
    }
    if (r->n_refused == 0) {
        buf_str(&b, "no plugin in the plugin directory provides it");
    }
    (void)reject(
        c, b.data == NULL ? "" : b.data,
        "Invalid request method and/or path: %s %.200s. No plugin serves /%.200s: %.1400s.",
        c->rq->method, c->t1, c->t1, b.data == NULL ? "" : b.data);
    buf_done(&b);
    return -EINVAL;
}

/* Would a plugin that is not here, or was refused, perhaps have served it? */
static bool may_be_a_plugins(const struct call *c, const char *t1)
{
    for (size_t i = 0; i < core_routes_n; i++) {
        if (strcmp(core_routes[i].t1, t1) == 0) {
            return false;
        }
    }
    return contract_plugin_path(t1) || (t1[0] != '\0' && vm_registry(c->a->vm)->n_refused > 0);
}

static int find_route(struct call *c)
{
    const char *t1 = c->t1 == NULL ? "" : c->t1;
    bool get = c->rq->method[0] == 'G', has_body = c->rq->body_len > 0;
    int r;

    if (get && has_body) {
        return reject_generic(c, "GET request cannot have a body.");
    }
    if (!get && !has_body) {
        return reject_generic(c, c->rq->method[1] == 'U' ? "Empty PUT request."
                                                         : "Empty PATCH request.");
    }
    for (size_t i = 0; i < core_routes_n; i++) {
        const struct core_route *cr = &core_routes[i];

        if (strcmp(cr->method, c->rq->method) == 0 && strcmp(cr->t1, t1) == 0 &&
            (cr->t2 == NULL || (c->t2 != NULL && strcmp(cr->t2, c->t2) == 0))) {
            c->core = cr;
            c->core_index = i;
            return 0;
        }
    }
    if (!c->a->plugins_loaded) {
        r = loop_call(c->a->loop, run_load_plugins, c->a);
        if (r < 0) {
            return reject_generic(c, "The API server is shutting down.");
        }
        c->a->plugins_loaded = true;
    }
    r = find_plugin_route(c);
    if (r == -ENOENT) {
        return may_be_a_plugins(c, t1) ? reject_absent(c) : reject_path(c);
    }
    return r;
}

/* -------------------------------------------------------------- body checks */

static int check_path_id(struct call *c)
{
    if (c->t2 == NULL || c->t2[0] == '\0') {
        if (c->t2 == NULL) {
            count(c, c->route->r.counter, "fails");
        }
        return reject(c, "EmptyID", "The ID cannot be empty.");
    }
    for (const char *p = c->t2; *p != '\0'; p++) {
        if (!isalnum((unsigned char)*p) && *p != '_' && (unsigned char)*p < 0x80) {
            return reject(c, "InvalidID",
                          "API Resource IDs can only contain alphanumeric characters and "
                          "underscores.");
        }
    }
    return 0;
}

static void fill_mismatch(struct buf *out, const char *tmpl, const char *path_id,
                          const char *body_id)
{
    while (*tmpl != '\0') {
        if (strncmp(tmpl, "{path}", 6) == 0) {
            buf_str(out, path_id);
            tmpl += 6;
        } else if (strncmp(tmpl, "{body}", 6) == 0) {
            buf_str(out, body_id);
            tmpl += 6;
        } else {
            buf_add(out, tmpl++, 1);
        }
    }
}

static int check_same_id(struct call *c)
{
    const struct bp_route *r = &c->route->r;
    const char *id = r->id_field == NULL ? NULL : json_str(json_get(c->body, r->id_field), NULL);
    struct buf b = { 0 };

    if (!c->route->has_id || id == NULL || strcmp(id, c->t2) == 0) {
        return 0;
    }
    fill_mismatch(&b,
                  r->mismatch != NULL ? r->mismatch
                                      : "The id from the path does not match the id from the body!",
                  c->t2, id);
    (void)reject_generic(c, b.data == NULL ? "" : b.data);
    buf_done(&b);
    return -EINVAL;
}

static int check_body(struct call *c, const struct schema *s)
{
    struct json_error je;
    char detail[1900];
    bool plain = false;
    int r;

    if (c->rq->body_len == 0) {
        return 0;
    }
    c->doc = json_parse(c->rq->body, c->rq->body_len, &je);
    if (c->doc == NULL) {
        (void)snprintf(detail, sizeof(detail), "%s at line %u column %u", je.text, je.line,
                       je.column);
        return reject_body(c, detail);
    }
    c->body = json_root(c->doc);
    if (s != NULL && schema_check(s, c->body, detail, sizeof(detail)) != 0) {
        return reject_body(c, detail);
    }
    if (c->core != NULL && c->core->check != NULL) {
        struct bp_err why;

        r = c->core->check(c->body, &why, &plain);
        if (r < 0) {
            return plain ? reject_generic(c, why.text) : reject_body(c, why.text);
        }
    }
    return c->route != NULL ? check_same_id(c) : 0;
}

static int check_schema(struct call *c)
{
    const struct schema *s = c->route != NULL ? c->route->request : NULL;
    struct bp_err why;

    if (c->core != NULL && c->core->schema != NULL && c->rq->body_len > 0) {
        s = api_schema(c->a, c->core_index, &why);
        if (s == NULL) {
            return reject_generic(c, why.text);
        }
    }
    return check_body(c, s);
}

static int prepare(struct call *c)
{
    const char *counter = c->core != NULL ? c->core->counter : c->route->r.counter;
    const char *schema_text = c->core != NULL ? c->core->schema : c->route->r.request;
    struct buf text = { 0 };
    int r;

    count(c, counter, "count");
    if (c->route != NULL && c->route->has_id) {
        r = check_path_id(c);
        if (r < 0) {
            return r;
        }
    }
    r = check_schema(c);
    if (r < 0) {
        count(c, counter, "fails");
        return r;
    }
    if (c->body != NULL &&
        deprecation_find(schema_text, c->body, c->rq->method, c->rq->path, &text)) {
        log_warn("%s", text.data == NULL ? "" : text.data);
        bp_count(api_metric("deprecated_api", "deprecated_http_api_calls"), 0, 1);
        c->deprecated = true;
    }
    buf_done(&text);
    return 0;
}

/* ---------------------------------------------------------------- execution */

static void run_call(void *arg)
{
    struct call *c = arg;
    enum vm_state st = vm_state(c->a->vm);
    uint32_t now = st == VM_NOT_STARTED ? BP_WHEN_BOOT
                   : st == VM_RUNNING   ? BP_WHEN_RUNNING
                                        : BP_WHEN_PAUSED;
    uint32_t when = c->core != NULL ? c->core->when : c->route->r.when;

    if (c->core == NULL && c->route->r.check != NULL) {
        c->rc = c->route->r.check(host_table(), c->body, &c->err);
        if (c->rc < 0) {
            c->refused_by_check = true;
            return;
        }
    }
    if ((when & now) == 0) {
        c->rc = bp_fail(&c->err, -EBUSY, BP_E_CONFLICT, "%s",
                        st == VM_NOT_STARTED ? PRE_BOOT : POST_BOOT);
        return;
    }
    if (c->core != NULL) {
        c->a->patching = c->rq->method[1] == 'A';
        c->rc = c->core->run(c->a, c->body, &c->w, &c->err);
    } else {
        c->rc = devices_execute(vm_devices(c->a->vm), c->route, c->route->has_id ? c->t2 : "",
                                c->body, &c->w, &c->err);
    }
}

static void finish(struct call *c, struct server_response *rs)
{
    rs->deprecated = c->deprecated;
    if (c->rc >= 0) {
        rs->status = c->w.buf.len > 0 ? 200 : 204;
        buf_add(&rs->body, c->w.buf.data, c->w.buf.len);
        log_info("The request was executed successfully. Status code: %s.",
                 rs->status == 200 ? "200 OK" : "204 No Content");
        return;
    }
    rs->status = c->err.kind == BP_E_TOO_LARGE ? 413 : 400;
    if (!c->refused_by_check) {
        log_error("Received Error. Status code: %s. Message: %s",
                  rs->status == 413 ? "413 Payload too large" : "400 Bad Request", c->err.text);
    }
    buf_str(&rs->body, "{\"fault_message\":");
    text_json(&rs->body, c->err.text, strlen(c->err.text));
    buf_str(&rs->body, "}");
}

static void log_arrival(const struct call *c)
{
    const struct server_request *rq = c->rq;
    struct buf b = { 0 };

    if (log_level_now < (int32_t)LOG_LEVEL_INFO) {
        return;
    }
    if (rq->body_len == 0 || strcmp(rq->path, "/mmds") == 0) {
        log_info("The API server received a %s request on \"%s\".", method_name(c), rq->path);
        return;
    }
    if (text_is_utf8(rq->body, rq->body_len)) {
        text_debug(&b, rq->body, rq->body_len);
    } else {
        buf_str(&b, "\"inconvertible to UTF-8\"");
    }
    log_info("The API server received a %s request on \"%s\" with body %s.", method_name(c),
             rq->path, b.data == NULL ? "" : b.data);
    buf_done(&b);
}

static void note_latency(struct api *a)
{
    uint64_t us = (loop_now_ns() - a->arrived_ns) / 1000u;

    if (a->latency == NULL) {
        return;
    }
    log_info("'%s' API request took %llu us.", a->latency_label, (unsigned long long)us);
    __atomic_store_n(api_metric("latencies_us", a->latency), us, __ATOMIC_RELAXED);
}

void router_handle(void *arg, const struct server_request *rq, struct server_response *rs)
{
    struct api *a = arg;
    struct call c = { .a = a, .rq = rq };

    a->arrived_ns = loop_now_ns();
    a->latency = NULL;
    jsonw_init(&c.w);
    log_arrival(&c);
    c.rc = split_path(&c);
    if (c.rc == 0) {
        c.rc = find_route(&c);
    } else {
        (void)reject_generic(&c, "Out of memory.");
    }
    if (c.rc == 0) {
        c.rc = prepare(&c);
    }
    if (c.rc == 0 && loop_call(a->loop, run_call, &c) < 0) {
        c.rc = reject_generic(&c, "The API server is shutting down.");
    }
    finish(&c, rs);
    if (c.rc >= 0) {
        note_latency(a);
    }
    log_debug("Total previous API call duration: %llu us.",
              (unsigned long long)((loop_now_ns() - a->arrived_ns) / 1000u));
    jsonw_done(&c.w);
    json_free(c.doc);
    free(c.t1);
    free(c.t2);
}
