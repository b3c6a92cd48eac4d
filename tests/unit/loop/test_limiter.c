/* SPDX-License-Identifier: Apache-2.0 */
/* Rate limiter arithmetic: creation, refill, reduce, refunds, blocking. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "loop/limiter.h"

#define MS 1000000ull

static struct limiter bytes_limiter(uint64_t size, uint64_t burst, uint64_t refill_ms)
{
    struct limiter l;

    limiter_init(&l);
    bucket_set(&l.bucket[LIMITER_BYTES], size, burst, refill_ms, 0);
    return l;
}

static void creation_refuses_zero_and_overflow(void **state)
{
    struct bucket b;

    (void)state;
    bucket_set(&b, 1000, 5, 1000, 7);
    assert_int_equal(b.budget, 1000);
    assert_int_equal(b.burst, 5);
    assert_int_equal(b.last_ns, 7);
    bucket_set(&b, 0, 5, 1000, 0);
    assert_int_equal(b.size, 0);
    bucket_set(&b, 1000, 5, 0, 0);
    assert_int_equal(b.size, 0);
    bucket_set(&b, 1000, 5, 18446744073709ull, 0);
    assert_int_equal(b.size, 1000);
    bucket_set(&b, 1000, 5, 18446744073710ull, 0);
    assert_int_equal(b.size, 0);
}

static void gcd_is_divided_out(void **state)
{
    struct bucket b;

    (void)state;
    bucket_set(&b, 1000, 0, 1000, 0);
    assert_int_equal(b.per_tokens, 1);
    assert_int_equal(b.per_ns, 1000000);
    bucket_set(&b, 3 * 7 * 11 * 19 * 1000, 0, 7 * 11 * 13 * 17, 0);
    assert_int_equal(b.per_tokens, 3 * 19);
    assert_int_equal(b.per_ns, 13 * 17 * 1000);
}

static void example_1_consume_then_block(void **state)
{
    struct limiter l = bytes_limiter(1000, 0, 1000);
    uint64_t arm;

    (void)state;
    assert_true(limiter_consume(&l, LIMITER_BYTES, 123, 0, &arm));
    assert_int_equal(l.bucket[LIMITER_BYTES].budget, 877);
    assert_int_equal(arm, 0);
    assert_false(limiter_consume(&l, LIMITER_BYTES, 1000, 10 * MS, &arm));
    assert_int_equal(arm, LIMITER_RETRY_NS);
    assert_true(l.blocked);
    assert_int_equal(l.bucket[LIMITER_BYTES].budget, 887);
    assert_false(limiter_consume(&l, LIMITER_BYTES, 1, 50 * MS, &arm));
    assert_int_equal(arm, 0);
    limiter_unblock(&l);
    assert_true(limiter_consume(&l, LIMITER_BYTES, 1, 110 * MS, &arm));
}

static void example_2_burst_goes_first(void **state)
{
    struct limiter l = bytes_limiter(1000, 1100, 1000);
    struct bucket *b = &l.bucket[LIMITER_BYTES];
    uint64_t arm;

    (void)state;
    assert_true(limiter_consume(&l, LIMITER_BYTES, 1000, 0, &arm));
    assert_int_equal(b->burst, 100);
    assert_true(limiter_consume(&l, LIMITER_BYTES, 500, 0, &arm));
    assert_int_equal(b->burst, 0);
    assert_int_equal(b->budget, 600);
    assert_true(limiter_consume(&l, LIMITER_BYTES, 500, 0, &arm));
    assert_int_equal(b->budget, 100);
    assert_false(limiter_consume(&l, LIMITER_BYTES, 500, 0, &arm));
    assert_int_equal(b->budget, 100);
    limiter_unblock(&l);
    assert_true(limiter_consume(&l, LIMITER_BYTES, 500, 500 * MS, &arm));
}

static void examples_3_and_4_over_consumption(void **state)
{
    struct limiter l = bytes_limiter(1000, 0, 1000);
    uint64_t arm;

    (void)state;
    assert_true(limiter_consume(&l, LIMITER_BYTES, 2500, 0, &arm));
    assert_int_equal(arm, 1500 * MS);
    assert_true(l.blocked);
    l = bytes_limiter(1000, 0, 1000);
    assert_true(limiter_consume(&l, LIMITER_BYTES, 1500, 0, &arm));
    assert_int_equal(arm, 500 * MS);
    assert_false(limiter_consume(&l, LIMITER_BYTES, 1, 200 * MS, &arm));
    assert_int_equal(arm, 0);
}

static void example_5_slow_refill(void **state)
{
    static const struct {
        uint64_t ms, tokens;
    } at[] = { { 10, 0 }, { 20, 0 }, { 100, 1 }, { 500, 5 }, { 1000, 10 }, { 5000, 10 } };

    (void)state;
    for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        struct limiter l = bytes_limiter(10, 0, 1000);
        uint64_t arm;

        assert_true(limiter_consume(&l, LIMITER_BYTES, 10, 0, &arm));
        /* Asking for more than there can be shows the refilled budget without taking any. */
        if (at[i].tokens < 10) {
            assert_false(limiter_consume(&l, LIMITER_BYTES, 10, at[i].ms * MS, &arm));
            assert_int_equal(l.bucket[LIMITER_BYTES].budget, at[i].tokens);
        } else {
            assert_true(limiter_consume(&l, LIMITER_BYTES, 10, at[i].ms * MS, &arm));
        }
    }
}

