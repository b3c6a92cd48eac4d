/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backplane/plugin.h - the whole contract between the monitor and a device plugin.
 *
 * A plugin is one .so that exports one function, bp_plugin_entry_v0(). It links
 * to nothing of the monitor: every service arrives through struct bp_host, so
 * a unit test, a fuzzer or a helper process can be the host just as well.
 *
 * THREADS. Each function below carries one tag.
 *   [load] once per process, before any device exists; no host services.
 *   [ctl]  control thread (API requests, boot, pause, snapshot, shutdown).
 *   [io]   the device's event-loop thread (by default the control thread too).
 *   [any]  thread-safe service, callable from every thread.
 * vCPU threads never enter a plugin: the host answers config reads from its own
 * copy and carries status and config writes over to [io] while the vCPU waits.
 * No two ops or callbacks of one device ever overlap, whatever their thread.
 * A service never calls back into the plugin before it returns.
 *
 * MEMORY. The side that allocates frees. Pointers given to an op are borrowed
 * for that call. Descriptor strings and tables live until the process exits
 * (plugins are never dlclose()d). Host handles die with the device: destroy()
 * need not delete them, though it may.
 *
 * ERRORS. int results: 0 or a positive value on success, -errno on failure.
 * Control ops also fill struct bp_err, whose text goes to the API client.
 * Whatever the guest does, a plugin must not abort, exit or block: it fails
 * the device (bp_virtio_svc.fail) and returns.
 *
 * GROWTH. A struct with a leading `size` is allocated and stamped by the side
 * that fills it, only ever grows at the end, and its reader takes the shorter
 * of the two sizes and zeroes the rest. FROZEN structs never change. No enum,
 * bool, bit-field, off_t or long crosses.
 */
#ifndef BP_PLUGIN_H
#define BP_PLUGIN_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BP_ABI_MAJOR 0 /* in the entry symbol's name: a new major is a new symbol */
#define BP_ABI_MINOR 0 /* raised by every release that appends anything */

#define BP_EXPORT __attribute__((visibility("default")))
#define BP_PRINTF(f, a) __attribute__((format(printf, f, a)))
/* Is `field` present in this (possibly older) table and filled in? */
#define BP_HAS(tbl, field)                                                                         \
    ((tbl) && (tbl)->size >= offsetof(__typeof__(*(tbl)), field) + sizeof((tbl)->field) &&         \
     (tbl)->field)

struct bp_dev;     /* host's handle of one device instance */
struct bp_queue;   /* one virtqueue; the ring layout is the host's secret */
struct bp_source;  /* fd watch or timer */
struct bp_limiter; /* token bucket pair: bandwidth and operations */
struct bp_json;    /* borrowed, read-only JSON value */
struct bp_jsonw;   /* JSON being written into a response */
struct bp_statew;  /* device section of a snapshot being written */
struct bp_stater;  /* ... and being read */
struct bp_host;

/* ------------------------------------------------------------------ errors */

#define BP_E_CONFIG 1    /* the request is wrong        -> HTTP 400 */
#define BP_E_CONFLICT 2  /* wrong time, already exists  -> HTTP 400 */
#define BP_E_HOST 3      /* the machine failed us       -> HTTP 400, logged as an error */
#define BP_E_TOO_LARGE 4 /* over a size limit          -> HTTP 413 */

struct bp_err {      /* FROZEN, 2048 bytes, the caller's storage */
    int32_t code;    /* -errno, also the op's return value */
    uint32_t kind;   /* BP_E_* */
    char text[2040]; /* one sentence, no newline, names the field at fault; room for a path */
};

BP_PRINTF(4, 5)
static inline int bp_fail(struct bp_err *e, int code, uint32_t kind, const char *fmt, ...)
{
    va_list ap;

    e->code = code;
    e->kind = kind;
    va_start(ap, fmt);
    (void)vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    return code;
}

/* -------------------------------------------------- services: the data path */

/* A segment the device reads follows one it writes, which virtio forbids: iov is in chain order,
 * n_out and n_in are mere counts and do not say which segment is which. */
#define BP_CHAIN_MIXED 1u

