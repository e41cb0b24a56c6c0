/* SPDX-License-Identifier: Apache-2.0 */
#include "out.h"

#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "key.h"
#include "mask.h"

/* RFC 6455, 5.7. */
TEST(examples) {
        static const uint8_t mask[] = { 0x37, 0xfa, 0x21, 0x3d };
        uint8_t out[WS_CONTROL_FRAME_MAX];

        assert_mem(out, ws_put_head(out, WS_TEXT, true, 5, NULL), "\x81\x05", 2);
        assert_mem(out, ws_put_head(out, WS_TEXT, true, 5, mask), "\x81\x85\x37\xfa\x21\x3d", 6);
        assert_mem(out, ws_put_head(out, WS_TEXT, false, 3, NULL), "\x01\x03", 2);
        assert_mem(out, ws_put_head(out, WS_CONTINUATION, true, 2, NULL), "\x80\x02", 2);
        assert_mem(out, ws_put_head(out, WS_BINARY, true, 256, NULL), "\x82\x7e\x01\0", 4);
        assert_mem(out, ws_put_head(out, WS_BINARY, true, 65536, NULL),
                   "\x82\x7f\0\0\0\0\0\x01\0\0", 10);
        assert_mem(out, ws_put_control(out, WS_PING, "Hello", 5, NULL), "\x89\x05Hello", 7);
        assert_mem(out, ws_put_control(out, WS_PONG, "Hello", 5, mask),
                   "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
}

TEST(closes) {
        uint8_t out[WS_CONTROL_FRAME_MAX];
        char reason[200];

        assert_mem(out, ws_put_close(out, WS_NO_CODE, "", NULL), "\x88\0", 2);
        assert_mem(out, ws_put_close(out, WS_NORMAL, "", NULL), "\x88\x02\x03\xe8", 4);
        assert_mem(out, ws_put_close(out, WS_TOO_BIG, "why", NULL), "\x88\x05\x03\xf1why", 7);

        /* a character over the edge is left out */
        memset(reason, 'x', sizeof(reason));
        memcpy(reason + WS_REASON_MAX - 1, "\xc3\xa4", 3);
        assert_eq(ws_put_close(out, WS_NORMAL, reason, NULL), 2 + 2 + WS_REASON_MAX - 1);
        assert_eq(out[1], 2 + WS_REASON_MAX - 1);
}

TEST(codes) {
        static const uint16_t good[] = { 1000, 1003, 1007, 1011, 1012, 1014, 3000, 4999 };
        static const uint16_t bad[] = { 0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535 };

        for (size_t i = 0; i < n_of(good); i++)
                assert_true(ws_code_is_valid(good[i]));
        for (size_t i = 0; i < n_of(bad); i++)
                assert_false(ws_code_is_valid(bad[i]));
}

/* At each place, of each length, against the rule as it is written. */
TEST(mask) {
        static const uint8_t mask[] = { 0x01, 0x80, 0x00, 0xa5 };
        uint8_t *from = malloc(300), *to = malloc(300);

        for (size_t i = 0; i < 300; i++)
                from[i] = (uint8_t)(i * 7);
        for (size_t n = 0; n < 150; n++)
                for (size_t at = 0; at < 9; at++) {
                        uint8_t *end = from + 300 - n;

                        ws_mask(to, end, n, mask, at);
                        for (size_t i = 0; i < n; i++)
                                assert_eq(to[i], end[i] ^ mask[(at + i) % 4]);
                        ws_mask(to, to, n, mask, at);
                        assert_mem(to, n, end, n);
                }
        free(from);
        free(to);
}

/* RFC 6455, 1.3. */
TEST(keys) {
        char got[WS_ACCEPT_TEXT];

        ws_key_accept("dGhlIHNhbXBsZSBub25jZQ==", got);
        assert_mem(got, sizeof(got), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", WS_ACCEPT_TEXT);

        assert_true(ws_key_is_valid("dGhlIHNhbXBsZSBub25jZQ==", 24));
        assert_false(ws_key_is_valid("", 0));
        assert_false(ws_key_is_valid("dGhlIHNhbXBsZSBub25jZQ=", 23));
        assert_false(ws_key_is_valid("dGhlIHNhbXBsZSBub25jZQ=\n", 24));
        assert_false(ws_key_is_valid("dGhlIHNhbXBsZSBub25jZXNz", 24)); /* 18 bytes */
        assert_false(ws_key_is_valid("dGhlIHNhbXBsZSBub25jZR==", 24)); /* bits that are lost */
}
