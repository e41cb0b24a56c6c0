/* SPDX-License-Identifier: Apache-2.0 */

/*
 * WebSockets: what a stranger hears at the door, and what we make of a strange server
 */

#include <beam/beam.h>

#include "help.h"
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcp.h"
#include "url.h"
#include "wire/mux/mux.h"
#include "wire/ws/in.h"
#include "wire/ws/key.h"
#include "wire/ws/mask.h"
#include "wire/ws/out.h"

#define ASK "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define HERE "Host: localhost:1\r\n"
#define GOOD "GET / HTTP/1.1\r\n" HERE ASK VERSION KEY "\r\n"

static int connect_to(const char *text) {
        tcp_addr a[TCP_LOCAL_ADDRS];
        url u;
        int fd;

        assert_r(url_parse(text, &u), 0);
        assert_ge(tcp_addrs_known(u.name, u.port, a), 1);
        fd = (int)assert_ok(socket(a[0].any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        assert_eq(connect(fd, &a[0].any, a[0].n), 0);
        return fd;
}

/* Until there is something to read from @fd, with the listener's loop going on. */
static void wait_for(int fd) {
        struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .events = beam_loop_events() } };

        while (!p[0].revents) {
                int64_t left = beam_loop_wake();

                if (left != BEAM_FOREVER)
                        left -= beam_now();
                p[1].fd = beam_loop_fd();
                assert_ge(poll(p, 2, left <= 0 ? 0 : left < BEAM_SECOND ? 10 : 1000), 0);
                beam_loop_dispatch();
        }
}

/* All that comes up to the end of a head, or of everything. */
static void read_head(int fd, char *buf, size_t size) {
        size_t n = 0;
        ssize_t got = 1;

        for (; got > 0 && n + 1 < size; n += (size_t)(got > 0 ? got : 0)) {
                wait_for(fd);
                got = recv(fd, buf + n, 1, 0);
                buf[n + (got > 0)] = 0;
                if (got > 0 && n >= 3 && !strcmp(buf + n - 3, "\r\n\r\n"))
                        break;
        }
}

static beam_listener *listen_here(const char *at) {
        beam_listener *l;

        assert_r(beam_listen(at, NULL, &l), 0);
        return l;
}

/* the side that listens: handshakes */

