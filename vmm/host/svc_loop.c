/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fd watches, timers and posted calls of devices. Sources belong to the loop thread; posts may
 * come from any thread and are guarded by dev->lock.
 */
#include <errno.h>
#include <stdlib.h>

#include "host/priv.h"
#include "loop/loop.h"

static uint64_t (*clock_fn)(void *arg);
static void *clock_arg;

void host_set_clock(uint64_t (*now_ns)(void *arg), void *arg)
{
    clock_fn = now_ns;
    clock_arg = arg;
}

static uint64_t svc_now(void)
{
    return clock_fn ? clock_fn(clock_arg) : loop_now_ns();
}

uint64_t host_now(const struct bp_dev *d)
{
    return d->env->now_ns ? d->env->now_ns(d->env->arg) : loop_now_ns();
}

static bool source_usable(struct bp_source *s, enum source_kind kind, const char *what)
{
    if (s->dead) {
        host_bug(s->d, "%s() of a source that was deleted", what);
        return false;
    }
    if (s->kind != kind) {
        host_bug(s->d, "%s() of the wrong kind of source", what);
        return false;
    }
    return true;
}

static struct bp_source *source_new(struct bp_dev *d, enum source_kind kind)
{
    struct bp_source *s = calloc(1, sizeof(*s));

    if (s) {
        s->d = d;
        s->kind = kind;
        s->fd = -1;
        s->next = d->sources;
        d->sources = s;
    }
    return s;
}

static void source_drop(struct bp_source *s)
{
    struct bp_dev *d = s->d;
    struct bp_source **at = &d->sources;
    uint32_t slot = d->next_grave++ % HOST_GRAVES;

    while (*at && *at != s) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = s->next;
    }
    loop_source_del(s->ls);
    s->ls = NULL;
    s->dead = true;
    free(d->graves[slot]);
    d->graves[slot] = s;
}

static void fd_event(void *arg, int fd, uint32_t events)
{
    struct bp_source *s = arg;

    host_log_sync();
    s->fd_fn(s->arg, fd, events);
}

static int svc_fd_add(struct bp_dev *d, int fd, uint32_t events, bp_fd_fn *fn, void *arg,
                      struct bp_source **src)
{
    struct bp_source *s = source_new(d, SOURCE_FD);
    int rc;

    if (!s) {
        return -ENOMEM;
    }
    s->fd = fd;
    s->events = events;
    s->fd_fn = fn;
    s->arg = arg;
    rc = d->quiesced ? 0 : loop_fd_add(d->env->loop, fd, events, fd_event, s, &s->ls);
    if (rc < 0) {
        source_drop(s);
        return rc;
    }
    *src = s;
    return 0;
}

static int svc_fd_mod(struct bp_source *s, uint32_t events)
{
    if (!source_usable(s, SOURCE_FD, "fd_mod")) {
        return -EINVAL;
    }
    s->events = events;
    return s->ls ? loop_fd_mod(s->ls, events) : 0;
}

static void timer_event(void *arg)
{
    struct bp_source *s = arg;

    if (s->d->quiesced) {
        s->missed = true;
        return;
    }
    host_log_sync();
    s->fn(s->arg);
}

int host_timer_add(struct bp_dev *d, bp_fn *fn, void *arg, struct bp_source **ret_src)
{
    struct bp_source *s = source_new(d, SOURCE_TIMER);
    int rc = 0;

    if (!s) {
        return -ENOMEM;
    }
    s->fn = fn;
    s->arg = arg;
    if (!d->env->now_ns) {
        rc = loop_timer_add(d->env->loop, timer_event, s, &s->ls);
    }
    if (rc < 0) {
        source_drop(s);
        return rc;
    }
    *ret_src = s;
    return 0;
}

int host_timer_arm(struct bp_source *s, uint64_t first_ns, uint64_t period_ns)
{
    if (!source_usable(s, SOURCE_TIMER, "timer_arm")) {
        return -EINVAL;
    }
    s->missed = false;
    s->period_ns = period_ns;
    if (s->ls) {
        return loop_timer_arm(s->ls, first_ns, period_ns);
    }
    if (first_ns == 0 || __builtin_add_overflow(host_now(s->d), first_ns, &s->due_ns)) {
        s->due_ns = 0;
    }
    return 0;
}

