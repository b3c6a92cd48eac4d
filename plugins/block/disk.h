/* SPDX-License-Identifier: Apache-2.0 */
/* The file behind a drive: opened, checked, measured. */
#ifndef BP_BLOCK_DISK_H
#define BP_BLOCK_DISK_H

#include <backplane/plugin.h>
#include <stdbool.h>
#include <stdint.h>

#define SECTOR_SHIFT 9
#define SECTOR_SIZE 512u
#define DISK_ID_LEN 20u

struct disk {
    int fd; /* -1: none */
    uint64_t sectors;
    char id[DISK_ID_LEN]; /* what GET_ID answers, zero padded */
};

/* 0, or a positive errno (the contract prints it as a number). */
int disk_open(const struct bp_host *h, struct bp_dev *d, const char *path, bool read_only,
              struct disk *ret_disk);
void disk_close(struct disk *k);

#endif
