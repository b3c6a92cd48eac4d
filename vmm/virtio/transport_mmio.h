/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-mmio version 2 (virtio 1.2, 4.2) for one device: register file, status machine, shadow
 * of the configuration space. Register accesses come from vCPU threads and take the transport's
 * lock; what concerns the device itself goes through `ops`, on the device's loop thread, while the
 * vCPU waits. Guest reads of configuration space are served from the shadow copy.
 */
#ifndef BP_VIRTIO_TRANSPORT_MMIO_H
#define BP_VIRTIO_TRANSPORT_MMIO_H

#include <backplane/plugin.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "virtio/queue.h"

#define VIRTIO_MMIO_LEN 0x1000u
#define VIRTIO_QUEUES_MAX 16u
#define VIRTIO_CONFIG_MAX 256u
#define VIRTIO_INT_USED 1u
#define VIRTIO_INT_CONFIG 2u
#define VIRTIO_STATUS_ACKNOWLEDGE 1u
#define VIRTIO_STATUS_DRIVER 2u
#define VIRTIO_STATUS_DRIVER_OK 4u
#define VIRTIO_STATUS_FEATURES_OK 8u
#define VIRTIO_STATUS_NEEDS_RESET 64u
#define VIRTIO_STATUS_FAILED 128u
#define VIRTIO_F_INDIRECT_DESC 28
#define VIRTIO_F_EVENT_IDX 29
#define VIRTIO_F_VERSION_1 32

struct transport_ops { /* called on the device's loop thread, never under the transport's lock */
    int (*negotiated)(void *owner, uint64_t features); /* <0: refuse FEATURES_OK */
    int (*activate)(void *owner);                      /* queues are live; <0: NEEDS_RESET */
    void (*reset)(void *owner);
    /* NULL: read-only. Otherwise the shadow holds the guest's bytes already. */
    void (*config_write)(void *owner, uint32_t off, const void *buf, uint32_t len);
    /* Run fn(arg) on the loop thread and wait; <0: shutting down. */
    int (*hop)(void *owner, bp_fn *fn, void *arg);
    void (*signal)(void *owner); /* write the irqfd; any thread */
    /* NULL, or: a configuration access was refused; any thread. */
    void (*config_fault)(void *owner);
};

struct transport {
    pthread_mutex_t lock; /* guards all below except interrupt_status (atomic) */
    const struct transport_ops *ops;
    void *owner;
    uint32_t device_id;
    uint64_t features_offered; /* device bits | ring bits */
    uint64_t features_acked;
    uint32_t features_sel, acked_sel, queue_sel, status, generation;
    uint32_t interrupt_status;
    bool active;  /* atomic */
    bool engaged; /* ops->activate was called since the last reset */
    uint32_t n_queues;
    struct bp_queue *queues; /* n_queues, the owner's */
    uint32_t max_segs;
    uint32_t config_len;
    uint8_t config[VIRTIO_CONFIG_MAX];
};

/* features: all that is offered, ring bits included; VERSION_1 is added. Queues that nobody wired
 * (no upcalls yet) report to this transport. -EINVAL: too many queues or too much configuration. */
int transport_init(struct transport *t, const struct transport_ops *ops, void *owner,
                   uint32_t device_id, uint64_t features, struct bp_queue *queues,
                   uint32_t n_queues, uint32_t config_len, uint32_t max_segs);
void transport_done(struct transport *t);
/* For the transport's own files: tell the owner of a refused configuration access. */
void transport_config_fault(const struct transport *t);
void transport_read(struct transport *t, uint64_t off, void *buf, uint32_t len); /* [any] vCPU */
void transport_write(struct transport *t, uint64_t off, const void *buf,
                     uint32_t len); /* [any] vCPU */
/* Raise a used-buffer or configuration interrupt: status bit, then the signal. [any] */
void transport_interrupt(struct transport *t, uint32_t bit);
int transport_config_set(struct transport *t, uint32_t off, const void *buf,
                         uint32_t len); /* bumps generation; interrupts when active */
/* Guest nonsense: DEVICE_NEEDS_RESET and a configuration interrupt; queues stop. On the loop
 * thread. */
void transport_fail(struct transport *t);
bool transport_is_active(struct transport *t);    /* [any] */
uint64_t transport_features(struct transport *t); /* 0 before FEATURES_OK [any] */

#endif
