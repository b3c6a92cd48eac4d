/* SPDX-License-Identifier: Apache-2.0 */
/* Life cycle, information, logger and metrics operations. Control thread, but for the checks. */
#include <errno.h>
#include <string.h>

#include "api/contract.h"
#include "api/priv.h"
#include "core/cleanup.h"
#include "core/log.h"

int core_info(struct api *a, const struct bp_json *body, struct bp_jsonw *w, struct bp_err *err)
{
    (void)body;
    (void)err;
    jsonw_open(w, NULL, BP_J_OBJ);
    jsonw_cstr(w, "id", vm_id(a->vm));
    jsonw_cstr(w, "state", vm_state_name(a->vm));
    jsonw_cstr(w, "vmm_version", API_VERSION_TEXT);
    jsonw_cstr(w, "app_name", "Firecracker");
    jsonw_close(w);
    return 0;
}

int core_version(struct api *a, const struct bp_json *body, struct bp_jsonw *w, struct bp_err *err)
{
    (void)a;
    (void)body;
    (void)err;
    jsonw_open(w, NULL, BP_J_OBJ);
    jsonw_cstr(w, "firecracker_version", API_VERSION_TEXT);
    jsonw_close(w);
    return 0;
}

/* The route that knows how to show a key, whatever its action. */
static const struct route *config_route(const struct registry *r, const char *key)
{
    const struct route *rt = registry_config_route(r, key);

    for (uint32_t i = 0; rt == NULL && i < r->n; i++) {
        const struct plugin *p = r->plugins[i];

        for (uint32_t j = 0; j < p->n_routes; j++) {
            const struct bp_route *br = &p->routes[j].r;

            if (br->config != NULL && strcmp(br->config, key) == 0) {
                rt = &p->routes[j];
            }
        }
    }
    return rt;
}

