/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loaded plugins and what they registered: routes, metrics, system calls. Control thread only,
 * except that after the first registry_load_dir() routes may be looked up from any thread under
 * the registry's read lock (registry_route() takes it).
 */
#ifndef BP_PLUGIN_REGISTRY_H
#define BP_PLUGIN_REGISTRY_H

#include <backplane/plugin.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/metrics.h"
#include "core/schema.h"

#define REGISTRY_PLUGINS_MAX 32
#define REGISTRY_REFUSED_MAX 32

struct plugin;

struct route {
    struct bp_route r;      /* host's copy, full size */
    struct schema *request; /* compiled, or NULL */
    const struct plugin *plugin;
    char first[48];  /* first path segment: "drives" */
    char second[48]; /* literal second segment ("statistics"), or "" */
    bool has_id;     /* second segment is {id} */
};

struct plugin {
    struct bp_plugin desc;    /* host's copy, full size */
    struct bp_device_ops ops; /* host's copy, full size; absent ops are NULL */
    struct route *routes;
    uint32_t n_routes;
    struct metric_group group; /* aggregate of all its devices, under desc.metrics_key */
    void *ctx;                 /* ops.open()'s result */
    bool opened;
    char path[256];
};

struct registry {
    uint32_t n, n_refused;
    struct plugin *plugins[REGISTRY_PLUGINS_MAX];
    struct {
        char file[256];
        char reason[512];
    } refused[REGISTRY_REFUSED_MAX];
    /* Is "METHOD first[/second]" a core route? A plugin may not take it. */
    bool (*core_has)(const char *method, const char *path);
};

void registry_init(struct registry *r);
/* Load every *.so of a directory, sorted by name. Refused files are logged and remembered, they
 * cost their own routes only. -errno when the directory itself cannot be read. */
int registry_load_dir(struct registry *r, const char *dir, struct bp_err *err);
/* One file, all refusals of plugin-abi 3.3. */
int registry_load_file(struct registry *r, const char *path, struct bp_err *err);
/* A descriptor that is linked in or belongs to a test. The same checks but those of the file. */
int registry_add(struct registry *r, const struct bp_plugin *desc, const char *name_for_log,
                 struct bp_err *err);
/* NULL: none. path has been split by the caller; t2 NULL or "" when absent. */
const struct route *registry_route(const struct registry *r, const char *method, const char *t1,
                                   const char *t2);
/* The route whose `config` key this is and whose action is BP_DO_CREATE. */
const struct route *registry_config_route(const struct registry *r, const char *key);
const struct plugin *registry_find(const struct registry *r, const char *name);
/* --list-plugins: the loaded and the refused ones as JSON. */
void registry_list(const struct registry *r, struct buf *out);
void registry_done(struct registry *r); /* closes contexts; nothing is dlclosed */

#endif
