/* SPDX-License-Identifier: Apache-2.0 */
/* The process's log. `lock` guards the destination and the line being built. */
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/cleanup.h"
#include "core/errtext.h"

int32_t log_level_now = LOG_LEVEL_INFO;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = STDOUT_FILENO;
static char log_id[128] = "anonymous-instance";
static bool show_level, show_origin; /* atomics */
static uint64_t missed;              /* atomic */
static struct buf line_buf;          /* kept, so that a line rarely allocates */
static __thread const char *thread_name;

void log_set_id(const char *id)
{
    (void)snprintf(log_id, sizeof(log_id), "%s", id);
}

void log_set_level(enum log_level level)
{
    __atomic_store_n(&log_level_now, (int32_t)level, __ATOMIC_RELAXED);
}

int log_parse_level(const char *text, bool any_case, enum log_level *ret_level)
{
    static const struct {
        const char *mixed, *upper;
        enum log_level level;
    } names[] = {
        { "Off", "OFF", LOG_LEVEL_OFF },       { "Trace", "TRACE", LOG_LEVEL_TRACE },
        { "Debug", "DEBUG", LOG_LEVEL_DEBUG }, { "Info", "INFO", LOG_LEVEL_INFO },
        { "Warn", "WARN", LOG_LEVEL_WARN },    { "Warning", "WARNING", LOG_LEVEL_WARN },
        { "Error", "ERROR", LOG_LEVEL_ERROR },
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(text, names[i].mixed) == 0 || strcmp(text, names[i].upper) == 0 ||
            (any_case && strcasecmp(text, names[i].upper) == 0)) {
            *ret_level = names[i].level;
            return 0;
        }
    }
    return -EINVAL;
}

void log_set_show(bool level, bool origin)
{
    __atomic_store_n(&show_level, level, __ATOMIC_RELAXED);
    __atomic_store_n(&show_origin, origin, __ATOMIC_RELAXED);
}

bool log_show_level(void)
{
    return __atomic_load_n(&show_level, __ATOMIC_RELAXED);
}

bool log_show_origin(void)
{
    return __atomic_load_n(&show_origin, __ATOMIC_RELAXED);
}

int log_set_path(const char *path, struct bp_err *err)
{
    /* Read-write, so that a FIFO opens without a reader and never raises SIGPIPE. */
    int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    char text[128];
    int old;

    if (fd < 0) {
        int e = errno;

        return bp_fail(err, -e, BP_E_CONFIG, "Failed to open target file: %s",
                       errtext_display(e, text, sizeof(text)));
    }
    (void)pthread_mutex_lock(&lock);
    old = log_fd;
    log_fd = fd;
    (void)pthread_mutex_unlock(&lock);
    if (old != STDOUT_FILENO) {
        (void)close(old);
    }
    return 0;
}

void log_set_thread(const char *name)
{
    thread_name = name;
}

uint64_t log_missed(void)
{
    return __atomic_load_n(&missed, __ATOMIC_RELAXED);
}

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_OFF:
        return "OFF";
    case LOG_LEVEL_ERROR:
        return "ERROR";
    case LOG_LEVEL_WARN:
        return "WARN";
    case LOG_LEVEL_INFO:
        return "INFO";
    case LOG_LEVEL_DEBUG:
        return "DEBUG";
    case LOG_LEVEL_TRACE:
        return "TRACE";
    }
    return "-";
}

/* A path inside the source tree, wherever the build directory was. */
static const char *origin_path(const char *file)
{
    static const char *const tops[] = { "/vmm/", "/api/", "/plugins/", "/tests/" };

    for (size_t i = 0; i < ARRAY_LEN(tops); i++) {
        const char *p = strstr(file, tops[i]);

        if (p) {
            return p + 1;
        }
    }
    while (strncmp(file, "../", 3) == 0) {
        file += 3;
    }
    return file;
}

static void line_head(struct buf *b, enum log_level level, const char *file, int line)
{
    struct timespec now = { 0 };
    struct tm tm = { 0 };
    const char *origin = origin_path(file);
    const char *thread = thread_name;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)localtime_r(&now.tv_sec, &tm);
    if (!thread) {
        thread = gettid() == getpid() ? "main" : "-";
    }
    buf_fmt(b, "%04d-%02d-%02dT%02d:%02d:%02d.%09ld [%s:%s", tm.tm_year + 1900, tm.tm_mon + 1,
            tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec, log_id, thread);
    if (log_show_level()) {
        buf_fmt(b, ":%s", level_name(level));
    }
    if (log_show_origin()) {
        buf_fmt(b, ":%s%s:%d", strchr(origin, '/') ? "" : "vmm/", origin, line);
    }
    buf_str(b, "] ");
}

/* A message stays one line whatever a client or a guest put into it. */
static void flatten(char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)s[i] < 0x20 && s[i] != '\t') {
            s[i] = ' ';
        }
    }
}

static void line_out(const struct buf *b)
{
    ssize_t n = -1;

    if (!b->failed) {
        do {
            n = write(log_fd, b->data, b->len);
        } while (n < 0 && errno == EINTR);
    }
    if (n < 0 || (size_t)n != b->len) {
        (void)__atomic_fetch_add(&missed, 1, __ATOMIC_RELAXED);
    }
}

void log_write(enum log_level level, const char *file, int line, const char *fmt, ...)
{
    struct buf *b = &line_buf;
    int saved = errno;
    size_t head;
    va_list ap;
    va_list again;
    int n;

    (void)pthread_mutex_lock(&lock);
    buf_reset(b);
    line_head(b, level, file, line);
    head = b->len;
    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n > 0 && !b->failed) {
        buf_fmt(b, "%*s", n, "");
        if (!b->failed) {
            (void)vsnprintf(b->data + head, (size_t)n + 1, fmt, again);
            flatten(b->data + head, (size_t)n);
        }
    }
    va_end(again);
    buf_add(b, "\n", 1);
    line_out(b);
    (void)pthread_mutex_unlock(&lock);
    errno = saved;
}
