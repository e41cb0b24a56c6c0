/* SPDX-License-Identifier: Apache-2.0 */
/* What clients are told without asking, in this process and over a link. */
#include <beam/context.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "test.h"

/* The words of a result, those within it too. */
static void add_words(char *text, size_t size, beam_result *r) {
        size_t n = strlen(text);
        beam_result within;

        if (r->kind == BEAM_RESULT_INTEGER)
                snprintf(text + n, size - n, " %jd", (intmax_t)r->integer);
        else if (r->data)
                snprintf(text + n, size - n, " %.*s", (int)r->n, r->data);
        while (r->count > 0 && beam_result_next(r, &within))
                add_words(text, size, &within);
}

static const char *words_of(beam_result *r) {
        static char text[256];

        *text = '\0';
        add_words(text, sizeof(text), r);
        return *text ? text + 1 : text;
}

static const char *ask(beam_client *c, const char *line) {
        beam_result result;
        beam_arg argv[8];
        size_t argc = 0;

        for (const char *p = line;; p++) {
                size_t n = strcspn(p, " ");

                argv[argc++] = (beam_arg){ p, n };
                p += n;
                if (!*p)
                        break;
        }
        assert_r(beam_client_exec(c, argv, argc, &result, beam_after(30 * BEAM_SECOND)), 0);
        return words_of(&result);
}

static const char *next(beam_client *c) {
        beam_result result;

        assert_r(beam_client_next(c, &result, beam_after(30 * BEAM_SECOND)), 0);
        return words_of(&result);
}

typedef struct sides {
        beam_context *ctx;
        beam_context_server *server;
        beam_client *here, *there, *other;
} sides;

static sides begin(void) {
        sides s;
        char url[32];
        int fds[2];

        assert_r(beam_context_new(&s.ctx), 0);
        assert_r(beam_context_serve(s.ctx, NULL, &s.server), 0);
        assert_r(beam_client_new(s.ctx, &s.here), 0);
        assert_r(beam_client_new(s.ctx, &s.other), 0);
        assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_r(beam_context_server_take(s.server, fds[0]), 0);
        snprintf(url, sizeof(url), "fd:%d", fds[1]);
        assert_r(beam_client_dial(url, &s.there, BEAM_FOREVER), 0);
        ask(s.there, "hello 3");
        return s;
}

static void end(sides *s) {
        beam_client_free(s->here);
        beam_client_free(s->there);
        beam_client_free(s->other);
        beam_context_server_free(s->server);
        beam_context_free(s->ctx);
}

static void listen_and_talk(beam_client *c, beam_client *other) {
        beam_result result;

        assert_r(beam_client_next(c, &result, BEAM_NOW), -ETIMEDOUT);
        assert_str(ask(c, "subscribe x y"), "subscribe x 1");
        assert_str(next(c), "subscribe y 2");
        assert_str(ask(other, "publish x 1"), "1");
        assert_str(ask(other, "publish y 2"), "1");
        /* what comes meanwhile is kept, in order */
        assert_str(ask(c, "publish x 3"), "1");
        assert_str(ask(c, "echo hello"), "hello");
        assert_str(next(c), "message x 1");
        assert_str(ask(c, "ping"), "PONG");
        assert_str(next(c), "message y 2");
        assert_str(ask(c, "unsubscribe x"), "unsubscribe x 1");
        assert_str(next(c), "message x 3");
        assert_str(ask(c, "unsubscribe"), "unsubscribe y 0");
        assert_r(beam_client_next(c, &result, BEAM_NOW), -ETIMEDOUT);
        assert_str(ask(c, "client tracking on"), "OK");
        ask(c, "get k");
        assert_str(ask(c, "set k 1"), "OK");
        assert_str(next(c), "invalidate k");
        assert_str(ask(c, "get k"), "1");
        ask(other, "set k 2");
        assert_str(next(c), "invalidate k");
        ask(c, "client tracking off");
}

TEST(here) {
        sides s = begin();

        listen_and_talk(s.here, s.other);
        end(&s);
}

TEST(over_a_link) {
        sides s = begin();

        listen_and_talk(s.there, s.other);
        end(&s);
}

TEST(between_both) {
        sides s = begin();

        ask(s.here, "subscribe x");
        ask(s.there, "publish x 1");
        assert_str(next(s.here), "message x 1");
        ask(s.there, "psubscribe *");
        ask(s.here, "publish x 2");
        assert_str(next(s.there), "pmessage * x 2");
        assert_str(next(s.here), "message x 2");
        end(&s);
}

TEST(whoever_does_not_listen_is_of_no_use) {
        beam_arg set[] = { BEAM_ARG("config"), BEAM_ARG("set"),
                           BEAM_ARG("client-output-buffer-limit"), BEAM_ARG("pubsub 1000 0 0") };
        sides s = begin();
        beam_result result;

        assert_r(beam_client_exec(s.other, set, 4, &result, BEAM_FOREVER), 0);
        ask(s.here, "subscribe x");
        while (strcmp(ask(s.other, "publish x hello"), "1") == 0)
                if (beam_client_exec(s.here, &BEAM_ARG("ping"), 1, &result, BEAM_FOREVER) < 0)
                        break;
        assert_r(beam_client_next(s.here, &result, BEAM_FOREVER), -ENOTCONN);
        assert_r(beam_client_exec(s.here, &BEAM_ARG("ping"), 1, &result, BEAM_FOREVER), -ENOTCONN);
        end(&s);
}
