/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Unix sockets: who gets a path, who loses it, and what is left behind
 */

#include "unix.h"

#include "base/fds.h"
#include "help.h"
#include "sock.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int flags_of(int fd) {
        return (fcntl(fd, F_GETFD) & FD_CLOEXEC ? 1 : 0) |
               (fcntl(fd, F_GETFL) & O_NONBLOCK ? 2 : 0);
}

static bool is_there(const char *path) {
        struct stat st;

        return lstat(path, &st) >= 0;
}

static const char *lock_of(const char *path) {
        static char lock[512];

        snprintf(lock, sizeof(lock), "%s.lock", path);
        return lock;
}

/* Whoever listens as @l hears who calls @name. */
static void check_answers(const unix_listener *l, const char *name, bool abstract) {
        int there = (int)assert_ok(unix_connect(name, abstract)), here;
        char c = 0;

        assert_eq(flags_of(there), 1);
        test_poll(l->fd, POLLIN);
        here = (int)assert_ok(sock_accept(l->fd));
        test_write(there, "x", 1);
        assert_eq(test_read(here, &c, 1), 1);
        assert_eq(c, 'x');
        close(here);
        close(there);
}

static struct sockaddr_un address_of(const char *path) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };

        assert_lt(strlen(path), sizeof(a.sun_path));
        strcpy(a.sun_path, path);
        return a;
}

/* A socket at @path, of which the file stays when it is closed. */
static int bind_at(const char *path, int type) {
        struct sockaddr_un a = address_of(path);
        int fd = (int)assert_ok(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));

        assert_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
        return fd;
}

static void make_stale(const char *path) {
        int fd = bind_at(path, SOCK_STREAM);

        assert_eq(listen(fd, 1), 0);
        close(fd);
}

TEST(path_answers_and_goes) {
        const char *path = test_path("s");
        unix_listener l;

        assert_r(unix_connect(path, false), -ENOENT);
        assert_ok(unix_listen(path, false, 8, &l));
        assert_eq(flags_of(l.fd), 3);
        assert_false(is_there(lock_of(path)));
        check_answers(&l, path, false);
        assert_r(sock_accept(l.fd), -EAGAIN);

        unix_listener_deinit(&l);
        assert_eq(l.fd, -1);
        assert_false(is_there(path));
        unix_listener_deinit(&l);
        unix_listener_deinit(&(unix_listener){ .fd = -1 });
}

TEST(abstract_answers_and_goes) {
        const char *name = test_url("beam-test-{id}");
        unix_listener l, second;

        assert_r(unix_connect(name, true), -ECONNREFUSED);
        assert_ok(unix_listen(name, true, 8, &l));
        assert_eq(flags_of(l.fd), 3);
        check_answers(&l, name, true);
        assert_r(unix_listen(name, true, 8, &second), -EADDRINUSE);

        unix_listener_deinit(&l);
        assert_r(unix_connect(name, true), -ECONNREFUSED);
        assert_ok(unix_listen(name, true, 8, &l));
        unix_listener_deinit(&l);
}

