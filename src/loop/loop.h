/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The loop of a thread
 *
 * Each thread that waits has one, made on first use. It knows three kinds of work:
 *
 *   source  a descriptor, and what to do when it is ready
 *   post    something to be run soon, put in from any thread
 *   dirty   something with output to be written before the thread waits or returns
 *
 * loop_turn() runs the library's own posts, writes what is dirty, waits until
 * something happens, and hands ready sources what they waited for. It never runs a
 * program's callbacks: those are posts of the other list, which only loop_dispatch()
 * runs. So a turn may be made from anywhere, in a callback too.
 *
 *   RUNNING --about to wait--> ASLEEP (futex) | POLLING (descriptors)
 *      ^                            |
 *      |__________woken_____________|      any state --loop_poke()--> POKED
 *
 * A loop is never freed, but handed to the next thread that needs one: so that a
 * late poke from another thread, which is no more than a wake-up too many, has
 * somewhere to land.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/list.h"
#include "../base/lock.h"
#include "../base/patience.h"

typedef struct loop loop;
typedef struct source source;
typedef struct post post;
typedef struct dirty dirty;

/* GONE: the other side has hung up; told to READ and WRITE without asking. */
enum { SOURCE_READ = 1, SOURCE_WRITE = 2, SOURCE_GONE = 4 };

/* What libuv's callbacks leave behind, to be acted on when it has returned. */
typedef struct ready {
        void (*run)(struct ready *r);
        list node;
} ready;

struct source {
        void (*fn)(source *s, unsigned events);
        /* Wait on the descriptor itself, as the only thing that the thread waits for:
         * one system call instead of two. NULL if it cannot. */
        void (*wait)(source *s, int64_t deadline);
        void (*look)(source *s); /* the same without waiting */

        /* private */
        loop *loop;
        void *poll;
        list all;
        ready ready;
        uint8_t want, told, events; /* told: what libuv knows of what is wanted */
        bool changed;               /* before all that are not, in the loop's list */
};

struct post {
        void (*fn)(post *p);
        loop *loop;
        bool user; /* a callback of the program's */

        /* private */
        bool queued;
        list node;
};

struct dirty {
        void (*fn)(dirty *d);

        /* private */
        list node;
};

struct loop {
        int n_foreign; /* waits that another thread may end: its owner counts them */
        int corked;    /* how many reasons there are to hold output back */
        bool in_callback;
        uint64_t came;  /* bytes read by sources, and a bit for what else was ready */
        list unwritten; /* whose output waits for the kernel: their owner puts them in */

        /* private */
        _Atomic uint32_t state;
        uint32_t forks;
        _Atomic bool external; /* another thread that pokes wants to know */
        bool stopping, in_posts;
        bool stale; /* the kernel has not been told of all that is watched */
        patience patience;
        int n_sources, n_timers;
        list sources;
        lock guard; /* of the posts, and of uv for who pokes */
        list posts, user_posts;
        list dirty, idle, ready;
        list all;
        void *uv;
        uint8_t *buffer;
        uint32_t seed;
        int n_cpus;      /* that this thread may run on, looked up now and then */
        uint32_t n_naps; /* waits since */
};

/* This thread's; NULL without memory. loop_mine() is NULL if it has none yet. */
loop *loop_get(void);
loop *loop_mine(void);

/* A name for the loop's lent buffer: LOOP_BUFFER_SIZE bytes to read into, valid until
 * the function that asked returns to the loop. NULL without memory. */
enum { LOOP_BUFFER_SIZE = 64 * 1024 };
uint8_t *loop_buffer(loop *l);

/* Cheap numbers to choose by. */
uint32_t loop_random(loop *l);

/* Whether there is another core for another thread to run on. */
bool loop_has_company(loop *l);

/* One round, waiting until the deadline at most. */
void loop_turn(loop *l, int64_t deadline);

/* The same without waiting, and then the program's callbacks. */
void loop_dispatch(loop *l);

/* Do what the library has left to do, and wait for nothing. */
void loop_tidy(loop *l);

/* Run and dispatch until loop_stop() (0) or the deadline (-ETIMEDOUT). */
int loop_run(loop *l, int64_t deadline);
void loop_stop(loop *l);

/* Whether it has nothing to do but to sleep until poked. */
bool loop_is_bare(const loop *l);

/* Wake the loop's thread if it waits, or make its next wait return at once. Any thread. */
void loop_poke(loop *l);

/* Any thread; a post already in is left where it is. */
void post_init(post *p, loop *l, bool user, void (*fn)(post *p));
void post_put(post *p);
/* Its loop's thread. It will not run any more, unless put again. */
void post_cancel(post *p);

/* The loop's thread, all of these. */
void dirty_init(dirty *d, void (*fn)(dirty *d));
void dirty_put(loop *l, dirty *d);
/* The same, but only when the thread has nothing else to do. */
void dirty_put_idle(loop *l, dirty *d);
void dirty_cancel(dirty *d);
void loop_flush(loop *l);
static inline bool loop_holds_back(const loop *l) {
        return l->corked > 0;
}

/* Watch @fd, which stays the caller's. -EPERM for a regular file, which is always ready. */
int source_open(source *s, loop *l, int fd, unsigned want);
void source_want(source *s, unsigned want);
/* It is still ready for @events: the next turn does not wait, and calls fn for them. */
void source_again(source *s, unsigned events);
void source_close(source *s);

/* Call fn once, from a turn, at @when or soon after. */
typedef struct timer {
        void (*fn)(struct timer *t);
        /* private */
        loop *loop;
        void *uv;
        ready ready;
} timer;
int timer_start(timer *t, loop *l, int64_t when);
void timer_stop(timer *t);

/* libuv's own loop, for what else stands on it in this folder. -ENOMEM, -EMFILE. */
struct uv_loop_s;
int loop_uv(loop *l, struct uv_loop_s **ret);

/* For a loop around this one: what to poll for reading, and until when at most. */
enum { LOOP_EVENTS = 1 }; /* POLLIN, as POSIX has it everywhere */
int loop_fd(loop *l);
int64_t loop_wake(loop *l);

/* For tests: clock_advance(), and timers that have been started know of it. */
void loop_advance(loop *l, int64_t ns);

/* For tests: give back what is kept for later. */
void loop_trim(void);
