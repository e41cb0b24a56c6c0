/* SPDX-License-Identifier: Apache-2.0 */
#include "save.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../base/clock.h"
#include "../../base/decimal.h"
#include "../../base/fds.h"
#include "../../base/mem.h"
#include "../../loop/task.h"
#include "../store.h"
#include "../text.h"
#include "snapshot.h"

enum {
        PIECE = 1 << 14, /* of a snapshot, gathered in one turn of the loop */
        BATCH = 1 << 20, /* written at once: what goes to the other thread costs it little */
        RETRY = 5,       /* seconds after a failure, as in Redis */
};

/* The file that is being written, and what it is to be. It has no name before it is whole where
 * the file system can do that: so a process that is killed leaves nothing behind. */
typedef struct target {
        int dir, fd;   /* -1: none */
        bool is_named; /* as what is temporary */
        char name[CONFIG_NAME_MAX], temporary[32];
} target;

struct save_watch {
        timer timer;
        store *store;
};

struct saving {
        store *store;
        snapshot *snapshot;
        target to;
        post gather;
        task write;
        uint64_t n_changes;
        int64_t since;
        bool is_last;
        int r; /* of the other thread */
        size_t n;
        uint8_t batch[BATCH];
};

/* files */

static void target_close(target *t) {
        if (t->fd >= 0 && t->is_named)
                unlinkat(t->dir, t->temporary, 0);
        t->fd = fd_close(t->fd);
        t->dir = fd_close(t->dir);
}

/* Where a file without a name can be linked from. */
static void print_link(int fd, char ret[static 32]) {
        snprintf(ret, 32, "/proc/self/fd/%d", fd);
}

static int open_nameless(int dir) {
        int fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
        char link[32];

        if (fd < 0)
                return -errno;
        print_link(fd, link);
        return access(link, F_OK) == 0 ? fd : fd_close(fd);
}

