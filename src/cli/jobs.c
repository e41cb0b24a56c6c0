/* SPDX-License-Identifier: Apache-2.0 */
#include "jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "child.h"
#include "say.h"
#include "wait.h"

/* What an echo may have under way, for a peer that reads no answers; picked. */
enum { ECHO_MAX = 4096 };

/* Between SIGTERM and SIGKILL for a child that is not wanted any more; picked. */
#define KILL_AFTER (2 * BEAM_SECOND)
#define KILLED (BEAM_FOREVER - 1)

/* Nothing tells of the end of a process that is not our child: how often to look; picked. */
#define LOOK_AGAIN (BEAM_SECOND / 20)

/* For the other side to take an answer without depth; then it is tried again. */
#define PATIENCE (BEAM_SECOND / 500)

typedef enum job_kind {
        JOB_MESSAGE,
        JOB_READER,
        JOB_STREAM,
} job_kind;

typedef struct job {
        job_kind kind;
        list in_jobs;
        jobs *jobs;
        server_link *link;

        pid_t pid;     /* 0: none, or it has ended */
        pid_t others;  /* the same, when it has ended and others it started are still to end */
        uint32_t code; /* why it failed, 0 if it did not */
        char text[256];
        int64_t deadline; /* for the child */
        int64_t kill_at;  /* BEAM_FOREVER until it has been asked to end, then KILLED */

        /* messages and readers: what the child prints */
        wait_fd out;
        bool out_ended;
        char *data;
        size_t at, n, size; /* n bytes from at on are there */
        beam_sender *to;    /* NULL: nobody wants an answer */
        beam_msg *ready;    /* to be sent when there is room */

        /* streams */
        beam_stream *st; /* joined; NULL once that is over */
        int hold;        /* keeps the child's stdout open until its status is known */
} job;

static void closep(int *fd) {
        if (*fd >= 0)
                close(*fd);
}

void jobs_init(jobs *x, const cli_opts *o, server *s) {
        *x = (jobs){ .o = o, .server = s };
        list_init(&x->all);
}

bool jobs_may_start(const jobs *x) {
        return x->n < (x->o->echo ? ECHO_MAX : x->o->max);
}

static job *job_new(jobs *x, job_kind kind, server_link *l) {
        job *j = calloc(1, sizeof(*j));

        if (!j)
                return NULL;
        *j = (job){
                .kind = kind,
                .jobs = x,
                .link = l,
                .deadline = beam_after(x->o->timeout),
                .kill_at = BEAM_FOREVER,
                .out.fd = -1,
                .hold = -1,
        };
        list_append(&x->all, &j->in_jobs);
        x->n++;
        server_link_use(l);
        return j;
}

static void job_free(job *j) {
        jobs *x = j->jobs;

        wait_remove(&j->out);
        closep(&j->out.fd);
        closep(&j->hold);
        beam_msg_free(j->ready);
        beam_sender_close(j->to);
        free(j->data);
        list_remove(&j->in_jobs);
        x->n--;
        if (x->server) {
                server_link_unuse(j->link);
                server_resume(x->server);
        }
        free(j);
}

/* The first reason is the one that counts. */
static void job_fail(job *j, uint32_t code, const char *text) {
        if (j->code)
                return;
        j->code = code;
        snprintf(j->text, sizeof(j->text), "%s", text);
}

/* Fail, and end the child if there is one: nobody wants what it does. */
static void job_cancel(job *j, uint32_t code, const char *text) {
        job_fail(j, code, text);
        if (!j->pid || j->kill_at != BEAM_FOREVER)
                return;
        j->deadline = BEAM_FOREVER;
        j->kill_at = beam_after(KILL_AFTER);
        child_kill(j->pid, SIGTERM);
}

static void job_kill(job *j) {
        if (j->pid)
                child_kill(j->pid, SIGKILL);
        if (j->others)
                child_kill_others(j->others);
        j->others = 0; /* they can do no more, and somebody else will reap them */
        j->kill_at = KILLED;
}

