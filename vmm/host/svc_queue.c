/* SPDX-License-Identifier: Apache-2.0 */
/* The queue service and the watch that turns a doorbell into queue_ready(). Loop thread. */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "host/priv.h"
#include "virtio/queue.h"

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

static void watch_run(struct queue_watch *w)
{
    struct bp_queue *q = w->q;
    uint16_t before = q->next_avail;

    queue_disable_notify(q);
    if (w->ready(w->self, q, w->index, HOST_QUEUE_BUDGET) > 0) {
        host_queue_kick(q); /* other sources get their turn first */
        return;
    }
    if (q->broken || !q->desc) {
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
    } else if (q->next_avail != before || !w->retried) {
        w->retried = q->next_avail == before;
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
