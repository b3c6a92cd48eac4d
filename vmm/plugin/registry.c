/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The set of loaded plugins. Written by the control thread; `lock` covers the set against lookups
 * from other threads while a directory is being loaded.
 */
#include "plugin/registry.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/errtext.h"
#include "core/log.h"
#include "plugin/priv.h"

#define DIR_FILES_MAX 256u

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;

/* Counter groups can never be taken back, so a plugin's memory is kept for the next one with the
 * same key. Guarded by lock. */
static struct plugin *retired[METRICS_GROUPS_MAX];

void registry_init(struct registry *r)
{
    memset(r, 0, sizeof(*r));
}

static struct plugin *plugin_take(const char *key)
{
    uint32_t i;

    for (i = 0; key && i < METRICS_GROUPS_MAX; i++) {
        struct plugin *p = retired[i];

        if (p && strcmp(p->group.key, key) == 0) {
            retired[i] = NULL;
            return p;
        }
    }
    return NULL;
}

static void plugin_retire(struct plugin *p)
{
    uint32_t i;

    for (i = 0; i < p->n_routes; i++) {
        schema_free(p->routes[i].request);
    }
    free(p->routes);
    p->routes = NULL;
    p->n_routes = 0;
    for (i = 0; i < METRICS_GROUPS_MAX; i++) {
        if (!retired[i]) {
            retired[i] = p;
            return;
        }
    }
}

/* Register the counters of a checked plugin; *p may become the memory of an earlier one. */
static int metrics_join(struct plugin **p, struct bp_err *err)
{
    struct plugin *np = *p, *old = plugin_take(np->group.key);
    uint32_t i;
    int rc;

    if (!np->group.key || np->group.key[0] == '\0') {
        return 0;
    }
    if (!old) {
        rc = metrics_register(&np->group);
        if (rc == -EEXIST) {
            return bp_fail(err, rc, BP_E_CONFIG, "Its counters' key `%s` belongs to the monitor.",
                           np->group.key);
        }
        return rc < 0 ? bp_fail(err, rc, BP_E_CONFIG, "There are too many groups of counters.") : 0;
    }
    plugin_scrap(old);
    *old = *np;
    for (i = 0; i < old->n_routes; i++) {
        old->routes[i].plugin = old;
    }
    free(np);
    *p = old;
    return 0;
}

int registry_add(struct registry *r, const struct bp_plugin *desc, const char *name_for_log,
                 struct bp_err *err)
{
    struct plugin *p;
    int rc;

    if (r->n == REGISTRY_PLUGINS_MAX) {
        return bp_fail(err, -ENOSPC, BP_E_CONFIG, "There are %d plugins already.",
                       REGISTRY_PLUGINS_MAX);
    }
    p = calloc(1, sizeof(*p));
    if (!p) {
        return bp_fail(err, -ENOMEM, BP_E_HOST, "Out of memory.");
    }
    (void)snprintf(p->path, sizeof(p->path), "%s", name_for_log);
    rc = plugin_check(r, p, desc, err);
    (void)pthread_rwlock_wrlock(&lock);
    rc = rc < 0 ? rc : metrics_join(&p, err);
    if (rc == 0) {
        r->plugins[r->n++] = p;
    }
    (void)pthread_rwlock_unlock(&lock);
    if (rc < 0) {
        plugin_scrap(p);
        free(p);
        return rc;
    }
    log_info("plugin %s %s (abi %u.%u, state %u>=%u, %u routes, %u syscalls)", p->desc.name,
             p->desc.version, p->desc.abi_major, p->desc.abi_minor, p->desc.state_version,
             p->desc.state_oldest, p->n_routes, p->desc.syscalls.count);
    return 0;
}

static int load_one(struct registry *r, const char *path, int *ret_fd, struct bp_err *err)
{
    const struct bp_plugin *desc = NULL;
    int rc = plugin_open_file(path, &desc, ret_fd, err);

    rc = rc < 0 ? rc : registry_add(r, desc, path, err);
    if (rc < 0) {
        const char *slash = strrchr(path, '/');

        log_error("plugin %s is refused: %s", path, err->text);
        if (r->n_refused < REGISTRY_REFUSED_MAX) {
            (void)snprintf(r->refused[r->n_refused].file, sizeof(r->refused[0].file), "%s",
                           slash ? slash + 1 : path);
            (void)snprintf(r->refused[r->n_refused].reason, sizeof(r->refused[0].reason), "%.500s",
                           err->text);
            r->n_refused++;
        }
    }
    return rc;
}

int registry_load_file(struct registry *r, const char *path, struct bp_err *err)
{
    int fd = -1;
    int rc = load_one(r, path, &fd, err);

    if (fd >= 0) {
        (void)close(fd);
    }
    return rc;
}

static int is_so(const struct dirent *e)
{
    size_t n = strlen(e->d_name);

    return n > 3 && strcmp(e->d_name + n - 3, ".so") == 0;
}