struct bp_chain {     /* FROZEN. One request from the driver. */
    uint16_t head;    /* its name in push() */
    uint16_t n_out;   /* iov[0 .. n_out): driver wrote, device reads */
    uint16_t n_in;    /* iov[n_out .. n_out+n_in): device writes */
    uint16_t flags;   /* BP_CHAIN_* */
    uint32_t out_len; /* sums, already checked against overflow */
    uint32_t in_len;
};

struct bp_queue_svc { /* [io] except where tagged */
    uint32_t size;
    uint32_t pad;
    /*
     * Take the next request. 1: taken. 0: none. <0: the driver broke the ring;
     * the host has already marked the device NEEDS_RESET, just return.
     * At most `cap` segments, no loops; a chain that links outside the table or
     * runs past the queue's size ends there. Zero-length segments are kept. The
     * host itself completes, with length 0, a chain of more than `cap` segments,
     * one whose lengths pass 32 bits, one with a bad indirect table, and one with
     * a segment that is not wholly inside one stretch of guest RAM. A device that
     * has an answer of its own to the last asks for BP_RING_BAD_SEGS and finds
     * such a segment with iov_base NULL and its iov_len.
     * The bytes stay guest-writable: copy a header once, then check the copy.
     */
    int (*pop)(struct bp_queue *q, struct bp_chain *c, struct iovec *iov, uint32_t cap);
    /* Give the n most recent unpushed pops back (rate limit, no buffer room). */
    void (*unpop)(struct bp_queue *q, uint32_t n);
    /* Complete, in any order. Not visible to the driver until flush(). The host
     * marks the chain's writable pages dirty for diff snapshots. */
    void (*push)(struct bp_queue *q, uint16_t head, uint32_t written);
    /* Publish all pushes, then interrupt unless the driver asked for silence. */
    void (*flush)(struct bp_queue *q);
    /* Requests waiting, without taking any. */
    uint32_t (*pending)(struct bp_queue *q);
    /* Call queue_ready() again soon (after a limiter or a full socket). [any] */
    void (*kick)(struct bp_queue *q);
};

struct bp_mem_svc { /* guest physical memory outside chains; [ctl] [io] */
    uint32_t size;
    uint32_t pad;
    int (*read)(struct bp_dev *d, uint64_t gpa, void *buf, uint32_t len);
    int (*write)(struct bp_dev *d, uint64_t gpa, const void *buf, uint32_t len);
    /* Drop whole pages (balloon). The host picks the mechanism. */
    int (*release)(struct bp_dev *d, uint64_t gpa, uint64_t len);
    /* The same for segments of a chain in flight (free page reporting). */
    int (*release_iov)(struct bp_dev *d, const struct iovec *iov, uint32_t n);
};

struct bp_virtio_svc {
    uint32_t size;
    uint32_t pad;
    /* Replace bytes of the config space the guest reads. Guest reads never
     * enter the plugin. Bumps the generation and interrupts once running. [ctl] [io] */
    int (*config_set)(struct bp_dev *d, uint32_t off, const void *buf, uint32_t len);
    uint64_t (*features)(struct bp_dev *d); /* as negotiated; 0 before FEATURES_OK [any] */
    struct bp_queue *(*queue)(struct bp_dev *d, uint32_t index); /* valid after start */
    const char *(*id)(struct bp_dev *d); /* "disk0", as the API client named it [any] */
    /* Inside create(): place the device before its siblings, on the bus and in lists (a root
     * disk is vda). [ctl] */
    void (*place_first)(struct bp_dev *d);
    /* Guest nonsense or a dead backend: stop the queues, set NEEDS_RESET, tell
     * the driver. The VM lives on. [ctl] [io] */
    void (*fail)(struct bp_dev *d, const char *why);
};

struct bp_irq_svc { /* for devices that serve their own MMIO window; [ctl] [io] */
    uint32_t size;
    uint32_t pad;
    int (*raise)(struct bp_dev *d); /* edge, by the irqfd the host gave the device */
};

struct bp_boot_svc { /* inside start() of a cold boot only; [ctl] */
    uint32_t size;
    uint32_t pad;
    /* Append to the kernel command line ("root=/dev/vda ro"). -E2BIG: it is full. */
    int (*cmdline)(struct bp_dev *d, const char *text, struct bp_err *err);
};

