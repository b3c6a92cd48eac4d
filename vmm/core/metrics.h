/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters that are reported as the increase since the last report, and stored values that are
 * reported as they are. Groups are registered by the
 * control thread and never go away; they may be looked up from any thread.
 */
#ifndef BP_CORE_METRICS_H
#define BP_CORE_METRICS_H

#include <backplane/plugin.h>

#include "core/jsonw.h"

#define METRICS_GROUPS_MAX 64

struct metric_group {
    const char *key;          /* "vcpu" */
    const char *const *names; /* n of them, in output order */
    uint32_t n;
    const bool *stored; /* n flags, or NULL: all are counters */
    uint64_t *values;   /* n, zeroed by the owner; bump with bp_count() */
    uint64_t *reported; /* n, zeroed by the owner; used by metrics_write() only */
};

/* -EEXIST when the key is taken, -ENOSPC when the table is full. The group is borrowed for ever. */
int metrics_register(struct metric_group *g);
struct metric_group *metrics_find(const char *key);
/* Write one object member for the group and move its counters' reported marks. */
void metrics_write(struct metric_group *g, struct bp_jsonw *w);

#endif
