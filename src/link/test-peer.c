/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who is on the other side, of each kind of descriptor
 */

#include "peer.h"

#include "base/fds.h"
#include "help.h"
#include "sock.h"
#include "tcp.h"
#include "test.h"
#include "unix.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void check_nobody(const beam_peer *p) {
        assert_eq(p->pid, -1);
        assert_eq(p->uid, (uid_t)-1);
        assert_eq(p->gid, (gid_t)-1);
}

static void dial_and_stay(void *arg) {
        int fd = (int)assert_ok(unix_connect(arg, false));
        char c;

        assert_eq(test_read(fd, &c, 1), 0);
        close(fd);
}

TEST(unix_peer_is_who_connected) {
        const char *path = test_path("s");
        beam_peer p = { .size = 7 };
        unix_listener l;
        pid_t pid;
        int fd;

        assert_ok(unix_listen(path, false, 8, &l));
        pid = test_fork(dial_and_stay, (void *)path);
        test_poll(l.fd, POLLIN);
        fd = (int)assert_ok(sock_accept(l.fd));
        assert_ok(peer_get(fd, &p));
        assert_eq(p.pid, pid);
        assert_eq(p.uid, getuid());
        assert_eq(p.gid, getgid());
        assert_str(p.address, "unix");
        assert_eq(p.size, 7);
        close(fd);
        assert_eq(test_wait(pid), 0);

        /* As it was when it connected, though it is no more. */
        unix_listener_deinit(&l);
}

TEST(unix_peer_is_who_listened) {
        const char *name = test_url("beam-test-{id}");
        unix_listener l;
        beam_peer p;
        int fd;

        assert_ok(unix_listen(name, true, 8, &l));
        fd = (int)assert_ok(unix_connect(name, true));
        assert_ok(peer_get(fd, &p));
        assert_eq(p.pid, getpid());
        assert_eq(p.uid, getuid());
        close(fd);
        unix_listener_deinit(&l);
}

TEST(pair_is_of_who_made_it) {
        beam_peer p;
        int fds[2];

        assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        assert_ok(peer_get(fds[0], &p));
        assert_eq(p.pid, getpid());
        assert_str(p.address, "unix");

        /* Still known once the other side is closed. */
        fds[1] = fd_close(fds[1]);
        assert_ok(peer_get(fds[0], &p));
        assert_eq(p.pid, getpid());
        close(fds[0]);
}

static void check_tcp(int listener, const char *dialled, const char *want_host) {
        tcp_addr a[TCP_LOCAL_ADDRS], here;
        tcp_dial d = { .addrs = a, .n_addrs = 1 };
        char want[TCP_TEXT_MAX];
        int there, fd;
        beam_peer p;

        assert_ok(tcp_addr_local(listener, &here));
        assert_eq(tcp_addrs_known(dialled, tcp_addr_port(&here), a), 1);
        there = (int)assert_ok(tcp_dial_next(&d));
        test_poll(there, POLLOUT);
        assert_ok(tcp_dial_finish(&d, there));
        test_poll(listener, POLLIN);
        fd = (int)assert_ok(sock_accept(listener));

        assert_ok(tcp_addr_local(there, &here));
        snprintf(want, sizeof(want), "%s:%u", want_host, tcp_addr_port(&here));
        assert_ok(peer_get(fd, &p));
        assert_str(p.address, want);
        check_nobody(&p);
        close(fd);
        close(there);
}

TEST(tcp_peer_has_an_address) {
        tcp_addr a[TCP_LOCAL_ADDRS];
        int l;

        assert_eq(tcp_addrs_known("127.0.0.1", 0, a), 1);
        l = (int)assert_ok(tcp_listen(a, 8, false));
        check_tcp(l, "127.0.0.1", "127.0.0.1");
        close(l);
}

TEST(tcp_peer_has_an_address_v6) {
        tcp_addr a[TCP_LOCAL_ADDRS];
        int l;

        if (!test_has_ipv6())
                test_skip("no IPv6 here");
        assert_eq(tcp_addrs_known("::1", 0, a), 1);
        l = (int)assert_ok(tcp_listen(a, 8, false));
        check_tcp(l, "::1", "[::1]");
        close(l);
}

/* A listener that was inherited may take both; then 127.0.0.1 is that, whatever form
 * the kernel gives it. */
TEST(tcp_peer_in_disguise_is_known) {
        struct sockaddr_in6 any = { .sin6_family = AF_INET6 };
        int l;

        if (!test_has_ipv6())
                test_skip("no IPv6 here");
        l = (int)assert_ok(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        assert_eq(setsockopt(l, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 0 }, sizeof(int)), 0);
        assert_eq(bind(l, (struct sockaddr *)&any, sizeof(any)), 0);
        assert_eq(listen(l, 8), 0);
        check_tcp(l, "127.0.0.1", "127.0.0.1");
        close(l);
}

TEST(others_are_only_fds) {
        beam_peer p = { .address = "kept" };
        int fds[2], fd;

        assert_eq(pipe(fds), 0);
        assert_ok(peer_get(fds[0], &p));
        assert_str(p.address, "fd");
        check_nobody(&p);
        fd_close_all(fds, 2);

        strcpy(p.address, "kept");
        fd = (int)assert_ok(socket(AF_INET, SOCK_STREAM, 0));
        assert_r(peer_get(fd, &p), -ENOTCONN);
        close(fd);
        assert_r(peer_get(-1, &p), -EBADF);
        assert_str(p.address, "kept");
}
