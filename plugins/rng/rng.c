/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtio entropy device. Small requests of a batch share one draw, which is wiped once its
 * bytes are in guest memory. A draw is the kernel's bytes, or a key stream under a key the kernel
 * gave for this draw alone: several times cheaper a byte. No key and no pool outlives its draw, so
 * a fork or a snapshot can never repeat one.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <backplane/plugin.h>

#include "chacha.h"

#define RNG_QUEUE_MAX 256u
#define RNG_MAX_SEGS RNG_QUEUE_MAX
#define RNG_MAX_BYTES 65536u /* per request; a shorter answer is legal, an unbounded one is not */
#define RNG_SHARED 16384u    /* bytes drawn at once for several requests */
#define RNG_SMALL 4096u      /* larger requests are filled in place */
#define RNG_STRETCH 256u     /* bytes from which on stretching a seed is cheaper */
#define RNG_BATCH 256u
#define RNG_POOL (4u * RNG_MAX_SEGS)

enum rng_metric {
    M_ACTIVATE_FAILS,
    M_EVENT_FAILS,
    M_EVENT_COUNT,
    M_BYTES,
    M_HOST_FAILS,
    M_THROTTLED,
    M_LIMITER_EVENTS,
    M_N
};

struct fill {
    uint32_t want; /* 0: nothing to draw */
    uint32_t n_iov;
    struct iovec *iov;
    uint16_t head;
};

struct rng {
    const struct bp_host *h;
    struct bp_dev *d;
    uint64_t *m;
    struct bp_limiter *lim; /* NULL: unlimited */
    struct bp_device_info info;
    uint32_t n, n_segs, n_shared; /* of the batch: requests, segments, shared bytes */
    struct fill fills[RNG_BATCH];
    struct iovec segs[RNG_POOL];
    uint8_t shared[RNG_SHARED];
};

static const uint16_t queue_max[] = { RNG_QUEUE_MAX };

/* ------------------------------------------------------------------ random bytes */

