/* SPDX-License-Identifier: Apache-2.0 */
/* Keyed fields of a device's section: one byte type, one byte key length, key, u64, bytes. */
#include "host/state.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "host/priv.h"

enum { STATE_U64 = 1, STATE_BYTES = 2 };

struct record {
    uint8_t type, key_len;
    const char *key;
    uint64_t value; /* or the number of bytes */
    const uint8_t *bytes;
};

/* 1: a record, *pos moved past it; 0: the end; -EINVAL: cut short. */
static int record_next(const struct bp_stater *r, size_t *pos, struct record *ret_rec)
{
    struct record rec;
    uint64_t v;
    size_t at = *pos, left = r->len - *pos;

    if (left == 0) {
        return 0;
    }
    if (left < 2) {
        return -EINVAL;
    }
    rec.type = r->data[at];
    rec.key_len = r->data[at + 1];
    if (left - 2 < rec.key_len + sizeof(v) || rec.key_len == 0) {
        return -EINVAL;
    }
    rec.key = (const char *)r->data + at + 2;
    memcpy(&v, r->data + at + 2 + rec.key_len, sizeof(v));
    rec.value = le64toh(v);
    at += 2u + rec.key_len + sizeof(v);
    rec.bytes = r->data + at;
    if (rec.type == STATE_BYTES) {
        if (r->len - at < rec.value) {
            return -EINVAL;
        }
        at += rec.value;
    } else if (rec.type != STATE_U64) {
        return -EINVAL;
    }
    *pos = at;
    *ret_rec = rec;
    return 1;
}

static int record_find(const struct bp_stater *r, const char *key, size_t from, size_t to,
                       struct record *ret_rec)
{
    size_t pos = from, n = strlen(key);
    int rc;

    while (pos < to && (rc = record_next(r, &pos, ret_rec)) != 0) {
        if (rc < 0) {
            return rc;
        }
        if (ret_rec->key_len == n && memcmp(ret_rec->key, key, n) == 0) {
            return 0;
        }
    }
    return -ENOENT;
}

int state_check(const struct bp_stater *r)
{
    struct record rec, other;
    char key[STATE_KEY_MAX + 1];
    size_t pos = 0, at = 0;
    int rc;

    while ((rc = record_next(r, &pos, &rec)) > 0) {
        memcpy(key, rec.key, rec.key_len);
        key[rec.key_len] = '\0';
        if (strlen(key) != rec.key_len || record_find(r, key, 0, at, &other) == 0) {
            return -EINVAL;
        }
        at = pos;
    }
    return rc;
}

static int put(struct bp_statew *w, uint8_t type, const char *key, uint64_t v)
{
    size_t n = strlen(key);
    uint8_t head[2] = { type, (uint8_t)n };
    uint64_t le = htole64(v);

    if (n == 0 || n > STATE_KEY_MAX) {
        return -EINVAL;
    }
    buf_add(w->out, head, sizeof(head));
    buf_add(w->out, key, n);
    buf_add(w->out, &le, sizeof(le));
    return w->out->failed ? -ENOMEM : 0;
}

static int put_u64(struct bp_statew *w, const char *key, uint64_t v)
{
    return put(w, STATE_U64, key, v);
}

static int put_bytes(struct bp_statew *w, const char *key, const void *p, uint64_t len)
{
    int rc = put(w, STATE_BYTES, key, len);

    if (rc == 0 && len > 0) {
        buf_add(w->out, p, len);
        rc = w->out->failed ? -ENOMEM : 0;
    }
    return rc;
}

static int get(struct bp_stater *r, const char *key, uint8_t type, struct record *ret_rec)
{
    int rc = record_find(r, key, 0, r->len, ret_rec);

    return rc == 0 && ret_rec->type != type ? -EINVAL : rc;
}

static int get_u64(struct bp_stater *r, const char *key, uint64_t *v)
{
    struct record rec;
    int rc = get(r, key, STATE_U64, &rec);

    if (rc == 0) {
        *v = rec.value;
    }
    return rc;
}

static int get_bytes(struct bp_stater *r, const char *key, void *p, uint64_t cap, uint64_t *len)
{
    struct record rec;
    int rc = get(r, key, STATE_BYTES, &rec);

    if (rc != 0) {
        return rc;
    }
    if (rec.value > cap) {
        return -ENOSPC;
    }
    if (rec.value > 0) {
        memcpy(p, rec.bytes, rec.value);
    }
    *len = rec.value;
    return 0;
}

const struct bp_state_svc host_state_svc = {
    .size = sizeof(host_state_svc),
    .put_u64 = put_u64,
    .put_bytes = put_bytes,
    .get_u64 = get_u64,
    .get_bytes = get_bytes,
};
