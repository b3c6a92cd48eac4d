/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop: batches, deletion, timers, posts and calls from threads, idle work. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "loop/loop.h"

#define MS 1000000ull

struct pair {
    struct loop_source *self, *other;
    int *hits;
};

static void delete_other(void *arg, int fd, uint32_t events)
{
    struct pair *p = arg;

    (void)fd;
    assert_true((events & BP_FD_READ) != 0);
    ++*p->hits;
    loop_source_del(p->other);
    loop_source_del(p->self);
}

static void source_deleted_in_its_batch_is_silent(void **state)
{
    struct loop *l = loop_new();
    int a = eventfd(1, EFD_CLOEXEC), b = eventfd(1, EFD_CLOEXEC), hits = 0;
    struct pair pa = { .hits = &hits }, pb = { .hits = &hits };

    (void)state;
    assert_non_null(l);
    assert_int_equal(loop_fd_add(l, a, BP_FD_READ, delete_other, &pa, &pa.self), 0);
    assert_int_equal(loop_fd_add(l, b, BP_FD_READ, delete_other, &pb, &pb.self), 0);
    pa.other = pb.self;
    pb.other = pa.self;
    assert_int_equal(loop_step(l, 0), 2);
    assert_int_equal(hits, 1);
    assert_int_equal(loop_step(l, 0), 0);
    /* Deleting a source closes no fd. */
    assert_true(fcntl(a, F_GETFD) >= 0 && fcntl(b, F_GETFD) >= 0);
    loop_free(l);
    close(a);
    close(b);
}

static void count_fd(void *arg, int fd, uint32_t events)
{
    (void)fd;
    (void)events;
    ++*(int *)arg;
}

static void mod_to_nothing_silences_a_hangup(void **state)
{
    struct loop *l = loop_new();
    struct loop_source *s;
    int p[2], hits = 0;

    (void)state;
    assert_int_equal(pipe(p), 0);
    assert_int_equal(loop_fd_add(l, p[0], BP_FD_READ, count_fd, &hits, &s), 0);
    close(p[1]);
    assert_int_equal(loop_step(l, 0), 1);
    assert_int_equal(hits, 1);
    assert_int_equal(loop_fd_mod(s, 0), 0);
    assert_int_equal(loop_step(l, 0), 0);
    assert_int_equal(loop_fd_mod(s, BP_FD_READ), 0);
    assert_int_equal(loop_step(l, 0), 1);
    loop_source_del(s);
    loop_source_del(NULL);
    loop_free(l);
    close(p[0]);
}

static void count(void *arg)
{
    __atomic_fetch_add((int *)arg, 1, __ATOMIC_RELEASE);
}

static void timer_fires_once_and_periodically(void **state)
{
    struct loop *l = loop_new();
    struct loop_source *s;
    int hits = 0;

    (void)state;
    assert_int_equal(loop_timer_add(l, count, &hits, &s), 0);
    assert_int_equal(loop_step(l, 0), 0);
    assert_int_equal(loop_timer_arm(s, 1 * MS, 0), 0);
    assert_int_equal(loop_step(l, 1000), 1);
    assert_int_equal(loop_step(l, 5), 0);
    assert_int_equal(hits, 1);
    assert_int_equal(loop_timer_arm(s, 1 * MS, 1 * MS), 0);
    assert_int_equal(loop_step(l, 1000), 1);
    assert_int_equal(loop_step(l, 1000), 1);
    assert_int_equal(loop_timer_arm(s, 0, 5), 0);
    assert_int_equal(loop_step(l, 5), 0);
    assert_int_equal(hits, 3);
    assert_int_equal(loop_fd_mod(s, 0), -EINVAL);
    loop_free(l);
}

static void *run_loop(void *arg)
{
    return (void *)(intptr_t)loop_run(arg);
}

static void call_from_a_thread_waits(void **state)
{
    struct loop *l = loop_new();
    pthread_t t;
    void *code;
    int hits = 0;

    (void)state;
    /* Before the loop moves to its thread, this thread is home: a post announces the move. */
    assert_int_equal(pthread_create(&t, NULL, run_loop, l), 0);
    assert_int_equal(loop_post(l, count, &hits), 0);
    while (__atomic_load_n(&hits, __ATOMIC_ACQUIRE) == 0) {
        usleep(1000);
    }
    for (int i = 0; i < 100; i++) {
        assert_int_equal(loop_call(l, count, &hits), 0);
        assert_int_equal(hits, 2 + i);
    }
    loop_stop(l, 7);
    assert_int_equal(pthread_join(t, &code), 0);
    assert_int_equal((intptr_t)code, 7);
    loop_free(l);
}

struct caller {
    struct loop *l;
    int hits, result, calls;
};

static void *call_it(void *arg)
{
    struct caller *c = arg;

    c->result = loop_call(c->l, count, &c->hits);
    return NULL;
}

