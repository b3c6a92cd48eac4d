/* SPDX-License-Identifier: Apache-2.0 */
/* The service tables as a plugin sees them: a small echo device on the plugin test kit. */
#include <backplane/plugin.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit.h"
#include "kit_cmocka.h"
#include "plugin/devices.h"

#define ECHO_SEGS 8u

struct echo {
    const struct bp_host *h;
    struct bp_dev *d;
    struct bp_limiter *lim;
    struct bp_source *timer;
    uint64_t *m;
    uint64_t ticks;
    int hold, double_push, never_quiet;
};

static struct echo *last;

static void echo_refilled(void *arg)
{
    struct echo *e = arg;

    e->h->queue->kick(e->h->virtio->queue(e->d, 0));
}

static void echo_tick(void *arg)
{
    struct echo *e = arg;

    e->ticks++;
}

static int echo_create(const struct bp_host *h, void *ctx, struct bp_dev *d,
                       const struct bp_json *cfg, void **self, struct bp_err *err)
{
    const struct bp_json *path = h->json->get(cfg, "path");
    struct echo *e;
    int fd, rc;

    (void)ctx;
    if (path) {
        rc = h->file->open(d, h->json->str(path, NULL), 0, &fd, err);
        if (rc < 0) {
            return rc;
        }
        (void)close(fd);
    }
    e = calloc(1, sizeof(*e));
    e->h = h;
    e->d = d;
    if (h->json->get(cfg, "first")) {
        h->virtio->place_first(d);
    }
    e->m = h->log->metrics(d);
    rc = h->limit->make(d, h->json->get(cfg, "rate_limiter"), echo_refilled, e, &e->lim, err);
    if (rc < 0) {
        free(e);
        return rc;
    }
    *self = e;
    last = e;
    return 0;
}

static int echo_start(void *self, const struct bp_device_info **info, struct bp_err *err)
{
    static const uint16_t max[] = { 64, 64 };
    static const struct bp_device_info i = {
        .size = sizeof(i),
        .n_queues = 2,
        .config_len = 8,
        .queue_max = max,
        .max_segs = ECHO_SEGS,
        .ring_flags = BP_RING_EVENT_IDX,
    };
    struct echo *e = self;

    (void)err;
    (void)e->h->virtio->config_set(e->d, 0, "abcdefgh", 8);
    (void)e->h->boot->cmdline(e->d, "echo=1", err);
    *info = &i;
    return e->h->loop->timer_add(e->d, echo_tick, e, &e->timer);
}

static void echo_destroy(void *self)
{
    free(self);
}

static int echo_update(void *self, const struct bp_json *patch, struct bp_err *err)
{
    struct echo *e = self;

    return e->h->limit->update(e->lim, e->h->json->get(patch, "rate_limiter"), err);
}

static int echo_show(void *self, struct bp_jsonw *w)
{
    struct echo *e = self;
    const char *id = e->h->virtio->id(e->d);

    e->h->json->w_str(w, "id", id, (uint32_t)strlen(id));
    e->h->limit->show(e->lim, "rate_limiter", w);
    return 0;
}

static int echo_activate(void *self)
{
    (void)self;
    return 0;
}

static void echo_reset(void *self)
{
    (void)self;
}

static int echo_ready(void *self, struct bp_queue *q, uint32_t index, uint32_t budget)
{
    const struct bp_queue_svc *qs;
    struct iovec iov[ECHO_SEGS];
    struct echo *e = self;
    struct bp_chain c;
    int more = 1;

    (void)index;
    qs = e->h->queue;
    bp_count(e->m, 1, 1);
    while (budget-- > 0 && (more = qs->pop(q, &c, iov, ECHO_SEGS)) > 0) {
        if (!e->h->limit->take(e->lim, 1, c.in_len)) {
            qs->unpop(q, 1);
            more = 0;
            break;
        }
        bp_count(e->m, 0, 1);
        if (c.n_in > 0 && iov[c.n_out].iov_base) {
            memset(iov[c.n_out].iov_base, 0x5a, iov[c.n_out].iov_len);
        }
        qs->push(q, c.head, c.in_len);
        if (e->double_push) {
            qs->push(q, c.head, c.in_len);
        }
    }
    qs->flush(q);
    return more > 0;
}

static int echo_pause(void *self)
{
    struct echo *e = self;

    return e->never_quiet;
}

