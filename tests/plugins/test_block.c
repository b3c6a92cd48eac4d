/* SPDX-License-Identifier: Apache-2.0 */
/* The block device's requests: every row of its error matrix, on the built plugin. */
/* The C library's checked variants are inline functions: they could not be replaced below. */
#undef _FORTIFY_SOURCE
#include "blk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* --------------------------------------------------------- system calls that fail */

/* The plugin's calls resolve to these first. A count of n lets the n-th call from now fail. */
static int fail_fsync, short_preadv, interrupt_pread;
static unsigned n_preadv, n_pread, n_pwritev;

__attribute__((visibility("default"))) int fsync(int fd)
{
    if (fail_fsync > 0 && --fail_fsync == 0) {
        errno = EIO;
        return -1;
    }
    return fdatasync(fd);
}

__attribute__((visibility("default"))) ssize_t preadv(int fd, const struct iovec *iov, int n,
                                                      off_t off)
{
    n_preadv++;
    if (short_preadv > 0 && --short_preadv == 0) {
        return preadv2(fd, iov, 1, off, 0);
    }
    return preadv2(fd, iov, n, off, 0);
}

__attribute__((visibility("default"))) ssize_t pwritev(int fd, const struct iovec *iov, int n,
                                                       off_t off)
{
    n_pwritev++;
    return pwritev2(fd, iov, n, off, 0);
}

__attribute__((visibility("default"))) ssize_t pread(int fd, void *buf, size_t len, off_t off)
{
    struct iovec one = { buf, len };

    n_pread++;
    if (interrupt_pread > 0 && --interrupt_pread == 0) {
        errno = EINTR;
        return -1;
    }
    return preadv2(fd, &one, 1, off, 0);
}

/* ---------------------------------------------------------------------- fixtures */

static int open_rw(void **state)
{
    fail_fsync = short_preadv = interrupt_pread = 0;
    n_preadv = n_pread = n_pwritev = 0;
    *state = blk_open(BODY_RW);
    return 0;
}

static int open_ro(void **state)
{
    *state = blk_open(BODY_RO);
    return 0;
}

static int shut(void **state)
{
    blk_close(*state);
    return 0;
}

/* ---------------------------------------------------------------- what succeeds */

static void read_gives_the_file(void **state)
{
    struct blk *b = *state;
    struct blk_req r = blk_put(b, T_IN, 9, 4096);
    uint32_t used;

    assert_int_equal(blk_do(b, &r, &used), S_OK);
    assert_int_equal(used, 4097);
    assert_memory_equal(kit_ptr(b->k, r.data, 4096), b->image + 9 * 512, 4096);
    assert_int_equal(blk_metric(b, "read_bytes"), 4096);
    assert_int_equal(blk_metric(b, "read_count"), 1);
    assert_int_equal(blk_metric(b, "queue_event_count") > 0, 1);
    assert_int_equal(kit_irqs(b->k, 0), 1);
}

static void write_reaches_the_file(void **state)
{
    struct blk *b = *state;
    struct blk_req r = blk_put(b, T_OUT, 3, 1024);
    uint8_t got[1024];
    uint32_t used;

    memset(kit_ptr(b->k, r.data, 1024), 0x5c, 1024);
    assert_int_equal(blk_do(b, &r, &used), S_OK);
    assert_int_equal(used, 1);
    blk_file_read(b, 3 * 512, got, sizeof(got));
    assert_memory_equal(got, kit_ptr(b->k, r.data, 1024), 1024);
    assert_int_equal(blk_metric(b, "write_bytes"), 1024);
    assert_int_equal(blk_metric(b, "write_count"), 1);
}

static void data_may_come_in_pieces(void **state)
{
    struct blk *b = *state;
    uint64_t hdr = blk_header(b, T_IN, 1), st = blk_status_byte(b);
    uint64_t a = kit_alloc(b->k, 100, 1), c = kit_alloc(b->k, 924, 1);
    struct kit_buf bufs[] = { { hdr, 7, 0 },
                              { hdr + 7, 9, 0 },
                              { a, 100, KIT_WRITE },
                              { c, 924, KIT_WRITE },
                              { st, 1, KIT_WRITE } };

    assert_int_equal(blk_chain(b, bufs, 5), 1025);
    assert_int_equal(blk_byte(b, st), S_OK);
    assert_memory_equal(kit_ptr(b->k, a, 100), b->image + 512, 100);
    assert_memory_equal(kit_ptr(b->k, c, 924), b->image + 612, 924);
}

