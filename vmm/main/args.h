/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: parse rules and texts of the contract. */
#ifndef BP_MAIN_ARGS_H
#define BP_MAIN_ARGS_H

#include <backplane/plugin.h>
#include <stdbool.h>

#include "core/buf.h"

enum arg_id {
    ARG_API_SOCK,
    ARG_BOOT_TIMER,
    ARG_CONFIG_FILE,
    ARG_HELP,
    ARG_PAYLOAD,
    ARG_ID,
    ARG_LEVEL,
    ARG_LIST_PLUGINS,
    ARG_LOG_PATH,
    ARG_METRICS_PATH,
    ARG_NO_API,
    ARG_NO_SECCOMP,
    ARG_PARENT_CPU,
    ARG_PLUGIN_DIR,
    ARG_SHOW_LEVEL,
    ARG_SHOW_ORIGIN,
    ARG_START_CPU,
    ARG_START,
    ARG_VERSION,
    ARG_COUNT,
};

struct args {
    const char *value[ARG_COUNT]; /* NULL: not given; "" for a flag that was given */
};

/* Fill in defaults too. -EINVAL: err->text is the parser's sentence. --help and --version win over
 * everything before "--" and skip all other checks. */
int args_parse(int argc, char **argv, struct args *ret_a, struct bp_err *err);
static inline bool args_has(const struct args *a, enum arg_id id)
{
    return a->value[id] != NULL;
}
void args_help(struct buf *out);

#endif
