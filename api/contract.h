/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the contract fixes about things that plugins provide: which keys always appear, in which
 * order, and which metrics are reported even when nobody counts them.
 */
#ifndef BP_API_CONTRACT_H
#define BP_API_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct contract_key {
    const char *key;   /* in /vm/config and in the configuration file */
    const char *path;  /* first path segment of its requests */
    const char *stage; /* how the configuration file's errors begin */
    uint32_t rank;     /* the file applies lower ranks first */
    bool array, core;  /* shape; served by the core itself */
};

struct contract_metrics {
    const char *key;
    const char *const *names; /* a trailing '*' marks a stored value */
    uint32_t n;
};

extern const struct contract_key contract_keys[];
extern const size_t contract_keys_n;
extern const struct contract_metrics contract_metrics[];
extern const size_t contract_metrics_n;

/* Is this the first segment of a path that the contract gives to a plugin? */
bool contract_plugin_path(const char *segment);

#endif
