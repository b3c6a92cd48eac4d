/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines in a device's name, limited per call site. Any thread; dev->lock guards the sites. */
#include <stdarg.h>
#include <stdio.h>

#include "core/log.h"
#include "host/priv.h"
#include "plugin/registry.h"

#define SITE_WINDOW_NS 5000000000ull
#define SITE_LINES 10u

/* May this site write now? *ret_lost is how many lines of an earlier window were left out. */
static bool site_open(struct bp_dev *d, const char *fmt, uint32_t *ret_lost)
{
    struct host_log_site *s = &d->sites[((uintptr_t)fmt >> 3) % HOST_LOG_SITES];
    uint64_t now = loop_now_ns();
    bool open;

    *ret_lost = 0;
    (void)pthread_mutex_lock(&d->lock);
    if (s->fmt != fmt || now - s->since_ns >= SITE_WINDOW_NS) {
        if (s->fmt == fmt && s->n > SITE_LINES) {
            *ret_lost = s->n - SITE_LINES;
        }
        s->fmt = fmt;
        s->since_ns = now;
        s->n = 0;
    }
    s->n += s->n < UINT32_MAX;
    open = s->n <= SITE_LINES;
    (void)pthread_mutex_unlock(&d->lock);
    return open;
}

static void write_line(struct bp_dev *d, int32_t level, const char *text)
{
    const char *plugin = d->plugin ? d->plugin->desc.name : "?";

    if (d->env && d->env->log) {
        d->env->log(d->env->arg, d, level, text);
        return;
    }
    switch (level) {
    case BP_LOG_BUG:
        log_error("BUG in plugin %s: [%s] %s", plugin, d->id, text);
        break;
    case BP_LOG_ERROR:
        log_error("[%s] %s", d->id, text);
        break;
    case BP_LOG_WARN:
        log_warn("[%s] %s", d->id, text);
        break;
    case BP_LOG_INFO:
        log_info("[%s] %s", d->id, text);
        break;
    default:
        log_debug("[%s] %s", d->id, text);
        break;
    }
}

BP_PRINTF(3, 0)
static void log_va(struct bp_dev *d, int32_t level, const char *fmt, va_list ap)
{
    char text[1024];
    uint32_t lost;

    if (!d || (level != BP_LOG_BUG && !bp_log_on(&host_log_svc, level) && !d->env->log)) {
        return;
    }
    if (!site_open(d, fmt, &lost)) {
        return;
    }
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    write_line(d, level, text);
    if (lost > 0) {
        (void)snprintf(text, sizeof(text), "%u lines like this one were left out", lost);
        write_line(d, level, text);
    }
}

void host_log(struct bp_dev *d, int32_t level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_va(d, level, fmt, ap);
    va_end(ap);
}

void host_bug(struct bp_dev *d, const char *fmt, ...)
{
    va_list ap;

    d->bugs++;
    va_start(ap, fmt);
    log_va(d, BP_LOG_BUG, fmt, ap);
    va_end(ap);
}

BP_PRINTF(3, 4) static void svc_log(struct bp_dev *d, int32_t level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_va(d, level, fmt, ap);
    va_end(ap);
}

static uint64_t *svc_metrics(struct bp_dev *d)
{
    return d->metrics;
}

struct bp_log_svc host_log_svc = {
    .size = sizeof(host_log_svc),
    .level = BP_LOG_INFO,
    .log = svc_log,
    .metrics = svc_metrics,
};

void host_log_sync(void)
{
    int32_t now = __atomic_load_n(&log_level_now, __ATOMIC_RELAXED);

    if (__atomic_load_n(&host_log_svc.level, __ATOMIC_RELAXED) != now) {
        __atomic_store_n(&host_log_svc.level, now, __ATOMIC_RELAXED);
    }
}
