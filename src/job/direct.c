/* SPDX-License-Identifier: Apache-2.0 */
/* A job over channels as its client has it: an order, streams, and what is told (J39 to J45). */
#include <errno.h>
#include <stdio.h>

#include "../base/clock.h"
#include "../base/decimal.h"
#include "../base/fds.h"
#include "../base/fork.h"
#include "../base/mem.h"
#include "../chan/end.h"
#include "../chan/stream.h"
#include "job.h"
#include "outcome.h"
#include "slip.h"

enum {
        STANDARD = 3,          /* streams that are ours unless a descriptor is given */
        ORDERS_DEPTH = 4,      /* a password, and an order */
        READ_SIZE = 64 * 1024, /* told at once */
};

typedef struct direct direct;

typedef struct direct_stream {
        direct *of;
        beam_stream *st; /* or NULL */
        port by;
        bool is_output, is_over; /* nothing more is read */
        char *data;              /* n_data bytes that are to go in, of which n_gone have */
        size_t n_data, n_gone;
        bool is_closing, is_closed; /* nothing more is written; and all of it has gone */
} direct_stream;

struct direct {
        beam_job base;
        loop *loop;
        beam_session *session;
        beam_sender *orders, *words;
        beam_receiver *told;
        direct_stream streams[STANDARD];
        tally tally;
        outcome outcome;
        bool is_known, has_told;
        unsigned turn; /* whose output is looked at first */
        char *buffer;
};

static const job_calls direct_calls;
static void direct_free(beam_job *base);

static direct *of(beam_job *base) {
        return container_of(base, direct, base);
}

static bool is_past(int64_t deadline) {
        return deadline != BEAM_FOREVER && clock_now() >= deadline;
}

/* what is told */

static void take_end(direct *d, slip *s) {
        bytes field, value;

        while (slip_next(s, &field) && slip_next(s, &value))
                if (outcome_take(&d->outcome, &d->tally, field, value) < 0)
                        d->outcome.status[0] = '\0'; /* nobody knows what that means */
        d->is_known = true;
}

/* Who says no more without having said how it ended is lost, and the job with it. */
static void on_told(void *data, beam_receiver *rx) {
        direct *d = data;
        beam_msg *msg;
        bytes what;
        slip s;
        int r = beam_recv(rx, &msg, BEAM_NOW);

        if (r == -ETIMEDOUT)
                return;
        if (r != 1) {
                receiver_watch(rx, false, NULL, NULL);
                d->is_known = true;
                return;
        }
        if (slip_open(msg, &s) == 0 && slip_next(&s, &what) && bytes_equal(what, BYTES("ended")))
                take_end(d, &s);
        beam_msg_free(msg);
}

/* streams */

static void close_stream(direct_stream *s) {
        if (!s->st)
                return;
        stream_watch(s->st, NULL);
        post_cancel(&s->by.post);
        s->of->loop->n_foreign--;
        s->st = beam_stream_close(s->st);
        s->data = mem_free(s->data);
        s->is_over = s->is_closed = true;
}

/* Write what is to go in, as far as it is taken. */
static void flush(direct_stream *s) {
        while (s->st && s->n_gone < s->n_data) {
                ssize_t n = stream_write(s->st, s->data + s->n_gone, s->n_data - s->n_gone);

                if (n == -EAGAIN)
                        return;
                if (n < 0) { /* it reads no more, as a process may */
                        s->n_data = s->n_gone = 0;
                        s->is_closed = true;
                        return;
                }
                s->n_gone += (size_t)n;
        }
        if (s->st && s->is_closing && !s->is_closed) {
                stream_end(s->st, BEAM_CODE_NONE, NULL);
                s->is_closed = true;
        }
}

static void on_stream(post *p) {
        direct_stream *s = container_of(p, direct_stream, by.post);

        stream_watch(s->st, &s->by);
        flush(s);
}

/* Our side of a new one; the other is put into @msg. */
static int add_stream(direct *d, unsigned number, beam_msg *msg) {
        direct_stream *s = &d->streams[number];
        beam_stream *theirs;
        int r = beam_stream_pair(&s->st, &theirs);

        if (r < 0)
                return r;
        s->of = d;
        s->is_output = number > 0;
        s->is_over = !s->is_output;
        port_init(&s->by, d->loop, false, on_stream);
        stream_watch(s->st, &s->by);
        d->loop->n_foreign++;
        r = beam_msg_put_stream(msg, theirs);
        if (r < 0)
                beam_stream_close(theirs);
        else if (s->is_output)
                stream_end(s->st, BEAM_CODE_NONE, NULL);
        return r < 0 ? r : 0;
}

