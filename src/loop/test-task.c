/* SPDX-License-Identifier: Apache-2.0 */
#include "task.h"

#include "test.h"

#include <pthread.h>

#include "base/clock.h"

typedef struct job {
        task task;
        pthread_t by;
        int n_worked, n_done;
} job;

static void work(task *t) {
        job *j = container_of(t, job, task);

        j->by = pthread_self();
        j->n_worked++;
}

static void done(task *t) {
        job *j = container_of(t, job, task);

        assert_ne(pthread_equal(j->by, pthread_self()), 1);
        if (++j->n_done < 3)
                assert_r(task_start(t, loop_get()), 0);
}

TEST(again_and_again) {
        job j = { .task = { .work = work, .done = done } };

        assert_r(task_start(&j.task, loop_get()), 0);
        while (j.n_done < 3)
                loop_turn(loop_get(), CLOCK_NEVER);
        assert_eq(j.n_worked, 3);
        task_stop(&j.task);
        assert_true(loop_is_bare(loop_get()));
}

TEST(stopped) {
        job j = { .task = { .work = work, .done = done } };

        task_stop(&j.task);
        assert_r(task_start(&j.task, loop_get()), 0);
        task_stop(&j.task);
        task_stop(&j.task);
        assert_eq(j.n_worked, 1);
        assert_eq(j.n_done, 0);
        loop_turn(loop_get(), 0);
        assert_eq(j.n_done, 0);
}
