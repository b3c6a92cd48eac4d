/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics file: one line of the contract's objects in the contract's order. Control thread. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/contract.h"
#include "api/priv.h"
#include "core/cleanup.h"
#include "core/errtext.h"
#include "core/log.h"
#include "core/metrics.h"

#define GROUP_NAMES_MAX 32u
#define OWN_STORED_MAX 32u
#define UNMARKED_MAX 40u

/* Storage of the groups that the control plane counts itself. Registered once per process. */
struct own_group {
    struct metric_group group;
    const char *names[GROUP_NAMES_MAX];
    bool stored[GROUP_NAMES_MAX];
    uint64_t values[GROUP_NAMES_MAX], reported[GROUP_NAMES_MAX];
};

static const char *const own_keys[] = {
    "api_server",         "deprecated_api",   "get_api_requests", "latencies_us", "logger",
    "patch_api_requests", "put_api_requests", "seccomp",          "signals",      "vmm"
};
static struct own_group own[ARRAY_LEN(own_keys)];
/* The names that the contract marks with a '*', without it. */
static char unmarked[OWN_STORED_MAX][UNMARKED_MAX];
static uint32_t n_unmarked;
static pthread_once_t own_once = PTHREAD_ONCE_INIT;

static void own_register(struct own_group *g, const struct contract_metrics *c)
{
    for (uint32_t i = 0; i < c->n && i < GROUP_NAMES_MAX; i++) {
        size_t len = strlen(c->names[i]);

        g->names[i] = c->names[i];
        g->stored[i] = c->names[i][len - 1] == '*';
        if (g->stored[i] && n_unmarked < OWN_STORED_MAX && len <= UNMARKED_MAX) {
            memcpy(unmarked[n_unmarked], c->names[i], len - 1);
            g->names[i] = unmarked[n_unmarked++];
        }
    }
    g->group = (struct metric_group){
        .key = c->key,
        .names = g->names,
        .n = c->n < GROUP_NAMES_MAX ? c->n : GROUP_NAMES_MAX,
        .stored = g->stored,
        .values = g->values,
        .reported = g->reported,
    };
    /* Somebody else may count this group already: then his is used. */
    (void)metrics_register(&g->group);
}

static void own_register_all(void)
{
    for (size_t k = 0; k < ARRAY_LEN(own_keys); k++) {
        for (size_t i = 0; i < contract_metrics_n; i++) {
            if (strcmp(contract_metrics[i].key, own_keys[k]) == 0 &&
                metrics_find(own_keys[k]) == NULL) {
                own_register(&own[k], &contract_metrics[i]);
            }
        }
    }
}

void metrics_out_init(void)
{
    (void)pthread_once(&own_once, own_register_all);
}

uint64_t *api_metric(const char *group, const char *name)
{
    struct metric_group *g;

    metrics_out_init();
    g = metrics_find(group);
    for (uint32_t i = 0; g != NULL && i < g->n; i++) {
        if (strcmp(g->names[i], name) == 0) {
            return &g->values[i];
        }
    }
    return NULL;
}

static void write_zeros(struct bp_jsonw *w, const struct contract_metrics *c)
{
    char name[48];

    jsonw_open(w, c->key, BP_J_OBJ);
    for (uint32_t i = 0; i < c->n; i++) {
        size_t len = strlen(c->names[i]);

        len -= c->names[i][len - 1] == '*';
        (void)snprintf(name, sizeof(name), "%.*s", (int)len, c->names[i]);
        jsonw_u64(w, name, 0);
    }
    jsonw_close(w);
}

/* Objects that nobody counts, because their plugin is absent, are reported as zeros. */
static bool in_contract(const char *key)
{
    for (size_t i = 0; i < contract_metrics_n; i++) {
        if (strcmp(contract_metrics[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

static void write_all(struct api *a, struct bp_jsonw *w)
{
    const struct registry *r = vm_registry(a->vm);
    uint64_t *missed = api_metric("logger", "missed_log_count");
    struct timespec now;
    struct metric_group *g;

    if (missed != NULL) {
        __atomic_store_n(missed, log_missed(), __ATOMIC_RELAXED);
    }
    (void)clock_gettime(CLOCK_REALTIME, &now);
    jsonw_open(w, NULL, BP_J_OBJ);
    jsonw_u64(w, "utc_timestamp_ms",
              (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u);
    for (size_t i = 0; i < contract_metrics_n; i++) {
        g = metrics_find(contract_metrics[i].key);
        if (g != NULL) {
            metrics_write(g, w);
        } else {
            write_zeros(w, &contract_metrics[i]);
        }
    }
    for (uint32_t i = 0; i < r->n; i++) { /* other people's plugins come last */
        g = &r->plugins[i]->group;
        if (g->key != NULL && g->n > 0 && !in_contract(g->key)) {
            metrics_write(g, w);
        }
    }
    jsonw_close(w);
    buf_str(&w->buf, "\n");
}

int api_set_metrics_path(struct api *a, const char *path, struct bp_err *err)
{
    char text[128];
    int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    int e = errno;

    if (fd < 0) {
        return bp_fail(err, -e, BP_E_CONFIG, "%s", errtext_display(e, text, sizeof(text)));
    }
    if (a->metrics_fd >= 0) {
        (void)close(fd);
        return bp_fail(err, -EALREADY, BP_E_CONFLICT, "Reinitialization of metrics not allowed.");
    }
    a->metrics_fd = fd;
    return 0;
}

int api_flush_metrics(struct api *a, struct bp_err *err)
{
    struct bp_jsonw w;
    char text[128];
    size_t done = 0;
    ssize_t n = 0;
    int e = 0;

    if (a->metrics_fd < 0) {
        return 0;
    }
    jsonw_init(&w);
    write_all(a, &w);
    e = w.buf.failed ? ENOMEM : 0;
    while (e == 0 && done < w.buf.len) {
        n = write(a->metrics_fd, w.buf.data + done, w.buf.len - done);
        if (n > 0) {
            done += (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            e = n == 0 ? EIO : errno;
        }
    }
    jsonw_done(&w);
    if (e == 0) {
        return 0;
    }
    bp_count(api_metric("logger", "missed_metrics_count"), 0, 1);
    if (err != NULL) {
        (void)bp_fail(err, -e, BP_E_HOST, "Failed to write metrics: %s",
                      errtext_display(e, text, sizeof(text)));
    }
    return -e;
}
