/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What blocks, done by another thread
 *
 * A file that has to reach the disk keeps its thread for as long as the disk likes. @work
 * runs in one of libuv's few threads, which begin with the first task of a process; then
 * @done runs from a turn of the loop. Between the two the task and what it works on belong
 * to that thread.
 */

#include "loop.h"

typedef struct task {
        void (*work)(struct task *t);
        void (*done)(struct task *t);

        /* private */
        loop *loop;
        void *uv;
        post post;
        bool is_running, is_stopped;
} task;

int task_start(task *t, loop *l);

/* Turn the loop until @work is over. @done is not called any more. */
void task_stop(task *t);
