/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../base/clock.h"
#include "../../base/decimal.h"
#include "../../base/fds.h"
#include "../../base/mem.h"
#include "../../loop/loop.h"
#include "../file/snapshot.h"
#include "master.h"

/* At once, and what comes at a time: far below the 5 ms that nobody may hold the loop for,
 * and enough that a thread with nothing else to do spends its time on the snapshot. */
#define SLICE (CLOCK_SECOND / 5000)

enum { PIECE = 16 * 1024 };

struct filling {
        transfer *transfer;
        snapshot *snapshot;
        post post;
        void (*told)(void *data, transfer *t);
        void *data;
};

static void end_filling(transfer *t) {
        struct filling *f = t->filling;

        if (!f)
                return;
        t->filling = NULL;
        post_cancel(&f->post);
        snapshot_free(f->snapshot);
        mem_free(f);
}

static int write_all(int fd, bytes some) {
        while (some.n > 0) {
                ssize_t n = write(fd, some.p, some.n);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        some = (bytes){ some.p + n, some.n - (size_t)n };
        }
        return 0;
}

/* Returns 1 if there is more to be done. */
static int fill(transfer *t, snapshot *s) {
        int64_t until = clock_now() + SLICE;
        int more, r;

        do {
                bytes piece = { NULL, 0 };

                more = snapshot_next(s, PIECE, &piece);
                r = more < 0 ? more : write_all(t->fd, piece);
                if (r < 0)
                        return r;
                t->n += piece.n;
        } while (more > 0 && clock_now() < until);
        return more;
}

static void on_post(post *p) {
        struct filling *f = container_of(p, struct filling, post);
        void (*told)(void *data, transfer *t) = f->told;
        transfer *t = transfer_ref(f->transfer); /* who is told may have no use for it any more */
        void *data = f->data;
        int r = fill(t, f->snapshot);

        if (r > 0)
                post_put(p);
        else
                end_filling(t);
        t->is_whole = r == 0;
        t->error = r < 0 ? r : 0;
        told(data, t);
        transfer_unref(t);
}

/* Where no file without a name can be made, it takes memory. */
static int open_file(const config *cfg) {
        int fd = open(cfg->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

        return fd >= 0 ? fd : memfd_create("snapshot", MFD_CLOEXEC);
}

int transfer_new(store *s, int64_t offset, int stream_db, void (*told)(void *data, transfer *t),
                 void *data, transfer **ret) {
        transfer *t = mem_zero(sizeof(*t));
        struct filling *f = mem_zero(sizeof(*f));
        char mark[PSYNC_ID_MAX + 1];
        int r = t && f && loop_get() ? 0 : -ENOMEM;

        if (r == 0) {
                t->fd = open_file(&s->config);
                r = t->fd < 0 ? -errno : 0;
        }
        if (r == 0) {
                r = snapshot_new(s, &f->snapshot);
                if (r < 0)
                        fd_close(t->fd);
        }
        if (r < 0) {
                mem_free(f);
                mem_free(t);
                return r;
        }
        if (stream_db >= 0) {
                char text[DECIMAL_MAX];
                size_t n = decimal_print(stream_db, text);

                snapshot_aux(f->snapshot, "repl-stream-db", (bytes){ text, n });
        }
        master_make_id(mark);
        memcpy(t->mark, mark, sizeof(t->mark));
        t->offset = offset;
        t->n_users = 1;
        t->filling = f;
        f->transfer = t;
        f->told = told;
        f->data = data;
        post_init(&f->post, loop_get(), false, on_post);
        post_put(&f->post);
        *ret = t;
        return 0;
}

void transfer_stop(transfer *t) {
        end_filling(t);
        t->error = -ECANCELED;
}

transfer *transfer_ref(transfer *t) {
        t->n_users++;
        return t;
}

transfer *transfer_unref(transfer *t) {
        if (!t || --t->n_users > 0)
                return NULL;
        end_filling(t);
        fd_close(t->fd);
        return mem_free(t);
}

bool transfer_is_shared(const transfer *t) {
        return t->n_users > 1;
}

ssize_t transfer_read(const transfer *t, uint64_t at, void *p, size_t n) {
        ssize_t got = pread(t->fd, p, n < t->n - at ? n : (size_t)(t->n - at), (off_t)at);

        return got < 0 ? -errno : got;
}
