/* SPDX-License-Identifier: Apache-2.0 */
/* The block device under a driver that the fuzzer writes. */
#include <stdlib.h>

#include "fuzz_ring.h"

#define DISK_LEN 16384u

const struct bp_plugin *bp_plugin_block(void);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const bodies[] = {
    "{\"drive_id\":\"block\",\"path_on_host\":\"disk\",\"is_root_device\":false,"
    "\"is_read_only\":false,\"cache_type\":\"Writeback\"}",
    "{\"drive_id\":\"block\",\"path_on_host\":\"disk\",\"is_root_device\":true,"
    "\"is_read_only\":true}",
    "{\"drive_id\":\"block\",\"path_on_host\":\"disk\",\"is_root_device\":false,"
    "\"is_read_only\":false,\"rate_limiter\":{\"ops\":{\"size\":3,\"refill_time\":100},"
    "\"bandwidth\":{\"size\":1024,\"refill_time\":100}}}",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t disk[DISK_LEN];
    struct kit_file_def file = { "disk", disk, sizeof(disk) };
    struct kit_cfg cfg = { .id = "block", .ram = 1u << 20, .files = &file, .n_files = 1 };
    struct bp_err err = { .code = 0 };
    struct kit *k;

    if (size < 1) {
        return 0;
    }
    cfg.config = bodies[data[0] % 3];
    k = kit_open(bp_plugin_block(), &cfg, &err);
    if (k == NULL || kit_boot(k, 0) != 0) {
        abort();
    }
    fuzz_run(k, data + 1, size - 1);
    kit_close(k);
    return 0;
}
