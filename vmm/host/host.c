/* SPDX-License-Identifier: Apache-2.0 */
/* The table of service tables. */
#include "host/host.h"

#include "core/json.h"
#include "host/priv.h"

static const void *no_extension(const struct bp_host *h, const char *id)
{
    (void)h;
    (void)id;
    return NULL;
}

static const struct bp_host table = {
    .size = sizeof(table),
    .abi_major = BP_ABI_MAJOR,
    .abi_minor = BP_ABI_MINOR,
    .name = "backplane",
    .version = "0.1.0",
    .queue = &host_queue_svc,
    .mem = &host_mem_svc,
    .virtio = &host_virtio_svc,
    .irq = &host_irq_svc,
    .boot = &host_boot_svc,
    .loop = &host_loop_svc,
    .limit = &host_limit_svc,
    .log = &host_log_svc,
    .json = &json_svc,
    .state = &host_state_svc,
    .file = &host_file_svc,
    .extension = no_extension,
};

const struct bp_host *host_table(void)
{
    host_log_sync();
    return &table;
}
