/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keyed codec behind bp_state_svc: records of {type, key, value} in any order. A section is a
 * plain byte string, so who stores it need not know what it says.
 */
#ifndef BP_HOST_STATE_H
#define BP_HOST_STATE_H

#include <backplane/plugin.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

#define STATE_KEY_MAX 255u

struct bp_statew {
    struct buf *out;
};

struct bp_stater {
    const uint8_t *data;
    size_t len;
};

/* 0, or -EINVAL: the section is cut short, has an unknown record type or a key twice. */
int state_check(const struct bp_stater *r);

#endif
