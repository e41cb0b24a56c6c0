/* SPDX-License-Identifier: Apache-2.0 */
/* Asking a context of this process, one that is served, and a Redis: all are alike. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "context/api.h"
#include "context/store.h"
#include "help.h"
#include "job/asker.h"
#include "loop/loop.h"
#include "redis.h"
#include "test.h"

static const char *const ways[] = { "here", "served", "redis", NULL };
static const char *const served[] = { "served", "redis", NULL };
static const char *const ours[] = { "here", "served", NULL };

/* A context, and how to reach it in each way. */
typedef struct place {
        beam_context *ctx;
        beam_context_server *server;
        test_redis redis;
        const char *way;
} place;

static place place_begin(const char *way) {
        place p = { .way = way };

        if (strcmp(way, "redis") == 0) {
                p.redis = test_redis_start("redis", NULL);
                return p;
        }
        assert_r(beam_context_new(&p.ctx), 0);
        if (strcmp(way, "served") == 0)
                assert_r(beam_context_serve(p.ctx, test_url("unix:{dir}/served"), &p.server), 0);
        return p;
}

static void place_end(place *p) {
        if (p->redis.pid)
                test_redis_stop(&p->redis);
        beam_context_server_free(p->server);
        beam_context_free(p->ctx);
}

static asker *place_ask(const place *p) {
        char text[URL_TEXT_MAX];
        asker *a;
        url u;

        if (strcmp(p->way, "here") == 0) {
                assert_r(asker_new(p->ctx->store, &a), 0);
                return a;
        }
        snprintf(text, sizeof(text), "unix:%s", p->redis.pid ? p->redis.path : "");
        assert_r(url_parse(p->redis.pid ? text : beam_context_server_url(p->server), &u), 0);
        assert_r(asker_open(&u, NULL, NULL, &a), 0);
        return a;
}

/* What was heard, in order: the values of each reply, and errors by name. */
typedef struct heard {
        char text[4096];
        int n, last;
        asker *to_free;
        asker *to_ask;
} heard;

static void on_answer(void *data, int r, resp_cursor reply) {
        heard *h = data;
        size_t n = strlen(h->text), size = sizeof(h->text);
        resp_value v;

        h->n++;
        h->last = r;
        if (r < 0)
                n += (size_t)snprintf(h->text + n, size - n, "%s ", strerrorname_np(-r));
        while (r == 0 && resp_cursor_next(&reply, &v)) {
                if (v.type == RESP_NULL)
                        n += (size_t)snprintf(h->text + n, size - n, "null ");
                else if (v.type == RESP_ARRAY)
                        n += (size_t)snprintf(h->text + n, size - n, "[%zu] ", v.n);
                else
                        n += (size_t)snprintf(h->text + n, size - n, "%.*s ",
                                              v.text.n < 100 ? (int)v.text.n : 100, v.text.p);
        }
        if (h->to_free)
                h->to_free = asker_free(h->to_free);
        if (h->to_ask) {
                asker *again = h->to_ask;

                h->to_ask = NULL;
                assert_r(asker_say(again, on_answer, h, BYTES("ECHO"), BYTES("again")), 0);
        }
}

static void wait_for(const heard *h, int n) {
        while (h->n < n) {
                assert_lt(clock_now(), test_deadline());
                loop_turn(loop_get(), test_deadline());
        }
        assert_eq(h->n, n);
}

TEST_EACH(in_order, way, ways) {
        place p = place_begin(way);
        asker *a = place_ask(&p);
        heard h = { 0 };

        assert_r(asker_say(a, on_answer, &h, BYTES("SET"), BYTES("k"), BYTES("a\0b")), 0);
        assert_r(asker_say(a, NULL, NULL, BYTES("RPUSH"), BYTES("l"), BYTES("1"), BYTES("2")), 0);
        assert_r(asker_say(a, on_answer, &h, BYTES("LRANGE"), BYTES("l"), BYTES("0"), BYTES("-1")),
                 0);
        assert_r(asker_say(a, on_answer, &h, BYTES("STRLEN"), BYTES("k")), 0);
        assert_r(asker_say(a, on_answer, &h, BYTES("GET"), BYTES("none")), 0);
        assert_r(asker_say(a, on_answer, &h, BYTES("GET"), BYTES("l")), 0);
        /* never from within the call that asks */
        assert_eq(h.n, 0);
        wait_for(&h, 5);
        assert_str(h.text, "OK [2] 1 2 3 null WRONGTYPE Operation against a key holding the wrong "
                           "kind of value ");
        asker_free(a);
        place_end(&p);
}

