/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer that is always NUL-terminated. A failed allocation sticks in `failed`. */
#ifndef BP_CORE_BUF_H
#define BP_CORE_BUF_H

#include <backplane/plugin.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data; /* NULL or NUL-terminated */
    size_t len, cap;
    bool failed;
};

void buf_done(struct buf *b);
void buf_reset(struct buf *b); /* keeps the memory */
void buf_add(struct buf *b, const void *p, size_t len);
void buf_str(struct buf *b, const char *s);
BP_PRINTF(2, 3) void buf_fmt(struct buf *b, const char *fmt, ...);

#endif
