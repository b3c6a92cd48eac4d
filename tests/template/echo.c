/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A complete virtio device in one file: every request's readable bytes come back in its writable
 * ones. Clients make it with PUT /echo/{id}; its one option turns letters into capitals.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <backplane/plugin.h>

#define ECHO_VIRTIO_ID 63u /* no device of the specification; take a free one for yours */
#define ECHO_QUEUE_MAX 64u

enum echo_metric { M_REQUESTS, M_BYTES, M_N };

struct echo {
    const struct bp_host *h;
    struct bp_dev *d;
    uint64_t *m;
    int capitals;
    struct bp_device_info info;
    struct iovec segs[ECHO_QUEUE_MAX];
};

static const uint16_t queue_max[] = { ECHO_QUEUE_MAX };

/* ------------------------------------------------------------------ the data path */

static uint8_t capital(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
}

/* A segment that is not guest memory has a length but no address: such a chain gets nothing. */
static int reachable(const struct bp_chain *c, const struct iovec *iov)
{
    uint32_t i, end = (uint32_t)c->n_out + c->n_in;

    for (i = 0; i < end; i++) {
        if (iov[i].iov_base == NULL && iov[i].iov_len > 0) {
            return 0;
        }
    }
    return 1;
}

/* Walks both halves of the chain at once. Returns how many bytes were written. */
static uint32_t answer(const struct echo *e, const struct bp_chain *c, const struct iovec *iov)
{
    uint32_t from = 0, to = c->n_out, end = (uint32_t)c->n_out + c->n_in, done = 0;
    size_t from_at = 0, to_at = 0;

    while (from < c->n_out && to < end) {
        if (from_at == iov[from].iov_len) {
            from++;
            from_at = 0;
        } else if (to_at == iov[to].iov_len) {
            to++;
            to_at = 0;
        } else {
            uint8_t b = ((const uint8_t *)iov[from].iov_base)[from_at++];

            ((uint8_t *)iov[to].iov_base)[to_at++] = e->capitals ? capital(b) : b;
            done++;
        }
    }
    return done;
}

static int echo_queue_ready(void *self, struct bp_queue *q, uint32_t index, uint32_t budget)
{
    struct echo *e = self;
    const struct bp_queue_svc *qs = e->h->queue;
    int more = 1;

    (void)index;
    while (budget-- > 0) {
        struct bp_chain c;
        uint32_t n;

        more = qs->pop(q, &c, e->segs, ECHO_QUEUE_MAX);
        if (more < 0) {
            return 0; /* the driver broke the ring; the host has told it so */
        }
        if (more == 0) {
            break;
        }
        n = 0;
        if ((c.flags & BP_CHAIN_MIXED) == 0 && reachable(&c, e->segs)) {
            n = answer(e, &c, e->segs);
        }
        bp_count(e->m, M_REQUESTS, 1);
        bp_count(e->m, M_BYTES, n);
        qs->push(q, c.head, n);
    }
    qs->flush(q);
    return more;
}

/* -------------------------------------------------------------------- the lifetime */

static int echo_create(const struct bp_host *h, void *ctx, struct bp_dev *d,
                       const struct bp_json *cfg, void **self, struct bp_err *err)
{
    const struct bp_json *capitals = h->json->get(cfg, "capitals");
    struct echo *e = calloc(1, sizeof(*e));

    (void)ctx;
    if (e == NULL) {
        return bp_fail(err, -ENOMEM, BP_E_HOST, "Out of memory for an echo device");
    }
    e->h = h;
    e->d = d;
    e->m = h->log->metrics(d);
    if (capitals != NULL) {
        (void)h->json->boolean(capitals, &e->capitals);
    }
    *self = e;
    return 0;
}

static int echo_start(void *self, const struct bp_device_info **info, struct bp_err *err)
{
    struct echo *e = self;

    (void)err;
    e->info = (struct bp_device_info){
        .size = sizeof(e->info),
        .n_queues = 1,
        .queue_max = queue_max,
        .max_segs = ECHO_QUEUE_MAX,
        .acpi_hid = "LNRO0005",
        .ring_flags = BP_RING_EVENT_IDX | BP_RING_INDIRECT,
    };
    *info = &e->info;
    return 0;
}

static int echo_show(void *self, struct bp_jsonw *w)
{
    const struct echo *e = self;
    const char *id = e->h->virtio->id(e->d);

    e->h->json->w_str(w, "echo_id", id, (uint32_t)strlen(id));
    e->h->json->w_bool(w, "capitals", e->capitals);
    return 0;
}

static void echo_destroy(void *self)
{
    free(self);
}

/* Every request is answered before queue_ready() returns. */
static int echo_idle(void *self)
{
    (void)self;
    return 0;
}

static void echo_reset(void *self)
{
    (void)self;
}

static const struct bp_device_ops ops = {
    .size = sizeof(ops),
    .create = echo_create,
    .start = echo_start,
    .destroy = echo_destroy,
    .show = echo_show,
    .activate = echo_idle,
    .reset = echo_reset,
    .queue_ready = echo_queue_ready,
    .pause = echo_idle,
    .resume = echo_idle,
};

/* ------------------------------------------------------------------ the descriptor */

static const struct bp_route routes[] = {
    {
        .method = "PUT",
        .path = "/echo/{id}",
        .summary = "Create or replace an echo device",
        .request = "{\"title\":\"EchoConfig\",\"type\":\"object\",\"properties\":{"
                   "\"echo_id\":{\"type\":\"string\"},\"capitals\":{\"type\":\"boolean\"}},"
                   "\"required\":[\"echo_id\"],\"additionalProperties\":false}",
        .config = "echo",
        .id_field = "echo_id",
        .mismatch = "The echo id {path} of the path is not the {body} of the body.",
        .config_rank = 100,
        .when = BP_WHEN_BOOT,
        .action = BP_DO_CREATE,
    },
};

static const struct bp_metric metrics[M_N] = {
    [M_REQUESTS] = { .name = "requests", .help = "Requests answered" },
    [M_BYTES] = { .name = "bytes", .help = "Bytes sent back" },
};

static const struct bp_need needs[] = {
    BP_NEED(queue, flush),
    BP_NEED(virtio, id),
    BP_NEED(log, metrics),
    BP_NEED(json, w_bool),
};

static const struct bp_plugin echo_plugin = {
    .size = sizeof(echo_plugin),
    .abi_major = BP_ABI_MAJOR,
    .abi_minor = BP_ABI_MINOR,
    .name = "echo",
    .version = "0.1.0",
    .summary = "virtio device that sends back what it gets",
    .license = "Apache-2.0",
    .virtio_id = ECHO_VIRTIO_ID,
    .state_version = 1,
    .state_oldest = 1,
    .needs = BP_TABLE(needs),
    .routes = BP_TABLE(routes),
    .metrics = BP_TABLE(metrics),
    .syscalls = BP_NO_TABLE,
    .ops = &ops,
    .metrics_key = "echo",
    .bus_rank = 100,
};
BP_PLUGIN(echo_plugin)
