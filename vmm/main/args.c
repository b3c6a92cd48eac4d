/* SPDX-License-Identifier: Apache-2.0 */
/* "--name value" and "--flag", in the contract's words. */
#include "main/args.h"

#include <errno.h>
#include <string.h>

#include "core/cleanup.h"

#ifndef BP_PLUGIN_DIR
#define BP_PLUGIN_DIR ""
#endif

struct arg_def {
    const char *name;
    bool takes_value;
    const char *initial; /* default value, or NULL */
    const char *help;
};

/* Sorted by name: the order of --help and of the checks. */
static const struct arg_def defs[ARG_COUNT] = {
    [ARG_API_SOCK] = { "api-sock", true, "/run/firecracker.socket",
                       "Path to unix domain socket used by the API." },
    [ARG_BOOT_TIMER] = { "boot-timer", false, NULL,
                         "Whether or not to load boot timer device for logging elapsed time since "
                         "InstanceStart command." },
    [ARG_CONFIG_FILE] = { "config-file", true, NULL,
                          "Path to a file that contains the microVM configuration in JSON "
                          "format." },
    [ARG_HELP] = { "help", false, NULL, "Show the help message." },
    [ARG_PAYLOAD] = { "http-api-max-payload-size", true, "51200",
                      "Http API request payload max size, in bytes." },
    [ARG_ID] = { "id", true, "anonymous-instance", "MicroVM unique identifier." },
    [ARG_LEVEL] = { "level", true, NULL, "Set the logger level." },
    [ARG_LIST_PLUGINS] = { "list-plugins", false, NULL,
                           "Print the loaded and the refused plugins as JSON and exit." },
    [ARG_LOG_PATH] = { "log-path", true, NULL,
                       "Path to a fifo or a file used for configuring the logger on startup." },
    [ARG_METRICS_PATH] = { "metrics-path", true, NULL,
                           "Path to a fifo or a file used for configuring the metrics on "
                           "startup." },
    [ARG_NO_API] = { "no-api", false, NULL,
                     "Optional parameter which allows starting and using a microVM without an "
                     "active API socket." },
    [ARG_NO_SECCOMP] = { "no-seccomp", false, NULL,
                         "Install no system call filters. This build never installs any." },
    [ARG_PARENT_CPU] = { "parent-cpu-time-us", true, NULL,
                         "Parent process CPU time (wall clock, microseconds)." },
    [ARG_PLUGIN_DIR] = { "plugin-dir", true, BP_PLUGIN_DIR,
                         "Directory whose *.so files are the device plugins." },
    [ARG_SHOW_LEVEL] = { "show-level", false, NULL,
                         "Whether or not to output the level in the logs." },
    [ARG_SHOW_ORIGIN] = { "show-log-origin", false, NULL,
                          "Whether or not to include the file path and line number of the log's "
                          "origin." },
    [ARG_START_CPU] = { "start-time-cpu-us", true, NULL,
                        "Process start CPU time (wall clock, microseconds)." },
    [ARG_START] = { "start-time-us", true, NULL, "Process start time (wall clock, microseconds)." },
    [ARG_VERSION] = { "version", false, NULL, "Print the binary version number." },
};

static int find(const char *name)
{
    for (int i = 0; i < ARG_COUNT; i++) {
        if (strcmp(defs[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

/* Is --name among the words before a lone "--"? */
static bool anywhere(int argc, char **argv, const char *word)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], word) == 0) {
            return true;
        }
    }
    return false;
}

static int unexpected(const char *word, struct bp_err *err)
{
    return bp_fail(
        err, -EINVAL, BP_E_CONFIG,
        "Found argument '%.1000s' which wasn't expected, or isn't valid in this context.", word);
}

static int parse_one(int argc, char **argv, int *i, struct args *a, struct bp_err *err)
{
    const char *word = argv[*i];
    int id;

    if (strncmp(word, "--", 2) != 0) {
        return unexpected(word, err);
    }
    id = find(word + 2);
    if (id < 0) {
        return unexpected(word + 2, err);
    }
    if (a->value[id]) {
        return bp_fail(err, -EINVAL, BP_E_CONFIG, "The argument '%s' was provided more than once.",
                       defs[id].name);
    }
    a->value[id] = "";
    if (defs[id].takes_value) {
        if (*i + 1 >= argc || strncmp(argv[*i + 1], "--", 2) == 0) {
            return bp_fail(err, -EINVAL, BP_E_CONFIG,
                           "The argument '%s' requires a value, but none was supplied.",
                           defs[id].name);
        }
        a->value[id] = argv[++*i];
    }
    return 0;
}

int args_parse(int argc, char **argv, struct args *ret_a, struct bp_err *err)
{
    struct args a = { { NULL } };

    if (anywhere(argc, argv, "--help")) {
        a.value[ARG_HELP] = "";
    } else if (anywhere(argc, argv, "--version")) {
        a.value[ARG_VERSION] = "";
    } else {
        for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
            int r = parse_one(argc, argv, &i, &a, err);

            if (r < 0) {
                return r;
            }
        }
        if (a.value[ARG_NO_API] && !a.value[ARG_CONFIG_FILE]) {
            return bp_fail(err, -EINVAL, BP_E_CONFIG,
                           "Argument 'config-file' required, but not found.");
        }
    }
    for (int i = 0; i < ARG_COUNT; i++) {
        if (!a.value[i]) {
            a.value[i] = defs[i].initial;
        }
    }
    *ret_a = a;
    return 0;
}

static size_t shown_width(const struct arg_def *d)
{
    return strlen(d->name) * (d->takes_value ? 2 : 1) + (d->takes_value ? 5 : 2);
}

void args_help(struct buf *out)
{
    size_t widest = 0;

    for (size_t i = 0; i < ARRAY_LEN(defs); i++) {
        size_t n = shown_width(&defs[i]);

        widest = n > widest ? n : widest;
    }
    buf_str(out, "optional arguments:\n");
    for (size_t i = 0; i < ARRAY_LEN(defs); i++) {
        const struct arg_def *d = &defs[i];

        buf_fmt(out, "  --%s", d->name);
        if (d->takes_value) {
            buf_fmt(out, " <%s>", d->name);
        }
        buf_fmt(out, "%*s%s", (int)(widest - shown_width(d) + 3), "", d->help);
        if (d->initial) {
            buf_fmt(out, " [default: \"%s\"]", d->initial);
        }
        buf_str(out, "\n");
    }
}
