/* SPDX-License-Identifier: Apache-2.0 */
#include "in.h"

#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mask.h"
#include "out.h"
#include "say.h"

#define T(text) text, sizeof(text) - 1

typedef struct frames {
        const char *wire; /* as a server sends them */
        size_t n;
        const char *want;
} frames;

static void check(ws_in in, const uint8_t *wire, size_t n, const char *want, ws_cuts cuts) {
        char *got = ws_say(in, wire, n, cuts);

        if (strcmp(got, want))
                test_fail("%s, cut at %zu, then by %zu: it said\n%.300snot\n%.300s",
                          in.masked ? "server" : "client", cuts.first, cuts.step, got, want);
        free(got);
}

static void check_all(ws_in in, const uint8_t *wire, size_t n, const char *want) {
        size_t few = n > 600 ? n / 97 : 1;

        for (size_t step = 1; step <= n + 1; step += few)
                check(in, wire, n, want, (ws_cuts){ step, step });
        for (size_t at = 0; at < n; at += few)
                check(in, wire, n, want, (ws_cuts){ at, n });
}

/* The same frames as a client sends them, with masks of all kinds. Returns their length; what
 * is cut is masked as far as it is there. */
static size_t mask_all(const uint8_t *wire, size_t n, uint8_t *ret) {
        size_t at = 0, to = 0;
        uint8_t seed = 1;

        while (at + 2 <= n) {
                uint8_t mask[WS_MASK_SIZE] = { seed, (uint8_t)(seed * 91), 0, 0xff };
                size_t n_head = wire[at + 1] == 126 ? 4 : wire[at + 1] == 127 ? 10 : 2;
                uint64_t length = wire[at + 1];

                if (n - at < n_head)
                        break;
                if (n_head > 2)
                        length = 0;
                for (size_t i = 2; i < n_head; i++)
                        length = length << 8 | wire[at + i];
                if (length > n - at - n_head)
                        length = n - at - n_head;
                memcpy(ret + to, wire + at, n_head);
                ret[to + 1] |= 0x80;
                memcpy(ret + to + n_head, mask, WS_MASK_SIZE);
                ws_mask(ret + to + n_head + WS_MASK_SIZE, wire + at + n_head, (size_t)length, mask,
                        0);
                at += n_head + (size_t)length;
                to += n_head + WS_MASK_SIZE + (size_t)length;
                seed = (uint8_t)(seed * 7 + 1);
        }
        if (at < n) {
                memcpy(ret + to, wire + at, n - at);
                if (n - at > 1)
                        ret[to + 1] |= 0x80;
                to += n - at;
        }
        return to;
}

static void check_both(const char *wire, size_t n, const char *want, uint64_t max_message) {
        uint8_t *masked = malloc(n * 4 + 16);
        ws_in in;

        ws_in_init(&in, false);
        in.max_message = max_message;
        check_all(in, (const uint8_t *)wire, n, want);
        ws_in_init(&in, true);
        in.max_message = max_message;
        check_all(in, masked, mask_all((const uint8_t *)wire, n, masked), want);
        free(masked);
}

static void check_frames(const frames *cases, size_t n) {
        for (size_t i = 0; i < n; i++)
                check_both(cases[i].wire, cases[i].n, cases[i].want, WS_MESSAGE_MAX);
}

TEST(messages, .timeout = 60) {
        static const frames cases[] = {
                { T(""), "ok\n" },
                { T("\x81\x05Hello"), "text Hello\nok\n" },
                { T("\x82\x03\0\xff%"), "binary %00%FF%25\nok\n" },
                { T("\x81\0"), "text \nok\n" },
                { T("\x82\0\x82\x01x\x81\0"), "binary \nbinary x\ntext \nok\n" },
                /* in parts, also of nothing */
                { T("\x01\x03Hel\x80\x02lo"), "text Hello\nok\n" },
                { T("\x01\0\0\0\0\0\x80\0"), "text \nok\n" },
                { T("\x02\0\0\x01x\0\0\x80\0\x82\x01y"), "binary x\nbinary y\nok\n" },
                /* with others between */
                { T("\x01\x01H\x89\x02hi\0\x01i\x8a\0\x80\x01!"),
                  "ping hi\npong \ntext Hi!\nok\n" },
                { T("\x89\0\x8a\x01x"), "ping \npong x\nok\n" },
                /* not all there */
                { T("\x81"), "cut\n" },
                { T("\x81\x05Hel"), "text Hel...\ncut\n" },
                { T("\x01\x05Hello"), "text Hello...\nok\n" },
                { T("\x82\x7e\x01"), "cut\n" },
                { T("\x89\x05Hel"), "cut\n" },
        };

        check_frames(cases, n_of(cases));
}

