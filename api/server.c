/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP over a Unix socket on civetweb. `lock` makes requests run one at a time; reading a request
 * and writing an answer happen outside of it, so that a slow client holds up nobody.
 */
#include "api/server.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "civetweb.h"

#include "api/text.h"
#include "core/cleanup.h"
#include "core/errtext.h"
#include "core/log.h"

#define SERVER_BACKLOG 128
#define SERVER_STOP_WAIT_S 1 /* for answers that are being written */
#define SERVER_DROPPED "\nAll previous unanswered requests will be dropped."

struct server {
    struct server_cfg cfg;
    struct mg_context *ctx;
    pthread_mutex_t lock;
    uint32_t n_open;      /* atomic */
    pthread_mutex_t gate; /* guards the two below */
    pthread_cond_t answered;
    uint32_t n_busy; /* requests whose answer is not written yet */
};

static void *thread_started(const struct mg_context *ctx, int type)
{
    (void)ctx;
    (void)type;
    (void)prctl(PR_SET_NAME, "fc_api");
    log_set_thread("fc_api");
    return NULL;
}

static int send_response(struct mg_connection *conn, int status, bool deprecated, const char *body,
                         size_t len)
{
    struct buf out = { 0 };
    int rc;

    buf_fmt(&out, "HTTP/1.1 %d \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n", status);
    if (deprecated) {
        buf_str(&out, "Deprecation: true\r\n");
    }
    if (len > 0) {
        buf_fmt(&out, "Content-Type: application/json\r\nContent-Length: %zu\r\n", len);
    }
    buf_str(&out, "\r\n");
    buf_add(&out, body, len);
    /* One write: clients exist that read until the first short read. */
    rc = out.failed ? -1 : mg_write(conn, out.data, out.len);
    if (rc < 0 || (size_t)rc != out.len) {
        log_error("API Server encountered an error on response: the client took %d of %zu bytes",
                  rc, out.len);
    }
    buf_done(&out);
    return rc < 0 ? rc : 0;
}

BP_PRINTF(2, 3)
static void send_parse_error(struct mg_connection *conn, const char *fmt, ...)
{
    char text[1536], body[1664];
    va_list ap;
    int n;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    n = snprintf(body, sizeof(body), "{ \"error\": \"%s" SERVER_DROPPED "\" }", text);
    (void)send_response(conn, 400, false, body, (size_t)n);
}

static bool method_known(const char *m)
{
    return strcmp(m, "GET") == 0 || strcmp(m, "PUT") == 0 || strcmp(m, "PATCH") == 0;
}

/* The request could not be parsed. Say what the contract says and let the connection close. */
static int on_http_error(struct mg_connection *conn, int status, const char *text)
{
    const struct mg_request_info *ri = mg_get_request_info(conn);
    bool line = ri != NULL && ri->request_method != NULL && ri->request_uri != NULL &&
                ri->http_version != NULL;
    const char *cl;

    (void)text;
    if (line && !method_known(ri->request_method)) {
        send_parse_error(conn, "Invalid HTTP Method: Unsupported HTTP method.");
    } else if (line && (status == 505 || (strcmp(ri->http_version, "1.0") != 0 &&
                                          strcmp(ri->http_version, "1.1") != 0))) {
        send_parse_error(conn, "Invalid HTTP Version: Unsupported HTTP version.");
    } else if (line && status == 411 && (cl = mg_get_header(conn, "Content-Length")) != NULL) {
        send_parse_error(
            conn, "Invalid header. Reason: Invalid value. Key:Content-Length; Value: %s", cl);
    } else if (line && (status == 400 || status == 413)) {
        send_parse_error(conn, "Invalid header. Reason: Header is incorrectly formatted. Key: %s",
                         ri->num_headers > 0 ? ri->http_headers[0].name : "");
    } else {
        send_parse_error(conn, "Invalid request.");
    }
    return 0;
}