static int kernel_bytes(uint8_t *buf, size_t len)
{
    while (len > 0) {
        ssize_t n = getrandom(buf, len, 0);

        if (n < 0 && errno != EINTR) {
            return -errno;
        }
        if (n > 0) {
            buf += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

static int draw(uint8_t *buf, size_t len)
{
    static const uint8_t nonce[CHACHA_NONCE_LEN]; /* a key is used once */
    uint8_t key[CHACHA_KEY_LEN];
    int rc;

    if (len < RNG_STRETCH) {
        return kernel_bytes(buf, len);
    }
    rc = kernel_bytes(key, sizeof(key));
    if (rc == 0) {
        chacha20_stream(buf, len, key, nonce, 0);
    }
    explicit_bzero(key, sizeof(key));
    return rc;
}

static int fill_in_place(const struct fill *f)
{
    size_t left = f->want;

    for (uint32_t i = 0; i < f->n_iov && left > 0; i++) {
        size_t n = f->iov[i].iov_len < left ? f->iov[i].iov_len : left;
        int rc = draw(f->iov[i].iov_base, n);

        if (rc < 0) {
            return rc;
        }
        left -= n;
    }
    return 0;
}

static void scatter(const struct fill *f, const uint8_t *from)
{
    size_t left = f->want;

    for (uint32_t i = 0; i < f->n_iov && left > 0; i++) {
        size_t n = f->iov[i].iov_len < left ? f->iov[i].iov_len : left;

        if (n != 0) {
            memcpy(f->iov[i].iov_base, from, n);
        }
        from += n;
        left -= n;
    }
}

/* ------------------------------------------------------------------ the batches */

static const char *refuse_why(const struct bp_chain *c, const struct iovec *iov)
{
    if (c->n_out > 0) {
        return "Tried to create an 'IoVecMut' from a read-only descriptor chain";
    }
    for (uint32_t i = 0; i < c->n_in; i++) {
        if (iov[i].iov_base == NULL && iov[i].iov_len != 0) {
            return "Guest memory error: invalid guest address";
        }
    }
    return NULL;
}

/* 1: taken into the batch, 0: put back for lack of tokens. */
static int admit(struct rng *r, struct bp_queue *q, const struct bp_chain *c, struct iovec *iov)
{
    struct fill *f = &r->fills[r->n];
    const char *why = refuse_why(c, iov);

    bp_count(r->m, M_EVENT_COUNT, 1);
    *f = (struct fill){ .head = c->head };
    if (why != NULL) {
        r->h->log->log(r->d, BP_LOG_ERROR, "entropy: Could not parse descriptor chain: %s", why);
        bp_count(r->m, M_EVENT_FAILS, 1);
    } else {
        f->want = c->in_len < RNG_MAX_BYTES ? c->in_len : RNG_MAX_BYTES;
        if (r->lim != NULL && !r->h->limit->take(r->lim, 1, f->want)) {
            bp_count(r->m, M_THROTTLED, 1);
            r->h->queue->unpop(q, 1);
            return 0;
        }
        f->iov = iov;
        f->n_iov = c->n_in;
        r->n_segs += c->n_in;
        r->n_shared += f->want <= RNG_SMALL ? f->want : 0;
    }
    r->n++;
    return 1;
}

/* 1: there may be more, 0: no more for now, <0: the ring is broken. */
static int batch_fill(struct rng *r, struct bp_queue *q, uint32_t *budget)
{
    r->n = 0;
    r->n_segs = 0;
    r->n_shared = 0;
    while (*budget > 0) {
        struct iovec *iov = &r->segs[r->n_segs];
        struct bp_chain c;
        int rc;

        if (r->n == RNG_BATCH || RNG_POOL - r->n_segs < RNG_MAX_SEGS ||
            RNG_SHARED - r->n_shared < RNG_SMALL) {
            return 1;
        }
        rc = r->h->queue->pop(q, &c, iov, RNG_MAX_SEGS);
        if (rc <= 0) {
            return rc;
        }
        (*budget)--;
        if (!admit(r, q, &c, iov)) {
            return 0;
        }
    }
    return 1;
}

static void batch_complete(struct rng *r, struct bp_queue *q)
{
    int shared_rc = r->n_shared > 0 ? draw(r->shared, r->n_shared) : 0;
    const uint8_t *from = r->shared;

    for (uint32_t i = 0; i < r->n; i++) {
        const struct fill *f = &r->fills[i];
        uint32_t used = f->want;
        int rc = shared_rc;

        if (f->want > RNG_SMALL) {
            rc = fill_in_place(f);
        } else if (rc == 0 && f->want > 0) {
            scatter(f, from);
            from += f->want;
        }
        if (rc < 0 && f->want > 0) {
            r->h->log->log(r->d, BP_LOG_ERROR, "entropy: Could not get random bytes: %s",
                           strerror(-rc));
            bp_count(r->m, M_HOST_FAILS, 1);
            bp_count(r->m, M_EVENT_FAILS, 1);
            used = 0;
        }
        bp_count(r->m, M_BYTES, used);
        r->h->queue->push(q, f->head, used);
    }
    if (r->n_shared > 0) {
        explicit_bzero(r->shared, r->n_shared);
    }
}

static int rng_queue_ready(void *self, struct bp_queue *q, uint32_t index, uint32_t budget)
{
    struct rng *r = self;
    int more;

    (void)index;
    if (r->lim != NULL && r->h->limit->blocked(r->lim)) {
        bp_count(r->m, M_THROTTLED, 1);
        return 0; /* refilled() kicks the queue */
    }
    do {
        more = batch_fill(r, q, &budget);
        if (more < 0) {
            return 0;
        }
        batch_complete(r, q);
    } while (more > 0 && budget > 0);
    r->h->queue->flush(q);
    return more > 0;
}

static void refilled(void *arg)
{
    struct rng *r = arg;
    struct bp_queue *q = r->h->virtio->queue(r->d, 0);

    bp_count(r->m, M_LIMITER_EVENTS, 1);
    if (q != NULL) {
        r->h->queue->kick(q);
    }
}

/* ------------------------------------------------------------------ the lifetime */

static void rng_destroy(void *self)
{
    free(self);
}

static int rng_create(const struct bp_host *h, void *ctx, struct bp_dev *d,
                      const struct bp_json *cfg, void **self, struct bp_err *err)
{
    const struct bp_json *lim = h->json->get(cfg, "rate_limiter");
    struct rng *r = calloc(1, sizeof(*r));

    (void)ctx;
    if (r == NULL) {
        return bp_fail(err, -ENOMEM, BP_E_HOST, "Could not create Entropy device: out of memory");
    }
    r->h = h;
    r->d = d;
    r->m = h->log->metrics(d);
    if (lim != NULL && h->json->type(lim) != BP_J_NULL) {
        struct bp_err why = { .code = 0 };
        int rc = h->limit->make(d, lim, refilled, r, &r->lim, &why);

        if (rc < 0) {
            rng_destroy(r);
            return bp_fail(err, rc, BP_E_HOST,
                           "Could not create RateLimiter from configuration: %s", why.text);
        }
    }
    *self = r;
    return 0;
}

static int rng_start(void *self, const struct bp_device_info **info, struct bp_err *err)
{
    struct rng *r = self;

    (void)err;
    r->info = (struct bp_device_info){
        .size = sizeof(r->info),
        .n_queues = 1,
        .queue_max = queue_max,
        .max_segs = RNG_MAX_SEGS,
        .ring_flags = BP_RING_BAD_SEGS,
        .acpi_hid = "LNRO0005",
    };
    *info = &r->info;
    return 0;
}

static int rng_show(void *self, struct bp_jsonw *w)
{
    const struct rng *r = self;

    if (r->lim != NULL) {
        r->h->limit->show(r->lim, "rate_limiter", w);
    } else {
        r->h->json->w_null(w, "rate_limiter");
    }
    return 0;
}

/* Nothing outlives a call of queue_ready(): these have nothing to do. */
static int rng_idle(void *self)
{
    (void)self;
    return 0;
}

static void rng_reset(void *self)
{
    (void)self;
}

static const struct bp_device_ops ops = {
    .size = sizeof(ops),
    .create = rng_create,
    .start = rng_start,
    .destroy = rng_destroy,
    .show = rng_show,
    .activate = rng_idle,
    .reset = rng_reset,
    .queue_ready = rng_queue_ready,
    .pause = rng_idle,
    .resume = rng_idle,
};

/* ----------------------------------------------------------------- the descriptor */

#define BUCKET                                                                                     \
    "{\"title\":\"TokenBucketConfig\",\"type\":[\"object\",\"null\"],\"properties\":{"             \
    "\"size\":{\"type\":\"integer\",\"format\":\"uint64\"},"                                       \
    "\"one_time_burst\":{\"type\":[\"integer\",\"null\"],\"format\":\"uint64\"},"                  \
    "\"refill_time\":{\"type\":\"integer\",\"format\":\"uint64\"}},"                               \
    "\"required\":[\"size\",\"refill_time\"]}"

static const struct bp_route routes[] = {
    {
        .method = "PUT",
        .path = "/entropy",
        .summary = "Create or replace the entropy device",
        .request =
            "{\"title\":\"EntropyDeviceConfig\",\"type\":\"object\",\"properties\":{"
            "\"rate_limiter\":{\"title\":\"RateLimiterConfig\",\"type\":[\"object\",\"null\"],"
            "\"properties\":{\"bandwidth\":" BUCKET ",\"ops\":" BUCKET "},"
            "\"additionalProperties\":false}},\"additionalProperties\":false}",
        .config = "entropy",
        .config_rank = 90,
        .when = BP_WHEN_BOOT,
        .action = BP_DO_CREATE,
    },
};

static const struct bp_metric metrics[M_N] = {
    [M_ACTIVATE_FAILS] = { .name = "activate_fails", .help = "Activations that failed" },
    [M_EVENT_FAILS] = { .name = "entropy_event_fails", .help = "Requests that failed" },
    [M_EVENT_COUNT] = { .name = "entropy_event_count", .help = "Requests taken from the queue" },
    [M_BYTES] = { .name = "entropy_bytes", .help = "Bytes delivered" },
    [M_HOST_FAILS] = { .name = "host_rng_fails", .help = "Failures of the random source" },
    [M_THROTTLED] = { .name = "entropy_rate_limiter_throttled",
                      .help = "Times that the limiter held requests back" },
    [M_LIMITER_EVENTS] = { .name = "rate_limiter_event_count", .help = "Limiter refills" },
};

static const struct bp_syscall syscalls[] = { { .name = "getrandom" } };

static const struct bp_need needs[] = {
    BP_NEED(queue, kick),  BP_NEED(virtio, queue), BP_NEED(limit, show),
    BP_NEED(log, metrics), BP_NEED(json, w_null),
};

static const struct bp_plugin rng_plugin = {
    .size = sizeof(rng_plugin),
    .abi_major = BP_ABI_MAJOR,
    .abi_minor = BP_ABI_MINOR,
    .name = "rng",
    .version = "1.0.0",
    .summary = "virtio entropy device",
    .license = "Apache-2.0",
    .virtio_id = 4,
    .flags = BP_PF_SINGLETON,
    .state_version = 1,
    .state_oldest = 1,
    .needs = BP_TABLE(needs),
    .routes = BP_TABLE(routes),
    .metrics = BP_TABLE(metrics),
    .syscalls = BP_TABLE(syscalls),
    .ops = &ops,
    .metrics_key = "entropy",
    .bus_rank = 50,
};
BP_PLUGIN(rng_plugin)
