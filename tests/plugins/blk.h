/* SPDX-License-Identifier: Apache-2.0 */
/* What the block tests share: a driver's view of requests, and the device they talk to. */
#ifndef BP_TESTS_BLK_H
#define BP_TESTS_BLK_H

#include <backplane/plugin.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kit.h"

#define T_IN 0u
#define T_OUT 1u
#define T_FLUSH 4u
#define T_GET_ID 8u
#define S_OK 0
#define S_IOERR 1
#define S_UNSUPP 2
#define S_UNTOUCHED 0xaa

#define F_RO (1ull << 5)
#define F_FLUSH (1ull << 9)
#define F_EVENT_IDX (1ull << 29)
#define F_VERSION_1 (1ull << 32)

#define DISK_LEN (1u << 20)
#define DISK_SECTORS (DISK_LEN / 512)

struct blk {
    struct kit *k;
    uint8_t *image; /* what the file held at the start */
};

struct blk_req {
    uint64_t hdr, data, status;
    int head;
};

#define BODY(extra)                                                                                \
    "{\"drive_id\":\"block\",\"path_on_host\":\"disk\",\"is_root_device\":false" extra "}"
#define BODY_RW BODY(",\"is_read_only\":false")
#define BODY_RO BODY(",\"is_read_only\":true")

extern const struct bp_plugin *blk_plugin;

/* A booted drive of DISK_LEN bytes with a pattern; ends the test when that fails. */
struct blk *blk_open(const char *body);
struct blk *blk_open_unbooted(const char *body);
void blk_close(struct blk *b);

/* Header, `len` bytes of data (none when 0) in one segment, status; put, not published. */
struct blk_req blk_put(struct blk *b, uint32_t type, uint64_t sector, uint32_t len);
/* Any chain, described by the caller; the header and status are in it already. */
uint64_t blk_header(struct blk *b, uint32_t type, uint64_t sector);
uint64_t blk_status_byte(struct blk *b);
/* Publish one request, run, take it back: its status byte. */
int blk_do(struct blk *b, const struct blk_req *r, uint32_t *ret_used);
/* Chain of the caller's buffers, run: the used length, -1 when it never came back. */
int64_t blk_chain(struct blk *b, const struct kit_buf *bufs, unsigned n);
int blk_byte(struct blk *b, uint64_t gpa);
void blk_file_read(struct blk *b, uint64_t off, void *buf, uint32_t len);
uint64_t blk_metric(struct blk *b, const char *name);

#endif