/* ----------------------------------------------- services: events and time */

#define BP_FD_READ 1u
#define BP_FD_WRITE 2u
#define BP_FD_ERROR 4u

typedef void bp_fd_fn(void *arg, int fd, uint32_t events); /* [io] */
typedef void bp_fn(void *arg);                             /* [io] */

struct bp_loop_svc { /* callbacks run on [io] under the device lock, never before return */
    uint32_t size;
    uint32_t pad;
    int (*fd_add)(struct bp_dev *d, int fd, uint32_t events, bp_fd_fn *fn, void *arg,
                  struct bp_source **src);               /* [ctl] [io] */
    int (*fd_mod)(struct bp_source *s, uint32_t events); /* [ctl] [io] */
    int (*timer_add)(struct bp_dev *d, bp_fn *fn, void *arg, struct bp_source **src);
    int (*timer_arm)(struct bp_source *s, uint64_t first_ns, uint64_t period_ns);
    void (*del)(struct bp_source *s); /* no callback after it returns; closes no fd */
    int (*post)(struct bp_dev *d, bp_fn *fn, void *arg); /* run fn on [io] soon [any] */
    uint64_t (*now_ns)(void);                            /* CLOCK_MONOTONIC [any] */
};

struct bp_limit_svc { /* one implementation of Firecracker-style rate limits */
    uint32_t size;
    uint32_t pad;
    int (*make)(struct bp_dev *d, const struct bp_json *cfg, bp_fn *refilled, void *arg,
                struct bp_limiter **lim, struct bp_err *err);
    int (*update)(struct bp_limiter *l, const struct bp_json *cfg, struct bp_err *err);
    int (*take)(struct bp_limiter *l, uint64_t ops, uint64_t bytes); /* 1 go, 0 wait [io] */
    void (*give)(struct bp_limiter *l, uint64_t ops, uint64_t bytes);
    /* 1 from a refusal (or an overdraft) until `refilled` is about to be called. */
    int (*blocked)(struct bp_limiter *l);
    /* The configuration in effect as a member `key`: an object, or null without any bucket. */
    void (*show)(struct bp_limiter *l, const char *key, struct bp_jsonw *w);
};

/* ------------------------------------------- services: telling the outside */

#define BP_LOG_ERROR 1
#define BP_LOG_WARN 2
#define BP_LOG_INFO 3
#define BP_LOG_DEBUG 4
#define BP_LOG_BUG 5 /* the other side broke this contract */

struct bp_log_svc {
    uint32_t size;
    int32_t level; /* read it before building an expensive message */
    /* Host adds time, device id, newline; rate-limits per call site. [any] */
    void (*log)(struct bp_dev *d, int32_t level, const char *fmt, ...) BP_PRINTF(3, 4);
    /* The plugin's own counters, in descriptor order; bump with bp_count(). [any] */
    uint64_t *(*metrics)(struct bp_dev *d);
};

static inline int bp_log_on(const struct bp_log_svc *l, int32_t level)
{
    return level <= __atomic_load_n(&l->level, __ATOMIC_RELAXED);
}

static inline void bp_count(uint64_t *metrics, uint32_t index, uint64_t by)
{
    __atomic_fetch_add(&metrics[index], by, __ATOMIC_RELAXED);
}

#define BP_J_NULL 0
#define BP_J_BOOL 1
#define BP_J_INT 2
#define BP_J_REAL 3
#define BP_J_STR 4
#define BP_J_ARR 5
#define BP_J_OBJ 6