static int on_connect(const struct mg_connection *conn, void **data)
{
    static const char full[] =
        "HTTP/1.1 503\r\nServer: Firecracker API\r\nConnection: close\r\n"
        "Content-Length: 40\r\n\r\n{ \"error\": \"Too many open connections\" }";
    struct server *s = mg_get_user_data(mg_get_context(conn));

    (void)data;
    if (__atomic_add_fetch(&s->n_open, 1, __ATOMIC_ACQ_REL) <= SERVER_CONNECTIONS_MAX) {
        return 0;
    }
    (void)mg_write((struct mg_connection *)conn, full, sizeof(full) - 1);
    return 1;
}

static void on_closed(const struct mg_connection *conn)
{
    struct server *s = mg_get_user_data(mg_get_context(conn));

    (void)__atomic_sub_fetch(&s->n_open, 1, __ATOMIC_ACQ_REL);
}

/* 0 and a NUL-terminated copy (NULL: no body), or -1 when the request was answered already. */
static int read_body(struct server *s, struct mg_connection *conn, char **ret, size_t *ret_len)
{
    const struct mg_request_info *ri = mg_get_request_info(conn);
    const char *cl = mg_get_header(conn, "Content-Length");
    const char *expect = mg_get_header(conn, "Expect");
    uint64_t len = 0;
    size_t got = 0;
    char *body;
    int n;

    if (ri->content_length <= 0) {
        return 0;
    }
    if (text_u32(cl, &len) != 0) {
        send_parse_error(conn,
                         "Invalid header. Reason: Invalid value. Key:Content-Length; Value: %s",
                         cl == NULL ? "" : cl);
        return -1;
    }
    if (len > s->cfg.max_payload) {
        send_parse_error(conn,
                         "Request payload with size %llu is larger than the limit of %u allowed by "
                         "server.",
                         (unsigned long long)len, s->cfg.max_payload);
        return -1;
    }
    if (expect != NULL && strcmp(expect, "100-continue") == 0) {
        static const char go[] = "HTTP/1.1 100 \r\nServer: Firecracker API\r\n"
                                 "Connection: keep-alive\r\n\r\n";

        (void)mg_write(conn, go, sizeof(go) - 1);
    }
    body = malloc((size_t)len + 1);
    if (body == NULL) {
        send_parse_error(conn, "Overflow occurred when parsing a request.");
        return -1;
    }
    while (got < len) {
        n = mg_read(conn, body + got, (size_t)len - got);
        if (n <= 0) {
            free(body);
            return -1; /* the client went away in the middle */
        }
        got += (size_t)n;
    }
    body[got] = '\0';
    *ret = body;
    *ret_len = got;
    return 0;
}

/* The path of an absolute URI, "" for what is neither absolute nor rooted. */
static const char *uri_path(const char *uri)
{
    const char *p;

    if (strncmp(uri, "http://", 7) == 0) {
        p = strchr(uri + 7, '/');
        return p == NULL ? "" : p;
    }
    return uri[0] == '/' ? uri : "";
}

static void busy_begin(struct server *s)
{
    (void)pthread_mutex_lock(&s->gate);
    s->n_busy++;
    (void)pthread_mutex_unlock(&s->gate);
}

static void busy_end(struct server *s)
{
    (void)pthread_mutex_lock(&s->gate);
    if (--s->n_busy == 0) {
        (void)pthread_cond_signal(&s->answered);
    }
    (void)pthread_mutex_unlock(&s->gate);
}

/* A request may well be what ended the machine: its answer must still go out. The limit is for a
 * client that does not read. */
static void busy_wait_none(struct server *s)
{
    struct timespec end;

    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += SERVER_STOP_WAIT_S;
    (void)pthread_mutex_lock(&s->gate);
    while (s->n_busy > 0 && pthread_cond_timedwait(&s->answered, &s->gate, &end) == 0) {
    }
    (void)pthread_mutex_unlock(&s->gate);
}

