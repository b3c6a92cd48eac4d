/* SPDX-License-Identifier: Apache-2.0 */
/* The log: line format, levels, one line per message, lost lines, and use by several threads. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <regex.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/log.h"

static char path[64];

static int make_file(void **state)
{
    int fd;

    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/bp-log-XXXXXX");
    fd = mkstemp(path);
    if (fd < 0) {
        return -1;
    }
    (void)close(fd);
    log_set_show(false, false);
    log_set_level(LOG_LEVEL_INFO);
    return 0;
}

static int drop_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void open_log(void)
{
    struct bp_err err = { 0 };

    assert_int_equal(log_set_path(path, &err), 0);
}

static char *read_log(void)
{
    static char text[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    assert_true(fd >= 0);
    n = read(fd, text, sizeof(text) - 1);
    assert_true(n >= 0);
    (void)close(fd);
    text[n] = '\0';
    return text;
}

static void assert_matches(const char *text, const char *pattern)
{
    regex_t re;

    assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
    if (regexec(&re, text, 0, NULL, 0) != 0) {
        fail_msg("\"%s\" is not like %s", text, pattern);
    }
    regfree(&re);
}

#define STAMP "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{9} "

static void test_format(void **state)
{
    (void)state;
    log_set_id("vm1");
    open_log();
    log_info("plain %d", 1);
    assert_matches(read_log(), STAMP "\\[vm1:main\\] plain 1\n$");
    open_log();
    log_set_show(true, true);
    log_set_thread("fc_api");
    log_warn("full");
    log_set_thread("main");
    assert_matches(read_log(), STAMP "\\[vm1:fc_api:WARN:[^:]+/[^:]+:[0-9]+\\] full\n");
    assert_null(strstr(read_log(), ".."));
    assert_true(log_show_level() && log_show_origin());
}

static void test_levels(void **state)
{
    enum log_level level = LOG_LEVEL_OFF;

    (void)state;
    open_log();
    log_debug("hidden");
    log_set_level(LOG_LEVEL_OFF);
    log_error("hidden");
    assert_string_equal(read_log(), "");
    assert_int_equal(log_parse_level("Warning", false, &level), 0);
    assert_int_equal(level, LOG_LEVEL_WARN);
    assert_int_equal(log_parse_level("iNfO", false, &level), -EINVAL);
    assert_int_equal(log_parse_level("iNfO", true, &level), 0);
    assert_int_equal(level, LOG_LEVEL_INFO);
    assert_int_equal(log_parse_level("", true, &level), -EINVAL);
}

static void test_one_line(void **state)
{
    char *big = malloc(20000);

    (void)state;
    assert_non_null(big);
    memset(big, 'x', 19999);
    big[19999] = '\0';
    open_log();
    log_info("a\nb %s\n", big);
    assert_int_equal(strchr(read_log(), '\n') - read_log(), (ptrdiff_t)strlen(read_log()) - 1);
    assert_non_null(strstr(read_log(), "a b xxx"));
    free(big);
}

static void test_bad_path(void **state)
{
    struct bp_err err = { 0 };

    (void)state;
    assert_int_equal(log_set_path("/nonexistent/log", &err), -ENOENT);
    assert_string_equal(err.text,
                        "Failed to open target file: No such file or directory (os error 2)");
}

static void test_full_fifo(void **state)
{
    struct bp_err err = { 0 };
    uint64_t before = log_missed();

    (void)state;
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(log_set_path(path, &err), 0);
    for (int i = 0; i < 2000; i++) {
        log_info("%060d", i);
    }
    assert_true(log_missed() > before);
}

static void *log_hundred(void *arg)
{
    log_set_thread(arg);
    for (int i = 0; i < 100; i++) {
        log_info("0123456789");
    }
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[4];
    size_t lines = 0;

    (void)state;
    open_log();
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, log_hundred, "worker"), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        (void)pthread_join(threads[i], NULL);
    }
    for (char *p = read_log(); *p; p = strchr(p, '\n') + 1) {
        assert_non_null(strstr(p, ":worker] 0123456789\n"));
        lines++;
    }
    assert_int_equal(lines, 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_format, make_file, drop_file),
        cmocka_unit_test_setup_teardown(test_levels, make_file, drop_file),
        cmocka_unit_test_setup_teardown(test_one_line, make_file, drop_file),
        cmocka_unit_test_setup_teardown(test_bad_path, make_file, drop_file),
        cmocka_unit_test_setup_teardown(test_full_fifo, make_file, drop_file),
        cmocka_unit_test_setup_teardown(test_threads, make_file, drop_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
