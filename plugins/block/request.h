/* SPDX-License-Identifier: Apache-2.0 */
/* One request of the driver, parsed: what is asked, where its data lies, where its status goes. */
#ifndef BP_BLOCK_REQUEST_H
#define BP_BLOCK_REQUEST_H

#include <backplane/plugin.h>
#include <stdbool.h>
#include <stdint.h>

/* virtio 1.2, 5.2.6 */
#define BLK_T_IN 0u
#define BLK_T_OUT 1u
#define BLK_T_FLUSH 4u
#define BLK_T_GET_ID 8u

#define BLK_S_OK 0u
#define BLK_S_IOERR 1u
#define BLK_S_UNSUPP 2u

struct request {
    uint64_t sector;
    uint8_t *status; /* NULL: the driver left no place for it */
    struct iovec *iov;
    uint32_t n_iov; /* data segments, header and status cut off */
    uint32_t len;   /* their bytes */
    uint32_t type;  /* BLK_T_*, or what the driver made up */
    uint32_t used;  /* bytes written to guest memory */
    uint16_t head;
    uint8_t result; /* BLK_S_* */
    bool done;      /* result and used stand, no I/O needed */
    bool outside;   /* a data segment is not guest memory */
};

/*
 * Parse a chain whose segments are in `iov`. NULL: well formed, and iov[0 .. n_iov) is the data
 * alone, moved to the front. Otherwise why not; ret_r then holds head and status at least.
 *
 * The split of a chain into segments is the driver's choice: the first 16 readable bytes are the
 * header, the last writable byte is the status, everything between is data.
 */
const char *request_parse(const struct bp_chain *c, struct iovec *iov, uint64_t sectors,
                          struct request *ret_r);

#endif
