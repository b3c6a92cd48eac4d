/* SPDX-License-Identifier: Apache-2.0 */
/* The kit's world: clock, files, log, the life of a kit. */
#include "kit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/json.h"
#include "kit_cmocka.h"
#include "kit_priv.h"
#include "plugin/priv.h"

static int count_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;

    if (!d) {
        return -1;
    }
    while (readdir(d)) {
        n++;
    }
    (void)closedir(d);
    return n;
}

/* ----------------------------------------------------------------------- env */

static uint64_t env_now(void *arg)
{
    return ((struct kit *)arg)->now_ns;
}

static int env_open(void *arg, const char *path, int flags)
{
    struct kit *k = arg;
    char name[64];
    unsigned i;
    int fd;

    if (k->fail_open > 0 && --k->fail_open == 0) {
        return -EACCES;
    }
    for (i = 0; i < k->n_files; i++) {
        if (strcmp(k->files[i].path, path) != 0) {
            continue;
        }
        if (!k->files[i].is_memfd) {
            fd = fcntl(k->files[i].fd, F_DUPFD_CLOEXEC, 0);
            return fd < 0 ? -errno : fd;
        }
        (void)snprintf(name, sizeof(name), "/proc/self/fd/%d", k->files[i].fd);
        fd = open(name, flags);
        return fd < 0 ? -errno : fd;
    }
    if (!k->real_files) {
        return -ENOENT;
    }
    fd = open(path, flags, 0600);
    return fd < 0 ? -errno : fd;
}

static void env_signal(void *arg, struct bp_dev *d)
{
    struct kit *k = arg;

    if (d->queues &&
        (__atomic_load_n(&d->transport.interrupt_status, __ATOMIC_RELAXED) & VIRTIO_INT_CONFIG)) {
        k->config_irqs++;
        __atomic_fetch_and(&d->transport.interrupt_status, ~VIRTIO_INT_CONFIG, __ATOMIC_RELAXED);
    }
}

static int env_cmdline(void *arg, const char *text, struct bp_err *err)
{
    struct kit *k = arg;

    (void)err;
    buf_fmt(&k->cmdline, "%s%s", k->cmdline.len > 0 ? " " : "", text);
    return 0;
}

static void env_log(void *arg, struct bp_dev *d, int32_t level, const char *text)
{
    static const char *const names[] = { "?", "ERROR", "WARN", "INFO", "DEBUG", "BUG" };
    struct kit *k = arg;

    (void)d;
    k->n_bugs += level == BP_LOG_BUG;
    buf_fmt(&k->log, "%s %s\n", names[level >= 1 && level <= 5 ? level : 0], text);
}

/* ---------------------------------------------------------------------- life */

static int make_world(struct kit *k, struct bp_err *err)
{
    size_t ram = k->cfg.ram > 0 ? k->cfg.ram : (size_t)4 << 20;
    uint64_t hole = ram;
    unsigned i;
    int rc;

    if (k->cfg.n_regions == 2) {
        hole = k->cfg.hole > 0 ? k->cfg.hole : ram / 2;
    }
    rc = guestmem_init(&k->mem, ram, hole, hole + ((uint64_t)1 << 30), true, err);
    if (rc < 0) {
        return rc;
    }
    k->env = (struct host_env){
        .loop = loop_new(),
        .now_ns = env_now,
        .open = env_open,
        .signal = env_signal,
        .cmdline = env_cmdline,
        .log = env_log,
        .arg = k,
    };
    if (!k->env.loop) {
        return bp_fail(err, -ENOMEM, BP_E_HOST, "no event loop");
    }
    k->now_ns = k->cfg.start_ns > 0 ? k->cfg.start_ns : 1000000000ull;
    k->alloc_at = 4096;
    host_set_clock(env_now, k);
    registry_init(&k->reg);
    devices_init(&k->devs, &k->env);
    for (i = 0; i < k->cfg.n_files; i++) {
        kit_file(k, k->cfg.files[i].path, k->cfg.files[i].data, k->cfg.files[i].len);
    }
    return 0;
}

