/* SPDX-License-Identifier: Apache-2.0 */
/* Machine configuration and boot source. Control thread, but for the checks. */
#include <errno.h>
#include <string.h>

#include "api/priv.h"

const struct bp_json *member(const struct bp_json *obj, const char *key)
{
    const struct bp_json *v = json_get(obj, key);

    return v == NULL || v->type == BP_J_NULL ? NULL : v;
}

void core_machine_show(struct api *a, struct bp_jsonw *w, const char *key)
{
    const struct machine_config *mc = vm_machine_config(a->vm);

    jsonw_open(w, key, BP_J_OBJ);
    jsonw_u64(w, "vcpu_count", mc->vcpu_count);
    jsonw_u64(w, "mem_size_mib", mc->mem_size_mib);
    jsonw_bool(w, "smt", mc->smt);
    if (mc->cpu_template[0] != '\0') {
        jsonw_cstr(w, "cpu_template", mc->cpu_template);
    }
    jsonw_bool(w, "track_dirty_pages", mc->track_dirty_pages);
    jsonw_close(w);
}

int core_machine_get(struct api *a, const struct bp_json *body, struct bp_jsonw *w,
                     struct bp_err *err)
{
    (void)body;
    (void)err;
    core_machine_show(a, w, NULL);
    return 0;
}

/* A PATCH must change something. */
int core_machine_check(const struct bp_json *body, struct bp_err *err, bool *ret_plain)
{
    static const char *const keys[] = { "vcpu_count", "mem_size_mib", "smt", "cpu_template",
                                        "track_dirty_pages" };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (member(body, keys[i]) != NULL) {
            return 0;
        }
    }
    *ret_plain = true;
    return bp_fail(err, -EINVAL, BP_E_CONFIG, "Empty PATCH request.");
}

static void take_bool(const struct bp_json *body, const char *key, bool *ret)
{
    const struct bp_json *v = member(body, key);
    int b = 0;

    if (v != NULL && json_bool(v, &b) == 0) {
        *ret = b != 0;
    }
}

/* PUT and PATCH: a PUT's schema has made sure of the required members, and its defaults are set
 * before the merge. Only an omitted template keeps its value. */
int core_machine_put(struct api *a, const struct bp_json *body, struct bp_jsonw *w,
                     struct bp_err *err)
{
    struct machine_config mc = *vm_machine_config(a->vm);
    const struct bp_json *v;
    uint64_t n;

    (void)w;
    if (!a->patching) {
        mc.smt = false;
        mc.track_dirty_pages = false;
    }
    v = member(body, "vcpu_count");
    if (v != NULL && json_u64(v, &n) == 0) {
        mc.vcpu_count = (uint8_t)n;
    }
    v = member(body, "mem_size_mib");
    if (v != NULL && json_u64(v, &n) == 0) {
        mc.mem_size_mib = n;
    }
    v = member(body, "cpu_template");
    if (v != NULL) {
        const char *t = json_str(v, NULL);

        (void)snprintf(mc.cpu_template, sizeof(mc.cpu_template), "%s",
                       strcmp(t, "None") == 0 ? "" : t);
    }
    take_bool(body, "smt", &mc.smt);
    take_bool(body, "track_dirty_pages", &mc.track_dirty_pages);
    return vm_set_machine_config(a->vm, &mc, err);
}

static const char *text_of(const struct bp_json *body, const char *key)
{
    const struct bp_json *v = member(body, key);

    return v == NULL ? NULL : json_str(v, NULL);
}

int core_boot_put(struct api *a, const struct bp_json *body, struct bp_jsonw *w, struct bp_err *err)
{
    (void)w;
    return vm_set_boot_source(a->vm, text_of(body, "kernel_image_path"),
                              text_of(body, "initrd_path"), text_of(body, "boot_args"), err);
}
