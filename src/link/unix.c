/* SPDX-License-Identifier: Apache-2.0 */
#include "unix.h"

#include "base/cleanup.h"
#include "base/fds.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static_assert(UNIX_NAME_MAX + 1 == sizeof(((struct sockaddr_un *)0)->sun_path),
              "a name of the full length, and the NUL before or after it");

#define LOCK_SUFFIX ".lock"

static int make_address(const char *name, bool abstract, struct sockaddr_un *ret,
                        socklen_t *ret_n) {
        size_t n = strnlen(name, UNIX_NAME_MAX + 1);

        if (n == 0 || n > UNIX_NAME_MAX)
                return -EINVAL;

        /* An abstract name is as long as its address says; a NUL at its end would
         * be one more byte of it. A path is followed by a NUL, which is counted. */
        *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
        memcpy(ret->sun_path + (abstract ? 1 : 0), name, n);
        *ret_n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
        return 0;
}

static int connect_now(const struct sockaddr_un *a, socklen_t n) {
        _cleanup_(fd_closep) int fd = -1;
        int r;

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;

        do
                r = connect(fd, (const struct sockaddr *)a, n);
        while (r < 0 && errno == EINTR);
        if (r < 0)
                return -errno;

        r = fd_set_nonblock(fd, false);
        if (r < 0)
                return r;
        return take_fd(&fd);
}

int unix_connect(const char *name, bool abstract) {
        struct sockaddr_un a;
        socklen_t n;
        int r;

        r = make_address(name, abstract, &a, &n);
        if (r < 0)
                return r;
        return connect_now(&a, n);
}

/* Have the lock file @path to ourselves. Returns its fd; the lock ends with it.
 * -EADDRINUSE: somebody else is about to listen here; he is as good as there. */
static int lock_take(const char *path) {
        struct stat ours, there;

        for (;;) {
                _cleanup_(fd_closep) int fd = -1;

                fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
                if (fd < 0)
                        return -errno;
                if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                        return errno == EWOULDBLOCK ? -EADDRINUSE : -errno;

                /* Whoever had it before has removed the file: then this is a lock on
                 * something that nobody else can find. */
                if (fstat(fd, &ours) < 0)
                        return -errno;
                if (stat(path, &there) >= 0 && ours.st_dev == there.st_dev &&
                    ours.st_ino == there.st_ino)
                        return take_fd(&fd);
        }
}

static void lock_give(const char *path, int fd) {
        unlink(path);
        fd_close(fd);
}

/* Remove what is at the path of @a if it is a socket where nobody answers. */
static int remove_stale(const struct sockaddr_un *a, socklen_t n) {
        struct stat before, after;
        int r;

        if (lstat(a->sun_path, &before) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (!S_ISSOCK(before.st_mode))
                return -EEXIST;

        r = connect_now(a, n);
        if (r >= 0) {
                fd_close(r);
                return -EADDRINUSE;
        }
        if (r == -EAGAIN || r == -EPROTOTYPE) /* a full backlog; a datagram socket */
                return -EADDRINUSE;
        if (r == -ENOENT)
                return 0;
        if (r != -ECONNREFUSED)
                return r;

        /* Those who know nothing of the lock might have come by meanwhile. */
        if (lstat(a->sun_path, &after) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (before.st_dev != after.st_dev || before.st_ino != after.st_ino)
                return -EADDRINUSE;
        return unlink(a->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

static int bind_path(int fd, const struct sockaddr_un *a, socklen_t n) {
        int r;

        if (bind(fd, (const struct sockaddr *)a, n) >= 0)
                return 0;
        if (errno != EADDRINUSE)
                return -errno;

        r = remove_stale(a, n);
        if (r < 0)
                return r;
        return bind(fd, (const struct sockaddr *)a, n) < 0 ? -errno : 0;
}

static int listen_path(int fd, const struct sockaddr_un *a, socklen_t n, int backlog,
                       unix_listener *l) {
        struct stat st;
        int r;

        /* bind() gives the file the mode of the socket, less the umask. */
        if (fchmod(fd, 0660) < 0)
                return -errno;

        r = bind_path(fd, a, n);
        if (r < 0)
                return r;

        if (lstat(a->sun_path, &st) < 0 || listen(fd, backlog) < 0) {
                r = -errno;
                unlink(a->sun_path);
                return r;
        }

        l->dev = st.st_dev;
        l->ino = st.st_ino;
        memcpy(l->path, a->sun_path, sizeof(l->path));
        return 0;
}

int unix_listen(const char *name, bool abstract, int backlog, unix_listener *ret) {
        char lock_path[UNIX_NAME_MAX + sizeof(LOCK_SUFFIX)];
        unix_listener l = { .fd = -1, .pid = getpid() };
        _cleanup_(fd_closep) int fd = -1;
        struct sockaddr_un a;
        int lock, r;
        socklen_t n;

        r = make_address(name, abstract, &a, &n);
        if (r < 0)
                return r;

        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;

        if (abstract) {
                if (bind(fd, (const struct sockaddr *)&a, n) < 0 || listen(fd, backlog) < 0)
                        return -errno;
        } else {
                strcpy(stpcpy(lock_path, a.sun_path), LOCK_SUFFIX);
                lock = lock_take(lock_path);
                if (lock < 0)
                        return lock;
                r = listen_path(fd, &a, n, backlog, &l);
                lock_give(lock_path, lock);
                if (r < 0)
                        return r;
        }

        l.fd = take_fd(&fd);
        *ret = l;
        return 0;
}

void unix_listener_deinit(unix_listener *l) {
        struct stat st;

        /* Removed while we still listen: until then nobody takes the path over, so
         * it cannot become somebody else's between looking and removing. And while
         * the socket is open its inode number is not given to another file. */
        if (l->fd >= 0 && l->path[0] && l->pid == getpid() && lstat(l->path, &st) >= 0 &&
            st.st_dev == l->dev && st.st_ino == l->ino)
                unlink(l->path);

        l->fd = fd_close(l->fd);
        l->path[0] = '\0';
}
