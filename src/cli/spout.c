/* SPDX-License-Identifier: Apache-2.0 */
#include "spout.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Of what never waits for a reader. Picked. */
enum { FILE_AT_ONCE = 1 << 20 };

static bool has_room(const spout *s) {
        struct pollfd out = { .fd = s->wait.fd, .events = POLLOUT };

        return poll(&out, 1, 0) == 1;
}

static void drop(spout *s, int error) {
        s->error = error;
        s->n = 0;
}

/* As much as there is room for. Not every kernel, and no terminal, can say how much that is;
 * from then on it is little at a time. */
static ssize_t put_now(spout *s) {
        const struct iovec all = { .iov_base = (void *)(uintptr_t)s->data, .iov_len = s->n };

        if (s->at_once == 0) {
                ssize_t n = pwritev2(s->wait.fd, &all, 1, -1, RWF_NOWAIT);

                if (n >= 0 || errno != EOPNOTSUPP)
                        return n;
                s->at_once = PIPE_BUF; /* a pipe with room has it for so many */
        }
        if (!has_room(s)) {
                errno = EAGAIN;
                return -1;
        }
        return write(s->wait.fd, s->data, s->n < s->at_once ? s->n : s->at_once);
}

static void flush(spout *s) {
        while (s->n > 0) {
                ssize_t n = put_now(s);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        break;
                if (n < 0) {
                        drop(s, -errno);
                        break;
                }
                s->data += n;
                s->n -= (size_t)n;
        }
        s->wait.events = s->n > 0 ? POLLOUT : 0;
}

static void on_room(wait_fd *w, short revents) {
        (void)revents;
        flush(container_of(w, spout, wait));
}

void spout_init(spout *s, int fd) {
        struct stat st;

        *s = (spout){ .wait = { .fd = fd, .fn = on_room } };
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
                s->at_once = FILE_AT_ONCE;
        wait_add(&s->wait);
}

void spout_deinit(spout *s) {
        wait_remove(&s->wait);
}

void spout_put(spout *s, const void *data, size_t n) {
        if (s->error)
                return;
        s->data = data;
        s->n = n;
        flush(s);
}

void spout_end(spout *s) {
        int fd = s->wait.fd;

        if (fd < 0)
                return;
        wait_remove(&s->wait);
        s->wait.fd = -1;
        (void)shutdown(fd, SHUT_WR); /* of a socket that is still read from */
        close(fd);
}