static void data_and_status_may_share_a_segment(void **state)
{
    struct blk *b = *state;
    uint64_t hdr = blk_header(b, T_IN, 2), buf = kit_alloc(b->k, 513, 1);
    struct kit_buf bufs[] = { { hdr, 16, 0 }, { buf, 513, KIT_WRITE } };

    *(uint8_t *)kit_ptr(b->k, buf + 512, 1) = S_UNTOUCHED;
    assert_int_equal(blk_chain(b, bufs, 2), 513);
    assert_int_equal(blk_byte(b, buf + 512), S_OK);
    assert_memory_equal(kit_ptr(b->k, buf, 512), b->image + 1024, 512);
}

static void flush_syncs(void **state)
{
    struct blk *b = *state;
    struct blk_req two = blk_put(b, T_FLUSH, 0, 0), three;
    uint32_t used;

    assert_int_equal(blk_do(b, &two, &used), S_OK);
    assert_int_equal(used, 1);
    three = blk_put(b, T_FLUSH, 0, 512);
    assert_int_equal(blk_do(b, &three, &used), S_OK);
    assert_int_equal(blk_metric(b, "flush_count"), 2);
}

static void get_id_names_the_file(void **state)
{
    struct blk *b = *state;
    struct blk_req r = blk_put(b, T_GET_ID, 0, 20), longer = { 0 };
    char want[80] = { 0 };
    struct stat st;
    uint32_t used;
    int fd = kit_file_fd(b->k, "disk");

    assert_int_equal(fstat(fd, &st), 0);
    (void)close(fd);
    (void)snprintf(want, sizeof(want), "%llu%llu%llu", (unsigned long long)st.st_dev,
                   (unsigned long long)st.st_rdev, (unsigned long long)st.st_ino);
    assert_int_equal(blk_do(b, &r, &used), S_OK);
    assert_int_equal(used, 21);
    assert_memory_equal(kit_ptr(b->k, r.data, 20), want, 20);
    longer = blk_put(b, T_GET_ID, 0, 64);
    assert_int_equal(blk_do(b, &longer, &used), S_OK);
    assert_int_equal(used, 21);
    assert_int_equal(blk_byte(b, longer.data + 20), 0);
}

static void zero_length_data_is_fine(void **state)
{
    struct blk *b = *state;
    uint64_t st = blk_status_byte(b);
    struct kit_buf bufs[] = { { blk_header(b, T_IN, 0), 16, 0 },
                              { kit_alloc(b->k, 16, 1), 0, KIT_WRITE },
                              { st, 1, KIT_WRITE } };

    assert_int_equal(blk_chain(b, bufs, 3), 1);
    assert_int_equal(blk_byte(b, st), S_OK);
}

static void last_sector_is_reachable(void **state)
{
    struct blk *b = *state;
    struct blk_req r = blk_put(b, T_IN, DISK_SECTORS - 1, 512);

    assert_int_equal(blk_do(b, &r, NULL), S_OK);
    assert_memory_equal(kit_ptr(b->k, r.data, 512), b->image + DISK_LEN - 512, 512);
}

/* -------------------------------------------------------------------- batches */

static void neighbours_share_one_call(void **state)
{
    struct blk *b = *state;
    struct blk_req r[32];
    unsigned irqs = kit_irqs(b->k, 0);

    for (unsigned i = 0; i < 32; i++) {
        r[i] = blk_put(b, T_IN, i * 8, 4096);
    }
    kit_kick(b->k, 0);
    for (unsigned i = 0; i < 32; i++) {
        uint32_t used;

        assert_int_equal(kit_used(b->k, 0, &used), r[i].head);
        assert_int_equal(used, 4097);
        assert_int_equal(blk_byte(b, r[i].status), S_OK);
        assert_memory_equal(kit_ptr(b->k, r[i].data, 4096), b->image + i * 4096, 4096);
    }
    assert_int_equal(n_preadv, 1);
    assert_int_equal(n_pread, 0);
    assert_int_equal(kit_irqs(b->k, 0), irqs + 1);
    assert_int_equal(blk_metric(b, "read_count"), 32);
    assert_int_equal(blk_metric(b, "read_bytes"), 32 * 4096);
}

