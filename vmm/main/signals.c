/* SPDX-License-Identifier: Apache-2.0 */
/* Signal handlers of the process. They call async-signal-safe functions only. */
#include "main/signals.h"

#include <backplane/plugin.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "api/api.h"
#include "bus/legacy.h"
#include "core/cleanup.h"

enum { SIG_BUS, SIG_SEGV, SIG_XFSZ, SIG_XCPU, SIG_PIPE, SIG_HUP, SIG_ILL, SIG_N };

static const struct {
    int signo, exit_code; /* 0: go on */
} table[SIG_N] = {
    [SIG_BUS] = { SIGBUS, 149 },   [SIG_SEGV] = { SIGSEGV, 150 }, [SIG_XFSZ] = { SIGXFSZ, 151 },
    [SIG_XCPU] = { SIGXCPU, 154 }, [SIG_PIPE] = { SIGPIPE, 0 },   [SIG_HUP] = { SIGHUP, 156 },
    [SIG_ILL] = { SIGILL, 157 },
};

static const char *const names[SIG_N] = { "sigbus",  "sigsegv", "sigxfsz", "sigxcpu",
                                          "sigpipe", "sighup",  "sigill" };
static uint64_t *counters[SIG_N];

/* Append text, then a number up to 999: what snprintf would do, were it async-signal-safe. */
static size_t put(char *line, size_t at, const char *text, int n)
{
    size_t len = strlen(text);

    memcpy(line + at, text, len);
    at += len;
    for (int unit = 100; unit > 0; unit /= 10) {
        if (n >= unit || unit == 1) {
            line[at++] = (char)('0' + n / unit % 10);
        }
    }
    return at;
}

static void on_signal(int signo, siginfo_t *info, void *ctx)
{
    char line[96];
    int e = errno;
    size_t at;

    (void)ctx;
    for (unsigned i = 0; i < SIG_N; i++) {
        if (table[i].signo != signo) {
            continue;
        }
        if (counters[i]) {
            bp_count(counters[i], 0, 1);
        }
        if (table[i].exit_code == 0) {
            break;
        }
        serial_restore_terminal();
        at = put(line, 0, "Shutting down VM after intercepting signal ", signo);
        at = put(line, at, ", code ", info->si_code < 0 ? 0 : info->si_code & 0xff);
        memcpy(line + at, ".\n", 2);
        (void)!write(STDERR_FILENO, line, at + 2);
        _exit(table[i].exit_code);
    }
    errno = e;
}

int signals_install(void)
{
    struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
    int r = 0;

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        counters[i] = api_metric("signals", names[i]);
    }
    (void)sigfillset(&sa.sa_mask);
    for (size_t i = 0; i < ARRAY_LEN(table) && r == 0; i++) {
        if (sigaction(table[i].signo, &sa, NULL) < 0) {
            r = -errno;
        }
    }
    return r;
}