/* Send what is ready. Returns -ETIMEDOUT while there is no room. */
static int job_send(job *j) {
        int r;

        if (!j->ready)
                return 0;
        /* a way back without depth takes a round trip, for which NOW is too early */
        r = beam_send(j->to, j->ready, beam_after(PATIENCE));
        if (r == -ETIMEDOUT)
                return r;
        if (r == 0)
                j->ready = NULL;
        else if (r == -EMSGSIZE)
                j->to = beam_sender_fail(j->to, BEAM_CODE_LIMIT,
                                         "the answer is larger than you take");
        j->ready = beam_msg_free(j->ready);
        return r;
}

/* The first @n bytes of what was printed become the message that is ready; @skip more
 * are dropped. */
static int job_cut(job *j, size_t n, size_t skip) {
        int r = beam_msg_new(j->data + j->at, n, &j->ready);

        if (r < 0)
                return r;
        j->at += n + skip;
        j->n -= n + skip;
        return 0;
}

/* Send line by line; the rest too once the child has ended. Returns -ETIMEDOUT while
 * there is no room. */
static int job_send_lines(job *j) {
        int r = job_send(j);

        while (r == 0) {
                char *begin = j->data + j->at, *newline = j->n ? memchr(begin, '\n', j->n) : NULL;

                if (!newline && (j->pid || j->n == 0))
                        return 0;
                r = newline ? job_cut(j, (size_t)(newline - begin), 1) : job_cut(j, j->n, 0);
                if (r == 0)
                        r = job_send(j);
        }
        if (r != -ETIMEDOUT) {
                j->n = 0; /* nobody will ever want it */
                job_cancel(j, BEAM_CODE_CANCELED, beam_strerror(r));
        }
        return r;
}

/* Read what the child has printed. Returns 1 when there may be more, 0 at the end or
 * when nothing is there, -EMSGSIZE past the limit. */
static int job_read(job *j) {
        ssize_t k;

        if (j->at > 0) {
                memmove(j->data, j->data + j->at, j->n);
                j->at = 0;
        }
        if (j->n == j->size) {
                size_t more = j->size ? 2 * j->size : 16 * 1024;
                char *p;

                if (j->n >= CLI_MESSAGE_MAX)
                        return -EMSGSIZE;
                p = realloc(j->data, more);
                if (!p)
                        return -ENOMEM;
                j->data = p;
                j->size = more;
        }
        k = read(j->out.fd, j->data + j->n, j->size - j->n);
        if (k > 0)
                j->n += (size_t)k;
        else if (k == 0)
                j->out_ended = true; /* the status may be still to come */
        return k > 0 || (k < 0 && errno == EINTR);
}

static void job_too_much(job *j, int r) {
        job_cancel(j, r == -EMSGSIZE ? BEAM_CODE_LIMIT : BEAM_CODE_INTERNAL,
                   r == -EMSGSIZE ? "printed more than the 16 MiB of one message"
                                  : "out of memory");
}

static void on_output(wait_fd *w, short revents) {
        job *j = container_of(w, job, out);
        int r = job_read(j);

        (void)revents;
        if (r < 0)
                job_too_much(j, r);
        else if (j->kind == JOB_READER && job_send_lines(j) == -ETIMEDOUT)
                w->events = 0; /* until there is room: job_step() */
        if (r < 0 || j->out_ended)
                w->events = 0;
}

/* What became of a child that nobody waits for is said on stderr. */
static void complain(const job *j) {
        say_error("%s: %s", j->jobs->o->command[0], j->text);
}

/* The child has ended, and all that it wrote can be read. What it left running has no
 * part in this, but when all were asked to end: one that was being forked may not have
 * heard it. */
static void on_child(job *j) {
        int r;

        if (j->kill_at < KILLED && child_left_others(j->pid))
                j->others = j->pid;
        else
                j->kill_at = BEAM_FOREVER;
        j->pid = 0;
        j->deadline = BEAM_FOREVER;
        if (j->kind == JOB_STREAM) {
                if (j->st && j->code)
                        (void)beam_stream_set_end(j->st, j->code, j->text);
                closep(&j->hold);
                j->hold = -1;
                return;
        }
        if (!j->to) {
                if (j->code)
                        complain(j);
                return;
        }

        while ((r = job_read(j)) > 0)
                ;
        if (r < 0)
                job_too_much(j, r);
        wait_remove(&j->out);
        closep(&j->out.fd);
        j->out.fd = -1;
        if (j->kind == JOB_READER || j->code)
                return;
        r = beam_msg_wrap(j->data, j->n, free, j->data, &j->ready);
        if (r < 0)
                job_too_much(j, r);
        else
                j->data = NULL;
}

