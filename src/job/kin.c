/* SPDX-License-Identifier: Apache-2.0 */
#include "kin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/fds.h"
#include "../base/mem.h"

/* Of an environment this much is looked at; picked, the usual is 4 KiB. */
enum { ENVIRON_MAX = 256 * 1024 };

/* Who still finds somebody to start by then is killed as it is. */
enum { STOPS_MAX = 32 };

typedef struct entry {
        pid_t pid, parent, group, session;
        uint64_t start;
        bool is_alive, is_in;
        bool is_told; /* to stop, at the last look or before this one */
} entry;

typedef struct look {
        DIR *proc;
        entry *entries; /* by number */
        size_t n, n_room;
        char *environ;
        pid_t our_group, our_session;
} look;

static int read_file(int dir, const char *path, char *buf, size_t size) {
        _cleanup_(fd_closep) int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
        size_t n = 0;

        if (fd < 0)
                return -errno;
        while (n < size) {
                ssize_t k = read(fd, buf + n, size - n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                n += (size_t)k;
        }
        return (int)n;
}

/* -ESRCH if it is gone. */
static int entry_read(int dir, pid_t pid, entry *ret) {
        char path[32], text[1024], state;
        unsigned long long start;
        const char *p;
        long threads;
        int n;

        snprintf(path, sizeof(path), "%d/stat", (int)pid);
        n = read_file(dir, path, text, sizeof(text) - 1);
        if (n < 0)
                return -ESRCH;
        text[n] = '\0';
        /* behind the name, which may hold anything */
        p = strrchr(text, ')');
        *ret = (entry){ .pid = pid };
        if (!p || sscanf(p + 1,
                         " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld "
                         "%*d %llu",
                         &state, &ret->parent, &ret->group, &ret->session, &threads, &start) != 6)
                return -ESRCH;
        ret->start = start;
        /* The first thread may have ended before the others. */
        ret->is_alive = (state != 'Z' && state != 'X') || threads > 1;
        return 0;
}

static int by_pid(const void *a, const void *b) {
        const entry *x = a, *y = b;

        return (x->pid > y->pid) - (x->pid < y->pid);
}

static entry *find(const look *l, pid_t pid) {
        if (!l->n)
                return NULL;
        return bsearch(&(entry){ .pid = pid }, l->entries, l->n, sizeof(*l->entries), by_pid);
}

static int look_open(look *l) {
        l->proc = opendir("/proc");
        if (!l->proc)
                return -errno;
        for (struct dirent *d; (d = readdir(l->proc));) {
                pid_t pid = atoi(d->d_name);

                if (pid <= 0)
                        continue;
                if (l->n == l->n_room) {
                        size_t room = l->n_room ? l->n_room * 2 : 256;
                        entry *more = mem_resize(l->entries, room * sizeof(*more));

                        if (!more)
                                return -ENOMEM;
                        l->entries = more;
                        l->n_room = room;
                }
                if (entry_read(dirfd(l->proc), pid, &l->entries[l->n]) == 0)
                        l->n++;
        }
        if (l->n)
                qsort(l->entries, l->n, sizeof(*l->entries), by_pid);
        l->our_group = getpgrp();
        l->our_session = getsid(0);
        return 0;
}

static void look_close(look *l) {
        if (l->proc)
                closedir(l->proc);
        mem_free(l->entries);
        mem_free(l->environ);
}

static bool was_known(const kin *k, const entry *e) {
        for (size_t i = 0; i < k->n_known; i++)
                if (k->known[i].pid == e->pid && k->known[i].start == e->start)
                        return true;
        return false;
}

/* At the beginning of an entry, and up to its end. */
static bool has_mark(look *l, const char *mark, pid_t pid) {
        size_t n_mark = strlen(mark) + 1;
        char path[32];
        int n;

        snprintf(path, sizeof(path), "%d/environ", (int)pid);
        n = read_file(dirfd(l->proc), path, l->environ, ENVIRON_MAX);
        for (const char *p = l->environ, *end = p + (n > 0 ? n : 0); p < end;) {
                const char *next = memchr(p, '\0', (size_t)(end - p));

                next = next ? next + 1 : end;
                if ((size_t)(next - p) == n_mark && !memcmp(p, mark, n_mark))
                        return true;
                p = next;
        }
        return false;
}

/* Whether the group, or session, is of the tree: its leader is in. One whose leader is gone
 * is, if another of the tree is in it. */
static bool is_of_kin(const look *l, pid_t id, size_t offset) {
        const entry *leader = id > 0 ? find(l, id) : NULL; /* 0 is one outside of a container */

        if (leader || id <= 0)
                return leader && leader->is_in;
        for (size_t i = 0; i < l->n; i++) {
                pid_t its;

                memcpy(&its, (const char *)&l->entries[i] + offset, sizeof(its));
                if (l->entries[i].is_in && its == id)
                        return true;
        }
        return false;
}

static bool belongs(const look *l, const entry *e) {
        const entry *parent = find(l, e->parent);

        return (parent && parent->is_in) ||
               (e->group != l->our_group && is_of_kin(l, e->group, offsetof(entry, group))) ||
               (e->session != l->our_session && is_of_kin(l, e->session, offsetof(entry, session)));
}

/* Those that say so themselves. */
static int mark_first(look *l, const kin *k) {
        const entry *root = k->root ? find(l, k->root) : NULL;

        if (k->mark) {
                l->environ = mem_new(ENVIRON_MAX);
                if (!l->environ)
                        return -ENOMEM;
        }
        for (entry *e = l->entries; e < l->entries + l->n; e++) {
                /* Whoever began before it is nobody of its own; and neither are we, whatever
                 * environment we began with. */
                if (e->pid == getpid() || e->pid == 1 || (root && e->start < root->start))
                        continue;
                e->is_told = k->is_stopping && was_known(k, e);
                e->is_in = e == root || was_known(k, e) ||
                           (k->mark && e->is_alive && has_mark(l, k->mark, e->pid));
        }
        return 0;
}

static void mark_rest(look *l, const kin *k) {
        const entry *root = k->root ? find(l, k->root) : NULL;
        bool more;

        do {
                more = false;
                for (entry *e = l->entries; e < l->entries + l->n; e++) {
                        if (e->is_in || e->pid == getpid() || e->pid == 1 ||
                            (root && e->start < root->start))
                                continue;
                        e->is_in = belongs(l, e);
                        more |= e->is_in;
                }
        } while (more);
}

/* By a descriptor: the number may be another's by now. */
static void tell(const look *l, const entry *e, int signal) {
        _cleanup_(fd_closep) int fd = (int)syscall(SYS_pidfd_open, e->pid, 0);
        entry now;

        if (fd >= 0 && entry_read(dirfd(l->proc), e->pid, &now) == 0 && now.start == e->start)
                (void)syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0);
}