static int echo_resume(void *self)
{
    (void)self;
    return 0;
}

static int echo_save(void *self, struct bp_statew *w, struct bp_err *err)
{
    struct echo *e = self;

    (void)err;
    (void)e->h->state->put_u64(w, "ticks", e->ticks);
    return e->h->state->put_bytes(w, "name", "echo", 4);
}

static int echo_restore(void *self, struct bp_stater *r, uint32_t version, struct bp_err *err)
{
    struct echo *e = self;
    uint64_t len = 0, none;
    char name[4];

    (void)version;
    if (e->h->state->get_u64(r, "ticks", &e->ticks) < 0 ||
        e->h->state->get_bytes(r, "name", name, sizeof(name), &len) < 0 || len != 4 ||
        memcmp(name, "echo", 4) != 0 || e->h->state->get_u64(r, "absent", &none) != -ENOENT ||
        e->h->state->get_bytes(r, "name", name, 3, &len) != -ENOSPC) {
        return bp_fail(err, -EINVAL, BP_E_CONFIG, "bad state");
    }
    return 0;
}

static const struct bp_device_ops ops = {
    .size = sizeof(ops),
    .create = echo_create,
    .start = echo_start,
    .destroy = echo_destroy,
    .update = echo_update,
    .show = echo_show,
    .activate = echo_activate,
    .reset = echo_reset,
    .queue_ready = echo_ready,
    .pause = echo_pause,
    .resume = echo_resume,
    .save = echo_save,
    .restore = echo_restore,
};

#define BODY                                                                                       \
    "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"},\"path\":{\"type\":"        \
    "\"string\"},\"rate_limiter\":{\"type\":[\"object\",\"null\"]}}}"

static const struct bp_route routes[] = {
    { .method = "PUT",
      .path = "/echo/{id}",
      .summary = "make",
      .request = BODY,
      .config = "echo",
      .id_field = "id",
      .when = BP_WHEN_BOOT,
      .action = BP_DO_CREATE },
    { .method = "PATCH",
      .path = "/echo/{id}",
      .summary = "change",
      .request = BODY,
      .absent = "no echo {path} here",
      .when = BP_WHEN_BOOT | BP_WHEN_RUNNING,
      .action = BP_DO_UPDATE },
    { .method = "GET",
      .path = "/echo/{id}",
      .summary = "show",
      .when = BP_WHEN_BOOT | BP_WHEN_RUNNING,
      .action = BP_DO_SHOW },
};
static const struct bp_metric metrics[] = { { .name = "requests", .help = "requests" },
                                            { .name = "calls", .help = "calls of queue_ready" } };
static const struct bp_need needs[] = { BP_NEED(queue, kick), BP_NEED(limit, show) };

static const struct bp_plugin echo_plugin = {
    .size = sizeof(echo_plugin),
    .abi_major = BP_ABI_MAJOR,
    .name = "echo",
    .version = "1.0.0",
    .summary = "test",
    .license = "Apache-2.0",
    .virtio_id = 63,
    .state_version = 1,
    .state_oldest = 1,
    .needs = BP_TABLE(needs),
    .routes = BP_TABLE(routes),
    .metrics = BP_TABLE(metrics),
    .syscalls = BP_NO_TABLE,
    .ops = &ops,
    .metrics_key = "echo",
};

static struct kit *boot(const char *config)
{
    struct kit_cfg c = { .config = config, .id = "e0" };
    struct bp_err err;
    struct kit *k = kit_open(&echo_plugin, &c, &err);

    if (!k) {
        print_error("%s\n", err.text);
    }
    assert_non_null(k);
    assert_int_equal(kit_boot(k, 0), 0);
    return k;
}

static int put_one(struct kit *k, uint32_t len)
{
    struct kit_buf b = { kit_alloc(k, len, 8), len, KIT_WRITE };

    return kit_put(k, 0, &b, 1);
}

static void requests_are_answered(void **state)
{
    struct kit *k = boot("{}");
    uint32_t len;
    int head, i;
    char cfg[8];

    (void)state;
    head = put_one(k, 16);
    kit_kick(k, 0);
    assert_int_equal(kit_used(k, 0, &len), head);
    assert_int_equal(len, 16);
    assert_int_equal(kit_irqs(k, 0), 1);
    assert_int_equal(kit_metric(k, "requests"), 1);
    for (i = 0; i < 60; i++) {
        assert_true(put_one(k, 4) >= 0);
    }
    kit_kick(k, 0);
    for (i = 0; i < 60; i++) {
        assert_true(kit_used(k, 0, &len) >= 0);
    }
    assert_int_equal(kit_used(k, 0, &len), -1);
    kit_config_read(k, 0, cfg, sizeof(cfg));
    assert_memory_equal(cfg, "abcdefgh", 8);
    assert_string_equal(kit_cmdline(k), "echo=1");
    kit_close(k);
}

