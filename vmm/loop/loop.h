/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop of the control thread: fds, timers, work posted by other threads. Level
 * triggered. All functions belong to the loop's thread unless tagged [any]. Events fetched for
 * a source that is deleted in the same batch are dropped; a source may delete itself.
 */
#ifndef BP_LOOP_LOOP_H
#define BP_LOOP_LOOP_H

#include <backplane/plugin.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_source;

struct loop *loop_new(void); /* NULL: out of memory or of fds */
void loop_free(struct loop *l);

/* events: BP_FD_READ | BP_FD_WRITE; fn gets BP_FD_ERROR as well. Closes no fd, ever. */
int loop_fd_add(struct loop *l, int fd, uint32_t events, bp_fd_fn *fn, void *arg,
                struct loop_source **ret_src);
int loop_fd_mod(struct loop_source *s, uint32_t events);
/* A CLOCK_MONOTONIC timerfd of its own. first_ns 0 disarms; relative times. */
int loop_timer_add(struct loop *l, bp_fn *fn, void *arg, struct loop_source **ret_src);
int loop_timer_arm(struct loop_source *s, uint64_t first_ns, uint64_t period_ns);
void loop_source_del(struct loop_source *s); /* NULL is fine */

/* Run fn on the loop's thread soon; never allocates on failure paths of callers: -ENOMEM. [any] */
int loop_post(struct loop *l, bp_fn *fn, void *arg);
/* Run fn on the loop's thread and wait for it. Runs at once when called on that thread.
 * -ESHUTDOWN: the loop was closed to calls; fn did not run and never will. [any] */
int loop_call(struct loop *l, bp_fn *fn, void *arg);
/* Serve waiting loop_call()s and posts now. For the control thread while it waits for a thread
 * that may itself be waiting in loop_call(). */
void loop_serve(struct loop *l);
/* Fail waiting and future loop_call()s with -ESHUTDOWN. [any] */
void loop_close_calls(struct loop *l);

/* Dispatch until loop_stop(); returns its code. */
int loop_run(struct loop *l);
void loop_stop(struct loop *l, int code); /* [any] */
/* One epoll_wait of at most timeout_ms (-1: for ever) and its dispatch; number of events or -errno.
 */
int loop_step(struct loop *l, int timeout_ms);
/* fn runs when the loop would otherwise sleep; it returns true to be called again next time.
 * idle_ms: only after so many milliseconds without an event. One at a time; NULL clears. */
void loop_set_idle(struct loop *l, bool (*fn)(void *arg), void *arg, int idle_ms);
uint64_t loop_now_ns(void); /* CLOCK_MONOTONIC [any] */

#endif
