/* SPDX-License-Identifier: Apache-2.0 */
/* The entropy device under a driver that the fuzzer writes. */
#include <stdlib.h>

#include "fuzz_ring.h"

const struct bp_plugin *bp_plugin_rng(void);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const bodies[] = {
    "{}",
    "{\"rate_limiter\":{\"ops\":{\"size\":3,\"refill_time\":100},"
    "\"bandwidth\":{\"size\":1024,\"refill_time\":100}}}",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kit_cfg cfg = { .ram = 1u << 20 };
    struct bp_err err = { .code = 0 };
    struct kit *k;

    if (size < 1) {
        return 0;
    }
    cfg.config = bodies[data[0] % 2];
    k = kit_open(bp_plugin_rng(), &cfg, &err);
    if (k == NULL || kit_boot(k, 0) != 0) {
        abort();
    }
    fuzz_run(k, data + 1, size - 1);
    kit_close(k);
    return 0;
}
