/* SPDX-License-Identifier: Apache-2.0 */
/* What a program calls of a worker. */
#include <beam/job.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "../base/clock.h"
#include "../base/fork.h"
#include "../base/mem.h"
#include "../context/api.h"
#include "worker.h"

struct beam_worker {
        worker worker;
        uint32_t forks;
        bool has_begun;
        void (*told)(void *data, int r);
        void (*stopped)(void *data);
        void *data;
        post post; /* a callback of the program's is due: */
        bool is_told, is_stopped;
        int told_last;
};

/* One at a time, as either may free it. */
static void on_post(post *p) {
        beam_worker *b = container_of(p, beam_worker, post);

        if (b->is_told) {
                b->is_told = false;
                if (b->is_stopped)
                        post_put(p);
                if (b->told)
                        b->told(b->data, b->told_last);
        } else if (b->stopped) {
                b->stopped(b->data);
        }
}

static void on_told(worker *w, int r) {
        beam_worker *b = container_of(w, beam_worker, worker);

        b->is_told = true;
        b->told_last = r;
        post_put(&b->post);
}

static void on_stopped(worker *w) {
        beam_worker *b = container_of(w, beam_worker, worker);

        b->is_stopped = true;
        post_put(&b->post);
}

/* Four for each core: most jobs wait for something most of the time. Picked. */
static size_t default_jobs(void) {
        cpu_set_t cpus;

        return 4 * (sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? (size_t)CPU_COUNT(&cpus) : 1);
}

static int give_env(order *o, const char *const *env) {
        static const char *const names[] = { "PATH",  "HOME", "USER", "LOGNAME",
                                             "SHELL", "LANG", "TZ" };
        int r = 0;

        for (size_t i = 0; !env && r == 0 && i < sizeof(names) / sizeof(*names); i++)
                if (getenv(names[i]))
                        r = order_give(o, names[i], getenv(names[i]));
        for (; env && r == 0 && *env; env++)
                r = strchr(*env, '=') > *env ? order_give_text(o, *env) : -EINVAL;
        return r;
}

static int give_permit(permit *p, const beam_worker_options *o) {
        int r = 0;

        for (const char *const *user = o->users; user && *user && r == 0; user++)
                r = permit_add_user(p, *user);
        for (const char *const *limit = o->limits; limit && *limit && r == 0; limit++)
                r = permit_add_limit(p, *limit);
        return r;
}

static int copy(const char *text, char **ret) {
        *ret = text ? mem_text(text) : NULL;
        return text && !*ret ? -ENOMEM : 0;
}

int beam_worker_new(const beam_worker_options *opt, beam_worker **ret) {
        beam_worker_options o = { .size = sizeof(o) };
        beam_worker *b;
        worker *w;
        int r;

        if (opt)
                memcpy(&o, opt, opt->size < sizeof(o) ? opt->size : sizeof(o));
        if (o.n_jobs > WORKER_JOBS_MAX)
                return -EINVAL;
        b = mem_zero(sizeof(*b));
        if (!b)
                return -ENOMEM;
        w = &b->worker;
        b->forks = fork_count();
        b->told = o.told;
        b->stopped = o.stopped;
        b->data = o.data;
        w->told = on_told;
        w->stopped = on_stopped;
        w->n_jobs = o.n_jobs ? o.n_jobs : default_jobs();
        r = give_env(&w->given, o.env);
        if (r == 0)
                r = give_permit(&w->permit, &o);
        if (r == 0)
                r = copy(o.cwd, &w->cwd);
        if (r == 0)
                r = copy(o.user, &w->user);
        if (r == 0)
                r = copy(o.password, &w->password);
        if (r < 0) {
                beam_worker_free(b);
                return r;
        }
        *ret = b;
        return 0;
}

int beam_worker_allow(beam_worker *b, const char *text) {
        if (b->forks != fork_count())
                return -ECHILD;
        return b->has_begun ? -EALREADY : programs_add(&b->worker.programs, text);
}

int beam_worker_allow_function(beam_worker *b, const char *name, beam_work_fn *fn, void *data) {
        if (b->forks != fork_count())
                return -ECHILD;
        return b->has_begun ? -EALREADY
                            : programs_add_function(&b->worker.programs, name, fn, data);
}

static int begin(beam_worker *b) {
        loop *l = loop_get();
        int r;

        if (b->forks != fork_count())
                return -ECHILD;
        if (b->has_begun)
                return -EALREADY;
        if (b->worker.programs.n == 0)
                return -EINVAL;
        if (!l)
                return -ENOMEM;
        post_init(&b->post, l, true, on_post);
        r = worker_open(&b->worker);
        b->has_begun = r == 0;
        return r;
}

int beam_worker_join(beam_worker *b, beam_context *ctx) {
        b->worker.ctx = ctx;
        return begin(b);
}

int beam_worker_dial(beam_worker *b, const char *text) {
        int r = url_parse(text, &b->worker.at);

        if (r == 0 && b->worker.at.kind != URL_TCP && b->worker.at.kind != URL_UNIX &&
            b->worker.at.kind != URL_ABSTRACT)
                r = -EINVAL; /* several connections are made, and again when they are lost */
        mem_free(b->worker.url);
        b->worker.url = NULL;
        if (r == 0)
                r = copy(text, &b->worker.url);
        return r < 0 ? r : begin(b);
}

int beam_worker_stop(beam_worker *b) {
        if (b->forks != fork_count())
                return -ECHILD;
        if (b->has_begun)
                worker_stop(&b->worker);
        return 0;
}

int beam_worker_cancel(beam_worker *b) {
        if (b->forks != fork_count())
                return -ECHILD;
        if (b->has_begun)
                worker_cancel(&b->worker);
        return 0;
}

beam_worker *beam_worker_free(beam_worker *b) {
        if (!b)
                return NULL;
        if (b->has_begun && b->forks == fork_count()) {
                post_cancel(&b->post);
                worker_close(&b->worker);
        }
        programs_deinit(&b->worker.programs);
        permit_deinit(&b->worker.permit);
        order_deinit(&b->worker.given);
        mem_free(b->worker.url);
        mem_free(b->worker.cwd);
        mem_free(b->worker.user);
        mem_free(b->worker.password);
        return mem_free(b);
}
