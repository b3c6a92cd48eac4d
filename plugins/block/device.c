/* SPDX-License-Identifier: Apache-2.0 */
/* Life of a drive: made by PUT, started with the VM, changed by PATCH, shown, destroyed. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "errtext.h"

#define VIRTIO_BLK_F_RO 5
#define VIRTIO_BLK_F_FLUSH 9

static const uint16_t queue_max[] = { BLOCK_QUEUE_MAX };

/* ----------------------------------------------------------------------- per VM */

static int vm_open(const struct bp_host *h, void **ctx, struct bp_err *err)
{
    struct block_vm *vm = calloc(1, sizeof(*vm));

    (void)h;
    if (vm == NULL) {
        return bp_fail(err, -ENOMEM, BP_E_HOST, "Out of memory");
    }
    *ctx = vm;
    return 0;
}

static void vm_close(void *ctx)
{
    free(ctx);
}

static bool vm_has_other_root(const struct block_vm *vm, const char *id)
{
    for (const struct block *b = vm->first; b != NULL; b = b->next) {
        if (b->is_root && strcmp(b->id, id) != 0) {
            return true;
        }
    }
    return false;
}

static void vm_link(struct block_vm *vm, struct block *b)
{
    b->vm = vm;
    b->next = vm->first;
    vm->first = b;
}

static void vm_unlink(struct block *b)
{
    struct block **at = b->vm != NULL ? &b->vm->first : NULL;

    while (at != NULL && *at != NULL) {
        if (*at == b) {
            *at = b->next;
            return;
        }
        at = &(*at)->next;
    }
}

/* ---------------------------------------------------------------- configuration */

/* NULL when the member is absent or null. */
static const struct bp_json *member(const struct bp_host *h, const struct bp_json *obj,
                                    const char *key)
{
    const struct bp_json *v = h->json->get(obj, key);

    return v == NULL || h->json->type(v) == BP_J_NULL ? NULL : v;
}

static const char *text_of(const struct bp_host *h, const struct bp_json *obj, const char *key)
{
    const struct bp_json *v = member(h, obj, key);
    uint32_t len;

    return v == NULL ? NULL : h->json->str(v, &len);
}

static bool flag_of(const struct bp_host *h, const struct bp_json *obj, const char *key)
{
    const struct bp_json *v = member(h, obj, key);
    int on = 0;

    return v != NULL && h->json->boolean(v, &on) >= 0 && on != 0;
}

static bool is_text(const char *s, const char *what)
{
    return s != NULL && strcmp(s, what) == 0;
}

int block_check_patch(const struct bp_host *h, const struct bp_json *body, struct bp_err *err)
{
    if (member(h, body, "path_on_host") == NULL && member(h, body, "rate_limiter") == NULL) {
        return bp_fail(err, -EINVAL, BP_E_CONFIG,
                       "Please specify at least one property to patch: path_on_host, "
                       "rate_limiter.");
    }
    return 0;
}

/* The limiter refilled: go on where the queue was left. */
static void refilled(void *arg)
{
    struct block *b = arg;
    struct bp_queue *q = b->h->virtio->queue(b->d, 0);

    bp_count(b->m, M_LIMITER_EVENTS, 1);
    if (q != NULL) {
        b->own_kick = true;
        b->h->queue->kick(q);
    }
}

static int set_limiter(struct block *b, const struct bp_json *cfg, struct bp_err *err)
{
    if (cfg == NULL) {
        return 0;
    }
    if (b->lim != NULL) {
        return b->h->limit->update(b->lim, cfg, err);
    }
    return b->h->limit->make(b->d, cfg, refilled, b, &b->lim, err);
}

static int fail_open(struct bp_err *err, int e, const char *prefix, const char *path)
{
    char text[sizeof(err->text)];

    return bp_fail(err, -e, e == ENOMEM || e == EMFILE || e == ENFILE ? BP_E_HOST : BP_E_CONFIG,
                   "%s%s", prefix, errtext_backing_file(e, path, text, sizeof(text)));
}

static bool path_is_missing(int e)
{
    return e == ENOENT || e == ENOTDIR || e == ELOOP || e == ENAMETOOLONG;
}

/* --------------------------------------------------------------------- lifetime */

