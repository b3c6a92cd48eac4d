/* SPDX-License-Identifier: Apache-2.0 */
/* Scope-bound clean-up: a local marked with one of these is released when it leaves its scope. */
#ifndef BP_CORE_CLEANUP_H
#define BP_CORE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_close(const int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
}

static inline void cleanup_free(void *p)
{
    free(*(void **)p);
}

/* The value of an fd that leaves its scope alive. */
static inline int take_fd(int *fd)
{
    int v = *fd;

    *fd = -1;
    return v;
}

#define _cleanup_close_ __attribute__((cleanup(cleanup_close)))
#define _cleanup_free_ __attribute__((cleanup(cleanup_free)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
