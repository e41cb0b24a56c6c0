/* SPDX-License-Identifier: Apache-2.0 */
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <uv.h>

#include "../base/clock.h"
#include "../base/fds.h"
#include "../base/fork.h"
#include "../base/futex.h"
#include "../base/mem.h"

enum { RUNNING, ASLEEP, POLLING, POKED };

/* How many waits go by before the thread looks again at which cores it may use. */
enum { COMPANY_EVERY = 1024 };

/* A bridge that ends ends the next one: as many in a row as anybody will have. */
enum { LAST_ROUNDS = 64 };

typedef struct engine {
        uv_loop_t uv;
        uv_async_t wake;
        uv_timer_t deadline;
} engine;

static __thread loop *mine;

static bool own_posts_run(loop *l);

static lock all_guard;
static list all_idle = LIST_INIT(all_idle);
static pthread_key_t exit_key;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

/* engine: the part that needs descriptors, made when the first one has to be watched */

static void on_wake(uv_async_t *handle) {
        (void)handle;
}

/* libuv calls whoever is due before it waits, too, and would then wait for what comes next. */
static void end_round(uv_timer_t *handle) {
        uv_stop(handle->loop);
}

/* Who pokes from another thread must not find it going. */
static void engine_set(loop *l, engine *e) {
        lock_take(&l->guard);
        l->uv = e;
        lock_give(&l->guard);
}

static int engine_start(loop *l) {
        engine *e;
        int r;

        if (l->uv)
                return 0;
        e = mem_zero(sizeof(*e));
        if (!e)
                return -ENOMEM;

        e->uv.backend_fd = -1;
        r = uv_loop_init(&e->uv);
        if (r < 0) {
                /* libuv 1.44 forgets its epoll when the descriptor after it cannot be had */
                fd_close(e->uv.backend_fd);
                mem_free(e);
                return r;
        }
        r = uv_async_init(&e->uv, &e->wake, on_wake);
        if (r < 0) {
                uv_loop_close(&e->uv);
                mem_free(e);
                return r;
        }
        uv_timer_init(&e->uv, &e->deadline);
        engine_set(l, e);
        return 0;
}

int loop_uv(loop *l, uv_loop_t **ret) {
        int r = engine_start(l);

        if (r == 0)
                *ret = &((engine *)l->uv)->uv;
        return r;
}

static void engine_stop(loop *l) {
        engine *e = l->uv;

        if (!e)
                return;
        engine_set(l, NULL);
        uv_close((uv_handle_t *)&e->wake, NULL);
        uv_close((uv_handle_t *)&e->deadline, NULL);
        uv_run(&e->uv, UV_RUN_DEFAULT);
        uv_loop_close(&e->uv);
        mem_free(e);
}

/* the thread's own */

static void loop_retire(void *p) {
        loop *l = p;

        loop_tidy(l);
        mine = NULL;
        /* What the thread left open still points here. It is lost, as its memory is. */
        if (l->n_sources || l->n_timers || !list_is_empty(&l->posts) ||
            !list_is_empty(&l->user_posts) || !list_is_empty(&l->dirty))
                return;
        engine_stop(l);
        l->buffer = mem_free(l->buffer);
        lock_take(&all_guard);
        list_append(&all_idle, &l->all);
        lock_give(&all_guard);
}

/* The parent's threads own their loops, and the kernel's half of them. */
static void loop_leave_to_parent(void) {
        mine = NULL;
        pthread_setspecific(exit_key, NULL);
        list_init(&all_idle);
        atomic_store(&all_guard.state, 0);
}

static void exit_install(void) {
        pthread_key_create(&exit_key, loop_retire);
        fork_in_child(loop_leave_to_parent);
}

static int count_cpus(void) {
        cpu_set_t set;

        return sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 : CPU_COUNT(&set);
}

