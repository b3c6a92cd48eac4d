/* SPDX-License-Identifier: Apache-2.0 */
/* What a virtio device asks of its transport. */
#include <errno.h>
#include <string.h>

#include "host/priv.h"
#include "virtio/transport_mmio.h"

static int svc_config_set(struct bp_dev *d, uint32_t off, const void *buf, uint32_t len)
{
    if (off > VIRTIO_CONFIG_MAX || len > VIRTIO_CONFIG_MAX - off) {
        host_bug(d, "config_set of %u bytes at %u is out of bounds", len, off);
        return -EINVAL;
    }
    if (d->started) {
        if (!d->queues) {
            host_bug(d, "config_set of a device without a transport");
            return -EPERM;
        }
        return transport_config_set(&d->transport, off, buf, len);
    }
    if (len > 0) {
        memcpy(d->stage + off, buf, len);
    }
    if (off + len > d->stage_len) {
        d->stage_len = off + len;
    }
    return 0;
}

static uint64_t svc_features(struct bp_dev *d)
{
    return d->started && d->queues ? transport_features(&d->transport) : 0;
}

static struct bp_queue *svc_queue(struct bp_dev *d, uint32_t index)
{
    if (!d->started || !d->queues || index >= d->info->n_queues) {
        host_bug(d, "queue %u asked for, which is not there", index);
        return NULL;
    }
    return &d->queues[index];
}

static const char *svc_id(struct bp_dev *d)
{
    return d->id;
}

static void svc_place_first(struct bp_dev *d)
{
    if (d->self) {
        host_bug(d, "place_first() outside of create()");
        return;
    }
    d->first = true;
}

static void svc_fail(struct bp_dev *d, const char *why)
{
    host_log(d, BP_LOG_WARN, "%s", why);
    if (d->started && d->queues) {
        transport_fail(&d->transport);
    }
}

const struct bp_virtio_svc host_virtio_svc = {
    .size = sizeof(host_virtio_svc),
    .config_set = svc_config_set,
    .features = svc_features,
    .queue = svc_queue,
    .id = svc_id,
    .place_first = svc_place_first,
    .fail = svc_fail,
};
