/* SPDX-License-Identifier: Apache-2.0 */
#include "loop.h"

#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "help.h"

/* What has run, in order, as letters. */
static char ran[64];

static void note(char what) {
        size_t n = strlen(ran);

        assert_lt(n + 1, sizeof(ran));
        ran[n] = what;
        ran[n + 1] = '\0';
}

typedef struct item {
        post post;
        char name;
        struct item *other;
        void (*then)(struct item *i);
} item;

static void run_item(post *p) {
        item *i = container_of(p, item, post);

        note(i->name);
        if (i->then)
                i->then(i);
}

static void item_init(item *i, char name, bool user) {
        *i = (item){ .name = name };
        post_init(&i->post, loop_get(), user, run_item);
}

static void put_other(item *i) {
        post_put(&i->other->post);
}

static void cancel_other(item *i) {
        post_cancel(&i->other->post);
}

TEST(one_loop_for_a_thread) {
        assert_null(loop_mine());
        assert_not_null(loop_get());
        assert_true(loop_get() == loop_mine());
        assert_not_null(loop_buffer(loop_get()));
        assert_true(loop_buffer(loop_get()) == loop_buffer(loop_get()));
        assert_true(loop_is_bare(loop_get()));
        assert_ne(loop_random(loop_get()), loop_random(loop_get()));
        assert_false(loop_holds_back(loop_get()));
}

/* posts */

TEST(posts_run_in_order_and_once) {
        item a, b, c;

        item_init(&a, 'a', false);
        item_init(&b, 'b', false);
        item_init(&c, 'c', false);
        post_put(&c.post);
        post_put(&a.post);
        post_put(&b.post);
        post_put(&c.post); /* stays where it is */
        assert_str(ran, "");
        loop_turn(loop_get(), 0);
        assert_str(ran, "cab");
        loop_turn(loop_get(), 0);
        assert_str(ran, "cab");
        post_put(&a.post);
        loop_turn(loop_get(), CLOCK_NEVER); /* does not wait with something to do */
        assert_str(ran, "caba");
}

TEST(a_post_may_put_and_cancel) {
        item a, b, c;

        item_init(&a, 'a', false);
        item_init(&b, 'b', false);
        item_init(&c, 'c', false);
        a.other = &b;
        a.then = cancel_other;
        b.other = &c;
        post_put(&a.post);
        post_put(&b.post);
        post_put(&c.post);
        loop_turn(loop_get(), 0);
        assert_str(ran, "ac");

        a.then = put_other; /* itself, for one more round */
        a.other = &a;
        post_put(&a.post);
        loop_turn(loop_get(), CLOCK_NEVER);
        assert_ge(strlen(ran), 3);
        assert_le(strlen(ran), 4);
        loop_turn(loop_get(), CLOCK_NEVER);
        post_cancel(&a.post);
        post_cancel(&a.post);
        ran[0] = '\0';
        loop_turn(loop_get(), 0);
        assert_str(ran, "");

        post_cancel(&(post){ 0 }); /* of no loop yet */
}

TEST(tidy_runs_what_follows) {
        item a, b, c, user;

        item_init(&a, 'a', false);
        item_init(&b, 'b', false);
        item_init(&c, 'c', false);
        item_init(&user, 'u', true);
        a.then = b.then = c.then = put_other;
        a.other = &b;
        b.other = &c;
        c.other = &user;
        post_put(&a.post);
        loop_tidy(loop_get());
        assert_str(ran, "abc");
        loop_dispatch(loop_get());
        assert_str(ran, "abcu");
}

/* callbacks of the program's */

static void nested_turn(item *i) {
        (void)i;
        assert_true(loop_get()->in_callback);
        loop_turn(loop_get(), 0);
        note('.');
}

