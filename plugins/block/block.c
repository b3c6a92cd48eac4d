/* SPDX-License-Identifier: Apache-2.0 */
/* The virtio block device: what the monitor reads about it before it runs any of it. */
#include "block.h"

#define BUCKET                                                                                     \
    "{\"title\":\"TokenBucketConfig\",\"type\":[\"object\",\"null\"],\"properties\":{"             \
    "\"size\":{\"type\":\"integer\",\"format\":\"uint64\"},"                                       \
    "\"one_time_burst\":{\"type\":[\"integer\",\"null\"],\"format\":\"uint64\"},"                  \
    "\"refill_time\":{\"type\":\"integer\",\"format\":\"uint64\"}},"                               \
    "\"required\":[\"size\",\"refill_time\"]}"
#define LIMITER                                                                                    \
    "{\"title\":\"RateLimiterConfig\",\"type\":[\"object\",\"null\"],\"properties\":{"             \
    "\"bandwidth\":" BUCKET ",\"ops\":" BUCKET "},\"additionalProperties\":false}"

static const char put_schema[] =
    "{\"title\":\"BlockDeviceConfig\",\"type\":\"object\",\"properties\":{"
    "\"drive_id\":{\"type\":\"string\"},"
    "\"path_on_host\":{\"type\":\"string\",\"description\":\"Host path of the drive\"},"
    "\"is_root_device\":{\"type\":\"boolean\"},"
    "\"partuuid\":{\"type\":[\"string\",\"null\"],"
    "\"description\":\"Partition that holds the root file system\"},"
    "\"is_read_only\":{\"type\":\"boolean\"},"
    "\"cache_type\":{\"type\":\"string\",\"enum\":[\"Unsafe\",\"Writeback\"],"
    "\"default\":\"Unsafe\"},"
    "\"rate_limiter\":" LIMITER ","
    "\"io_engine\":{\"type\":\"string\",\"enum\":[\"Async\",\"Sync\"],\"default\":\"Sync\"}},"
    "\"required\":[\"drive_id\",\"path_on_host\",\"is_root_device\",\"is_read_only\"],"
    "\"additionalProperties\":false}";

static const char patch_schema[] =
    "{\"title\":\"BlockDeviceUpdateConfig\",\"type\":\"object\",\"properties\":{"
    "\"drive_id\":{\"type\":\"string\"},"
    "\"path_on_host\":{\"type\":[\"string\",\"null\"]},"
    "\"rate_limiter\":" LIMITER "},"
    "\"required\":[\"drive_id\"],\"additionalProperties\":false}";

#define MISMATCH "The id from the path does not match the id from the body!"

static const struct bp_route routes[] = {
    {
        .method = "PUT",
        .path = "/drives/{id}",
        .summary = "Create or replace a drive",
        .request = put_schema,
        .config = "drives",
        .id_field = "drive_id",
        .mismatch = MISMATCH,
        .counter = "drive",
        .config_rank = 40,
        .when = BP_WHEN_BOOT,
        .action = BP_DO_CREATE,
    },
    {
        .method = "PATCH",
        .path = "/drives/{id}",
        .summary = "Change the file or the rate limits of a drive",
        .request = patch_schema,
        .id_field = "drive_id",
        .mismatch = MISMATCH,
        .absent = "Unable to patch the block device: Failed to find the device on the bus.",
        .counter = "drive",
        .when = BP_WHEN_RUNNING | BP_WHEN_PAUSED,
        .action = BP_DO_UPDATE,
        .check = block_check_patch,
    },
};

static const struct bp_metric metrics[M_N] = {
    [M_ACTIVATE_FAILS] = { .name = "activate_fails", .help = "Activations that failed" },
    [M_CFG_FAILS] = { .name = "cfg_fails", .help = "Config space accesses that were refused" },
    [M_NO_AVAIL_BUFFER] = { .name = "no_avail_buffer", .help = "Wake-ups without a request" },
    [M_EVENT_FAILS] = { .name = "event_fails", .help = "Queue events that failed" },
    [M_EXECUTE_FAILS] = { .name = "execute_fails", .help = "Malformed requests" },
    [M_INVALID_REQS] = { .name = "invalid_reqs_count", .help = "Requests that failed" },
    [M_FLUSH_COUNT] = { .name = "flush_count", .help = "Flushes done" },
    [M_QUEUE_EVENTS] = { .name = "queue_event_count", .help = "Doorbells of the guest" },
    [M_LIMITER_EVENTS] = { .name = "rate_limiter_event_count", .help = "Limiter refills" },
    [M_UPDATE_COUNT] = { .name = "update_count", .help = "Changes of the file" },
    [M_UPDATE_FAILS] = { .name = "update_fails", .help = "Changes that failed" },
    [M_READ_BYTES] = { .name = "read_bytes", .help = "Bytes read" },
    [M_WRITE_BYTES] = { .name = "write_bytes", .help = "Bytes written" },
    [M_READ_COUNT] = { .name = "read_count", .help = "Reads done" },
    [M_WRITE_COUNT] = { .name = "write_count", .help = "Writes done" },
    [M_LIMITER_THROTTLED] = { .name = "rate_limiter_throttled_events",
                              .help = "Times that the limiter held requests back" },
    [M_ENGINE_THROTTLED] = { .name = "io_engine_throttled_events",
                             .help = "Times that the I/O engine was full" },
};

static const struct bp_syscall syscalls[] = {
    { .name = "pread64" }, { .name = "pwrite64" }, { .name = "preadv" },     { .name = "pwritev" },
    { .name = "fsync" },   { .name = "lseek" },    { .name = "newfstatat" }, { .name = "fstat" },
    { .name = "fcntl" },   { .name = "close" },
};

static const struct bp_need needs[] = {
    BP_NEED(queue, kick), BP_NEED(virtio, place_first), BP_NEED(boot, cmdline),
    BP_NEED(limit, show), BP_NEED(log, metrics),        BP_NEED(json, w_null),
    BP_NEED(file, open),
};

static const struct bp_plugin block_plugin = {
    .size = sizeof(block_plugin),
    .abi_major = BP_ABI_MAJOR,
    .abi_minor = BP_ABI_MINOR,
    .name = "block",
    .version = "1.0.0",
    .summary = "virtio block device on a host file",
    .license = "Apache-2.0",
    .virtio_id = 2,
    .state_version = 1,
    .state_oldest = 1,
    .needs = BP_TABLE(needs),
    .routes = BP_TABLE(routes),
    .metrics = BP_TABLE(metrics),
    .syscalls = BP_TABLE(syscalls),
    .ops = &block_ops,
    .metrics_key = "block",
    .bus_rank = 20,
};
BP_PLUGIN(block_plugin)
