/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Posts and calls from other threads: a list under a mutex, announced through an eventfd. A caller
 * waits on its own job, so that neither the loop nor other callers meet it at the mutex again.
 */
#include "loop/loop_jobs.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define JOBS_LEAVING 0x80000000u /* in `users`: jobs_done() waits for the last one */

/* Neither call reads the word of somebody who is gone: a wake only needs its address. */
static void futex_wait(uint32_t *word, uint32_t expected)
{
    (void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

static void futex_wake(uint32_t *word)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

int jobs_init(struct loop_jobs *j)
{
    memset(j, 0, sizeof(*j));
    j->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (j->wake_fd < 0) {
        return -errno;
    }
    (void)pthread_mutex_init(&j->lock, NULL);
    j->tail = &j->head;
    jobs_adopt(j);
    return 0;
}

void jobs_done(struct loop_jobs *j)
{
    uint32_t users;

    jobs_close_calls(j);
    (void)__atomic_fetch_or(&j->users, JOBS_LEAVING, __ATOMIC_ACQ_REL);
    while ((users = __atomic_load_n(&j->users, __ATOMIC_ACQUIRE)) != JOBS_LEAVING) {
        futex_wait(&j->users, users);
    }
    while (j->head != NULL) {
        struct loop_job *job = j->head;

        j->head = job->next;
        free(job);
    }
    (void)pthread_mutex_destroy(&j->lock);
    (void)close(j->wake_fd);
}

void jobs_adopt(struct loop_jobs *j)
{
    __atomic_store_n(&j->home, pthread_self(), __ATOMIC_RELAXED);
}

void jobs_wake(struct loop_jobs *j)
{
    uint64_t one = 1;

    /* The only failure is a full counter, and then the loop is awake anyway. */
    if (write(j->wake_fd, &one, sizeof(one)) < 0) {
        return;
    }
}

/* The last thing its thread does with `j`, which may be gone before this returns. */
static void leave(struct loop_jobs *j)
{
    if (__atomic_sub_fetch(&j->users, 1, __ATOMIC_ACQ_REL) == JOBS_LEAVING) {
        futex_wake(&j->users);
    }
}

/* Only the first job of a list needs to wake the loop. The caller leaves when it is through. */
static int enter(struct loop_jobs *j, struct loop_job *job)
{
    bool first;

    (void)pthread_mutex_lock(&j->lock);
    if (job->is_call && j->closed) {
        (void)pthread_mutex_unlock(&j->lock);
        return -ESHUTDOWN;
    }
    (void)__atomic_add_fetch(&j->users, 1, __ATOMIC_RELAXED);
    first = j->head == NULL;
    job->next = NULL;
    job->seq = ++j->seq;
    *j->tail = job;
    j->tail = &job->next;
    (void)pthread_mutex_unlock(&j->lock);
    if (first) {
        jobs_wake(j);
    }
    return 0;
}

int jobs_post(struct loop_jobs *j, bp_fn *fn, void *arg)
{
    struct loop_job *job = calloc(1, sizeof(*job));

    if (job == NULL) {
        return -ENOMEM;
    }
    job->fn = fn;
    job->arg = arg;
    (void)enter(j, job);
    leave(j);
    return 0;
}

static bool is_done(const struct loop_job *job)
{
    return __atomic_load_n(&job->state, __ATOMIC_ACQUIRE) == JOB_DONE; /* pairs with publish() */
}

/* No spinning: it takes the CPU that the loop or the client would wake up on. */
static void await(struct loop_job *job)
{
    uint32_t state = JOB_PENDING;

    if (!__atomic_compare_exchange_n(&job->state, &state, JOB_SLEPT_ON, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        return;
    }
    while (!is_done(job)) {
        futex_wait(&job->state, JOB_SLEPT_ON);
    }
}

/* Gives the job back to its caller: its memory is not ours any more. */
static void publish(struct loop_job *job)
{
    if (__atomic_exchange_n(&job->state, JOB_DONE, __ATOMIC_ACQ_REL) == JOB_SLEPT_ON) {
        futex_wake(&job->state);
    }
}

int jobs_call(struct loop_jobs *j, bp_fn *fn, void *arg)
{
    struct loop_job job = { .fn = fn, .arg = arg, .is_call = true };
    int r;

    if (pthread_equal(__atomic_load_n(&j->home, __ATOMIC_RELAXED), pthread_self())) {
        fn(arg);
        return 0;
    }
    r = enter(j, &job);
    if (r < 0) {
        return r;
    }
    await(&job);
    leave(j);
    return job.result;
}

/* The oldest job that is no younger than *last, which the first look sets; *ret_more: something
 * was behind it. */
static struct loop_job *dequeue(struct loop_jobs *j, uint64_t *last, bool *ret_more)
{
    struct loop_job *job;

    (void)pthread_mutex_lock(&j->lock);
    if (*last == 0) {
        *last = j->seq;
    }
    job = j->head;
    if (job == NULL || job->seq > *last) {
        *ret_more = job != NULL;
        (void)pthread_mutex_unlock(&j->lock);
        return NULL;
    }
    j->head = job->next;
    if (j->head == NULL) {
        j->tail = &j->head;
    }
    *ret_more = j->head != NULL;
    (void)pthread_mutex_unlock(&j->lock);
    return job;
}

void jobs_run(struct loop_jobs *j)
{
    uint64_t count, last = 0;
    bool more = true;

    jobs_adopt(j);
    /* Before the look at the list: what comes after this look announces itself anew. */
    if (read(j->wake_fd, &count, sizeof(count)) < 0) {
        count = 0; /* nobody woke us: a direct loop_serve() */
    }
    /* One at a time, so that a nested run sees all that still waits. */
    while (more) {
        struct loop_job *job = dequeue(j, &last, &more);

        if (job == NULL) {
            break;
        }
        job->fn(job->arg);
        if (job->is_call) {
            publish(job);
        } else {
            free(job);
        }
    }
    if (more) {
        jobs_wake(j); /* too young, and not announced when older ones were before it */
    }
}

void jobs_close_calls(struct loop_jobs *j)
{
    struct loop_job **link;

    (void)pthread_mutex_lock(&j->lock);
    j->closed = true;
    for (link = &j->head; *link != NULL;) {
        struct loop_job *job = *link;

        if (!job->is_call) {
            link = &job->next;
            continue;
        }
        *link = job->next;
        job->result = -ESHUTDOWN;
        publish(job);
    }
    j->tail = link;
    (void)pthread_mutex_unlock(&j->lock);
}