static void show_key(struct api *a, const struct contract_key *k, struct bp_jsonw *w)
{
    const struct route *rt;

    if (strcmp(k->key, "boot-source") == 0) {
        vm_show_boot_source(a->vm, w, k->key);
        return;
    }
    if (strcmp(k->key, "machine-config") == 0) {
        core_machine_show(a, w, k->key);
        return;
    }
    rt = k->core ? NULL : config_route(vm_registry(a->vm), k->key);
    if (rt != NULL) {
        devices_show_config(vm_devices(a->vm), rt, k->key, w);
    } else if (k->array) {
        jsonw_open(w, k->key, BP_J_ARR);
        jsonw_close(w);
    } else {
        jsonw_null(w, k->key);
    }
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

int core_config(struct api *a, const struct bp_json *body, struct bp_jsonw *w, struct bp_err *err)
{
    const struct registry *r = vm_registry(a->vm);

    (void)body;
    (void)err;
    if (vm_state(a->vm) == VM_NOT_STARTED) {
        log_warn("If the VM was restored from snapshot, boot-source, machine-config.smt, and "
                 "machine-config.cpu_template will all be empty.");
    }
    jsonw_open(w, NULL, BP_J_OBJ);
    for (size_t i = 0; i < contract_keys_n; i++) {
        show_key(a, &contract_keys[i], w);
    }
    for (uint32_t i = 0; i < r->n; i++) { /* keys of plugins beyond the contract come last */
        for (uint32_t j = 0; j < r->plugins[i]->n_routes; j++) {
            const struct route *rt = &r->plugins[i]->routes[j];

            if (rt->r.config != NULL && rt->r.action == BP_DO_CREATE &&
                !is_contract_key(rt->r.config)) {
                devices_show_config(vm_devices(a->vm), rt, rt->r.config, w);
            }
        }
    }
    jsonw_close(w);
    return 0;
}

int core_actions(struct api *a, const struct bp_json *body, struct bp_jsonw *w, struct bp_err *err)
{
    const char *type = json_str(json_get(body, "action_type"), NULL);
    bool live = vm_state(a->vm) != VM_NOT_STARTED;
    struct bp_err why;
    int r;

    (void)w;
    if (strcmp(type, "InstanceStart") == 0) {
        if (live) {
            return bp_fail(err, -EBUSY, BP_E_CONFLICT, POST_BOOT);
        }
        r = vm_start(a->vm, err);
        if (r == 0 && api_flush_metrics(a, &why) < 0) { /* the first line; the VM runs without it */
            log_error("Failed to write metrics: %s", why.text);
        }
        return r;
    }
    if (!live) {
        return bp_fail(err, -EBUSY, BP_E_CONFLICT, PRE_BOOT);
    }
    if (strcmp(type, "SendCtrlAltDel") == 0) {
        return vm_ctrl_alt_del(a->vm, err);
    }
    r = api_flush_metrics(a, &why);
    return r == 0
               ? 0
               : bp_fail(err, r, BP_E_HOST, "Internal Vmm error: Metrics error: %.1900s", why.text);
}

int core_vm_patch(struct api *a, const struct bp_json *body, struct bp_jsonw *w, struct bp_err *err)
{
    bool pause = strcmp(json_str(json_get(body, "state"), NULL), "Paused") == 0;
    uint64_t start = loop_now_ns(), us;
    int r = pause ? vm_pause(a->vm, err) : vm_resume(a->vm, err);

    (void)w;
    if (r < 0) {
        return r;
    }
    us = (loop_now_ns() - start) / 1000u;
    a->latency = pause ? "pause_vm" : "resume_vm";
    a->latency_label = pause ? "pause vm" : "resume vm";
    log_info("'%s' VMM action took %llu us.", a->latency_label, (unsigned long long)us);
    __atomic_store_n(api_metric("latencies_us", pause ? "vmm_pause_vm" : "vmm_resume_vm"), us,
                     __ATOMIC_RELAXED);
    return 0;
}

/* The level is judged as a decoded value, so errors stand at the byte that follows it. */
int core_logger_check(const struct bp_json *body, struct bp_err *err, bool *ret_plain)
{
    const struct bp_json *v = member(body, "level");
    enum log_level level;
    uint32_t line, col, at;
    const char *text;
    size_t len;

    (void)ret_plain;
    if (v == NULL || log_parse_level(json_str(v, NULL), true, &level) == 0) {
        return 0;
    }
    text = json_text(v->doc, &len);
    at = v->end + 1; /* past the closing quote */
    while (at < len && strchr(" \t\r\n", text[at]) != NULL) {
        at++;
    }
    at -= at >= len || text[at] != '}';
    json_position(v->doc, at, &line, &col);
    return bp_fail(err, -EINVAL, BP_E_CONFIG, "Invalid LevelFilter at line %u column %u", line,
                   col);
}

int core_logger(struct api *a, const struct bp_json *body, struct bp_jsonw *w, struct bp_err *err)
{
    const struct bp_json *path = member(body, "log_path"), *level = member(body, "level");
    const struct bp_json *sl = member(body, "show_level"), *so = member(body, "show_log_origin");
    enum log_level lv = LOG_LEVEL_INFO;
    int show_level = log_show_level(), show_origin = log_show_origin();
    int r;

    (void)a;
    (void)w;
    if (level != NULL) {
        (void)log_parse_level(json_str(level, NULL), true, &lv);
    }
    log_set_level(lv); /* an omitted level means Info, as the contract has it */
    if (path != NULL) {
        r = log_set_path(json_str(path, NULL), err);
        if (r < 0) {
            return r;
        }
    }
    if (sl != NULL) {
        (void)json_bool(sl, &show_level);
    }
    if (so != NULL) {
        (void)json_bool(so, &show_origin);
    }
    log_set_show(show_level != 0, show_origin != 0);
    if (path != NULL) {
        log_info("Running Firecracker v" API_VERSION_TEXT);
    }
    return 0;
}

int core_metrics(struct api *a, const struct bp_json *body, struct bp_jsonw *w, struct bp_err *err)
{
    (void)w;
    return api_set_metrics_path(a, json_str(json_get(body, "metrics_path"), NULL), err);
}
