/* SPDX-License-Identifier: Apache-2.0 */
/* The key stream against RFC 8439, 2.3.2 and A.1, and against itself cut in other places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rng/chacha.h"

static const uint8_t zeros[CHACHA_KEY_LEN];

static void same_hex(const uint8_t *got, const char *want)
{
    static const char digits[] = "0123456789abcdef";
    char text[2 * CHACHA_BLOCK + 1] = "";

    for (unsigned i = 0; i < CHACHA_BLOCK; i++) {
        text[2 * i] = digits[got[i] >> 4];
        text[2 * i + 1] = digits[got[i] & 15];
    }
    assert_string_equal(text, want);
}

static void section_2_3_2(void **state)
{
    static const uint8_t nonce[CHACHA_NONCE_LEN] = { 0, 0, 0, 9, 0, 0, 0, 0x4a };
    uint8_t key[CHACHA_KEY_LEN], out[CHACHA_BLOCK];

    (void)state;
    for (uint8_t i = 0; i < CHACHA_KEY_LEN; i++) {
        key[i] = i;
    }
    chacha20_stream(out, sizeof(out), key, nonce, 1);
    same_hex(out, "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
                  "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e");
}

static void appendix_a_1(void **state)
{
    uint8_t out[2 * CHACHA_BLOCK];

    (void)state;
    chacha20_stream(out, sizeof(out), zeros, zeros, 0);
    same_hex(out, "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
                  "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586");
    same_hex(out + CHACHA_BLOCK,
             "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
             "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f");
}

/* Every block on its own is what it is within a long stream; nothing is written past the end. */
static void cut_anywhere(void **state)
{
    enum { LEN = 33 * CHACHA_BLOCK };
    uint8_t whole[LEN], part[LEN + 1];

    (void)state;
    chacha20_stream(whole, LEN, zeros, zeros, 7);
    for (uint32_t i = 0; i < LEN / CHACHA_BLOCK; i++) {
        chacha20_stream(part, CHACHA_BLOCK, zeros, zeros, 7 + i);
        assert_memory_equal(part, whole + (size_t)i * CHACHA_BLOCK, CHACHA_BLOCK);
    }
    for (size_t n = 0; n <= LEN; n++) {
        memset(part, 0xa5, sizeof(part));
        chacha20_stream(part, n, zeros, zeros, 7);
        assert_memory_equal(part, whole, n);
        assert_int_equal(part[n], 0xa5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(section_2_3_2),
        cmocka_unit_test(appendix_a_1),
        cmocka_unit_test(cut_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