static bool job_is_over(const job *j) {
        return !j->pid && !j->others && !j->st && !j->ready && (j->kind != JOB_READER || j->n == 0);
}

static void job_step(job *j, bool child_ended_now) {
        beam_reason reason;
        int64_t now;
        char text[64];
        uint32_t code;

        if (child_ended_now && j->pid && child_ended(j->pid, text, sizeof(text), &code)) {
                if (code)
                        job_fail(j, code, text);
                on_child(j);
        }
        if (j->pid && j->to && beam_sender_reason(j->to, &reason) > 0)
                job_cancel(j, BEAM_CODE_CANCELED, "not wanted any more");

        if (j->kind != JOB_READER)
                (void)job_send(j);
        else if (job_send_lines(j) == 0 && !j->out_ended && j->kill_at == BEAM_FOREVER)
                j->out.events = POLLIN;

        now = beam_now();
        if (j->pid && now >= j->deadline)
                job_cancel(j, BEAM_CODE_TIMEOUT, "took too long");
        if (now >= j->kill_at)
                job_kill(j);
        if (j->others && !child_left_others(j->others))
                j->others = 0;

        if (!job_is_over(j))
                return;
        if (j->to && j->code)
                j->to = beam_sender_fail(j->to, j->code, j->text);
        job_free(j);
}

void jobs_step(jobs *x) {
        bool ended = wait_child();

        list_each_safe(i, &x->all)
                job_step(container_of(i, job, in_jobs), ended);
}

int64_t jobs_wake(const jobs *x) {
        int64_t wake = BEAM_FOREVER;

        list_each(i, (list *)&x->all) {
                const job *j = container_of(i, job, in_jobs);

                wake = j->deadline < wake ? j->deadline : wake;
                wake = j->kill_at < wake ? j->kill_at : wake;
                if (j->others && beam_after(LOOK_AGAIN) < wake)
                        wake = beam_after(LOOK_AGAIN);
        }
        return wake;
}

void jobs_gone(jobs *x, const server_link *l) {
        list_each(i, &x->all) {
                job *j = container_of(i, job, in_jobs);

                /* A message that wants no answer is done to its end all the same. */
                if (j->link == l && j->to)
                        job_cancel(j, BEAM_CODE_CANCELED, "the peer has gone");
        }
}

void jobs_kill(jobs *x) {
        list_each(i, &x->all)
                job_kill(container_of(i, job, in_jobs));
}

void jobs_deinit(jobs *x) {
        if (!x->all.next)
                return;
        jobs_kill(x);
        x->server = NULL; /* which has gone before, with its links */
        while (!list_is_empty(&x->all))
                job_free(container_of(list_first(&x->all), job, in_jobs));
}

/* What a child may want to know stands in its environment. */
static void tell(const server_link *l, const char *service, const char *label) {
        char uid[24];

        snprintf(uid, sizeof(uid), "%lld",
                 l->peer.uid == (uid_t)-1 ? -1LL : (long long)l->peer.uid);
        setenv("BEAM_SERVICE", service, 1);
        setenv("BEAM_PEER", l->peer.address, 1);
        setenv("BEAM_PEER_UID", uid, 1);
        setenv("BEAM_LABEL", label, 1);
}

/* Start the child of @j; @in and @out are closed here when that is done. */
static int job_start(job *j, int fd_in, int fd_out) {
        int r = child_start(j->jobs->o->command, fd_in, fd_out, &j->pid);

        if (r < 0) {
                snprintf(j->text, sizeof(j->text), "cannot run %s: %s", j->jobs->o->command[0],
                         strerror(-r));
                j->code = BEAM_CODE_INTERNAL;
                j->pid = 0;
                complain(j);
        }
        return r;
}

/* Read what the child prints from @fd, which is the job's now. */
static void job_read_from(job *j, int fd) {
        j->out = (wait_fd){ .fd = fd, .events = POLLIN, .fn = on_output };
        wait_add(&j->out);
}

static int pipe_new(int *ret_read, int *ret_write) {
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        *ret_read = fds[0];
        *ret_write = fds[1];
        return 0;
}

