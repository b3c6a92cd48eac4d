/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin file in several states of disrepair, chosen by SAMPLE_* at compile time. */
#include <backplane/plugin.h>
#include <errno.h>

#ifdef SAMPLE_NO_ENTRY
BP_EXPORT int sample_nothing(void);
BP_EXPORT int sample_nothing(void)
{
    return 0;
}
#else
static int s_create(const struct bp_host *h, void *ctx, struct bp_dev *d, const struct bp_json *cfg,
                    void **self, struct bp_err *err)
{
    (void)h, (void)ctx, (void)d, (void)cfg, (void)self;
    return bp_fail(err, -ENOTSUP, BP_E_CONFIG, "a sample makes no devices");
}

static int s_start(void *self, const struct bp_device_info **info, struct bp_err *err)
{
    (void)self, (void)info, (void)err;
    return -ENOTSUP;
}

static void s_void(void *self)
{
    (void)self;
}

static int s_int(void *self)
{
    (void)self;
    return 0;
}

static int s_show(void *self, struct bp_jsonw *w)
{
    (void)self, (void)w;
    return 0;
}

static int s_ready(void *self, struct bp_queue *q, uint32_t index, uint32_t budget)
{
    (void)self, (void)q, (void)index, (void)budget;
    return 0;
}

static const struct bp_device_ops ops = {
    .size = sizeof(ops),
    .create = s_create,
    .start = s_start,
    .destroy = s_void,
    .show = s_show,
    .activate = s_int,
    .reset = s_void,
    .queue_ready = s_ready,
    .pause = s_int,
    .resume = s_int,
};

static const struct bp_plugin sample = {
    .size = sizeof(sample),
    .abi_major = BP_ABI_MAJOR,
    .name = "sample",
    .version = "1.2.3",
    .summary = "a sample",
    .license = "Apache-2.0",
    .virtio_id = 60,
    .ops = &ops,
};

#ifdef SAMPLE_V1
BP_EXPORT const struct bp_plugin *bp_plugin_entry_v1(void);
BP_EXPORT const struct bp_plugin *bp_plugin_entry_v1(void)
{
    return &sample;
}
#else
BP_PLUGIN(sample)
#endif
#endif