/* Without memory they stay those of before. */
static void remember(kin *k, const look *l, size_t n) {
        kin_one *known = n ? mem_array(n, sizeof(*known)) : NULL;

        if (n && !known)
                return;
        mem_free(k->known);
        k->known = known;
        k->n_known = 0;
        for (const entry *e = l->entries; e < l->entries + l->n; e++)
                if (e->is_in && e->is_alive)
                        k->known[k->n_known++] = (kin_one){ e->pid, e->start };
}

/* Returns how many are alive. */
static int look_take(look *l, kin *k) {
        size_t n = 0;
        int r;

        *l = (look){ 0 };
        r = look_open(l);
        if (r == 0)
                r = mark_first(l, k);
        if (r < 0) {
                look_close(l);
                return r;
        }
        mark_rest(l, k);
        for (const entry *e = l->entries; e < l->entries + l->n; e++)
                n += e->is_in && e->is_alive;
        remember(k, l, n);
        return (int)n;
}

/* The group at once: nobody in there forks meanwhile, the kernel sees to that. */
static void tell_group(const kin *k, int signal) {
        if (k->root)
                (void)kill(-k->root, signal);
}

static void tell_all(const kin *k, const look *l, int signal) {
        tell_group(k, signal);
        for (const entry *e = l->entries; e < l->entries + l->n; e++)
                if (e->is_in && e->is_alive && !(k->root && e->group == k->root))
                        tell(l, e, signal);
}

int kin_count(kin *k) {
        look l;
        int n = look_take(&l, k);

        if (n >= 0)
                look_close(&l);
        return n;
}

int kin_signal(kin *k, int signal) {
        look l;
        /* before it, since who ends leaves children that are nobody's */
        int n = look_take(&l, k);

        k->is_stopping = false;
        if (n < 0) {
                tell_group(k, signal);
                return n;
        }
        tell_all(k, &l, signal);
        look_close(&l);
        return n;
}

/* Who was told to stop starts nobody any more: fork() looks for signals at its very end. That
 * is waited for, not that they stand still, as who waits in vfork() for a child that is stopped
 * never does. */
int kin_kill(kin *k) {
        bool any_new = false;
        look l;
        int n;

        tell_group(k, SIGSTOP);
        n = look_take(&l, k);
        if (n < 0) {
                tell_group(k, SIGKILL);
                return n;
        }
        for (const entry *e = l.entries; e < l.entries + l.n; e++)
                any_new |=
                        e->is_in && e->is_alive && !e->is_told && !(k->root && e->group == k->root);
        k->is_stopping = true;
        tell_all(k, &l, any_new && k->n_stops++ < STOPS_MAX ? SIGSTOP : SIGKILL);
        look_close(&l);
        return n;
}

void kin_deinit(kin *k) {
        k->known = mem_free(k->known);
        k->n_known = 0;
}