static void svc_del(struct bp_source *s)
{
    if (s->dead) {
        host_bug(s->d, "del() of a source that was deleted");
        return;
    }
    source_drop(s);
}

uint32_t host_dev_timers(struct bp_dev *d)
{
    struct bp_source *s = d->sources;
    uint32_t n = 0;

    while (s) {
        if (s->kind != SOURCE_TIMER || s->due_ns == 0 || s->due_ns > host_now(d)) {
            s = s->next;
            continue;
        }
        s->due_ns = s->period_ns > 0 ? s->due_ns + s->period_ns : 0;
        n++;
        timer_event(s);
        s = d->sources; /* the callback may have deleted any of them */
    }
    return n;
}

/* --------------------------------------------------------------------- posts */

static void post_unlink(struct bp_dev *d, const struct host_post *p)
{
    struct host_post **at = &d->posts;

    while (*at && *at != p) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = p->next;
    }
}

static void post_run(void *arg)
{
    struct host_post *p = arg;
    struct bp_dev *d = p->d;

    if (!d) {
        free(p);
        return;
    }
    if (d->quiesced) {
        p->held = true;
        return;
    }
    (void)pthread_mutex_lock(&d->lock);
    post_unlink(d, p);
    (void)pthread_mutex_unlock(&d->lock);
    p->fn(p->arg);
    free(p);
}

static int svc_post(struct bp_dev *d, bp_fn *fn, void *arg)
{
    struct host_post *p = calloc(1, sizeof(*p));
    int rc;

    if (!p) {
        return -ENOMEM;
    }
    p->d = d;
    p->fn = fn;
    p->arg = arg;
    (void)pthread_mutex_lock(&d->lock);
    p->next = d->posts;
    d->posts = p;
    rc = loop_post(d->env->loop, post_run, p);
    if (rc < 0) {
        post_unlink(d, p);
        free(p);
    }
    (void)pthread_mutex_unlock(&d->lock);
    return rc;
}

void host_posts_release(struct bp_dev *d)
{
    struct host_post *p;

    (void)pthread_mutex_lock(&d->lock);
    for (p = d->posts; p; p = p->next) {
        if (p->held && loop_post(d->env->loop, post_run, p) == 0) {
            p->held = false;
        }
    }
    (void)pthread_mutex_unlock(&d->lock);
}

void host_posts_cancel(struct bp_dev *d)
{
    (void)pthread_mutex_lock(&d->lock);
    while (d->posts) {
        struct host_post *p = d->posts;

        d->posts = p->next;
        p->d = NULL;
        if (p->held) {
            free(p); /* the loop forgot it already */
        }
    }
    (void)pthread_mutex_unlock(&d->lock);
}

/* ---------------------------------------------------------- pause and the end */

void host_sources_mute(struct bp_dev *d)
{
    struct bp_source *s;

    for (s = d->sources; s; s = s->next) {
        if (s->kind == SOURCE_FD) {
            loop_source_del(s->ls); /* an empty mask would still report hang-ups */
            s->ls = NULL;
        }
    }
}

int host_sources_unmute(struct bp_dev *d)
{
    struct bp_source *s;
    int ret = 0;

    for (s = d->sources; s; s = s->next) {
        if (s->kind == SOURCE_FD && !s->ls) {
            int rc = loop_fd_add(d->env->loop, s->fd, s->events, fd_event, s, &s->ls);

            ret = rc < 0 ? rc : ret;
        } else if (s->kind == SOURCE_TIMER && s->missed) {
            (void)host_timer_arm(s, 1, s->period_ns);
        }
    }
    return ret;
}

void host_sources_free(struct bp_dev *d)
{
    uint32_t i;

    while (d->sources) {
        source_drop(d->sources);
    }
    for (i = 0; i < HOST_GRAVES; i++) {
        free(d->graves[i]);
        d->graves[i] = NULL;
    }
}

const struct bp_loop_svc host_loop_svc = {
    .size = sizeof(host_loop_svc),
    .fd_add = svc_fd_add,
    .fd_mod = svc_fd_mod,
    .timer_add = host_timer_add,
    .timer_arm = host_timer_arm,
    .del = svc_del,
    .post = svc_post,
    .now_ns = svc_now,
};
