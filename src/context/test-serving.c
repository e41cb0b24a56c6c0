/* SPDX-License-Identifier: Apache-2.0 */
/* Which context a connection gets, and over what. */
#include <beam/context.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

/* Words separated by blanks; an error or a text as it is, a number as text. */
static const char *ask(beam_client *c, const char *line) {
        static char text[256];
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
        if (result.kind == BEAM_RESULT_NULL)
                return "nothing";
        if (result.kind == BEAM_RESULT_INTEGER)
                snprintf(text, sizeof(text), "%jd", (intmax_t)result.integer);
        else
                snprintf(text, sizeof(text), "%.*s", (int)result.n, result.data);
        return text;
}

/* A client of @s by a pair made here. */
static beam_client *connect_to(beam_context_server *s) {
        beam_client *c;
        char url[32];
        int fds[2];

        assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_r(beam_context_server_take(s, fds[0]), 0);
        snprintf(url, sizeof(url), "fd:%d", fds[1]);
        assert_r(beam_client_dial(url, &c, BEAM_FOREVER), 0);
        return c;
}

static int begin_with_name(void *data, beam_context *ctx, const char *name) {
        beam_client *c;
        beam_result result;
        beam_arg argv[] = { BEAM_ARG("SET"), BEAM_ARG("name"), { name, strlen(name) } };

        ++*(int *)data;
        if (strcmp(name, "nobody") == 0)
                return -EPERM;
        assert_r(beam_client_new(ctx, &c), 0);
        assert_r(beam_client_exec(c, argv, 3, &result, BEAM_FOREVER), 0);
        beam_client_free(c);
        return 0;
}

TEST(one_for_all) {
        beam_context_server *s;
        beam_context *ctx;
        beam_client *a, *b, *here;

        assert_r(beam_context_new(&ctx), 0);
        assert_r(beam_context_serve(ctx, NULL, &s), 0);
        assert_str(beam_context_server_url(s), "");
        a = connect_to(s);
        b = connect_to(s);
        assert_r(beam_client_new(ctx, &here), 0);
        assert_str(ask(a, "set k v"), "OK");
        assert_str(ask(b, "get k"), "v");
        assert_str(ask(here, "get k"), "v");
        assert_str(ask(a, "auth somebody x"),
                   "WRONGPASS invalid username-password pair or user is disabled.");
        beam_client_free(a);
        beam_client_free(b);
        beam_client_free(here);
        beam_context_server_free(s);
        beam_context_free(ctx);
}

TEST(one_for_each) {
        beam_context_server *s;
        beam_client *a, *b;
        int n_made = 0;

        assert_r(beam_context_serve_each(NULL, begin_with_name, &n_made, &s), 0);
        a = connect_to(s);
        b = connect_to(s);
        assert_str(ask(a, "set k v"), "OK");
        assert_str(ask(b, "get k"), "nothing");
        assert_str(ask(b, "get name"), "");
        assert_eq(n_made, 2);
        beam_client_free(a);
        beam_client_free(b);
        a = connect_to(s);
        assert_str(ask(a, "get k"), "nothing");
        beam_context_server_free(s);
        beam_client_free(a);
}

TEST(by_name) {
        beam_context_server *s;
        beam_client *a, *b;
        int n_made = 0;

        assert_r(beam_context_serve_named(NULL, begin_with_name, &n_made, &s), 0);
        a = connect_to(s);
        b = connect_to(s);
        assert_str(ask(a, "set k v"), "OK");
        assert_str(ask(b, "get k"), "v");
        assert_str(ask(a, "auth ada x"), "OK");
        assert_str(ask(a, "get name"), "ada");
        assert_str(ask(a, "get k"), "nothing");
        assert_str(ask(a, "set k of-ada"), "OK");
        ask(b, "hello 3 auth ada x setname bob");
        assert_str(ask(b, "get k"), "of-ada");
        assert_str(ask(b, "client getname"), "bob");
        assert_str(ask(b, "auth default x"), "OK");
        assert_str(ask(b, "get k"), "of-ada");
        assert_str(ask(a, "auth nobody x"),
                   "WRONGPASS invalid username-password pair or user is disabled.");
        assert_str(ask(a, "get name"), "ada");
        assert_eq(n_made, 3);
        beam_client_free(a);
        beam_client_free(b);
        a = connect_to(s);
        assert_str(ask(a, "auth ada x"), "OK");
        assert_str(ask(a, "get k"), "of-ada");
        beam_client_free(a);
        beam_context_server_free(s);
}

