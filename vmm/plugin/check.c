/* SPDX-License-Identifier: Apache-2.0 */
/* Is a descriptor well formed? Copies it by the growth rule and words each refusal. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/host.h"
#include "plugin/priv.h"

#define REFUSE(err, ...) bp_fail((err), -EINVAL, BP_E_CONFIG, __VA_ARGS__)

void plugin_copy(void *to, uint32_t to_size, const void *from, uint32_t from_size)
{
    uint32_t n = from_size < to_size ? from_size : to_size;

    memset(to, 0, to_size);
    memcpy(to, from, n);
}

void plugin_row(const struct bp_table *t, uint32_t i, void *to, uint32_t to_size)
{
    plugin_copy(to, to_size, (const char *)t->at + (size_t)i * t->stride, t->stride);
}

static bool name_ok(const char *s)
{
    size_t n = s ? strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") : 0;

    return n > 0 && n <= 32 && s[n] == '\0' && s[0] >= 'a' && s[0] <= 'z';
}

static bool text_ok(const char *s)
{
    return s && s[0] != '\0';
}

static int check_table(const char *what, const struct bp_table *t, uint32_t min_stride,
                       uint32_t max, struct bp_err *err)
{
    if (t->count == 0) {
        return 0;
    }
    if (!t->at) {
        return REFUSE(err, "Its table of %s has %u rows but no address.", what, t->count);
    }
    if (t->count > max) {
        return REFUSE(err, "Its table of %s has %u rows, more than %u.", what, t->count, max);
    }
    if (t->stride < min_stride || t->stride % 8 != 0) {
        return REFUSE(err, "Rows of its table of %s are %u bytes long, at least %u are needed.",
                      what, t->stride, min_stride);
    }
    return 0;
}

static int check_tables(const struct bp_plugin *d, struct bp_err *err)
{
    int rc = check_table("needs", &d->needs, sizeof(struct bp_need), PLUGIN_NEEDS_MAX, err);

    rc = rc < 0
             ? rc
             : check_table("routes", &d->routes, sizeof(struct bp_route), PLUGIN_ROUTES_MAX, err);
    rc = rc < 0 ? rc
                : check_table("metrics", &d->metrics, sizeof(struct bp_metric), PLUGIN_METRICS_MAX,
                              err);
    return rc < 0 ? rc
                  : check_table("system calls", &d->syscalls, sizeof(struct bp_syscall),
                                PLUGIN_SYSCALLS_MAX, err);
}

static int check_head(const struct bp_plugin *d, struct bp_err *err)
{
    if (!name_ok(d->name)) {
        return REFUSE(err, "Its name is not a lower-case letter followed by at most 31 of a-z, "
                           "0-9 and -.");
    }
    if (d->abi_major != BP_ABI_MAJOR) {
        return REFUSE(err, "It is built for ABI %u, this monitor speaks %u.", d->abi_major,
                      BP_ABI_MAJOR);
    }
    if (!text_ok(d->version) || !text_ok(d->summary) || !text_ok(d->license)) {
        return REFUSE(err, "Its version, summary or license is missing.");
    }
    if (d->flags & ~(BP_PF_SINGLETON | BP_PF_OWN_THREAD)) {
        return REFUSE(err, "It has unknown flags 0x%x.",
                      d->flags & ~(BP_PF_SINGLETON | BP_PF_OWN_THREAD));
    }
    if (d->flags & BP_PF_OWN_THREAD) {
        return REFUSE(err, "It wants a thread of its own, which this monitor does not give.");
    }
    if (!d->ops || d->ops->size < 2 * sizeof(uint32_t)) {
        return REFUSE(err, "It has no table of operations.");
    }
    return 0;
}

static int check_ops(const struct plugin *p, struct bp_err *err)
{
    const struct bp_device_ops *o = &p->ops;
    const char *miss = !o->create    ? "create"
                       : !o->start   ? "start"
                       : !o->destroy ? "destroy"
                       : !o->show    ? "show"
                       : !o->pause   ? "pause"
                       : !o->resume  ? "resume"
                                     : NULL;

    if (miss) {
        return REFUSE(err, "It has no `%s` operation.", miss);
    }
    if (!!o->mmio_read != !!o->mmio_write) {
        return REFUSE(err, "It has only one of the operations `mmio_read` and `mmio_write`.");
    }
    if (!o->mmio_read && (!o->activate || !o->reset || !o->queue_ready)) {
        return REFUSE(err, "It has neither the operations `activate`, `reset` and `queue_ready` "
                           "nor its own MMIO callbacks.");
    }
    if (!o->mmio_read && p->desc.virtio_id == 0) {
        return REFUSE(err, "Its virtio device type is 0.");
    }
    if (!!o->save != !!o->restore) {
        return REFUSE(err, "It has only one of the operations `save` and `restore`.");
    }
    if (o->save && p->desc.state_oldest > p->desc.state_version) {
        return REFUSE(err, "Its oldest readable state %u is newer than its state version %u.",
                      p->desc.state_oldest, p->desc.state_version);
    }
    return 0;
}

/* Services by their field name in struct bp_host. */
static const uint32_t *service(const struct bp_host *h, const char *name)
{
    const struct {
        const char *name;
        const void *table;
    } known[] = {
        { "queue", h->queue }, { "mem", h->mem },   { "virtio", h->virtio },
        { "irq", h->irq },     { "boot", h->boot }, { "loop", h->loop },
        { "limit", h->limit }, { "log", h->log },   { "json", h->json },
        { "state", h->state }, { "file", h->file }, { "thread", h->thread },
    };
    size_t i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].name, name) == 0) {
            return known[i].table; /* each begins with its size */
        }
    }
    return h->extension ? h->extension(h, name) : NULL;
}

