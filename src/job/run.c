/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/decimal.h"
#include "../base/fds.h"
#include "../base/mem.h"
#include "../link/sock.h"

enum {
        /* What may wait for the context to take it, of all that run here together; it is in this
         * process's memory. Picked. */
        UNSENT_MAX = 16 << 20,
};

/* How often it is looked whether somebody has read: nobody is told when a list becomes shorter.
 * At first as often as a fast reader takes what was there, then less. Picked. */
#define LOOK_FIRST (CLOCK_SECOND / 1000)
#define LOOK_LAST (CLOCK_SECOND / 16)

/* Who ends closes its outputs first: so long it is waited with saying that these have ended, to
 * say all of it at once. Picked; ten times what an exit takes. */
#define TELL_ENDS (CLOCK_SECOND / 500)

/* output */

static void want_output(run *r) {
        for (size_t i = 0; i < r->n_outputs; i++)
                if (r->outputs[i].fd >= 0)
                        source_want(&r->outputs[i].src, r->is_full ? 0u : SOURCE_READ);
}

static void look_later(run *r) {
        timer_start(&r->look, r->loop, clock_add(clock_now(), r->pause));
}

/* Read on, or not, as there is room. */
static void update_full(run *r) {
        bool was = r->is_full;

        r->is_full = r->unread.n_bytes >= r->order->keep || asker_unsent(r->asker) >= UNSENT_MAX;
        if (r->is_full == was)
                return;
        want_output(r);
        r->pause = LOOK_FIRST;
        if (r->is_full && !r->is_over)
                look_later(r);
        else
                timer_stop(&r->look);
}

static void on_count(void *data, int r_asked, resp_cursor reply) {
        run *r = data;
        int64_t n = r_asked < 0 ? -1 : sink_count(reply);

        r->is_counting = false;
        if (n >= 0 && unread_left(&r->unread, (size_t)n, r->n_under_way))
                r->pause = LOOK_FIRST;
        update_full(r);
}

/* Where output goes to a list, that says by itself how long it is. */
static void on_put(void *data, int r_asked, resp_cursor reply) {
        run *r = data;
        int64_t n = r_asked < 0 ? -1 : sink_count(reply);

        r->n_under_way--;
        if (n >= 0)
                unread_left(&r->unread, (size_t)n, r->n_under_way);
        update_full(r);
}

static void count(run *r) {
        if (!r->is_counting)
                r->is_counting = sink_ask_count(&r->sink, r->asker, on_count, r) == 0;
}

static void on_look(timer *t) {
        run *r = container_of(t, run, look);

        count(r);
        r->pause = 2 * r->pause < LOOK_LAST ? 2 * r->pause : LOOK_LAST;
        look_later(r);
}

static void close_output(run_output *o) {
        if (o->fd < 0)
                return;
        source_close(&o->src);
        (void)shutdown(o->fd, SHUT_RD); /* one way of a stream that goes both */
        o->fd = fd_close(o->fd);
}

static void close_outputs(run *r) {
        for (size_t i = 0; i < r->n_outputs; i++)
                close_output(&r->outputs[i]);
}

static run_output *find_output(run *r, unsigned number) {
        for (size_t i = 0; i < r->n_outputs; i++)
                if (r->outputs[i].stream->number == number)
                        return &r->outputs[i];
        return NULL;
}

static void on_ends(timer *t) {
        run *r = container_of(t, run, ends);

        for (size_t i = 0; i < r->n_outputs; i++)
                if (r->outputs[i].fd < 0)
                        sink_stop(&r->sink, r->asker, r->outputs[i].stream);
}

static void tell_ends_later(run *r) {
        timer_stop(&r->ends);
        if (timer_start(&r->ends, r->loop, clock_add(clock_now(), TELL_ENDS)) < 0)
                on_ends(&r->ends);
}