static int make_device(struct kit *k, struct bp_err *err)
{
    struct json_error why;
    struct json_doc *doc;
    uint32_t i;
    int rc;

    for (i = 0; i < k->plugin->n_routes; i++) {
        if (k->plugin->routes[i].r.action == BP_DO_CREATE) {
            break;
        }
    }
    if (i == k->plugin->n_routes) {
        return bp_fail(err, -EINVAL, BP_E_CONFIG, "the plugin has no create route");
    }
    doc = json_parse(k->cfg.config, strlen(k->cfg.config), &why);
    if (!doc) {
        return bp_fail(err, -EINVAL, BP_E_CONFIG, "%s", why.text);
    }
    rc = devices_execute(&k->devs, &k->plugin->routes[i], k->cfg.id, json_root(doc), NULL, err);
    json_free(doc);
    return rc;
}

struct kit *kit_open(const struct bp_plugin *p, const struct kit_cfg *c, struct bp_err *err)
{
    struct kit *k = calloc(1, sizeof(*k));
    struct bp_err own;
    int rc;

    err = err ? err : &own;
    memset(err, 0, sizeof(*err));
    if (!k) {
        (void)bp_fail(err, -ENOMEM, BP_E_HOST, "out of memory");
        return NULL;
    }
    if (c) {
        k->cfg = *c;
    }
    k->fds_before = count_fds();
    rc = make_world(k, err);
    rc = rc < 0 ? rc : registry_add(&k->reg, p, "kit", err);
    if (rc == 0) {
        k->plugin = k->reg.plugins[0];
        memset(k->plugin->group.values, 0, k->plugin->group.n * sizeof(uint64_t));
        rc = k->cfg.config ? make_device(k, err) : 0;
        k->dev = k->devs.first;
    }
    if (rc < 0) {
        k->bugs_expected = true;
        kit_close(k);
        return NULL;
    }
    return k;
}

void kit_close(struct kit *k)
{
    bool bugs;
    unsigned i;
    int before, after;

    if (!k) {
        return;
    }
    kit_mutate_stop(k);
    devices_done(&k->devs);
    registry_done(&k->reg);
    if (k->env.loop) {
        loop_serve(k->env.loop); /* cancelled posts free themselves */
        loop_free(k->env.loop);
    }
    kit_queues_done(k);
    guestmem_done(&k->mem);
    for (i = 0; i < k->n_files; i++) {
        if (k->files[i].is_memfd) {
            (void)close(k->files[i].fd);
        }
        free(k->files[i].path);
    }
    host_set_clock(NULL, NULL);
    bugs = k->n_bugs > 0 && !k->bugs_expected;
    before = k->fds_before;
    after = count_fds();
    if (bugs) {
        (void)fprintf(stderr, "%s", k->log.data);
    }
    buf_done(&k->log);
    buf_done(&k->cmdline);
    free(k);
    if (bugs) {
        fail_msg("the plugin broke the contract");
    }
    if (after > before) {
        fail_msg("%d fds are left open", after - before);
    }
}

const struct bp_plugin *kit_load(const char *so_path)
{
    const struct bp_plugin *desc = NULL;
    struct bp_err err = { 0 };
    int fd = -1;

    if (plugin_open_file(so_path, &desc, &fd, &err) < 0) {
        (void)fprintf(stderr, "%s: %s\n", so_path, err.text);
        desc = NULL;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return desc;
}

/* --------------------------------------------------------------------- files */

static void add_file(struct kit *k, const char *path, int fd, bool is_memfd)
{
    unsigned i;

    for (i = 0; i < k->n_files; i++) {
        if (strcmp(k->files[i].path, path) == 0) {
            if (k->files[i].is_memfd) {
                (void)close(k->files[i].fd);
            }
            k->files[i].fd = fd;
            k->files[i].is_memfd = is_memfd;
            return;
        }
    }
    assert_true(k->n_files < KIT_FILES);
    k->files[k->n_files++] = (struct kit_file_ent){ strdup(path), fd, is_memfd };
}

void kit_file(struct kit *k, const char *path, const void *data, size_t n)
{
    int fd = memfd_create("kit", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (int64_t)n), 0);
    if (data && n > 0) {
        assert_int_equal(pwrite(fd, data, n, 0), (ssize_t)n);
    }
    add_file(k, path, fd, true);
}