TEST_EACH(late_answers, way, ways) {
        place p = place_begin(way);
        asker *a = place_ask(&p), *b = place_ask(&p);
        heard ha = { 0 }, hb = { 0 };

        assert_r(asker_say(a, on_answer, &ha, BYTES("BLPOP"), BYTES("l"), BYTES("0")), 0);
        assert_r(asker_say(a, on_answer, &ha, BYTES("PING")), 0);
        assert_r(asker_say(b, on_answer, &hb, BYTES("PING")), 0);
        wait_for(&hb, 1);
        assert_eq(ha.n, 0);
        assert_r(asker_say(b, NULL, NULL, BYTES("RPUSH"), BYTES("l"), BYTES("x")), 0);
        wait_for(&ha, 2);
        assert_str(ha.text, "[2] l x PONG ");
        /* whose time is up */
        assert_r(asker_say(a, on_answer, &ha, BYTES("BLPOP"), BYTES("l"), BYTES("0.01")), 0);
        wait_for(&ha, 3);
        assert_str(ha.text, "[2] l x PONG null ");
        asker_free(a);
        asker_free(b);
        place_end(&p);
}

TEST_EACH(asks_from_an_answer, way, ways) {
        place p = place_begin(way);
        asker *a = place_ask(&p);
        heard h = { .to_ask = a };

        assert_r(asker_say(a, on_answer, &h, BYTES("ECHO"), BYTES("first")), 0);
        assert_r(asker_say(a, on_answer, &h, BYTES("ECHO"), BYTES("second")), 0);
        wait_for(&h, 3);
        assert_str(h.text, "first second again ");
        asker_free(a);
        place_end(&p);
}

TEST_EACH(freed_in_an_answer, way, ways) {
        place p = place_begin(way);
        asker *a = place_ask(&p), *b = place_ask(&p);
        heard h = { .to_free = a }, other = { 0 };

        for (int i = 0; i < 3; i++)
                assert_r(asker_say(a, on_answer, &h, BYTES("PING")), 0);
        wait_for(&h, 1);
        /* nobody has anything to say any more */
        assert_r(asker_say(b, on_answer, &other, BYTES("PING")), 0);
        wait_for(&other, 1);
        assert_eq(h.n, 1);
        asker_free(b);
        place_end(&p);
}

TEST_EACH(forgets, way, ways) {
        place p = place_begin(way);
        asker *a = place_ask(&p);
        heard gone = { 0 }, h = { 0 };

        for (int i = 0; i < 20; i++) {
                assert_r(asker_say(a, on_answer, &gone, BYTES("PING")), 0);
                assert_r(asker_say(a, on_answer, &h, BYTES("ECHO"), BYTES("x")), 0);
        }
        asker_forget(a, &gone);
        wait_for(&h, 20);
        assert_eq(gone.n, 0);
        asker_free(a);
        place_end(&p);
}

TEST_EACH(large_ones, way, ways) {
        enum { SIZE = 3 << 20, N = 8 };
        place p = place_begin(way);
        asker *a = place_ask(&p);
        char *large = mem_zero(SIZE);
        heard h = { 0 };

        memset(large, 'x', SIZE);
        for (int i = 0; i < N; i++) {
                assert_r(asker_say(a, on_answer, &h, BYTES("SET"), BYTES("k"),
                                   (bytes){ large, SIZE }),
                         0);
                assert_r(asker_say(a, NULL, NULL, BYTES("GET"), BYTES("k")), 0);
        }
        assert_gt(asker_unsent(a), (size_t)SIZE);
        assert_r(asker_say(a, on_answer, &h, BYTES("STRLEN"), BYTES("k")), 0);
        wait_for(&h, N + 1);
        assert_str(h.text, "OK OK OK OK OK OK OK OK 3145728 ");
        assert_eq(asker_unsent(a), 0u);
        mem_free(large);
        asker_free(a);
        place_end(&p);
}

