/* SPDX-License-Identifier: Apache-2.0 */
/* Finding each other: what is there, what is not, and what is not Beam. */
#include "help.h"
#include "side.h"
#include "test.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int dial(const char *url, beam_session **ret) {
        return beam_dial(url, NULL, ret, test_deadline());
}

TEST(urls_that_are_none) {
        static const char *const bad[] = {
                "",         "mem",          "mem:",      "unix:",          "unix:@",
                "tcp:",     "tcp://",       "tcp://:",   "tcp://host",     "fd:",
                "fd:x",     "fd:-1",        "http://x/", "tcp://h:x",      "tcp://h:99999",
                "nonsense", "tcp://[::1:1", ":",         "fd:99999999999",
        };
        beam_listener *l = NULL;
        beam_session *s = NULL;

        for (size_t i = 0; i < n_of(bad); i++) {
                assert_lt(dial(bad[i], &s), 0);
                assert_null(s);
                assert_lt(beam_listen(bad[i], NULL, &l), 0);
                assert_null(l);
        }
        char path[200] = "unix:/";
        memset(path + 6, 'x', sizeof(path) - 7);
        assert_lt(dial(path, &s), 0);
        assert_lt(beam_listen(path, NULL, &l), 0);
}

TEST(nobody_there) {
        beam_session *s = NULL;

        assert_r(dial(test_url("unix:{dir}/none"), &s), -ENOENT);
        assert_r(dial(test_url("unix:@beam-none-{id}"), &s), -ECONNREFUSED);
        int r = dial(test_url("mem:none-{id}"), &s);
        assert_true(r == -ECONNREFUSED || r == -ENOENT);
        r = dial("fd:990", &s);
        assert_true(r == -EBADF || r == -EINVAL);

        /* A port that was ours and is not listened at any more. */
        beam_listener *l = NULL;
        char url[64];
        assert_r(beam_listen("tcp://127.0.0.1:0", NULL, &l), 0);
        snprintf(url, sizeof(url), "%s", beam_listener_url(l));
        beam_listener_close(l);
        assert_r(dial(url, &s), -ECONNREFUSED);
        assert_null(s);
}

TEST(no_such_host) {
        beam_session *s = NULL;

        /* Where names are not resolved at all it takes the resolver's own patience. */
        int r = dial("tcp://no-such-host.invalid:1", &s);
        assert_true(r == -EADDRNOTAVAIL || r == -ETIMEDOUT);
}

