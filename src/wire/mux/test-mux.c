/* SPDX-License-Identifier: Apache-2.0 */
#include "mux.h"

#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "say.h"
#include "wire/mux/vectors.h" /* made by meson: where they are */

#define T(text)                                           \
        (mux_bytes) {                                     \
                (const uint8_t *)(text), sizeof(text) - 1 \
        }

static void check(const char *name, mux_bytes wire, mux_start start, uint32_t max_frame,
                  const char *want, mux_cuts cuts) {
        char *got = mux_say(wire.p, wire.n, start, max_frame, cuts);

        if (strcmp(got, want))
                test_fail("%s, cut at %zu, then by %zu%s: it said\n%snot\n%s", name, cuts.first,
                          cuts.step, cuts.skip ? ", skipping" : "", got, want);
        free(got);
}

/* Whole, in pieces of every size, and in two at every place. */
static void check_cuts(const char *name, mux_bytes wire, mux_start start, uint32_t max_frame,
                       const char *want) {
        for (int skip = 0; skip < 2; skip++) {
                for (size_t step = 1; step <= wire.n + 1; step++)
                        check(name, wire, start, max_frame, want, (mux_cuts){ step, step, skip });
                for (size_t at = 0; at < wire.n; at++)
                        check(name, wire, start, max_frame, want, (mux_cuts){ at, wire.n, skip });
        }
}

/* spec/vectors */

typedef struct vector {
        char name[128];
        mux_start start;
        uint32_t max_frame;
        uint8_t bytes[8192];
        size_t n;
        char want[8192];
        size_t n_want;
} vector;

static void vector_hex(vector *v, const char *hex) {
        unsigned byte;
        int n;

        for (; *hex; hex += n) {
                if (*hex == ' ' || *hex == '\n') {
                        n = 1;
                        continue;
                }
                assert_eq(sscanf(hex, "%2x%n", &byte, &n), 1);
                assert_eq(n, 2);
                assert_lt(v->n, sizeof(v->bytes));
                v->bytes[v->n++] = (uint8_t)byte;
        }
}

static void vector_line(vector *v, const char *line) {
        size_t n = strlen(line);

        if (line[0] == '#') {
                return;
        } else if (!strncmp(line, "name ", 5)) {
                snprintf(v->name, sizeof(v->name), "%.*s", (int)(n - 6), line + 5);
        } else if (!strncmp(line, "start ", 6)) {
                v->start = !strcmp(line + 6, "preface\n") ? MUX_START_PREFACE
                           : !strcmp(line + 6, "hello\n") ? MUX_START_HELLO
                                                          : MUX_START_FRAMES;
        } else if (!strncmp(line, "max-frame ", 10)) {
                v->max_frame = (uint32_t)strtoul(line + 10, NULL, 10);
        } else if (!strncmp(line, "bytes", 5)) {
                vector_hex(v, line + 5);
        } else {
                assert_lt(v->n_want + n, sizeof(v->want));
                memcpy(v->want + v->n_want, line, n + 1);
                v->n_want += n;
        }
}

static int vectors_check(const char *file) {
        char path[512], line[4096];
        vector *v = calloc(1, sizeof(*v));
        int n = 0;

        snprintf(path, sizeof(path), "%s/%s", SPEC_VECTORS, file);
        FILE *f = fopen(path, "r");
        assert_not_null(f);

        for (bool more = true; more;) {
                more = fgets(line, sizeof(line), f);
                if (more && line[0] != '\n') {
                        if (!*v->name) {
                                v->start = MUX_START_FRAMES;
                                v->max_frame = MUX_FRAME_DEFAULT;
                        }
                        vector_line(v, line);
                        continue;
                }
                if (*v->name) {
                        char name[256];

                        snprintf(name, sizeof(name), "%s: %s", file, v->name);
                        check_cuts(name, (mux_bytes){ v->bytes, v->n }, v->start, v->max_frame,
                                   v->want);
                        n++;
                }
                memset(v, 0, sizeof(*v));
        }
        assert_eq(fclose(f), 0);
        free(v);
        return n;
}

TEST(vectors, .timeout = 120) {
        DIR *dir = opendir(SPEC_VECTORS);
        struct dirent *entry;
        int n = 0;

        assert_not_null(dir);
        while ((entry = readdir(dir)))
                if (strstr(entry->d_name, ".txt"))
                        n += vectors_check(entry->d_name);
        closedir(dir);
        assert_gt(n, 200);
}

/* What has no vector: limits of this decoder, and frames too long for a line. */

static char long_want[70000 + 64];

static mux_bytes long_frame(uint8_t *wire, mux_type type, uint32_t n) {
        mux_put_head(wire, &(mux_head){ .length = n, .type = (uint8_t)type, .channel = 7 });
        for (uint32_t i = 0; i < n; i++)
                wire[MUX_HEAD_SIZE + i] = (uint8_t)('a' + i % 26);
        snprintf(long_want, sizeof(long_want), "%s channel=7 %spayload=%.*s\nok\n",
                 type == MUX_MSG ? "msg" : "data", type == MUX_MSG ? "flags= " : "", (int)n,
                 (char *)wire + MUX_HEAD_SIZE);
        return (mux_bytes){ wire, MUX_HEAD_SIZE + n };
}