static int add_fd(int fd, beam_msg *msg) {
        int copy = fd_dup(fd), r = copy < 0 ? copy : beam_msg_put_fd(msg, copy);

        if (r < 0)
                fd_close(copy);
        return r < 0 ? r : 0;
}

/* starting */

static void put_words(resp_out *out, const char *const *words) {
        size_t later = resp_out_later(out), n = 0;

        for (; words && words[n]; n++)
                resp_out_bulk_text(out, words[n]);
        resp_out_head(out, later, RESP_ARRAY, n);
}

static void put_env(resp_out *out, const char *const *env) {
        size_t later = resp_out_later(out), n = 0;

        for (; env && env[n]; n++) {
                const char *equals = strchr(env[n], '=');

                resp_out_bulk(out, env[n], (size_t)(equals - env[n]));
                resp_out_bulk_text(out, equals + 1);
        }
        resp_out_head(out, later, RESP_ARRAY, 2 * n);
}

static size_t put_ms(resp_out *out, const char *field, int64_t ns) {
        const int64_t ms = CLOCK_SECOND / 1000;

        if (ns == 0)
                return 0;
        resp_out_bulk_text(out, field);
        resp_out_bulk_integer(out, (ns + ms - 1) / ms);
        return 2;
}

static size_t put_field(resp_out *out, const char *field, const char *value) {
        if (!value)
                return 0;
        resp_out_bulk_text(out, field);
        resp_out_bulk_text(out, value);
        return 2;
}

/* "nofile=1024" is the field limit.nofile. */
static size_t put_limit(resp_out *out, const char *text) {
        const char *equals = strchr(text, '=');
        char field[64]; /* of a longer name there is no limit */

        snprintf(field, sizeof(field), "limit.%.*s", (int)(equals - text), text);
        return put_field(out, field, equals + 1);
}

static void put_fields(resp_out *out, const beam_job_options *opt) {
        size_t later = resp_out_later(out), n = put_ms(out, "timeout", opt->timeout);

        n += put_ms(out, "grace", opt->grace);
        n += put_field(out, "cwd", opt->cwd);
        n += put_field(out, "user", opt->run_as);
        n += put_field(out, "umask", opt->umask);
        for (const char *const *limit = opt->limits; limit && *limit; limit++)
                n += put_limit(out, *limit);
        resp_out_head(out, later, RESP_ARRAY, n);
}

static int fd_given(const beam_job_options *opt, size_t number) {
        return number < opt->n_fds ? opt->fds[number] : -1;
}

static bool is_stream(const beam_job_options *opt, size_t number) {
        return number < STANDARD || fd_given(opt, number) >= 0;
}

static void put_numbers(resp_out *out, const beam_job_options *opt, size_t n_streams) {
        size_t later = resp_out_later(out), n = 0;

        for (size_t i = 0; i < n_streams; i++)
                if (is_stream(opt, i)) {
                        resp_out_bulk_integer(out, (int64_t)i);
                        n++;
                }
        resp_out_head(out, later, RESP_ARRAY, n);
}

static void put_wishes(resp_out *out, const beam_job_options *opt) {
        resp_out_array(out, (size_t)opt->stays + (size_t)opt->goes_on);
        if (opt->stays)
                resp_out_bulk_text(out, "stays");
        if (opt->goes_on)
                resp_out_bulk_text(out, "goes on");
}

static int write_order(const beam_job_options *opt, size_t n_streams, beam_msg **ret) {
        resp_out out;

        resp_out_init(&out, 2);
        resp_out_array(&out, 7);
        resp_out_bulk_text(&out, "run");
        resp_out_bulk_text(&out, opt->argv[0]);
        put_words(&out, opt->argv);
        put_env(&out, opt->env);
        put_fields(&out, opt);
        put_numbers(&out, opt, n_streams);
        put_wishes(&out, opt);
        return slip_msg(&out, ret);
}

