/* SPDX-License-Identifier: Apache-2.0 */
/* The ChaCha20 key stream (RFC 8439), to stretch a seed into a batch of random bytes. */
#ifndef BP_RNG_CHACHA_H
#define BP_RNG_CHACHA_H

#include <stddef.h>
#include <stdint.h>

#define CHACHA_KEY_LEN 32u
#define CHACHA_NONCE_LEN 12u
#define CHACHA_BLOCK 64u

/* Key stream from block `counter` on; len is far below the 256 GiB after which it would wrap. */
void chacha20_stream(uint8_t *out, size_t len, const uint8_t key[CHACHA_KEY_LEN],
                     const uint8_t nonce[CHACHA_NONCE_LEN], uint32_t counter);

#endif
