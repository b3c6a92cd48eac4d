/* SPDX-License-Identifier: Apache-2.0 */
/* The table of counter groups: written by the control thread, read by all; it only ever grows. */
#include "core/metrics.h"

#include <errno.h>
#include <string.h>

static struct metric_group *groups[METRICS_GROUPS_MAX];
static uint32_t n_groups;

struct metric_group *metrics_find(const char *key)
{
    /* Pairs with metrics_register(): a counted entry is filled. */
    uint32_t n = __atomic_load_n(&n_groups, __ATOMIC_ACQUIRE);

    for (uint32_t i = 0; i < n; i++) {
        if (strcmp(groups[i]->key, key) == 0) {
            return groups[i];
        }
    }
    return NULL;
}

int metrics_register(struct metric_group *g)
{
    if (metrics_find(g->key)) {
        return -EEXIST;
    }
    if (n_groups == METRICS_GROUPS_MAX) {
        return -ENOSPC;
    }
    groups[n_groups] = g;
    __atomic_store_n(&n_groups, n_groups + 1, __ATOMIC_RELEASE);
    return 0;
}

void metrics_write(struct metric_group *g, struct bp_jsonw *w)
{
    jsonw_open(w, g->key, BP_J_OBJ);
    for (uint32_t i = 0; i < g->n; i++) {
        uint64_t now = __atomic_load_n(&g->values[i], __ATOMIC_RELAXED);

        if (g->stored && g->stored[i]) {
            jsonw_u64(w, g->names[i], now);
        } else {
            jsonw_u64(w, g->names[i], now - g->reported[i]);
            g->reported[i] = now;
        }
    }
    jsonw_close(w);
}