static int add_things(direct *d, const beam_job_options *opt, size_t n_streams, beam_msg *msg) {
        beam_receiver *words;
        beam_sender *tell;
        int r = beam_pipe(SLIP_TELL_DEPTH, &tell, &d->told);

        if (r < 0)
                return r;
        r = beam_msg_put_sender(msg, tell);
        if (r < 0) {
                beam_sender_close(tell);
                return r;
        }
        r = beam_pipe(SLIP_WORDS_DEPTH, &d->words, &words);
        if (r < 0)
                return r;
        r = beam_msg_put_receiver(msg, words);
        if (r < 0)
                beam_receiver_close(words);
        for (size_t i = 0; r >= 0 && i < n_streams; i++)
                if (fd_given(opt, i) >= 0)
                        r = add_fd(fd_given(opt, i), msg);
                else if (is_stream(opt, i))
                        r = add_stream(d, (unsigned)i, msg);
        return r < 0 ? r : 0;
}

static int say_password(direct *d, const beam_job_options *opt) {
        if (!opt->password)
                return 0;
        if (!opt->user)
                return slip_say(d->orders, BYTES("auth"), bytes_of(opt->password));
        return slip_say(d->orders, BYTES("auth"), bytes_of(opt->user), bytes_of(opt->password));
}

static int send_order(direct *d, const beam_job_options *opt, int64_t deadline) {
        size_t n_streams = opt->n_fds > STANDARD ? opt->n_fds : STANDARD;
        beam_msg *msg;
        int r;

        if (n_streams > TALLY_STREAMS)
                return -EINVAL;
        r = write_order(opt, n_streams, &msg);
        if (r < 0)
                return r;
        r = add_things(d, opt, n_streams, msg);
        if (r == 0)
                r = beam_send(d->orders, msg, deadline);
        if (r < 0)
                beam_msg_free(msg);
        return r;
}

/* Why nobody has taken it. */
static int refusal(direct *d, int r) {
        beam_reason why;

        if (r == -ETIMEDOUT)
                return r;
        if (beam_sender_reason(d->orders, &why) == 1 && why.code == BEAM_CODE_NO_SERVICE)
                return -EOPNOTSUPP;
        if (r != -EPIPE || beam_receiver_reason(d->told, &why) != 1)
                return -ECONNRESET;
        switch (why.code) {
        case BEAM_CODE_REFUSED:
                return -EACCES;
        case BEAM_CODE_PROTOCOL:
                return -EPROTO;
        case BEAM_CODE_GONE: /* nobody looks at what comes on that channel */
                return -EOPNOTSUPP;
        default:
                return -ECONNRESET;
        }
}

/* That it has a number. */
static int wait_taken(direct *d, int64_t deadline) {
        bytes what, id;
        beam_msg *msg;
        int64_t number;
        slip s;
        int r = beam_recv(d->told, &msg, deadline);

        if (r != 1)
                return refusal(d, r);
        if (slip_open(msg, &s) == 0 && slip_next(&s, &what) && slip_next(&s, &id) &&
            bytes_equal(what, BYTES("taken")) && decimal_read(id.p, id.n, &number) && number >= 0)
                d->base.id = (uint64_t)number;
        else
                r = -EPROTO;
        beam_msg_free(msg);
        return r < 0 ? r : receiver_watch(d->told, false, on_told, d);
}

int direct_start(const char *url, const beam_job_options *opt, beam_job **ret, int64_t deadline) {
        direct *d = mem_zero(sizeof(*d));
        int r;

        if (!d)
                return -ENOMEM;
        d->base = (beam_job){ &direct_calls, fork_count(), 0 };
        d->loop = loop_get();
        d->buffer = mem_new(READ_SIZE);
        r = d->loop && d->buffer ? beam_dial(url, NULL, &d->session, deadline) : -ENOMEM;
        if (r == 0)
                r = beam_session_open(d->session, "jobs", ORDERS_DEPTH, &d->orders, deadline);
        if (r == 0)
                r = say_password(d, opt);
        if (r == 0)
                r = send_order(d, opt, deadline);
        if (r == 0)
                r = wait_taken(d, deadline);
        if (r < 0) {
                direct_free(&d->base);
                return r;
        }
        *ret = &d->base;
        return 0;
}

/* reading */

/* Of the stream: 1 with an event, or 0 when there is nothing. */
static int read_stream(direct *d, unsigned number, beam_job_event *ret) {
        direct_stream *s = &d->streams[number];
        ssize_t n;

        if (!s->st || s->is_over)
                return 0;
        n = stream_read(s->st, d->buffer, READ_SIZE);
        if (n == -EAGAIN)
                return 0;
        if (n > 0)
                tally_add(&d->tally, number, (bytes){ d->buffer, (size_t)n });
        if (n < 0) /* it was cut off: what was to come is missing */
                d->tally.streams[number].has_hole = true;
        s->is_over = n <= 0;
        *ret = (beam_job_event){
                .kind = BEAM_JOB_OUTPUT,
                .stream = number,
                .data = d->buffer,
                .n = n > 0 ? (uint64_t)n : 0,
        };
        return 1;
}

