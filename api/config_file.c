/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file: its sections go through the routes that the API serves. Control thread.
 */
#include <errno.h>
#include <string.h>

#include "api/contract.h"
#include "api/priv.h"
#include "host/host.h"

#define CONFIG_FAILED "Configuration for VMM from one single json failed: "

static const char config_schema[] =
    "{\"title\":\"VmmConfig\",\"type\":\"object\",\"properties\":{"
    "\"boot-source\":{\"type\":\"object\"},\"drives\":{\"type\":\"array\"},"
    "\"network-interfaces\":{\"type\":\"array\"}},\"required\":[\"drives\",\"boot-source\"]}";

struct section {
    const char *key, *stage; /* of error texts */
    const struct core_route *core;
    const struct schema *schema;
    const struct route *route; /* of a plugin */
};

static int invalid_json(struct bp_err *err, const char *detail)
{
    return bp_fail(err, -EINVAL, BP_E_CONFIG, CONFIG_FAILED "Invalid JSON: %.1900s", detail);
}

static const struct route *plugin_route(const struct registry *r, const char *key)
{
    for (uint32_t i = 0; i < r->n; i++) {
        for (uint32_t j = 0; j < r->plugins[i]->n_routes; j++) {
            const struct bp_route *br = &r->plugins[i]->routes[j].r;

            if (br->config != NULL && strcmp(br->config, key) == 0 &&
                strcmp(br->method, "PUT") == 0) {
                return &r->plugins[i]->routes[j];
            }
        }
    }
    return NULL;
}

static int find_section(struct api *a, const char *key, struct section *s, struct bp_err *err)
{
    for (size_t i = 0; i < core_routes_n; i++) {
        if (strcmp(core_routes[i].method, "PUT") == 0 && strcmp(core_routes[i].t1, key) == 0) {
            s->core = &core_routes[i];
            s->schema = api_schema(a, i, err);
            return s->schema == NULL && core_routes[i].schema != NULL ? -ENOMEM : 0;
        }
    }
    vm_load_plugins(a->vm);
    s->route = plugin_route(vm_registry(a->vm), key);
    if (s->route == NULL) {
        return bp_fail(err, -ENOENT, BP_E_CONFIG, CONFIG_FAILED "%s: No plugin serves %s.",
                       s->stage, key);
    }
    s->schema = s->route->request;
    return 0;
}

/* One object of a section, with all that a request's body goes through. */
static int check_one(struct api *a, const struct section *s, const struct bp_json *v,
                     struct bp_err *err)
{
    char detail[1900];
    struct bp_err why;
    bool plain = false;
    int r = 0;

    (void)a;
    if (s->schema != NULL && schema_check(s->schema, v, detail, sizeof(detail)) != 0) {
        return invalid_json(err, detail);
    }
    if (s->core != NULL && s->core->check != NULL && s->core->check(v, &why, &plain) < 0) {
        return invalid_json(err, why.text);
    }
    if (s->route != NULL && s->route->r.check != NULL) {
        r = s->route->r.check(host_table(), v, &why);
    }
    return r < 0 ? invalid_json(err, why.text) : 0;
}

static int apply_one(struct api *a, const struct section *s, const struct bp_json *v,
                     struct bp_err *err)
{
    struct bp_jsonw w;
    struct bp_err why;
    int r;

    jsonw_init(&w);
    if (s->core != NULL) {
        a->patching = false;
        r = s->core->run(a, v, &w, &why);
    } else {
        const char *id = s->route->has_id && s->route->r.id_field != NULL
                             ? json_str(json_get(v, s->route->r.id_field), NULL)
                             : "";

        r = devices_execute(vm_devices(a->vm), s->route, id == NULL ? "" : id, v, &w, &why);
    }
    jsonw_done(&w);
    return r < 0 ? bp_fail(err, r, why.kind, CONFIG_FAILED "%s: %.1900s", s->stage, why.text) : 0;
}

typedef int section_fn(struct api *a, const struct section *s, const struct bp_json *v,
                       struct bp_err *err);

static int each(struct api *a, const struct section *s, const struct bp_json *v, section_fn *fn,
                struct bp_err *err)
{
    int r = 0;

    if (v->type != BP_J_ARR) {
        return fn(a, s, v, err);
    }
    for (uint32_t i = 0; r == 0 && i < v->count; i++) {
        r = fn(a, s, json_at(v, i), err);
    }
    return r;
}

/* Run fn over all sections of the contract, lowest rank first, then over those of further
 * plugins. */
static int walk(struct api *a, const struct bp_json *root, section_fn *fn, struct bp_err *err)
{
    int r = 0;

    for (uint32_t rank = 1; r == 0 && rank <= contract_keys_n; rank++) {
        for (size_t i = 0; r == 0 && i < contract_keys_n; i++) {
            const struct contract_key *k = &contract_keys[i];
            const struct bp_json *v = member(root, k->key);
            struct section s = { .key = k->key, .stage = k->stage };

            if (k->rank != rank || v == NULL || (v->type == BP_J_ARR && v->count == 0)) {
                continue;
            }
            r = find_section(a, k->key, &s, err);
            r = r == 0 ? each(a, &s, v, fn, err) : r;
        }
    }
    return r;
}

static bool is_contract_key(const char *key)
{
    for (size_t i = 0; i < contract_keys_n; i++) {
        if (strcmp(contract_keys[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

/* Sections that only plugins beyond the contract know; without any plugin they are ignored. */
static int walk_extra(struct api *a, const struct bp_json *root, section_fn *fn, struct bp_err *err)
{
    const struct registry *reg = vm_registry(a->vm);
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < reg->n; i++) {
        for (uint32_t j = 0; r == 0 && j < reg->plugins[i]->n_routes; j++) {
            const struct route *rt = &reg->plugins[i]->routes[j];
            const struct bp_json *v;
            struct section s = { .stage = "Device error", .route = rt, .schema = rt->request };

            if (rt->r.config == NULL || strcmp(rt->r.method, "PUT") != 0 ||
                is_contract_key(rt->r.config)) {
                continue;
            }
            s.key = rt->r.config;
            v = member(root, s.key);
            r = v == NULL ? 0 : each(a, &s, v, fn, err);
        }
    }
    return r;
}

int api_apply_config(struct api *a, const char *text, size_t len, struct bp_err *err)
{
    struct json_error je;
    struct json_doc *doc = json_parse(text, len, &je);
    struct schema *top;
    char detail[1900];
    int r;

    if (doc == NULL) {
        (void)snprintf(detail, sizeof(detail), "%s at line %u column %u", je.text, je.line,
                       je.column);
        return invalid_json(err, detail);
    }
    top = schema_compile(config_schema, err);
    r = top == NULL ? -EINVAL : schema_check(top, json_root(doc), detail, sizeof(detail));
    if (top != NULL && r != 0) {
        r = invalid_json(err, detail);
    }
    schema_free(top);
    vm_load_plugins(a->vm);
    r = r == 0 ? walk(a, json_root(doc), check_one, err) : r;
    r = r == 0 ? walk_extra(a, json_root(doc), check_one, err) : r;
    r = r == 0 ? walk(a, json_root(doc), apply_one, err) : r;
    r = r == 0 ? walk_extra(a, json_root(doc), apply_one, err) : r;
    json_free(doc);
    return r;
}