TEST(a_nested_turn_runs_no_callback) {
        item a, b, own;

        item_init(&a, 'a', true);
        item_init(&b, 'b', true);
        item_init(&own, 'o', false);
        a.then = nested_turn;
        a.other = &own;
        post_put(&a.post);
        post_put(&b.post);
        loop_turn(loop_get(), 0);
        assert_str(ran, "");
        post_put(&own.post);
        loop_dispatch(loop_get());
        assert_str(ran, "oa.b");
        assert_false(loop_get()->in_callback);

        /* the library's own go on in one */
        ran[0] = '\0';
        a.then = put_other;
        b.then = nested_turn;
        post_put(&a.post);
        post_put(&b.post);
        loop_dispatch(loop_get());
        assert_str(ran, "abo.");
}

static void stop(item *i) {
        (void)i;
        loop_stop(loop_get());
}

TEST(run_until_stopped) {
        item a, b;

        item_init(&a, 'a', true);
        item_init(&b, 'b', true);
        a.then = put_other;
        a.other = &b;
        b.then = stop;
        post_put(&a.post);
        assert_eq(loop_run(loop_get(), test_deadline()), 0);
        assert_str(ran, "ab");
        assert_r(loop_run(loop_get(), 0), -ETIMEDOUT);
        assert_r(loop_run(loop_get(), clock_now() + 1000), -ETIMEDOUT);
}

/* output */

typedef struct output {
        dirty dirty;
        char name;
        post *then;
} output;

static void run_output(dirty *d) {
        output *o = container_of(d, output, dirty);

        note(o->name);
        if (o->then)
                post_put(o->then);
}

static void output_init(output *o, char name) {
        *o = (output){ .name = name };
        dirty_init(&o->dirty, run_output);
}

TEST(what_is_dirty_is_written_after_the_posts) {
        output x, y;
        item a;

        output_init(&x, 'x');
        output_init(&y, 'y');
        item_init(&a, 'a', false);
        dirty_put(loop_get(), &x.dirty);
        dirty_put(loop_get(), &y.dirty);
        dirty_put(loop_get(), &x.dirty); /* once, and last */
        post_put(&a.post);
        loop_turn(loop_get(), 0);
        assert_str(ran, "ayx");

        dirty_put(loop_get(), &x.dirty);
        loop_flush(loop_get());
        assert_str(ran, "ayxx");
        dirty_put(loop_get(), &x.dirty);
        dirty_cancel(&x.dirty);
        loop_flush(loop_get());
        assert_str(ran, "ayxx");
}

TEST(a_post_put_while_flushing_is_run_before_the_wait) {
        int64_t late = clock_now() + 2 * CLOCK_SECOND;
        output x;
        item a;

        output_init(&x, 'x');
        item_init(&a, 'a', false);
        x.then = &a.post;
        dirty_put(loop_get(), &x.dirty);
        loop_turn(loop_get(), late);
        assert_str(ran, "xa");
        assert_lt(clock_now(), late);
}

/* timers */

typedef struct clocked {
        timer timer;
        char name;
} clocked;

static void run_alarm(timer *t) {
        note(container_of(t, clocked, timer)->name);
}

TEST(timers_run_in_their_order) {
        clocked a = { .timer.fn = run_alarm, .name = 'a' },
                b = { .timer.fn = run_alarm, .name = 'b' };
        clocked c = { .timer.fn = run_alarm, .name = 'c' },
                d = { .timer.fn = run_alarm, .name = 'd' };
        loop *l = loop_get();

        assert_eq(timer_start(&a.timer, l, clock_now() + 20000000), 0);
        assert_eq(timer_start(&b.timer, l, clock_now() + 1000000), 0);
        assert_eq(timer_start(&c.timer, l, clock_now() + 10000000), 0);
        assert_eq(timer_start(&d.timer, l, clock_now() + 600 * CLOCK_SECOND), 0);
        assert_false(loop_is_bare(l));
        timer_stop(&c.timer);
        timer_stop(&c.timer);
        while (strlen(ran) < 2)
                loop_turn(l, CLOCK_NEVER);
        assert_str(ran, "ba");
        assert_eq(l->n_timers, 1);
        timer_stop(&d.timer);
        assert_true(loop_is_bare(l));

        /* past already; and again from the start */
        assert_eq(timer_start(&a.timer, l, 0), 0);
        loop_turn(l, test_deadline());
        assert_str(ran, "baa");
}

