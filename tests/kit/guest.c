/* SPDX-License-Identifier: Apache-2.0 */
/* The kit's driver: a virtio-mmio and split-ring driver that can also misbehave. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "kit_cmocka.h"
#include "kit_priv.h"

enum {
    R_DEV_FEATURES = 0x10,
    R_DEV_FEATURES_SEL = 0x14,
    R_DRV_FEATURES = 0x20,
    R_DRV_FEATURES_SEL = 0x24,
    R_QUEUE_SEL = 0x30,
    R_QUEUE_MAX = 0x34,
    R_QUEUE_NUM = 0x38,
    R_QUEUE_READY = 0x44,
    R_STATUS = 0x70,
    R_DESC = 0x80,
    R_AVAIL = 0x90,
    R_USED = 0xa0,
    R_CONFIG = 0x100,
};

#define DESC_NEXT 1u
#define DESC_WRITE 2u
#define DESC_INDIRECT 4u

struct ring_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};

uint32_t kit_mmio_read(struct kit *k, uint32_t off)
{
    uint32_t v = 0;

    host_dev_mmio_read(k->dev, off, &v, sizeof(v));
    return le32toh(v);
}

void kit_mmio_write(struct kit *k, uint32_t off, uint32_t v)
{
    v = htole32(v);
    host_dev_mmio_write(k->dev, off, &v, sizeof(v));
}

void kit_config_read(struct kit *k, uint32_t off, void *p, uint32_t n)
{
    host_dev_mmio_read(k->dev, R_CONFIG + off, p, n);
}

void kit_config_write(struct kit *k, uint32_t off, const void *p, uint32_t n)
{
    host_dev_mmio_write(k->dev, R_CONFIG + off, p, n);
    kit_run(k);
}

void *kit_ptr(struct kit *k, uint64_t gpa, uint64_t len)
{
    return guestmem_ptr(&k->mem, gpa, len);
}

uint64_t kit_alloc(struct kit *k, uint32_t len, uint32_t align)
{
    uint64_t mask = align > 1 ? align - 1 : 0;
    uint64_t at = (k->alloc_at + mask) & ~mask;

    if (!kit_ptr(k, at, len)) {
        /* not in this region: the next one may have room */
        uint32_t i;

        for (i = 0; i < k->mem.n && !kit_ptr(k, at, len); i++) {
            if (k->mem.r[i].gpa >= at) {
                at = (k->mem.r[i].gpa + mask) & ~mask;
            }
        }
    }
    assert_non_null(kit_ptr(k, at, len));
    k->alloc_at = at + len;
    memset(kit_ptr(k, at, len), 0, len);
    return at;
}

static void queue_setup(struct kit *k, unsigned qi)
{
    struct kit_queue *q = &k->q[qi];
    uint32_t max, i;

    kit_mmio_write(k, R_QUEUE_SEL, qi);
    max = kit_mmio_read(k, R_QUEUE_MAX);
    q->size = k->cfg.queue_size > 0 ? k->cfg.queue_size : 64;
    q->size = q->size > max ? (uint16_t)max : q->size;
    free(q->free_list);
    free(q->chain_len);
    q->free_list = calloc(q->size, sizeof(uint16_t));
    q->chain_len = calloc(q->size, sizeof(uint16_t));
    assert_non_null(q->free_list);
    assert_non_null(q->chain_len);
    for (i = 0; i < q->size; i++) {
        q->free_list[i] = (uint16_t)(q->size - 1 - i);
    }
    q->n_free = q->size;
    q->avail_idx = 0;
    q->used_idx = 0;
    q->desc = kit_alloc(k, 16u * q->size, 16);
    q->avail = kit_alloc(k, 6u + 2u * q->size, 2);
    q->used = kit_alloc(k, 6u + 8u * q->size, 4);
    kit_mmio_write(k, R_QUEUE_NUM, q->size);
    kit_mmio_write(k, R_DESC, (uint32_t)q->desc);
    kit_mmio_write(k, R_DESC + 4, (uint32_t)(q->desc >> 32));
    kit_mmio_write(k, R_AVAIL, (uint32_t)q->avail);
    kit_mmio_write(k, R_AVAIL + 4, (uint32_t)(q->avail >> 32));
    kit_mmio_write(k, R_USED, (uint32_t)q->used);
    kit_mmio_write(k, R_USED + 4, (uint32_t)(q->used >> 32));
    kit_mmio_write(k, R_QUEUE_READY, 1);
}

