/* SPDX-License-Identifier: Apache-2.0 */

/*
 * TCP: addresses in words, who may listen, and dialling one after the other
 */

#include "tcp.h"

#include "base/fds.h"
#include "help.h"
#include "sock.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int flags_of(int fd) {
        return (fcntl(fd, F_GETFD) & FD_CLOEXEC ? 1 : 0) |
               (fcntl(fd, F_GETFL) & O_NONBLOCK ? 2 : 0);
}

static int option_of(int fd, int level, int name) {
        socklen_t n = sizeof(int);
        int value = 0;

        assert_eq(getsockopt(fd, level, name, &value, &n), 0);
        return value;
}

static tcp_addr addr(const char *host, uint16_t port) {
        tcp_addr a[TCP_LOCAL_ADDRS];

        assert_ge(tcp_addrs_known(host, port, a), 1);
        return a[0];
}

static tcp_addr local_of(int fd) {
        tcp_addr a;

        assert_ok(tcp_addr_local(fd, &a));
        return a;
}

static int listen_at(const char *host) {
        tcp_addr a = addr(host, 0);

        return (int)assert_ok(tcp_listen(&a, 8, false));
}

/* An address where nobody listens, and nobody will while *@ret_fd is open. */
static tcp_addr nobody(int *ret_fd) {
        tcp_addr a = addr("127.0.0.1", 0);

        *ret_fd = (int)assert_ok(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        assert_eq(bind(*ret_fd, &a.any, a.n), 0);
        return local_of(*ret_fd);
}

TEST(numbers_and_localhost_need_no_asking) {
        static const struct {
                const char *host, *first, *second;
                int n;
        } cases[] = {
                { "127.0.0.1", "127.0.0.1:80", NULL, 1 },
                { "0.0.0.0", "0.0.0.0:80", NULL, 1 },
                { "255.255.255.255", "255.255.255.255:80", NULL, 1 },
                { "::1", "[::1]:80", NULL, 1 },
                { "::", "[::]:80", NULL, 1 },
                { "2001:DB8::0:1", "[2001:db8::1]:80", NULL, 1 },
                { "1111:2222:3333:4444:5555:6666:7777:8888",
                  "[1111:2222:3333:4444:5555:6666:7777:8888]:80", NULL, 1 },
                { "::ffff:10.0.0.1", "10.0.0.1:80", NULL, 1 },
                { "::ffff:7f00:1", "127.0.0.1:80", NULL, 1 },
                { "fe80::1%lo", "[fe80::1%lo]:80", NULL, 1 },
                { "localhost", "127.0.0.1:80", "[::1]:80", 2 },
                { "LocalHost.", "127.0.0.1:80", "[::1]:80", 2 },
                { "localhost.example", NULL, NULL, 0 },
                { "alocalhost", NULL, NULL, 0 },
                { "127.1", NULL, NULL, 0 },
                { "127.0.0.01", NULL, NULL, 0 },
                { "0x7f.0.0.1", NULL, NULL, 0 },
                { "example", NULL, NULL, 0 },
                { "", NULL, NULL, 0 },
                { "%lo", NULL, NULL, 0 },
                { "127.0.0.1%lo", NULL, NULL, 0 },
                { ":::", NULL, NULL, 0 },
                { "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb", NULL, NULL, 0 },
                { "fe80::1%", NULL, NULL, -ENODEV },
                { "fe80::1%beam-no-such0", NULL, NULL, -ENODEV },
        };

        for (size_t i = 0; i < n_of(cases); i++) {
                tcp_addr a[TCP_LOCAL_ADDRS];
                char text[TCP_TEXT_MAX];

                test_say("%s", cases[i].host);
                assert_r(tcp_addrs_known(cases[i].host, 80, a), cases[i].n);
                if (cases[i].first) {
                        assert_eq(tcp_addr_print(&a[0], text), strlen(cases[i].first));
                        assert_str(text, cases[i].first);
                        assert_eq(tcp_addr_port(&a[0]), 80);
                }
                if (cases[i].second) {
                        tcp_addr_print(&a[1], text);
                        assert_str(text, cases[i].second);
                }
        }
}

TEST(longest_address_fits) {
        char text[TCP_TEXT_MAX];
        tcp_addr a = addr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535);

        /* "[" 39 "%" 15 "]:" 5 is what the longest name of an interface would make. */
        assert_le(tcp_addr_print(&a, text) + 16, TCP_TEXT_MAX - 1);
        a.v6.sin6_scope_id = 0x7fffffff; /* one that has no name */
        tcp_addr_print(&a, text);
        assert_str(text, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}

TEST(loopback_is_what_does_not_leave) {
        static const char *const near[] = { "127.0.0.1", "127.255.255.254", "127.0.0.0", "::1",
                                            "::ffff:127.1.2.3" };
        static const char *const far[] = {
                "0.0.0.0",
                "126.255.255.255",
                "128.0.0.0",
                "10.0.0.1",
                "1.0.0.127",
                "::",
                "::2",
                "fe80::1%lo",
                "fc00::1",
                "::127.0.0.1",
                "1::1",
                "255.255.255.255",
                "::ffff:10.0.0.1",
                "224.0.0.1",
                "::ffff:0:0",
        };

        for (size_t i = 0; i < n_of(near); i++) {
                tcp_addr a = addr(near[i], 0);

                test_say("%s", near[i]);
                assert_true(tcp_addr_is_loopback(&a));
        }
        for (size_t i = 0; i < n_of(far); i++) {
                tcp_addr a = addr(far[i], 0);

                test_say("%s", far[i]);
                assert_false(tcp_addr_is_loopback(&a));
                assert_r(tcp_listen(&a, 8, false), -EACCES);
        }
}

TEST(addresses_of_others_are_taken_over) {
        struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(7) };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
        struct sockaddr_storage other = { .ss_family = AF_UNIX };
        char text[TCP_TEXT_MAX];
        tcp_addr a;

        assert_ok(tcp_addr_set((struct sockaddr *)&v4, sizeof(v4), 80, &a));
        tcp_addr_print(&a, text);
        assert_str(text, "0.0.0.0:80");
        assert_ok(tcp_addr_set((struct sockaddr *)&v6, sizeof(v6), 80, &a));
        tcp_addr_print(&a, text);
        assert_str(text, "[::1]:80");

        assert_r(tcp_addr_set((struct sockaddr *)&v4, sizeof(v4) - 1, 80, &a), -EAFNOSUPPORT);
        assert_r(tcp_addr_set((struct sockaddr *)&v6, sizeof(v6) - 1, 80, &a), -EAFNOSUPPORT);
        assert_r(tcp_addr_set((struct sockaddr *)&v6, 0, 80, &a), -EAFNOSUPPORT);
        assert_r(tcp_addr_set((struct sockaddr *)&other, sizeof(other), 80, &a), -EAFNOSUPPORT);
}

