/* SPDX-License-Identifier: Apache-2.0 */
#include "feed.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

static void on_input(wait_fd *w, short revents) {
        feed *f = container_of(w, feed, wait);

        (void)revents;
        f->n = read(w->fd, f->data, BEAM_JOB_WRITE_MAX);
        if (f->n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (f->n < 0) {
                f->error = -errno;
                f->is_over = true;
        }
        f->has_data = f->n >= 0;
}

int feed_open(feed *f, int fd, beam_job *job, unsigned stream) {
        *f = (feed){ .job = job, .stream = stream, .wait = { .fd = fd, .fn = on_input } };
        f->data = malloc(BEAM_JOB_WRITE_MAX);
        if (!f->data)
                return -ENOMEM;
        f->is_terminal = isatty(fd);
        wait_add(&f->wait);
        return 0;
}

void feed_close(feed *f) {
        wait_remove(&f->wait);
        free(f->data);
        f->data = NULL;
}

/* Who reads a terminal from the background is stopped: the command itself might not have
 * read it at all, so we wait until we are in front. */
static bool may_read(const feed *f) {
        return !f->is_terminal || tcgetpgrp(f->wait.fd) == getpgrp();
}

void feed_step(feed *f) {
        if (f->has_data) {
                int r = beam_job_write(f->job, f->stream, f->data, (size_t)f->n, BEAM_NOW);

                f->has_data = r == -ETIMEDOUT;
                if (f->n == 0 && !f->has_data)
                        f->is_over = true;
                if (r < 0 && r != -ETIMEDOUT)
                        f->is_over = true; /* the job will say what it is */
        }
        f->wait.events = !f->has_data && !f->is_over && may_read(f) ? POLLIN : 0;
}
