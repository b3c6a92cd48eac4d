/* SPDX-License-Identifier: Apache-2.0 */
/* The interrupt of a device that serves its own MMIO window. */
#include <errno.h>
#include <sys/eventfd.h>

#include "host/priv.h"

void host_signal(struct bp_dev *d)
{
    if (d->env->signal) {
        d->env->signal(d->env->arg, d);
    } else if (d->irq_fd >= 0) {
        (void)eventfd_write(d->irq_fd, 1);
    }
}

static int svc_raise(struct bp_dev *d)
{
    if (d->queues) {
        host_bug(d, "irq.raise() of a virtio device");
        return -EPERM;
    }
    if (!d->started || (!d->env->signal && d->irq_fd < 0)) {
        return -ENODEV;
    }
    host_signal(d);
    return 0;
}

const struct bp_irq_svc host_irq_svc = { .size = sizeof(host_irq_svc), .raise = svc_raise };
