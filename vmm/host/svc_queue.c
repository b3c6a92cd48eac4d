/* SPDX-License-Identifier: Apache-2.0 */
/* The queue service and the watch that turns a doorbell into queue_ready(). Loop thread. */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "host/priv.h"
#include "virtio/queue.h"

#define LOOKS 48u /* at an empty ring before the thread sleeps: a microsecond or two */

void host_queue_kick(const struct bp_queue *q)
{
    if (q->kick_fd >= 0) {
        (void)eventfd_write(q->kick_fd, 1); /* EAGAIN: 2^64 - 2 kicks wait already */
    }
}

static void svc_kick(struct bp_queue *q)
{
    host_queue_kick(q);
}

static void svc_push(struct bp_queue *q, uint16_t head, uint32_t written)
{
    if (q->broken) {
        return; /* completions of requests that were in flight when the ring broke */
    }
    if (!q->desc || head >= q->size || !((q->inflight[head / 64] >> (head % 64)) & 1)) {
        host_bug(q->owner, "push of head %u on queue %u, which is not in flight", head, q->index);
        return;
    }
    queue_push(q, head, written);
}

/* Does the driver add something right away? A look costs less than the sleep it may save. */
static bool refilled(struct bp_queue *q)
{
    for (uint32_t i = 0; i < LOOKS; i++) {
        if (queue_pending(q) > 0) {
            return true;
        }
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
    return false;
}

/* Call the plugin while it gets on and the driver refills, up to one budget in all. false: nothing
 * is left to decide. *ret_at is where the ring stood before the last call. */
static bool watch_serve(struct queue_watch *w, uint16_t *ret_at)
{
    struct bp_queue *q = w->q;
    uint32_t left = HOST_QUEUE_BUDGET;

    for (;;) {
        uint16_t at = q->next_avail, took;

        if (w->ready(w->self, q, w->index, left) > 0) {
            host_queue_kick(q); /* other sources get their turn first */
            return false;
        }
        if (q->broken || !q->desc) {
            return false;
        }
        *ret_at = at;
        took = (uint16_t)(q->next_avail - at);
        if (took == 0 && left < HOST_QUEUE_BUDGET) {
            w->retried = true; /* requests were there, and it took none: it waits */
        }
        if (took == 0 || took >= left || w->d->pausing || !refilled(q)) {
            return true;
        }
        left -= took;
    }
}

static void watch_run(struct queue_watch *w)
{
    struct bp_queue *q = w->q;
    uint16_t at;

    queue_disable_notify(q);
    if (!watch_serve(w, &at)) {
        return;
    }
    /*
     * The plugin either saw the queue empty or waits for something. In the second case the ring
     * stays as it is; in the first, what came in before notifications were on again must be
     * looked at. A plugin that waits may not have looked at the ring at all, so a second call
     * without progress settles it.
     */
    if (!queue_enable_notify(q)) {
        w->retried = false;
    } else if (q->next_avail != at || !w->retried) {
        w->retried = q->next_avail == at;
        host_queue_kick(q);
    }
}

static void watch_event(void *arg, int fd, uint32_t events)
{
    struct queue_watch *w = arg;
    eventfd_t n;

    (void)events;
    if (eventfd_read(fd, &n) < 0) {
        return;
    }
    host_log_sync();
    if (w->d->pausing || w->q->broken || !transport_is_active(&w->d->transport)) {
        return; /* resume and activation look at every queue again */
    }
    watch_run(w);
}

int host_watch_add(struct bp_dev *d, uint32_t index)
{
    struct queue_watch *w = &d->watches[index];

    w->ready = d->ops->queue_ready;
    w->self = d->self;
    w->q = &d->queues[index];
    w->d = d;
    w->index = index;
    return loop_fd_add(d->env->loop, w->q->kick_fd, BP_FD_READ, watch_event, w, &w->ls);
}

void host_watch_del(struct queue_watch *w)
{
    loop_source_del(w->ls);
    w->ls = NULL;
}

const struct bp_queue_svc host_queue_svc = {
    .size = sizeof(host_queue_svc),
    .pop = queue_pop,
    .unpop = queue_unpop,
    .push = svc_push,
    .flush = queue_flush,
    .pending = queue_pending,
    .kick = svc_kick,
};