static int tell(direct *d, beam_job_event *ret) {
        bool is_over = true;

        if (d->has_told)
                return -EPIPE;
        for (unsigned i = 0; i < STANDARD; i++) {
                unsigned number = (d->turn + i) % STANDARD;

                if (read_stream(d, number, ret)) {
                        d->turn = number + 1;
                        return 1;
                }
                is_over &= !d->streams[number].st || d->streams[number].is_over;
        }
        if (!d->is_known || !is_over)
                return 0;
        d->has_told = true;
        outcome_tell(&d->outcome, &d->tally, ret);
        return 1;
}

static int direct_next(beam_job *base, beam_job_event *ret, int64_t deadline) {
        direct *d = of(base);
        int r;

        while ((r = tell(d, ret)) == 0) {
                if (is_past(deadline))
                        return -ETIMEDOUT;
                loop_turn(d->loop, deadline);
        }
        return r < 0 ? r : 0;
}

/* telling it things */

static int direct_write(beam_job *base, unsigned stream, const void *data, size_t n,
                        int64_t deadline) {
        direct *d = of(base);
        direct_stream *s = stream < STANDARD ? &d->streams[stream] : NULL;

        if (!s || !s->st || s->is_output)
                return -EPIPE;
        if (!s->data && !(s->data = mem_new(BEAM_JOB_WRITE_MAX)))
                return -ENOMEM;
        for (;;) {
                flush(s);
                if (s->is_closing || s->is_closed || d->is_known)
                        return -EPIPE;
                if (s->n_gone == s->n_data)
                        break;
                if (is_past(deadline))
                        return -ETIMEDOUT;
                loop_turn(d->loop, deadline);
        }
        if (n > 0)
                memcpy(s->data, data, n);
        s->n_data = n;
        s->n_gone = 0;
        s->is_closing = n == 0;
        flush(s);
        loop_flush(d->loop);
        return 0;
}

static int say(direct *d, const char *word) {
        int r = d->is_known ? 0 : slip_say(d->words, bytes_of(word));

        loop_flush(d->loop);
        return r == -EAGAIN ? -ETIMEDOUT : r;
}

static int direct_signal(beam_job *base, int number) {
        char word[32];

        snprintf(word, sizeof(word), "signal %d", number);
        return say(of(base), word);
}

static int direct_withdraw(beam_job *base) {
        return say(of(base), "withdraw");
}

static int direct_cancel(beam_job *base) {
        return say(of(base), "cancel");
}

static int direct_close_output(beam_job *base, unsigned stream) {
        direct *d = of(base);

        tally_unwant(&d->tally, stream);
        if (stream < STANDARD && d->streams[stream].is_output)
                close_stream(&d->streams[stream]);
        return 0;
}

/* The link says that we are there, whether we run or not. */
static int direct_be_away(beam_job *base, int64_t ns, int64_t deadline) {
        (void)base, (void)ns, (void)deadline;
        return 0;
}

/* Whoever keeps a job sees to its removal there. */
static int direct_leave(beam_job *base, int64_t deadline) {
        direct *d = of(base);

        (void)deadline;
        for (unsigned i = 0; i < STANDARD; i++)
                close_stream(&d->streams[i]);
        d->words = beam_sender_close(d->words);
        d->is_known = d->has_told = true;
        return 0;
}

static void direct_free(beam_job *base) {
        direct *d = of(base);

        for (unsigned i = 0; i < STANDARD; i++)
                close_stream(&d->streams[i]);
        beam_sender_close(d->words);
        beam_receiver_close(d->told);
        beam_sender_close(d->orders);
        beam_session_close(d->session);
        mem_free(d->buffer);
        mem_free(d);
}

static const job_calls direct_calls = {
        .next = direct_next,
        .write = direct_write,
        .signal = direct_signal,
        .withdraw = direct_withdraw,
        .cancel = direct_cancel,
        .close_output = direct_close_output,
        .be_away = direct_be_away,
        .leave = direct_leave,
        .free = direct_free,
};