static int target_open(target *t, const config *cfg) {
        static unsigned n_files;
        int r;

        *t = (target){ .dir = -1, .fd = -1 };
        memcpy(t->name, cfg->dbfilename, sizeof(t->name));
        snprintf(t->temporary, sizeof(t->temporary), "temp-%d-%u.rdb", (int)getpid(), n_files++);
        t->dir = open(cfg->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (t->dir < 0)
                return -errno;
        t->fd = open_nameless(t->dir);
        if (t->fd >= 0)
                return 0;
        t->fd = openat(t->dir, t->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        t->is_named = t->fd >= 0;
        if (t->is_named)
                return 0;
        r = -errno;
        target_close(t);
        return r;
}

static int target_write(const target *t, const void *p, size_t n) {
        const char *at = p;

        while (n > 0) {
                ssize_t done = write(t->fd, at, n);

                if (done < 0 && errno != EINTR)
                        return -errno;
                if (done > 0) {
                        at += done;
                        n -= (size_t)done;
                }
        }
        return 0;
}

/* The name is the directory's, which has to reach the disk too. A file system that cannot
 * do that has done what it can. */
static int target_finish(target *t) {
        char link[32];
        int dir;

        if (fsync(t->fd) < 0)
                return -errno;
        print_link(t->fd, link);
        if (!t->is_named && linkat(AT_FDCWD, link, t->dir, t->temporary, AT_SYMLINK_FOLLOW) < 0)
                return -errno;
        t->is_named = true;
        if (renameat(t->dir, t->temporary, t->dir, t->name) < 0)
                return -errno;
        t->fd = fd_close(t->fd);
        dir = openat(t->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir >= 0)
                fsync(dir);
        fd_close(dir);
        return 0;
}

/* at once */

static void note_saved(store *s, uint64_t n_changes) {
        s->save.last = clock_wall_ms() / 1000;
        s->save.n_changes = n_changes;
        s->save.n_saves++;
}

static int write_all(target *t, snapshot *snap) {
        bytes piece;
        int r, more;

        do {
                more = snapshot_next(snap, BATCH, &piece);
                r = more < 0 ? more : target_write(t, piece.p, piece.n);
        } while (r == 0 && more > 0);
        /* to its end anyway: one that is broken off would be in the way of the next */
        while (more > 0)
                more = snapshot_next(snap, BATCH, &piece);
        return r < 0 ? r : target_finish(t);
}

int save_now(store *s) {
        snapshot *snap = NULL;
        target to;
        int r = s->snapshot ? -EBUSY : target_open(&to, &s->config);

        if (r < 0)
                return r;
        r = snapshot_new(s, &snap);
        if (r == 0)
                r = write_all(&to, snap);
        snapshot_free(snap);
        target_close(&to);
        if (r == 0) {
                note_saved(s, s->n_changes);
                s->save.has_failed = false;
        }
        return r;
}

/* in the background */

static void saving_free(saving *w) {
        task_stop(&w->write);
        post_cancel(&w->gather);
        snapshot_free(w->snapshot);
        target_close(&w->to);
        mem_free(w);
}

static void end(saving *w, int r) {
        store *s = w->store;

        s->save.took = (clock_wall_ms() - w->since) / 1000;
        s->save.has_failed = r < 0;
        if (r == 0)
                note_saved(s, w->n_changes);
        s->save.tried = clock_wall_ms() / 1000;
        s->save.saving = NULL;
        saving_free(w);
        save_wake(s);
}

/* The other thread's. */
static void on_write(task *t) {
        saving *w = container_of(t, saving, write);

        w->r = target_write(&w->to, w->batch, w->n);
        if (w->r == 0 && w->is_last)
                w->r = target_finish(&w->to);
}

static void on_written(task *t) {
        saving *w = container_of(t, saving, write);

        w->n = 0;
        if (w->r < 0 || w->is_last)
                end(w, w->r);
        else
                post_put(&w->gather);
}

static void on_gather(post *p) {
        saving *w = container_of(p, saving, gather);
        bytes piece;
        int r;

        /* what is in memory already takes no time, and should not stay there */
        do {
                r = snapshot_next(w->snapshot, PIECE, &piece);
                if (r < 0)
                        break;
                memcpy(w->batch + w->n, piece.p, piece.n);
                w->n += piece.n;
        } while (r > 0 && w->n + PIECE <= BATCH && snapshot_waiting(w->snapshot) >= PIECE);
        if (r > 0 && w->n + PIECE <= BATCH) {
                post_put(p);
                return;
        }
        w->is_last = r == 0;
        if (r >= 0)
                r = task_start(&w->write, loop_get());
        if (r < 0)
                end(w, r);
}

int save_begin(store *s) {
        saving *w = mem_zero(sizeof(*w));
        int r;

        if (!w)
                return -ENOMEM;
        w->store = s;
        w->to = (target){ .dir = -1, .fd = -1 };
        w->n_changes = s->n_changes;
        w->since = clock_wall_ms();
        w->write = (task){ .work = on_write, .done = on_written };
        post_init(&w->gather, loop_get(), false, on_gather);
        /* the file first: a snapshot that is broken off has to be cleared away */
        r = s->snapshot ? -EBUSY : target_open(&w->to, &s->config);
        if (r == 0)
                r = snapshot_new(s, &w->snapshot);
        if (r < 0) {
                saving_free(w);
                return r;
        }
        s->save.saving = w;
        s->save.is_scheduled = false;
        post_put(&w->gather);
        return 0;
}

void save_cancel(store *s) {
        saving *w = s->save.saving;

        s->save.saving = NULL;
        s->save.is_scheduled = false;
        if (w)
                saving_free(w);
}

/* rules */

int save_read_rules(bytes words, save_rule ret[static SAVE_RULES_MAX]) {
        const char *p = words.p, *end_of = words.p + words.n;
        int n = 0;

        while (p < end_of) {
                int64_t number;
                size_t length = 0;

                while (p < end_of && *p == ' ')
                        p++;
                if (p == end_of)
                        break;
                while (p + length < end_of && p[length] != ' ')
                        length++;
                if (n == 2 * SAVE_RULES_MAX || !decimal_read(p, length, &number) ||
                    number < (n % 2 ? 0 : 1))
                        return -EINVAL;
                if (n % 2)
                        ret[n / 2].n_changes = number;
                else
                        ret[n / 2].seconds = number;
                n++;
                p += length;
        }
        return n % 2 ? -EINVAL : n / 2;
}

static int rules_of(const store *s, save_rule rules[static SAVE_RULES_MAX]) {
        int n = save_read_rules(bytes_of(s->config.save), rules);

        return n > 0 ? n : 0;
}

bool save_is_wanted(const store *s) {
        save_rule rules[SAVE_RULES_MAX];

        return rules_of(s, rules) > 0;
}

static bool is_time(const store *s) {
        const save_state *state = &s->save;
        uint64_t n_changes = s->n_changes - state->n_changes;
        int64_t now = clock_wall_ms() / 1000;
        save_rule rules[SAVE_RULES_MAX];
        int n = rules_of(s, rules);

        if (state->has_failed && now - state->tried <= RETRY)
                return false;
        for (int i = 0; i < n; i++)
                if (n_changes >= (uint64_t)rules[i].n_changes &&
                    now - state->last > rules[i].seconds)
                        return true;
        return false;
}

static void on_time(timer *t) {
        store *s = container_of(t, struct save_watch, timer)->store;

        s->save.is_timed = false;
        if (!s->save.saving && (s->save.is_scheduled || is_time(s))) {
                int r = save_begin(s);

                if (r < 0 && r != -EBUSY) {
                        s->save.has_failed = true;
                        s->save.tried = clock_wall_ms() / 1000;
                }
        }
        save_wake(s);
}

void save_wake(store *s) {
        save_state *state = &s->save;
        bool has_changed = s->n_changes != state->n_changes && save_is_wanted(s);
        loop *l = loop_get();

        if (state->is_timed || state->saving || !l || !(state->is_scheduled || has_changed))
                return;
        state->is_timed = timer_start(&state->watch->timer, l, clock_now() + CLOCK_SECOND) == 0;
}

/* all of it */

int save_init(store *s) {
        struct save_watch *w = mem_zero(sizeof(*w));

        s->save = (save_state){ .last = clock_wall_ms() / 1000, .took = -1, .watch = w };
        if (!w)
                return -ENOMEM;
        w->store = s;
        w->timer.fn = on_time;
        return 0;
}

void save_deinit(store *s) {
        save_cancel(s);
        if (s->save.is_timed)
                timer_stop(&s->save.watch->timer);
        s->save.is_timed = false;
        s->save.watch = mem_free(s->save.watch);
}

void save_tell_info(const store *s, text *t) {
        const save_state *state = &s->save;
        const saving *w = state->saving;

        text_add(t, "rdb_changes_since_last_save:%" PRIu64 "\r\n", s->n_changes - state->n_changes);
        text_add(t, "rdb_bgsave_in_progress:%d\r\n", w != NULL);
        text_add(t, "rdb_last_save_time:%" PRId64 "\r\n", state->last);
        text_add(t, "rdb_last_bgsave_status:%s\r\n", state->has_failed ? "err" : "ok");
        text_add(t, "rdb_last_bgsave_time_sec:%" PRId64 "\r\n", state->took);
        text_add(t, "rdb_current_bgsave_time_sec:%" PRId64 "\r\n",
                 w ? (clock_wall_ms() - w->since) / 1000 : -1);
        text_add(t, "rdb_saves:%" PRIu64 "\r\n", state->n_saves);
}