static int put(run *r, sink_stream *st, size_t n) {
        int got = unread_put(&r->unread, (uint32_t)n);

        if (got == 0)
                got = sink_put(&r->sink, r->asker, st, r->buffer + FRAME_HEAD_MAX, n, on_put, r);
        if (got < 0) {
                /* something is missing from here on, and must not pass for all there was */
                r->sink.is_known = false;
                run_cancel(r);
                return got;
        }
        r->n_under_way++;
        /* a log does not say by itself how much of it has been read: look before it is full */
        if (r->sink.is_log && r->unread.n_bytes > r->order->keep / 2)
                count(r);
        update_full(r);
        return 0;
}

/* Read once, and put that out. Returns how much it was; 0 when nothing is there now, or will be. */
static size_t pump(run_output *o) {
        run *r = o->run;
        ssize_t n = read(o->fd, r->buffer + FRAME_HEAD_MAX, FRAME_DATA_MAX);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n > 0 && put(r, o->stream, (size_t)n) == 0)
                return (size_t)n;
        close_output(o);
        if (!r->is_over)
                tell_ends_later(r);
        return 0;
}

/* All that lies in the pipe now goes out, whether there is room or not: it is no more than a pipe
 * holds. What others write there from now on is not waited for. */
static void drain(run_output *o) {
        int n_left = 0;

        if (o->fd >= 0 && ioctl(o->fd, FIONREAD, &n_left) == 0)
                while (n_left > 0) {
                        size_t n = pump(o);

                        if (n == 0)
                                break;
                        n_left -= (int)n;
                }
        close_output(o);
}

static void on_output(source *src, unsigned events) {
        run_output *o = container_of(src, run_output, src);

        (void)events;
        if (!o->run->is_full)
                pump(o);
}

/* input */

static void drop_data(run *r) {
        r->data = mem_free(r->data);
        r->n = r->at = 0;
        r->fed = NULL;
}

static void close_input(run_input *in) {
        if (in->fd < 0)
                return;
        source_close(&in->src);
        (void)shutdown(in->fd, SHUT_WR);
        in->fd = fd_close(in->fd);
        if (in->run->fed == in)
                drop_data(in->run);
}

static void close_inputs(run *r) {
        for (size_t i = 0; i < r->n_inputs; i++)
                close_input(&r->inputs[i]);
}

/* Give the process what it takes now. */
static void feed(run *r) {
        run_input *in = r->fed;

        while (r->at < r->n) {
                struct iovec iov = { .iov_base = r->data + r->at, .iov_len = r->n - r->at };
                ssize_t n = sock_send(SOCK_IS_FILE, in->fd, &iov, 1, NULL, 0);

                if (n == -EAGAIN)
                        break;
                if (n < 0) { /* it does not read any more; what comes is dropped */
                        close_input(in);
                        return;
                }
                r->at += (size_t)n;
        }
        source_want(&in->src, r->at < r->n ? SOURCE_WRITE : 0u);
        if (r->at == r->n)
                drop_data(r);
}

static void on_input(source *src, unsigned events) {
        run_input *in = container_of(src, run_input, src);
        run *r = in->run;

        if (r->fed == in)
                feed(r);
        else if (events & SOURCE_GONE)
                close_input(in);
        if (run_wants_input(r))
                r->wants(r);
}

bool run_wants_input(const run *r) {
        return (r->process || r->routine) && !r->is_over && !r->data && !r->guest;
}

static run_input *find_input(run *r, unsigned number) {
        for (size_t i = 0; i < r->n_inputs; i++)
                if (r->inputs[i].number == number)
                        return &r->inputs[i];
        return NULL;
}

int run_take_frame(run *r, bytes text) {
        run_input *in;
        frame f;

        if (frame_read(text, &f) < 0 || !(in = find_input(r, f.n)) || in->is_closed)
                return -EPROTO;
        in->is_closed = f.data.n == 0;
        if (in->is_closed)
                close_input(in);
        if (in->fd < 0)
                return 0;
        r->data = mem_copy(f.data.p, f.data.n);
        if (!r->data)
                return -ENOMEM;
        r->n = f.data.n;
        r->at = 0;
        r->fed = in;
        feed(r);
        return 0;
}