TEST(abstract_name_ends_where_it_ends) {
        const char *name = test_url("beam-test-{id}");
        struct sockaddr_un a;
        socklen_t n = sizeof(a);
        unix_listener l;

        assert_ok(unix_listen(name, true, 8, &l));
        assert_eq(getsockname(l.fd, (struct sockaddr *)&a, &n), 0);
        assert_eq(n, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
        assert_mem(a.sun_path + 1, strlen(name), name, strlen(name));
        unix_listener_deinit(&l);
}

TEST(names_have_a_length) {
        char name[2 * UNIX_NAME_MAX], path[2 * UNIX_NAME_MAX];
        unix_listener l;

        memset(name, 'a', sizeof(name));
        memcpy(name, test_url("{id}"), strlen(test_url("{id}")));
        name[UNIX_NAME_MAX] = '\0';
        assert_ok(unix_listen(name, true, 8, &l));
        check_answers(&l, name, true);
        unix_listener_deinit(&l);

        memset(path, 'a', sizeof(path));
        memcpy(path, test_dir(), strlen(test_dir()));
        path[strlen(test_dir())] = '/';
        path[UNIX_NAME_MAX] = '\0';
        assert_ok(unix_listen(path, false, 8, &l));
        check_answers(&l, path, false);
        unix_listener_deinit(&l);
        assert_false(is_there(path));

        name[UNIX_NAME_MAX] = path[UNIX_NAME_MAX] = 'a';
        name[UNIX_NAME_MAX + 1] = path[UNIX_NAME_MAX + 1] = '\0';
        for (int abstract = 0; abstract <= 1; abstract++) {
                assert_r(unix_listen(abstract ? name : path, abstract, 8, &l), -EINVAL);
                assert_r(unix_connect(abstract ? name : path, abstract), -EINVAL);
                assert_r(unix_listen("", abstract, 8, &l), -EINVAL);
                assert_r(unix_connect("", abstract), -EINVAL);
        }
        assert_eq(l.fd, -1);
}

TEST(stale_path_is_taken_over) {
        const char *path = test_path("s");
        unix_listener l;

        make_stale(path);
        assert_r(unix_connect(path, false), -ECONNREFUSED);
        assert_ok(unix_listen(path, false, 8, &l));
        check_answers(&l, path, false);
        assert_false(is_there(lock_of(path)));
        unix_listener_deinit(&l);
}

TEST(live_path_is_left_alone) {
        const char *path = test_path("s");
        unix_listener l, second = { .fd = 12345 };

        assert_ok(unix_listen(path, false, 8, &l));
        assert_r(unix_listen(path, false, 8, &second), -EADDRINUSE);
        assert_eq(second.fd, 12345);
        assert_false(is_there(lock_of(path)));

        /* The question was a connection, which is over. */
        test_poll(l.fd, POLLIN);
        close((int)assert_ok(sock_accept(l.fd)));
        assert_r(sock_accept(l.fd), -EAGAIN);
        check_answers(&l, path, false);
        unix_listener_deinit(&l);
}

TEST(busy_path_is_live) {
        const char *path = test_path("s");
        int peers[64], n_peers = 0, r, here;
        unix_listener l, second;

        assert_ok(unix_listen(path, false, 1, &l));
        while ((r = unix_connect(path, false)) >= 0) {
                assert_lt(n_peers, n_of(peers));
                peers[n_peers++] = r;
        }
        assert_r(r, -EAGAIN);
        assert_gt(n_peers, 0);
        assert_r(unix_listen(path, false, 1, &second), -EADDRINUSE);

        /* One is taken, one more fits. */
        here = (int)assert_ok(sock_accept(l.fd));
        r = (int)assert_ok(unix_connect(path, false));
        assert_r(unix_connect(path, false), -EAGAIN);

        close(here);
        close(r);
        fd_close_all(peers, (size_t)n_peers);
        unix_listener_deinit(&l);
}

TEST(abstract_backlog_fills) {
        const char *name = test_url("beam-test-{id}");
        int peers[64], n_peers = 0, r;
        unix_listener l;

        assert_ok(unix_listen(name, true, 1, &l));
        while ((r = unix_connect(name, true)) >= 0)
                peers[n_peers++] = r;
        assert_r(r, -EAGAIN);
        fd_close_all(peers, (size_t)n_peers);
        unix_listener_deinit(&l);
}

TEST(what_is_no_socket_is_left_alone) {
        const char *path = test_path("s"), *file = test_file("file", "precious", 8);
        unix_listener l;

        assert_r(unix_listen(file, false, 8, &l), -EEXIST);
        assert_r(unix_connect(file, false), -ECONNREFUSED);

        assert_eq(mkdir(path, 0700), 0);
        assert_r(unix_listen(path, false, 8, &l), -EEXIST);
        assert_eq(rmdir(path), 0);

        assert_eq(mkfifo(path, 0600), 0);
        assert_r(unix_listen(path, false, 8, &l), -EEXIST);
        assert_eq(unlink(path), 0);

        assert_eq(symlink(file, path), 0);
        assert_r(unix_listen(path, false, 8, &l), -EEXIST);
        assert_eq(unlink(path), 0);

        assert_eq(symlink("nowhere", path), 0);
        assert_r(unix_listen(path, false, 8, &l), -EEXIST);
        assert_eq(unlink(path), 0);

        assert_r(unix_listen(test_path("no/such"), false, 8, &l), -ENOENT);
        assert_r(unix_listen(test_path("file/s"), false, 8, &l), -ENOTDIR);
}

TEST(other_types_of_socket_are_live) {
        static const int types[] = { SOCK_DGRAM, SOCK_SEQPACKET };
        const char *path = test_path("s");
        unix_listener l;

        for (size_t i = 0; i < n_of(types); i++) {
                int fd = bind_at(path, types[i]);

                if (types[i] == SOCK_SEQPACKET)
                        assert_eq(listen(fd, 1), 0);
                assert_r(unix_connect(path, false), -EPROTOTYPE);
                assert_r(unix_listen(path, false, 8, &l), -EADDRINUSE);
                close(fd);

                /* Dead ones are as good to take as any. */
                assert_ok(unix_listen(path, false, 8, &l));
                unix_listener_deinit(&l);
        }
}

TEST(lock_of_another_means_in_use) {
        const char *path = test_path("s"), *lock = lock_of(path);
        int fd = (int)assert_ok(open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        unix_listener l;

        make_stale(path);
        assert_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
        assert_r(unix_listen(path, false, 8, &l), -EADDRINUSE);
        assert_true(is_there(path));
        assert_true(is_there(lock));

        /* Its owner has died: what is left is only a file. */
        close(fd);
        assert_ok(unix_listen(path, false, 8, &l));
        assert_false(is_there(lock));
        unix_listener_deinit(&l);
}

TEST(lock_that_is_a_link_is_not_followed) {
        const char *path = test_path("s"), *lock = lock_of(path);
        unix_listener l;

        assert_eq(symlink("elsewhere", lock), 0);
        assert_r(unix_listen(path, false, 8, &l), -ELOOP);
        assert_eq(unlink(lock), 0);
}

TEST(only_our_own_is_removed) {
        const char *path = test_path("s");
        unix_listener first, second;

        /* Removed behind our back, and put there by another. */
        assert_ok(unix_listen(path, false, 8, &first));
        assert_eq(unlink(path), 0);
        assert_ok(unix_listen(path, false, 8, &second));
        unix_listener_deinit(&first);
        assert_true(is_there(path));
        check_answers(&second, path, false);

        /* Removed, and nothing there. */
        assert_eq(unlink(path), 0);
        unix_listener_deinit(&second);

        /* Renamed: whoever did so looks after it. */
        assert_ok(unix_listen(path, false, 8, &first));
        assert_eq(rename(path, test_path("other")), 0);
        unix_listener_deinit(&first);
        assert_true(is_there(test_path("other")));
        assert_eq(unlink(test_path("other")), 0);
}

static void deinit_copy(void *arg) {
        unix_listener copy = *(unix_listener *)arg;

        copy.fd = fd_dup(copy.fd); /* the child's own, so that nothing is missing later */
        unix_listener_deinit(&copy);
}

TEST(child_of_fork_removes_nothing) {
        const char *path = test_path("s");
        unix_listener l;

        assert_ok(unix_listen(path, false, 8, &l));
        assert_eq(test_wait(test_fork(deinit_copy, &l)), 0);
        assert_true(is_there(path));
        check_answers(&l, path, false);
        unix_listener_deinit(&l);
}

TEST(mode_is_by_umask_and_never_for_all) {
        static const struct {
                mode_t umask, want;
        } cases[] = {
                { 022, 0640 }, { 002, 0660 }, { 007, 0660 }, { 077, 0600 }, { 0, 0660 },
        };
        const char *path = test_path("s");
        unix_listener l;
        struct stat st;

        for (size_t i = 0; i < n_of(cases); i++) {
                umask(cases[i].umask);
                assert_ok(unix_listen(path, false, 8, &l));
                assert_eq(lstat(path, &st), 0);
                assert_eq(st.st_mode & 07777, cases[i].want);
                unix_listener_deinit(&l);
        }
}

/* races: many want the same path at the same moment */

enum { N_RACERS = 6, N_ROUNDS = 150 };

typedef struct race {
        const char *path;
        int start[2], verdicts[2], end[2]; /* pipes */
} race;

static void run_race(void *arg) {
        const race *x = arg;
        unix_listener l = { .fd = -1 };
        char c;
        int r;

        /* The ends of pipes, and not a gate, for they set all off at once. */
        close(x->start[1]);
        close(x->end[1]);
        assert_eq(test_read(x->start[0], &c, 1), 0);
        r = unix_listen(x->path, false, 8, &l);
        assert_true(r == 0 || r == -EADDRINUSE);
        test_write(x->verdicts[1], r == 0 ? "y" : "n", 1);
        assert_eq(test_read(x->end[0], &c, 1), 0);
        if (r == 0) {
                int asked;

                while ((asked = sock_accept(l.fd)) >= 0) /* the others, whether we live */
                        close(asked);
                check_answers(&l, x->path, false);
        }
        unix_listener_deinit(&l);
        _exit(0);
}

TEST(one_of_many_gets_the_path, .timeout = 60) {
        race x = { .path = test_path("s") };

        for (int round = 0; round < N_ROUNDS; round++) {
                pid_t pids[N_RACERS];
                char verdicts[N_RACERS];
                int n_won = 0;

                if (round % 2)
                        make_stale(x.path);
                assert_eq(pipe(x.start), 0);
                assert_eq(pipe(x.verdicts), 0);
                assert_eq(pipe(x.end), 0);

                for (size_t i = 0; i < N_RACERS; i++)
                        pids[i] = test_fork(run_race, &x);
                x.start[1] = fd_close(x.start[1]);
                assert_eq(test_read(x.verdicts[0], verdicts, N_RACERS), N_RACERS);
                for (size_t i = 0; i < N_RACERS; i++)
                        n_won += verdicts[i] == 'y';
                assert_eq(n_won, 1);
                x.end[1] = fd_close(x.end[1]);
                for (size_t i = 0; i < N_RACERS; i++)
                        assert_eq(test_wait(pids[i]), 0);

                assert_false(is_there(x.path));
                assert_false(is_there(lock_of(x.path)));
                fd_close_all(x.start, 2);
                fd_close_all(x.verdicts, 2);
                fd_close_all(x.end, 2);
        }
}

/* no descriptors left */

TEST(without_room_nothing_is_left) {
        const char *path = test_path("s"), *name = test_url("beam-test-{id}");
        struct rlimit before, limit;
        unix_listener l;

        make_stale(path);
        assert_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
        for (rlim_t room = 0; room < 3; room++) {
                int lowest = (int)assert_ok(fd_dup(0));
                int r;

                close(lowest);
                limit = (struct rlimit){ (rlim_t)lowest + room, before.rlim_max };
                assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
                r = unix_listen(path, false, 8, &l);
                if (room == 0) {
                        assert_r(unix_connect(path, false), -EMFILE);
                        assert_r(unix_listen(name, true, 8, &l), -EMFILE);
                }
                assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);

                assert_r(r, -EMFILE); /* the socket, the lock, the question */
                assert_true(is_there(path));
                assert_false(is_there(lock_of(path)));
        }
        assert_eq(unlink(path), 0);
}
