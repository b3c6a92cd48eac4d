/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop over epoll. Sources belong to the loop's thread; the job list (posts and calls)
 * is guarded by `lock` and announced through an eventfd.
 */
#include "loop/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "loop/loop_jobs.h"

#define BATCH 32
#define NS_PER_S 1000000000ull
#define NS_PER_MS 1000000ull

struct loop_source {
    struct loop *loop;
    struct loop_source *prev, *next; /* the loop's live sources, or next in the graveyard */
    int fd;
    uint32_t events;
    bool is_timer, dead;
    bp_fd_fn *fd_fn;
    bp_fn *timer_fn;
    void *arg;
};

struct loop {
    int epfd;
    struct loop_source *live;
    struct loop_source *dead; /* deleted during a dispatch; freed when it ends */
    uint32_t depth;           /* dispatches in progress */
    bool (*idle)(void *arg);
    void *idle_arg;
    int idle_ms;
    uint64_t last_event_ns;
    bool stopping; /* atomic */
    int code;      /* atomic */
    struct loop_jobs jobs;
};

uint64_t loop_now_ns(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

struct loop *loop_new(void)
{
    struct loop *l = calloc(1, sizeof(*l));
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = NULL };

    if (l == NULL) {
        return NULL;
    }
    l->epfd = epoll_create1(EPOLL_CLOEXEC);
    if (l->epfd < 0) {
        free(l);
        return NULL;
    }
    if (jobs_init(&l->jobs) < 0) {
        goto fail;
    }
    if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, l->jobs.wake_fd, &ev) < 0) {
        jobs_done(&l->jobs);
        goto fail;
    }
    l->last_event_ns = loop_now_ns();
    return l;
fail:
    (void)close(l->epfd);
    free(l);
    return NULL;
}

static void bury(struct loop *l)
{
    while (l->dead != NULL) {
        struct loop_source *s = l->dead;

        l->dead = s->next;
        free(s);
    }
}

void loop_free(struct loop *l)
{
    if (l == NULL) {
        return;
    }
    jobs_done(&l->jobs);
    l->depth = 0;
    while (l->live != NULL) {
        loop_source_del(l->live);
    }
    bury(l);
    (void)close(l->epfd);
    free(l);
}

static uint32_t to_epoll(uint32_t events)
{
    return ((events & BP_FD_READ) != 0 ? (uint32_t)EPOLLIN : 0) |
           ((events & BP_FD_WRITE) != 0 ? (uint32_t)EPOLLOUT : 0);
}

static uint32_t from_epoll(uint32_t events)
{
    return ((events & EPOLLIN) != 0 ? BP_FD_READ : 0) |
           ((events & EPOLLOUT) != 0 ? BP_FD_WRITE : 0) |
           ((events & (EPOLLERR | EPOLLHUP)) != 0 ? BP_FD_ERROR : 0);
}

/* A source without events leaves the epoll set, or a hang-up would wake the loop for ever. */
static int source_watch(struct loop_source *s, uint32_t events)
{
    struct epoll_event ev = { .events = to_epoll(events), .data.ptr = s };
    int op = s->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

    if (ev.events == 0 && s->events == 0) {
        return 0;
    }
    if (ev.events == 0) {
        op = EPOLL_CTL_DEL;
    }
    if (epoll_ctl(s->loop->epfd, op, s->fd, &ev) < 0) {
        return -errno;
    }
    s->events = ev.events;
    return 0;
}

static int source_new(struct loop *l, int fd, uint32_t events, struct loop_source **ret_src)
{
    struct loop_source *s = calloc(1, sizeof(*s));
    int r;

    if (s == NULL) {
        return -ENOMEM;
    }
    s->loop = l;
    s->fd = fd;
    r = source_watch(s, events);
    if (r < 0) {
        free(s);
        return r;
    }
    s->next = l->live;
    if (l->live != NULL) {
        l->live->prev = s;
    }
    l->live = s;
    *ret_src = s;
    return 0;
}

int loop_fd_add(struct loop *l, int fd, uint32_t events, bp_fd_fn *fn, void *arg,
                struct loop_source **ret_src)
{
    struct loop_source *s;
    int r = source_new(l, fd, events, &s);

    if (r < 0) {
        return r;
    }
    s->fd_fn = fn;
    s->arg = arg;
    *ret_src = s;
    return 0;
}

int loop_fd_mod(struct loop_source *s, uint32_t events)
{
    return s->is_timer ? -EINVAL : source_watch(s, events);
}

int loop_timer_add(struct loop *l, bp_fn *fn, void *arg, struct loop_source **ret_src)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct loop_source *s;
    int r;

    if (fd < 0) {
        return -errno;
    }
    r = source_new(l, fd, BP_FD_READ, &s);
    if (r < 0) {
        (void)close(fd);
        return r;
    }
    s->is_timer = true;
    s->timer_fn = fn;
    s->arg = arg;
    *ret_src = s;
    return 0;
}

