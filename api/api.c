/* SPDX-License-Identifier: Apache-2.0 */
/* The control plane's object: made by the control thread, used by API threads while they serve. */
#include "api/api.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/priv.h"
#include "core/log.h"

struct api *api_new(struct vm *v, struct loop *l, const struct api_opts *o)
{
    struct api *a = calloc(1, sizeof(*a));

    if (a == NULL) {
        return NULL;
    }
    a->vm = v;
    a->loop = l;
    a->opts = *o;
    a->metrics_fd = -1;
    (void)pthread_mutex_init(&a->schema_lock, NULL);
    api_claim(vm_registry(v));
    return a;
}

void api_claim(struct registry *r)
{
    metrics_out_init();
    r->core_has = router_core_has;
}

void api_free(struct api *a)
{
    if (a == NULL) {
        return;
    }
    for (size_t i = 0; i < core_routes_n; i++) {
        schema_free(a->schemas[i]);
    }
    if (a->metrics_fd >= 0) {
        (void)close(a->metrics_fd);
    }
    (void)pthread_mutex_destroy(&a->schema_lock);
    free(a);
}

const struct schema *api_schema(struct api *a, size_t route, struct bp_err *err)
{
    const struct schema *s;

    (void)pthread_mutex_lock(&a->schema_lock);
    if (a->schemas[route] == NULL && core_routes[route].schema != NULL) {
        a->schemas[route] = schema_compile(core_routes[route].schema, err);
    }
    s = a->schemas[route];
    (void)pthread_mutex_unlock(&a->schema_lock);
    return s;
}

int api_serve(struct api *a, const char *sock_path, struct bp_err *err)
{
    const struct server_cfg cfg = {
        .sock_path = sock_path,
        .max_payload = a->opts.max_payload == 0 ? API_PAYLOAD_DEFAULT : a->opts.max_payload,
        .arg = a,
        .handler = router_handle,
    };

    return server_start(&cfg, &a->server, err);
}

void api_stop(struct api *a)
{
    if (a->server == NULL) {
        return;
    }
    loop_close_calls(a->loop);
    server_stop(a->server);
    a->server = NULL;
    log_debug("shutdown request received, API server thread ending.");
}
