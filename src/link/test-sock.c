/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Bytes and descriptors, over everything that has two ends
 */

#include "sock.h"

#include "base/fds.h"
#include "help.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

typedef struct ends {
        sock_kind kind;
        int rx, tx;
} ends;

static const char *const kinds[] = { "unix", "tcp", "pipe", NULL };

static void pair_inet(int fds[static 2]) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
        int l = (int)assert_ok(socket(AF_INET, SOCK_STREAM, 0));
        socklen_t n = sizeof(a);

        assert_eq(bind(l, (struct sockaddr *)&a, sizeof(a)), 0);
        assert_eq(listen(l, 1), 0);
        assert_eq(getsockname(l, (struct sockaddr *)&a, &n), 0);
        fds[0] = (int)assert_ok(socket(AF_INET, SOCK_STREAM, 0));
        assert_eq(connect(fds[0], (struct sockaddr *)&a, n), 0);
        fds[1] = (int)assert_ok(accept(l, NULL, NULL));
        close(l);
}

static ends make(const char *kind) {
        ends e = { 0 };
        int fds[2];

        if (!strcmp(kind, "unix")) {
                assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
                e.kind = SOCK_IS_UNIX;
        } else if (!strcmp(kind, "tcp")) {
                pair_inet(fds);
                e.kind = SOCK_IS_PLAIN;
        } else {
                assert_eq(pipe(fds), 0);
                e.kind = SOCK_IS_FILE;
        }

        e.rx = fds[0];
        e.tx = fds[1];
        assert_eq(sock_adopt(e.rx), e.kind);
        assert_eq(sock_adopt(e.tx), e.kind);
        return e;
}

static void finish(ends *e) {
        e->rx = fd_close(e->rx);
        e->tx = fd_close(e->tx);
}

static ssize_t send_bytes(const ends *e, const void *data, size_t n) {
        return sock_send(e->kind, e->tx, &(struct iovec){ (void *)data, n }, 1, NULL, 0);
}

static ssize_t recv_bytes(const ends *e, void *buf, size_t n) {
        return sock_recv(e->kind, e->rx, &(struct iovec){ buf, n }, 1, NULL, NULL, false);
}

static ssize_t send_fds(const ends *e, const void *data, size_t n, const int *fds, size_t n_fds) {
        return sock_send(e->kind, e->tx, &(struct iovec){ (void *)data, n }, 1, fds, n_fds);
}

static ssize_t recv_fds(const ends *e, void *buf, size_t n, int *fds, size_t *n_fds) {
        *n_fds = 12345;
        return sock_recv(e->kind, e->rx, &(struct iovec){ buf, n }, 1, fds, n_fds, false);
}

static int flags_of(int fd) {
        return (fcntl(fd, F_GETFD) & FD_CLOEXEC ? 1 : 0) |
               (fcntl(fd, F_GETFL) & O_NONBLOCK ? 2 : 0);
}

TEST_EACH(adopt_makes_ready, kind, kinds) {
        ends e = make(kind);

        assert_eq(flags_of(e.rx), e.kind == SOCK_IS_FILE ? 3 : 1);
        assert_eq(flags_of(e.tx), e.kind == SOCK_IS_FILE ? 3 : 1);
        if (e.kind == SOCK_IS_PLAIN) {
                int value = 0;
                socklen_t n = sizeof(value);

                assert_eq(getsockopt(e.tx, IPPROTO_TCP, TCP_NODELAY, &value, &n), 0);
                assert_ne(value, 0);
                assert_eq(getsockopt(e.tx, SOL_SOCKET, SO_KEEPALIVE, &value, &n), 0);
                assert_ne(value, 0);
        }
        finish(&e);
}

TEST(adopt_wants_byte_streams) {
        static const struct {
                int domain, type;
        } others[] = {
                { AF_UNIX, SOCK_DGRAM },
                { AF_UNIX, SOCK_SEQPACKET },
                { AF_INET, SOCK_DGRAM },
        };

        for (size_t i = 0; i < n_of(others); i++) {
                int fd = (int)assert_ok(socket(others[i].domain, others[i].type, 0));

                assert_r(sock_adopt(fd), -EPROTOTYPE);
                close(fd);
        }
        assert_r(sock_adopt(-1), -EBADF);
        assert_r(sock_adopt(12345), -EBADF);
}

