/* SPDX-License-Identifier: Apache-2.0 */
/* Posts and calls from other threads: a list under a mutex, announced through an eventfd. */
#include "loop/loop_jobs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int jobs_init(struct loop_jobs *j)
{
    memset(j, 0, sizeof(*j));
    j->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (j->wake_fd < 0) {
        return -errno;
    }
    (void)pthread_mutex_init(&j->lock, NULL);
    (void)pthread_cond_init(&j->finished, NULL);
    j->tail = &j->head;
    jobs_adopt(j);
    return 0;
}

void jobs_done(struct loop_jobs *j)
{
    jobs_close_calls(j);
    (void)pthread_mutex_lock(&j->lock);
    while (j->callers > 0) {
        (void)pthread_cond_wait(&j->finished, &j->lock);
    }
    (void)pthread_mutex_unlock(&j->lock);
    while (j->head != NULL) {
        struct loop_job *job = j->head;

        j->head = job->next;
        free(job);
    }
    (void)pthread_cond_destroy(&j->finished);
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

/* Under the lock. Only the first job of a list needs to wake the loop. */
static bool enqueue(struct loop_jobs *j, struct loop_job *job)
{
    bool first = j->head == NULL;

    job->next = NULL;
    job->seq = ++j->seq;
    *j->tail = job;
    j->tail = &job->next;
    return first;
}

int jobs_post(struct loop_jobs *j, bp_fn *fn, void *arg)
{
    struct loop_job *job = calloc(1, sizeof(*job));
    bool first;

    if (job == NULL) {
        return -ENOMEM;
    }
    job->fn = fn;
    job->arg = arg;
    (void)pthread_mutex_lock(&j->lock);
    first = enqueue(j, job);
    if (first) {
        jobs_wake(j);
    }
    (void)pthread_mutex_unlock(&j->lock);
    return 0;
}

int jobs_call(struct loop_jobs *j, bp_fn *fn, void *arg)
{
    struct loop_job job = { .fn = fn, .arg = arg, .is_call = true };

    if (pthread_equal(__atomic_load_n(&j->home, __ATOMIC_RELAXED), pthread_self())) {
        fn(arg);
        return 0;
    }
    (void)pthread_mutex_lock(&j->lock);
    if (j->closed) {
        (void)pthread_mutex_unlock(&j->lock);
        return -ESHUTDOWN;
    }
    j->callers++;
    if (enqueue(j, &job)) {
        jobs_wake(j);
    }
    while (!job.done) {
        (void)pthread_cond_wait(&j->finished, &j->lock);
    }
    if (--j->callers == 0) {
        (void)pthread_cond_broadcast(&j->finished);
    }
    (void)pthread_mutex_unlock(&j->lock);
    return job.result;
}

/* Under the lock: the oldest job that is no younger than `last`. */
static struct loop_job *dequeue(struct loop_jobs *j, uint64_t last)
{
    struct loop_job *job = j->head;

    if (job == NULL || job->seq > last) {
        return NULL;
    }
    j->head = job->next;
    if (j->head == NULL) {
        j->tail = &j->head;
    }
    return job;
}

void jobs_run(struct loop_jobs *j)
{
    struct loop_job *job;
    uint64_t count, last;

    jobs_adopt(j);
    (void)pthread_mutex_lock(&j->lock);
    if (read(j->wake_fd, &count, sizeof(count)) < 0) {
        count = 0; /* nobody woke us: a direct loop_serve() */
    }
    last = j->seq;
    /* One at a time, so that a nested run sees all that still waits. */
    while ((job = dequeue(j, last)) != NULL) {
        (void)pthread_mutex_unlock(&j->lock);
        job->fn(job->arg);
        (void)pthread_mutex_lock(&j->lock);
        if (job->is_call) {
            job->done = true;
            (void)pthread_cond_broadcast(&j->finished);
        } else {
            free(job);
        }
    }
    if (j->head != NULL) {
        jobs_wake(j); /* its announcement may have been read above */
    }
    (void)pthread_mutex_unlock(&j->lock);
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
        job->done = true;
    }
    j->tail = link;
    (void)pthread_cond_broadcast(&j->finished);
    (void)pthread_mutex_unlock(&j->lock);
}
