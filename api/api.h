/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control plane: the REST API on a Unix socket, the configuration file and the metrics file.
 * All functions belong to the control thread, whose loop must run (or be served) while a request
 * is in flight: requests arrive on API threads and are carried over by loop_call().
 */
#ifndef BP_API_API_H
#define BP_API_API_H

#include <backplane/plugin.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/loop.h"
#include "vm/vm.h"

#define API_VERSION_TEXT "1.5.1" /* the contract's version, which clients compare */
#define API_PAYLOAD_DEFAULT 51200u

struct api_opts {
    uint32_t max_payload; /* bytes of one request body; 0: API_PAYLOAD_DEFAULT */
};

struct api;

/* Usable without a socket: configuration file and metrics need it too. NULL: out of memory. The
 * VM and the loop are borrowed and must outlive the object. */
struct api *api_new(struct vm *v, struct loop *l, const struct api_opts *o);
/* Keep plugins of this registry from the control plane's routes and counters; api_new() does it
 * for the registry of its VM. */
void api_claim(struct registry *r);
void api_free(struct api *a); /* api_stop() first when it serves */

/* Bind, listen and serve. -EADDRINUSE with the contract's text when the path exists; nothing is
 * ever unlinked. Returns as soon as clients can connect. */
int api_serve(struct api *a, const char *sock_path, struct bp_err *err);
/* Answer nothing more and join the API threads. Waiting calls end because the loop is served, or
 * closed to calls, meanwhile. */
void api_stop(struct api *a);

/* Apply a configuration document through the same routes, in the contract's order. The text of a
 * failure is complete ("Configuration for VMM from one single json failed: ..."). */
int api_apply_config(struct api *a, const char *text, size_t len, struct bp_err *err);

/* Open the metrics file (existing, once per process). Texts: the contract's. */
int api_set_metrics_path(struct api *a, const char *path, struct bp_err *err);
/* Write one line now; 0 as well when no file is configured. A failure is counted, the text
 * ("Failed to write metrics: ...") is in err, which may be NULL. */
int api_flush_metrics(struct api *a, struct bp_err *err);
/* A counter or stored value of the contract ("api_server", "process_startup_time_us"); NULL: there
 * is none of that name. Bump with bp_count() or store atomically. */
uint64_t *api_metric(const char *group, const char *name);

#endif