static loop *loop_new(void) {
        list *node;
        loop *l;

        pthread_once(&exit_once, exit_install);

        lock_take(&all_guard);
        node = list_take_first(&all_idle);
        lock_give(&all_guard);

        l = node ? container_of(node, loop, all) : mem_zero(sizeof(*l));
        if (!l)
                return NULL;
        list_init(&l->all);
        list_init(&l->posts);
        list_init(&l->user_posts);
        list_init(&l->dirty);
        list_init(&l->idle);
        list_init(&l->ready);
        list_init(&l->sources);
        list_init(&l->unwritten);
        atomic_store(&l->state, RUNNING);
        l->stopping = l->in_callback = false;
        l->external = false;
        l->corked = l->n_foreign = l->n_sources = l->n_timers = 0;
        l->forks = fork_count();
        l->seed = (uint32_t)(uintptr_t)l | 1;
        l->n_cpus = count_cpus();
        l->n_naps = 0;

        if (pthread_setspecific(exit_key, l)) {
                mem_free(l);
                return NULL;
        }
        mine = l;
        return l;
}

loop *loop_mine(void) {
        return mine;
}

loop *loop_get(void) {
        return mine ? mine : loop_new();
}

void loop_trim(void) {
        list *node;

        if (mine) {
                loop *l = mine;

                pthread_setspecific(exit_key, NULL);
                loop_retire(l);
        }
        lock_take(&all_guard);
        while ((node = list_take_first(&all_idle)))
                mem_free(container_of(node, loop, all));
        lock_give(&all_guard);
}

uint8_t *loop_buffer(loop *l) {
        if (!l->buffer)
                l->buffer = mem_new(LOOP_BUFFER_SIZE);
        return l->buffer;
}

uint32_t loop_random(loop *l) {
        /* xorshift32, Marsaglia 2003: fairness needs no more */
        l->seed ^= l->seed << 13;
        l->seed ^= l->seed >> 17;
        l->seed ^= l->seed << 5;
        return l->seed;
}

bool loop_has_company(loop *l) {
        if (++l->n_naps % COMPANY_EVERY == 0)
                l->n_cpus = count_cpus();
        return l->n_cpus > 1;
}

bool loop_is_bare(const loop *l) {
        return !l->n_sources && !l->n_timers && !l->external;
}

/* waking */

void loop_poke(loop *l) {
        uint32_t was = atomic_exchange(&l->state, POKED);

        if (was == ASLEEP)
                futex_wake(&l->state, 1);
        else if (was == POLLING || l->external) {
                lock_take(&l->guard);
                if (l->uv) /* the thread may have left since */
                        uv_async_send(&((engine *)l->uv)->wake); /* tells once until heard */
                lock_give(&l->guard);
        }
}

/* posts */

void post_init(post *p, loop *l, bool user, void (*fn)(post *p)) {
        p->fn = fn;
        p->loop = l;
        p->user = user;
        p->queued = false;
        list_init(&p->node);
}

void post_put(post *p) {
        loop *l = p->loop;
        bool was;

        lock_take(&l->guard);
        was = p->queued;
        if (!was) {
                p->queued = true;
                list_append(p->user ? &l->user_posts : &l->posts, &p->node);
        }
        lock_give(&l->guard);
        if (!was && (l != mine || l->external))
                loop_poke(l);
}

void post_cancel(post *p) {
        if (!p->loop)
                return;
        lock_take(&p->loop->guard);
        p->queued = false;
        list_remove(&p->node);
        lock_give(&p->loop->guard);
}

/* One at a time under the lock, since any of them may cancel any other. */
static bool posts_run(loop *l, list *from) {
        list taken = LIST_INIT(taken);
        bool any = false;

        lock_take(&l->guard);
        list_move(&taken, from);
        while (!list_is_empty(&taken)) {
                post *p = container_of(list_take_first(&taken), post, node);

                p->queued = false;
                lock_give(&l->guard);
                any = true;
                p->fn(p);
                lock_take(&l->guard);
        }
        lock_give(&l->guard);
        return any;
}

static bool posts_wait(loop *l, const list *posts) {
        bool any;

        lock_take(&l->guard);
        any = !list_is_empty(posts);
        lock_give(&l->guard);
        return any;
}

/* dirty */

void dirty_init(dirty *d, void (*fn)(dirty *d)) {
        d->fn = fn;
        list_init(&d->node);
}

void dirty_put(loop *l, dirty *d) {
        list_remove(&d->node);
        list_append(&l->dirty, &d->node);
}

