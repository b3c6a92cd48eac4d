/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device instances of the VM, in configuration order: create, replace, update, show by route;
 * order on the bus; start and stop. Control thread only.
 */
#ifndef BP_PLUGIN_DEVICES_H
#define BP_PLUGIN_DEVICES_H

#include <backplane/plugin.h>
#include <stdbool.h>

#include "host/host.h"
#include "plugin/registry.h"

struct devices {
    struct host_env *env;
    struct bp_dev *first; /* in configuration order */
    uint32_t n;
};

void devices_init(struct devices *ds, struct host_env *env);
void devices_done(struct devices *ds);
/* id is "" or NULL for a singleton: the instance is then named after the plugin. */
struct bp_dev *devices_find(const struct devices *ds, const struct plugin *p, const char *id);
/* Execute a device route (action CREATE, UPDATE, SHOW, STATS, CALL, DELETE). The body passed the
 * route's schema, id equality and check() before. A CREATE of an existing id replaces it in place
 * only when the new one could be made. w is written for SHOW/STATS/CALL. */
int devices_execute(struct devices *ds, const struct route *rt, const char *id,
                    const struct bp_json *body, struct bp_jsonw *w, struct bp_err *err);
/* Write the value of a config key ("drives" array / "balloon" object or null) for /vm/config. The
 * route decides the shape: with {id} an array. A device that asked for place_first()
 * stands first: it swaps places with the head of its plugin's instances when it is made. */
void devices_show_config(const struct devices *ds, const struct route *rt, const char *key,
                         struct bp_jsonw *w);
/* Bus order: bus_rank, then place_first(), then configuration order. Returns how many were written.
 */
uint32_t devices_bus_order(const struct devices *ds, struct bp_dev **ret, uint32_t cap);
void devices_kick(const struct devices *ds);

#endif
