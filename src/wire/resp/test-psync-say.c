/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG
#include "test-psync-say.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct talk {
        psync machine;
        FILE *text;
        bool in_file; /* the last line is one of a file's bytes */
} talk;

static void say_bytes(FILE *text, bytes some) {
        for (size_t i = 0; i < some.n; i++) {
                unsigned char c = (unsigned char)some.p[i];

                if (c == '\r' || c == '\n')
                        fputc('~', text);
                else if (c < ' ' || c > '~')
                        fprintf(text, "%%%02X", c);
                else
                        fputc(c, text);
        }
}

static void say_command(FILE *text, const psync *p) {
        for (uint32_t i = 0; i < p->request.argc; i++) {
                say_bytes(text, p->request.argv[i]);
                fputs(i + 1 < p->request.argc ? " " : "", text);
        }
        fprintf(text, " @%" PRId64 "\n", p->offset);
}

static void end_file(talk *t) {
        if (t->in_file)
                fputc('\n', t->text);
        t->in_file = false;
}

static void say_event(talk *t) {
        const psync *p = &t->machine;

        if (p->event != PSYNC_FILE)
                end_file(t);
        switch (p->event) {
        case PSYNC_FULL:
                fprintf(t->text, "full %s %" PRId64 "\n", p->id, p->offset);
                break;
        case PSYNC_CONTINUE:
                fprintf(t->text, "continue %s %" PRId64 "\n", p->id, p->offset);
                break;
        case PSYNC_FILE:
                fputs(t->in_file ? "" : "file ", t->text);
                t->in_file = true;
                say_bytes(t->text, p->payload);
                break;
        case PSYNC_WHOLE:
                fputs("whole\n", t->text);
                break;
        case PSYNC_COMMAND:
                say_command(t->text, p);
                break;
        case PSYNC_PASSED:
                break;
        case PSYNC_REFUSED:
                fprintf(t->text, "refused %s\n", p->text);
                break;
        }
}

/* All that is in a piece of @n bytes, in a block of that size. Returns how many were used, or
 * below zero. */
static ssize_t read_piece(talk *t, const char *wire, size_t n) {
        size_t used = 0;
        int r = 1;

        while (r > 0) {
                char *piece = malloc(n - used + 1);

                assert(piece);
                memcpy(piece, wire + used, n - used);
                r = psync_next(&t->machine, piece, n - used);
                if (r > 0) {
                        assert(t->machine.consumed <= n - used);
                        say_event(t);
                        used += t->machine.consumed;
                } else if (r < 0) {
                        assert(psync_next(&t->machine, piece, n - used) < 0);
                }
                free(piece);
        }
        return r < 0 ? r : (ssize_t)used;
}

char *psync_say(const psync_options *options, const char *wire, size_t n, resp_cuts cuts) {
        size_t from = 0, to = cuts.first < n ? cuts.first : n, n_text;
        char *text = NULL;
        talk t = { 0 };
        ssize_t r;

        t.text = open_memstream(&text, &n_text);
        assert(t.text);
        psync_init(&t.machine, options);
        for (;;) {
                r = read_piece(&t, wire + from, to - from);
                if (r < 0 || to == n)
                        break;
                from += (size_t)r;
                to = cuts.step < n - to ? to + cuts.step : n;
        }
        end_file(&t);
        if (r < 0)
                fputs(r == -EPROTO ? "broken\n" : "error\n", t.text);
        assert(!t.machine.out.failed);
        say_bytes(t.text, (bytes){ (char *)t.machine.out.p, t.machine.out.n });
        psync_deinit(&t.machine);
        psync_deinit(&t.machine);
        assert(fclose(t.text) == 0);
        return text;
}