TEST_EACH(bytes_pass, kind, kinds) {
        ends e = make(kind);
        char a[4] = "", b[1] = "", c[8] = "";
        struct iovec in[] = { { a, 3 }, { b, 1 }, { NULL, 0 }, { c, 8 } };
        struct iovec out[] = { { "he", 2 }, { NULL, 0 }, { "llo world", 9 } };

        assert_r(recv_bytes(&e, c, 8), -EAGAIN);
        assert_eq(send_bytes(&e, "abc", 3), 3);
        test_poll(e.rx, POLLIN);
        assert_eq(recv_bytes(&e, c, 2), 2);
        assert_eq(recv_bytes(&e, c + 2, 6), 1);
        assert_mem(c, 3, "abc", 3);
        assert_r(recv_bytes(&e, c, 8), -EAGAIN);

        assert_eq(sock_send(e.kind, e.tx, out, 3, NULL, 0), 11);
        test_poll(e.rx, POLLIN);
        assert_eq(sock_recv(e.kind, e.rx, in, 4, NULL, NULL, false), 11);
        assert_mem(a, 3, "hel", 3);
        assert_mem(b, 1, "l", 1);
        assert_mem(c, 7, "o world", 7);

        assert_eq(send_bytes(&e, "z", 1), 1);
        e.tx = fd_close(e.tx);
        test_poll(e.rx, POLLIN);
        assert_eq(recv_bytes(&e, c, 8), 1);
        test_poll(e.rx, POLLIN);
        assert_eq(recv_bytes(&e, c, 8), 0);
        assert_eq(recv_bytes(&e, c, 8), 0);
        finish(&e);
}

TEST_EACH(many_pieces_are_clipped, kind, kinds) {
        struct iovec iov[IOV_MAX + 10];
        char byte = 'x', buf[2 * IOV_MAX];
        ends e = make(kind);

        for (size_t i = 0; i < n_of(iov); i++)
                iov[i] = (struct iovec){ &byte, 1 };
        assert_eq(sock_send(e.kind, e.tx, iov, n_of(iov), NULL, 0), IOV_MAX);
        assert_eq(test_read(e.rx, buf, IOV_MAX), IOV_MAX);
        test_write(e.tx, buf, IOV_MAX);
        test_poll(e.rx, POLLIN);
        assert_gt(sock_recv(e.kind, e.rx, iov, n_of(iov), NULL, NULL, false), 0);
        assert_r(sock_recv(e.kind, e.rx, NULL, 0, NULL, NULL, false), -EINVAL);
        finish(&e);
}

TEST_EACH(full_is_short_then_eagain, kind, kinds) {
        static char block[1 << 20], back[1 << 20];
        size_t n_sent = 0, n_read = 0;
        ends e = make(kind);
        ssize_t r;

        for (size_t i = 0; i < sizeof(block); i++)
                block[i] = (char)(i * 2654435761u >> 16);

        while ((r = send_bytes(&e, block + n_sent % sizeof(block),
                               sizeof(block) - n_sent % sizeof(block))) > 0)
                n_sent += (size_t)r;
        assert_r(r, -EAGAIN);
        assert_gt(n_sent, 0);

        e.tx = fd_close(e.tx);
        for (;;) {
                test_poll(e.rx, POLLIN);
                r = recv_bytes(&e, back, sizeof(back) - n_read % sizeof(back));
                if (r <= 0)
                        break;
                assert_mem(back, (size_t)r, block + n_read % sizeof(block), (size_t)r);
                n_read += (size_t)r;
        }
        assert_r(r, 0);
        assert_eq(n_read, n_sent);
        finish(&e);
}