TEST(names_of_what_is_not_tcp) {
        tcp_addr a;
        int fds[2];

        assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        assert_r(tcp_addr_local(fds[0], &a), -EAFNOSUPPORT);
        assert_r(tcp_addr_remote(fds[0], &a), -EAFNOSUPPORT);
        fd_close_all(fds, 2);
        assert_eq(pipe(fds), 0);
        assert_r(tcp_addr_local(fds[0], &a), -ENOTSOCK);
        fd_close_all(fds, 2);
        assert_r(tcp_addr_remote(-1, &a), -EBADF);
}

/* listening */

TEST(listen_picks_a_port_and_keeps_it) {
        int fd = listen_at("127.0.0.1");
        tcp_addr a = local_of(fd);

        assert_eq(flags_of(fd), 3);
        assert_ne(tcp_addr_port(&a), 0);
        assert_r(tcp_listen(&a, 8, false), -EADDRINUSE);
        close(fd);
        fd = (int)assert_ok(tcp_listen(&a, 8, false));
        close(fd);
}

TEST(listen_again_while_connections_linger) {
        int fd = listen_at("127.0.0.1"), here, there;
        tcp_addr a = local_of(fd);
        tcp_dial d = { .addrs = &a, .n_addrs = 1 };
        char c;

        there = (int)assert_ok(tcp_dial_next(&d));
        test_poll(there, POLLOUT);
        assert_ok(tcp_dial_finish(&d, there));
        test_poll(fd, POLLIN);
        here = (int)assert_ok(sock_accept(fd));
        close(fd);
        close(here); /* the side that closes first is the one that lingers */
        assert_eq(test_read(there, &c, 1), 0);
        close(there);

        fd = (int)assert_ok(tcp_listen(&a, 8, false));
        close(fd);
}

