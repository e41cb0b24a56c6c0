/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "job/frame.h"
#include "test.h"

TEST(frames) {
        static const struct {
                bytes text;
                int n;
                bytes data;
        } good[] = {
                { BYTES("0:"), 0, BYTES("") },
                { BYTES("1:x"), 1, BYTES("x") },
                { BYTES("2:a:b:"), 2, BYTES("a:b:") },
                { BYTES("255::"), 255, BYTES(":") },
                { BYTES("9:\0\r\n\xff"), 9, BYTES("\0\r\n\xff") },
                { BYTES("stdin:x"), 0, BYTES("x") },
                { BYTES("stdout:"), 1, BYTES("") },
                { BYTES("stderr:1:x"), 2, BYTES("1:x") },
        };

        for (size_t i = 0; i < n_of(good); i++) {
                frame f;

                assert_r(frame_read(good[i].text, &f), 0);
                assert_eq(f.n, good[i].n);
                assert_mem(f.data.p, f.data.n, good[i].data.p, good[i].data.n);
        }
}

TEST(no_frames) {
        static const bytes bad[] = {
                { 0 },           BYTES(""),        BYTES(":"),     BYTES(":x"),
                BYTES("1"),      BYTES("x"),       BYTES("x:y"),   BYTES("-1:x"),
                BYTES("+1:x"),   BYTES(" 1:x"),    BYTES("1 :x"),  BYTES("01:x"),
                BYTES("256:x"),  BYTES("1000:x"),  BYTES("1.0:x"), BYTES("0x1:x"),
                BYTES("STDIN:"), BYTES("stdinn:"), BYTES("std:x"), BYTES("18446744073709551616:x"),
                BYTES("1\0:x"),
        };

        for (size_t i = 0; i < n_of(bad); i++) {
                frame f = { .n = 77 };

                assert_r(frame_read(bad[i], &f), -EPROTO);
                assert_eq(f.n, 77);
        }
}

TEST(heads) {
        for (int n = 0; n <= UINT8_MAX; n++) {
                char room[FRAME_HEAD_MAX + 2] = "____xy", *p = room + FRAME_HEAD_MAX;
                frame f;

                p = frame_put_head(p, (uint8_t)n);
                assert_ge(p, room);
                assert_r(frame_read((bytes){ p, (size_t)(room + sizeof(room) - p) }, &f), 0);
                assert_eq(f.n, n);
                assert_mem(f.data.p, f.data.n, "xy", 2u);
        }
}
