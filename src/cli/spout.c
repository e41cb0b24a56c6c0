/* SPDX-License-Identifier: Apache-2.0 */
#include "spout.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
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

static void flush(spout *s) {
        while (s->n > 0 && has_room(s)) {
                ssize_t n = write(s->wait.fd, s->data, s->n < s->at_once ? s->n : s->at_once);

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

        /* A pipe with room has it for PIPE_BUF bytes. */
        *s = (spout){ .at_once = PIPE_BUF, .wait = { .fd = fd, .fn = on_room } };
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