static void example_6_polling_loses_nothing(void **state)
{
    struct limiter l = bytes_limiter(1000, 0, 1000);
    uint64_t arm;

    (void)state;
    assert_true(limiter_consume(&l, LIMITER_BYTES, 1000, 0, &arm));
    for (uint64_t now = 0; now < 1000 * MS; now += 7919) {
        (void)limiter_consume(&l, LIMITER_BYTES, 1000, now, &arm);
        limiter_unblock(&l);
        assert_true(l.bucket[LIMITER_BYTES].budget <= 1000);
    }
    assert_true(limiter_consume(&l, LIMITER_BYTES, 1000, 1000 * MS, &arm));
}

static void example_7_give_back(void **state)
{
    struct limiter l = bytes_limiter(1000, 0, 1000);
    uint64_t arm;

    (void)state;
    assert_true(limiter_consume(&l, LIMITER_BYTES, 123, 0, &arm));
    limiter_give_back(&l, LIMITER_BYTES, 23);
    assert_int_equal(l.bucket[LIMITER_BYTES].budget, 900);
    limiter_give_back(&l, LIMITER_BYTES, UINT64_MAX);
    assert_int_equal(l.bucket[LIMITER_BYTES].budget, 1000);
    limiter_give_back(&l, LIMITER_OPS, 5);
    assert_int_equal(l.bucket[LIMITER_OPS].budget, 0);
    l = bytes_limiter(1000, 50, 1000);
    assert_true(limiter_consume(&l, LIMITER_BYTES, 30, 0, &arm));
    limiter_give_back(&l, LIMITER_BYTES, 100);
    assert_int_equal(l.bucket[LIMITER_BYTES].burst, 50);
}

static void no_buckets_never_block(void **state)
{
    struct limiter l;
    uint64_t arm;

    (void)state;
    limiter_init(&l);
    assert_true(limiter_consume(&l, LIMITER_BYTES, UINT64_MAX, 0, &arm));
    assert_true(limiter_consume(&l, LIMITER_OPS, UINT64_MAX, 0, &arm));
    assert_false(l.blocked);
    assert_int_equal(arm, 0);
}

static void blocked_refuses_either_kind(void **state)
{
    struct limiter l = bytes_limiter(10, 0, 1000);
    uint64_t arm;

    (void)state;
    assert_true(limiter_consume(&l, LIMITER_BYTES, 10, 0, &arm));
    assert_false(limiter_consume(&l, LIMITER_BYTES, 1, 0, &arm));
    assert_false(limiter_consume(&l, LIMITER_OPS, 1, 0, &arm));
    limiter_unblock(&l);
    assert_true(limiter_consume(&l, LIMITER_OPS, 1, 0, &arm));
}

static void penalty_is_a_millisecond_at_least(void **state)
{
    struct limiter l = bytes_limiter(1000000, 0, 1);
    uint64_t arm;

    (void)state;
    assert_true(limiter_consume(&l, LIMITER_BYTES, 1000001, 0, &arm));
    assert_int_equal(arm, MS);
    l = bytes_limiter(1, 0, 18446744073709ull);
    assert_true(limiter_consume(&l, LIMITER_BYTES, UINT64_MAX, 0, &arm));
    assert_true(arm == UINT64_MAX);
}

static void clock_going_back_is_no_time(void **state)
{
    struct limiter l = bytes_limiter(10, 0, 1000);
    uint64_t arm;

    (void)state;
    l.bucket[LIMITER_BYTES].last_ns = 100;
    assert_true(limiter_consume(&l, LIMITER_BYTES, 10, 100, &arm));
    assert_false(limiter_consume(&l, LIMITER_BYTES, 1, 50, &arm));
    assert_int_equal(l.bucket[LIMITER_BYTES].budget, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creation_refuses_zero_and_overflow),
        cmocka_unit_test(gcd_is_divided_out),
        cmocka_unit_test(example_1_consume_then_block),
        cmocka_unit_test(example_2_burst_goes_first),
        cmocka_unit_test(examples_3_and_4_over_consumption),
        cmocka_unit_test(example_5_slow_refill),
        cmocka_unit_test(example_6_polling_loses_nothing),
        cmocka_unit_test(example_7_give_back),
        cmocka_unit_test(no_buckets_never_block),
        cmocka_unit_test(blocked_refuses_either_kind),
        cmocka_unit_test(penalty_is_a_millisecond_at_least),
        cmocka_unit_test(clock_going_back_is_no_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