int plugin_check_needs(const struct plugin *p, struct bp_err *err)
{
    char miss[512] = "";
    size_t at = 0;
    uint32_t i;

    for (i = 0; i < p->desc.needs.count; i++) {
        struct bp_need need;
        const uint32_t *size;

        plugin_row(&p->desc.needs, i, &need, sizeof(need));
        size = need.service ? service(host_table(), need.service) : NULL;
        if (size && *size >= need.min_size) {
            continue;
        }
        if (at < sizeof(miss)) {
            int n = snprintf(miss + at, sizeof(miss) - at, "%s%s (%u bytes)", at > 0 ? ", " : "",
                             need.service ? need.service : "?", need.min_size);

            at += n > 0 ? (size_t)n : 0;
        }
    }
    return at > 0 ? REFUSE(err, "It needs services that this monitor lacks: %s.", miss) : 0;
}

static int check_metric_row(const struct plugin *p, const struct bp_metric *m, uint32_t i,
                            struct bp_err *err)
{
    uint32_t k;

    if (!text_ok(m->name)) {
        return REFUSE(err, "Counter %u has no name.", i);
    }
    if (m->kind != BP_METRIC_COUNTER && m->kind != BP_METRIC_GAUGE) {
        return REFUSE(err, "Counter `%s` is of the unknown kind %u.", m->name, m->kind);
    }
    for (k = 0; k < i; k++) {
        if (strcmp(p->group.names[k], m->name) == 0) {
            return REFUSE(err, "It has two counters named `%s`.", m->name);
        }
    }
    return 0;
}

static int metrics_alloc(struct plugin *p, struct bp_err *err)
{
    uint32_t n = p->desc.metrics.count;
    size_t bytes = ((n > 0 ? n : 1u) * sizeof(uint64_t) + 63) & ~(size_t)63;

    p->group.names = calloc(n > 0 ? n : 1u, sizeof(char *));
    p->group.stored = calloc(n > 0 ? n : 1u, sizeof(bool));
    p->group.values = aligned_alloc(64, bytes); /* the page shares no cache line with others */
    p->group.reported = calloc(n > 0 ? n : 1u, sizeof(uint64_t));
    if (!p->group.names || !p->group.stored || !p->group.values || !p->group.reported) {
        return bp_fail(err, -ENOMEM, BP_E_HOST, "Out of memory.");
    }
    memset(p->group.values, 0, bytes);
    return 0;
}

int plugin_check_metrics(const struct registry *r, struct plugin *p, struct bp_err *err)
{
    const char *key = p->desc.metrics_key;
    const char **names;
    bool *stored;
    uint32_t i;
    int rc = metrics_alloc(p, err);

    if (rc < 0) {
        return rc;
    }
    names = (const char **)p->group.names;
    stored = (bool *)p->group.stored;
    for (i = 0; i < p->desc.metrics.count; i++) {
        struct bp_metric m;

        plugin_row(&p->desc.metrics, i, &m, sizeof(m));
        rc = check_metric_row(p, &m, i, err);
        if (rc < 0) {
            return rc;
        }
        names[i] = m.name;
        stored[i] = m.kind == BP_METRIC_GAUGE;
    }
    p->group.n = p->desc.metrics.count;
    p->group.key = key;
    if (p->group.n > 0 && !text_ok(key)) {
        return REFUSE(err, "It has counters but no key for them.");
    }
    for (i = 0; text_ok(key) && i < r->n; i++) {
        if (r->plugins[i]->group.key && strcmp(r->plugins[i]->group.key, key) == 0) {
            return REFUSE(err, "Its counters' key `%s` belongs to plugin %s.", key,
                          r->plugins[i]->desc.name);
        }
    }
    return 0;
}

int plugin_check(const struct registry *r, struct plugin *p, const struct bp_plugin *desc,
                 struct bp_err *err)
{
    uint32_t i;
    int rc;

    if (!BP_HAS(desc, ops)) {
        return REFUSE(err, "Its descriptor is missing or too short.");
    }
    plugin_copy(&p->desc, sizeof(p->desc), desc, desc->size);
    rc = check_head(&p->desc, err);
    if (rc < 0) {
        return rc;
    }
    plugin_copy(&p->ops, sizeof(p->ops), p->desc.ops, p->desc.ops->size);
    for (i = 0; i < r->n; i++) {
        if (strcmp(r->plugins[i]->desc.name, p->desc.name) == 0) {
            return REFUSE(err, "A plugin named %s is loaded already.", p->desc.name);
        }
    }
    rc = check_ops(p, err);
    rc = rc < 0 ? rc : check_tables(&p->desc, err);
    rc = rc < 0 ? rc : plugin_check_needs(p, err);
    rc = rc < 0 ? rc : plugin_check_routes(r, p, err);
    rc = rc < 0 ? rc : plugin_check_metrics(r, p, err);
    return rc < 0 ? rc : plugin_check_syscalls(p, err);
}

void plugin_scrap(struct plugin *p)
{
    uint32_t i;

    for (i = 0; i < p->n_routes; i++) {
        schema_free(p->routes[i].request);
    }
    free(p->routes);
    free((void *)p->group.names);
    free((void *)p->group.stored);
    free(p->group.values);
    free(p->group.reported);
    memset(p, 0, sizeof(*p));
}
