/* SPDX-License-Identifier: Apache-2.0 */
#include "routine.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/fds.h"
#include "../base/mem.h"

struct routine {
        routines *all;
        list node; /* in those that were left */
        beam_work_fn *fn;
        void *data;
        beam_work work; /* the function's, while it runs */
        int tell;       /* what it is told by, or -1 */
        pthread_t thread;
        int returned;
        atomic_bool has_returned;
        post post;
        bool is_left, is_cancelled, is_killed;
        void (*ended)(void *data);
        void *ended_data;
        process_end end;
};

/* what it is given */

/* A block of the pointers, and behind them the texts. */
static int copy_texts(const char *const *from, const char *const **ret) {
        size_t n = 0, n_bytes = 0;
        const char **to;
        char *text;

        for (; from[n]; n++)
                n_bytes += strlen(from[n]) + 1;
        to = mem_new((n + 1) * sizeof(*to) + n_bytes);
        if (!to)
                return -ENOMEM;
        text = (char *)(to + n + 1);
        for (size_t i = 0; i < n; i++) {
                to[i] = text;
                text = stpcpy(text, from[i]) + 1;
        }
        to[n] = NULL;
        *ret = to;
        return 0;
}

static int copy_work(beam_work *w, const beam_work *from) {
        int r;

        *w = *from;
        w->argv = w->env = NULL;
        w->fds = NULL;
        w->url = NULL;
        r = copy_texts(from->argv, &w->argv);
        if (r == 0)
                r = copy_texts(from->env, &w->env);
        if (r == 0 && from->url && !(w->url = mem_text(from->url)))
                r = -ENOMEM;
        if (r == 0 && !(w->fds = mem_copy(from->fds, from->n_fds * sizeof(*from->fds))))
                r = -ENOMEM;
        return r;
}

static int make_told(routine *rt) {
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        rt->work.told = fds[0];
        rt->tell = fds[1];
        return fd_set_nonblock(rt->tell, true);
}

static void discard(routine *rt) {
        post_cancel(&rt->post);
        list_remove(&rt->node);
        rt->tell = fd_close(rt->tell);
        fd_close(rt->work.told);
        mem_free((void *)rt->work.argv);
        mem_free((void *)rt->work.env);
        mem_free((void *)rt->work.url);
        mem_free(rt->work.fds);
        mem_free(rt);
}

/* its thread */

static void *play(void *arg) {
        routine *rt = arg;

        rt->returned = rt->fn(rt->data, &rt->work);
        /* before anybody hears of it: who does reads its output to the end */
        fd_close_all(rt->work.fds, rt->work.n_fds);
        atomic_store(&rt->has_returned, true);
        post_put(&rt->post);
        return NULL;
}

/* Signals are the program's business, on the program's threads. */
static int start_thread(routine *rt) {
        sigset_t all, before;
        int r;

        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, &before);
        r = -pthread_create(&rt->thread, NULL, play, rt);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return r;
}

/* Zero from one that was cancelled says nothing: the end of its input was not its client's. */
static void conclude(routine *rt) {
        int signal = rt->is_killed ? SIGKILL : rt->is_cancelled && rt->returned == 0 ? SIGTERM : 0;

        rt->end = (process_end){ .kind = signal ? PROCESS_SIGNALLED : PROCESS_EXITED,
                                 .status = signal ? signal : rt->returned };
        if (rt->returned < 0 || rt->returned > 255)
                rt->end.status = signal ? signal : 255;
}

static void on_post(post *p) {
        routine *rt = container_of(p, routine, post);

        if (rt->is_left) {
                rt->all->returned(rt->all);
                return;
        }
        conclude(rt);
        rt->ended(rt->ended_data);
}

int routine_start(routines *all, const routine_options *o, loop *l, routine **ret) {
        routine *rt = mem_zero(sizeof(*rt));
        int r;

        if (!rt)
                return -ENOMEM;
        *rt = (routine){ .all = all, .fn = o->fn, .data = o->data, .tell = -1, .ended = o->ended };
        rt->ended_data = o->ended_data;
        list_init(&rt->node);
        post_init(&rt->post, l, false, on_post);
        r = copy_work(&rt->work, &o->work);
        rt->work.told = -1;
        if (r == 0)
                r = make_told(rt);
        if (r == 0)
                r = start_thread(rt);
        if (r < 0) {
                discard(rt);
                return r;
        }
        *ret = rt;
        return 0;
}

/* what is said to it */

void routine_signal(routine *rt, int number) {
        uint8_t byte = (uint8_t)number;

        if (rt->tell >= 0)
                (void)!write(rt->tell, &byte, 1);
}

/* Who has returned was not moved to that by us. */
void routine_cancel(routine *rt) {
        if (atomic_load(&rt->has_returned))
                return;
        rt->is_cancelled = true;
        rt->tell = fd_close(rt->tell);
}

void routine_kill(routine *rt) {
        routine_cancel(rt);
        rt->is_killed = rt->is_cancelled;
}

const process_end *routine_ended(const routine *rt) {
        return &rt->end;
}

static void join(routine *rt) {
        pthread_join(rt->thread, NULL);
        discard(rt);
}

routine *routine_free(routine *rt) {
        if (!rt)
                return NULL;
        if (atomic_load(&rt->has_returned)) {
                join(rt);
                return NULL;
        }
        rt->is_left = true;
        routine_cancel(rt);
        list_append(&rt->all->left, &rt->node);
        return NULL;
}

/* all of them */

void routines_init(routines *all, void (*returned)(routines *all)) {
        list_init(&all->left);
        all->returned = returned;
}

size_t routines_left(routines *all) {
        size_t n = 0;

        list_each_safe(node, &all->left) {
                routine *rt = container_of(node, routine, node);

                if (atomic_load(&rt->has_returned))
                        join(rt);
                else
                        n++;
        }
        return n;
}

void routines_deinit(routines *all) {
        for (list *node; (node = list_first(&all->left));)
                join(container_of(node, routine, node));
}