static int on_request(struct mg_connection *conn)
{
    struct server *s = mg_get_user_data(mg_get_context(conn));
    const struct mg_request_info *ri = mg_get_request_info(conn);
    struct server_response rs = { .status = 400 };
    struct server_request rq = { .method = ri->request_method };
    _cleanup_free_ char *body = NULL;
    struct buf uri = { 0 };
    size_t len = 0;
    int rc;

    if (!method_known(ri->request_method)) {
        send_parse_error(conn, "Invalid HTTP Method: Unsupported HTTP method.");
        return -1;
    }
    if (!text_is_utf8(ri->request_uri, strlen(ri->request_uri))) {
        send_parse_error(conn, "Invalid URI: Cannot parse URI as UTF-8.");
        return -1;
    }
    if (read_body(s, conn, &body, &len) != 0) {
        return -1;
    }
    buf_str(&uri, ri->request_uri);
    if (ri->query_string != NULL) { /* the library has cut it off */
        buf_fmt(&uri, "?%s", ri->query_string);
    }
    rq.path = uri_path(uri.data == NULL ? "" : uri.data);
    rq.body = body;
    rq.body_len = len;
    busy_begin(s);
    pthread_mutex_lock(&s->lock);
    s->cfg.handler(s->cfg.arg, &rq, &rs);
    pthread_mutex_unlock(&s->lock);
    rc = send_response(conn, rs.status, rs.deprecated, rs.body.data, rs.body.len);
    busy_end(s);
    buf_done(&rs.body);
    buf_done(&uri);
    return rc == 0 ? rs.status : -1;
}

static int listen_at(const char *path, struct bp_err *err)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    _cleanup_close_ int fd = -1;
    size_t len = strlen(path);
    char text[128];
    int e;

    if (len >= sizeof(sa.sun_path)) {
        return bp_fail(
            err, -EINVAL, BP_E_CONFIG,
            "Failed to bind and run the HTTP server: IO error: path must be shorter than "
            "SUN_LEN");
    }
    memcpy(sa.sun_path, path, len + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) != 0 ||
        listen(fd, SERVER_BACKLOG) != 0) {
        e = errno;
        if (e == EADDRINUSE) {
            return bp_fail(
                err, -e, BP_E_CONFIG,
                "Failed to open the API socket at: %s. Check that it is not already used.", path);
        }
        return bp_fail(err, -e, BP_E_HOST, "Failed to bind and run the HTTP server: IO error: %s",
                       errtext_display(e, text, sizeof(text)));
    }
    return take_fd(&fd);
}

static void locks_init(struct server *s)
{
    pthread_condattr_t attr;

    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_mutex_init(&s->gate, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&s->answered, &attr);
    (void)pthread_condattr_destroy(&attr);
}

static void locks_done(struct server *s)
{
    (void)pthread_cond_destroy(&s->answered);
    (void)pthread_mutex_destroy(&s->gate);
    (void)pthread_mutex_destroy(&s->lock);
}

int server_start(const struct server_cfg *cfg, struct server **ret, struct bp_err *err)
{
    static const struct mg_callbacks callbacks = {
        .begin_request = on_request,
        .http_error = on_http_error,
        .init_thread = thread_started,
        .init_connection = on_connect,
        .connection_closed = on_closed,
    };
    char port[24];
    /* One worker more than connections: it turns the surplus client away. The library starts each
     * when the one before it takes a client. */
    const char *options[] = { "listening_ports",
                              port,
                              "num_threads",
                              "11",
                              "enable_keep_alive",
                              "yes",
                              "request_timeout_ms",
                              "-1",
                              "keep_alive_timeout_ms",
                              "-1",
                              NULL };
    struct server *s;
    int fd = listen_at(cfg->sock_path, err);

    if (fd < 0) {
        return fd;
    }
    s = calloc(1, sizeof(*s));
    if (s == NULL) {
        (void)close(fd);
        return bp_fail(err, -ENOMEM, BP_E_HOST, "Out of memory for the API server");
    }
    s->cfg = *cfg;
    s->cfg.sock_path = NULL; /* not needed any more, and only borrowed */
    locks_init(s);
    (void)snprintf(port, sizeof(port), "@%d", fd);
    s->ctx = mg_start(&callbacks, s, options);
    if (s->ctx == NULL) {
        locks_done(s);
        free(s);
        (void)close(fd);
        return bp_fail(err, -EIO, BP_E_HOST, "Failed to bind and run the HTTP server");
    }
    *ret = s;
    return 0;
}

void server_stop(struct server *s)
{
    if (s == NULL) {
        return;
    }
    busy_wait_none(s);
    mg_stop(s->ctx);
    locks_done(s);
    free(s);
}