void dirty_put_idle(loop *l, dirty *d) {
        if (!list_is_linked(&d->node))
                list_append(&l->idle, &d->node);
}

void dirty_cancel(dirty *d) {
        list_remove(&d->node);
}

void loop_flush(loop *l) {
        list taken = LIST_INIT(taken);
        list *node;

        list_move(&taken, &l->dirty);
        while ((node = list_take_first(&taken))) {
                dirty *d = container_of(node, dirty, node);

                d->fn(d);
        }
}

/* sources */

static void on_poll(uv_poll_t *handle, int status, int events) {
        source *s = handle->data;

        /* Only noted: what acts on it may close any source, and uv_run() must be over. */
        s->events |= status < 0 ? SOURCE_READ | SOURCE_WRITE | SOURCE_GONE
                                : (events & UV_READABLE ? SOURCE_READ : 0u) |
                                          (events & UV_WRITABLE ? SOURCE_WRITE : 0u) |
                                          (events & UV_DISCONNECT ? SOURCE_GONE : 0u);
        /* libuv stops watching after an error; what is wanted next is told anew */
        if (status < 0)
                s->want = s->told = 0;
        source_again(s, 0);
}

static void source_run(ready *r) {
        source *s = container_of(r, source, ready);
        unsigned events = s->events;

        s->events = 0;
        s->fn(s, events);
}

static void on_handle_closed(uv_handle_t *handle) {
        mem_free(handle);
}

int source_open(source *s, loop *l, int fd, unsigned want) {
        int flags, r;
        uv_poll_t *poll;

        r = engine_start(l);
        if (r < 0)
                return r;

        poll = mem_zero(sizeof(*poll));
        if (!poll)
                return -ENOMEM;
        flags = fcntl(fd, F_GETFL);
        r = flags < 0 ? -errno : uv_poll_init(&((engine *)l->uv)->uv, poll, fd);
        if (r < 0) {
                mem_free(poll);
                return r;
        }
        /* libuv makes it non-blocking; ours say so per call, and block when that is cheaper. */
        if (!(flags & O_NONBLOCK))
                fcntl(fd, F_SETFL, flags);

        poll->data = s;
        s->poll = poll;
        s->loop = l;
        s->want = s->told = s->events = 0;
        s->changed = false;
        s->ready.run = source_run;
        list_init(&s->ready.node);
        list_init(&s->all);
        list_append(&l->sources, &s->all);
        l->n_sources++;
        source_want(s, want);
        return 0;
}

void source_want(source *s, unsigned want) {
        if (!s->poll || want == s->want)
                return;
        s->want = (uint8_t)want;
        s->loop->stale = true;
        if (!s->changed) {
                s->changed = true;
                list_remove(&s->all);
                list_prepend(&s->loop->sources, &s->all);
        }
}

void source_again(source *s, unsigned events) {
        s->events |= (uint8_t)events;
        if (!list_is_linked(&s->ready.node))
                list_append(&s->loop->ready, &s->ready.node);
}

/* Each change is two system calls of libuv's, and most are taken back before a wait. */
static void tell_wants(loop *l) {
        list_each(node, &l->sources) {
                source *s = container_of(node, source, all);
                unsigned want = s->want;

                if (!s->changed)
                        break;
                s->changed = false;
                if (want == s->told)
                        continue;
                s->told = s->want;
                if (want)
                        uv_poll_start(s->poll,
                                      (want & SOURCE_READ ? UV_READABLE : 0) |
                                              (want & SOURCE_WRITE ? UV_WRITABLE : 0) |
                                              (want & SOURCE_GONE ? UV_DISCONNECT : 0),
                                      on_poll);
                else
                        uv_poll_stop(s->poll);
        }
}

void source_close(source *s) {
        if (!s->poll)
                return;
        uv_close((uv_handle_t *)s->poll, on_handle_closed);
        s->poll = NULL;
        list_remove(&s->ready.node);
        list_remove(&s->all);
        s->loop->n_sources--;
}

/* timers */

static void on_timer(uv_timer_t *handle) {
        timer *t = handle->data;

        list_append(&t->loop->ready, &t->ready.node);
        end_round(handle);
}

