/* SPDX-License-Identifier: Apache-2.0 */
/* Times one cold load of a plugin directory: bench_load DIR prints microseconds and the count. */
#include <stdio.h>
#include <stdlib.h>

#include "core/log.h"
#include "loop/loop.h"
#include "plugin/registry.h"

int main(int argc, char **argv)
{
    struct registry *r = calloc(1, sizeof(*r));
    struct bp_err err;
    uint64_t start, end;

    if (!r || argc != 2) {
        (void)fprintf(stderr, "usage: bench_load PLUGIN-DIRECTORY\n");
        return 2;
    }
    log_set_level(LOG_LEVEL_OFF);
    registry_init(r);
    start = loop_now_ns();
    if (registry_load_dir(r, argv[1], &err) < 0 || r->n == 0) {
        (void)fprintf(stderr, "bench_load: nothing could be loaded from %s\n", argv[1]);
        return 1;
    }
    end = loop_now_ns();
    (void)printf("%.1f us for %u plugins\n", (double)(end - start) / 1000.0, r->n);
    registry_done(r);
    free(r);
    return 0;
}