void run_end_inputs(run *r) {
        for (size_t i = 0; i < r->n_inputs; i++) {
                r->inputs[i].is_closed = true;
                close_input(&r->inputs[i]);
        }
}

/* control */

static void end_input(run *r) {
        close_inputs(r);
        if (r->guest)
                guest_end_input(r->guest);
}

/* As near to SIGKILL as it comes for a function: what it waits for in its streams is over. */
static void kill_routine(run *r) {
        routine_kill(r->routine);
        end_input(r);
        close_outputs(r);
        if (r->guest)
                guest_end_output(r->guest);
}

static void on_grace(timer *t) {
        kill_routine(container_of(t, run, grace));
}

static void cancel_routine(run *r, int64_t kill_at) {
        if (r->is_cancelled)
                return;
        r->is_cancelled = true;
        routine_cancel(r->routine);
        end_input(r);
        if (timer_start(&r->grace, r->loop, kill_at) < 0)
                kill_routine(r);
}

void run_cancel(run *r) {
        int64_t kill_at = clock_add(clock_now(), r->order->grace_ms * 1000000);

        if (r->is_over)
                return;
        if (r->process)
                (void)process_cancel(r->process, kill_at);
        else if (r->routine)
                cancel_routine(r, kill_at);
}

static void send_signal(run *r, int number) {
        if (r->is_over)
                return;
        if (r->process)
                (void)process_signal(r->process, number);
        else if (number == SIGKILL)
                kill_routine(r);
        else
                routine_signal(r->routine, number);
}

static void on_limit(timer *t) {
        run *r = container_of(t, run, limit);

        r->is_timed_out = true;
        run_cancel(r);
}

/* The number behind @word, as in "signal 15". */
static bool has_number(bytes text, const char *word, int64_t max, int64_t *ret) {
        size_t n = strlen(word);

        return text.n > n + 1 && memcmp(text.p, word, n) == 0 && text.p[n] == ' ' &&
               decimal_read(text.p + n + 1, text.n - n - 1, ret) && *ret >= 0 && *ret <= max;
}

static void stop_output(run *r, unsigned number) {
        run_output *o = find_output(r, number);

        if (!o)
                return;
        close_output(o);
        sink_stop(&r->sink, r->asker, o->stream);
}

void run_take_word(run *r, bytes word) {
        int64_t n;

        if (bytes_equal(word, BYTES("cancel"))) {
                r->is_unwanted = true;
                run_cancel(r);
        } else if (has_number(word, "signal", SIGRTMAX, &n)) {
                if (n > 0)
                        send_signal(r, (int)n);
        } else if (has_number(word, "close", STREAMS_MAX - 1, &n)) {
                stop_output(r, (unsigned)n);
        }
}

/* from the beginning to the end */

static void conclude(run *r, const process_end *end) {
        verdict *v = &r->verdict;

        *v = (verdict){ .sink = &r->sink, .exit = "exited", .status = end->status };
        if (end->kind == PROCESS_SIGNALLED) {
                v->exit = "signalled";
                v->signal = end->status;
                v->status = 128 + end->status;
        } else if (end->kind == PROCESS_LOST) {
                v->exit = "lost";
                v->status = -1;
                v->why = "somebody else in the worker's process has waited for it";
        }
        if (r->is_timed_out) {
                v->exit = "timed out";
                v->status = -1;
        }
        if (!r->sink.is_known) {
                v->exit = "lost";
                v->status = -1;
                v->why = "the worker had no memory for what it printed";
        }
}

static void wind_up(run *r, const process_end *end) {
        r->is_over = true;
        timer_stop(&r->look);
        timer_stop(&r->ends);
        timer_stop(&r->limit);
        timer_stop(&r->grace);
        close_inputs(r);
        for (size_t i = 0; i < r->n_outputs; i++)
                drain(&r->outputs[i]);
        conclude(r, end);
        if (r->guest)
                guest_empty(r->guest);
        else
                r->over(r);
}

