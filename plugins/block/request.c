/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing of one virtio-block request. The header is copied once; only the copy is looked at. */
#include "request.h"

#include <endian.h>
#include <string.h>

#include "disk.h"

#define HEADER_LEN 16u

struct header {
    uint32_t type;
    uint32_t reserved;
    uint64_t sector;
};

_Static_assert(sizeof(struct header) == HEADER_LEN, "as the specification lays it out");

/* Copies the header and takes it off the front of the readable part: *ret_first is the first
 * segment that still has bytes. */
static const char *take_header(const struct bp_chain *c, struct iovec *iov, struct header *ret_h,
                               uint32_t *ret_first)
{
    uint8_t raw[HEADER_LEN];
    uint32_t got = 0, i = 0;

    if (c->n_out == 0) {
        return "UnexpectedWriteOnlyDescriptor";
    }
    if (c->out_len < HEADER_LEN) {
        return "DescriptorLengthTooSmall";
    }
    while (got < HEADER_LEN) {
        size_t n = iov[i].iov_len < HEADER_LEN - got ? iov[i].iov_len : HEADER_LEN - got;

        if (n != 0 && iov[i].iov_base == NULL) {
            return "GuestMemory(InvalidGuestAddress)";
        }
        if (n != 0) {
            memcpy(raw + got, iov[i].iov_base, n);
            iov[i].iov_base = (uint8_t *)iov[i].iov_base + n;
            iov[i].iov_len -= n;
            got += (uint32_t)n;
        }
        if (iov[i].iov_len == 0) {
            i++;
        }
    }
    memcpy(ret_h, raw, sizeof(*ret_h));
    *ret_first = i;
    return NULL;
}

/* The status byte, taken off the end of the writable part. */
static uint8_t *take_status(const struct bp_chain *c, struct iovec *iov)
{
    struct iovec *last;

    if (c->n_in == 0 || (c->flags & BP_CHAIN_MIXED) != 0) {
        return NULL;
    }
    last = &iov[c->n_out + c->n_in - 1];
    if (last->iov_len == 0) {
        return NULL;
    }
    last->iov_len--;
    return last->iov_base == NULL ? NULL : (uint8_t *)last->iov_base + last->iov_len;
}

/* The shape of the chain as a whole, before any type is known. */
static const char *check_shape(const struct bp_chain *c, size_t last_len)
{
    if (c->n_in == 0) {
        return c->n_out < 3 ? "DescriptorChainTooShort" : "UnexpectedReadOnlyDescriptor";
    }
    return last_len == 0 ? "DescriptorLengthTooSmall" : NULL;
}

static const char *check_range(const struct request *r, uint64_t sectors)
{
    uint64_t end;

    if (r->len % SECTOR_SIZE != 0) {
        return "InvalidDataLength";
    }
    if (__builtin_add_overflow(r->sector, (uint64_t)r->len / SECTOR_SIZE, &end) || end > sectors) {
        return "InvalidOffset";
    }
    return NULL;
}

/* Finds the data of a request that moves some; `first` is the first readable segment with bytes
 * left after the header. */
static const char *take_data(struct request *r, const struct bp_chain *c, struct iovec *iov,
                             uint32_t first)
{
    uint32_t segs = (uint32_t)c->n_out + c->n_in, from, n;

    if (r->type == BLK_T_OUT) {
        if (c->n_in != 1) {
            return "UnexpectedWriteOnlyDescriptor";
        }
        from = first;
        n = c->n_out - first;
        r->len = c->out_len - HEADER_LEN;
    } else {
        if (c->n_out > 1 && c->out_len > HEADER_LEN) {
            return "UnexpectedReadOnlyDescriptor";
        }
        from = c->n_out;
        n = c->n_in;
        r->len = c->in_len - 1;
    }
    if (segs < 3 && r->len == 0) {
        return "DescriptorChainTooShort";
    }
    if (n > 0 && iov[from + n - 1].iov_len == 0) {
        n--; /* the status had a segment of its own */
    }
    memmove(iov, iov + from, n * sizeof(*iov));
    r->n_iov = n;
    for (uint32_t i = 0; i < n; i++) {
        r->outside |= iov[i].iov_base == NULL && iov[i].iov_len != 0;
    }
    return NULL;
}

const char *request_parse(const struct bp_chain *c, struct iovec *iov, uint64_t sectors,
                          struct request *ret_r)
{
    struct request *r = ret_r;
    uint32_t first = 0, segs = (uint32_t)c->n_out + c->n_in;
    size_t last_len = segs > 0 ? iov[segs - 1].iov_len : 0;
    struct header h;
    const char *bad;

    memset(r, 0, sizeof(*r));
    r->head = c->head;
    r->iov = iov;
    r->status = take_status(c, iov);
    if ((c->flags & BP_CHAIN_MIXED) != 0) {
        return "UnexpectedReadOnlyDescriptor";
    }
    bad = take_header(c, iov, &h, &first);
    if (bad == NULL) {
        bad = check_shape(c, last_len);
    }
    if (bad != NULL) {
        return bad;
    }
    r->type = le32toh(h.type);
    r->sector = le64toh(h.sector);
    switch (r->type) {
    case BLK_T_IN:
    case BLK_T_OUT:
        bad = take_data(r, c, iov, first);
        return bad != NULL ? bad : check_range(r, sectors);
    case BLK_T_GET_ID:
        bad = take_data(r, c, iov, first);
        return bad == NULL && r->len < DISK_ID_LEN ? "InvalidDataLength" : bad;
    case BLK_T_FLUSH:
        return NULL;
    default:
        return segs < 3 ? "DescriptorChainTooShort" : NULL;
    }
}