static void a_short_run_is_redone_one_by_one(void **state)
{
    struct blk *b = *state;
    struct blk_req r[4];

    for (unsigned i = 0; i < 4; i++) {
        r[i] = blk_put(b, T_IN, i, 512);
    }
    short_preadv = 1;
    kit_kick(b->k, 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(kit_used(b->k, 0, NULL), r[i].head);
        assert_int_equal(blk_byte(b, r[i].status), S_OK);
        assert_memory_equal(kit_ptr(b->k, r[i].data, 512), b->image + i * 512, 512);
    }
    assert_int_equal(n_pread, 4);
}

static void each_request_of_a_failed_run_has_its_own_status(void **state)
{
    struct blk *b = *state;
    struct blk_req r[4];
    int fd = kit_file_fd(b->k, "disk");

    assert_int_equal(ftruncate(fd, 2 * 512), 0);
    (void)close(fd);
    for (unsigned i = 0; i < 4; i++) {
        r[i] = blk_put(b, T_IN, i, 512);
    }
    kit_kick(b->k, 0);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t used;

        assert_int_equal(kit_used(b->k, 0, &used), r[i].head);
        assert_int_equal(blk_byte(b, r[i].status), i < 2 ? S_OK : S_IOERR);
        assert_int_equal(used, i < 2 ? 513 : 1);
    }
    assert_int_equal(blk_metric(b, "invalid_reqs_count"), 2);
    assert_int_equal(blk_metric(b, "read_count"), 2);
}

/* Write, read back, overwrite, read back: in one batch, on one sector. */
static void a_batch_keeps_its_order(void **state)
{
    struct blk *b = *state;
    struct blk_req w1 = blk_put(b, T_OUT, 5, 512), r1 = blk_put(b, T_IN, 5, 512);
    struct blk_req w2 = blk_put(b, T_OUT, 5, 512), f = blk_put(b, T_FLUSH, 0, 0);
    struct blk_req r2 = blk_put(b, T_IN, 5, 512), other = blk_put(b, T_IN, 6, 512);

    memset(kit_ptr(b->k, w1.data, 512), 0x11, 512);
    memset(kit_ptr(b->k, w2.data, 512), 0x22, 512);
    kit_kick(b->k, 0);
    assert_int_equal(blk_byte(b, r1.data + 511), 0x11);
    assert_int_equal(blk_byte(b, r2.data), 0x22);
    assert_int_equal(blk_byte(b, f.status), S_OK);
    assert_memory_equal(kit_ptr(b->k, other.data, 512), b->image + 6 * 512, 512);
}

static void a_bad_request_does_not_disturb_its_neighbours(void **state)
{
    struct blk *b = *state;
    struct blk_req a = blk_put(b, T_IN, 0, 512), bad = blk_put(b, T_IN, DISK_SECTORS, 512);
    struct blk_req c = blk_put(b, T_IN, 1, 512);

    kit_kick(b->k, 0);
    assert_int_equal(blk_byte(b, a.status), S_OK);
    assert_int_equal(blk_byte(b, bad.status), S_IOERR);
    assert_int_equal(blk_byte(b, c.status), S_OK);
    assert_memory_equal(kit_ptr(b->k, c.data, 512), b->image + 512, 512);
    assert_int_equal(blk_metric(b, "execute_fails"), 1);
}

static void a_full_ring_of_writes_merges(void **state)
{
    struct blk *b = *state;
    uint8_t got[512];

    for (unsigned i = 0; i < 60; i++) {
        struct blk_req r = blk_put(b, T_OUT, i, 512);

        memset(kit_ptr(b->k, r.data, 512), (int)i + 1, 512);
    }
    kit_kick(b->k, 0);
    for (unsigned i = 0; i < 60; i++) {
        assert_true(kit_used(b->k, 0, NULL) >= 0);
        blk_file_read(b, i * 512, got, sizeof(got));
        assert_int_equal(got[511], i + 1);
    }
    assert_int_equal(n_pwritev, 1);
}

/* ------------------------------------------------------------------ what fails */

static void unsupported_type(void **state)
{
    struct blk *b = *state;
    struct blk_req r = blk_put(b, 11, 0, 512), two;
    uint32_t used;

    assert_int_equal(blk_do(b, &r, &used), S_UNSUPP);
    assert_int_equal(used, 1);
    assert_int_equal(blk_metric(b, "invalid_reqs_count"), 1);
    two = blk_put(b, 11, 0, 0);
    assert_int_equal(blk_do(b, &two, NULL), S_IOERR);
    assert_int_equal(blk_metric(b, "execute_fails"), 1);
    assert_false(kit_needs_reset(b->k));
}