TEST(handshakes) {
        static const struct {
                const char *request, *starts, *has; /* of the response */
        } cases[] = {
                { GOOD, "HTTP/1.1 101 ", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" },
                { "GET /?x=y HTTP/1.1\r\n" HERE "upgrade: h2c, WebSocket\r\n"
                  "connection: keep-alive, upgrade\r\n" VERSION KEY "\r\n",
                  "HTTP/1.1 101 ", "Upgrade: websocket\r\n" },
                { "GET / HTTP/1.1\r\n" HERE ASK VERSION KEY
                  "Sec-WebSocket-Protocol: x, beam\r\n\r\n",
                  "HTTP/1.1 101 ", "Sec-WebSocket-Protocol: beam\r\n" },
                { "GET / HTTP/1.1\r\n" HERE ASK VERSION KEY "Origin: http://localhost:1\r\n\r\n",
                  "HTTP/1.1 101 ", "" },

                { "GET /x HTTP/1.1\r\n" HERE ASK VERSION KEY "\r\n", "HTTP/1.1 404 ", "" },
                { "HEAD / HTTP/1.1\r\n" HERE ASK VERSION KEY "\r\n", "HTTP/1.1 405 ",
                  "Allow: GET\r\n" },
                { "GET / HTTP/1.1\r\n" HERE ASK VERSION KEY "Content-Length: 1\r\n\r\n",
                  "HTTP/1.1 405 ", "" },
                { "GET / HTTP/1.1\r\n" HERE "\r\n", "HTTP/1.1 426 ", "Upgrade: websocket\r\n" },
                { "GET / HTTP/1.1\r\n" HERE "Upgrade: h2c\r\nConnection: Upgrade\r\n" VERSION KEY
                  "\r\n",
                  "HTTP/1.1 426 ", "" },
                { "GET / HTTP/1.0\r\n" HERE ASK VERSION KEY "\r\n", "HTTP/1.1 426 ", "" },
                { "GET / HTTP/1.1\r\n" HERE ASK "Sec-WebSocket-Version: 8\r\n" KEY "\r\n",
                  "HTTP/1.1 426 ", "Sec-WebSocket-Version: 13\r\n" },
                { "GET / HTTP/1.1\r\n" HERE ASK KEY "\r\n", "HTTP/1.1 426 ", "" },
                { "GET / HTTP/1.1\r\n" HERE ASK VERSION "\r\n", "HTTP/1.1 400 ", "" },
                { "GET / HTTP/1.1\r\n" HERE ASK VERSION KEY KEY "\r\n", "HTTP/1.1 400 ", "" },
                { "GET / HTTP/1.1\r\n" HERE ASK VERSION "Sec-WebSocket-Key: short\r\n\r\n",
                  "HTTP/1.1 400 ", "" },
                { "GET / HTTP/1.1\r\n" HERE ASK VERSION KEY "Sec-WebSocket-Protocol: x\r\n\r\n",
                  "HTTP/1.1 400 ", "" },

                /* pages: of another port, of a stranger's name that leads here, of nobody */
                { "GET / HTTP/1.1\r\n" HERE ASK VERSION KEY "Origin: http://localhost:2\r\n\r\n",
                  "HTTP/1.1 403 ", "" },
                { "GET / HTTP/1.1\r\nHost: evil:1\r\n" ASK VERSION KEY
                  "Origin: http://evil:1\r\n\r\n",
                  "HTTP/1.1 403 ", "" },
                { "GET / HTTP/1.1\r\nHost: localhost.evil\r\n" ASK VERSION KEY
                  "Origin: http://localhost.evil\r\n\r\n",
                  "HTTP/1.1 403 ", "" },
                { "GET / HTTP/1.1\r\n" HERE ASK VERSION KEY "Origin: null\r\n\r\n", "HTTP/1.1 403 ",
                  "" },

                /* and what is no HTTP at all */
                { "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", "" },
                { "GET / HTTP/1.1\n" HERE "\n", "HTTP/1.1 400 ", "" },
                { "\xbe"
                  "AM\r\n\x1a\n\x01",
                  "HTTP/1.1 400 ", "" },
        };
        beam_listener *l = listen_here("ws://127.0.0.1:0");

        for (size_t i = 0; i < n_of(cases); i++)
                /* at once, and byte by byte */
                for (int cut = 0; cut < 2; cut++) {
                        int fd = connect_to(beam_listener_url(l));
                        size_t n = strlen(cases[i].request), step = cut ? 1 : n;
                        char response[2000] = "";

                        for (size_t at = 0; at < n; at += step) {
                                if (send(fd, cases[i].request + at, step, MSG_NOSIGNAL) < 0)
                                        break; /* it has heard enough */
                                beam_loop_dispatch();
                        }
                        read_head(fd, response, sizeof(response));
                        if (strncmp(response, cases[i].starts, strlen(cases[i].starts)) ||
                            !strstr(response, cases[i].has))
                                test_fail("%s\nis answered\n%s", cases[i].request, response);
                        close(fd);
                }
        beam_listener_close(l);
}

TEST(a_head_without_end) {
        static const char field[] =
                "X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n";
        beam_listener *l = listen_here("ws://127.0.0.1:0");
        int fd = connect_to(beam_listener_url(l));
        char response[2000] = "";

        test_write(fd, "GET / HTTP/1.1\r\n", 16);
        for (size_t n = 0; n < 20000; n += sizeof(field) - 1)
                test_write(fd, field, sizeof(field) - 1);
        read_head(fd, response, sizeof(response));
        assert_mem(response, 13, "HTTP/1.1 431 ", 13);
        close(fd);
        beam_listener_close(l);
}

TEST(paths) {
        beam_listener *l = listen_here("ws://[::1]:0/a/b");
        char text[URL_TEXT_MAX], response[2000];
        int fd;

        snprintf(text, sizeof(text), "%s", beam_listener_url(l));
        assert_mem(text, 11, "ws://[::1]:", 11);
        assert_str(strrchr(text, ':') + strcspn(strrchr(text, ':'), "/"), "/a/b");
        for (int i = 0; i < 2; i++) {
                fd = connect_to(text);
                test_write(fd, i ? "GET /" : "GET /a/b", i ? 5 : 8);
                test_write(fd, &GOOD[5], sizeof(GOOD) - 1 - 5);
                read_head(fd, response, sizeof(response));
                assert_mem(response, 12, i ? "HTTP/1.1 404" : "HTTP/1.1 101", 12);
                close(fd);
        }
        beam_listener_close(l);
}

/* the side that listens: frames */

typedef struct stranger {
        int fd;
        ws_in in;
        uint8_t buf[4096];
        ws_bytes rest;
} stranger;

static void stranger_open(stranger *s, beam_listener *l) {
        char response[2000];

        s->fd = connect_to(beam_listener_url(l));
        test_write(s->fd, GOOD, sizeof(GOOD) - 1);
        read_head(s->fd, response, sizeof(response));
        assert_mem(response, 12, "HTTP/1.1 101", 12);
        ws_in_init(&s->in, false);
        s->rest = (ws_bytes){ 0 };
}

/* The next event; 0 at the end of the connection. */
static int stranger_next(stranger *s, ws_event *ret) {
        for (;;) {
                ssize_t n;
                int r = s->rest.n ? ws_in_next(&s->in, &s->rest, ret) : 0;

                assert_ok(r);
                if (r > 0)
                        return r;
                wait_for(s->fd);
                n = recv(s->fd, s->buf, sizeof(s->buf), 0);
                if (n <= 0)
                        return 0;
                s->rest = (ws_bytes){ s->buf, (size_t)n };
        }
}

/* The next event that is not of a message. */
static int stranger_control(stranger *s, ws_event *ret) {
        int r;

        while ((r = stranger_next(s, ret)) > 0 && ret->opcode == WS_BINARY)
                continue;
        return r;
}

static void stranger_say(stranger *s, ws_opcode opcode, bool fin, const void *p, size_t n) {
        static const uint8_t mask[WS_MASK_SIZE] = { 1, 2, 3, 4 };
        uint8_t frame[512];
        size_t n_head = ws_put_head(frame, opcode, fin, n, mask);

        ws_mask(frame + n_head, p, n, mask, 0);
        test_write(s->fd, frame, n_head + n);
}

static size_t first_bytes(uint8_t out[static 512]) {
        memcpy(out, mux_preface, MUX_PREFACE_SIZE);
        return MUX_PREFACE_SIZE +
               mux_put_hello(out + MUX_PREFACE_SIZE, &(mux_hello){ .role = MUX_DIALLED,
                                                                   .max_frame = 65536,
                                                                   .max_msg = 1000,
                                                                   .max_opens = 10,
                                                                   .window = 1000 });
}

/* A session in messages of a byte, in parts of messages, with Pings between. */
TEST(cuts_mean_nothing) {
        for (int how = 0; how < 3; how++) {
                beam_listener *l = listen_here("ws://127.0.0.1:0");
                uint8_t first[512];
                size_t n = first_bytes(first);
                beam_session *session;
                stranger s;
                ws_event ev;

                stranger_open(&s, l);
                for (size_t i = 0; i < n; i++) {
                        bool more = how == 1 && i + 1 < n;

                        stranger_say(&s, how == 1 && i ? WS_CONTINUATION : WS_BINARY, !more,
                                     first + i, 1);
                        if (more)
                                stranger_say(&s, WS_CONTINUATION, false, "", 0);
                        if (how == 2)
                                stranger_say(&s, WS_PING, true, first + i, i % 2);
                }
                assert_r(beam_accept(l, &session, test_deadline()), 0);
                if (how == 2)
                        for (size_t i = 0; i < n; i++) {
                                assert_r(stranger_control(&s, &ev), 1);
                                assert_eq(ev.opcode, WS_PONG);
                                assert_mem(ev.piece.p, ev.piece.n, first + i, i % 2);
                        }
                stranger_say(&s, WS_CLOSE, true, "\x03\xe9", 2);
                assert_r(stranger_control(&s, &ev), 1);
                assert_eq(ev.opcode, WS_CLOSE);
                assert_eq(ev.code, WS_GOING_AWAY);
                assert_r(stranger_next(&s, &ev), 0);
                assert_eq(beam_session_state(session, NULL), -ECONNRESET);
                beam_session_close(session);
                close(s.fd);
                beam_listener_close(l);
        }
}

/* What is said to somebody who breaks a rule, before the connection ends. */
TEST(codes) {
        static const struct {
                const char *frame;
                size_t n;
                uint16_t code;
        } cases[] = {
                { "\x82\x01x", 3, WS_PROTOCOL },                   /* no mask */
                { "\x81\x81\0\0\0\0x", 7, WS_UNSUPPORTED },        /* text */
                { "\xc2\x81\0\0\0\0x", 7, WS_PROTOCOL },           /* an extension */
                { "\x88\x83\0\0\0\0\x03\xe8\xff", 9, WS_INVALID }, /* a reason */
                { "\x88\x80\0\0\0\0", 6, WS_NORMAL },              /* only good-bye */
                { "\x82\x81\0\0\0\0x", 7, WS_PROTOCOL },           /* no session */
        };
        beam_listener *l = listen_here("ws://127.0.0.1:0");

        for (size_t i = 0; i < n_of(cases); i++) {
                stranger s;
                ws_event ev;

                stranger_open(&s, l);
                test_write(s.fd, cases[i].frame, cases[i].n);
                assert_r(stranger_control(&s, &ev), 1);
                assert_eq(ev.opcode, WS_CLOSE);
                assert_eq(ev.code, cases[i].code);
                close(s.fd);
        }
        beam_listener_close(l);
}

/* the side that dials */

typedef struct server {
        int fd;
        const char *response; /* "{accept}" in it is the answer to the key */
} server;

static void *serve_once(void *data) {
        server *v = data;
        char request[4096] = "", accept[WS_ACCEPT_TEXT], *key, *p;
        const char *mark = strstr(v->response, "{accept}");
        size_t n = 0;
        int fd;

        test_poll(v->fd, POLLIN);
        fd = (int)assert_ok(accept4(v->fd, NULL, NULL, SOCK_CLOEXEC));
        while (!strstr(request, "\r\n\r\n")) {
                ssize_t got = recv(fd, request + n, sizeof(request) - 1 - n, 0);

                assert_gt(got, 0);
                n += (size_t)got;
                request[n] = 0;
        }
        p = strstr(request, "Sec-WebSocket-Key: ");
        assert_not_null(p);
        key = p + strlen("Sec-WebSocket-Key: ");
        assert_true(ws_key_is_valid(key, WS_KEY_TEXT));
        assert_not_null(strstr(request, "GET /p HTTP/1.1\r\nHost: 127.0.0.1:"));
        assert_not_null(strstr(request, "Sec-WebSocket-Protocol: beam\r\n"));
        if (mark) {
                test_write(fd, v->response, (size_t)(mark - v->response));
                ws_key_accept(key, accept);
                test_write(fd, accept, sizeof(accept));
                test_write(fd, mark + 8, strlen(mark + 8));
        } else {
                test_write(fd, v->response, strlen(v->response));
        }
        shutdown(fd, SHUT_WR);
        while (recv(fd, request, sizeof(request), 0) > 0)
                continue;
        close(fd);
        return NULL;
}

TEST(strange_servers) {
        static const char yes[] = "HTTP/1.1 101 x\r\n" ASK "Sec-WebSocket-Accept: {accept}\r\n\r\n";
        static const struct {
                const char *response;
                int r;
        } cases[] = {
                { "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", -ENOENT },
                { "HTTP/1.1 401 x\r\n\r\n", -EACCES },
                { "HTTP/1.1 403 x\r\nContent-Length: 3\r\n\r\nno\n", -EACCES },
                { "HTTP/1.1 502 Bad Gateway\r\n\r\n", -ECONNREFUSED },
                { "HTTP/1.1 200 OK\r\n\r\nhello", -EPROTO },
                { "HTTP/1.1 301 x\r\nLocation: /\r\n\r\n", -EPROTO },
                { "SSH-2.0-OpenSSH\r\n", -EPROTO },
                { "", -ECONNRESET },
                { "HTTP/1.1 101 x\r\n", -ECONNRESET },
                { "HTTP/1.1 101 x\r\n" ASK "\r\n", -EPROTO },
                { "HTTP/1.1 101 x\r\n" ASK
                  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
                  -EPROTO },
                { "HTTP/1.1 101 x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Accept: {accept}\r\n\r\n",
                  -EPROTO },
                { "HTTP/1.1 101 x\r\n" ASK "Sec-WebSocket-Accept: {accept}\r\n"
                  "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
                  -EPROTO },
                { "HTTP/1.1 101 x\r\n" ASK "Sec-WebSocket-Accept: {accept}\r\n"
                  "Sec-WebSocket-Protocol: chat\r\n\r\n",
                  -EPROTO },
                /* a WebSocket, but no session in it; and a remark before it */
                { yes, -ECONNRESET },
                { "HTTP/1.1 103 x\r\n\r\nHTTP/1.1 101 x\r\n" ASK
                  "Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: beam\r\n\r\n"
                  "\x82\x01x",
                  -EPROTO },
        };
        tcp_addr a[TCP_LOCAL_ADDRS];

        assert_eq(tcp_addrs_known("127.0.0.1", 0, a), 1);
        for (size_t i = 0; i < n_of(cases); i++) {
                server v = { .response = cases[i].response };
                char text[TCP_TEXT_MAX];
                beam_session *s;
                pthread_t thread;
                tcp_addr at;
                int r;

                v.fd = (int)assert_ok(tcp_listen(&a[0], 8, false));
                assert_ok(tcp_addr_local(v.fd, &at));
                snprintf(text, sizeof(text), "ws://127.0.0.1:%u/p", tcp_addr_port(&at));
                assert_eq(pthread_create(&thread, NULL, serve_once, &v), 0);
                r = beam_dial(text, NULL, &s, test_deadline());
                if (r != cases[i].r)
                        test_fail("%s: %d", cases[i].response, r);
                pthread_join(thread, NULL);
                close(v.fd);
        }
}
