/* SPDX-License-Identifier: Apache-2.0 */
/* A program is told what a context holds, and then what changes. */
#include <beam/context.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "help.h"
#include "test.h"

/* Words separated by blanks; an error fails the test. */
static void say(beam_client *c, const char *line) {
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
        assert_r(beam_client_exec(c, argv, argc, &result, test_deadline()), 0);
        assert_ne(result.kind, BEAM_RESULT_ERROR);
}

typedef struct sides {
        beam_context *ctx;
        beam_context_server *server;
        beam_client *master;
        beam_follower *f;
        const char *url;
        char position[128]; /* behind what has been told last, or "" */
} sides;

static void begin(sides *s) {
        *s = (sides){ .url = test_url("unix:{dir}/s") };
        assert_r(beam_context_new(&s->ctx), 0);
        assert_r(beam_context_serve(s->ctx, s->url, &s->server), 0);
        assert_r(beam_client_new(s->ctx, &s->master), 0);
}

static void end(sides *s) {
        beam_follower_free(s->f);
        beam_client_free(s->master);
        beam_context_server_free(s->server);
        beam_context_free(s->ctx);
}

static void follow(sides *s, const beam_follow_options *opt) {
        s->f = beam_follower_free(s->f);
        assert_r(beam_follow(s->url, opt, &s->f, test_deadline()), 0);
}

/* The next change, as its database and words. */
static const char *next(sides *s) {
        static char text[256];
        beam_change change;
        size_t n;

        assert_r(beam_follower_next(s->f, &change, test_deadline()), 0);
        snprintf(s->position, sizeof(s->position), "%s", change.position ? change.position : "");
        if (change.kind != BEAM_CHANGE_COMMAND)
                return change.kind == BEAM_CHANGE_GAP ? "gap" : "whole";
        n = (size_t)snprintf(text, sizeof(text), "%d", change.db);
        for (size_t i = 0; i < change.argc; i++)
                n += (size_t)snprintf(text + n, sizeof(text) - n, " %.*s", (int)change.argv[i].n,
                                      change.argv[i].data);
        return text;
}

static void assert_nothing(sides *s) {
        beam_change change;

        assert_r(beam_follower_next(s->f, &change, beam_after(BEAM_SECOND / 100)), -ETIMEDOUT);
}

TEST(all_and_then_each_change) {
        sides s;

        begin(&s);
        say(s.master, "set a 1");
        say(s.master, "select 3");
        say(s.master, "rpush list x y");
        follow(&s, NULL);
        assert_str(next(&s), "gap");
        assert_str(next(&s), "0 SET a 1");
        assert_str(s.position, "");
        assert_str(next(&s), "3 RPUSH list x y");
        assert_str(next(&s), "whole");
        assert_ne(s.position[0], '\0');
        assert_nothing(&s);
        assert_eq(beam_follower_is_linked(s.f), 1);
        say(s.master, "incr n");
        assert_str(next(&s), "3 incr n");
        assert_ne(s.position[0], '\0');
        say(s.master, "select 0");
        say(s.master, "del a");
        assert_str(next(&s), "0 del a");
        say(s.master, "get a");
        assert_nothing(&s);
        end(&s);
}

/* What is small is put into the stream together, up to some hundred bytes. */
TEST(changes_of_all_sizes) {
        char value[1200];
        sides s;

        begin(&s);
        memset(value, 'v', sizeof(value));
        follow(&s, NULL);
        assert_str(next(&s), "gap");
        assert_str(next(&s), "whole");
        for (size_t n = 0; n < sizeof(value); n++) {
                beam_arg argv[] = {
                        { "mset", 4 }, { "a", 1 }, { value, n }, { "b", 1 }, { "", 0 }
                };
                beam_result result;
                beam_change change;

                assert_r(beam_client_exec(s.master, argv, n_of(argv), &result, test_deadline()), 0);
                assert_r(beam_follower_next(s.f, &change, test_deadline()), 0);
                assert_eq(change.argc, n_of(argv));
                for (size_t i = 0; i < n_of(argv); i++) {
                        assert_eq(change.argv[i].n, argv[i].n);
                        assert_true(memcmp(change.argv[i].data, argv[i].data, argv[i].n) == 0);
                }
        }
        end(&s);
}

TEST(transactions_are_whole) {
        sides s;

        begin(&s);
        follow(&s, NULL);
        assert_str(next(&s), "gap");
        assert_str(next(&s), "whole");
        say(s.master, "multi");
        say(s.master, "set a 1");
        say(s.master, "set b 2");
        say(s.master, "exec");
        assert_str(next(&s), "0 MULTI");
        assert_str(s.position, "");
        assert_str(next(&s), "0 set a 1");
        assert_str(s.position, "");
        assert_str(next(&s), "0 set b 2");
        assert_str(next(&s), "0 EXEC");
        assert_ne(s.position[0], '\0');
        end(&s);
}

TEST(goes_on_at_a_position) {
        sides s;

        begin(&s);
        follow(&s, NULL);
        assert_str(next(&s), "gap");
        assert_str(next(&s), "whole");
        say(s.master, "select 2");
        say(s.master, "set a 1");
        assert_str(next(&s), "2 set a 1");
        s.f = beam_follower_free(s.f);
        say(s.master, "set a 2");
        follow(&s, &(beam_follow_options){ .size = sizeof(beam_follow_options),
                                           .position = s.position });
        assert_str(next(&s), "2 set a 2");
        /* and where there is no such stream, from the beginning */
        follow(&s, &(beam_follow_options){ .size = sizeof(beam_follow_options),
                                           .position = "0123456789:5:0" });
        assert_str(next(&s), "gap");
        assert_str(next(&s), "2 SET a 2");
        assert_str(next(&s), "whole");
        end(&s);
}