static void timer_run(ready *r) {
        timer *t = container_of(r, timer, ready);

        timer_stop(t);
        t->fn(t);
}

int timer_start(timer *t, loop *l, int64_t when) {
        uv_timer_t *handle;
        int r;

        r = engine_start(l);
        if (r < 0)
                return r;
        handle = mem_zero(sizeof(*handle));
        if (!handle)
                return -ENOMEM;

        uv_timer_init(&((engine *)l->uv)->uv, handle);
        handle->data = t;
        t->uv = handle;
        t->loop = l;
        t->ready.run = timer_run;
        list_init(&t->ready.node);
        l->n_timers++;
        l->stale = true;
        uv_update_time(&((engine *)l->uv)->uv);
        return uv_timer_start(handle, on_timer, (uint64_t)clock_poll_ms(when), 0);
}

static void advance(uv_handle_t *handle, void *arg) {
        const uint64_t *ms = arg;

        if (handle->type == UV_TIMER && uv_is_active(handle)) {
                uv_timer_t *t = (uv_timer_t *)handle;
                uint64_t left = uv_timer_get_due_in(t);

                uv_timer_start(t, on_timer, left > *ms ? left - *ms : 0, 0);
        }
}

void loop_advance(loop *l, int64_t ns) {
        uint64_t ms = (uint64_t)(ns / (CLOCK_SECOND / 1000));

        clock_advance(ns);
        if (engine_start(l) == 0)
                uv_walk(&((engine *)l->uv)->uv, advance, &ms);
        l->stale = true;
}

void timer_stop(timer *t) {
        if (!t->uv)
                return;
        uv_close((uv_handle_t *)t->uv, on_handle_closed);
        t->uv = NULL;
        list_remove(&t->ready.node);
        t->loop->n_timers--;
}

/* turning */

static void ready_run(loop *l) {
        list taken = LIST_INIT(taken);
        list *node;

        list_move(&taken, &l->ready);
        while ((node = list_take_first(&taken))) {
                ready *r = container_of(node, ready, node);

                l->came++;
                r->run(r);
        }
}

static void engine_wait(loop *l, int64_t deadline) {
        engine *e = l->uv;
        int ms = deadline == CLOCK_NEVER ? -1 : clock_poll_ms(deadline);

        l->stale = false;
        tell_wants(l);
        /* A look leaves the state alone: a poke must not be lost on it. */
        if (!ms || atomic_exchange(&l->state, POLLING) == POKED) {
                if (ms)
                        atomic_exchange(&l->state, RUNNING);
                uv_run(&e->uv, UV_RUN_NOWAIT);
                return;
        }
        if (ms > 0) {
                uv_update_time(&e->uv);
                uv_timer_start(&e->deadline, end_round, (uint64_t)ms, 0);
        }
        uv_run(&e->uv, UV_RUN_ONCE);
        atomic_exchange(&l->state, RUNNING);
        if (ms > 0)
                uv_timer_stop(&e->deadline);
}

static void futex_nap(loop *l, int64_t deadline) {
        if (atomic_exchange(&l->state, ASLEEP) != POKED)
                futex_wait(&l->state, ASLEEP, deadline);
        atomic_exchange(&l->state, RUNNING);
}

/* What the library does on its own gathers its output for the end of the round. */
static bool own_posts_run(loop *l) {
        bool any;

        l->corked++;
        l->in_posts = true;
        any = posts_run(l, &l->posts);
        l->in_posts = false;
        l->corked--;
        loop_flush(l);
        return any;
}

void loop_tidy(loop *l) {
        /* from within a post: what it leaves behind has its turn after it */
        for (int i = 0; i < LAST_ROUNDS && !l->in_posts; i++)
                if (!own_posts_run(l))
                        break;
}

/* With nothing else to do, what was put off until then is written. */
static void idle_run(loop *l) {
        list_move(&l->dirty, &l->idle);
        loop_flush(l);
        loop_flush(l); /* what the first has made dirty */
}

/* The one source that there is to wait for, if it can wait by itself. */
static source *only_source(loop *l) {
        source *s;

        if (l->n_sources != 1 || l->n_timers || l->n_foreign || l->external)
                return NULL;
        s = container_of(list_first(&l->sources), source, all);
        return s->wait ? s : NULL;
}

