/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host side of plugin.h: one struct bp_dev per device instance and the service tables that
 * plugins see. Everything a device needs from the machine comes through struct host_env, so the
 * monitor and the test kit run the same code with a different environment.
 */
#ifndef BP_HOST_HOST_H
#define BP_HOST_HOST_H

#include <backplane/plugin.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "loop/limiter.h"
#include "loop/loop.h"
#include "mem/guestmem.h"
#include "virtio/transport_mmio.h"

struct plugin; /* plugin/registry.h */

/* What differs between the monitor and a test. All optional members may be NULL. */
struct host_env {
    struct loop *loop;
    /* NULL: CLOCK_MONOTONIC. With it, timers run by host_dev_timers() only. */
    uint64_t (*now_ns)(void *arg);
    int (*open)(void *arg, const char *path, int flags); /* fd or -errno; NULL: open(2) */
    void (*signal)(void *arg, struct bp_dev *d);         /* NULL: write irq_fd */
    int (*cmdline)(void *arg, const char *text,
                   struct bp_err *err); /* NULL outside of a cold boot */
    void (*log)(void *arg, struct bp_dev *d, int32_t level, const char *text); /* NULL: core/log */
    void *arg;
};

struct queue_watch;
struct host_post;

#define HOST_LOG_SITES 16u
#define HOST_GRAVES 16u
#define HOST_QUEUE_BUDGET 256u /* chains per queue_ready() call */

struct bp_dev {
    struct host_env *env;
    const struct plugin *plugin;
    const struct bp_device_ops
        *ops; /* the loader's full-size copy, NULL where the plugin has none */
    void *self;
    char *id;
    const struct bp_device_info *info; /* after start */
    struct guestmem *mem;              /* after start */
    struct transport transport;        /* virtio devices, after start */
    struct bp_queue *queues;
    struct queue_watch *watches; /* host/: loop slot per queue {ready, self, q, index} */
    uint64_t *metrics;           /* the plugin's counter page */
    uint64_t *cfg_fails;         /* its counter of that name, or NULL */
    struct bp_source *sources;   /* all the device's fds and timers */
    struct bp_limiter *limiters;
    int irq_fd; /* -1 until attached */
    bool started, quiesced;
    bool first; /* asked for by place_first() */
    uint64_t mmio_base;
    uint32_t gsi;
    uint32_t bugs;       /* contract breaches seen */
    struct bp_dev *next; /* the manager's list */
    /* host/ only */
    struct bp_device_info info_copy;
    bool starting, pausing;
    uint32_t stage_len;                    /* config space set before the transport exists */
    uint8_t stage[VIRTIO_CONFIG_MAX];      /* ... its bytes */
    struct bp_source *graves[HOST_GRAVES]; /* deleted sources, freed in turn */
    uint32_t next_grave;
    pthread_mutex_t lock; /* guards posts and sites, which any thread may touch */
    struct host_post *posts;
    struct host_log_site {
        const char *fmt;
        uint64_t since_ns;
        uint32_t n;
    } sites[HOST_LOG_SITES];
};

/* The table plugins get. Constant for the process apart from log->level. */
const struct bp_host *host_table(void);
/* Rate-limited line in the name of the device. */
BP_PRINTF(3, 4) void host_log(struct bp_dev *d, int32_t level, const char *fmt, ...);

/* Make the instance: ops->create. *ret_d is untouched on failure. */
int host_dev_new(struct host_env *env, const struct plugin *p, void *ctx, const char *id,
                 const struct bp_json *cfg, struct bp_dev **ret_d, struct bp_err *err);
/* ops->start and the transport and queues (with kick eventfds, not yet bound to KVM). */
int host_dev_start(struct bp_dev *d, struct guestmem *mem, struct bp_err *err);
/* Take back host_dev_start() after a failed InstanceStart: queues, transport, info, irq_fd; the
 * instance stays and may be started again (start() is then called once more). */
void host_dev_stop(struct bp_dev *d);
void host_dev_free(struct bp_dev *d); /* destroy, then sources, limiters, queues; NULL is fine */
/* Vcpu-thread entry points of the device's window. */
void host_dev_mmio_read(struct bp_dev *d, uint64_t off, void *buf, uint32_t len);
void host_dev_mmio_write(struct bp_dev *d, uint64_t off, const void *buf, uint32_t len);
/* Look at all queues of an active device once ("artificial kick"). Loop thread. */
void host_dev_kick(struct bp_dev *d);
/* Stop dispatching the device's events until host_dev_resume(): quiesce for pause. 0, or 1 while
 * requests are in flight (ask again after more loop steps). */
int host_dev_pause(struct bp_dev *d);
int host_dev_resume(struct bp_dev *d);
/* Fire the timers that are due by env->now_ns; how many ran. For environments with a clock. */
uint32_t host_dev_timers(struct bp_dev *d);
/* The clock behind loop->now_ns(), which has no device argument. NULL: CLOCK_MONOTONIC. */
void host_set_clock(uint64_t (*now_ns)(void *arg), void *arg);
/* Write the device's configuration as one value under key (NULL: at the top or in an array). */
int host_dev_show(struct bp_dev *d, const char *key, struct bp_jsonw *w);
/* The same for its statistics; -ENOTSUP when the plugin has none. */
int host_dev_stats(struct bp_dev *d, const char *key, struct bp_jsonw *w);

#endif
