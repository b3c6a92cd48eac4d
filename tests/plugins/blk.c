/* SPDX-License-Identifier: Apache-2.0 */
/* The driver side that the block tests share. */
#include "blk.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct bp_plugin *blk_plugin;

struct blk *blk_open_unbooted(const char *body)
{
    struct blk *b = calloc(1, sizeof(*b));
    struct kit_file_def file = { "disk", NULL, DISK_LEN };
    struct kit_cfg cfg = {
        .config = body, .id = "block", .queue_size = 256, .files = &file, .n_files = 1
    };
    struct bp_err err = { .code = 0 };

    assert_non_null(b);
    b->image = malloc(DISK_LEN);
    assert_non_null(b->image);
    for (uint32_t i = 0; i < DISK_LEN; i++) {
        b->image[i] = (uint8_t)(i * 7 + i / 512 * 13 + i / 4096);
    }
    file.data = b->image;
    b->k = kit_open(blk_plugin, &cfg, &err);
    if (b->k == NULL) {
        fail_msg("kit_open: %s", err.text);
    }
    return b;
}

struct blk *blk_open(const char *body)
{
    struct blk *b = blk_open_unbooted(body);

    assert_int_equal(kit_boot(b->k, 0), 0);
    return b;
}

void blk_close(struct blk *b)
{
    kit_close(b->k);
    free(b->image);
    free(b);
}

uint64_t blk_header(struct blk *b, uint32_t type, uint64_t sector)
{
    uint64_t gpa = kit_alloc(b->k, 16, 16);
    uint8_t *p = kit_ptr(b->k, gpa, 16);
    uint32_t t = htole32(type);
    uint64_t s = htole64(sector);

    memcpy(p, &t, sizeof(t));
    memcpy(p + 8, &s, sizeof(s));
    return gpa;
}

uint64_t blk_status_byte(struct blk *b)
{
    uint64_t gpa = kit_alloc(b->k, 1, 1);

    *(uint8_t *)kit_ptr(b->k, gpa, 1) = S_UNTOUCHED;
    return gpa;
}

struct blk_req blk_put(struct blk *b, uint32_t type, uint64_t sector, uint32_t len)
{
    struct blk_req r = { .hdr = blk_header(b, type, sector), .status = blk_status_byte(b) };
    struct kit_buf bufs[3] = { { r.hdr, 16, 0 } };
    unsigned n = 1;

    if (len > 0) {
        r.data = kit_alloc(b->k, len, 512);
        bufs[n++] = (struct kit_buf){ r.data, len, type == T_OUT ? 0 : KIT_WRITE };
    }
    bufs[n++] = (struct kit_buf){ r.status, 1, KIT_WRITE };
    r.head = kit_put(b->k, 0, bufs, n);
    assert_true(r.head >= 0);
    return r;
}

int blk_do(struct blk *b, const struct blk_req *r, uint32_t *ret_used)
{
    uint32_t used = 0;

    kit_kick(b->k, 0);
    assert_int_equal(kit_used(b->k, 0, &used), r->head);
    if (ret_used != NULL) {
        *ret_used = used;
    }
    return blk_byte(b, r->status);
}

int64_t blk_chain(struct blk *b, const struct kit_buf *bufs, unsigned n)
{
    int head = kit_put(b->k, 0, bufs, n);
    uint32_t used = 0;

    assert_true(head >= 0);
    kit_kick(b->k, 0);
    return kit_used(b->k, 0, &used) == head ? (int64_t)used : -1;
}

int blk_byte(struct blk *b, uint64_t gpa)
{
    return *(uint8_t *)kit_ptr(b->k, gpa, 1);
}

void blk_file_read(struct blk *b, uint64_t off, void *buf, uint32_t len)
{
    int fd = kit_file_fd(b->k, "disk");

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, buf, len, (int64_t)off), len);
    (void)close(fd);
}

uint64_t blk_metric(struct blk *b, const char *name)
{
    return kit_metric(b->k, name);
}
