/* SPDX-License-Identifier: Apache-2.0 */
/* The life of one device instance: create, start, MMIO, pause, end. Loop thread unless tagged. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/errtext.h"
#include "core/jsonw.h"
#include "host/priv.h"
#include "plugin/registry.h"
#include "virtio/transport_mmio.h"

/* ------------------------------------------------------------ transport's ops */

static int dev_negotiated(void *owner, uint64_t features)
{
    struct bp_dev *d = owner;

    return d->ops->negotiated ? d->ops->negotiated(d->self, features) : 0;
}

static int dev_activate(void *owner)
{
    struct bp_dev *d = owner;
    uint32_t i;
    int rc = d->ops->activate(d->self);

    if (rc < 0) {
        host_log(d, BP_LOG_WARN, "The device could not be activated: error %d", -rc);
        return rc;
    }
    for (i = 0; i < d->info->n_queues; i++) {
        d->watches[i].retried = false;
        host_queue_kick(&d->queues[i]); /* doorbells rung before DRIVER_OK were dropped */
    }
    return 0;
}

static void dev_reset(void *owner)
{
    struct bp_dev *d = owner;

    d->ops->reset(d->self);
}

static void dev_config_write(void *owner, uint32_t off, const void *buf, uint32_t len)
{
    struct bp_dev *d = owner;

    d->ops->config_write(d->self, off, buf, len);
}

static int dev_hop(void *owner, bp_fn *fn, void *arg)
{
    struct bp_dev *d = owner;

    return loop_call(d->env->loop, fn, arg);
}

static void dev_signal(void *owner)
{
    host_signal(owner);
}

/* The guest's configuration accesses never enter the plugin, so the host keeps this count. */
static void dev_config_fault(void *owner)
{
    struct bp_dev *d = owner;

    host_log(d, BP_LOG_DEBUG, "A configuration space access was refused");
    if (d->cfg_fails) {
        bp_count(d->cfg_fails, 0, 1);
    }
}

#define COMMON_OPS                                                                                 \
    .negotiated = dev_negotiated, .activate = dev_activate, .reset = dev_reset, .hop = dev_hop,    \
    .signal = dev_signal, .config_fault = dev_config_fault

static const struct transport_ops read_only_ops = { COMMON_OPS };
static const struct transport_ops writable_ops = { COMMON_OPS, .config_write = dev_config_write };

static void queue_interrupt(void *owner, uint32_t index)
{
    struct bp_dev *d = owner;

    (void)index;
    transport_interrupt(&d->transport, VIRTIO_INT_USED);
}

static void queue_fail(void *owner, const char *why)
{
    struct bp_dev *d = owner;

    host_log(d, BP_LOG_WARN, "The driver broke a queue: %s", why);
    transport_fail(&d->transport);
}

/* -------------------------------------------------------------- create, start */

/* A plugin that fails without a text still owes the client a reason. */
static int op_failed(struct bp_err *err, int rc, const char *what)
{
    char text[160];

    if (err->text[0] == '\0') {
        return bp_fail(err, rc, BP_E_HOST, "%s: %s", what,
                       errtext_display(-rc, text, sizeof(text)));
    }
    return rc;
}

int host_dev_new(struct host_env *env, const struct plugin *p, void *ctx, const char *id,
                 const struct bp_json *cfg, struct bp_dev **ret_d, struct bp_err *err)
{
    struct bp_dev *d = calloc(1, sizeof(*d));
    int rc = -ENOMEM;

    if (!d || !(d->id = strdup(id))) {
        free(d);
        return bp_fail(err, rc, BP_E_HOST, "Out of memory");
    }
    d->env = env;
    d->plugin = p;
    d->ops = &p->ops;
    d->metrics = p->group.values;
    for (uint32_t i = 0; i < p->group.n; i++) {
        if (strcmp(p->group.names[i], "cfg_fails") == 0) {
            d->cfg_fails = &p->group.values[i];
        }
    }
    d->irq_fd = -1;
    (void)pthread_mutex_init(&d->lock, NULL);
    err->text[0] = '\0';
    rc = p->ops.create(host_table(), ctx, d, cfg, &d->self, err);
    if (rc < 0) {
        d->self = NULL; /* the plugin undid its own half */
        host_dev_free(d);
        return op_failed(err, rc, "Unable to create the device");
    }
    *ret_d = d;
    return 0;
}