TEST(long_frames) {
        static const uint32_t sizes[] = { 4096, 65535, 65536 };
        static const size_t steps[] = { 1, 2, 11, 12, 13, 4095, 4096, 65535, 65547, 65548, 65549 };
        uint8_t *wire = malloc(MUX_HEAD_SIZE + 65536);

        for (size_t i = 0; i < n_of(sizes); i++)
                for (size_t k = 0; k < n_of(steps); k++)
                        for (int type = MUX_MSG; type <= MUX_DATA; type++) {
                                mux_bytes b = long_frame(wire, (mux_type)type, sizes[i]);
                                check("long", b, MUX_START_FRAMES, 65536, long_want,
                                      (mux_cuts){ steps[k], steps[k], k & 1 });
                        }
        free(wire);
}

/* A head that is whole gives an event, so that the caller can make room and read. */
TEST(body_read_in_place) {
        uint8_t wire[MUX_FIXED_MAX], body[8];
        mux_decoder d;
        mux_event ev;
        mux_bytes in = { wire, 0 };

        mux_decoder_init(&d, 1024);
        d.bare = true;
        in.n = mux_put_hello(wire, &(mux_hello){ .role = 1, .max_frame = 1024, .window = 1 });
        assert_r(mux_decode(&d, &in, &ev), 1);
        assert_eq(mux_decoder_left(&d), 0);

        in = (mux_bytes){ wire, mux_put_msg_head(wire, 5, 0, 8, 9, T("raw"), 8) };
        assert_r(mux_decode(&d, &in, &ev), 1);
        assert_true(ev.first && !ev.last);
        assert_eq(ev.piece.n, 0);
        assert_eq(ev.msg.total, 8);
        assert_eq(ev.msg.left, 9);
        assert_mem(ev.msg.label.p, ev.msg.label.n, "raw", 3);
        assert_eq(mux_decoder_left(&d), 8);
        assert_r(mux_decode(&d, &in, &ev), 0);

        ev = mux_decoder_skip(&d, body, 3);
        assert_true(!ev.first && !ev.last && ev.piece.p == body);
        assert_eq(ev.piece.n, 3);
        assert_eq(ev.offset, 0);
        assert_eq(ev.head.channel, 5);
        assert_eq(mux_decoder_left(&d), 5);

        in = (mux_bytes){ (const uint8_t *)"xy", 2 };
        assert_r(mux_decode(&d, &in, &ev), 1);
        assert_eq(ev.offset, 3);
        assert_eq(mux_decoder_left(&d), 3);

        ev = mux_decoder_skip(&d, body + 5, 3);
        assert_true(ev.last);
        assert_eq(ev.offset, 5);
        assert_eq(mux_decoder_left(&d), 0);
        mux_decoder_deinit(&d);
}

/* A decoder past its HELLO. */
static void decoder_begin(mux_decoder *d) {
        uint8_t wire[MUX_FIXED_MAX];
        mux_bytes in = { wire, 0 };
        mux_event ev;

        mux_decoder_init(d, 1024);
        d->bare = true;
        in.n = mux_put_hello(wire, &(mux_hello){ .role = 1, .max_frame = 1024, .window = 1 });
        assert_r(mux_decode(d, &in, &ev), 1);
}

/* Feed it in two; 1 once it gave one event, or the error. */
static int decode_cut(mux_decoder *d, const uint8_t *wire, size_t n, size_t at) {
        mux_bytes in = { wire, at };
        mux_event ev;
        int r, n_events = 0;

        while ((r = mux_decode(d, &in, &ev)) > 0)
                n_events++;
        if (r < 0)
                return r;
        in = (mux_bytes){ wire + at, n - at };
        while ((r = mux_decode(d, &in, &ev)) > 0)
                n_events++;
        return r < 0 ? r : n_events;
}