static int message_start(job *j, const beam_msg *msg) {
        _cleanup_(closep) int in = -1, out_read = -1, out = -1;
        size_t n;
        const void *data = beam_msg_data(msg, &n);
        int r;

        in = child_file(data, n);
        if (in < 0)
                return in;
        if (!j->to)
                return job_start(j, in, STDOUT_FILENO);
        r = pipe_new(&out_read, &out);
        if (r == 0 && fcntl(out_read, F_SETFL, O_NONBLOCK) < 0)
                r = -errno;
        if (r == 0)
                r = job_start(j, in, out);
        if (r == 0)
                job_read_from(j, take_fd(&out_read));
        return r;
}

void jobs_message(jobs *x, server_link *l, const char *service, beam_msg *msg) {
        size_t n = beam_msg_things(msg);
        beam_sender *to = n ? beam_msg_take_sender(msg, n - 1) : NULL;
        job *j;
        int r;

        if (x->o->echo && !to) {
                beam_msg_free(msg);
                return;
        }
        j = job_new(x, JOB_MESSAGE, l);
        if (!j) {
                beam_sender_fail(to, BEAM_CODE_INTERNAL, "out of memory");
                beam_msg_free(msg);
                return;
        }
        j->to = to;
        if (x->o->echo) {
                j->ready = msg;
                beam_msg_set_deadline(msg, BEAM_FOREVER);
                return;
        }

        if (beam_msg_deadline(msg) < j->deadline)
                j->deadline = beam_msg_deadline(msg);
        tell(l, service, beam_msg_label(msg));
        r = message_start(j, msg);
        if (r < 0)
                job_fail(j, BEAM_CODE_INTERNAL, beam_strerror(r));
        beam_msg_free(msg);
}

void jobs_reader(jobs *x, server_link *l, const char *service, beam_sender *tx) {
        _cleanup_(closep) int in = -1, out_read = -1, out = -1;
        job *j;
        int r;

        if (x->o->echo) {
                beam_sender_fail(tx, BEAM_CODE_REFUSED, "an echo says nothing of its own");
                return;
        }
        j = job_new(x, JOB_READER, l);
        if (!j) {
                beam_sender_fail(tx, BEAM_CODE_INTERNAL, "out of memory");
                return;
        }
        j->to = tx;
        tell(l, service, "");
        in = open("/dev/null", O_RDONLY | O_CLOEXEC);
        r = in < 0 ? -errno : pipe_new(&out_read, &out);
        if (r == 0 && fcntl(out_read, F_SETFL, O_NONBLOCK) < 0)
                r = -errno;
        if (r == 0)
                r = job_start(j, in, out);
        if (r == 0)
                job_read_from(j, take_fd(&out_read));
        else
                job_fail(j, BEAM_CODE_INTERNAL, beam_strerror(r));
}

static void on_done(void *data, int r) {
        job *j = data;

        j->st = NULL;
        if (r < 0)
                job_cancel(j, BEAM_CODE_CANCELED, beam_strerror(r));
}

/* An echo is a pipe that is joined to itself. */
static int stream_start(job *j) {
        _cleanup_(closep) int in = -1, in_write = -1, out_read = -1, out = -1;
        bool echo = j->jobs->o->echo;
        int r;

        r = pipe_new(&out_read, &out);
        if (r == 0 && !echo)
                r = pipe_new(&in, &in_write);
        if (r == 0 && !echo)
                r = job_start(j, in, out);
        if (r < 0)
                return r;

        r = beam_stream_join(j->st, out_read, echo ? out : in_write, on_done, j);
        if (r < 0)
                return r;
        out_read = in_write = -1;
        if (!echo)
                j->hold = out;
        out = -1;
        return 0;
}

void jobs_stream(jobs *x, server_link *l, const char *service, beam_stream *st) {
        job *j = job_new(x, JOB_STREAM, l);
        int r;

        if (!j) {
                beam_stream_fail(st, BEAM_CODE_INTERNAL, "out of memory");
                return;
        }
        j->st = st;
        tell(l, service, "");
        r = stream_start(j);
        if (r < 0) {
                job_cancel(j, BEAM_CODE_INTERNAL, beam_strerror(r));
                j->st = beam_stream_fail(st, j->code, j->text);
        }
}
