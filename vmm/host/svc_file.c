/* SPDX-License-Identifier: Apache-2.0 */
/* Files are opened here on behalf of plugins. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/errtext.h"
#include "host/priv.h"

static int svc_open(struct bp_dev *d, const char *path, int flags, int *fd, struct bp_err *err)
{
    /* A FIFO or a dead network share must not hang the monitor in open(). */
    int how = flags | O_CLOEXEC | O_NONBLOCK;
    struct bp_err own;
    char text[160];
    int f, got;

    if (d->env->open) {
        f = d->env->open(d->env->arg, path, how);
    } else {
        f = open(path, how);
        f = f < 0 ? -errno : f;
    }
    if (f < 0) {
        return bp_fail(err ? err : &own, f, BP_E_CONFIG, "%s",
                       errtext_display(-f, text, sizeof(text)));
    }
    got = fcntl(f, F_GETFL);
    if (!(flags & O_NONBLOCK) && got >= 0 && fcntl(f, F_SETFL, got & ~O_NONBLOCK) < 0) {
        int e = errno;

        (void)close(f);
        return bp_fail(err ? err : &own, -e, BP_E_HOST, "%s",
                       errtext_display(e, text, sizeof(text)));
    }
    *fd = f;
    return 0;
}

const struct bp_file_svc host_file_svc = { .size = sizeof(host_file_svc), .open = svc_open };