TEST_EACH(nobody_says_hello, url, test_urls) {
        beam_session *s = NULL;

        /* A listener whose thread does not accept has a kernel that does; it says
         * nothing, and dialling has a deadline. In memory nothing needs to be said. */
        if (!strncmp(url, "mem:", 4))
                test_skip("a peer in memory cannot be mute");
        int mute;
        char at[128];
        if (!strncmp(url, "tcp", 3)) {
                struct sockaddr_in in = { .sin_family = AF_INET,
                                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
                socklen_t n = sizeof(in);

                mute = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                assert_eq(bind(mute, (void *)&in, sizeof(in)), 0);
                assert_eq(listen(mute, 1), 0);
                assert_eq(getsockname(mute, (void *)&in, &n), 0);
                snprintf(at, sizeof(at), "tcp://127.0.0.1:%d", ntohs(in.sin_port));
        } else {
                struct sockaddr_un un = { .sun_family = AF_UNIX };

                snprintf(un.sun_path, sizeof(un.sun_path), "%s/mute", test_dir());
                mute = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                assert_eq(bind(mute, (void *)&un, sizeof(un)), 0);
                assert_eq(listen(mute, 1), 0);
                snprintf(at, sizeof(at), "unix:%s", un.sun_path);
        }
        assert_r(beam_dial(at, NULL, &s, beam_after(SHORT)), -ETIMEDOUT);
        assert_null(s);
        beam_options opt = { .size = sizeof(opt), .hello_timeout = SHORT };
        assert_lt(beam_dial(at, &opt, &s, test_deadline()), 0);
        assert_null(s);
        close(mute);
        if (!strncmp(at, "unix:", 5))
                unlink(at + 5);
}

/* What answers is something else. */
static void *answer_nonsense(void *data) {
        int fd = accept4(*(int *)data, NULL, NULL, SOCK_CLOEXEC);
        char buf[256];

        assert_ge(fd, 0);
        assert_eq(write(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28), 28);
        while (read(fd, buf, sizeof(buf)) > 0)
                ;
        close(fd);
        return NULL;
}

TEST(not_beam) {
        struct sockaddr_in in = { .sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        socklen_t n = sizeof(in);
        beam_session *s = NULL;
        pthread_t thread;
        char url[64];

        assert_eq(bind(fd, (void *)&in, sizeof(in)), 0);
        assert_eq(listen(fd, 1), 0);
        assert_eq(getsockname(fd, (void *)&in, &n), 0);
        snprintf(url, sizeof(url), "tcp://127.0.0.1:%d", ntohs(in.sin_port));
        assert_eq(pthread_create(&thread, NULL, answer_nonsense, &fd), 0);
        assert_r(dial(url, &s), -EPROTO);
        assert_null(s);
        pthread_join(thread, NULL);
        close(fd);
}

TEST_EACH(one_listener_at_a_time, url, test_urls) {
        beam_listener *l = NULL, *second = NULL;
        char at[128];

        assert_r(beam_listen(test_url(url), NULL, &l), 0);
        snprintf(at, sizeof(at), "%s", beam_listener_url(l));
        assert_r(beam_listen(at, NULL, &second), -EADDRINUSE);
        assert_null(second);

        /* The one that was first is still there, and gone once it is closed. */
        beam_session *s = NULL, *p = NULL;
        assert_r(dial(at, &s), 0);
        assert_r(beam_accept(l, &p, test_deadline()), 0);
        beam_session_close(s);
        beam_session_close(p);
        beam_listener_close(l);
        assert_lt(dial(at, &s), 0);
        assert_r(beam_listen(at, NULL, &l), 0);
        beam_listener_close(l);
}

TEST(stale_socket_is_taken_over) {
        struct sockaddr_un un = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        beam_listener *l = NULL;
        char url[128];

        snprintf(un.sun_path, sizeof(un.sun_path), "%s/stale", test_dir());
        snprintf(url, sizeof(url), "unix:%s", un.sun_path);
        assert_eq(bind(fd, (void *)&un, sizeof(un)), 0);
        assert_eq(listen(fd, 1), 0);
        assert_r(beam_listen(url, NULL, &l), -EADDRINUSE);
        close(fd);
        assert_r(beam_listen(url, NULL, &l), 0);
        l = beam_listener_close(l);
        assert_eq(access(un.sun_path, F_OK), -1);
}

TEST(what_is_no_socket_is_left_alone) {
        const char *path = test_file("precious", "data", 4);
        beam_listener *l = NULL;
        struct stat st;
        char url[256];

        snprintf(url, sizeof(url), "unix:%s", path);
        assert_lt(beam_listen(url, NULL, &l), 0);
        assert_null(l);
        assert_eq(stat(path, &st), 0);
        assert_true(S_ISREG(st.st_mode));
}

TEST_EACH(many_dial_one_listener, url, test_urls) {
        enum { N = 20 };
        beam_listener *l = NULL;
        beam_session *s[N] = { 0 }, *p[N] = { 0 };

        assert_r(beam_listen(test_url(url), NULL, &l), 0);
        for (int i = 0; i < N; i++)
                assert_r(dial(beam_listener_url(l), &s[i]), 0);
        for (int i = 0; i < N; i++)
                assert_r(beam_accept(l, &p[i], test_deadline()), 0);
        assert_r(beam_accept(l, &p[0], BEAM_NOW), -ETIMEDOUT);
        for (int i = 0; i < N; i++) {
                beam_session_close(s[i]);
                assert_lt(beam_session_ping(p[i], &(int64_t){ 0 }, test_deadline()), 0);
                beam_session_close(p[i]);
        }
        beam_listener_close(l);
}

/* Sessions that nobody accepted go with the listener. */
TEST_EACH(listener_closed_with_peers_waiting, url, test_urls) {
        beam_listener *l = NULL;
        beam_session *s = NULL;
        beam_sender *tx = NULL;

        assert_r(beam_listen(test_url(url), NULL, &l), 0);
        assert_r(dial(beam_listener_url(l), &s), 0);
        assert_r(beam_session_open(s, "x", 1, &tx, test_deadline()), 0);
        beam_listener_close(l);
        assert_true(beam_sender_drain(tx, test_deadline()) <= 0);
        int64_t rtt;
        int r = beam_session_ping(s, &rtt, test_deadline());
        assert_true(r == -ECONNRESET || r == -ENOTCONN);
        beam_sender_close(tx);
        beam_session_close(s);
}

TEST_EACH(session_outlives_its_listener, url, test_urls) {
        beam_listener *l = NULL;
        beam_session *s = NULL, *p = NULL;
        int64_t rtt;

        assert_r(beam_listen(test_url(url), NULL, &l), 0);
        assert_r(dial(beam_listener_url(l), &s), 0);
        assert_r(beam_accept(l, &p, test_deadline()), 0);
        beam_listener_close(l);
        assert_r(beam_session_ping(s, &rtt, test_deadline()), 0);
        beam_session_close(s);
        beam_session_close(p);
}

TEST(one_connected_peer_is_accepted_once) {
        beam_listener *l = NULL;
        beam_session *s = NULL, *p = NULL;
        char url[32];
        int sp[2];

        assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sp), 0);
        snprintf(url, sizeof(url), "fd:%d", sp[1]);
        assert_r(beam_listen(url, NULL, &l), 0);
        snprintf(url, sizeof(url), "fd:%d", sp[0]);
        assert_r(dial(url, &s), 0);
        assert_r(beam_accept(l, &p, test_deadline()), 0);
        beam_session *second = NULL;
        assert_r(beam_accept(l, &second, test_deadline()), -EPIPE);
        beam_session_close(s);
        beam_session_close(p);
        beam_listener_close(l);
}

