/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of host/ share: the handles behind the ABI's opaque types. Loop thread only. */
#ifndef BP_HOST_PRIV_H
#define BP_HOST_PRIV_H

#include <backplane/plugin.h>
#include <stdbool.h>
#include <stdint.h>

#include "host/host.h"
#include "loop/limiter.h"
#include "loop/loop.h"

enum source_kind { SOURCE_FD, SOURCE_TIMER };

struct bp_source {
    struct bp_dev *d;
    enum source_kind kind;
    bool dead;   /* deleted; memory is kept for a while to tell late uses */
    bool missed; /* a timer that ran out while the device was quiet */
    int fd;
    uint32_t events;
    bp_fd_fn *fd_fn;
    bp_fn *fn;
    void *arg;
    struct loop_source *ls;     /* NULL while muted */
    uint64_t due_ns, period_ns; /* environments with a clock of their own; due 0: disarmed */
    struct bp_source *next;
};

struct bp_limiter {
    struct bp_dev *d;
    struct limiter l;
    enum limiter_kind cause; /* which bucket blocked */
    struct bp_source *timer;
    bp_fn *refilled;
    void *arg;
    struct bp_limiter *next;
};

struct queue_watch { /* one cache line: what a kick needs */
    int (*ready)(void *self, struct bp_queue *q, uint32_t index, uint32_t budget);
    void *self;
    struct bp_queue *q;
    struct bp_dev *d;
    uint32_t index;
    bool retried;
    struct loop_source *ls;
};

struct host_post {    /* one bp_loop_svc.post(), from any thread */
    struct bp_dev *d; /* NULL: the device is gone */
    bp_fn *fn;
    void *arg;
    bool held; /* ran out while the device was quiet */
    struct host_post *next;
};

extern const struct bp_queue_svc host_queue_svc;
extern const struct bp_mem_svc host_mem_svc;
extern const struct bp_virtio_svc host_virtio_svc;
extern const struct bp_irq_svc host_irq_svc;
extern const struct bp_boot_svc host_boot_svc;
extern const struct bp_loop_svc host_loop_svc;
extern const struct bp_limit_svc host_limit_svc;
extern struct bp_log_svc host_log_svc; /* level follows the log's */
extern const struct bp_state_svc host_state_svc;
extern const struct bp_file_svc host_file_svc;

/* A breach of the contract by the plugin: logged and counted, never fatal. */
BP_PRINTF(2, 3) void host_bug(struct bp_dev *d, const char *fmt, ...);
void host_log_sync(void);
uint64_t host_now(const struct bp_dev *d);
void host_signal(struct bp_dev *d);

/* Timers of the host's own use the same sources as the plugin's. */
int host_timer_add(struct bp_dev *d, bp_fn *fn, void *arg, struct bp_source **ret_src);
int host_timer_arm(struct bp_source *s, uint64_t first_ns, uint64_t period_ns);
void host_sources_mute(struct bp_dev *d);
int host_sources_unmute(struct bp_dev *d);
void host_sources_free(struct bp_dev *d);
void host_posts_release(struct bp_dev *d);
void host_posts_cancel(struct bp_dev *d);
void host_limiters_free(struct bp_dev *d);

int host_watch_add(struct bp_dev *d, uint32_t index);
void host_watch_del(struct queue_watch *w);
void host_queue_kick(const struct bp_queue *q);

#endif