TEST(listen_anywhere_when_told) {
        tcp_addr a = addr("0.0.0.0", 0);
        int fd = (int)assert_ok(tcp_listen(&a, 8, true));

        close(fd);
        a = addr("192.0.2.1", 0); /* nobody's */
        assert_r(tcp_listen(&a, 8, true), -EADDRNOTAVAIL);
}

TEST(listen_v6_is_v6_only) {
        tcp_addr v6, v4;
        int fd, other;

        if (!test_has_ipv6())
                test_skip("no IPv6 here");
        fd = listen_at("::1");
        assert_eq(option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
        v6 = local_of(fd);
        close(fd);

        v6 = addr("::", tcp_addr_port(&v6));
        v4 = addr("0.0.0.0", tcp_addr_port(&v6));
        fd = (int)assert_ok(tcp_listen(&v6, 8, true));
        other = (int)assert_ok(tcp_listen(&v4, 8, true));
        close(fd);
        close(other);
}

/* dialling */

/* Dial until connected or out of addresses. */
static int dial(tcp_dial *d) {
        int fd;

        while ((fd = tcp_dial_next(d)) >= 0) {
                int r;

                assert_eq(flags_of(fd), 3);
                test_poll(fd, POLLOUT);
                r = tcp_dial_finish(d, fd);
                if (r >= 0)
                        return fd;
                assert_ne(r, -EAGAIN);
                assert_eq(fcntl(fd, F_GETFD), -1); /* closed */
        }
        return fd;
}

static void check_connected(int fd, int listener) {
        char text[TCP_TEXT_MAX], text_here[TCP_TEXT_MAX], c = 0;
        tcp_addr a, b;
        int here;

        assert_eq(flags_of(fd), 1);
        assert_ne(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 0);
        assert_ne(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
        assert_lt(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE) +
                          option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL) *
                                  option_of(fd, IPPROTO_TCP, TCP_KEEPCNT),
                  121);

        test_poll(listener, POLLIN);
        here = (int)assert_ok(sock_accept(listener));
        test_write(fd, "x", 1);
        assert_eq(test_read(here, &c, 1), 1);

        assert_ok(tcp_addr_local(fd, &a));
        assert_ok(tcp_addr_remote(here, &b));
        tcp_addr_print(&a, text);
        tcp_addr_print(&b, text_here);
        assert_str(text, text_here);
        close(here);
}

static const char *const hosts[] = { "127.0.0.1", "127.9.8.7", "::1", NULL };

TEST_EACH(dial_connects, host, hosts) {
        int l, fd;

        if (strchr(host, ':') && !test_has_ipv6())
                test_skip("no IPv6 here");
        l = listen_at(host);
        fd = dial(&(tcp_dial){ .addrs = (tcp_addr[]){ local_of(l) }, .n_addrs = 1 });
        assert_ok(fd);
        check_connected(fd, l);
        close(fd);
        close(l);
}

TEST(dial_goes_on_to_the_next) {
        int l = listen_at("127.0.0.1"), kept, fd;
        tcp_addr addrs[] = { nobody(&kept), addr("127.0.0.1", 0), local_of(l), nobody(&fd) };

        close(fd);
        fd = dial(&(tcp_dial){ .addrs = addrs, .n_addrs = n_of(addrs) });
        assert_ok(fd);
        check_connected(fd, l);
        close(fd);
        close(l);
        close(kept);
}

