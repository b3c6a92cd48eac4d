/* SPDX-License-Identifier: Apache-2.0 */
/* Process start and end: options, files, wiring. The control thread is this one. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/api.h"
#include "bus/legacy.h"
#include "core/cleanup.h"
#include "core/errtext.h"
#include "core/log.h"
#include "kvm/vcpu.h"
#include "main/args.h"
#include "main/signals.h"

#define EXIT_BAD_CONFIGURATION 152
#define EXIT_ARGUMENTS 153
#define METRICS_PERIOD_NS 60000000000ull
#define FILE_MAX (16u << 20) /* a configuration file larger than this is a mistake */

struct process {
    struct args args;
    struct loop *loop;
    struct vm *vm;
    struct api *api;
    uint32_t max_payload;
    bool serving;
};

/* The last words of a process that ends with an error: in the log and on standard error. */
BP_PRINTF(2, 3)
static int die(int code, const char *fmt, ...)
{
    char text[4096];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    log_error("%s", text);
    (void)fprintf(stderr, "Error: %s\n", text);
    return code;
}

static int print_version(void)
{
    (void)printf("Firecracker v" API_VERSION_TEXT "\n\n"
                 "Backplane v" BP_VERSION ", plugin ABI %d.%d\n",
                 BP_ABI_MAJOR, BP_ABI_MINOR);
    return 0;
}

static int print_help(void)
{
    struct buf out = { 0 };

    args_help(&out);
    (void)printf("Firecracker v" API_VERSION_TEXT "\n\n%s", out.data ? out.data : "");
    buf_done(&out);
    return 0;
}

static int list_plugins(const char *dir)
{
    struct registry *r = calloc(1, sizeof(*r));
    struct buf out = { 0 };
    struct bp_err err;
    int code = 0;

    if (!r) {
        return die(1, "Out of memory");
    }
    log_set_level(LOG_LEVEL_OFF); /* the refusals are in the document */
    registry_init(r);
    api_claim(r);
    if (registry_load_dir(r, dir, &err) < 0) {
        (void)fprintf(stderr, "Error: %s\n", err.text);
        code = 1;
    } else {
        registry_list(r, &out);
        (void)printf("%s\n", out.data ? out.data : "{}");
    }
    registry_done(r);
    buf_done(&out);
    free(r);
    return code;
}

static int check_id(const char *id)
{
    size_t n = strlen(id);

    if (n < 1 || n > 64) {
        return die(1, "Invalid instance ID: InvalidLen(%zu, 1, 64)", n);
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)id[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            c != '-') {
            return die(1, "Invalid instance ID: InvalidChar('%c', %zu)", c, i);
        }
    }
    return 0;
}

static int set_up_log(const struct args *a)
{
    struct bp_err err;
    enum log_level level;

    if (a->value[ARG_LEVEL]) {
        if (log_parse_level(a->value[ARG_LEVEL], true, &level) < 0) {
            return die(EXIT_BAD_CONFIGURATION,
                       "Invalid value for logger level: Failed to parse string to level filter: "
                       "%s.Possible values: [Error, Warning, Info, "
                       "Debug]",
                       a->value[ARG_LEVEL]);
        }
        log_set_level(level);
    }
    log_set_show(args_has(a, ARG_SHOW_LEVEL), args_has(a, ARG_SHOW_ORIGIN));
    if (a->value[ARG_LOG_PATH]) {
        if (log_set_path(a->value[ARG_LOG_PATH], &err) < 0) {
            return die(1, "Could not initialize logger: %s", err.text);
        }
    }
    log_info("Running Firecracker v" API_VERSION_TEXT);
    return 0;
}

/* A whole decimal number of at most 64 bits. */
static int parse_u64(const char *text, uint64_t *ret)
{
    uint64_t v = 0;

    if (*text == '\0') {
        return -EINVAL;
    }
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9' || __builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v)) {
            return -EINVAL;
        }
    }
    *ret = v;
    return 0;
}

