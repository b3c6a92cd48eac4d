/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process's log: one line a write, to standard output or an existing file or FIFO.
 * All functions are thread-safe; a line is written under one lock.
 */
#ifndef BP_CORE_LOG_H
#define BP_CORE_LOG_H

#include <backplane/plugin.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level {
    LOG_LEVEL_OFF,
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_TRACE,
};

/* The current level, readable without a call (relaxed atomic load). */
extern int32_t log_level_now;

/* Instance id shown in each line. Copied. Call before threads exist. */
void log_set_id(const char *id);
void log_set_level(enum log_level level);
/* Parse "Info", "WARN", "Warning", ...: 0 and *ret_level, or -EINVAL. `any_case` accepts "iNfO"
 * too. */
int log_parse_level(const char *text, bool any_case, enum log_level *ret_level);
void log_set_show(bool level, bool origin);
bool log_show_level(void);
bool log_show_origin(void);
/* Send lines to an existing file or FIFO (O_RDWR|O_NONBLOCK, not created). Error text: the
 * contract's "Failed to open target file: No such file or directory (os error 2)". */
int log_set_path(const char *path, struct bp_err *err);
/* Name of the calling thread in lines ("main", "fc_api", "fc_vcpu 0"); a string that outlives it.
 */
void log_set_thread(const char *name);
/* Lines lost since the start (full FIFO, full disk). */
uint64_t log_missed(void);

BP_PRINTF(4, 5)
void log_write(enum log_level level, const char *file, int line, const char *fmt, ...);

#define LOG_AT(level, ...)                                                                         \
    do {                                                                                           \
        if ((int32_t)(level) <= __atomic_load_n(&log_level_now, __ATOMIC_RELAXED)) {               \
            log_write((level), __FILE__, __LINE__, __VA_ARGS__);                                   \
        }                                                                                          \
    } while (0)
#define log_error(...) LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) LOG_AT(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