/* Counts per queue, then goes on as the host wired it. */
static void count_interrupt(void *owner, uint32_t index)
{
    struct bp_dev *d = owner;
    struct kit *k = d->env->arg;

    k->q[index].irqs++;
    transport_interrupt(&d->transport, VIRTIO_INT_USED);
}

void kit_queues_setup(struct kit *k)
{
    uint32_t i;

    for (i = 0; i < k->dev->info->n_queues && i < KIT_QUEUES; i++) {
        queue_setup(k, i);
    }
}

void kit_queues_done(struct kit *k)
{
    uint32_t i;

    for (i = 0; i < KIT_QUEUES; i++) {
        free(k->q[i].free_list);
        free(k->q[i].chain_len);
    }
}

int kit_start(struct kit *k)
{
    uint32_t i;
    int rc;

    if (k->dev->started) {
        return 0;
    }
    memset(&k->err, 0, sizeof(k->err));
    rc = host_dev_start(k->dev, &k->mem, &k->err);
    for (i = 0; rc == 0 && k->dev->queues && i < k->dev->info->n_queues; i++) {
        k->dev->queues[i].interrupt = count_interrupt;
    }
    return rc;
}

uint64_t kit_features(struct kit *k)
{
    uint64_t lo, hi;

    kit_mmio_write(k, R_DEV_FEATURES_SEL, 0);
    lo = kit_mmio_read(k, R_DEV_FEATURES);
    kit_mmio_write(k, R_DEV_FEATURES_SEL, 1);
    hi = kit_mmio_read(k, R_DEV_FEATURES);
    return lo | hi << 32;
}

int kit_boot(struct kit *k, uint64_t features)
{
    uint32_t st = VIRTIO_STATUS_ACKNOWLEDGE;
    int rc = kit_start(k);

    if (rc < 0) {
        return rc;
    }
    features |= 1ull << VIRTIO_F_VERSION_1;
    kit_mmio_write(k, R_STATUS, 0);
    kit_mmio_write(k, R_STATUS, st);
    st |= VIRTIO_STATUS_DRIVER;
    kit_mmio_write(k, R_STATUS, st);
    kit_mmio_write(k, R_DRV_FEATURES_SEL, 0);
    kit_mmio_write(k, R_DRV_FEATURES, (uint32_t)features);
    kit_mmio_write(k, R_DRV_FEATURES_SEL, 1);
    kit_mmio_write(k, R_DRV_FEATURES, (uint32_t)(features >> 32));
    st |= VIRTIO_STATUS_FEATURES_OK;
    kit_mmio_write(k, R_STATUS, st);
    if (!(kit_mmio_read(k, R_STATUS) & VIRTIO_STATUS_FEATURES_OK)) {
        return KIT_BOOT_FEATURES_OK_REFUSED;
    }
    kit_queues_setup(k);
    st |= VIRTIO_STATUS_DRIVER_OK;
    kit_mmio_write(k, R_STATUS, st);
    kit_run(k);
    return kit_needs_reset(k) ? KIT_BOOT_NEEDS_RESET : 0;
}

void kit_reset(struct kit *k)
{
    kit_mmio_write(k, R_STATUS, 0);
    kit_run(k);
}

int kit_needs_reset(struct kit *k)
{
    return (kit_mmio_read(k, R_STATUS) & VIRTIO_STATUS_NEEDS_RESET) != 0;
}

unsigned kit_irqs(struct kit *k, unsigned qi)
{
    return k->q[qi].irqs;
}

int kit_dirty(struct kit *k, uint64_t gpa)
{
    return guestmem_is_dirty(&k->mem, gpa);
}

void kit_clear_dirty(struct kit *k)
{
    guestmem_clear_dirty(&k->mem);
}

/* ---------------------------------------------------------------------- rings */

static void write_desc(struct kit *k, uint64_t table, uint16_t i, struct kit_desc d)
{
    struct ring_desc r = {
        .addr = htole64(d.addr),
        .len = htole32(d.len),
        .flags = htole16(d.flags),
        .next = htole16(d.next),
    };

    memcpy(kit_ptr(k, table + 16ull * i, 16), &r, sizeof(r));
}

void kit_raw_desc(struct kit *k, unsigned qi, uint16_t i, struct kit_desc d)
{
    write_desc(k, k->q[qi].desc, i, d);
}

