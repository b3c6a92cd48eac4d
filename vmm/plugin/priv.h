/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of plugin/ share: the checks of a descriptor and their helpers. */
#ifndef BP_PLUGIN_PRIV_H
#define BP_PLUGIN_PRIV_H

#include <backplane/plugin.h>
#include <stdint.h>

#include "plugin/registry.h"

#define PLUGIN_ROUTES_MAX 64u
#define PLUGIN_METRICS_MAX 256u
#define PLUGIN_SYSCALLS_MAX 128u
#define PLUGIN_NEEDS_MAX 64u

/* Copy a stamped struct by the growth rule: the shorter size, zeroes after it. */
void plugin_copy(void *to, uint32_t to_size, const void *from, uint32_t from_size);
/* Row i of a table, copied by the growth rule. */
void plugin_row(const struct bp_table *t, uint32_t i, void *to, uint32_t to_size);
/* Fill p from desc and judge it against the rules and against what r holds. p is half built on
 * failure: plugin_scrap() it. */
int plugin_check(const struct registry *r, struct plugin *p, const struct bp_plugin *desc,
                 struct bp_err *err);
int plugin_check_routes(const struct registry *r, struct plugin *p, struct bp_err *err);
int plugin_check_needs(const struct plugin *p, struct bp_err *err);
int plugin_check_syscalls(const struct plugin *p, struct bp_err *err);
int plugin_check_metrics(const struct registry *r, struct plugin *p, struct bp_err *err);
/* Free what plugin_check() made; the struct itself stays. */
void plugin_scrap(struct plugin *p);

/* The descriptor of an opened and checked file. *ret_fd, set on failure too once the file is open,
 * is the caller's to close; a directory keeps them all until its last file is loaded. */
int plugin_open_file(const char *path, const struct bp_plugin **ret_desc, int *ret_fd,
                     struct bp_err *err);

#endif