static struct timespec to_timespec(uint64_t ns)
{
    return (struct timespec){ .tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S) };
}

int loop_timer_arm(struct loop_source *s, uint64_t first_ns, uint64_t period_ns)
{
    struct itimerspec when = { 0 };

    if (!s->is_timer) {
        return -EINVAL;
    }
    if (first_ns != 0) {
        when.it_value = to_timespec(first_ns);
        when.it_interval = to_timespec(period_ns);
    }
    return timerfd_settime(s->fd, 0, &when, NULL) < 0 ? -errno : 0;
}

void loop_source_del(struct loop_source *s)
{
    struct loop *l;

    if (s == NULL || s->dead) {
        return;
    }
    l = s->loop;
    (void)source_watch(s, 0);
    if (s->is_timer) {
        (void)close(s->fd);
    }
    if (s->prev != NULL) {
        s->prev->next = s->next;
    } else {
        l->live = s->next;
    }
    if (s->next != NULL) {
        s->next->prev = s->prev;
    }
    s->dead = true;
    s->next = l->dead;
    l->dead = s;
    if (l->depth == 0) {
        bury(l);
    }
}

int loop_post(struct loop *l, bp_fn *fn, void *arg)
{
    return jobs_post(&l->jobs, fn, arg);
}

int loop_call(struct loop *l, bp_fn *fn, void *arg)
{
    return jobs_call(&l->jobs, fn, arg);
}

void loop_serve(struct loop *l)
{
    l->depth++;
    jobs_run(&l->jobs);
    if (--l->depth == 0) {
        bury(l);
    }
}

void loop_close_calls(struct loop *l)
{
    jobs_close_calls(&l->jobs);
}

void loop_stop(struct loop *l, int code)
{
    __atomic_store_n(&l->code, code, __ATOMIC_RELAXED);
    __atomic_store_n(&l->stopping, true, __ATOMIC_RELEASE); /* pairs with loop_run */
    jobs_wake(&l->jobs);
}

void loop_set_idle(struct loop *l, bool (*fn)(void *arg), void *arg, int idle_ms)
{
    l->idle = fn;
    l->idle_arg = arg;
    l->idle_ms = idle_ms;
}

static void dispatch_one(struct loop_source *s, uint32_t events)
{
    uint64_t expired;

    if (s->dead) {
        return;
    }
    if (!s->is_timer) {
        s->fd_fn(s->arg, s->fd, from_epoll(events));
        return;
    }
    /* Disarmed or re-armed by an earlier callback of this batch: nothing to read. */
    if (read(s->fd, &expired, sizeof(expired)) == (ssize_t)sizeof(expired)) {
        s->timer_fn(s->arg);
    }
}

/* How long to wait before the idle function's turn; *ret_idle: whose end was chosen. */
static int idle_timeout(struct loop *l, int timeout_ms, bool *ret_idle)
{
    uint64_t quiet_ms, left;

    *ret_idle = false;
    if (l->idle == NULL) {
        return timeout_ms;
    }
    quiet_ms = (loop_now_ns() - l->last_event_ns) / NS_PER_MS;
    left = l->idle_ms > 0 && quiet_ms < (uint64_t)l->idle_ms ? (uint64_t)l->idle_ms - quiet_ms : 0;
    if (timeout_ms >= 0 && left > (uint64_t)timeout_ms) {
        return timeout_ms;
    }
    *ret_idle = true;
    return (int)left;
}

int loop_step(struct loop *l, int timeout_ms)
{
    struct epoll_event ev[BATCH];
    bool idle;
    int wait_ms = idle_timeout(l, timeout_ms, &idle);
    int n;

    jobs_adopt(&l->jobs);
    n = epoll_wait(l->epfd, ev, BATCH, wait_ms);
    if (n < 0) {
        return errno == EINTR ? 0 : -errno;
    }
    if (n == 0) {
        if (idle && !l->idle(l->idle_arg)) {
            l->idle = NULL;
        }
        return 0;
    }
    l->depth++;
    for (int i = 0; i < n; i++) {
        if (ev[i].data.ptr == NULL) {
            jobs_run(&l->jobs);
        } else {
            dispatch_one(ev[i].data.ptr, ev[i].events);
        }
    }
    if (--l->depth == 0) {
        bury(l);
    }
    if (l->idle != NULL) {
        l->last_event_ns = loop_now_ns();
    }
    return n;
}

int loop_run(struct loop *l)
{
    while (!__atomic_load_n(&l->stopping, __ATOMIC_ACQUIRE)) { /* pairs with loop_stop */
        int r = loop_step(l, -1);

        if (r < 0) {
            return r;
        }
    }
    __atomic_store_n(&l->stopping, false, __ATOMIC_RELAXED);
    return __atomic_load_n(&l->code, __ATOMIC_RELAXED);
}