static int info_check(const struct bp_dev *d, const struct bp_device_info *i, struct bp_err *err)
{
    uint32_t q;

    if (i->n_queues > VIRTIO_QUEUES_MAX || i->config_len > VIRTIO_CONFIG_MAX ||
        (i->n_queues > 0 && (!i->queue_max || i->max_segs == 0)) ||
        (i->ring_flags & ~(BP_RING_EVENT_IDX | BP_RING_INDIRECT | BP_RING_BAD_SEGS))) {
        return bp_fail(err, -EINVAL, BP_E_HOST, "Device %s describes itself badly", d->id);
    }
    if ((d->ops->mmio_read != NULL) != (i->n_queues == 0)) {
        return bp_fail(err, -EINVAL, BP_E_HOST,
                       "Device %s must have either queues or its own MMIO window", d->id);
    }
    for (q = 0; q < i->n_queues; q++) {
        uint32_t n = i->queue_max[q];

        if (n == 0 || n > QUEUE_SIZE_MAX || (n & (n - 1))) {
            return bp_fail(err, -EINVAL, BP_E_HOST, "Device %s: queue size %u is no power of two",
                           d->id, n);
        }
    }
    return 0;
}

static int queues_make(struct bp_dev *d, struct guestmem *mem)
{
    const struct bp_device_info *i = d->info;
    uint32_t q;

    d->watches = calloc(i->n_queues, sizeof(*d->watches));
    d->queues = d->watches ? calloc(i->n_queues, sizeof(*d->queues)) : NULL;
    if (!d->queues) {
        return -ENOMEM;
    }
    for (q = 0; q < i->n_queues; q++) {
        queue_init(&d->queues[q], mem, q, i->queue_max[q]);
        d->queues[q].kick_fd = -1;
    }
    for (q = 0; q < i->n_queues; q++) {
        struct bp_queue *bq = &d->queues[q];
        int rc;

        bq->owner = d;
        bq->bad_segs = (i->ring_flags & BP_RING_BAD_SEGS) != 0;
        bq->interrupt = queue_interrupt;
        bq->fail = queue_fail;
        bq->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        rc = bq->kick_fd < 0 ? -errno : host_watch_add(d, q);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int transport_make(struct bp_dev *d)
{
    const struct bp_device_info *i = d->info;
    uint64_t ring = 0;
    int rc;

    ring |= i->ring_flags & BP_RING_EVENT_IDX ? 1ull << VIRTIO_F_EVENT_IDX : 0;
    ring |= i->ring_flags & BP_RING_INDIRECT ? 1ull << VIRTIO_F_INDIRECT_DESC : 0;
    rc = transport_init(&d->transport, d->ops->config_write ? &writable_ops : &read_only_ops, d,
                        d->plugin->desc.virtio_id, i->features | ring, d->queues, i->n_queues,
                        i->config_len, i->max_segs);
    if (rc < 0) {
        return rc;
    }
    if (d->stage_len > 0) {
        uint32_t n = d->stage_len < i->config_len ? d->stage_len : i->config_len;

        rc = transport_config_set(&d->transport, 0, d->stage, n);
    }
    return rc;
}

int host_dev_start(struct bp_dev *d, struct guestmem *mem, struct bp_err *err)
{
    const struct bp_device_info *info = NULL;
    char text[160];
    int rc;

    d->mem = mem;
    d->starting = true;
    err->text[0] = '\0';
    rc = d->ops->start(d->self, &info, err);
    d->starting = false;
    if (rc < 0) {
        return op_failed(err, rc, "Unable to start the device");
    }
    if (!info) {
        return bp_fail(err, -EINVAL, BP_E_HOST, "Device %s did not describe itself", d->id);
    }
    memcpy(&d->info_copy, info,
           info->size < sizeof(d->info_copy) ? info->size : sizeof(d->info_copy));
    d->info = &d->info_copy;
    rc = info_check(d, d->info, err);
    if (rc < 0) {
        return rc;
    }
    if (d->info->n_queues > 0) {
        rc = queues_make(d, mem);
        rc = rc < 0 ? rc : transport_make(d);
        if (rc < 0) {
            return bp_fail(err, rc, BP_E_HOST, "Device %s: %s", d->id,
                           errtext_display(-rc, text, sizeof(text)));
        }
    }
    d->started = true;
    return 0;
}

static void watches_del(struct bp_dev *d)
{
    uint32_t q;

    for (q = 0; d->watches && q < d->info->n_queues; q++) {
        host_watch_del(&d->watches[q]);
    }
    free(d->watches);
    d->watches = NULL;
}

void host_dev_stop(struct bp_dev *d)
{
    uint32_t q;

    watches_del(d);
    if (d->transport.ops) {
        transport_done(&d->transport);
    }
    memset(&d->transport, 0, sizeof(d->transport));
    for (q = 0; d->queues && q < d->info->n_queues; q++) {
        int fd = d->queues[q].kick_fd;

        queue_done(&d->queues[q]);
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    free(d->queues);
    d->queues = NULL;
    if (d->irq_fd >= 0) {
        (void)close(d->irq_fd);
    }
    d->irq_fd = -1;
    d->info = NULL;
    d->mem = NULL;
    d->started = false;
}

void host_dev_free(struct bp_dev *d)
{
    if (!d) {
        return;
    }
    watches_del(d); /* destroy() is the last that the plugin hears */
    if (d->self) {
        d->ops->destroy(d->self);
    }
    host_posts_cancel(d);
    host_sources_free(d);
    host_limiters_free(d);
    host_dev_stop(d);
    (void)pthread_mutex_destroy(&d->lock);
    free(d->id);
    free(d);
}

/* ----------------------------------------------------------------------- MMIO */

struct mmio_call {
    struct bp_dev *d;
    uint64_t off;
    void *in;
    const void *out;
    uint32_t len;
};

static void mmio_run(void *arg)
{
    const struct mmio_call *c = arg;

    if (c->in) {
        c->d->ops->mmio_read(c->d->self, c->off, c->in, c->len);
    } else {
        c->d->ops->mmio_write(c->d->self, c->off, c->out, c->len);
    }
}

void host_dev_mmio_read(struct bp_dev *d, uint64_t off, void *buf, uint32_t len)
{
    struct mmio_call c = { .d = d, .off = off, .in = buf, .len = len };

    if (d->queues) {
        transport_read(&d->transport, off, buf, len);
        return;
    }
    memset(buf, 0, len);
    (void)loop_call(d->env->loop, mmio_run, &c);
}

void host_dev_mmio_write(struct bp_dev *d, uint64_t off, const void *buf, uint32_t len)
{
    struct mmio_call c = { .d = d, .off = off, .out = buf, .len = len };

    if (d->queues) {
        transport_write(&d->transport, off, buf, len);
        return;
    }
    (void)loop_call(d->env->loop, mmio_run, &c);
}

/* ---------------------------------------------------------------- kick, pause */

void host_dev_kick(struct bp_dev *d)
{
    uint32_t q;

    if (!d->started || !d->queues || !transport_is_active(&d->transport)) {
        return;
    }
    for (q = 0; q < d->info->n_queues; q++) {
        host_queue_kick(&d->queues[q]);
    }
}

int host_dev_pause(struct bp_dev *d)
{
    int rc;

    if (d->quiesced) {
        return 0;
    }
    d->pausing = true; /* queue_ready() stops now, completions still come in */
    rc = d->ops->pause(d->self);
    if (rc == 0) {
        d->quiesced = true;
        host_sources_mute(d);
    }
    return rc;
}

int host_dev_resume(struct bp_dev *d)
{
    int rc, muted;

    d->pausing = false;
    d->quiesced = false;
    muted = host_sources_unmute(d);
    host_posts_release(d);
    rc = d->ops->resume(d->self);
    host_dev_kick(d);
    return rc < 0 ? rc : muted;
}

/* ----------------------------------------------------------------------- show */

/* Plugins write the members of one object. It reaches w only when it is whole. */
static int show_with(struct bp_dev *d, int (*op)(void *self, struct bp_jsonw *w), const char *key,
                     struct bp_jsonw *w)
{
    struct bp_jsonw own;
    int rc;

    jsonw_init(&own);
    jsonw_open(&own, NULL, BP_J_OBJ);
    rc = op(d->self, &own);
    jsonw_close(&own);
    if (rc >= 0 && (own.buf.failed || own.depth != 0)) {
        rc = own.buf.failed ? -ENOMEM : -EINVAL;
    }
    if (rc >= 0) {
        jsonw_raw(w, key, own.buf.data);
    }
    jsonw_done(&own);
    return rc < 0 ? rc : 0;
}

int host_dev_show(struct bp_dev *d, const char *key, struct bp_jsonw *w)
{
    return show_with(d, d->ops->show, key, w);
}

int host_dev_stats(struct bp_dev *d, const char *key, struct bp_jsonw *w)
{
    return d->ops->stats ? show_with(d, d->ops->stats, key, w) : -ENOTSUP;
}
