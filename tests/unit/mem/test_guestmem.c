/* SPDX-License-Identifier: Apache-2.0 */
/* Guest memory: shape around the hole, translation, dirty bits, release, error text. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mem/guestmem.h"

#define PAGE ((uint64_t)GUESTMEM_PAGE)
#define HOLE (16 * PAGE)
#define ABOVE (64 * PAGE)

static void open_mem(struct guestmem *m, bool track)
{
    struct bp_err err;

    assert_int_equal(guestmem_init(m, 24 * PAGE, HOLE, ABOVE, track, &err), 0);
}

static void memory_goes_around_the_hole(void **state)
{
    struct guestmem m;

    (void)state;
    open_mem(&m, false);
    assert_int_equal(m.n, 2);
    assert_int_equal(m.r[0].gpa, 0);
    assert_int_equal(m.r[0].len, HOLE);
    assert_int_equal(m.r[1].gpa, ABOVE);
    assert_int_equal(m.r[1].len, 8 * PAGE);
    assert_int_equal(guestmem_size(&m), 24 * PAGE);
    guestmem_done(&m);
}

static void translation_checks_both_ends(void **state)
{
    struct guestmem m;
    uint32_t hint = 0;

    (void)state;
    open_mem(&m, false);
    assert_ptr_equal(guestmem_ptr(&m, 0, HOLE), m.r[0].host);
    assert_null(guestmem_ptr(&m, 0, HOLE + 1));
    assert_null(guestmem_ptr(&m, HOLE - 1, 2));
    assert_null(guestmem_ptr(&m, HOLE, 0));
    assert_non_null(guestmem_ptr(&m, HOLE - 1, 0));
    assert_null(guestmem_ptr(&m, ABOVE - 1, 1));
    assert_null(guestmem_ptr(&m, UINT64_MAX, 2));
    assert_null(guestmem_ptr(&m, 8, UINT64_MAX));
    assert_ptr_equal(guestmem_ptr_hint(&m, ABOVE, 4, &hint), m.r[1].host);
    assert_int_equal(hint, 1);
    assert_ptr_equal(guestmem_ptr_fast(&m, ABOVE + 4, 4, &hint), m.r[1].host + 4);
    assert_ptr_equal(guestmem_ptr_fast(&m, 4, 4, &hint), m.r[0].host + 4);
    assert_int_equal(hint, 0);
    hint = 77;
    assert_non_null(guestmem_ptr_fast(&m, 4, 4, &hint));
    guestmem_done(&m);
}

static void access_refuses_what_is_not_memory(void **state)
{
    struct guestmem m;
    uint32_t v = 0x12345678, back = 0;

    (void)state;
    open_mem(&m, true);
    assert_int_equal(guestmem_write(&m, ABOVE + 6, &v, 4), 0);
    assert_int_equal(guestmem_read(&m, ABOVE + 6, &back, 4), 0);
    assert_int_equal(back, v);
    assert_int_equal(guestmem_write(&m, HOLE - 2, &v, 4), -EFAULT);
    assert_int_equal(guestmem_read(&m, HOLE - 2, &back, 4), -EFAULT);
    assert_false(guestmem_is_dirty(&m, HOLE - 2));
    guestmem_done(&m);
}

static void dirty_bits_cover_exactly_the_pages(void **state)
{
    struct guestmem m;

    (void)state;
    open_mem(&m, true);
    guestmem_dirty(&m, 3 * PAGE - 1, 2);
    assert_false(guestmem_is_dirty(&m, PAGE));
    assert_true(guestmem_is_dirty(&m, 2 * PAGE));
    assert_true(guestmem_is_dirty(&m, 3 * PAGE + 5));
    assert_false(guestmem_is_dirty(&m, 4 * PAGE));
    guestmem_dirty(&m, 5 * PAGE, 0);
    assert_false(guestmem_is_dirty(&m, 5 * PAGE));
    guestmem_dirty(&m, HOLE, 4);
    guestmem_dirty_host(&m, m.r[1].host + PAGE, PAGE);
    assert_false(guestmem_is_dirty(&m, ABOVE));
    assert_true(guestmem_is_dirty(&m, ABOVE + PAGE));
    assert_false(guestmem_is_dirty(&m, ABOVE + 2 * PAGE));
    guestmem_clear_dirty(&m);
    assert_false(guestmem_is_dirty(&m, ABOVE + PAGE));
    guestmem_done(&m);
    open_mem(&m, false);
    guestmem_dirty(&m, 0, PAGE);
    assert_false(guestmem_is_dirty(&m, 0));
    guestmem_done(&m);
}

static void release_zeroes_whole_pages(void **state)
{
    struct guestmem m;

    (void)state;
    open_mem(&m, true);
    memset(m.r[0].host, 0xaa, 4 * PAGE);
    assert_int_equal(guestmem_release(&m, PAGE, 2 * PAGE), 0);
    assert_int_equal(m.r[0].host[PAGE - 1], 0xaa);
    assert_int_equal(m.r[0].host[PAGE], 0);
    assert_int_equal(m.r[0].host[3 * PAGE - 1], 0);
    assert_int_equal(m.r[0].host[3 * PAGE], 0xaa);
    assert_true(guestmem_is_dirty(&m, 2 * PAGE));
    assert_int_equal(guestmem_release(&m, 1, PAGE), -EINVAL);
    assert_int_equal(guestmem_release(&m, 0, 12), -EINVAL);
    assert_int_equal(guestmem_release(&m, HOLE - PAGE, 2 * PAGE), -EINVAL);
    guestmem_done(&m);
}

/* Is [start, end) one mapping with these permissions? */
static bool is_mapping(uintptr_t start, uintptr_t end, const char *perms)
{
    char line[512], got[8];
    uintptr_t a, b;
    bool found = false;
    FILE *f = fopen("/proc/self/maps", "re");

    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %7s", &a, &b, got) == 3 && a == start &&
            b == end && strcmp(got, perms) == 0) {
            found = true;
        }
    }
    fclose(f);
    return found;
}

static void region_is_one_mapping_of_its_size(void **state)
{
    struct guestmem m;

    (void)state;
    open_mem(&m, false);
    for (uint32_t i = 0; i < m.n; i++) {
        uintptr_t host = (uintptr_t)m.r[i].host;

        assert_true(is_mapping(host, host + m.r[i].len, "rw-p"));
    }
    guestmem_done(&m);
    guestmem_done(NULL);
}

static void too_much_memory_is_worded_as_enomem(void **state)
{
    static const uint64_t sizes[] = { 1ull << 62, UINT64_MAX - 4095 };
    struct guestmem m;
    struct bp_err err;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(guestmem_init(&m, sizes[i], HOLE, ABOVE, false, &err), -ENOMEM);
        assert_string_equal(err.text, "MmapRegion(Mmap(Os { code: 12, kind: OutOfMemory, message: "
                                      "Out of memory }))");
        assert_int_equal(m.n, 0);
    }
    assert_int_equal(guestmem_init(&m, 0, HOLE, ABOVE, false, &err), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_goes_around_the_hole),
        cmocka_unit_test(translation_checks_both_ends),
        cmocka_unit_test(access_refuses_what_is_not_memory),
        cmocka_unit_test(dirty_bits_cover_exactly_the_pages),
        cmocka_unit_test(release_zeroes_whole_pages),
        cmocka_unit_test(region_is_one_mapping_of_its_size),
        cmocka_unit_test(too_much_memory_is_worded_as_enomem),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