/* It says so itself: what was asked before is still answered. */
TEST_EACH(quits, way, ways) {
        place p = place_begin(way);
        asker *a = place_ask(&p);
        heard h = { 0 };

        assert_r(asker_say(a, on_answer, &h, BYTES("PING")), 0);
        asker_tell_loss(a, on_answer, &h);
        assert_r(asker_say(a, on_answer, &h, BYTES("QUIT")), 0);
        assert_r(asker_say(a, on_answer, &h, BYTES("PING")), 0);
        assert_r(asker_say(a, on_answer, &h, BYTES("PING")), 0);
        wait_for(&h, 5);
        assert_str(h.text, "PONG OK ECONNRESET ECONNRESET ECONNRESET ");
        assert_r(asker_say(a, on_answer, &h, BYTES("PING")), -ENOTCONN);
        asker_free(a);
        place_end(&p);
}

TEST_EACH(lost, way, served) {
        place p = place_begin(way);
        asker *a = place_ask(&p), *b = place_ask(&p);
        heard h = { 0 }, other = { 0 };
        bytes kill[] = { BYTES("CLIENT"), BYTES("KILL"), BYTES("ID"), { 0 } };

        assert_r(asker_say(a, on_answer, &h, BYTES("CLIENT"), BYTES("ID")), 0);
        wait_for(&h, 1);
        h.text[strlen(h.text) - 1] = '\0';
        kill[3] = bytes_of(test_text(h.text, strlen(h.text)));
        h.text[0] = '\0';
        for (int i = 0; i < 3; i++)
                assert_r(asker_say(a, on_answer, &h, BYTES("BLPOP"), BYTES("l"), BYTES("0")), 0);
        loop_turn(loop_get(), 0);
        assert_r(asker_ask(b, on_answer, &other, kill, n_of(kill)), 0);
        wait_for(&other, 1);
        assert_str(other.text, "1 ");
        wait_for(&h, 4);
        assert_str(h.text, "ECONNRESET ECONNRESET ECONNRESET ");
        assert_r(asker_say(a, on_answer, &h, BYTES("PING")), -ENOTCONN);
        asker_free(a);
        asker_free(b);
        place_end(&p);
}

/* As long as somebody has it, and it has not been lost. */
TEST(is_shared) {
        place p = place_begin("served");
        heard h = { 0 };
        asker *a, *b, *c;
        url u;

        assert_r(url_parse(beam_context_server_url(p.server), &u), 0);
        assert_r(asker_share(&u, NULL, NULL, &a), 0);
        assert_r(asker_share(&u, NULL, NULL, &b), 0);
        assert_r(asker_share(&u, NULL, "other", &c), 0);
        assert_true(a == b);
        assert_true(a != c);
        asker_free(c);
        asker_free(a);
        assert_r(asker_say(b, on_answer, &h, BYTES("PING")), 0);
        wait_for(&h, 1);
        assert_r(asker_say(b, on_answer, &h, BYTES("QUIT")), 0);
        asker_tell_loss(b, on_answer, &h);
        wait_for(&h, 3);
        assert_str(h.text, "PONG OK ECONNRESET ");
        assert_r(asker_share(&u, NULL, NULL, &a), 0);
        assert_true(a != b);
        asker_free(b);
        asker_free(a);
        place_end(&p);
}