static void call_after_close_fails(void **state)
{
    struct caller c = { .l = loop_new() };
    pthread_t t;

    (void)state;
    loop_close_calls(c.l);
    assert_int_equal(pthread_create(&t, NULL, call_it, &c), 0);
    pthread_join(t, NULL);
    assert_int_equal(c.result, -ESHUTDOWN);
    assert_int_equal(c.hits, 0);
    /* The home thread needs no hop. */
    assert_int_equal(loop_call(c.l, count, &c.hits), 0);
    assert_int_equal(c.hits, 1);
    loop_free(c.l);
}

static void close_fails_a_waiting_call(void **state)
{
    struct caller c = { .l = loop_new() };
    pthread_t t;

    (void)state;
    assert_int_equal(pthread_create(&t, NULL, call_it, &c), 0);
    usleep(5000);
    loop_close_calls(c.l);
    pthread_join(t, NULL);
    assert_int_equal(c.result, -ESHUTDOWN);
    assert_int_equal(c.hits, 0);
    loop_free(c.l);
}

static void *call_until_closed(void *arg)
{
    struct caller *c = arg;

    while ((c->result = loop_call(c->l, count, &c->hits)) == 0) {
        c->calls++;
        if (c->calls % 64 == 0) {
            usleep(100); /* lets the loop fall asleep now and then */
        }
    }
    return NULL;
}

static void calls_from_many_threads_until_closed(void **state)
{
    struct loop *l = loop_new();
    struct caller c[3];
    pthread_t t[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        c[i] = (struct caller){ .l = l };
        assert_int_equal(pthread_create(&t[i], NULL, call_until_closed, &c[i]), 0);
    }
    for (int i = 0; i < 2000; i++) {
        if (i % 16 == 0) {
            usleep(200); /* the callers fall asleep */
        }
        assert_true(loop_step(l, 1000) > 0);
    }
    loop_close_calls(l);
    for (int i = 0; i < 3; i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(c[i].result, -ESHUTDOWN);
        assert_int_equal(c[i].hits, c[i].calls);
        assert_true(c[i].calls > 0);
    }
    loop_free(l);
}

static void join_while_serving(void *arg)
{
    struct caller *c = arg;
    pthread_t t;

    assert_int_equal(pthread_create(&t, NULL, call_it, c), 0);
    while (__atomic_load_n(&c->hits, __ATOMIC_ACQUIRE) == 0) {
        loop_serve(c->l);
    }
    pthread_join(t, NULL);
}

static void serve_inside_a_post_runs_calls(void **state)
{
    struct caller c = { .l = loop_new() };

    (void)state;
    assert_int_equal(loop_post(c.l, join_while_serving, &c), 0);
    assert_int_equal(loop_step(c.l, 1000), 1);
    assert_int_equal(c.result, 0);
    assert_int_equal(c.hits, 1);
    loop_free(c.l);
}

static void repost(void *arg)
{
    struct caller *c = arg;

    c->hits++;
    assert_int_equal(loop_post(c->l, repost, c), 0);
}

static void a_post_that_posts_does_not_hold_the_loop(void **state)
{
    struct caller c = { .l = loop_new() };

    (void)state;
    assert_int_equal(loop_post(c.l, repost, &c), 0);
    for (int i = 1; i <= 5; i++) {
        assert_int_equal(loop_step(c.l, 1000), 1);
        assert_int_equal(c.hits, i);
    }
    loop_free(c.l);
}

static bool idle_twice(void *arg)
{
    return ++*(int *)arg < 2;
}

static void idle_runs_when_nothing_else_does(void **state)
{
    struct loop *l = loop_new();
    int idles = 0, hits = 0;

    (void)state;
    loop_set_idle(l, idle_twice, &idles, 0);
    assert_int_equal(loop_post(l, count, &hits), 0);
    assert_int_equal(loop_step(l, -1), 1);
    assert_int_equal(idles, 0);
    assert_int_equal(loop_step(l, -1), 0);
    assert_int_equal(loop_step(l, -1), 0);
    assert_int_equal(idles, 2);
    assert_int_equal(loop_step(l, 0), 0);
    assert_int_equal(idles, 2);
    loop_set_idle(l, idle_twice, &idles, 10);
    assert_int_equal(loop_post(l, count, &hits), 0);
    assert_int_equal(loop_step(l, -1), 1);
    assert_int_equal(loop_step(l, 0), 0);
    assert_int_equal(idles, 2);
    assert_int_equal(loop_step(l, 1000), 0);
    assert_int_equal(idles, 3);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(source_deleted_in_its_batch_is_silent),
        cmocka_unit_test(mod_to_nothing_silences_a_hangup),
        cmocka_unit_test(timer_fires_once_and_periodically),
        cmocka_unit_test(call_from_a_thread_waits),
        cmocka_unit_test(call_after_close_fails),
        cmocka_unit_test(close_fails_a_waiting_call),
        cmocka_unit_test(calls_from_many_threads_until_closed),
        cmocka_unit_test(serve_inside_a_post_runs_calls),
        cmocka_unit_test(a_post_that_posts_does_not_hold_the_loop),
        cmocka_unit_test(idle_runs_when_nothing_else_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