struct bp_json_svc { /* input was checked against the route's schema already; [ctl] */
    uint32_t size;
    uint32_t pad;
    int (*type)(const struct bp_json *v);
    const struct bp_json *(*get)(const struct bp_json *obj, const char *key); /* or NULL */
    const struct bp_json *(*at)(const struct bp_json *arr, uint32_t i);       /* or NULL */
    uint32_t (*count)(const struct bp_json *v);
    const char *(*str)(const struct bp_json *v, uint32_t *len); /* borrowed, NUL ended */
    int (*i64)(const struct bp_json *v, int64_t *out);
    int (*u64)(const struct bp_json *v, uint64_t *out);
    int (*boolean)(const struct bp_json *v, int *out);
    /* writer: key is NULL inside an array and at the top */
    void (*w_open)(struct bp_jsonw *w, const char *key, int type /* ARR or OBJ */);
    void (*w_close)(struct bp_jsonw *w);
    void (*w_str)(struct bp_jsonw *w, const char *key, const char *s, uint32_t len);
    void (*w_u64)(struct bp_jsonw *w, const char *key, uint64_t v);
    void (*w_i64)(struct bp_jsonw *w, const char *key, int64_t v);
    void (*w_bool)(struct bp_jsonw *w, const char *key, int v);
    void (*w_null)(struct bp_jsonw *w, const char *key);
};

struct bp_state_svc { /* keyed fields; unknown keys are skipped on read; [ctl] */
    uint32_t size;
    uint32_t pad;
    int (*put_u64)(struct bp_statew *w, const char *key, uint64_t v);
    int (*put_bytes)(struct bp_statew *w, const char *key, const void *p, uint64_t len);
    int (*get_u64)(struct bp_stater *r, const char *key, uint64_t *v); /* -ENOENT: absent */
    int (*get_bytes)(struct bp_stater *r, const char *key, void *p, uint64_t cap, uint64_t *len);
};

struct bp_file_svc { /* the host opens, so policy, jail and tests have one place */
    uint32_t size;
    uint32_t pad;
    /* O_CLOEXEC is always added. The fd is the plugin's to close. [ctl] */
    int (*open)(struct bp_dev *d, const char *path, int flags, int *fd, struct bp_err *err);
};

struct bp_thread_svc { /* optional: workers that inherit the device's sandbox */
    uint32_t size;
    uint32_t pad;
    int (*start)(struct bp_dev *d, const char *name, bp_fn *fn, void *arg, uint32_t *id);
    int (*join)(struct bp_dev *d, uint32_t id);
};

/* --------------------------------------------------------------- the host */

struct bp_host {
    uint32_t size;
    uint16_t abi_major, abi_minor;
    const char *name, *version; /* for messages only: never branch on them */
    const struct bp_queue_svc *queue;
    const struct bp_mem_svc *mem;
    const struct bp_virtio_svc *virtio;
    const struct bp_irq_svc *irq;
    const struct bp_boot_svc *boot;
    const struct bp_loop_svc *loop;
    const struct bp_limit_svc *limit;
    const struct bp_log_svc *log;
    const struct bp_json_svc *json;
    const struct bp_state_svc *state;
    const struct bp_file_svc *file;
    const struct bp_thread_svc *thread; /* may be NULL */
    /* Extensions, "vendor.name/rev"; NULL when unknown. [ctl] */
    const void *(*extension)(const struct bp_host *h, const char *id);
};

/* ------------------------------------------------------- the plugin's side */

#define BP_RING_EVENT_IDX 1u
#define BP_RING_INDIRECT 2u
/* No feature: hand out segments outside guest RAM too, with iov_base NULL. */
#define BP_RING_BAD_SEGS 4u

struct bp_device_info { /* the plugin's, until destroy() */
    uint32_t size;
    uint32_t pad0; /* zero */
    /* A virtio device: the host serves the window with its virtio-mmio transport. */
    uint32_t n_queues;
    uint32_t config_len;
    uint64_t features;         /* device-type bits 0..23 and 50+; ring bits are the host's */
    const uint16_t *queue_max; /* n_queues sizes, power of two each */
    uint32_t max_segs;         /* longest chain the plugin accepts, header and status too */
    /* A device with mmio_read/mmio_write ops of its own: the size of its window. */
    uint32_t mmio_len;
    const char *acpi_hid; /* how a guest finds it ("LNRO0005" for virtio); NULL: not listed */
    uint32_t ring_flags;  /* BP_RING_*: ring features to offer, which the host implements */
    uint32_t pad1;        /* zero */
};