void run_emptied(run *r) {
        r->over(r);
}

static void on_ended(process *p, void *data) {
        wind_up(data, process_ended(p));
}

static void on_returned(void *data) {
        run *r = data;

        wind_up(r, routine_ended(r->routine));
}

/* The program's ends of its streams, by number; -1 where it has none. */
typedef struct ends {
        int *fds;
        size_t n;
} ends;

/* The two ends of stream @number: theirs, which is the process's to wait at, and ours. */
static int make_ends(const order *o, unsigned number, int *ret_theirs, int *ret_ours) {
        bool is_input = streams_have(&o->inputs, number);
        int fds[2], ours = is_input, r;

        /* what a pipe is one way, a pair of sockets is both ways */
        if (is_input && streams_have(&o->outputs, number)) {
                if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                        return -errno;
        } else if (pipe2(fds, O_CLOEXEC) < 0) {
                return -errno;
        }
        r = fd_set_nonblock(fds[ours], true);
        if (r < 0) {
                fd_close_all(fds, 2);
                return r;
        }
        *ret_ours = fds[ours];
        *ret_theirs = fds[!ours];
        return 0;
}

/* Ours of a stream, for each of its ways. */
static int take_end(run *r, unsigned number, int ours) {
        run_input *in = find_input(r, number);
        run_output *out = find_output(r, number);
        int got = 0;

        if (in) {
                in->fd = ours;
                got = source_open(&in->src, r->loop, in->fd, 0);
        }
        if (out && got == 0) {
                out->fd = in ? fd_dup(ours) : ours;
                got = out->fd < 0 ? out->fd : source_open(&out->src, r->loop, out->fd, SOURCE_READ);
        }
        return got;
}

/* Pipes between it and the context. */
static int open_pipes(run *r, ends *ret) {
        const order *o = r->order;
        const streams all = streams_both(&o->inputs, &o->outputs);
        int got = 0;

        ret->fds = mem_array(STREAMS_MAX, sizeof(*ret->fds));
        r->inputs = mem_array(streams_count(&o->inputs), sizeof(*r->inputs));
        r->outputs = mem_array(r->sink.n_streams, sizeof(*r->outputs));
        if (!ret->fds || !r->inputs || !r->outputs)
                return -ENOMEM;
        for (unsigned i = streams_next(&o->inputs, 0); i < STREAMS_MAX;
             i = streams_next(&o->inputs, i + 1))
                r->inputs[r->n_inputs++] =
                        (run_input){ .run = r, .number = (uint8_t)i, .fd = -1, .src.fn = on_input };
        for (; r->n_outputs < r->sink.n_streams; r->n_outputs++)
                r->outputs[r->n_outputs] = (run_output){ .run = r,
                                                         .stream = &r->sink.streams[r->n_outputs],
                                                         .fd = -1,
                                                         .src.fn = on_output };
        for (unsigned i = 0; got == 0 && (i < 3 || streams_next(&all, i) < STREAMS_MAX); i++) {
                int ours = -1;

                ret->fds[ret->n++] = -1;
                if (!streams_have(&all, i))
                        continue;
                got = make_ends(o, i, &ret->fds[i], &ours);
                if (got == 0)
                        got = take_end(r, i, ours);
        }
        return got;
}

/* Where it runs: what it asks for, as seen from @base, where it would run otherwise. */
static int make_directory(const order *o, const char *base, char **ret) {
        size_t n;

        *ret = NULL;
        if (!o->cwd && !base)
                return 0;
        if (!o->cwd || *o->cwd == '/' || !base) {
                *ret = mem_text(o->cwd ? o->cwd : base);
                return *ret ? 0 : -ENOMEM;
        }
        n = strlen(base) + strlen(o->cwd) + sizeof("/");
        *ret = mem_new(n);
        if (!*ret)
                return -ENOMEM;
        snprintf(*ret, n, "%s/%s", base, o->cwd);
        return 0;
}