TEST(cuts) {
        beam_change change;
        sides s;

        begin(&s);
        follow(&s, NULL);
        assert_str(next(&s), "gap");
        assert_str(next(&s), "whole");
        for (int i = 0; i < 2; i++) {
                say(s.master, "client kill type replica");
                say(s.master, "incr n");
                assert_str(next(&s), "0 incr n");
        }
        /* without a server there is nothing to be told, and what was missed comes later */
        s.server = beam_context_server_free(s.server);
        say(s.master, "incr n");
        assert_r(beam_follower_next(s.f, &change, beam_after(BEAM_SECOND / 100)), -ETIMEDOUT);
        assert_eq(beam_follower_is_linked(s.f), 0);
        assert_r(beam_context_serve(s.ctx, s.url, &s.server), 0);
        assert_str(next(&s), "0 incr n");
        assert_eq(beam_follower_is_linked(s.f), 1);
        end(&s);
}

TEST(some_prefixes) {
        static const char *const prefixes[] = { "a:", "b:", NULL };
        sides s;

        begin(&s);
        say(s.master, "mset a:1 1 c:1 1");
        follow(&s,
               &(beam_follow_options){ .size = sizeof(beam_follow_options), .prefixes = prefixes });
        assert_str(next(&s), "gap");
        assert_str(next(&s), "0 SET a:1 1");
        assert_str(next(&s), "whole");
        say(s.master, "set c:2 1");
        say(s.master, "set b:2 1");
        assert_str(next(&s), "0 set b:2 1");
        say(s.master, "multi");
        say(s.master, "set c:2 2");
        say(s.master, "exec");
        assert_nothing(&s);
        /* nobody who has no c:1 can do that */
        say(s.master, "rename c:1 a:1");
        assert_str(next(&s), "gap");
        say(s.master, "set a:3 1");
        for (const char *told = ""; strcmp(told, "0 set a:3 1"); told = next(&s))
                assert_ne(*told, 'g');
        end(&s);
}

TEST(a_password) {
        beam_follow_options opt = { .size = sizeof(opt), .password = "secret" };
        beam_follower *f;
        sides s;

        begin(&s);
        say(s.master, "config set requirepass secret");
        assert_r(beam_follow(s.url, NULL, &f, test_deadline()), -EACCES);
        opt.password = "wrong";
        assert_r(beam_follow(s.url, &opt, &f, test_deadline()), -EACCES);
        opt.password = "secret";
        follow(&s, &opt);
        opt.user = "default";
        follow(&s, &opt);
        assert_str(next(&s), "gap");
        end(&s);
}

TEST(misuse) {
        static const char *const positions[] = {
                "",
                ":",
                "a",
                "a:1",
                "a:1:",
                ":1:1",
                "a:-1:0",
                "a:1:-1",
                "a:1:1x",
                "a:x:1",
                "a:9223372036854775807:0",
                "a:1:2147483648",
                "01234567890123456789012345678901234567890:1:1",
        };
        beam_follow_options opt = { .size = sizeof(opt) };
        beam_follower *f;
        sides s;

        begin(&s);
        for (size_t i = 0; i < n_of(positions); i++) {
                opt.position = positions[i];
                assert_r(beam_follow(s.url, &opt, &f, test_deadline()), -EINVAL);
        }
        opt = (beam_follow_options){ .size = sizeof(opt) - 1 };
        assert_r(beam_follow(s.url, &opt, &f, test_deadline()), -EINVAL);
        assert_r(beam_follow("what", NULL, &f, test_deadline()), -EINVAL);
        assert_r(beam_follow(test_url("unix:{dir}/nobody"), NULL, &f, test_deadline()), -ENOENT);
        assert_null(beam_follower_free(NULL));
        end(&s);
}

/* Whoever connects to @path is told @said. */
static void serve_text(void *arg) {
        const char **words = arg;
        int fd = atoi(words[0]), peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        char byte;

        test_write(peer, words[1], strlen(words[1]));
        while (read(peer, &byte, 1) > 0)
                continue;
        close(peer);
        close(fd);
}

TEST(who_is_no_master) {
        static const struct {
                const char *said;
                int r;
        } cases[] = {
                { "SSH-2.0-OpenSSH_9.2p1\r\n", -EPROTO },
                { "+PONG\r\n+OK\r\n:1\r\n", -EPROTO },
                { "+PONG\r\n+OK\r\n-LOADING not now\r\n", -ECONNREFUSED },
                { "-NOAUTH Authentication required.\r\n", -EACCES },
        };
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        beam_follower *f;

        snprintf(at.sun_path, sizeof(at.sun_path), "%s", test_path("s"));
        for (size_t i = 0; i < n_of(cases); i++) {
                int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                char number[16];
                const char *words[] = { number, cases[i].said };
                pid_t pid;

                assert_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
                assert_eq(listen(fd, 1), 0);
                snprintf(number, sizeof(number), "%d", fd);
                pid = test_fork(serve_text, words);
                assert_r(beam_follow(test_url("unix:{dir}/s"), NULL, &f, test_deadline()),
                         cases[i].r);
                assert_eq(test_wait(pid), 0);
                close(fd);
                unlink(at.sun_path);
        }
}

static void use_in_child(void *arg) {
        beam_follower *f = arg;
        beam_change change;

        assert_r(beam_follower_next(f, &change, BEAM_NOW), -ECHILD);
        beam_follower_free(f);
}

TEST(after_a_fork) {
        sides s;

        begin(&s);
        follow(&s, NULL);
        assert_eq(test_wait(test_fork(use_in_child, s.f)), 0);
        assert_str(next(&s), "gap");
        end(&s);
}