struct bp_device_ops {
    uint32_t size;
    uint32_t pad;
    /* What the plugin keeps once per VM (the net plugin's metadata store). Optional. [ctl] */
    int (*open)(const struct bp_host *h, void **ctx, struct bp_err *err);
    void (*close)(void *ctx);

    /* Make the instance and open all that it needs (disk, tap, socket), so that a bad path
     * fails the PUT with its reason. A second PUT of the same id makes a new instance and
     * destroys the old one only when that worked. [ctl] */
    int (*create)(const struct bp_host *h, void *ctx, struct bp_dev *d, const struct bp_json *cfg,
                  void **self, struct bp_err *err);
    /* InstanceStart or snapshot load: say what the device is, set config space, add to the
     * kernel command line. The sandbox closes after it. [ctl] */
    int (*start)(void *self, const struct bp_device_info **info, struct bp_err *err);
    /* Undo everything; must accept any half-made instance. [ctl] */
    void (*destroy)(void *self);
    /* PATCH, before or after boot. All or nothing. Optional. [ctl] */
    int (*update)(void *self, const struct bp_json *patch, struct bp_err *err);
    /* The members of the device's configuration object as its create route takes it: GET,
     * /vm/config and the snapshot use it, so restore is create(config) + start + restore. The
     * host writes the braces. [ctl] */
    int (*show)(void *self, struct bp_jsonw *w);

    /* MMIO callbacks. A virtio device leaves them NULL and gets the host's virtio-mmio
     * transport; any other device serves its own window. len is 1, 2, 4 or 8. [io] */
    void (*mmio_read)(void *self, uint64_t off, void *buf, uint32_t len);
    void (*mmio_write)(void *self, uint64_t off, const void *buf, uint32_t len);

    /* Driver reached FEATURES_OK: refuse with -EINVAL or adapt. Optional. [io] */
    int (*negotiated)(void *self, uint64_t features);
    /* DRIVER_OK. Queues are live from here to reset(). [io] */
    int (*activate)(void *self);
    /* Guest reset: forget queues and requests in flight, keep the backend. [io] */
    void (*reset)(void *self);
    /* Guest wrote its config space. Optional; no op means read-only. [io] */
    void (*config_write)(void *self, uint32_t off, const void *buf, uint32_t len);

    /* THE hot op. Requests wait on queue `index`. Handle up to `budget` chains,
     * flush once. 0: emptied or waiting for a callback. 1: call me again. [io] */
    int (*queue_ready)(void *self, struct bp_queue *q, uint32_t index, uint32_t budget);

    /* Start no new I/O. 0: quiet now. 1: requests in flight; the host asks again
     * after each later callback of this device, until 0 or its deadline. [ctl] */
    int (*pause)(void *self);
    int (*resume)(void *self); /* also after restore() [ctl] */
    /* Private fields only: transport, queues and config bytes are the host's. */
    int (*save)(void *self, struct bp_statew *w, struct bp_err *err);
    int (*restore)(void *self, struct bp_stater *r, uint32_t version, struct bp_err *err);
    /* One JSON object's members for the metrics/GET route. Optional. [ctl] */
    int (*stats)(void *self, struct bp_jsonw *w);
};

#define BP_WHEN_BOOT 1u /* before InstanceStart */
#define BP_WHEN_RUNNING 2u
#define BP_WHEN_PAUSED 4u
#define BP_DO_CREATE 1 /* host runs create */
#define BP_DO_UPDATE 2 /* host runs update */
#define BP_DO_SHOW 3   /* host runs show */
#define BP_DO_STATS 4  /* host runs stats */
#define BP_DO_CALL 5   /* host runs .call with the device, or with ctx where the path has no {id} */
#define BP_DO_DELETE 6 /* host runs destroy */