static void block_destroy(void *self)
{
    struct block *b = self;

    if (b == NULL) {
        return;
    }
    vm_unlink(b);
    disk_close(&b->disk);
    batch_free(b->batch);
    free(b->id);
    free(b->path);
    free(b->partuuid);
    free(b);
}

static struct block *block_new(const struct bp_host *h, struct bp_dev *d, const struct bp_json *cfg)
{
    const char *partuuid = text_of(h, cfg, "partuuid"), *id = text_of(h, cfg, "drive_id");
    const char *path = text_of(h, cfg, "path_on_host");
    struct block *b = calloc(1, sizeof(*b));

    if (b == NULL) {
        return NULL;
    }
    b->h = h;
    b->d = d;
    b->m = h->log->metrics(d);
    b->disk.fd = -1;
    b->is_root = flag_of(h, cfg, "is_root_device");
    b->read_only = flag_of(h, cfg, "is_read_only");
    b->writeback = is_text(text_of(h, cfg, "cache_type"), "Writeback");
    b->batch = batch_new();
    b->id = strdup(id != NULL ? id : "");
    b->path = strdup(path != NULL ? path : "");
    b->partuuid = partuuid != NULL ? strdup(partuuid) : NULL;
    if (b->batch == NULL || b->id == NULL || b->path == NULL ||
        (partuuid != NULL && b->partuuid == NULL)) {
        block_destroy(b);
        return NULL;
    }
    return b;
}

/* The order of the checks decides which of several faults the client hears of. */
static int block_configure(struct block *b, const struct block_vm *vm, const struct bp_json *cfg,
                           struct bp_err *err)
{
    struct bp_err why = { .code = 0 };
    int rc, e;

    if (b->is_root && vm_has_other_root(vm, b->id)) {
        return bp_fail(err, -EEXIST, BP_E_CONFLICT, "A root block device already exists!");
    }
    e = disk_open(b->h, b->d, b->path, b->read_only, &b->disk);
    if (path_is_missing(e)) {
        return bp_fail(err, -e, BP_E_CONFIG, "Invalid block device path: %s", b->path);
    }
    rc = set_limiter(b, member(b->h, cfg, "rate_limiter"), &why);
    if (rc < 0) {
        return bp_fail(err, rc, BP_E_HOST, "Cannot create RateLimiter: %s", why.text);
    }
    if (e != 0) {
        return fail_open(err, e, "Unable to create the block device: ", b->path);
    }
    if (is_text(text_of(b->h, cfg, "io_engine"), "Async")) {
        return bp_fail(err, -ENOTSUP, BP_E_CONFIG,
                       "Unable to create the block device: FileEngine(UnsupportedEngine(Async))");
    }
    return 0;
}

static int block_create(const struct bp_host *h, void *ctx, struct bp_dev *d,
                        const struct bp_json *cfg, void **self, struct bp_err *err)
{
    struct block *b = block_new(h, d, cfg);
    int rc;

    if (b == NULL) {
        return bp_fail(err, -ENOMEM, BP_E_HOST, "Unable to create the block device: out of memory");
    }
    rc = block_configure(b, ctx, cfg, err);
    if (rc < 0) {
        block_destroy(b);
        return rc;
    }
    vm_link(ctx, b);
    if (b->is_root) {
        h->virtio->place_first(d);
    }
    *self = b;
    return 0;
}

static int set_capacity(struct block *b)
{
    uint64_t le = htole64(b->disk.sectors);

    return b->h->virtio->config_set(b->d, 0, &le, sizeof(le));
}