static void double_push_is_logged_and_ignored(void **state)
{
    struct kit *k = boot("{}");
    uint32_t len;

    (void)state;
    last->double_push = 1;
    (void)put_one(k, 16);
    kit_kick(k, 0);
    assert_true(kit_used(k, 0, &len) >= 0);
    assert_int_equal(kit_used(k, 0, &len), -1);
    assert_non_null(strstr(kit_log(k), "BUG push of head"));
    assert_false(kit_needs_reset(k));
    kit_expect_bugs(k);
    kit_close(k);
}

static void broken_ring_needs_reset(void **state)
{
    struct kit *k = boot("{}");

    (void)state;
    kit_raw_avail_idx(k, 0, 1000); /* more than the queue holds */
    kit_kick(k, 0);
    assert_true(kit_needs_reset(k));
    assert_non_null(strstr(kit_log(k), "WARN The driver broke a queue"));
    kit_reset(k);
    assert_int_equal(kit_boot(k, 0), 0);
    (void)put_one(k, 4);
    kit_kick(k, 0);
    assert_true(kit_used(k, 0, NULL) >= 0);
    kit_close(k);
}

static void limiter_waits_and_resumes(void **state)
{
    struct kit *k = boot("{\"rate_limiter\":{\"ops\":{\"size\":2,\"refill_time\":1000}}}");
    uint64_t calls;
    char reply[512];
    struct bp_err e;

    (void)state;
    (void)put_one(k, 4);
    (void)put_one(k, 4);
    (void)put_one(k, 4);
    kit_kick(k, 0);
    assert_int_equal(kit_metric(k, "requests"), 2);
    assert_int_equal(last->h->limit->blocked(last->lim), 1);
    calls = kit_metric(k, "calls");
    kit_run(k);
    assert_int_equal(kit_metric(k, "calls"), calls); /* it waits, it does not spin */
    kit_advance(k, 99000000);
    assert_int_equal(kit_metric(k, "requests"), 2);
    kit_advance(k, 600000000);
    assert_int_equal(kit_metric(k, "requests"), 3);
    e = kit_request(k, "GET", "/echo/e0", NULL, reply, sizeof(reply));
    assert_int_equal(e.code, 0);
    assert_string_equal(reply,
                        "{\"id\":\"e0\",\"rate_limiter\":{\"bandwidth\":null,\"ops\":{\"size\":2,"
                        "\"one_time_burst\":null,\"refill_time\":1000}}}");
    kit_close(k);
}

static void update_wakes_at_once(void **state)
{
    struct kit *k = boot("{\"rate_limiter\":{\"bandwidth\":{\"size\":10,\"refill_time\":100000}}}");
    struct bp_err e;

    (void)state;
    (void)put_one(k, 1000); /* an overdraft that would take hours */
    (void)put_one(k, 4);
    kit_kick(k, 0);
    assert_int_equal(kit_metric(k, "requests"), 1);
    e = kit_request(k, "PATCH", "/echo/e0", "{\"rate_limiter\":{\"ops\":null}}", NULL, 0);
    assert_int_equal(e.code, 0);
    kit_advance(k, 1000000);
    assert_int_equal(kit_metric(k, "requests"), 1);
    e = kit_request(k, "PATCH", "/echo/e0",
                    "{\"rate_limiter\":{\"bandwidth\":{\"size\":0,\"refill_time\":0}}}", NULL, 0);
    assert_int_equal(e.code, 0);
    kit_advance(k, 1000000);
    assert_int_equal(kit_metric(k, "requests"), 2);
    e = kit_request(k, "PATCH", "/echo/none", "{}", NULL, 0);
    assert_int_equal(e.kind, BP_E_CONFIG);
    assert_string_equal(e.text, "no echo none here");
    kit_close(k);
}