static int start_process(run *r, const run_options *how, const ends *theirs,
                         process_step *ret_step) {
        _cleanup_(mem_freep) process_stream *placed =
                mem_array(theirs->n ? theirs->n : 1, sizeof(*placed));
        _cleanup_(mem_freep) char *directory = NULL;
        process_options o = {
                .program = how->what->path,
                .argv = (const char *const *)r->order->argv.p,
                .env = (const char *const *)r->order->env.p,
                .mark = how->mark,
                .user = r->order->user,
                .limits = r->order->limits,
                .n_limits = r->order->n_limits,
                .has_umask = r->order->has_umask,
                .umask = r->order->umask,
                .streams = placed,
                .dies_with_us = true,
                .ended = on_ended,
                .data = r,
        };
        int got = placed ? make_directory(r->order, how->cwd, &directory) : -ENOMEM;

        for (size_t i = 0; got == 0 && i < theirs->n; i++)
                if (theirs->fds[i] >= 0)
                        placed[o.n_streams++] =
                                (process_stream){ .to = (int)i, .fd = theirs->fds[i] };
        o.cwd = directory;
        return got == 0 ? process_start(&o, r->loop, ret_step, &r->process) : got;
}

static int start_routine(run *r, const run_options *how, ends *theirs) {
        const routine_options o = {
                .fn = how->what->fn,
                .data = how->what->data,
                .work = { .id = strtoull(r->sink.id, NULL, 10),
                          .argv = (const char *const *)r->order->argv.p,
                          .env = (const char *const *)r->order->env.p,
                          .url = how->url,
                          .fds = theirs->fds,
                          .n_fds = theirs->n },
                .ended = on_returned,
                .ended_data = r,
        };
        int got = routine_start(how->routines, &o, r->loop, &r->routine);

        for (size_t i = 0; got == 0 && i < theirs->n; i++)
                theirs->fds[i] = -1;
        return got;
}

static int start(run *r, const run_options *how, process_step *ret_step, ends *theirs) {
        int got;

        *ret_step = PROCESS_PREPARE;
        got = r->guest ? guest_open(r->guest, &theirs->fds, &theirs->n) : open_pipes(r, theirs);
        if (got == 0 && r->order->timeout_ms)
                got = timer_start(&r->limit, r->loop,
                                  clock_add(clock_now(), r->order->timeout_ms * 1000000));
        if (got < 0)
                return got;
        return how->what->fn ? start_routine(r, how, theirs)
                             : start_process(r, how, theirs, ret_step);
}

void run_init(run *r) {
        r->look.fn = on_look;
        r->ends.fn = on_ends;
        r->limit.fn = on_limit;
        r->grace.fn = on_grace;
}

int run_start(run *r, const run_options *o, char why[static ORDER_WHY_MAX]) {
        ends theirs = { 0 };
        process_step step;
        int got = start(r, o, &step, &theirs);

        fd_close_all(theirs.fds, theirs.n);
        mem_free(theirs.fds);
        if (got == 0)
                return 0;
        run_deinit(r);
        snprintf(why, ORDER_WHY_MAX, "%s%s: %s",
                 step == PROCESS_EXEC && got == -ENOENT ? "no such program: " : "",
                 process_step_name(step), strerror(-got));
        r->verdict = (verdict){ .sink = &r->sink, .exit = "refused", .status = -1, .why = why };
        return got;
}

void run_deinit(run *r) {
        r->process = process_free(r->process);
        r->routine = routine_free(r->routine);
        timer_stop(&r->look);
        timer_stop(&r->ends);
        timer_stop(&r->limit);
        timer_stop(&r->grace);
        close_inputs(r);
        close_outputs(r);
        r->inputs = mem_free(r->inputs);
        r->outputs = mem_free(r->outputs);
        r->n_inputs = r->n_outputs = 0;
        unread_deinit(&r->unread);
        if (r->asker)
                asker_forget(r->asker, r);
}

pid_t run_pid(const run *r) {
        return r->process ? process_pid(r->process) : getpid();
}