TEST(lengths, .timeout = 60) {
        static const size_t lengths[] = { 125, 126, 127, 128, 255, 256, 65535, 65536, 65537 };

        for (size_t i = 0; i < n_of(lengths); i++) {
                char *wire = malloc(WS_HEAD_MAX + lengths[i]);
                char *want = malloc(lengths[i] + 32);
                size_t n = ws_put_head((uint8_t *)wire, WS_BINARY, true, lengths[i], NULL);

                assert_eq(n, lengths[i] < 126 ? 2 : lengths[i] < 65536 ? 4 : 10);
                strcpy(want, "binary ");
                for (size_t k = 0; k < lengths[i]; k++)
                        wire[n + k] = want[7 + k] = (char)('a' + k * k % 26);
                strcpy(want + 7 + lengths[i], "\nok\n");
                check_both(wire, n + lengths[i], want, WS_MESSAGE_MAX);
                free(wire);
                free(want);
        }
}

TEST(closes, .timeout = 60) {
        static const frames cases[] = {
                { T("\x88\0"), "close 1005 \nok\n" },
                { T("\x88\x02\x03\xe8"), "close 1000 \nok\n" },
                { T("\x88\x05\x03\xe9"
                    "bye"),
                  "close 1001 bye\nok\n" },
                { T("\x88\x02\x0b\xb8"), "close 3000 \nok\n" },
                { T("\x88\x02\x13\x87"), "close 4999 \nok\n" },
                { T("\x88\x02\x03\xf6"), "close 1014 \nok\n" },
                /* what comes behind is not looked at */
                { T("\x88\0\xff\xff\xff"), "close 1005 \nok\n" },
                { T("\x01\x01x\x88\x02\x03\xe8\x80\x01y"), "close 1000 \ntext x...\nok\n" },

                { T("\x88\x01\x03"), "error 1002\n" },
                { T("\x88\x02\0\0"), "error 1002\n" },
                { T("\x88\x02\x03\xe7"), "error 1002\n" }, /* 999 */
                { T("\x88\x02\x03\xec"), "error 1002\n" }, /* 1004 */
                { T("\x88\x02\x03\xed"), "error 1002\n" }, /* 1005, 1006: never sent */
                { T("\x88\x02\x03\xee"), "error 1002\n" },
                { T("\x88\x02\x03\xf7"), "error 1002\n" }, /* 1015 */
                { T("\x88\x02\x07\xd0"), "error 1002\n" }, /* 2000 */
                { T("\x88\x02\x13\x88"), "error 1002\n" }, /* 5000 */
                { T("\x88\x03\x03\xe8\xff"), "error 1007\n" },
                { T("\x88\x04\x03\xe8\xe2\x82"), "error 1007\n" },
        };

        check_frames(cases, n_of(cases));
}