void kit_raw_avail(struct kit *k, unsigned qi, uint16_t idx, uint16_t head)
{
    const struct kit_queue *q = &k->q[qi];
    uint16_t le = htole16(head);

    memcpy(kit_ptr(k, q->avail + 4 + 2ull * (idx % q->size), 2), &le, sizeof(le));
}

void kit_raw_avail_idx(struct kit *k, unsigned qi, uint16_t idx)
{
    k->q[qi].avail_idx = idx;
    kit_publish(k, qi);
}

static struct kit_desc desc_of(const struct kit_buf *b, unsigned i, unsigned n, uint16_t next)
{
    return (struct kit_desc){
        .addr = b[i].gpa,
        .len = b[i].len,
        .flags =
            (uint16_t)((b[i].flags & KIT_WRITE ? DESC_WRITE : 0) | (i + 1 < n ? DESC_NEXT : 0)),
        .next = i + 1 < n ? next : 0,
    };
}

static int offer(struct kit *k, unsigned qi, uint16_t head, uint16_t n_desc)
{
    struct kit_queue *q = &k->q[qi];

    q->chain_len[head] = n_desc;
    kit_raw_avail(k, qi, q->avail_idx++, head);
    return head;
}

int kit_put(struct kit *k, unsigned qi, const struct kit_buf *b, unsigned n)
{
    struct kit_queue *q = &k->q[qi];
    unsigned i;
    uint16_t head;

    if (n == 0 || n > q->n_free) {
        return -1;
    }
    head = q->free_list[q->n_free - 1];
    for (i = 0; i < n; i++) {
        uint16_t at = q->free_list[q->n_free - 1 - i];
        uint16_t next = i + 1 < n ? q->free_list[q->n_free - 2 - i] : 0;

        kit_raw_desc(k, qi, at, desc_of(b, i, n, next));
    }
    q->n_free = (uint16_t)(q->n_free - n);
    return offer(k, qi, head, (uint16_t)n);
}

int kit_put_indirect(struct kit *k, unsigned qi, const struct kit_buf *b, unsigned n)
{
    struct kit_queue *q = &k->q[qi];
    uint64_t table = kit_alloc(k, 16u * n, 16);
    unsigned i;
    uint16_t head;

    if (q->n_free == 0) {
        return -1;
    }
    for (i = 0; i < n; i++) {
        write_desc(k, table, (uint16_t)i, desc_of(b, i, n, (uint16_t)(i + 1)));
    }
    head = q->free_list[--q->n_free];
    kit_raw_desc(k, qi, head,
                 (struct kit_desc){ .addr = table, .len = 16u * n, .flags = DESC_INDIRECT });
    return offer(k, qi, head, 1);
}

void kit_publish(struct kit *k, unsigned qi)
{
    const struct kit_queue *q = &k->q[qi];
    uint16_t *idx = kit_ptr(k, q->avail + 2, 2);

    __atomic_store_n(idx, htole16(q->avail_idx), __ATOMIC_RELEASE);
}

void kit_kick(struct kit *k, unsigned qi)
{
    kit_publish(k, qi);
    assert_non_null(k->dev->queues);
    (void)eventfd_write(k->dev->queues[qi].kick_fd, 1); /* as the doorbell's ioeventfd does */
    kit_run(k);
}

static void give_back(struct kit *k, unsigned qi, uint16_t head)
{
    struct kit_queue *q = &k->q[qi];
    uint16_t at = head;
    uint16_t n;

    for (n = q->chain_len[head]; n > 0; n--) {
        struct ring_desc r;

        memcpy(&r, kit_ptr(k, q->desc + 16ull * at, 16), sizeof(r));
        q->free_list[q->n_free++] = at;
        at = le16toh(r.next);
        if (at >= q->size) {
            break;
        }
    }
    q->chain_len[head] = 0;
}

int kit_used(struct kit *k, unsigned qi, uint32_t *ret_len)
{
    struct kit_queue *q = &k->q[qi];
    const uint16_t *idx = kit_ptr(k, q->used + 2, 2);
    uint32_t elem[2];

    if (le16toh(__atomic_load_n(idx, __ATOMIC_ACQUIRE)) == q->used_idx) {
        return -1;
    }
    memcpy(elem, kit_ptr(k, q->used + 4 + 8ull * (q->used_idx % q->size), 8), sizeof(elem));
    q->used_idx++;
    elem[0] = le32toh(elem[0]);
    assert_true(elem[0] < q->size);
    if (ret_len) {
        *ret_len = le32toh(elem[1]);
    }
    give_back(k, qi, (uint16_t)elem[0]);
    return (int)elem[0];
}