static void out_of_range_and_unaligned(void **state)
{
    struct blk *b = *state;
    static const struct {
        uint32_t type, len;
        uint64_t sector;
    } rows[] = {
        { T_IN, 512, DISK_SECTORS },
        { T_OUT, 1024, DISK_SECTORS - 1 },
        { T_IN, 512, UINT64_MAX },
        { T_IN, 511, 0 },
        { T_OUT, 513, 0 },
        { T_GET_ID, 19, 0 },
        { T_OUT, 512, UINT64_MAX >> 9 },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct blk_req r = blk_put(b, rows[i].type, rows[i].sector, rows[i].len);

        assert_int_equal(blk_do(b, &r, NULL), S_IOERR);
        assert_int_equal(blk_metric(b, "execute_fails"), i + 1);
    }
    assert_int_equal(blk_metric(b, "read_count") + blk_metric(b, "write_count"), 0);
    assert_int_equal(blk_metric(b, "no_avail_buffer") > 0, 1);
}

static void malformed_chains(void **state)
{
    struct blk *b = *state;
    uint64_t st = blk_status_byte(b), data = kit_alloc(b->k, 512, 1);
    uint64_t in = blk_header(b, T_IN, 0), out = blk_header(b, T_OUT, 0);
    const struct {
        struct kit_buf bufs[3];
        unsigned n;
        int64_t used;
    } rows[] = {
        { { { in, 16, KIT_WRITE } }, 1, 1 },                                 /* no header at all */
        { { { in, 16, 0 } }, 1, 0 },                                         /* only a header */
        { { { in, 15, 0 }, { st, 1, KIT_WRITE } }, 2, 1 },                   /* half a header */
        { { { in, 16, 0 }, { st, 1, KIT_WRITE } }, 2, 1 },                   /* no data */
        { { { in, 16, 0 }, { data, 512, KIT_WRITE }, { st, 1, 0 } }, 3, 0 }, /* status read-only */
        { { { in, 16, 0 }, { data, 512, KIT_WRITE }, { st, 0, KIT_WRITE } }, 3, 0 },
        { { { in, 16, 0 }, { data, 512, 0 }, { st, 1, KIT_WRITE } }, 3, 1 },
        { { { out, 16, 0 }, { data, 512, KIT_WRITE }, { st, 1, KIT_WRITE } }, 3, 1 },
        { { { out, 16, 0 }, { data, 512, 0 }, { st, 1, 0 } }, 3, 0 },
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(blk_chain(b, rows[i].bufs, rows[i].n), rows[i].used);
        assert_int_equal(blk_metric(b, "execute_fails"), i + 1);
    }
    assert_false(kit_needs_reset(b->k));
}

static void buffer_outside_ram(void **state)
{
    struct blk *b = *state;
    static const uint32_t types[] = { T_IN, T_OUT, T_GET_ID };

    for (unsigned i = 0; i < 3; i++) {
        uint64_t st = blk_status_byte(b);
        struct kit_buf bufs[] = { { blk_header(b, types[i], 0), 16, 0 },
                                  { 1ull << 40, 512, types[i] == T_OUT ? 0 : KIT_WRITE },
                                  { st, 1, KIT_WRITE } };

        assert_int_equal(blk_chain(b, bufs, 3), 1);
        assert_int_equal(blk_byte(b, st), S_IOERR);
        assert_int_equal(blk_metric(b, "invalid_reqs_count"), i + 1);
    }
}

static void status_or_header_outside_ram(void **state)
{
    struct blk *b = *state;
    uint64_t data = kit_alloc(b->k, 512, 1), st = blk_status_byte(b);
    struct kit_buf status[] = { { blk_header(b, T_IN, 4), 16, 0 },
                                { data, 512, KIT_WRITE },
                                { 1ull << 40, 1, KIT_WRITE } };
    struct kit_buf header[] = { { 1ull << 40, 16, 0 },
                                { data, 512, KIT_WRITE },
                                { st, 1, KIT_WRITE } };

    assert_int_equal(blk_chain(b, status, 3), 0);
    assert_memory_equal(kit_ptr(b->k, data, 512), b->image + 4 * 512, 512);
    assert_int_equal(blk_metric(b, "read_count"), 1);
    assert_int_equal(blk_chain(b, header, 3), 1);
    assert_int_equal(blk_byte(b, st), S_IOERR);
    assert_int_equal(blk_metric(b, "execute_fails"), 1);
}