/* Without waiting: how much came. */
static size_t look(void *arg) {
        loop *l = arg;
        source *only = only_source(l);
        uint64_t before = l->came;

        if (only)
                only->look(only);
        else {
                engine_wait(l, 0);
                ready_run(l);
        }
        return (size_t)(l->came - before);
}

/* Instead of a wait: a poke ends it too. */
static size_t look_or_hear(void *arg) {
        loop *l = arg;

        if (only_source(l) || atomic_load(&l->state) != POKED)
                return look(l);
        atomic_exchange(&l->state, RUNNING);
        return 1;
}

static void sources_wait(loop *l, int64_t deadline) {
        source *only = only_source(l);
        int64_t begin = clock_now();

        if (only)
                only->wait(only, deadline);
        else
                engine_wait(l, deadline);
        patience_slept(&l->patience, clock_now() - begin);
        if (!only)
                ready_run(l);
}

static void sources_turn(loop *l, int64_t deadline) {
        bool waits = deadline > 0;

        if (!list_is_empty(&l->ready)) {
                if (!only_source(l))
                        engine_wait(l, 0);
                ready_run(l);
                return;
        }
        if (waits && patience_pays(&l->patience, loop_has_company(l), look_or_hear, l))
                return;
        if (!waits || !list_is_empty(&l->idle)) {
                if (look(l))
                        return;
                /* what has a callback to run is not idle yet */
                if (!waits && posts_wait(l, &l->user_posts))
                        return;
                idle_run(l);
        }
        /* what a look, or the flush, has left to do */
        if (waits && !posts_wait(l, &l->posts))
                sources_wait(l, deadline);
}

void loop_turn(loop *l, int64_t deadline) {
        /* Pokes so far are answered by what follows; under a loop around this one the next has
         * to be heard again. Before a wait they stay: the caller may have missed why. */
        if (deadline <= 0)
                atomic_exchange(&l->state, RUNNING);
        /* what the flush has left is as much a reason not to wait */
        if (own_posts_run(l) || posts_wait(l, &l->posts))
                deadline = 0;

        l->corked++;
        if (!loop_is_bare(l))
                sources_turn(l, deadline);
        else if (deadline > 0)
                futex_nap(l, deadline);
        l->corked--;

        own_posts_run(l);
}

static void user_posts_run(loop *l) {
        l->corked++;
        l->in_callback = true;
        posts_run(l, &l->user_posts);
        l->in_callback = false;
        l->corked--;
        loop_flush(l);
}

void loop_dispatch(loop *l) {
        /* Whatever was posted until now is run by this turn, so that the next poke has to
         * make the descriptor ready again. */
        atomic_exchange(&l->state, RUNNING);
        loop_turn(l, 0);
        user_posts_run(l);
}

int loop_run(loop *l, int64_t deadline) {
        l->stopping = false;
        while (!l->stopping) {
                if (deadline != CLOCK_NEVER && clock_now() >= deadline)
                        return -ETIMEDOUT;
                loop_turn(l, posts_wait(l, &l->user_posts) ? 0 : deadline);
                user_posts_run(l);
        }
        return 0;
}

void loop_stop(loop *l) {
        l->stopping = true;
}

int loop_fd(loop *l) {
        int r = engine_start(l);

        if (r < 0)
                return r;
        if (!l->external) {
                /* The next dispatch tells the engine what to look at. Not here, where a look
                 * would take a wake-up away from who asked for the wake time before. */
                l->external = true;
                l->stale = true;
        }
        return uv_backend_fd(&((engine *)l->uv)->uv);
}

int64_t loop_wake(loop *l) {
        int ms;

        if (!l->uv)
                return CLOCK_NEVER;
        if (l->stale || !list_is_empty(&l->ready) || !list_is_empty(&l->dirty) ||
            !list_is_empty(&l->idle) || posts_wait(l, &l->posts) || posts_wait(l, &l->user_posts))
                return 0;
        ms = uv_backend_timeout(&((engine *)l->uv)->uv);
        return ms < 0 ? CLOCK_NEVER : clock_add(clock_now(), ms * (CLOCK_SECOND / 1000));
}
