/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the file behind a drive: kind, size and the id that the guest can ask for. */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A pipe would block the whole monitor at its first read, so it never becomes a disk. */
static int refused_kind(mode_t mode)
{
    if (S_ISDIR(mode)) {
        return EISDIR;
    }
    if (S_ISFIFO(mode)) {
        return ESPIPE;
    }
    if (S_ISSOCK(mode)) {
        return ENXIO;
    }
    return 0;
}

static void make_id(const struct stat *st, char *ret_id)
{
    char text[3 * 20 + 1];
    int n = snprintf(text, sizeof(text), "%" PRIu64 "%" PRIu64 "%" PRIu64, (uint64_t)st->st_dev,
                     (uint64_t)st->st_rdev, (uint64_t)st->st_ino);

    memset(ret_id, 0, DISK_ID_LEN);
    memcpy(ret_id, text, (size_t)n < DISK_ID_LEN ? (size_t)n : DISK_ID_LEN);
}

static int measure(const struct bp_host *h, struct bp_dev *d, struct disk *k)
{
    struct stat st;
    int64_t end;
    int e;

    if (fstat(k->fd, &st) < 0) {
        return errno;
    }
    e = refused_kind(st.st_mode);
    if (e != 0) {
        return e;
    }
    /* O_NONBLOCK was for the open only: it kept a FIFO from holding us up. */
    if (fcntl(k->fd, F_SETFL, 0) < 0) {
        return errno;
    }
    end = lseek(k->fd, 0, SEEK_END);
    if (end < 0) {
        return errno;
    }
    if (((uint64_t)end & (SECTOR_SIZE - 1)) != 0) {
        h->log->log(d, BP_LOG_WARN,
                    "Disk size %" PRIi64 " is not a multiple of sector size 512; the remainder "
                    "will not be visible to the guest.",
                    end);
    }
    k->sectors = (uint64_t)end >> SECTOR_SHIFT;
    make_id(&st, k->id);
    return 0;
}

int disk_open(const struct bp_host *h, struct bp_dev *d, const char *path, bool read_only,
              struct disk *ret_disk)
{
    struct disk k = { .fd = -1 };
    struct bp_err err = { .code = 0 };
    int e = h->file->open(d, path, (read_only ? O_RDONLY : O_RDWR) | O_NONBLOCK, &k.fd, &err);

    if (e < 0) {
        return -e;
    }
    e = measure(h, d, &k);
    if (e != 0) {
        disk_close(&k);
        return e;
    }
    *ret_disk = k;
    return 0;
}

void disk_close(struct disk *k)
{
    if (k->fd >= 0) {
        (void)close(k->fd);
    }
    k->fd = -1;
}