TEST_EACH(gone_reader_is_no_signal, kind, kinds) {
        sigset_t pipe_only, pending, mask;
        ends e = make(kind);
        ssize_t r;

        signal(SIGPIPE, SIG_DFL); /* it would end this process */
        e.rx = fd_close(e.rx);
        do { /* TCP hears of it from the first bytes only */
                test_poll(e.tx, POLLOUT);
                r = send_bytes(&e, "a", 1);
        } while (r > 0);
        assert_true(r == -EPIPE || r == -ECONNRESET);
        assert_r(send_bytes(&e, "a", 1), -EPIPE);

        sigpending(&pending);
        assert_eq(sigismember(&pending, SIGPIPE), 0);
        pthread_sigmask(SIG_SETMASK, NULL, &mask);
        assert_eq(sigismember(&mask, SIGPIPE), 0);

        /* One that is held back already stays so, and stays pending. */
        sigemptyset(&pipe_only);
        sigaddset(&pipe_only, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipe_only, NULL);
        raise(SIGPIPE);
        assert_r(send_bytes(&e, "a", 1), -EPIPE);
        sigpending(&pending);
        assert_eq(sigismember(&pending, SIGPIPE), 1);
        pthread_sigmask(SIG_SETMASK, NULL, &mask);
        assert_eq(sigismember(&mask, SIGPIPE), 1);
        signal(SIGPIPE, SIG_IGN);
        finish(&e);
}

/* descriptors */