static void a_truncated_file_reads_as_an_error(void **state)
{
    struct blk *b = *state;
    struct blk_req r = blk_put(b, T_IN, 2, 1024);
    int fd = kit_file_fd(b->k, "disk");
    uint32_t used;

    assert_int_equal(ftruncate(fd, 3 * 512), 0);
    (void)close(fd);
    assert_int_equal(blk_do(b, &r, &used), S_IOERR);
    assert_int_equal(used, 1);
    assert_memory_equal(kit_ptr(b->k, r.data, 512), b->image + 1024, 512);
    assert_int_equal(blk_metric(b, "invalid_reqs_count"), 1);
    assert_int_equal(blk_metric(b, "read_count"), 0);
}

static void a_failed_flush_is_told(void **state)
{
    struct blk *b = *state;
    struct blk_req r = blk_put(b, T_FLUSH, 0, 0);

    fail_fsync = 1;
    assert_int_equal(blk_do(b, &r, NULL), S_IOERR);
    assert_int_equal(blk_metric(b, "flush_count"), 0);
    assert_int_equal(blk_metric(b, "invalid_reqs_count"), 1);
}

static void an_interrupted_call_goes_on(void **state)
{
    struct blk *b = *state;
    struct blk_req r = blk_put(b, T_IN, 1, 512);

    interrupt_pread = 1;
    assert_int_equal(blk_do(b, &r, NULL), S_OK);
    assert_memory_equal(kit_ptr(b->k, r.data, 512), b->image + 512, 512);
}

static void a_read_only_drive_refuses_writes(void **state)
{
    struct blk *b = *state;
    struct blk_req w = blk_put(b, T_OUT, 0, 512), r = blk_put(b, T_IN, 0, 512);
    uint8_t got[512];

    assert_int_equal(blk_do(b, &w, NULL), S_IOERR);
    assert_int_equal(blk_byte(b, r.status), S_OK);
    blk_file_read(b, 0, got, sizeof(got));
    assert_memory_equal(got, b->image, sizeof(got));
    assert_int_equal(blk_metric(b, "invalid_reqs_count"), 1);
    assert_int_equal(blk_metric(b, "write_count"), 0);
}

static void a_hundred_resets(void **state)
{
    struct blk *b = *state;

    for (unsigned i = 0; i < 100; i++) {
        uint64_t h = blk_header(b, T_FLUSH, 0), st = blk_status_byte(b);
        struct kit_buf bufs[] = { { h, 16, 0 }, { st, 1, KIT_WRITE } };

        assert_int_equal(blk_chain(b, bufs, 2), 1);
        kit_reset(b->k);
        assert_int_equal(kit_boot(b->k, i % 2 ? F_EVENT_IDX : 0), 0);
    }
    assert_int_equal(blk_metric(b, "flush_count"), 100);
}

int main(int argc, char **argv)
{
#define RW(f) cmocka_unit_test_setup_teardown(f, open_rw, shut)
    const struct CMUnitTest tests[] = {
        RW(read_gives_the_file),
        RW(write_reaches_the_file),
        RW(data_may_come_in_pieces),
        RW(data_and_status_may_share_a_segment),
        RW(flush_syncs),
        RW(get_id_names_the_file),
        RW(zero_length_data_is_fine),
        RW(last_sector_is_reachable),
        RW(neighbours_share_one_call),
        RW(a_short_run_is_redone_one_by_one),
        RW(each_request_of_a_failed_run_has_its_own_status),
        RW(a_batch_keeps_its_order),
        RW(a_bad_request_does_not_disturb_its_neighbours),
        RW(a_full_ring_of_writes_merges),
        RW(unsupported_type),
        RW(out_of_range_and_unaligned),
        RW(malformed_chains),
        RW(buffer_outside_ram),
        RW(status_or_header_outside_ram),
        RW(a_truncated_file_reads_as_an_error),
        RW(a_failed_flush_is_told),
        RW(an_interrupted_call_goes_on),
        RW(a_hundred_resets),
        cmocka_unit_test_setup_teardown(a_read_only_drive_refuses_writes, open_ro, shut),
    };

    blk_plugin = argc > 1 ? kit_load(argv[1]) : NULL;
    return blk_plugin == NULL ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
