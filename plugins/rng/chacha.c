/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ChaCha20, eight blocks at a time: word i of all eight is one vector. There are no branches and no
 * table look-ups that depend on the key. The same code is built twice for x86, with and without
 * AVX2.
 */
#include "chacha.h"

#include <endian.h>
#include <string.h>

#define LANES 8u
#define WORDS 16u

typedef uint32_t vec __attribute__((vector_size(LANES * sizeof(uint32_t))));

static inline __attribute__((always_inline)) void quarter(vec *v, unsigned a, unsigned b,
                                                          unsigned c, unsigned d)
{
    v[a] += v[b];
    v[d] ^= v[a];
    v[d] = v[d] << 16 | v[d] >> 16;
    v[c] += v[d];
    v[b] ^= v[c];
    v[b] = v[b] << 12 | v[b] >> 20;
    v[a] += v[b];
    v[d] ^= v[a];
    v[d] = v[d] << 8 | v[d] >> 24;
    v[c] += v[d];
    v[b] ^= v[c];
    v[b] = v[b] << 7 | v[b] >> 25;
}

/* Eight blocks from the one that `in` names. */
static inline __attribute__((always_inline)) void blocks(uint32_t out[LANES][WORDS],
                                                         const uint32_t in[WORDS])
{
    const vec lane = { 0, 1, 2, 3, 4, 5, 6, 7 };
    vec v[WORDS];

    for (unsigned i = 0; i < WORDS; i++) {
        v[i] = (vec){ 0 } + in[i];
    }
    v[12] += lane;
    for (unsigned i = 0; i < 10; i++) {
        quarter(v, 0, 4, 8, 12);
        quarter(v, 1, 5, 9, 13);
        quarter(v, 2, 6, 10, 14);
        quarter(v, 3, 7, 11, 15);
        quarter(v, 0, 5, 10, 15);
        quarter(v, 1, 6, 11, 12);
        quarter(v, 2, 7, 8, 13);
        quarter(v, 3, 4, 9, 14);
    }
    v[12] += lane;
    for (unsigned i = 0; i < WORDS; i++) {
        v[i] += in[i];
        for (unsigned k = 0; k < LANES; k++) {
            out[k][i] = htole32(v[i][k]);
        }
    }
}

typedef void blocks_fn(uint32_t out[LANES][WORDS], const uint32_t in[WORDS]);

static void blocks_plain(uint32_t out[LANES][WORDS], const uint32_t in[WORDS])
{
    blocks(out, in);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void blocks_avx2(uint32_t out[LANES][WORDS],
                                                        const uint32_t in[WORDS])
{
    blocks(out, in);
}
#endif

static blocks_fn *pick(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        return blocks_avx2;
    }
#endif
    return blocks_plain;
}

void chacha20_stream(uint8_t *out, size_t len, const uint8_t key[CHACHA_KEY_LEN],
                     const uint8_t nonce[CHACHA_NONCE_LEN], uint32_t counter)
{
    uint32_t in[WORDS] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };
    uint32_t stream[LANES][WORDS];
    blocks_fn *fn = pick();

    memcpy(in + 4, key, CHACHA_KEY_LEN);
    memcpy(in + 13, nonce, CHACHA_NONCE_LEN);
    for (unsigned i = 4; i < WORDS; i++) {
        in[i] = le32toh(in[i]);
    }
    in[12] = counter;
    while (len > 0) {
        size_t n = len < sizeof(stream) ? len : sizeof(stream);

        fn(stream, in);
        memcpy(out, stream, n);
        in[12] += LANES;
        out += n;
        len -= n;
    }
    explicit_bzero(stream, sizeof(stream));
    explicit_bzero(in, sizeof(in));
}