static int number(const struct args *a, enum arg_id id, const char *name, const char *type,
                  uint64_t *ret)
{
    if (a->value[id] && parse_u64(a->value[id], ret) < 0) {
        return die(1,
                   "'%s' parameter expected to be of '%s' type.: ParseIntError { kind: "
                   "InvalidDigit }",
                   name, type);
    }
    return 0;
}

static uint64_t clock_us(clockid_t id)
{
    struct timespec ts = { 0 };

    (void)clock_gettime(id, &ts);
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

static void store_metric(const char *group, const char *name, uint64_t v)
{
    uint64_t *at = api_metric(group, name);

    if (at) {
        __atomic_store_n(at, v, __ATOMIC_RELAXED);
    }
}

static int parse_numbers(struct process *p)
{
    uint64_t payload = API_PAYLOAD_DEFAULT, start = 0, start_cpu = 0, parent = 0;
    const struct args *a = &p->args;

    if (number(a, ARG_PAYLOAD, "http-api-max-payload-size", "usize", &payload) != 0 ||
        number(a, ARG_START, "start-time-us", "u64", &start) != 0 ||
        number(a, ARG_START_CPU, "start-time-cpu-us", "u64", &start_cpu) != 0 ||
        number(a, ARG_PARENT_CPU, "parent-cpu-time-us", "u64", &parent) != 0) {
        return 1;
    }
    p->max_payload = payload > UINT32_MAX ? UINT32_MAX : (uint32_t)payload;
    if (a->value[ARG_START]) {
        store_metric("api_server", "process_startup_time_us", clock_us(CLOCK_MONOTONIC) - start);
    }
    if (a->value[ARG_START_CPU]) {
        store_metric("api_server", "process_startup_time_cpu_us",
                     clock_us(CLOCK_PROCESS_CPUTIME_ID) - start_cpu + parent);
    }
    return 0;
}

static int read_file(const char *path, struct buf *ret)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    char part[4096];
    ssize_t n = -1;

    if (fd < 0) {
        return -errno;
    }
    while (ret->len <= FILE_MAX && (n = read(fd, part, sizeof(part))) != 0) {
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        buf_add(ret, part, (size_t)n);
    }
    if (ret->len > FILE_MAX) {
        return -EFBIG;
    }
    return ret->failed ? -ENOMEM : 0;
}

static void periodic_flush(void *arg)
{
    struct process *p = arg;
    struct bp_err err;

    if (vm_state(p->vm) == VM_RUNNING && api_flush_metrics(p->api, &err) < 0) {
        log_error("Failed to write metrics: %s", err.text);
    }
}

/* The configuration file, if there is one: 0, or the exit code. */
static int apply_config_file(struct process *p)
{
    const char *path = p->args.value[ARG_CONFIG_FILE];
    const char *who = args_has(&p->args, ARG_NO_API) ? "RunWithoutApiError" : "RunWithApiError";
    struct buf text = { 0 };
    struct bp_err err;
    char why[256];
    int r;

    if (!path) {
        return 0;
    }
    r = read_file(path, &text);
    if (r < 0) {
        buf_done(&text);
        return die(1, "Unable to open or read from the configuration file: %s: %s", path,
                   errtext_debug(-r, why, sizeof(why)));
    }
    vm_load_plugins(p->vm);
    r = api_apply_config(p->api, text.data ? text.data : "", text.len, &err);
    buf_done(&text);
    if (r < 0) {
        return die(1, "%s error: Failed to build MicroVM from Json: %s", who, err.text);
    }
    if (vm_start(p->vm, &err) < 0) {
        return die(1,
                   "%s error: Failed to build MicroVM from Json: Could not Start MicroVM from one "
                   "single json: %s",
                   who, err.text);
    }
    periodic_flush(p);
    log_info("Successfully started microvm that was configured from one single json");
    return 0;
}

static int register_metrics(void)
{
    int r = vcpu_metrics_register();

    return r < 0 ? r : legacy_metrics_register();
}