TEST(dial_says_what_tells_most) {
        int kept;
        tcp_addr refused = nobody(&kept), no_port = addr("127.0.0.1", 0);
        tcp_addr unreachable = addr("255.255.255.255", 80); /* TCP to all: -ENETUNREACH */

        assert_r(dial(&(tcp_dial){ 0 }), -EADDRNOTAVAIL);
        assert_r(dial(&(tcp_dial){ .addrs = &no_port, .n_addrs = 1 }), -EINVAL);
        assert_r(dial(&(tcp_dial){ .addrs = &refused, .n_addrs = 1 }), -ECONNREFUSED);
        assert_r(dial(&(tcp_dial){ .addrs = &unreachable, .n_addrs = 1 }), -ENETUNREACH);
        assert_r(dial(&(tcp_dial){ (tcp_addr[]){ refused, unreachable }, 2, 0, 0 }), -ECONNREFUSED);
        assert_r(dial(&(tcp_dial){ (tcp_addr[]){ unreachable, refused }, 2, 0, 0 }), -ECONNREFUSED);
        close(kept);
}

TEST(dial_that_has_ended_stays_so) {
        int kept;
        tcp_addr refused = nobody(&kept);
        tcp_dial d = { .addrs = &refused, .n_addrs = 1 };

        assert_r(dial(&d), -ECONNREFUSED);
        assert_r(tcp_dial_next(&d), -ECONNREFUSED);
        close(kept);
}

TEST(finish_can_be_too_early) {
        int l, fds[16], n = 0;
        tcp_addr a = addr("127.0.0.1", 0);

        /* Once the backlog is full the kernel leaves a caller without an answer. */
        l = (int)assert_ok(tcp_listen(&a, 0, false));
        a = local_of(l);
        for (;;) {
                tcp_dial d = { .addrs = &a, .n_addrs = 1 };

                assert_lt(n, n_of(fds));
                fds[n] = (int)assert_ok(tcp_dial_next(&d));
                if (!test_poll_now(fds[n], POLLOUT)) {
                        assert_r(tcp_dial_finish(&d, fds[n]), -EAGAIN);
                        assert_r(tcp_dial_finish(&d, fds[n]), -EAGAIN);
                        assert_eq(flags_of(fds[n++]), 3); /* still the caller's */
                        break;
                }
                assert_ok(tcp_dial_finish(&d, fds[n++]));
        }
        fd_close_all(fds, (size_t)n);
        close(l);
}

TEST(socket_that_met_itself_is_nobody) {
        tcp_addr a = addr("127.0.0.1", 0);
        int fd = (int)assert_ok(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        tcp_dial d = { 0 };

        /* What happens by chance when the kernel picks the port that is called. */
        assert_eq(bind(fd, &a.any, a.n), 0);
        a = local_of(fd);
        if (connect(fd, &a.any, a.n) < 0)
                assert_eq(errno, EINPROGRESS);
        test_poll(fd, POLLOUT);
        assert_r(tcp_dial_finish(&d, fd), -ECONNREFUSED);
        assert_r(tcp_dial_next(&d), -ECONNREFUSED);
}

TEST(dial_without_room_ends_at_once) {
        int l = listen_at("127.0.0.1"), lowest;
        tcp_addr a = local_of(l);
        tcp_addr addrs[] = { a, a };
        tcp_dial d = { .addrs = addrs, .n_addrs = 2 };
        struct rlimit before, limit;

        lowest = (int)assert_ok(fd_dup(0));
        close(lowest);
        assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
        limit = (struct rlimit){ (rlim_t)lowest, before.rlim_max };
        assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        assert_r(tcp_dial_next(&d), -EMFILE);
        assert_r(tcp_listen(&a, 8, false), -EMFILE);
        assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
        close(l);
}

TEST(tune_is_for_tcp) {
        int fds[2];

        assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        assert_r(tcp_tune(fds[0]), -EOPNOTSUPP);
        fd_close_all(fds, 2);
        assert_r(tcp_tune(-1), -EBADF);
}
