/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Replication, with a hostile peer on either side
 *
 * As a replica: what is understood of a master's bytes depends on the bytes, never on how
 * they were cut. As a master: a follower says what it likes, and changes what it is told
 * of; what it hears depends on that alone.
 */

#undef NDEBUG
#include "wire/resp/test-psync-say.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "context/store.h"
#include "context/sync/follower.h"
#include "loop/loop.h"

#define T(text) text, sizeof(text) - 1
#define ID "0123456789012345678901234567890123456789"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* a replica */

static char *follow(uint8_t how, const char *wire, size_t n, resp_cuts cuts) {
        const psync_options options = {
                .id = how & 2 ? ID : NULL,
                .offset = how & 4 ? PSYNC_OFFSET_MAX - 5 : 5,
                .user = how & 8 ? "me" : NULL,
                .password = how & (8 | 16) ? "secret" : NULL,
                .port = how & 32 ? 6379 : 0,
                .gives_over = how & 64,
        };

        return psync_say(&options, wire, n, cuts);
}

/* a master */

/* What tells of time, waits, or writes files is not for this. */
static bool is_played(const resp_request *r) {
        static const char *const verbs[] = { "PSYNC", "SYNC", "REPLCONF", "ROLE",  "PING",
                                             "SET",   "DEL",  "SELECT",   "MULTI", "EXEC" };

        for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
                if (r->argc > 0 && bytes_is(r->argv[0], verbs[i]))
                        return true;
        return false;
}

static bool is_hex(uint8_t c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* Names of streams and marks are drawn by chance. */
static void say_said(FILE *text, const uint8_t *p, size_t n) {
        for (size_t i = 0; i < n;) {
                size_t run = 0;

                while (i + run < n && run < PSYNC_ID_MAX && is_hex(p[i + run]))
                        run++;
                if (run == PSYNC_ID_MAX)
                        fputs("(id)", text);
                else
                        fprintf(text, "%02x", p[i]);
                i += run == PSYNC_ID_MAX ? run : 1;
        }
}

static bool is_sent_file(const client *c) {
        return c->follower && c->follower->state == FOLLOWER_FILE;
}

/* Whether there is a snapshot to come, or more of it. */
static bool waits(const client *c) {
        return (c->follower && c->follower->state == FOLLOWER_WAITS) ||
               (is_sent_file(c) && !c->follower->transfer->is_whole);
}

/* All that it is told now. Of a file only how long it is, as it says when it was made. */
static void hear(client *c, FILE *text) {
        size_t n_file = 0;
        bool more = true;

        say_said(text, c->out.p, c->out.n);
        resp_out_cut(&c->out, 0);
        while (c->refill && (more || waits(c)) && !(c->flags & CLIENT_CLOSING)) {
                bool in_file = is_sent_file(c);

                more = c->refill(c);
                assert(!c->out.failed);
                if (in_file)
                        n_file += c->out.n;
                else
                        say_said(text, c->out.p, c->out.n);
                resp_out_cut(&c->out, 0);
                loop_dispatch(loop_get());
        }
        if (n_file > 0)
                fprintf(text, "(file of %zu)", n_file);
        fputc('\n', text);
}

/* A store whose stream is known by a name that the input can say, and has begun. */
static store *begin_store(void) {
        store *s;

        assert(store_new(NULL, &s) == 0);
        master_take_stream(s->master, ID, 0, 0);
        master_relay(s->master, T("*1\r\n$4\r\nPING\r\n"), 0);
        master_own_stream(s->master);
        return s;
}

/* A block of its own for what there is of the input, as psync_say() does. */
static ssize_t play(client *c, resp_request *r, FILE *text, const char *wire, size_t n) {
        size_t used = 0;
        int got = 1;

        while (got > 0 && !(c->flags & CLIENT_CLOSING)) {
                char *piece = malloc(n - used + 1);

                assert(piece);
                memcpy(piece, wire + used, n - used);
                got = resp_request_next(r, piece, n - used);
                if (got > 0) {
                        used += r->consumed;
                        if (is_played(r)) {
                                client_exec(c, r->argv, (int)r->argc);
                                hear(c, text);
                        }
                }
                free(piece);
        }
        return got < 0 ? got : (ssize_t)used;
}

static char *lead(uint8_t how, const char *wire, size_t n, resp_cuts cuts) {
        size_t from = 0, to = cuts.first < n ? cuts.first : n, n_text;
        store *s = begin_store();
        client *c = client_new(s);
        resp_request request;
        char *text = NULL;
        FILE *file = open_memstream(&text, &n_text);
        ssize_t r;

        assert(c && file);
        c->address = "192.0.2.1:6379";
        s->config.repl_diskless_sync = how & 2;
        resp_request_init(&request);
        for (;;) {
                r = play(c, &request, file, wire + from, to - from);
                if (r < 0 || to == n)
                        break;
                from += (size_t)r;
                to = cuts.step < n - to ? to + cuts.step : n;
        }
        resp_request_deinit(&request);
        client_free(c);
        store_free(s);
        assert(fclose(file) == 0);
        return text;
}

/* The first two bytes are how: which side with which options, and the pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        if (n < 2)
                return 0;

        char *(*say)(uint8_t, const char *, size_t, resp_cuts) = data[0] & 1 ? lead : follow;
        const char *wire = (const char *)data + 2;
        resp_cuts cuts = { .first = data[1] % (n - 1), .step = (size_t)(data[1] >> 3) + 1 };
        char *whole = say(data[0], wire, n - 2, (resp_cuts){ n, n });
        char *cut = say(data[0], wire, n - 2, cuts);

        if (strcmp(whole, cut)) {
                fprintf(stderr, "whole:\n%s\ncut:\n%s\n", whole, cut);
                abort();
        }
        free(whole);
        free(cut);
        return 0;
}