TEST(nobody_there) {
        heard h = { 0 };
        asker *a;
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
        socklen_t n = sizeof(sa);
        char text[URL_TEXT_MAX];
        url u;
        int fd, r;

        assert_r(url_parse(test_url("unix:{dir}/nobody"), &u), 0);
        assert_r(asker_open(&u, NULL, NULL, &a), -ENOENT);
        assert_r(url_parse("mem:nobody", &u), 0);
        assert_r(asker_open(&u, NULL, NULL, &a), -EINVAL);
        /* a port that is taken, and where nobody listens */
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_r(bind(fd, (struct sockaddr *)&sa, n), 0);
        assert_r(getsockname(fd, (struct sockaddr *)&sa, &n), 0);
        snprintf(text, sizeof(text), "tcp://127.0.0.1:%d", ntohs(sa.sin_port));
        assert_r(url_parse(text, &u), 0);
        r = asker_open(&u, NULL, NULL, &a);
        if (r == 0) {
                asker_say(a, on_answer, &h, BYTES("PING"));
                wait_for(&h, 1);
                asker_free(a);
                r = h.last;
        }
        assert_r(r, -ECONNREFUSED);
        close(fd);
}

/* What a peer says that is no Redis, or that says more than it was asked. */
TEST(nonsense) {
        static const char *const said[] = { "HTTP/1.1 200 OK\r\n", "+OK\r\n+OK\r\n+OK\r\n" };

        for (size_t i = 0; i < n_of(said); i++) {
                heard h = { 0 };
                char text[32];
                asker *a;
                int fds[2];
                url u;

                assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
                snprintf(text, sizeof(text), "fd:%d", fds[1]);
                assert_r(url_parse(text, &u), 0);
                assert_r(asker_open(&u, NULL, NULL, &a), 0);
                assert_r(asker_say(a, on_answer, &h, BYTES("PING")), 0);
                test_write(fds[0], said[i], strlen(said[i]));
                wait_for(&h, 1);
                loop_turn(loop_get(), 0);
                while (asker_say(a, on_answer, &h, BYTES("PING")) == 0)
                        loop_turn(loop_get(), test_deadline());
                assert_eq(h.last, i == 0 ? -EPROTO : h.last);
                asker_free(a);
                close(fds[0]);
        }
}

TEST(password) {
        test_redis redis =
                test_redis_start("redis", (const char *const[]){ "--requirepass", "open", NULL });
        const char *const users[] = { NULL, "default", NULL, NULL }, *const passwords[] = {
                "open", "open", "shut", NULL
        };
        char text[URL_TEXT_MAX];
        url u;

        snprintf(text, sizeof(text), "unix:%s", redis.path);
        assert_r(url_parse(text, &u), 0);
        for (size_t i = 0; i < n_of(users); i++) {
                heard h = { 0 };
                asker *a;

                assert_r(asker_open(&u, users[i], passwords[i], &a), 0);
                asker_say(a, on_answer, &h, BYTES("PING"));
                asker_say(a, on_answer, &h, BYTES("PING"));
                wait_for(&h, 2);
                assert_str(h.text, i < 2    ? "PONG PONG "
                                   : i == 2 ? "EACCES EACCES "
                                            : "NOAUTH Authentication required. NOAUTH "
                                              "Authentication required. ");
                asker_free(a);
        }
        test_redis_stop(&redis);
}

/* Each allocation fails once: whatever was asked is answered, or told that it will not be. */
static void talk(const place *p, uint64_t nth) {
        heard h = { 0 };
        int n_asked = 0;
        asker *a = NULL;
        url u;

        if (p->server)
                assert_r(url_parse(beam_context_server_url(p->server), &u), 0);
        mem_fail_at(nth);
        if ((p->server ? asker_open(&u, NULL, NULL, &a) : asker_new(p->ctx->store, &a)) == 0) {
                for (int i = 0; i < 40; i++)
                        n_asked += asker_say(a, on_answer, &h, BYTES("ECHO"), BYTES("x")) == 0;
                wait_for(&h, n_asked);
        }
        asker_free(a);
}

TEST_EACH(no_memory, way, ours) {
        place p = place_begin(way);
        uint64_t nth = 1;

        loop_get();
        do
                talk(&p, nth++);
        while (mem_has_failed());
        mem_fail_at(0);
        assert_gt(nth, 5u);
        place_end(&p);
}