static int block_start(void *self, const struct bp_device_info **info, struct bp_err *err)
{
    struct block *b = self;
    int rc = 0;

    b->info = (struct bp_device_info){
        .size = sizeof(b->info),
        .n_queues = 1,
        .config_len = sizeof(uint64_t),
        .features = (b->read_only ? 1ull << VIRTIO_BLK_F_RO : 0) |
                    (b->writeback ? 1ull << VIRTIO_BLK_F_FLUSH : 0),
        .queue_max = queue_max,
        .max_segs = BLOCK_MAX_SEGS,
        .acpi_hid = "LNRO0005",
        .ring_flags = BP_RING_EVENT_IDX | BP_RING_BAD_SEGS,
    };
    *info = &b->info;
    rc = set_capacity(b);
    if (rc < 0) {
        return bp_fail(err, rc, BP_E_HOST, "The size of drive %s cannot be set", b->id);
    }
    if (b->is_root) {
        char text[256];

        int n = snprintf(text, sizeof(text), "root=%s%s %s", b->partuuid ? "PARTUUID=" : "/dev/vda",
                         b->partuuid ? b->partuuid : "", b->read_only ? "ro" : "rw");

        if (n < 0 || (size_t)n >= sizeof(text)) {
            return bp_fail(err, -E2BIG, BP_E_CONFIG, "The partuuid of drive %s is too long", b->id);
        }
        rc = b->h->boot->cmdline(b->d, text, err);
    }
    return rc < 0 ? rc : 0;
}

/* ------------------------------------------------------------------------ PATCH */

/* Nothing is in flight between two calls of queue_ready(), so the file can change at once. */
static int set_path(struct block *b, const char *path, struct bp_err *err)
{
    struct disk fresh;
    char *copy = strdup(path);
    int e = copy == NULL ? ENOMEM : disk_open(b->h, b->d, path, b->read_only, &fresh);

    if (e != 0) {
        free(copy);
        return fail_open(err, e, "Unable to patch the block device: ", path);
    }
    disk_close(&b->disk);
    free(b->path);
    b->disk = fresh;
    b->path = copy;
    (void)set_capacity(b);
    return 0;
}

static int block_update(void *self, const struct bp_json *patch, struct bp_err *err)
{
    struct block *b = self;
    const char *path = text_of(b->h, patch, "path_on_host");
    struct bp_err why = { .code = 0 };
    int rc = path != NULL ? set_path(b, path, err) : 0;

    if (rc < 0) {
        bp_count(b->m, M_UPDATE_FAILS, 1);
        return rc;
    }
    if (path != NULL) {
        bp_count(b->m, M_UPDATE_COUNT, 1);
    }
    rc = set_limiter(b, member(b->h, patch, "rate_limiter"), &why);
    if (rc < 0) {
        bp_count(b->m, M_UPDATE_FAILS, 1);
        return bp_fail(err, rc, BP_E_HOST, "Unable to patch the block device: %s", why.text);
    }
    return 0;
}

static void show_text(const struct bp_json_svc *js, struct bp_jsonw *w, const char *key,
                      const char *s)
{
    if (s == NULL) {
        js->w_null(w, key);
    } else {
        js->w_str(w, key, s, (uint32_t)strlen(s));
    }
}

static int block_show(void *self, struct bp_jsonw *w)
{
    const struct block *b = self;
    const struct bp_json_svc *js = b->h->json;

    show_text(js, w, "drive_id", b->id);
    show_text(js, w, "path_on_host", b->path);
    js->w_bool(w, "is_root_device", b->is_root);
    show_text(js, w, "partuuid", b->partuuid);
    js->w_bool(w, "is_read_only", b->read_only);
    show_text(js, w, "cache_type", b->writeback ? "Writeback" : "Unsafe");
    if (b->lim != NULL) {
        b->h->limit->show(b->lim, "rate_limiter", w);
    } else {
        js->w_null(w, "rate_limiter");
    }
    show_text(js, w, "io_engine", "Sync");
    return 0;
}

/* -------------------------------------------------------------------- the guest */

static int block_activate(void *self)
{
    (void)self;
    return 0;
}

static void block_reset(void *self)
{
    struct block *b = self;

    b->own_kick = false;
}

/* Every request is done when queue_ready() returns. */
static int block_pause(void *self)
{
    (void)self;
    return 0;
}

static int block_resume(void *self)
{
    (void)self;
    return 0;
}

const struct bp_device_ops block_ops = {
    .size = sizeof(block_ops),
    .open = vm_open,
    .close = vm_close,
    .create = block_create,
    .start = block_start,
    .destroy = block_destroy,
    .update = block_update,
    .show = block_show,
    .activate = block_activate,
    .reset = block_reset,
    .queue_ready = block_queue_ready,
    .pause = block_pause,
    .resume = block_resume,
};
