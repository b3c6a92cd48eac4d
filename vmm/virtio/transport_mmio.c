/* SPDX-License-Identifier: Apache-2.0 */
/* Register file of the virtio-mmio transport. Registers are guarded by the transport's lock. */
#include "virtio/transport_mmio.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "virtio/transport_status.h"

#define MMIO_MAGIC 0x74726976u
#define MMIO_VERSION 2u

static void on_used(void *owner, uint32_t index)
{
    (void)index;
    transport_interrupt(owner, VIRTIO_INT_USED);
}

static void on_broken(void *owner, const char *why)
{
    log_debug("virtio queue: %s", why);
    transport_fail(owner);
}

int transport_init(struct transport *t, const struct transport_ops *ops, void *owner,
                   uint32_t device_id, uint64_t features, struct bp_queue *queues,
                   uint32_t n_queues, uint32_t config_len, uint32_t max_segs)
{
    if (n_queues > VIRTIO_QUEUES_MAX || config_len > VIRTIO_CONFIG_MAX) {
        return -EINVAL;
    }
    memset(t, 0, sizeof(*t));
    (void)pthread_mutex_init(&t->lock, NULL);
    t->ops = ops;
    t->owner = owner;
    t->device_id = device_id;
    t->features_offered = features | 1ull << VIRTIO_F_VERSION_1;
    t->queues = queues;
    t->n_queues = n_queues;
    t->config_len = config_len;
    t->max_segs = max_segs;
    for (uint32_t i = 0; i < n_queues; i++) {
        if (queues[i].interrupt == NULL && queues[i].fail == NULL) {
            queues[i].owner = t;
            queues[i].interrupt = on_used;
            queues[i].fail = on_broken;
        }
    }
    return 0;
}

void transport_done(struct transport *t)
{
    if (t != NULL && t->ops != NULL) {
        (void)pthread_mutex_destroy(&t->lock);
        t->ops = NULL;
    }
}

static struct bp_queue *selected(struct transport *t)
{
    return t->queue_sel < t->n_queues ? &t->queues[t->queue_sel] : NULL;
}

/* Under the lock. false: no such register. */
static bool register_read(struct transport *t, uint32_t off, uint32_t *ret)
{
    const struct bp_queue *q = selected(t);

    switch (off) {
    case MMIO_MAGIC_VALUE:
        *ret = MMIO_MAGIC;
        return true;
    case MMIO_VERSION_REG:
        *ret = MMIO_VERSION;
        return true;
    case MMIO_DEVICE_ID:
        *ret = t->device_id;
        return true;
    case MMIO_VENDOR_ID:
        *ret = 0;
        return true;
    case MMIO_DEVICE_FEATURES:
        *ret = t->features_sel < 2 ? (uint32_t)(t->features_offered >> (32 * t->features_sel)) : 0;
        return true;
    case MMIO_QUEUE_NUM_MAX:
        *ret = q != NULL ? q->cfg.max_size : 0;
        return true;
    case MMIO_QUEUE_READY:
        *ret = q != NULL && q->cfg.ready;
        return true;
    case MMIO_INTERRUPT_STATUS:
        *ret = __atomic_load_n(&t->interrupt_status, __ATOMIC_SEQ_CST);
        return true;
    case MMIO_STATUS:
        *ret = t->status;
        return true;
    case MMIO_CONFIG_GENERATION:
        *ret = t->generation;
        return true;
    case MMIO_SHM_SEL:
    case MMIO_SHM_LEN_LOW:
    case MMIO_SHM_LEN_HIGH:
    case MMIO_SHM_BASE_LOW:
    case MMIO_SHM_BASE_HIGH:
        *ret = UINT32_MAX; /* no shared memory regions */
        return true;
    default:
        return false;
    }
}

void transport_read(struct transport *t, uint64_t off, void *buf, uint32_t len)
{
    uint32_t v;
    bool known;

    if (off >= MMIO_CONFIG) {
        uint64_t at = off - MMIO_CONFIG;

        (void)pthread_mutex_lock(&t->lock);
        if (at < t->config_len) {
            memcpy(buf, &t->config[at], len < t->config_len - at ? len : t->config_len - at);
        }
        (void)pthread_mutex_unlock(&t->lock);
        if (at >= t->config_len) {
            transport_config_fault(t);
        }
        return;
    }
    if (len != sizeof(v)) {
        log_debug("invalid virtio mmio read: 0x%x:0x%x", (unsigned)off, len);
        return;
    }
    (void)pthread_mutex_lock(&t->lock);
    known = register_read(t, (uint32_t)off, &v);
    (void)pthread_mutex_unlock(&t->lock);
    if (!known) {
        log_debug("unknown virtio mmio register read: 0x%x", (unsigned)off);
        return;
    }
    v = htole32(v);
    memcpy(buf, &v, sizeof(v));
}

/* Under the lock. The last write of a page counts: a driver may drop a bit before FEATURES_OK. */
static void features_write(struct transport *t, uint32_t v)
{
    uint32_t shift = 32 * t->acked_sel;
    uint64_t page;

    if ((t->status & (VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_FAILED)) !=
        VIRTIO_STATUS_DRIVER) {
        log_debug("ack virtio features in invalid state 0x%x", t->status);
        return;
    }
    if (t->acked_sel > 1) {
        log_debug("Cannot acknowledge unknown features page: %u", t->acked_sel);
        return;
    }
    page = (uint64_t)v << shift;
    if ((page & ~t->features_offered) != 0) {
        log_debug("Received acknowledge request for unknown feature: %x", v);
    }
    t->features_acked &= ~((uint64_t)UINT32_MAX << shift);
    t->features_acked |= page & t->features_offered;
}