TEST(over_streams) {
        beam_listener *l;
        beam_session *near, *far;
        beam_stream *st, *other;
        beam_context_server *s;
        beam_context *ctx;
        beam_client *a, *b;
        beam_msg *open;

        assert_r(beam_context_new(&ctx), 0);
        assert_r(beam_context_serve(ctx, NULL, &s), 0);

        assert_r(beam_stream_pair(&st, &other), 0);
        assert_r(beam_context_server_take_stream(s, other), 0);
        assert_r(beam_client_take_stream(st, &a), 0);
        assert_str(ask(a, "set k v"), "OK");

        assert_r(beam_listen("mem:serving", NULL, &l), 0);
        assert_r(beam_dial("mem:serving", NULL, &near, BEAM_FOREVER), 0);
        assert_r(beam_accept(l, &far, BEAM_FOREVER), 0);
        assert_r(beam_session_open_stream(near, "state", &st, BEAM_FOREVER), 0);
        assert_r(beam_session_accept(far, &open, BEAM_FOREVER), 1);
        assert_r(beam_context_server_take_stream(s, beam_msg_take_stream(open, 0)), 0);
        beam_msg_free(open);
        assert_r(beam_client_take_stream(st, &b), 0);
        assert_str(ask(b, "get k"), "v");
        assert_str(ask(b, "incr n"), "1");

        beam_client_free(b);
        beam_client_free(a);
        assert_r(beam_session_drain(near, BEAM_FOREVER), 0);
        beam_session_close(near);
        beam_session_close(far);
        beam_listener_close(l);
        beam_context_server_free(s);
        beam_context_free(ctx);
}

static int option_of(int fd, int level, int name) {
        socklen_t n = sizeof(int);
        int value;

        assert_eq(getsockopt(fd, level, name, &value, &n), 0);
        return value;
}