TEST(a_listening_socket_is_inherited) {
        struct sockaddr_in in = { .sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        beam_listener *l = NULL;
        beam_session *s = NULL, *p = NULL;
        socklen_t n = sizeof(in);
        char url[64];

        assert_eq(bind(fd, (void *)&in, sizeof(in)), 0);
        assert_eq(listen(fd, 8), 0);
        assert_eq(getsockname(fd, (void *)&in, &n), 0);
        snprintf(url, sizeof(url), "fd:%d", fd);
        assert_r(beam_listen(url, NULL, &l), 0);
        snprintf(url, sizeof(url), "tcp://127.0.0.1:%d", ntohs(in.sin_port));
        for (int i = 0; i < 2; i++) {
                assert_r(dial(url, &s), 0);
                assert_r(beam_accept(l, &p, test_deadline()), 0);
                beam_session_close(s);
                beam_session_close(p);
        }
        beam_listener_close(l);
}

TEST(names_are_resolved) {
        beam_listener *l = NULL;
        beam_session *s = NULL, *p = NULL;
        char url[64];

        assert_r(beam_listen("tcp://127.0.0.1:0", NULL, &l), 0);
        snprintf(url, sizeof(url), "tcp://localhost%s", strrchr(beam_listener_url(l), ':'));
        assert_r(dial(url, &s), 0);
        assert_r(beam_accept(l, &p, test_deadline()), 0);
        beam_session_close(s);
        beam_session_close(p);
        beam_listener_close(l);
}

TEST(errors_have_words) {
        for (int r = 0; r > -140; r--) {
                assert_not_null(beam_strerror(r));
                assert_gt(strlen(beam_strerror(r)), 0);
        }
}