static bool same_file(int a, int b) {
        struct stat sa, sb;

        assert_eq(fstat(a, &sa), 0);
        assert_eq(fstat(b, &sb), 0);
        return sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

TEST(fds_come_with_the_first_byte) {
        static const size_t counts[] = { 1, 2, 3, 64, 252, SOCK_FDS_MAX };
        int sent[SOCK_FDS_MAX], got[SOCK_FDS_MAX], pipes[2];
        ends e = make("unix");
        char buf[8];
        size_t n;

        assert_eq(pipe(pipes), 0);
        for (size_t i = 0; i < n_of(sent); i++)
                sent[i] = pipes[i % 2];

        for (size_t i = 0; i < n_of(counts); i++) {
                assert_eq(send_fds(&e, "abc", 3, sent, counts[i]), 3);
                assert_eq(recv_fds(&e, buf, 1, got, &n), 1);
                assert_eq(n, counts[i]);
                for (size_t j = 0; j < n; j++) {
                        assert_true(same_file(got[j], sent[j]));
                        assert_eq(flags_of(got[j]), 1);
                }
                fd_close_all(got, n);
                assert_eq(recv_fds(&e, buf, 8, got, &n), 2);
                assert_eq(n, 0);
                assert_r(recv_fds(&e, buf, 8, got, &n), -EAGAIN);
                assert_eq(n, 0);
        }

        close(pipes[0]);
        close(pipes[1]);
        finish(&e);
}

TEST(fds_of_two_sends_stay_apart) {
        int got[SOCK_FDS_MAX], sent[SOCK_FDS_MAX];
        ends e = make("unix");
        char buf[16];
        size_t n;

        for (size_t i = 0; i < n_of(sent); i++)
                sent[i] = e.tx;

        assert_eq(send_bytes(&e, "ab", 2), 2);
        assert_eq(send_fds(&e, "cd", 2, sent, SOCK_FDS_MAX), 2);
        assert_eq(send_fds(&e, "ef", 2, sent, SOCK_FDS_MAX), 2);
        assert_eq(send_bytes(&e, "gh", 2), 2);

        /* The kernel may join bytes before a batch with it, never two batches. */
        for (size_t n_bytes = 0, n_all = 0; n_bytes < 8;) {
                ssize_t r = assert_ok(recv_fds(&e, buf, sizeof(buf), got, &n));

                n_bytes += (size_t)r;
                n_all += n;
                fd_close_all(got, n);
                assert_true(n == 0 || n == SOCK_FDS_MAX);
                if (n_bytes == 8)
                        assert_eq(n_all, 2 * SOCK_FDS_MAX);
        }
        finish(&e);
}

TEST(fds_with_pieces_that_are_empty) {
        struct iovec iov[] = { { NULL, 0 }, { "a", 1 } };
        ends e = make("unix");
        int got[SOCK_FDS_MAX];
        char buf[8];
        size_t n;

        assert_eq(sock_send(e.kind, e.tx, iov, 2, &e.tx, 1), 1);
        assert_eq(recv_fds(&e, buf, 8, got, &n), 1);
        assert_eq(n, 1);
        fd_close_all(got, n);

        assert_r(sock_send(e.kind, e.tx, iov, 1, &e.tx, 1), -EINVAL);
        assert_r(sock_send(e.kind, e.tx, NULL, 0, &e.tx, 1), -EINVAL);
        finish(&e);
}

TEST_EACH(fds_refused, kind, kinds) {
        int many[SOCK_FDS_MAX + 1];
        ends e = make(kind);
        char buf[8];

        for (size_t i = 0; i < n_of(many); i++)
                many[i] = e.tx;
        assert_r(send_fds(&e, "a", 1, many, n_of(many)), -EINVAL);
        if (e.kind != SOCK_IS_UNIX) {
                assert_r(send_fds(&e, "a", 1, many, 1), -EINVAL);
        } else {
                assert_r(send_fds(&e, "a", 1, (int[]){ e.tx, -1 }, 2), -EBADF);
                assert_r(send_fds(&e, "a", 1, (int[]){ 12345 }, 1), -EBADF);
        }
        assert_r(recv_bytes(&e, buf, 8), -EAGAIN); /* nothing has gone */
        finish(&e);
}

TEST(fds_that_nobody_takes_are_an_error) {
        ends e = make("unix");
        char buf[8];

        assert_eq(send_fds(&e, "a", 1, &e.tx, 1), 1);
        assert_r(recv_bytes(&e, buf, 8), -EPROTO);
        finish(&e);
}

TEST(fds_that_go_unread_are_closed) {
        ends e = make("unix");
        int pipes[2];
        char byte;

        assert_eq(pipe(pipes), 0);
        assert_eq(send_fds(&e, "a", 1, pipes + 1, 1), 1);
        close(pipes[1]);
        finish(&e);
        assert_eq(test_read(pipes[0], &byte, 1), 0);
        close(pipes[0]);
}

/* Leave room for @n more descriptors. */
static void allow_fds(int n, struct rlimit *ret_before) {
        struct rlimit limit;
        int lowest[32] = { 0 };

        assert_lt(n, n_of(lowest));
        for (int i = 0; i <= n; i++)
                lowest[i] = (int)assert_ok(fd_dup(0));
        assert_eq(getrlimit(RLIMIT_NOFILE, ret_before), 0);
        limit = (struct rlimit){ (rlim_t)lowest[n], ret_before->rlim_max };
        for (int i = 0; i <= n; i++)
                close(lowest[i]);
        assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

TEST(fds_without_room_are_emfile) {
        int sent[4], got[SOCK_FDS_MAX];
        ends e = make("unix");
        struct rlimit before;
        char buf[8];
        size_t n;

        for (size_t i = 0; i < n_of(sent); i++)
                sent[i] = e.tx;

        for (int room = 0; room <= 4; room++) {
                assert_eq(send_fds(&e, "a", 1, sent, 4), 1);
                allow_fds(room, &before);
                if (room < 4) {
                        assert_r(recv_fds(&e, buf, 8, got, &n), -EMFILE);
                        assert_eq(n, 0);
                } else {
                        assert_eq(recv_fds(&e, buf, 8, got, &n), 1);
                        assert_eq(n, 4);
                        fd_close_all(got, n);
                }
                assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
        }
        finish(&e);
}

TEST(fds_beside_other_control_messages) {
        static const int options[] = { SO_PASSCRED, SO_PASSSEC, SO_TIMESTAMPNS, SO_PASSPIDFD };
        int sent[SOCK_FDS_MAX], got[SOCK_FDS_MAX];
        ends e = make("unix");
        char buf[8];
        size_t n;

        for (size_t i = 0; i < n_of(options); i++)
                (void)setsockopt(e.rx, SOL_SOCKET, options[i], &(int){ 1 }, sizeof(int));
        for (size_t i = 0; i < n_of(sent); i++)
                sent[i] = e.tx;

        assert_eq(send_fds(&e, "a", 1, sent, SOCK_FDS_MAX), 1);
        assert_eq(recv_fds(&e, buf, 8, got, &n), 1);
        assert_eq(n, SOCK_FDS_MAX);
        fd_close_all(got, n);

        assert_eq(send_bytes(&e, "b", 1), 1);
        assert_eq(recv_fds(&e, buf, 8, got, &n), 1);
        assert_eq(n, 0);
        finish(&e);
}

/* waiting */

static void write_x(void *arg) {
        const ends *e = arg;

        assert_eq(send_bytes(e, "x", 1), 1);
}

TEST_EACH(recv_waits_if_told, kind, kinds) {
        ends e = make(kind);
        pid_t pid = test_fork(write_x, &e);
        char byte = 0;

        assert_eq(sock_recv(e.kind, e.rx, &(struct iovec){ &byte, 1 }, 1, NULL, NULL, true), 1);
        assert_eq(byte, 'x');
        assert_eq(test_wait(pid), 0);
        finish(&e);
}

static void note_alarm(int sig) {
        (void)sig;
}

TEST_EACH(recv_that_waits_can_be_interrupted, kind, kinds) {
        struct sigaction act = { .sa_handler = note_alarm }; /* no SA_RESTART */
        struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, never = { .it_value = { 0 } };
        ends e = make(kind);
        char byte;

        assert_eq(sigaction(SIGALRM, &act, NULL), 0);
        assert_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
        assert_r(sock_recv(e.kind, e.rx, &(struct iovec){ &byte, 1 }, 1, NULL, NULL, true), -EINTR);
        assert_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
        finish(&e);
}

/* peers that come */

static int listen_inet(struct sockaddr_in *ret_a) {
        int l = (int)assert_ok(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        socklen_t n = sizeof(*ret_a);

        *ret_a = (struct sockaddr_in){ .sin_family = AF_INET,
                                       .sin_addr = { htonl(INADDR_LOOPBACK) } };
        assert_eq(bind(l, (struct sockaddr *)ret_a, n), 0);
        assert_eq(listen(l, 8), 0);
        assert_eq(getsockname(l, (struct sockaddr *)ret_a, &n), 0);
        return l;
}

static int dial_inet(const struct sockaddr_in *a) {
        int fd = (int)assert_ok(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

        assert_eq(connect(fd, (const struct sockaddr *)a, sizeof(*a)), 0);
        return fd;
}

TEST(accept_takes_who_is_there) {
        struct sockaddr_in a;
        int l = listen_inet(&a), fd, peer;

        assert_r(sock_accept(l), -EAGAIN);
        peer = dial_inet(&a);
        test_poll(l, POLLIN);
        fd = (int)assert_ok(sock_accept(l));
        assert_eq(flags_of(fd), 1);
        assert_r(sock_accept(l), -EAGAIN);
        assert_r(sock_accept(-1), -EBADF);
        assert_r(sock_accept(fd), -EINVAL);
        close(fd);
        close(peer);

        /* Gone again, with a reset: taken or passed over, but no error. */
        peer = dial_inet(&a);
        assert_eq(setsockopt(peer, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 },
                             sizeof(struct linger)),
                  0);
        close(peer);
        test_poll(l, POLLIN);
        fd = sock_accept(l);
        assert_true(fd >= 0 || fd == -EAGAIN);
        fd_close(fd);
        close(l);
}

TEST(accept_without_room_leaves_the_peer) {
        struct rlimit before;
        struct sockaddr_in a;
        int l = listen_inet(&a), peer = dial_inet(&a), fd;

        test_poll(l, POLLIN);
        allow_fds(0, &before);
        assert_r(sock_accept(l), -EMFILE);
        assert_r(sock_accept(l), -EMFILE);
        assert_eq(test_poll_now(l, POLLIN), POLLIN);
        assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
        fd = (int)assert_ok(sock_accept(l));
        close(fd);
        close(peer);
        close(l);
}