struct bp_route {       /* one REST operation; pure data, so OpenAPI is generated from it */
    const char *method; /* "PUT" */
    const char *path;   /* "/drives/{id}" or "/balloon" */
    const char *summary;
    const char *request;  /* JSON Schema text, or NULL: no body */
    const char *response; /* JSON Schema text, or NULL: 204 */
    const char *config;   /* key in the config file and /vm/config ("drives", "balloon"), or NULL */
    const char *id_field; /* body member that must equal {id} ("drive_id"), or NULL */
    /* What the client reads when they differ, "{path}" and "{body}" stand for the two ids. */
    const char *mismatch;
    const char *absent;   /* what the client reads when there is no such device, or NULL */
    const char *counter;  /* request counters "<counter>_count" and "<counter>_fails", or NULL */
    uint32_t config_rank; /* with `config`: the config file applies lower ranks first */
    uint32_t when;        /* BP_WHEN_* */
    uint32_t action;      /* BP_DO_* */
    uint32_t pad;
    int (*call)(void *self, const struct bp_json *body, struct bp_jsonw *reply,
                struct bp_err *err); /* [ctl] */
    /* What a schema cannot say ("at least one of"), judged on the body alone and before the
     * state of the VM is looked at. Optional. [ctl] */
    int (*check)(const struct bp_host *h, const struct bp_json *body, struct bp_err *err);
};

#define BP_METRIC_COUNTER 0
#define BP_METRIC_GAUGE 1

struct bp_metric {
    const char *name; /* "read_bytes" */
    const char *help;
    uint32_t kind;
    uint32_t pad;
};

#define BP_ARG_ANY 0
#define BP_ARG_EQ 1     /* arg == value */
#define BP_ARG_MASKED 2 /* (arg & mask) == value */

struct bp_syscall {   /* needed after start(), on [io] and worker threads */
    const char *name; /* "preadv2"; the host knows the number per architecture */
    uint8_t arg;      /* which argument `op` looks at */
    uint8_t op;       /* BP_ARG_* */
    uint16_t pad;
    uint32_t pad2;
    uint64_t value, mask;
};

struct bp_need {         /* refuse to load rather than crash later */
    const char *service; /* field name in struct bp_host, or an extension id */
    uint32_t min_size;
    uint32_t pad;
};
/* clang-format off */
#define BP_NEED(svc, last) \
    { #svc, (uint32_t)(offsetof(struct bp_##svc##_svc, last) + sizeof(void *)), 0 }
/* clang-format on */

struct bp_table { /* an array whose rows may grow: stride tells the filler's row size */
    const void *at;
    uint32_t count, stride;
};
/* clang-format off */
#define BP_TABLE(a) { (a), sizeof(a) / sizeof((a)[0]), sizeof((a)[0]) }
#define BP_NO_TABLE { NULL, 0, 0 }
/* clang-format on */

#define BP_PF_SINGLETON 1u  /* at most one instance in a VM */
#define BP_PF_OWN_THREAD 2u /* wants its own [io] thread, hence its own filter */

struct bp_plugin {
    uint32_t size;
    uint16_t abi_major, abi_minor;
    const char *name;    /* [a-z][a-z0-9-]*, unique in the process */
    const char *version; /* of the plugin */
    const char *summary, *license;
    uint32_t virtio_id;     /* 2 is block, ... */
    uint32_t flags;         /* BP_PF_* */
    uint32_t state_version; /* written by save() */
    uint32_t state_oldest;  /* oldest restore() can read */
    struct bp_table needs, routes, metrics, syscalls;
    const struct bp_device_ops *ops;
    const char *metrics_key; /* the object its counters appear under ("block") */
    uint32_t bus_rank;       /* devices of lower ranks get earlier bus slots */
    uint32_t pad;
};

/* The one exported symbol. Returns a constant; touches nothing else. [load] */
/* clang-format off */
#ifndef BP_STATIC_PLUGIN
#define BP_ENTRY_ bp_plugin_entry_v0
#else /* tests, fuzzers, one-binary builds: bp_plugin_<name>() */
#define BP_CAT_(a, b) a##b
#define BP_CAT(a, b) BP_CAT_(a, b)
#define BP_ENTRY_ BP_CAT(bp_plugin_, BP_STATIC_PLUGIN)
#endif
#define BP_PLUGIN(desc) \
    BP_EXPORT const struct bp_plugin *BP_ENTRY_(void); \
    BP_EXPORT const struct bp_plugin *BP_ENTRY_(void) { return &(desc); }
/* clang-format on */

#ifdef __cplusplus
}
#endif
#endif /* BP_PLUGIN_H */
