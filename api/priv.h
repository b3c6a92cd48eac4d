/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the control plane share. */
#ifndef BP_API_PRIV_H
#define BP_API_PRIV_H

#include <pthread.h>

#include "api/api.h"
#include "api/server.h"
#include "core/json.h"
#include "core/schema.h"

#define PRE_BOOT "The requested operation is not supported before starting the microVM."
#define POST_BOOT "The requested operation is not supported after starting the microVM."
#define WHEN_ANY (BP_WHEN_BOOT | BP_WHEN_RUNNING | BP_WHEN_PAUSED)
#define WHEN_LIVE (BP_WHEN_RUNNING | BP_WHEN_PAUSED)
#define BAD_REQUEST_BODY "An error occurred when deserializing the json body of a request: "

/* One operation that the core serves itself. */
struct core_route {
    const char *method, *t1;
    const char *t2; /* NULL: whatever follows is ignored */
    const char *schema;
    const char *counter;
    uint32_t when;
    /* What the schema cannot say; API thread. plain: the text is the whole answer, otherwise the
     * detail of a body error. */
    int (*check)(const struct bp_json *body, struct bp_err *err, bool *ret_plain);
    int (*run)(struct api *a, const struct bp_json *body, struct bp_jsonw *w, struct bp_err *err);
};

extern const struct core_route core_routes[];
extern const size_t core_routes_n;
#define CORE_ROUTES_MAX 24u

struct api {
    struct vm *vm;
    struct loop *loop;
    struct api_opts opts;
    struct server *server;
    pthread_mutex_t schema_lock;             /* guards schemas */
    struct schema *schemas[CORE_ROUTES_MAX]; /* of core_routes, by index; see api_schema() */
    int metrics_fd;                          /* -1: none */
    bool plugins_loaded;                     /* API threads, under the server's lock */
    bool patching;                           /* the request that runs is a PATCH */
    /* A run() that measures itself names its latency here: "pause_vm", "pause vm". */
    const char *latency, *latency_label;
    uint64_t arrived_ns;
};

/* The body schema of a core route, compiled at its first use. NULL: the route takes any body, or
 * the schema cannot be compiled (out of memory) and err says why. */
const struct schema *api_schema(struct api *a, size_t route, struct bp_err *err);
/* Execute a request; API thread (or the control thread, in tests). */
void router_handle(void *arg, const struct server_request *rq, struct server_response *rs);
bool router_core_has(const char *method, const char *path);

/* core_machine.c, core_vm.c, core_log.c */
int core_machine_get(struct api *a, const struct bp_json *body, struct bp_jsonw *w,
                     struct bp_err *err);
int core_machine_put(struct api *a, const struct bp_json *body, struct bp_jsonw *w,
                     struct bp_err *err);
int core_machine_check(const struct bp_json *body, struct bp_err *err, bool *ret_plain);
int core_boot_put(struct api *a, const struct bp_json *body, struct bp_jsonw *w,
                  struct bp_err *err);
int core_info(struct api *a, const struct bp_json *body, struct bp_jsonw *w, struct bp_err *err);
int core_version(struct api *a, const struct bp_json *body, struct bp_jsonw *w, struct bp_err *err);
int core_config(struct api *a, const struct bp_json *body, struct bp_jsonw *w, struct bp_err *err);
int core_actions(struct api *a, const struct bp_json *body, struct bp_jsonw *w, struct bp_err *err);
int core_vm_patch(struct api *a, const struct bp_json *body, struct bp_jsonw *w,
                  struct bp_err *err);
int core_logger(struct api *a, const struct bp_json *body, struct bp_jsonw *w, struct bp_err *err);
int core_logger_check(const struct bp_json *body, struct bp_err *err, bool *ret_plain);
int core_metrics(struct api *a, const struct bp_json *body, struct bp_jsonw *w, struct bp_err *err);
void core_machine_show(struct api *a, struct bp_jsonw *w, const char *key);

/* metrics_out.c */
void metrics_out_init(void);

/* A member that is there and not null, or NULL. */
const struct bp_json *member(const struct bp_json *obj, const char *key);

#endif