int registry_load_dir(struct registry *r, const char *dir, struct bp_err *err)
{
    struct dirent **list = NULL;
    int fds[DIR_FILES_MAX];
    char text[160];
    int i, n = scandir(dir, &list, is_so, alphasort);

    if (n < 0) {
        return bp_fail(err, -errno, BP_E_CONFIG, "Cannot read the plugin directory %.1024s: %s",
                       dir, errtext_display(errno, text, sizeof(text)));
    }
    for (i = 0; i < n && (unsigned)i < DIR_FILES_MAX; i++) {
        struct bp_err why = { 0 };
        char path[4096];

        fds[i] = -1;
        if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name) < sizeof(path)) {
            (void)load_one(r, path, &fds[i], &why);
        }
    }
    while (i-- > 0) {
        if (fds[i] >= 0) {
            (void)close(fds[i]);
        }
    }
    for (i = 0; i < n; i++) {
        free(list[i]);
    }
    free(list);
    return 0;
}

static bool matches(const struct route *rt, const char *method, const char *t1, const char *t2)
{
    if (strcmp(rt->r.method, method) != 0 || strcmp(rt->first, t1) != 0) {
        return false;
    }
    if (!t2 || t2[0] == '\0') {
        return !rt->has_id && rt->second[0] == '\0';
    }
    return rt->has_id || strcmp(rt->second, t2) == 0;
}

const struct route *registry_route(const struct registry *r, const char *method, const char *t1,
                                   const char *t2)
{
    const struct route *found = NULL;
    uint32_t i, k;

    (void)pthread_rwlock_rdlock(&lock);
    for (i = 0; i < r->n; i++) {
        for (k = 0; k < r->plugins[i]->n_routes; k++) {
            const struct route *rt = &r->plugins[i]->routes[k];

            /* A literal second segment goes before {id}. */
            if (matches(rt, method, t1, t2) && (!found || found->has_id)) {
                found = rt;
            }
        }
    }
    (void)pthread_rwlock_unlock(&lock);
    return found;
}

const struct route *registry_config_route(const struct registry *r, const char *key)
{
    const struct route *found = NULL;
    uint32_t i, k;

    (void)pthread_rwlock_rdlock(&lock);
    for (i = 0; i < r->n && !found; i++) {
        for (k = 0; k < r->plugins[i]->n_routes && !found; k++) {
            const struct route *rt = &r->plugins[i]->routes[k];

            if (rt->r.action == BP_DO_CREATE && rt->r.config && strcmp(rt->r.config, key) == 0) {
                found = rt;
            }
        }
    }
    (void)pthread_rwlock_unlock(&lock);
    return found;
}

const struct plugin *registry_find(const struct registry *r, const char *name)
{
    uint32_t i;

    for (i = 0; i < r->n; i++) {
        if (strcmp(r->plugins[i]->desc.name, name) == 0) {
            return r->plugins[i];
        }
    }
    return NULL;
}

static void list_plugin(const struct plugin *p, struct bp_jsonw *w)
{
    char text[160];
    uint32_t i;

    jsonw_open(w, NULL, BP_J_OBJ);
    jsonw_cstr(w, "name", p->desc.name);
    jsonw_cstr(w, "version", p->desc.version);
    jsonw_cstr(w, "summary", p->desc.summary);
    jsonw_cstr(w, "license", p->desc.license);
    jsonw_cstr(w, "path", p->path);
    (void)snprintf(text, sizeof(text), "%u.%u", p->desc.abi_major, p->desc.abi_minor);
    jsonw_cstr(w, "abi", text);
    jsonw_u64(w, "virtio_id", p->desc.virtio_id);
    jsonw_open(w, "routes", BP_J_ARR);
    for (i = 0; i < p->n_routes; i++) {
        (void)snprintf(text, sizeof(text), "%s %s", p->routes[i].r.method, p->routes[i].r.path);
        jsonw_cstr(w, NULL, text);
    }
    jsonw_close(w);
    jsonw_u64(w, "metrics", p->group.n);
    jsonw_open(w, "syscalls", BP_J_ARR);
    for (i = 0; i < p->desc.syscalls.count; i++) {
        struct bp_syscall s;

        plugin_row(&p->desc.syscalls, i, &s, sizeof(s));
        jsonw_cstr(w, NULL, s.name);
    }
    jsonw_close(w);
    jsonw_close(w);
}

void registry_list(const struct registry *r, struct buf *out)
{
    struct bp_jsonw w;
    uint32_t i;

    jsonw_init(&w);
    jsonw_open(&w, NULL, BP_J_OBJ);
    jsonw_open(&w, "plugins", BP_J_ARR);
    for (i = 0; i < r->n; i++) {
        list_plugin(r->plugins[i], &w);
    }
    jsonw_close(&w);
    jsonw_open(&w, "refused", BP_J_ARR);
    for (i = 0; i < r->n_refused; i++) {
        jsonw_open(&w, NULL, BP_J_OBJ);
        jsonw_cstr(&w, "file", r->refused[i].file);
        jsonw_cstr(&w, "reason", r->refused[i].reason);
        jsonw_close(&w);
    }
    jsonw_close(&w);
    jsonw_close(&w);
    buf_add(out, w.buf.data, w.buf.len);
    jsonw_done(&w);
}

void registry_done(struct registry *r)
{
    uint32_t i;

    (void)pthread_rwlock_wrlock(&lock);
    for (i = 0; i < r->n; i++) {
        struct plugin *p = r->plugins[i];

        if (p->opened && p->ops.close) {
            p->ops.close(p->ctx);
        }
        p->opened = false;
        p->ctx = NULL;
        if (p->group.key && p->group.key[0] != '\0') {
            plugin_retire(p);
        } else {
            plugin_scrap(p);
            free(p);
        }
    }
    r->n = 0;
    (void)pthread_rwlock_unlock(&lock);
}