TEST(refused, .timeout = 60) {
        static const frames cases[] = {
                /* bits of extensions */
                { T("\xc1\0"), "error 1002\n" },
                { T("\xa1\0"), "error 1002\n" },
                { T("\x91\0"), "error 1002\n" },
                /* frames of no kind */
                { T("\x83\0"), "error 1002\n" },
                { T("\x87\0"), "error 1002\n" },
                { T("\x8b\0"), "error 1002\n" },
                { T("\x8f\0"), "error 1002\n" },
                /* control frames in parts, and too long */
                { T("\x09\0"), "error 1002\n" },
                { T("\x08\0"), "error 1002\n" },
                { T("\x89\x7e"), "error 1002\n" },
                { T("\x8a\x7f"), "error 1002\n" },
                /* parts of nothing, and messages within others */
                { T("\x80\0"), "error 1002\n" },
                { T("\0\x01x"), "error 1002\n" },
                { T("\x81\x01x\x80\x01y"), "text x\nerror 1002\n" },
                { T("\x01\x01x\x81\x01y"), "text x...\nerror 1002\n" },
                { T("\x02\x01x\x01\x01y"), "binary x...\nerror 1002\n" },
                /* lengths that are not the shortest, or beyond all bounds */
                { T("\x82\x7e\0\x7d"), "error 1002\n" },
                { T("\x82\x7f\0\0\0\0\0\0\xff\xff"), "error 1002\n" },
                { T("\x82\x7f\x80\0\0\0\0\0\0\0"), "error 1002\n" },
        };

        check_frames(cases, n_of(cases));
}

TEST(masks) {
        ws_in in;

        ws_in_init(&in, true);
        check_all(in, (const uint8_t *)"\x81\x01x", 3, "error 1002\n");
        check_all(in, (const uint8_t *)"\x88\0", 2, "error 1002\n");
        ws_in_init(&in, false);
        check_all(in, (const uint8_t *)"\x81\x81\0\0\0\0x", 7, "error 1002\n");
}

TEST(utf8, .timeout = 60) {
        static const frames cases[] = {
                { T("\x81\x05\xc3\xa4\xe2\x82\xac"), "text %C3%A4%E2%82%AC\nok\n" },
                /* a character in two frames, and with a Ping within */
                { T("\x01\x01\xe2\x89\0\0\x01\x82\x80\x01\xac"), "ping \ntext %E2%82%AC\nok\n" },
                /* said at the first byte that cannot be, however much is to come */
                { T("\x81\x7e\x03\xe8ok\xff"), "text ok...\nerror 1007\n" },
                { T("\x81\x7d\xff"), "error 1007\n" },
                { T("\x81\x03\xed\xa0\x80"), "text %ED...\nerror 1007\n" },
                { T("\x81\x04\xf4\x90\x80\x80"), "text %F4...\nerror 1007\n" },
                { T("\x81\x02\xc0\x80"), "error 1007\n" },
                /* cut off at the end of the message */
                { T("\x81\x02\xe2\x82"), "text %E2%82...\nerror 1007\n" },
                { T("\x01\x02\xe2\x82\x80\0"), "text %E2%82...\nerror 1007\n" },
                { T("\x01\x02\xe2\x82\x80\x01x"), "text %E2%82...\nerror 1007\n" },
                { T("\x82\x02\xe2\x82"), "binary %E2%82\nok\n" },
        };

        check_frames(cases, n_of(cases));
}

TEST(limits, .timeout = 60) {
        check_both(T("\x82\x03"
                     "abc"),
                   "binary abc\nok\n", 3);
        check_both(T("\x02\x02"
                     "ab\x80\x01"
                     "c"),
                   "binary abc\nok\n", 3);
        /* before any of it has come */
        check_both(T("\x82\x04\0\0\0\0"), "error 1009\n", 3);
        check_both(T("\x02\x02"
                     "ab\x80\x02\0\0\0\0"),
                   "binary ab...\nerror 1009\n", 3);
        check_both(T("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"), "error 1009\n", 3);
        check_both(T("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"
                     "a"),
                   "binary a...\ncut\n", UINT64_MAX);
}

/* Parts of nothing, as many as there are, cost no memory and no stack. */
TEST(empty_parts) {
        enum { N = 200000 };
        uint8_t *wire = calloc(N, 2);
        ws_bytes bytes = { wire, 2 * N };
        ws_event ev;
        ws_in in;

        wire[0] = WS_BINARY;
        ws_in_init(&in, false);
        assert_r(ws_in_next(&in, &bytes, &ev), 1);
        assert_true(ev.first && !ev.last);
        assert_r(ws_in_next(&in, &bytes, &ev), 0);
        assert_eq(bytes.n, 0);
        free(wire);
}
