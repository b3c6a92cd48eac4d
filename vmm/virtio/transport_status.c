/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Status machine and configuration space of the virtio-mmio transport. Every status write runs on
 * the device's loop thread, which serializes them; the lock is dropped around the device's ops.
 */
#include "virtio/transport_status.h"

#include <errno.h>
#include <string.h>

#include "core/log.h"

#define STATUS_DRIVER (VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER)
#define STATUS_FEATURES (STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK)
#define STATUS_LIVE (STATUS_FEATURES | VIRTIO_STATUS_DRIVER_OK)

struct status_job {
    struct transport *t;
    uint32_t value;
};

struct config_job {
    struct transport *t;
    uint32_t off, len;
    const void *buf;
};

static void lock(struct transport *t)
{
    (void)pthread_mutex_lock(&t->lock);
}

static void unlock(struct transport *t)
{
    (void)pthread_mutex_unlock(&t->lock);
}

static void active_set(struct transport *t, bool active)
{
    __atomic_store_n(&t->active, active, __ATOMIC_RELEASE);
}

/* Stop handing out requests; queue memory stays until the reset. */
static void queues_break(struct transport *t)
{
    for (uint32_t i = 0; i < t->n_queues; i++) {
        t->queues[i].broken = true;
    }
}

static void do_reset(struct transport *t)
{
    bool engaged;

    lock(t);
    engaged = t->engaged;
    t->engaged = false;
    active_set(t, false);
    unlock(t);
    if (engaged) {
        t->ops->reset(t->owner);
    }
    lock(t);
    for (uint32_t i = 0; i < t->n_queues; i++) {
        queue_reset(&t->queues[i]);
    }
    t->features_sel = 0;
    t->acked_sel = 0;
    t->queue_sel = 0;
    t->features_acked = 0;
    t->status = 0;
    __atomic_store_n(&t->interrupt_status, 0, __ATOMIC_SEQ_CST);
    unlock(t);
}

static void do_features(struct transport *t)
{
    uint64_t features;
    int r = 0;

    lock(t);
    features = t->features_acked;
    unlock(t);
    if (t->ops->negotiated != NULL) {
        r = t->ops->negotiated(t->owner, features);
    }
    lock(t);
    if (r >= 0 && t->features_acked != features) {
        r = -EAGAIN; /* another vCPU changed its mind meanwhile: the driver is confused */
    }
    if (r >= 0) {
        t->status = STATUS_FEATURES;
    }
    unlock(t);
}

/* Under the lock. The number of live queues; -EINVAL when one that is ready cannot work. */
static int queues_activate(struct transport *t)
{
    bool event_idx = (t->features_acked >> VIRTIO_F_EVENT_IDX & 1) != 0;
    bool indirect = (t->features_acked >> VIRTIO_F_INDIRECT_DESC & 1) != 0;
    uint32_t live = 0;

    for (uint32_t i = 0; i < t->n_queues; i++) {
        struct bp_queue *q = &t->queues[i];
        const char *why = "";

        if (!q->cfg.ready) {
            continue;
        }
        if (queue_activate(q, event_idx, indirect, t->max_segs, &why) < 0) {
            log_debug("queue %u: %s", i, why);
            for (uint32_t k = 0; k < i; k++) {
                struct queue_config cfg = t->queues[k].cfg;

                queue_reset(&t->queues[k]);
                t->queues[k].cfg = cfg;
            }
            return -EINVAL;
        }
        live++;
    }
    return (int)live;
}

static void do_activate(struct transport *t)
{
    int live;

    lock(t);
    t->status = STATUS_LIVE; /* from here on the queues' registers do not change */
    live = queues_activate(t);
    t->engaged = live > 0;
    active_set(t, live > 0);
    unlock(t);
    if (live < 0) {
        transport_fail(t);
    }
    if (live <= 0) {
        return; /* without queues the device is inert; a reset starts over */
    }
    if (t->ops->activate(t->owner) < 0) {
        active_set(t, false);
        transport_fail(t);
    }
}

/* On the loop thread. Bits come one by one and none is taken back, other than by a reset. */
static void status_job(void *arg)
{
    const struct status_job *job = arg;
    struct transport *t = job->t;
    uint32_t old, v = job->value;

    lock(t);
    old = t->status;
    if ((old == 0 && v == VIRTIO_STATUS_ACKNOWLEDGE) ||
        (old == VIRTIO_STATUS_ACKNOWLEDGE && v == STATUS_DRIVER)) {
        t->status = v;
        unlock(t);
        return;
    }
    if ((v & VIRTIO_STATUS_FAILED) != 0) {
        t->status |= VIRTIO_STATUS_FAILED;
        unlock(t);
        return;
    }
    unlock(t);
    if (old == STATUS_DRIVER && v == STATUS_FEATURES) {
        do_features(t);
    } else if (old == STATUS_FEATURES && v == STATUS_LIVE) {
        do_activate(t);
    } else if (v == 0) {
        do_reset(t);
    } else {
        log_debug("invalid virtio driver status transition: 0x%x -> 0x%x", old, v);
    }
}

void transport_status_write(struct transport *t, uint32_t value)
{
    struct status_job job = { .t = t, .value = value };

    /* A refusal means that the machine is going away: nobody will read the status again. */
    if (t->ops->hop(t->owner, status_job, &job) < 0) {
        log_debug("virtio status 0x%x dropped at shutdown", value);
    }
}

static void config_job(void *arg)
{
    const struct config_job *job = arg;
    struct transport *t = job->t;
    uint32_t need = VIRTIO_STATUS_DRIVER;
    bool ready;

    lock(t);
    ready = (t->status & (need | VIRTIO_STATUS_FAILED)) == need;
    if (ready) {
        memcpy(&t->config[job->off], job->buf, job->len);
    }
    unlock(t);
    if (!ready) {
        log_debug("can not write to device config data area before driver is ready");
        return;
    }
    t->ops->config_write(t->owner, job->off, job->buf, job->len);
}

void transport_config_fault(const struct transport *t)
{
    if (t->ops->config_fault != NULL) {
        t->ops->config_fault(t->owner);
    }
}

void transport_config_write(struct transport *t, uint64_t off, const void *buf, uint32_t len)
{
    struct config_job job = { .t = t, .off = (uint32_t)off, .len = len, .buf = buf };

    if (t->ops->config_write == NULL || off > t->config_len || len > t->config_len - off) {
        transport_config_fault(t);
        return;
    }
    if (t->ops->hop(t->owner, config_job, &job) < 0) {
        log_debug("virtio configuration write dropped at shutdown");
    }
}

int transport_config_set(struct transport *t, uint32_t off, const void *buf, uint32_t len)
{
    if (off > t->config_len || len > t->config_len - off) {
        return -EINVAL;
    }
    lock(t);
    memcpy(&t->config[off], buf, len);
    t->generation++;
    unlock(t);
    if (transport_is_active(t)) {
        transport_interrupt(t, VIRTIO_INT_CONFIG);
    }
    return 0;
}

void transport_fail(struct transport *t)
{
    bool live;

    queues_break(t);
    lock(t);
    t->status |= VIRTIO_STATUS_NEEDS_RESET;
    live = (t->status & VIRTIO_STATUS_DRIVER_OK) != 0;
    unlock(t);
    if (live) {
        transport_interrupt(t, VIRTIO_INT_CONFIG);
    }
}
