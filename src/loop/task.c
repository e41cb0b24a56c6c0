/* SPDX-License-Identifier: Apache-2.0 */
#include "task.h"

#include <errno.h>
#include <uv.h>

#include "../base/clock.h"
#include "../base/mem.h"

static void on_work(uv_work_t *request) {
        task *t = request->data;

        t->work(t);
}

static void on_worked(uv_work_t *request, int status) {
        task *t = request->data;

        (void)status; /* none is cancelled */
        t->uv = mem_free(t->uv);
        t->loop->n_timers--;
        t->is_running = false;
        post_put(&t->post);
}

static void on_post(post *p) {
        task *t = container_of(p, task, post);

        if (!t->is_stopped)
                t->done(t);
}

int task_start(task *t, loop *l) {
        uv_work_t *request;
        uv_loop_t *uv;
        int r = loop_uv(l, &uv);

        if (r < 0)
                return r;
        request = mem_zero(sizeof(*request));
        if (!request)
                return -ENOMEM;
        t->loop = l;
        t->uv = request;
        t->is_stopped = false;
        post_init(&t->post, l, false, on_post);
        request->data = t;
        r = uv_queue_work(uv, request, on_work, on_worked);
        if (r < 0) {
                t->uv = mem_free(request);
                return r;
        }
        t->is_running = true;
        l->n_timers++;
        return 0;
}

void task_stop(task *t) {
        t->is_stopped = true;
        while (t->is_running)
                loop_turn(t->loop, CLOCK_NEVER);
        if (t->loop)
                post_cancel(&t->post);
}
