/* SPDX-License-Identifier: Apache-2.0 */
/* The vectors of the wire: whatever comes, a session goes on or ends with an error, and
 * which does not depend on the cuts. */
#include "test-pair.h"

#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/mux/vectors.h"

typedef struct vector {
        char name[128], start[16];
        uint8_t bytes[8192];
        size_t n;
        bool bad;
        int role;
} vector;

static void vector_line(vector *v, const char *line) {
        unsigned byte;
        int n;

        if (!strncmp(line, "name ", 5))
                snprintf(v->name, sizeof(v->name), "%.*s", (int)strlen(line) - 6, line + 5);
        else if (!strncmp(line, "start ", 6))
                sscanf(line + 6, "%15s", v->start);
        else if (!strncmp(line, "error ", 6))
                v->bad = true;
        else if (!strncmp(line, "hello ", 6))
                sscanf(line, "hello role=%d", &v->role);
        else if (!strncmp(line, "bytes", 5))
                for (line += 5; sscanf(line, " %2x%n", &byte, &n) == 1; line += n)
                        v->bytes[v->n++] = (uint8_t)byte;
}

static int vector_run(const vector *v, bool dials, size_t first, size_t step) {
        uint8_t before[MUX_PREFACE_SIZE + MUX_FIXED_MAX];
        size_t n = 0;
        beam_msg *msg;
        session *s;
        test_side d;
        int r;

        test_side_open(&d, &d, NULL, dials, 1, &s);
        d.link.stalled = true;
        if (strcmp(v->start, "preface")) {
                memcpy(before, mux_preface, MUX_PREFACE_SIZE);
                n = MUX_PREFACE_SIZE;
        }
        if (!*v->start || !strcmp(v->start, "frames"))
                n += mux_put_hello(before + n, &(mux_hello){ .role = dials ? 2 : 1,
                                                             .max_frame = 65536,
                                                             .max_msg = 1000,
                                                             .max_opens = 10,
                                                             .window = 1000 });
        test_side_feed(s, before, n, n ? n : 1);
        assert_eq(s->error, 0);
        test_side_feed(s, v->bytes, first, first ? first : 1);
        if (!s->error)
                test_side_feed(s, v->bytes + first, v->n - first, step);
        r = s->error;
        while (beam_session_accept(&s->base, &msg, BEAM_NOW) == 1)
                beam_msg_free(msg);
        beam_session_close(&s->base);
        test_turn();
        test_side_deinit(&d);
        return r;
}

static void vector_check(const char *file, const vector *v, bool dials) {
        int r = vector_run(v, dials, v->n, 1);
        size_t few = v->n > 100 ? 7 : 1;

        if ((v->bad && r >= 0) || (r && r != -EPROTO && r != -EMSGSIZE && r != -ENOBUFS &&
                                   r != -E2BIG && r != -ECONNRESET))
                test_fail("%s: %s: %d", file, v->name, r);
        for (size_t step = 1; step < v->n; step += few)
                if (vector_run(v, dials, 0, step) != r)
                        test_fail("%s: %s, in pieces of %zu", file, v->name, step);
        for (size_t first = 1; first < v->n; first += few)
                if (vector_run(v, dials, first, v->n) != r)
                        test_fail("%s: %s, cut at %zu", file, v->name, first);
}

TEST(vectors, .timeout = 60) {
        vector *v = calloc(1, sizeof(*v));
        DIR *dir = opendir(SPEC_VECTORS);
        size_t n = 0;

        assert_not_null(dir);
        for (struct dirent *e; (e = readdir(dir));) {
                char path[512], line[4096];
                FILE *f;

                if (!strstr(e->d_name, ".txt"))
                        continue;
                snprintf(path, sizeof(path), "%s/%s", SPEC_VECTORS, e->d_name);
                f = fopen(path, "re");
                assert_not_null(f);
                for (bool more = true; more;) {
                        more = fgets(line, sizeof(line), f);
                        if (more && line[0] != '\n') {
                                vector_line(v, line);
                                continue;
                        }
                        if (*v->name && v->n < 1500) {
                                vector_check(e->d_name, v, v->role != MUX_DIALLED);
                                n++;
                        }
                        memset(v, 0, sizeof(*v));
                }
                fclose(f);
        }
        closedir(dir);
        free(v);
        assert_gt(n, 150);
}