int kit_file_fd(struct kit *k, const char *path)
{
    unsigned i;

    for (i = 0; i < k->n_files; i++) {
        if (strcmp(k->files[i].path, path) == 0) {
            return fcntl(k->files[i].fd, F_DUPFD_CLOEXEC, 0);
        }
    }
    return -1;
}

void kit_fd(struct kit *k, const char *path, int fd)
{
    add_file(k, path, fd, false);
}

void kit_real_files(struct kit *k, bool on)
{
    k->real_files = on;
}

void kit_fail_open(struct kit *k, unsigned n)
{
    k->fail_open = n;
}

/* ---------------------------------------------------------------------- time */

void kit_run(struct kit *k)
{
    struct bp_dev *d;
    unsigned turns = 0, busy;

    do {
        int n;

        busy = 0;
        loop_serve(k->env.loop);
        n = loop_step(k->env.loop, 0);
        busy += n > 0;
        for (d = k->devs.first; d; d = d->next) {
            busy += d->quiesced ? 0 : host_dev_timers(d);
        }
        if (++turns > 100000) {
            fail_msg("the device never gets idle");
        }
    } while (busy > 0);
}

/* In steps, so that a timer which arms itself again keeps its rhythm. */
void kit_advance(struct kit *k, uint64_t ns)
{
    const uint64_t step = 1000000;

    while (ns > 0) {
        uint64_t n = ns > 10000 * step ? ns / 1000 : (ns < step ? ns : step);

        k->now_ns += n;
        ns -= n;
        kit_run(k);
    }
    kit_run(k);
}

uint64_t kit_now(struct kit *k)
{
    return k->now_ns;
}

/* --------------------------------------------------------------- observation */

struct bp_dev *kit_dev(struct kit *k)
{
    return k->dev;
}

int kit_select(struct kit *k, const char *id)
{
    struct bp_dev *d = devices_find(&k->devs, k->plugin, id);

    if (!d) {
        return -1;
    }
    k->dev = d;
    return 0;
}

const struct bp_err *kit_err(struct kit *k)
{
    return &k->err;
}

uint64_t kit_metric(struct kit *k, const char *name)
{
    const struct metric_group *g = &k->plugin->group;
    uint32_t i;

    for (i = 0; i < g->n; i++) {
        if (strcmp(g->names[i], name) == 0) {
            return __atomic_load_n(&g->values[i], __ATOMIC_RELAXED);
        }
    }
    fail_msg("there is no counter %s", name);
    return 0;
}

const char *kit_log(struct kit *k)
{
    return k->log.data ? k->log.data : "";
}

const char *kit_cmdline(struct kit *k)
{
    return k->cmdline.data ? k->cmdline.data : "";
}

unsigned kit_config_irqs(struct kit *k)
{
    return k->config_irqs;
}

void kit_expect_bugs(struct kit *k)
{
    k->bugs_expected = true;
}

/* ------------------------------------------------------------------- mutator */

static void *mutate(void *arg)
{
    struct kit *k = arg;

    while (!__atomic_load_n(&k->mutate_stop, __ATOMIC_ACQUIRE)) {
        uint32_t i;

        for (i = 0; i < k->mutate_len; i++) {
            __atomic_fetch_xor(&k->mutate_at[i], 0xff, __ATOMIC_RELAXED);
        }
    }
    return NULL;
}

void kit_mutate_during(struct kit *k, uint64_t gpa, uint32_t len)
{
    kit_mutate_stop(k);
    k->mutate_at = kit_ptr(k, gpa, len);
    k->mutate_len = len;
    k->mutate_stop = false;
    assert_non_null(k->mutate_at);
    assert_int_equal(pthread_create(&k->mutator, NULL, mutate, k), 0);
    k->mutating = true;
}

void kit_mutate_stop(struct kit *k)
{
    if (k->mutating) {
        __atomic_store_n(&k->mutate_stop, true, __ATOMIC_RELEASE);
        (void)pthread_join(k->mutator, NULL);
        k->mutating = false;
    }
}