TEST(what_is_due_before_the_wait_ends_it) {
        clocked a = { .timer.fn = run_alarm, .name = 'a' };
        loop *l = loop_get();

        assert_eq(timer_start(&a.timer, l, 0), 0);
        l->patience.skip = 1; /* no look that would find it before */
        loop_turn(l, CLOCK_NEVER);
        assert_str(ran, "a");
}

TEST(a_turn_ends_at_its_deadline) {
        int64_t when = clock_now() + 5000000;
        int fd = (int)assert_ok(eventfd(0, EFD_CLOEXEC));
        source s = { .fn = NULL };

        while (clock_now() < when) /* a nap on the futex */
                loop_turn(loop_get(), when);
        when = clock_now() + 5000000;
        assert_eq(source_open(&s, loop_get(), fd, SOURCE_READ), 0);
        while (clock_now() < when) /* and in the kernel's poll */
                loop_turn(loop_get(), when);
        source_close(&s);
        close(fd);
}

/* sources */

typedef struct input {
        source source;
        int fd;
        unsigned events;
        struct input *closes;
} input;

static void run_input(source *s, unsigned events) {
        input *i = container_of(s, input, source);

        note('s');
        i->events |= events;
        if (i->closes)
                source_close(&i->closes->source);
}

static void input_init(input *i, unsigned want) {
        *i = (input){ .source.fn = run_input };
        i->fd = (int)assert_ok(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        assert_eq(source_open(&i->source, loop_get(), i->fd, want), 0);
}

TEST(sources_say_what_is_asked) {
        uint64_t value = 1;
        input i;

        input_init(&i, SOURCE_READ);
        assert_false(loop_is_bare(loop_get()));
        loop_turn(loop_get(), 0);
        assert_str(ran, "");
        assert_eq(write(i.fd, &value, 8), 8);
        loop_turn(loop_get(), CLOCK_NEVER);
        assert_eq(i.events, SOURCE_READ);
        loop_turn(loop_get(), CLOCK_NEVER); /* still: it is a level */
        assert_str(ran, "ss");

        source_want(&i.source, 0);
        loop_turn(loop_get(), 0);
        assert_str(ran, "ss");
        i.events = 0;
        source_want(&i.source, SOURCE_WRITE);
        loop_turn(loop_get(), CLOCK_NEVER);
        assert_eq(i.events, SOURCE_WRITE);
        source_close(&i.source);
        source_close(&i.source);
        source_want(&i.source, SOURCE_READ); /* closed: nothing */
        loop_turn(loop_get(), 0);
        assert_str(ran, "sss");
        close(i.fd);
}

/* One that goes on keeps nobody else from being heard. */
static void run_again(source *s, unsigned events) {
        run_input(s, events);
        source_again(s, SOURCE_READ);
}

TEST(a_source_that_says_again_is_called_without_a_wait) {
        uint64_t value = 1;
        input i, other;

        input_init(&i, SOURCE_READ);
        source_again(&i.source, SOURCE_READ);
        loop_turn(loop_get(), CLOCK_NEVER);
        assert_eq(i.events, SOURCE_READ);
        assert_str(ran, "s");
        loop_turn(loop_get(), 0);
        assert_str(ran, "s");

        input_init(&other, SOURCE_READ);
        i.source.fn = run_again;
        source_again(&i.source, SOURCE_READ);
        loop_turn(loop_get(), CLOCK_NEVER);
        assert_eq(other.events, 0);
        assert_eq(write(other.fd, &value, 8), 8);
        loop_turn(loop_get(), CLOCK_NEVER);
        assert_eq(other.events, SOURCE_READ);

        source_close(&i.source);
        source_close(&other.source);
        close(i.fd);
        close(other.fd);
}

TEST(idle_is_when_there_is_nothing_else) {
        output x, y;
        input i;
        item a;

        input_init(&i, SOURCE_READ);
        output_init(&x, 'x');
        output_init(&y, 'y');
        item_init(&a, 'a', false);
        dirty_put_idle(loop_get(), &x.dirty);
        dirty_put_idle(loop_get(), &x.dirty);
        post_put(&a.post);
        dirty_put(loop_get(), &y.dirty);
        loop_turn(loop_get(), clock_now() + 1000000);
        loop_turn(loop_get(), clock_now() + 1000000);
        assert_str(ran, "ayx");
        dirty_put_idle(loop_get(), &x.dirty);
        dirty_cancel(&x.dirty);
        loop_turn(loop_get(), clock_now() + 1000000);
        assert_str(ran, "ayx");
        source_close(&i.source);
        close(i.fd);
}

TEST(a_source_may_close_another_that_is_ready) {
        input a, b;

        input_init(&a, SOURCE_WRITE);
        input_init(&b, SOURCE_WRITE);
        a.closes = &b;
        b.closes = &a;
        loop_turn(loop_get(), CLOCK_NEVER);
        assert_str(ran, "s");
        source_close(&a.source);
        source_close(&b.source);
        close(a.fd);
        close(b.fd);
}

TEST(who_has_hung_up_is_gone) {
        input i = { .source.fn = run_input };
        int fds[2];

        assert_eq(pipe(fds), 0);
        assert_eq(source_open(&i.source, loop_get(), fds[0], SOURCE_READ | SOURCE_GONE), 0);
        close(fds[1]);
        loop_turn(loop_get(), CLOCK_NEVER);
        assert_ne(i.events, 0);
        source_close(&i.source);
        close(fds[0]);
}

TEST(a_regular_file_cannot_be_watched) {
        source s = { .fn = run_input };
        const char *path = test_file("plain", "x", 1);
        FILE *f = fopen(path, "re");

        assert_not_null(f);
        assert_r(source_open(&s, loop_get(), fileno(f), SOURCE_READ), -EPERM);
        assert_r(source_open(&s, loop_get(), -1, SOURCE_READ), -EBADF);
        assert_true(loop_is_bare(loop_get()));
        fclose(f);
}

/* other threads */

typedef struct other_thread {
        item *item;
        loop *loop;
        int gate;
} other_thread;

static void *put_from_there(void *arg) {
        other_thread *o = arg;

        for (int i = 0; i < 500; i++) {
                test_gate_wait(o->gate);
                if (i % 2)
                        post_put(&o->item->post);
                else
                        loop_poke(o->loop);
        }
        return NULL;
}

static void check_wakes(void) {
        other_thread o = { .loop = loop_get(), .gate = test_gate() };
        pthread_t thread;
        item a;

        item_init(&a, 'a', false);
        o.item = &a;
        assert_eq(pthread_create(&thread, NULL, put_from_there, &o), 0);
        for (int i = 0; i < 500; i++) {
                test_gate_open(o.gate);
                if (i % 2)
                        while (!*ran)
                                loop_turn(o.loop, CLOCK_NEVER);
                else
                        loop_turn(o.loop, CLOCK_NEVER);
                ran[0] = '\0';
        }
        pthread_join(thread, NULL);
        close(o.gate);
}

TEST(a_poke_wakes_a_nap) {
        check_wakes();
}

TEST(a_poke_wakes_a_poll) {
        input i;

        input_init(&i, SOURCE_READ);
        check_wakes();
        source_close(&i.source);
        close(i.fd);
}

TEST(a_poke_before_the_wait_counts) {
        loop_poke(loop_get());
        loop_turn(loop_get(), CLOCK_NEVER);
}

/* a loop around this one */

TEST(under_another_loop) {
        other_thread o = { .loop = loop_get(), .gate = test_gate() };
        int fd = (int)assert_ok(loop_fd(loop_get()));
        pthread_t thread;
        clocked t = { .timer.fn = run_alarm, .name = 't' };
        item a;

        item_init(&a, 'a', false);
        assert_eq(loop_fd(loop_get()), fd);
        loop_dispatch(loop_get());
        assert_eq(loop_wake(loop_get()), CLOCK_NEVER);
        post_put(&a.post);
        assert_eq(loop_wake(loop_get()), 0);
        loop_dispatch(loop_get());
        assert_str(ran, "a");

        o.item = &a;
        assert_eq(pthread_create(&thread, NULL, put_from_there, &o), 0);
        for (int i = 0; i < 500; i++) {
                test_gate_open(o.gate);

                test_poll(fd, 1 /* POLLIN */);
                ran[0] = '\0';
                loop_dispatch(loop_get());
        }
        pthread_join(thread, NULL);
        loop_dispatch(loop_get());

        assert_eq(timer_start(&t.timer, loop_get(), clock_now() + CLOCK_SECOND), 0);
        loop_dispatch(loop_get());
        assert_gt(loop_wake(loop_get()), clock_now());
        assert_le(loop_wake(loop_get()), clock_now() + 2 * CLOCK_SECOND);
        timer_stop(&t.timer);
        close(o.gate);
}

/* the end of a thread */

static void *use_a_loop(void *arg) {
        loop **ret = arg;
        int fd = (int)assert_ok(eventfd(0, EFD_CLOEXEC));
        source s = { .fn = run_input };

        *ret = loop_get();
        assert_eq(source_open(&s, *ret, fd, SOURCE_READ), 0);
        assert_ok(loop_fd(*ret)); /* so that a poke is told to it always */
        loop_turn(*ret, 0);
        source_close(&s);
        close(fd);
        return NULL;
}

TEST(a_loop_is_handed_on) {
        loop *first = NULL, *next = NULL;
        pthread_t thread;

        for (int i = 0; i < 20; i++) {
                assert_eq(pthread_create(&thread, NULL, use_a_loop, &next), 0);
                assert_eq(pthread_join(thread, NULL), 0);
                if (first)
                        assert_true(next == first);
                first = next;
                loop_poke(first); /* late, and lands somewhere */
        }
}

typedef struct brief {
        int fd;
        _Atomic(loop *) loop;
} brief;

static void run_nothing(source *s, unsigned events) {
        (void)s;
        (void)events;
}

static void *wait_once(void *arg) {
        brief *b = arg;
        source s = { .fn = run_nothing };

        assert_eq(source_open(&s, loop_get(), b->fd, SOURCE_READ), 0);
        assert_ok(loop_fd(loop_get()));
        atomic_store(&b->loop, loop_get());
        loop_turn(loop_get(), CLOCK_NEVER);
        source_close(&s);
        return NULL;
}

/* A thread is woken by something else, and ends while it is being poked. */
TEST(a_poke_meets_the_end_of_a_thread) {
        for (int i = 0; i < 300 / test_slowness(); i++) {
                brief b = { .fd = (int)assert_ok(eventfd(0, EFD_CLOEXEC)) };
                pthread_t thread;
                loop *l;

                assert_eq(pthread_create(&thread, NULL, wait_once, &b), 0);
                while (!(l = atomic_load(&b.loop)))
                        sched_yield();
                test_write(b.fd, &(uint64_t){ 1 }, sizeof(uint64_t));
                loop_poke(l);
                assert_eq(pthread_join(thread, NULL), 0);
                close(b.fd);
        }
}

static void *leave_posts(void *arg) {
        item *items = arg;

        for (int i = 0; i < 3; i++)
                item_init(&items[i], (char)('a' + i), false);
        items[0].then = put_other;
        items[0].other = &items[2];
        post_put(&items[0].post);
        post_put(&items[1].post);
        return NULL;
}

TEST(what_a_thread_leaves_behind_is_done) {
        item items[3];
        pthread_t thread;

        assert_eq(pthread_create(&thread, NULL, leave_posts, items), 0);
        assert_eq(pthread_join(thread, NULL), 0);
        assert_str(ran, "abc");
}

TEST(without_memory) {
        loop *l = loop_get();
        source s = { .fn = run_input };
        clocked t = { .timer.fn = run_alarm };
        int fd = (int)assert_ok(eventfd(0, EFD_CLOEXEC));

        for (uint64_t nth = 1; nth <= 2; nth++) {
                mem_fail_at(nth);
                assert_r(source_open(&s, l, fd, SOURCE_READ), -ENOMEM);
                assert_true(mem_has_failed());
        }
        mem_fail_at(1);
        assert_r(timer_start(&t.timer, l, 0), -ENOMEM);
        mem_fail_at(0);
        assert_true(loop_is_bare(l));
        close(fd);
}