static int wire(struct process *p)
{
    struct vm_opts vo = {
        .id = p->args.value[ARG_ID],
        .plugin_dir = p->args.value[ARG_PLUGIN_DIR],
        .boot_timer = args_has(&p->args, ARG_BOOT_TIMER),
        .serial_in = STDIN_FILENO,
        .serial_out = STDOUT_FILENO,
    };
    struct api_opts ao = { .max_payload = p->max_payload };
    struct bp_err err;

    p->loop = loop_new();
    p->vm = p->loop ? vm_new(p->loop, &vo) : NULL;
    p->api = p->vm ? api_new(p->vm, p->loop, &ao) : NULL;
    if (!p->api || register_metrics() < 0) {
        return die(1, "Out of memory");
    }
    if (p->args.value[ARG_METRICS_PATH] &&
        api_set_metrics_path(p->api, p->args.value[ARG_METRICS_PATH], &err) < 0) {
        return die(1, "Could not initialize metrics: InitializationFailure(\"%s\")", err.text);
    }
    return 0;
}

static int run(struct process *p)
{
    struct loop_source *timer = NULL;
    struct bp_err err;
    int code;

    if (!args_has(&p->args, ARG_NO_API)) {
        if (api_serve(p->api, p->args.value[ARG_API_SOCK], &err) < 0) {
            return die(1, "RunWithApiError error: %s", err.text);
        }
        p->serving = true;
    }
    code = apply_config_file(p);
    if (code != 0) {
        return code;
    }
    if (loop_timer_add(p->loop, periodic_flush, p, &timer) < 0 ||
        loop_timer_arm(timer, METRICS_PERIOD_NS, METRICS_PERIOD_NS) < 0) {
        return die(1, "Cannot create the metrics timer");
    }
    code = loop_run(p->loop);
    loop_source_del(timer);
    if (code != 0) {
        (void)die(code, "%s error: MicroVMStopped with an error: GenericError",
                  p->serving ? "RunWithApiError" : "RunWithoutApiError");
    }
    return code;
}

static void take_apart(struct process *p)
{
    bool ran = p->vm && vm_state(p->vm) != VM_NOT_STARTED;

    if (p->serving) {
        loop_close_calls(p->loop);
        api_stop(p->api);
    }
    if (ran) {
        struct bp_err err;

        if (api_flush_metrics(p->api, &err) < 0) {
            log_error("Failed to write metrics while stopping: %s", err.text);
        }
    }
    vm_free(p->vm);
    if (p->api) {
        api_free(p->api);
    }
    if (p->loop) {
        loop_free(p->loop);
    }
}

static int run_process(struct process *p)
{
    int code = check_id(p->args.value[ARG_ID]);

    if (code != 0) {
        return code;
    }
    log_set_id(p->args.value[ARG_ID]);
    code = set_up_log(&p->args);
    if (code == 0) {
        code = parse_numbers(p);
    }
    if (code == 0) {
        code = wire(p);
    }
    if (code == 0) {
        code = run(p);
    }
    take_apart(p);
    return code;
}

int main(int argc, char **argv)
{
    struct process p = { 0 };
    struct bp_err err;

    /* A heap for each thread would cost the start more than the few threads here can contend. */
    (void)mallopt(M_ARENA_MAX, 1);
    log_set_thread("main");
    if (args_parse(argc, argv, &p.args, &err) < 0) {
        return die(EXIT_ARGUMENTS,
                   "Arguments parsing error: %s \\n\\nFor more information try --help.", err.text);
    }
    if (args_has(&p.args, ARG_HELP)) {
        return print_help();
    }
    if (args_has(&p.args, ARG_VERSION)) {
        return print_version();
    }
    if (args_has(&p.args, ARG_LIST_PLUGINS)) {
        return list_plugins(p.args.value[ARG_PLUGIN_DIR]);
    }
    if (signals_install() < 0) {
        return die(1, "Failed to register signal handlers");
    }
    return run_process(&p);
}
