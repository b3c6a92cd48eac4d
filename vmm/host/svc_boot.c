/* SPDX-License-Identifier: Apache-2.0 */
/* What a device adds to a cold boot. */
#include <errno.h>

#include "host/priv.h"

static int svc_cmdline(struct bp_dev *d, const char *text, struct bp_err *err)
{
    struct bp_err own;

    if (!d->starting) {
        host_bug(d, "boot.cmdline() outside of start()");
        return bp_fail(err ? err : &own, -EPERM, BP_E_HOST,
                       "The command line can only be changed while the device starts.");
    }
    if (!d->env->cmdline) {
        return 0; /* a restored guest has read its command line long ago */
    }
    return d->env->cmdline(d->env->arg, text, err ? err : &own);
}

const struct bp_boot_svc host_boot_svc = { .size = sizeof(host_boot_svc), .cmdline = svc_cmdline };