/* What was lent for a cut frame goes back, and frames without a text need none. */
TEST(memory) {
        static const uint8_t name[MUX_NAME_MAX] = { [0 ... MUX_NAME_MAX - 1] = 'n' };
        mux_bytes text = { name, sizeof(name) };
        uint8_t wire[MUX_FIXED_MAX];
        mux_decoder d;

        mem_watch(true);
        decoder_begin(&d);
        for (int i = 0; i < 8; i++) {
                uint64_t n_before = mem_get_stats().n_new;
                size_t n = 0;

                switch (i) {
                case 0:
                        n = mux_put_thing(wire, 1, MUX_SENDER, 0, 3, 1);
                        break;
                case 1:
                        n = mux_put_credit(wire, 1, 0, 1, 2);
                        break;
                case 2:
                        n = mux_put_close(wire, MUX_END, 1, 0, text);
                        break;
                case 3:
                        n = mux_put_ask(wire, 1);
                        break;
                case 4:
                        n = mux_put_ping(wire, MUX_PING, (const uint8_t *)"12345678");
                        break;
                case 5:
                        n = mux_put_msg_head(wire, 1, 0, 0, MUX_NO_DEADLINE, (mux_bytes){ 0 }, 0);
                        break;
                case 6:
                        n = mux_put_open(wire, 1, MUX_SENDER, 1, text);
                        break;
                case 7:
                        n = mux_put_away(wire, 1, 1, text);
                        break;
                }
                for (size_t at = 0; at < n; at++) {
                        assert_r(decode_cut(&d, wire, n, at), 1);
                        assert_eq(mem_get_stats().n_live, 0);
                }
                assert_eq(mem_get_stats().n_new > n_before, i >= 6);
        }

        /* Freed in the middle of one. */
        assert_r(decode_cut(&d, wire, 100, 20), 0);
        assert_eq(mem_get_stats().n_live, 1);
        mux_decoder_deinit(&d);
        assert_eq(mem_get_stats().n_live, 0);

        /* No memory: for a name, and for the longer head that a label makes. */
        for (int i = 0; i < 2; i++) {
                mux_event ev;
                size_t n = i ? mux_put_msg_head(wire, 1, 0, 0, 0, (mux_bytes){ name, 63 }, 0)
                             : mux_put_open(wire, 1, MUX_SENDER, 1, text);

                decoder_begin(&d);
                mem_fail_at(1);
                assert_r(decode_cut(&d, wire, n, 20), -ENOMEM);
                assert_r(mux_decode(&d, &(mux_bytes){ wire, n }, &ev), -ENOMEM);
                mux_decoder_deinit(&d);
                assert_eq(mem_get_stats().n_live, 0);
        }
        mem_watch(false);
}

/* Encoding: what vectors cannot ask for. */

TEST(put_cuts_texts) {
        uint8_t wire[MUX_FIXED_MAX];
        char text[300];

        memset(text, 'x', sizeof(text));
        memcpy(text + 253, "\xe2\x82\xac", 3); /* a character over the edge */
        assert_eq(mux_put_close(wire, MUX_STOP, 1, 5, (mux_bytes){ (uint8_t *)text, 300 }),
                  MUX_HEAD_SIZE + 4 + 253);
        assert_eq(mux_put_close(wire, MUX_STOP, 1, 5, (mux_bytes){ (uint8_t *)text, 255 }),
                  MUX_HEAD_SIZE + 4 + 255);
        assert_eq(mux_put_away(wire, 0, 0, (mux_bytes){ (uint8_t *)text, 256 }),
                  MUX_HEAD_SIZE + 10 + 253);
        memset(text, 'y', sizeof(text));
        assert_eq(mux_put_away(wire, 0, 0, (mux_bytes){ (uint8_t *)text, 300 }),
                  MUX_HEAD_SIZE + 10 + 255);
}

TEST(put_ignores_what_a_kind_has_not) {
        uint8_t a[MUX_FIXED_MAX], b[MUX_FIXED_MAX];
        size_t n;

        n = mux_put_open(a, 1, MUX_STREAM, 5, T("s"));
        assert_mem(a, n, b, mux_put_open(b, 1, MUX_STREAM, 0, T("s")));
        n = mux_put_thing(a, 1, MUX_FD, 3, 9, 5);
        assert_mem(a, n, b, mux_put_thing(b, 1, MUX_FD, 0, 0, 0));
        n = mux_put_thing(a, 1, MUX_SENDER, 3, 9, 5);
        assert_mem(a, n, b, mux_put_thing(b, 1, MUX_SENDER, 0, 9, 5));
        n = mux_put_close(a, MUX_END, 1, 0, T("why"));
        assert_mem(a, n, b, mux_put_close(b, MUX_END, 1, 0, T("")));
        assert_eq(n, MUX_HEAD_SIZE);
}

/* The longest of each fits where they are written. */
TEST(fixed_max) {
        static const uint8_t text[MUX_NAME_MAX] = { [0 ... MUX_NAME_MAX - 1] = 't' };
        mux_bytes name = { text, sizeof(text) };
        uint8_t wire[MUX_FIXED_MAX];

        assert_le(mux_put_hello(wire, &(mux_hello){ .role = 1 }), MUX_FIXED_MAX);
        assert_le(mux_put_open(wire, MUX_CHANNEL_MAX, MUX_STREAM, 0, name), MUX_FIXED_MAX);
        assert_le(mux_put_close(wire, MUX_END, 1, UINT32_MAX, name), MUX_FIXED_MAX);
        assert_le(mux_put_away(wire, UINT32_MAX, MUX_CHANNEL_MAX, name), MUX_FIXED_MAX);
        assert_le(mux_put_msg_head(wire, 1, 0, UINT64_MAX, 0, (mux_bytes){ text, 63 }, 0),
                  MUX_FIXED_MAX);
}