static void pause_holds_requests(void **state)
{
    struct kit *k = boot("{}");

    (void)state;
    assert_int_equal(last->h->loop->timer_arm(last->timer, 1000, 0), 0);
    assert_int_equal(kit_pause(k), 0);
    (void)put_one(k, 4);
    kit_kick(k, 0);
    kit_advance(k, 5000);
    assert_int_equal(kit_used(k, 0, NULL), -1);
    assert_int_equal(last->ticks, 0);
    kit_resume(k);
    kit_advance(k, 5000);
    assert_true(kit_used(k, 0, NULL) >= 0);
    assert_int_equal(last->ticks, 1);
    last->never_quiet = 1;
    assert_int_equal(kit_pause(k), 1);
    last->never_quiet = 0;
    kit_resume(k);
    kit_close(k);
}

static void deleted_source_is_a_bug(void **state)
{
    struct kit *k = boot("{}");

    (void)state;
    last->h->loop->del(last->timer);
    assert_int_equal(last->h->loop->timer_arm(last->timer, 1, 0), -EINVAL);
    assert_non_null(strstr(kit_log(k), "BUG timer_arm() of a source that was deleted"));
    kit_expect_bugs(k);
    kit_close(k);
}

static void files_come_from_the_host(void **state)
{
    const struct kit_file_def f[] = { { "/disk", "x", 1 } };
    struct kit_cfg c = { .files = f, .n_files = 1 };
    struct kit *k = kit_open(&echo_plugin, &c, NULL);
    struct bp_err e;

    (void)state;
    e = kit_request(k, "PUT", "/echo/a", "{\"id\":\"a\",\"path\":\"/disk\"}", NULL, 0);
    assert_int_equal(e.code, 0);
    e = kit_request(k, "PUT", "/echo/a", "{\"id\":\"a\",\"path\":\"/none\"}", NULL, 0);
    assert_int_equal(e.code, -ENOENT);
    assert_string_equal(e.text, "No such file or directory (os error 2)");
    kit_fail_open(k, 1);
    e = kit_request(k, "PUT", "/echo/a", "{\"id\":\"a\",\"path\":\"/disk\"}", NULL, 0);
    assert_int_equal(e.code, -EACCES);
    assert_int_equal(kit_select(k, "a"), 0); /* the failed ones replaced nothing */
    e = kit_request(k, "PUT", "/echo/a", "{\"id\":\"b\"}", NULL, 0);
    assert_int_equal(e.kind, BP_E_CONFIG);
    kit_close(k);
}

static void state_makes_a_round_trip(void **state)
{
    struct kit *k = boot("{}");

    (void)state;
    last->ticks = 77;
    assert_int_equal(kit_roundtrip(k), 0);
    kit_close(k);
}

static void first_ones_lead_the_bus(void **state)
{
    struct kit *k = kit_open(&echo_plugin, NULL, NULL);
    struct bp_dev *order[4];
    struct devices ds;

    (void)state;
    assert_int_equal(kit_request(k, "PUT", "/echo/a", "{\"id\":\"a\"}", NULL, 0).code, 0);
    assert_int_equal(kit_request(k, "PUT", "/echo/b", "{\"id\":\"b\"}", NULL, 0).code, 0);
    assert_int_equal(kit_request(k, "PUT", "/echo/c", "{\"id\":\"c\",\"first\":1}", NULL, 0).code,
                     0);
    assert_int_equal(kit_request(k, "PUT", "/echo/b", "{\"id\":\"b\"}", NULL, 0).code, 0);
    assert_int_equal(kit_select(k, "c"), 0);
    ds = (struct devices){ .first = kit_dev(k), .n = 3 }; /* the head after the swap */
    assert_int_equal(devices_bus_order(&ds, order, 4), 3);
    assert_string_equal(order[0]->id, "c");
    assert_string_equal(order[1]->id, "b");
    assert_string_equal(order[2]->id, "a");
    kit_close(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_answered),
        cmocka_unit_test(broken_ring_needs_reset),
        cmocka_unit_test(double_push_is_logged_and_ignored),
        cmocka_unit_test(limiter_waits_and_resumes),
        cmocka_unit_test(update_wakes_at_once),
        cmocka_unit_test(pause_holds_requests),
        cmocka_unit_test(deleted_source_is_a_bug),
        cmocka_unit_test(files_come_from_the_host),
        cmocka_unit_test(state_makes_a_round_trip),
        cmocka_unit_test(first_ones_lead_the_bus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