/* Both ends of a connection over TCP. */
static void connect_tcp(int fds[2]) {
        struct sockaddr_in at = { .sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t n = sizeof(at);
        int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_eq(bind(l, (struct sockaddr *)&at, sizeof(at)), 0);
        assert_eq(listen(l, 1), 0);
        assert_eq(getsockname(l, (struct sockaddr *)&at, &n), 0);
        fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_eq(connect(fds[1], (struct sockaddr *)&at, sizeof(at)), 0);
        fds[0] = accept4(l, NULL, NULL, SOCK_CLOEXEC);
        assert_ge(fds[0], 0);
        close(l);
}

TEST(silent_peers_are_asked) {
        beam_context_server *s;
        beam_context *ctx;
        beam_client *here;
        int fds[2];

        assert_r(beam_context_new(&ctx), 0);
        assert_r(beam_context_serve(ctx, NULL, &s), 0);
        assert_r(beam_client_new(ctx, &here), 0);
        connect_tcp(fds);
        assert_r(beam_context_server_take(s, fds[0]), 0);
        assert_eq(option_of(fds[0], IPPROTO_TCP, TCP_KEEPIDLE), 300);
        assert_eq(option_of(fds[0], IPPROTO_TCP, TCP_KEEPINTVL), 100);
        close(fds[1]);
        assert_str(ask(here, "config set tcp-keepalive 0"), "OK");
        connect_tcp(fds);
        assert_r(beam_context_server_take(s, fds[0]), 0);
        assert_eq(option_of(fds[0], SOL_SOCKET, SO_KEEPALIVE), 0);
        close(fds[1]);
        beam_context_server_free(s);
        beam_client_free(here);
        beam_context_free(ctx);
}

TEST(one_too_many) {
        beam_context_server *s;
        beam_context *ctx;
        beam_client *a, *here;
        char said[64] = "";
        int fds[2];

        assert_r(beam_context_new(&ctx), 0);
        assert_r(beam_context_serve(ctx, NULL, &s), 0);
        assert_r(beam_client_new(ctx, &here), 0);
        assert_str(ask(here, "config set maxclients 1"), "OK"); /* beside our own */
        a = connect_to(s);
        assert_str(ask(a, "ping"), "PONG");
        assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_r(beam_context_server_take(s, fds[0]), -ECONNREFUSED);
        assert_gt(read(fds[1], said, sizeof(said) - 1), 0);
        assert_str(said, "-ERR max number of clients reached\r\n");
        close(fds[0]);
        close(fds[1]);
        assert_str(ask(a, "ping"), "PONG");
        beam_client_free(a);
        beam_client_free(here);
        beam_context_server_free(s);
        beam_context_free(ctx);
}

/* A session is one client, and each of its streams is one more. */
TEST(one_session_too_many) {
        beam_context_server *s;
        beam_context *ctx;
        beam_session *near, *other;
        beam_client *here;
        beam_receiver *opens;
        beam_msg *none;

        assert_r(beam_context_new(&ctx), 0);
        assert_r(beam_context_serve(ctx, "mem:full", &s), 0);
        assert_r(beam_client_new(ctx, &here), 0);
        assert_r(beam_dial("mem:full", NULL, &near, BEAM_FOREVER), 0);
        assert_str(ask(here, "config set maxclients 1"), "OK");
        assert_r(beam_dial("mem:full", NULL, &other, BEAM_FOREVER), 0);
        opens = beam_session_opens(other);
        assert_lt(beam_recv(opens, &none, BEAM_FOREVER), 1);
        beam_session_close(other);
        beam_session_close(near);
        beam_client_free(here);
        beam_context_server_free(s);
        beam_context_free(ctx);
}

/* Of a large database the keys of requests that follow are fetched ahead: whatever those are,
 * they are answered as one by one. */
TEST(many_in_a_row) {
        enum { KEYS = 20000, ROUNDS = 100 };
        beam_context_server *s;
        beam_context *ctx;
        beam_client *a, *here;
        char line[64], wire[ROUNDS * 160], want[ROUNDS * 64], said[ROUNDS * 64];
        size_t n_wire = 0, n_want = 0, n_said = 0;
        int fds[2];

        assert_r(beam_context_new(&ctx), 0);
        assert_r(beam_context_serve(ctx, NULL, &s), 0);
        assert_r(beam_client_new(ctx, &here), 0);
        for (int i = 0; i < KEYS; i++) {
                snprintf(line, sizeof(line), "set key:%05d %05d", i, i);
                assert_str(ask(here, line), "OK");
        }
        a = connect_to(s);
        assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_r(beam_context_server_take(s, fds[0]), 0);
        for (int i = 0; i < ROUNDS; i++) {
                int at = i * 7919 % KEYS;

                n_wire += (size_t)sprintf(wire + n_wire,
                                          "*2\r\n$3\r\nGET\r\n$9\r\nkey:%05d\r\n"
                                          "*2\r\n$3\r\nGET\r\n$9\r\nnot:%05d\r\n"
                                          "*1\r\n$4\r\nPING\r\nGET key:%05d\r\n"
                                          "*2\r\n$3\r\nDEL\r\n$9\r\nkey:%05d\r\n",
                                          at, at, at, at);
                n_want += (size_t)sprintf(want + n_want,
                                          "$5\r\n%05d\r\n$-1\r\n+PONG\r\n$5\r\n%05d\r\n:1\r\n", at,
                                          at);
        }
        assert_eq(write(fds[1], wire, n_wire), (ssize_t)n_wire);
        while (n_said < n_want) {
                ssize_t n = recv(fds[1], said + n_said, sizeof(said) - n_said, MSG_DONTWAIT);

                if (n > 0)
                        n_said += (size_t)n;
                assert_str(ask(a, "ping"), "PONG");
        }
        assert_mem(said, n_said, want, n_want);
        close(fds[1]);
        beam_client_free(a);
        beam_client_free(here);
        beam_context_server_free(s);
        beam_context_free(ctx);
}

static void on_shutdown(void *data) {
        ++*(int *)data;
        beam_loop_stop();
}

TEST(a_client_ends_the_program) {
        beam_context *ctx;
        beam_client *here;
        int n = 0;

        assert_r(beam_context_new(&ctx), 0);
        assert_r(beam_client_new(ctx, &here), 0);
        assert_str(ask(here, "shutdown nosave"), "ERR Errors trying to SHUTDOWN. Check logs.");
        beam_context_on_shutdown(ctx, on_shutdown, &n);
        assert_str(ask(here, "shutdown nosave"), "OK");
        assert_eq(n, 0);
        assert_r(beam_loop_run(beam_after(30 * BEAM_SECOND)), 0);
        assert_eq(n, 1);
        beam_client_free(here);
        beam_context_free(ctx);
}

/* A stream of @service that @s has opened, asked once; "" when it was refused, why in *ret. */
static const char *ask_over(beam_session *s, const char *service, const char *line,
                            beam_reason *ret) {
        static char answer[256];
        int64_t deadline = beam_after(30 * BEAM_SECOND);
        beam_stream *st;
        ssize_t n;

        assert_r(beam_session_open_stream(s, service, &st, deadline), 0);
        assert_gt(beam_stream_write(st, line, strlen(line), deadline), 0);
        n = beam_stream_read(st, answer, sizeof(answer) - 1, deadline);
        answer[n > 0 ? n : 0] = '\0';
        if (n <= 0)
                assert_r(beam_stream_reason(st, ret), 1);
        beam_stream_close(st);
        return answer;
}

/* Mux and RESP at one address. */
static void sessions_at(const char *url) {
        beam_context_server *s;
        beam_session *near;
        beam_receiver *rx;
        beam_context *ctx;
        beam_reason why;
        beam_client *c;
        beam_msg *msg;

        assert_r(beam_context_new(&ctx), 0);
        assert_r(beam_context_serve(ctx, url, &s), 0);
        assert_r(beam_client_dial(beam_context_server_url(s), &c, BEAM_FOREVER), 0);
        assert_str(ask(c, "set k v"), "OK");
        assert_r(beam_dial(beam_context_server_url(s), NULL, &near, BEAM_FOREVER), 0);

        assert_str(ask_over(near, "context", "get k\r\n", &why), "$1\r\nv\r\n");
        assert_str(ask_over(near, NULL, "get k\r\n", &why), "$1\r\nv\r\n");
        assert_str(ask_over(near, "clock", "get k\r\n", &why), "");
        assert_eq(why.code, BEAM_CODE_NO_SERVICE);
        /* what is no stream has nobody */
        assert_r(beam_session_open_receiver(near, "context", 1, &rx, BEAM_FOREVER), 0);
        assert_r(beam_recv(rx, &msg, beam_after(30 * BEAM_SECOND)), -EPIPE);
        beam_receiver_close(rx);

        /* but for what was refused */
        assert_r(beam_session_drain(near, beam_after(30 * BEAM_SECOND)), -EPIPE);
        beam_session_close(near);
        assert_str(ask(c, "get k"), "v");
        beam_client_free(c);
        beam_context_server_free(s);
        beam_context_free(ctx);
}

TEST(sessions_over_tcp) {
        sessions_at("tcp://127.0.0.1:0");
}

TEST(sessions_over_unix) {
        sessions_at("unix:@beam-test-sessions");
}

TEST(sessions_in_memory) {
        sessions_at("mem:context");
}

/* The server goes while a session is there, with a connection on it and a command that waits. */
TEST(sessions_end_with_the_server) {
        beam_context_server *s;
        beam_session *near;
        beam_stream *st;
        beam_context *ctx;
        char some[8];

        assert_r(beam_context_new(&ctx), 0);
        assert_r(beam_context_serve(ctx, "unix:@beam-test-sessions", &s), 0);
        assert_r(beam_dial("unix:@beam-test-sessions", NULL, &near, BEAM_FOREVER), 0);
        assert_r(beam_session_open_stream(near, "context", &st, BEAM_FOREVER), 0);
        assert_gt(beam_stream_write(st, "PING\r\n", 6, BEAM_FOREVER), 0);
        assert_eq(beam_stream_read(st, some, sizeof(some), beam_after(30 * BEAM_SECOND)), 7);
        assert_gt(beam_stream_write(st, "BLPOP k 0\r\n", 11, BEAM_FOREVER), 0);
        beam_context_server_free(s);
        assert_lt(beam_stream_read(st, some, sizeof(some), beam_after(30 * BEAM_SECOND)), 0);
        beam_stream_close(st);
        beam_session_close(near);
        beam_context_free(ctx);
}