static void low_set(uint64_t *addr, uint32_t v)
{
    *addr = (*addr & ~(uint64_t)UINT32_MAX) | v;
}

static void high_set(uint64_t *addr, uint32_t v)
{
    *addr = (*addr & UINT32_MAX) | (uint64_t)v << 32;
}

/* Under the lock. Rings move only between FEATURES_OK and DRIVER_OK, so that what was checked at
 * activation stays true. */
static void queue_write(struct transport *t, uint32_t off, uint32_t v)
{
    struct bp_queue *q = selected(t);
    uint32_t gate = VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_FAILED;
    bool retire = off == MMIO_QUEUE_READY && v == 0 && !t->active;

    if ((t->status & gate) != VIRTIO_STATUS_FEATURES_OK && !retire) {
        log_debug("update virtio queue in invalid state 0x%x", t->status);
        return;
    }
    if (q == NULL) {
        return;
    }
    if (off == MMIO_QUEUE_NUM) {
        q->cfg.size = (uint16_t)v;
    } else if (off == MMIO_QUEUE_READY) {
        q->cfg.ready = v == 1;
    } else if (off == MMIO_QUEUE_DESC_LOW) {
        low_set(&q->cfg.desc, v);
    } else if (off == MMIO_QUEUE_DESC_HIGH) {
        high_set(&q->cfg.desc, v);
    } else if (off == MMIO_QUEUE_DRIVER_LOW) {
        low_set(&q->cfg.avail, v);
    } else if (off == MMIO_QUEUE_DRIVER_HIGH) {
        high_set(&q->cfg.avail, v);
    } else if (off == MMIO_QUEUE_DEVICE_LOW) {
        low_set(&q->cfg.used, v);
    } else {
        high_set(&q->cfg.used, v);
    }
}

/* Under the lock. false: no such register. */
static bool register_write(struct transport *t, uint32_t off, uint32_t v)
{
    switch (off) {
    case MMIO_DEVICE_FEATURES_SEL:
        t->features_sel = v;
        return true;
    case MMIO_DRIVER_FEATURES:
        features_write(t, v);
        return true;
    case MMIO_DRIVER_FEATURES_SEL:
        t->acked_sel = v;
        return true;
    case MMIO_QUEUE_SEL:
        t->queue_sel = v;
        return true;
    case MMIO_QUEUE_NUM:
    case MMIO_QUEUE_READY:
    case MMIO_QUEUE_DESC_LOW:
    case MMIO_QUEUE_DESC_HIGH:
    case MMIO_QUEUE_DRIVER_LOW:
    case MMIO_QUEUE_DRIVER_HIGH:
    case MMIO_QUEUE_DEVICE_LOW:
    case MMIO_QUEUE_DEVICE_HIGH:
        queue_write(t, off, v);
        return true;
    case MMIO_INTERRUPT_ACK:
        if ((t->status & VIRTIO_STATUS_DRIVER_OK) != 0) {
            __atomic_fetch_and(&t->interrupt_status, ~v, __ATOMIC_SEQ_CST);
        }
        return true;
    case MMIO_SHM_SEL:
        return true;
    default:
        return false;
    }
}

/* The doorbell is KVM's; a notification that still comes here takes the same way. */
static bool notify_write(struct transport *t, uint32_t v)
{
    uint64_t one = 1;

    if (v >= t->n_queues || t->queues[v].kick_fd < 0) {
        return false;
    }
    /* A full counter means that the queue is being looked at anyway. */
    return write(t->queues[v].kick_fd, &one, sizeof(one)) >= 0 || errno == EAGAIN;
}

void transport_write(struct transport *t, uint64_t off, const void *buf, uint32_t len)
{
    uint32_t v;
    bool known;

    if (off >= MMIO_CONFIG) {
        transport_config_write(t, off - MMIO_CONFIG, buf, len);
        return;
    }
    if (len != sizeof(v)) {
        log_debug("invalid virtio mmio write: 0x%x:0x%x", (unsigned)off, len);
        return;
    }
    memcpy(&v, buf, sizeof(v));
    v = le32toh(v);
    if (off == MMIO_STATUS) {
        transport_status_write(t, v);
        return;
    }
    if (off == MMIO_QUEUE_NOTIFY) {
        known = notify_write(t, v);
    } else {
        (void)pthread_mutex_lock(&t->lock);
        known = register_write(t, (uint32_t)off, v);
        (void)pthread_mutex_unlock(&t->lock);
    }
    if (!known) {
        log_debug("unknown virtio mmio register write: 0x%x", (unsigned)off);
    }
}

void transport_interrupt(struct transport *t, uint32_t bit)
{
    /* The bit first: a driver that finds no bit set ignores the interrupt. */
    __atomic_fetch_or(&t->interrupt_status, bit, __ATOMIC_SEQ_CST);
    t->ops->signal(t->owner);
}

bool transport_is_active(struct transport *t)
{
    return __atomic_load_n(&t->active, __ATOMIC_ACQUIRE);
}

uint64_t transport_features(struct transport *t)
{
    uint64_t features;

    (void)pthread_mutex_lock(&t->lock);
    features = (t->status & VIRTIO_STATUS_FEATURES_OK) != 0 ? t->features_acked : 0;
    (void)pthread_mutex_unlock(&t->lock);
    return features;
}
