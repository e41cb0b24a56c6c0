/* SPDX-License-Identifier: Apache-2.0 */
#include "out.h"

#include "test.h"

#include <errno.h>

#include "base/mem.h"

#define assert_out(o, text) assert_mem((o)->p, (o)->n, text, sizeof(text) - 1)

static http1_message get(void) {
        return (http1_message){ .method = BYTES("GET"), .target = BYTES("/") };
}

static http1_message ok(void) {
        return (http1_message){ .status = 200, .reason = BYTES("OK") };
}

TEST(requests) {
        const http1_field host = { BYTES("Host"), BYTES("a") };
        http1_message m = get();
        http1_out o;

        http1_out_init(&o);
        m.fields = &host;
        m.n_fields = 1;
        assert_r(http1_out_head(&o, &m), 0);
        assert_r(http1_out_end(&o, NULL, 0), 0);
        assert_out(&o, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");

        http1_out_sent(&o, 4);
        assert_out(&o, "/ HTTP/1.1\r\nHost: a\r\n\r\n");
        http1_out_sent(&o, o.n);
        assert_eq(o.n, 0);

        m.upgrade = BYTES("websocket");
        assert_r(http1_out_head(&o, &m), 0);
        assert_out(&o, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
                       "Upgrade: websocket\r\n\r\n");
        http1_out_deinit(&o);
        http1_out_deinit(&o);
}

TEST(a_body_of_known_length) {
        http1_message m = ok();
        http1_out o;

        http1_out_init(&o);
        m.body = HTTP1_LENGTH;
        m.length = 5;
        assert_r(http1_out_head(&o, &m), 0);
        assert_r(http1_out_head(&o, &m), -EINVAL); /* one at a time */
        assert_r(http1_out_piece(&o, "hel", 3), 0);
        assert_r(http1_out_end(&o, NULL, 0), -EINVAL); /* there is more to come */
        assert_r(http1_out_piece(&o, "lo!", 3), -EINVAL);
        assert_r(http1_out_piece(&o, "lo", 2), 0);
        assert_r(http1_out_piece(&o, "", 0), 0);
        assert_r(http1_out_end(&o, NULL, 0), 0);
        m.length = 0;
        assert_r(http1_out_head(&o, &m), 0);
        assert_r(http1_out_piece(&o, "x", 1), -EINVAL);
        m.closes = true;
        assert_r(http1_out_head(&o, &m), 0); /* the one before had no more to say */
        assert_out(&o, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
                       "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
                       "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        http1_out_deinit(&o);
}

TEST(chunks) {
        const http1_field after = { BYTES("Digest"), BYTES("x") },
                          host = { BYTES("Host"), BYTES("") };
        char long_piece[300] = { 0 };
        http1_message m = ok();
        http1_out o;

        http1_out_init(&o);
        m.body = HTTP1_CHUNKED;
        assert_r(http1_out_head(&o, &m), 0);
        assert_r(http1_out_piece(&o, "hello", 5), 0);
        assert_r(http1_out_piece(&o, "", 0), 0); /* which would have been the end */
        assert_r(http1_out_end(&o, &host, 1), -EINVAL);
        assert_r(http1_out_end(&o, &after, 1), 0);
        assert_out(&o, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "5\r\nhello\r\n0\r\nDigest: x\r\n\r\n");
        http1_out_sent(&o, o.n);
        assert_r(http1_out_head(&o, &m), 0);
        http1_out_sent(&o, o.n);
        assert_r(http1_out_piece(&o, long_piece, 300), 0);
        assert_mem(o.p, 5, "12c\r\n", 5);
        http1_out_deinit(&o);
}

TEST(to_the_end) {
        http1_message m = ok();
        http1_out o;

        http1_out_init(&o);
        m.body = HTTP1_TO_END;
        assert_r(http1_out_head(&o, &m), 0);
        assert_r(http1_out_piece(&o, "all", 3), 0);
        assert_r(http1_out_end(&o, NULL, 0), 0);
        assert_out(&o, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall");
        http1_out_deinit(&o);
}

TEST(of_a_body_only_what_is_said) {
        http1_message m = ok();
        http1_out o;

        http1_out_init(&o);
        m.body = HTTP1_LENGTH;
        m.length = 100;
        m.head_only = true;
        assert_r(http1_out_head(&o, &m), 0);
        assert_r(http1_out_piece(&o, "x", 1), -EINVAL);
        m.status = 304;
        m.reason = (bytes){ 0 };
        assert_r(http1_out_head(&o, &m), 0);
        assert_out(&o, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
                       "HTTP/1.1 304 \r\nContent-Length: 100\r\n\r\n");
        http1_out_deinit(&o);
}

TEST(it_continues_and_then_it_is_done) {
        http1_message m = { .status = 100, .reason = BYTES("Continue") };
        http1_out o;

        http1_out_init(&o);
        assert_r(http1_out_head(&o, &m), 0);
        m = ok();
        m.body = HTTP1_LENGTH;
        assert_r(http1_out_head(&o, &m), 0);
        assert_out(&o, "HTTP/1.1 100 Continue\r\n\r\n"
                       "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        http1_out_deinit(&o);
}

/* Whatever a program has in its texts, it is one message, and ends where this says. */
TEST(refused) {
        static const bytes names[] = { BYTES(""),
                                       BYTES("a b"),
                                       BYTES("a:"),
                                       BYTES("a\r\n"),
                                       BYTES("Content-Length"),
                                       BYTES("transfer-encoding"),
                                       BYTES("CONNECTION"),
                                       BYTES("upgrade") };
        static const bytes values[] = { BYTES("a\r\nX: y"), BYTES("a\n"), BYTES("a\0"),
                                        BYTES("\x7f"),      BYTES(" a"),  BYTES("a\t") };
        static const bytes targets[] = { BYTES(""), BYTES("/ HTTP/1.1\r\n"), BYTES("/a b"),
                                         BYTES("/#"), BYTES("/\xff") };
        http1_out o;

        http1_out_init(&o);
        for (size_t i = 0; i < n_of(names) + n_of(values); i++) {
                http1_field f = { BYTES("X"), BYTES("y") };
                http1_message m = get();

                if (i < n_of(names))
                        f.name = names[i];
                else
                        f.value = values[i - n_of(names)];
                m.fields = &f;
                m.n_fields = 1;
                assert_r(http1_out_head(&o, &m), -EINVAL);
        }
        for (size_t i = 0; i < n_of(targets); i++) {
                http1_message m = get();

                m.target = targets[i];
                assert_r(http1_out_head(&o, &m), -EINVAL);
        }
        for (int i = 0; i < 10; i++) {
                http1_message m = i < 3 ? get() : ok();

                if (i == 0)
                        m.method = BYTES("GET /");
                if (i == 1)
                        m.body = HTTP1_TO_END; /* nobody would know that it is over */
                if (i == 2)
                        m.upgrade = BYTES("a,b");
                if (i == 3)
                        m.reason = BYTES("OK\r\n\r\n");
                if (i == 4)
                        m.status = 99;
                if (i == 5)
                        m.status = 600;
                if (i == 6)
                        m.status = 204, m.body = HTTP1_LENGTH;
                if (i == 7)
                        m.status = 100, m.body = HTTP1_CHUNKED;
                if (i == 8)
                        m.status = 304, m.body = HTTP1_CHUNKED;
                if (i == 9)
                        m.status = 101; /* to what? */
                assert_r(http1_out_head(&o, &m), -EINVAL);
        }
        assert_eq(o.n, 0);
        http1_out_deinit(&o);
}

TEST(no_memory) {
        http1_message m = ok();
        http1_out o;

        mem_watch(true);
        http1_out_init(&o);
        mem_fail_at(1);
        assert_r(http1_out_head(&o, &m), 0);
        assert_true(o.failed);
        assert_eq(o.n, 0);
        http1_out_deinit(&o);
        mem_watch(false);
}
