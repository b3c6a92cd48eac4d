/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the kit share. */
#ifndef BP_KIT_PRIV_H
#define BP_KIT_PRIV_H

#include <backplane/plugin.h>
#include <pthread.h>

#include "core/buf.h"
#include "host/host.h"
#include "kit.h"
#include "loop/loop.h"
#include "mem/guestmem.h"
#include "plugin/devices.h"
#include "plugin/registry.h"

#define KIT_QUEUES 16
#define KIT_FILES 32

struct kit_queue {
    struct kit *k;
    uint32_t index;
    uint16_t size;
    uint64_t desc, avail, used;
    uint16_t avail_idx, used_idx;
    uint16_t *free_list, n_free;
    uint16_t *chain_len; /* per head: how many descriptors return with it */
    unsigned irqs;
};

struct kit_file_ent {
    char *path;
    int fd;
    bool is_memfd;
};

struct kit {
    struct kit_cfg cfg;
    struct registry reg;
    struct devices devs;
    struct host_env env;
    struct guestmem mem;
    struct bp_dev *dev; /* selected */
    const struct plugin *plugin;
    struct kit_queue q[KIT_QUEUES];
    struct buf log, cmdline;
    struct bp_err err;
    struct kit_file_ent files[KIT_FILES];
    unsigned n_files, fail_open;
    bool real_files, bugs_expected, paused, has_run;
    unsigned n_bugs, config_irqs;
    uint64_t now_ns, alloc_at;
    int fds_before;
    pthread_t mutator;
    bool mutating, mutate_stop;
    uint8_t *mutate_at;
    uint32_t mutate_len;
};

/* Lay out rings and tell the transport about them; takes over the queue's interrupt upcall. */
void kit_queues_setup(struct kit *k);
void kit_queues_done(struct kit *k);

#endif
