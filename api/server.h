/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP over a Unix socket: framing, limits and the exact bytes of answers. The handler runs on an
 * API thread, one request at a time.
 */
#ifndef BP_API_SERVER_H
#define BP_API_SERVER_H

#include <backplane/plugin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

#define SERVER_CONNECTIONS_MAX 10u

struct server_request {
    const char *method; /* "GET", "PUT" or "PATCH" */
    const char *path;   /* raw: no decoding, query string included */
    const char *body;   /* NUL-terminated copy; NULL when there is none */
    size_t body_len;
};

struct server_response {
    int status; /* 200, 204, 400, 413 */
    bool deprecated;
    struct buf body; /* JSON, empty for 204 */
};

struct server_cfg {
    const char *sock_path;
    uint32_t max_payload;
    void *arg;
    void (*handler)(void *arg, const struct server_request *rq, struct server_response *rs);
};

struct server;

int server_start(const struct server_cfg *cfg, struct server **ret, struct bp_err *err);
void server_stop(struct server *s); /* joins its threads; NULL is fine */

#endif
