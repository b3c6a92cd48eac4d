/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that other threads hand to a loop: posts (run soon) and calls (run while the caller waits).
 * Private to the loop. The list is guarded by `lock`; `home`, `users` and a job's `state` are
 * atomic.
 */
#ifndef BP_LOOP_LOOP_JOBS_H
#define BP_LOOP_LOOP_JOBS_H

#include <backplane/plugin.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum job_state { JOB_PENDING, JOB_SLEPT_ON, JOB_DONE };

struct loop_job {
    struct loop_job *next;
    uint64_t seq; /* order of arrival: a run stops at what came after it began */
    bp_fn *fn;
    void *arg;
    bool is_call;   /* lives on the caller's stack, the caller waits for JOB_DONE */
    uint32_t state; /* enum job_state, a futex: the job is the caller's again once it is done */
    int result;
};

struct loop_jobs {
    pthread_mutex_t lock;
    struct loop_job *head, **tail;
    uint64_t seq;
    uint32_t users; /* threads inside jobs_call() and jobs_post(), a futex; JOBS_LEAVING */
    bool closed;
    int wake_fd;
    pthread_t home; /* the loop's thread */
};

int jobs_init(struct loop_jobs *j);
void jobs_done(struct loop_jobs *j);  /* fails calls, waits for the callers, drops posts */
void jobs_adopt(struct loop_jobs *j); /* the calling thread is the loop's thread */
void jobs_wake(struct loop_jobs *j);  /* [any] */
int jobs_post(struct loop_jobs *j, bp_fn *fn, void *arg); /* [any] */
int jobs_call(struct loop_jobs *j, bp_fn *fn, void *arg); /* [any] */
void jobs_run(struct loop_jobs *j);
void jobs_close_calls(struct loop_jobs *j); /* [any] */

#endif
