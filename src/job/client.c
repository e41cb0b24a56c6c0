/* SPDX-License-Identifier: Apache-2.0 */
/* A job of keys as its client has it: written into the context, read, told things, left. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/decimal.h"
#include "../base/fork.h"
#include "../base/mem.h"
#include "../loop/loop.h"
#include "job.h"
#include "outcome.h"
#include "reader.h"
#include "removal.h"
#include "ticket.h"

enum {
        KEEP = 4 << 20,     /* what may lie unread unless it is said: J4 */
        FRAMES_MAX = 64,    /* of input that lie there: as much as of output */
        UNANSWERED_MAX = 8, /* that have been sent, and nobody has said how many lie there now */
};

/* When input is full: how often to look whether some has been read. Picked. */
#define LOOK_AGAIN (CLOCK_SECOND / 100)

/* A context that has said nothing for so long is lost; picked, as for those who follow one. */
#define PATIENCE (60 * CLOCK_SECOND)

/* What a client has to do with of a job. */
typedef enum key {
        KEY_LOCK,
        KEY_ARGS,
        KEY_ENV,
        KEY_IN,
        KEY_STATUS,
        KEY_WAIT,
        KEY_FIELDS,
        KEY_LOG,
        KEY_CONTROL,
        KEY_OWNER,
        KEY_BRIEF, /* whoever leaves it as the last removes it */
        KEY_READERS,
        N_KEYS,
} key;

static const char *const key_forms[N_KEYS][2] = {
        [KEY_LOCK] = { "/jobs/", "" },
        [KEY_ARGS] = { "/jobs/", "/args" },
        [KEY_ENV] = { "/jobs/", "/env" },
        [KEY_IN] = { "/jobs/", "/in" },
        [KEY_STATUS] = { "/jobs/", "/status" },
        [KEY_WAIT] = { "/jobs/", "/wait" },
        [KEY_FIELDS] = { "/beam/jobs/", "" },
        [KEY_LOG] = { "/beam/jobs/", "/log" },
        [KEY_CONTROL] = { "/beam/jobs/", "/control" },
        [KEY_OWNER] = { "/beam/jobs/", "/owner" },
        [KEY_BRIEF] = { "/beam/jobs/", "/brief" },
        [KEY_READERS] = { "/beam/jobs/", "/readers" },
};

typedef struct keyed {
        beam_job base;
        asker *talk, *log; /* which waits most of the time */
        int error;
        char id_text[DECIMAL_MAX + 1];
        char *name; /* n_name bytes */
        size_t n_name;
        bytes id_bytes;
        char keys[N_KEYS][64];
        bool is_begun, is_owned;
        reader reader;

        timer renew;
        int64_t heard; /* when the context last answered that */

        char *frame; /* of input, while it is handed over */
        size_t n_there, n_unanswered;
        timer look; /* whether input has been read */
        bool is_looking;
        bool has_closed[TALLY_STREAMS];

        bool is_over; /* it has ended, and what follows is asked for */
        bool is_known;
        stream_id final; /* entry of the log, where that does not say so */
        outcome outcome;
        bool has_told;

        bool has_answered; /* what a call waits for */
        bool is_brief;
} keyed;

static const job_calls keyed_calls;
static void keyed_free(beam_job *base);

static keyed *of(beam_job *base) {
        return container_of(base, keyed, base);
}

static bytes key_of(const keyed *j, key k) {
        return bytes_of(j->keys[k]);
}

static void fail(keyed *j, int error) {
        if (!j->error)
                j->error = error;
}

static bool is_past(int64_t deadline) {
        return deadline != BEAM_FOREVER && clock_now() >= deadline;
}

/* What the context refuses: it wants a password, or is not what it should be. */
static int error_of(bytes text) {
        static const char *const passwords[] = { "NOAUTH", "WRONGPASS", "NOPERM" };

        for (size_t i = 0; i < sizeof(passwords) / sizeof(passwords[0]); i++)
                if (text.n >= strlen(passwords[i]) &&
                    memcmp(text.p, passwords[i], strlen(passwords[i])) == 0)
                        return -EACCES;
        return -EPROTO;
}

/* The first value of a reply; false if there is none, and why has been noted. */
static bool take(keyed *j, int error, resp_cursor *reply, resp_value *ret) {
        if (error < 0) {
                fail(j, error);
                return false;
        }
        resp_cursor_next(reply, ret);
        if (resp_value_is_error(ret)) {
                fail(j, error_of(ret->text));
                return false;
        }
        return true;
}

/* Turn the loop until *@what. */
static int wait_for(keyed *j, const bool *what, int64_t deadline) {
        while (!*what && !j->error) {
                if (is_past(deadline))
                        return -ETIMEDOUT;
                loop_turn(loop_get(), deadline);
        }
        return *what ? 0 : j->error;
}

/* its end */

static void on_final(void *data, int error, resp_cursor reply) {
        keyed *j = data;
        resp_value v;

        if (!take(j, error, &reply, &v) || v.type != RESP_ARRAY || v.n == 0)
                return;
        if (!resp_cursor_next(&reply, &v) || !resp_cursor_next(&reply, &v) ||
            !stream_id_read(v.text, 0, &j->final))
                fail(j, -EPROTO);
}

static void on_status(void *data, int error, resp_cursor reply) {
        keyed *j = data;
        resp_value v;

        if (!take(j, error, &reply, &v))
                return;
        if (v.type == RESP_BULK)
                (void)outcome_take(&j->outcome, &j->reader.tally, BYTES("status"), v.text);
        else
                fail(j, -ESRCH); /* removed, before its end was read here */
}

static void on_fields(void *data, int error, resp_cursor reply) {
        keyed *j = data;
        resp_value v, name;

        if (!take(j, error, &reply, &v))
                return;
        for (size_t n = v.type == RESP_ARRAY ? v.n / 2 : 0; n > 0; n--) {
                resp_cursor_next(&reply, &name);
                resp_cursor_next(&reply, &v);
                if (outcome_take(&j->outcome, &j->reader.tally, name.text, v.text) < 0)
                        fail(j, -EPROTO);
        }
        j->is_known = !j->error;
}

/* It has a status, and all of its output lies there. */
static void end(keyed *j) {
        if (j->is_over)
                return;
        j->is_over = j->reader.stays = true;
        timer_stop(&j->look);
        if (!j->reader.has_ended)
                asker_say(j->talk, on_final, j, BYTES("XREVRANGE"), key_of(j, KEY_LOG), BYTES("+"),
                          BYTES("-"), BYTES("COUNT"), BYTES("1"));
        asker_say(j->talk, on_status, j, BYTES("GET"), key_of(j, KEY_STATUS));
        asker_say(j->talk, on_fields, j, BYTES("HGETALL"), key_of(j, KEY_FIELDS));
}

/* The log says so itself, unless the end of it was removed before we came. */
static void on_look_at_status(void *data, int error, resp_cursor reply) {
        keyed *j = data;
        resp_value v;

        if (!take(j, error, &reply, &v))
                return;
        j->heard = clock_now();
        if (v.type == RESP_BULK)
                end(j);
}

/* being there */

static void say_owned(keyed *j, int64_t ms) {
        char text[DECIMAL_MAX];

        if (j->is_owned)
                asker_say(j->talk, NULL, NULL, BYTES("SET"), key_of(j, KEY_OWNER), BYTES(""),
                          BYTES("PX"), (bytes){ text, decimal_print(ms, text) });
}

static void renew(keyed *j) {
        if (!j->is_known)
                say_owned(j, READER_LEASE_MS);
        reader_say_place(&j->reader, READER_LEASE_MS);
        reader_trim(&j->reader);
        if (!j->is_over)
                asker_say(j->talk, on_look_at_status, j, BYTES("GET"), key_of(j, KEY_STATUS));
}

static void on_renew(timer *t) {
        keyed *j = container_of(t, keyed, renew);

        if (!j->is_over && clock_now() - j->heard > PATIENCE) {
                fail(j, -ECONNRESET);
                return;
        }
        renew(j);
        timer_start(t, loop_get(), clock_add(clock_now(), READER_RENEW_MS * (CLOCK_SECOND / 1000)));
}

/* Whether it has been begun or watched, from here on it is the same. */
static void enter(keyed *j) {
        j->heard = clock_now();
        timer_start(&j->renew, loop_get(),
                    clock_add(clock_now(), READER_RENEW_MS * (CLOCK_SECOND / 1000)));
}

static void name_it(keyed *j, uint64_t id, size_t keep) {
        j->base.id = id;
        j->id_bytes = (bytes){ j->id_text, decimal_print((int64_t)id, j->id_text) };
        for (int k = 0; k < N_KEYS; k++)
                snprintf(j->keys[k], sizeof(j->keys[k]), "%s%" PRIu64 "%s", key_forms[k][0], id,
                         key_forms[k][1]);
        reader_open(&j->reader, j->talk, j->log, id, keep ? keep : KEEP);
}

static int keep_name(keyed *j, bytes name) {
        j->name = mem_copy(name.p, name.n);
        j->n_name = name.n;
        return j->name ? 0 : -ENOMEM;
}

/* starting */

static void on_created(void *data, int error, resp_cursor reply) {
        keyed *j = data;
        resp_value v;

        if (!take(j, error, &reply, &v))
                return;
        if (v.type != RESP_INTEGER || v.integer < 1) {
                fail(j, -EPROTO);
                return;
        }
        j->base.id = (uint64_t)v.integer - 1;
        j->has_answered = true;
}

/* What a transaction answers: something for each of its commands, and no error. */
static void on_begun(void *data, int error, resp_cursor reply) {
        keyed *j = data;
        resp_value v;

        if (!take(j, error, &reply, &v))
                return;
        if (v.type != RESP_ARRAY) {
                fail(j, -EPROTO);
                return;
        }
        while (resp_cursor_next(&reply, &v))
                if (resp_value_is_error(&v)) {
                        fail(j, error_of(v.text));
                        return;
                }
        j->is_begun = true;
}

static size_t n_words(const char *const *words) {
        size_t n = 0;

        while (words && words[n])
                n++;
        return n;
}

static int say_words(keyed *j, const beam_job_options *opt) {
        size_t n_args = n_words(opt->argv), n_env = n_words(opt->env);
        bytes *argv = mem_array(2 + (n_args > 2 * n_env ? n_args : 2 * n_env), sizeof(*argv));

        if (!argv)
                return -ENOMEM;
        argv[0] = BYTES("RPUSH");
        argv[1] = key_of(j, KEY_ARGS);
        for (size_t i = 0; i < n_args; i++)
                argv[2 + i] = bytes_of(opt->argv[i]);
        asker_ask(j->talk, NULL, NULL, argv, 2 + n_args);
        argv[0] = BYTES("HSET");
        argv[1] = key_of(j, KEY_ENV);
        for (size_t i = 0; i < n_env; i++) {
                const char *equals = strchr(opt->env[i], '=');

                argv[2 + 2 * i] = (bytes){ opt->env[i], (size_t)(equals - opt->env[i]) };
                argv[3 + 2 * i] = bytes_of(equals + 1);
        }
        if (n_env > 0)
                asker_ask(j->talk, NULL, NULL, argv, 2 + 2 * n_env);
        mem_free(argv);
        return 0;
}

static void say_number(keyed *j, const char *field, int64_t n) {
        char text[DECIMAL_MAX];

        if (n > 0)
                asker_say(j->talk, NULL, NULL, BYTES("HSET"), key_of(j, KEY_FIELDS),
                          bytes_of(field), (bytes){ text, decimal_print(n, text) });
}

static void say_text(keyed *j, const char *field, const char *text) {
        if (text)
                asker_say(j->talk, NULL, NULL, BYTES("HSET"), key_of(j, KEY_FIELDS),
                          bytes_of(field), bytes_of(text));
}

/* "nofile=1024" is the field limit.nofile. */
static void say_limit(keyed *j, const char *text) {
        const char *equals = strchr(text, '=');
        char field[64]; /* of a longer name there is no limit */

        snprintf(field, sizeof(field), "limit.%.*s", (int)(equals - text), text);
        say_text(j, field, equals + 1);
}

static void say_how(keyed *j, const beam_job_options *opt) {
        say_text(j, "cwd", opt->cwd);
        say_text(j, "user", opt->run_as);
        say_text(j, "umask", opt->umask);
        say_text(j, "inputs", opt->inputs);
        say_text(j, "outputs", opt->outputs);
        for (const char *const *limit = opt->limits; limit && *limit; limit++)
                say_limit(j, *limit);
}

static int64_t backoff_ms(int64_t ns) {
        int64_t ms = ns / (CLOCK_SECOND / 1000);

        return ms < 1 ? 1 : ms < TICKET_BACKOFF_MAX_MS ? ms : TICKET_BACKOFF_MAX_MS;
}

/* All in one transaction: whoever takes it finds all of it. */
static int say_all(keyed *j, const beam_job_options *opt) {
        const int64_t ms = CLOCK_SECOND / 1000;
        int r;

        asker_say(j->talk, NULL, NULL, BYTES("MULTI"));
        r = say_words(j, opt);
        if (r < 0) {
                asker_say(j->talk, NULL, NULL, BYTES("DISCARD")); /* others talk here too */
                return r;
        }
        asker_say(j->talk, NULL, NULL, BYTES("HSET"), key_of(j, KEY_FIELDS), BYTES("output"),
                  BYTES("log"));
        say_number(j, "keep", (int64_t)opt->keep);
        say_number(j, "timeout", (opt->timeout + ms - 1) / ms);
        say_number(j, "grace", (opt->grace + ms - 1) / ms);
        say_how(j, opt);
        say_number(j, "delay", (opt->delay + ms - 1) / ms);
        say_number(j, "retry", (int64_t)opt->retry);
        if (opt->backoff > 0)
                say_number(j, "backoff", backoff_ms(opt->backoff));
        j->is_owned = !opt->goes_on;
        if (j->is_owned)
                asker_say(j->talk, NULL, NULL, BYTES("HSET"), key_of(j, KEY_FIELDS), BYTES("owner"),
                          key_of(j, KEY_OWNER));
        say_owned(j, READER_LEASE_MS);
        if (!opt->stays)
                asker_say(j->talk, NULL, NULL, BYTES("SET"), key_of(j, KEY_BRIEF), BYTES("1"));
        reader_enter(&j->reader);
        asker_say(j->talk, NULL, NULL, BYTES("RPUSH"), BYTES("/jobs/start"), j->id_bytes);
        r = asker_say(j->talk, on_begun, j, BYTES("EXEC"));
        return r == -ENOTCONN ? -ECONNRESET : r; /* in the midst of this */
}

static int open_askers(keyed *j, const char *text, const char *user, const char *password) {
        url at;
        int r = url_parse(text, &at);

        /* a descriptor is one link, and this takes two, of which jobs may share the one */
        if (r == 0 && at.kind != URL_UNIX && at.kind != URL_ABSTRACT && at.kind != URL_TCP)
                r = -EINVAL;
        if (r == 0)
                r = asker_share(&at, user, password, &j->talk);
        return r < 0 ? r : asker_open(&at, user, password, &j->log);
}

static void on_look(timer *t);

static int new_job(const char *at, const beam_job_options *opt, keyed **ret) {
        keyed *j = mem_zero(sizeof(*j));
        int r;

        if (!j)
                return -ENOMEM;
        j->base = (beam_job){ &keyed_calls, fork_count(), 0 };
        j->renew.fn = on_renew;
        j->look.fn = on_look;
        r = open_askers(j, at, opt->user, opt->password);
        if (r < 0) {
                keyed_free(&j->base);
                return r;
        }
        *ret = j;
        return 0;
}

int keyed_start(const char *at, const beam_job_options *opt, beam_job **ret, int64_t deadline) {
        keyed *j;
        int r = new_job(at, opt, &j);

        if (r < 0)
                return r;
        asker_say(j->talk, on_created, j, BYTES("RPUSH"), BYTES("/jobs"), bytes_of(opt->argv[0]));
        r = keep_name(j, bytes_of(opt->argv[0]));
        if (r == 0)
                r = wait_for(j, &j->has_answered, deadline);
        if (r == 0) {
                name_it(j, j->base.id, opt->keep);
                r = say_all(j, opt);
        }
        if (r == 0) {
                enter(j);
                r = wait_for(j, &j->is_begun, deadline);
        }
        if (r < 0) {
                keyed_free(&j->base);
                return r;
        }
        *ret = &j->base;
        return 0;
}

static void on_named(void *data, int error, resp_cursor reply) {
        keyed *j = data;
        resp_value v;

        if (!take(j, error, &reply, &v))
                return;
        if (v.type != RESP_BULK || v.text.n == 0)
                fail(j, -ESRCH);
        else if (keep_name(j, v.text) < 0)
                fail(j, -ENOMEM);
        else
                j->has_answered = true;
}

int keyed_attach(const char *at, uint64_t id, const beam_job_options *opt, beam_job **ret,
                 int64_t deadline) {
        keyed *j;
        int r = id > INT64_MAX ? -ESRCH : new_job(at, opt, &j);

        if (r < 0)
                return r;
        name_it(j, id, 0);
        asker_say(j->talk, on_named, j, BYTES("LINDEX"), BYTES("/jobs"), j->id_bytes);
        reader_enter(&j->reader);
        asker_say(j->talk, on_look_at_status, j, BYTES("GET"), key_of(j, KEY_STATUS));
        enter(j);
        r = wait_for(j, &j->has_answered, deadline);
        if (r < 0) {
                keyed_free(&j->base);
                return r;
        }
        *ret = &j->base;
        return 0;
}

/* reading */

/* Returns 1 with an event, 0 if there is none yet. */
static int tell(keyed *j, beam_job_event *ret) {
        int r;

        if (j->has_told)
                return -EPIPE;
        r = j->error && !reader_has_more(&j->reader) ? 0 : reader_next(&j->reader, ret);
        if (r > 0)
                return r;
        if (j->reader.has_ended)
                end(j);
        if (j->is_known &&
            (j->reader.has_ended || stream_id_compare(j->reader.last, j->final) >= 0)) {
                outcome_tell(&j->outcome, &j->reader.tally, ret);
                j->has_told = true;
                return 1;
        }
        if (r < 0)
                fail(j, r);
        return j->error;
}

static int keyed_next(beam_job *base, beam_job_event *ret, int64_t deadline) {
        keyed *j = of(base);
        int r;

        while ((r = tell(j, ret)) == 0) {
                if (is_past(deadline))
                        return -ETIMEDOUT;
                loop_turn(loop_get(), deadline);
        }
        return r < 0 ? r : 0;
}

/* telling it things */

static void on_counted(void *data, int error, resp_cursor reply) {
        keyed *j = data;
        resp_value v;

        if (take(j, error, &reply, &v) && v.type == RESP_INTEGER)
                j->n_there = (size_t)v.integer;
        j->is_looking = false;
}

static void on_pushed(void *data, int error, resp_cursor reply) {
        keyed *j = data;
        resp_value v;

        j->n_unanswered--;
        if (take(j, error, &reply, &v) && v.type == RESP_INTEGER)
                j->n_there = (size_t)v.integer;
}

static void on_look(timer *t) {
        keyed *j = container_of(t, keyed, look);

        asker_say(j->talk, on_counted, j, BYTES("LLEN"), key_of(j, KEY_IN));
}

static bool has_room(keyed *j) {
        if (j->n_unanswered < UNANSWERED_MAX && j->n_there + j->n_unanswered < FRAMES_MAX)
                return true;
        if (j->n_unanswered == 0 && !j->is_looking) {
                j->is_looking = true;
                timer_start(&j->look, loop_get(), clock_add(clock_now(), LOOK_AGAIN));
        }
        return false;
}

static int keyed_write(beam_job *base, unsigned stream, const void *data, size_t n,
                       int64_t deadline) {
        keyed *j = of(base);
        char head[DECIMAL_MAX + 1];
        size_t n_head;

        if (!j->frame && !(j->frame = mem_new(BEAM_JOB_WRITE_MAX + sizeof(head))))
                return -ENOMEM;
        for (;;) {
                if (j->error)
                        return j->error;
                if (j->is_over || j->has_closed[stream])
                        return -EPIPE;
                if (has_room(j))
                        break;
                if (is_past(deadline))
                        return -ETIMEDOUT;
                loop_turn(loop_get(), deadline);
        }
        n_head = decimal_print(stream, head);
        head[n_head++] = ':';
        memcpy(j->frame, head, n_head);
        if (n > 0)
                memcpy(j->frame + n_head, data, n);
        j->n_unanswered++;
        j->has_closed[stream] = n == 0;
        return asker_say(j->talk, on_pushed, j, BYTES("RPUSH"), key_of(j, KEY_IN),
                         (bytes){ j->frame, n_head + n });
}

static int control(keyed *j, const char *word) {
        if (j->error)
                return j->error;
        return asker_say(j->talk, NULL, NULL, BYTES("RPUSH"), key_of(j, KEY_CONTROL),
                         bytes_of(word));
}

static int keyed_signal(beam_job *base, int number) {
        keyed *j = of(base);
        char word[32];

        snprintf(word, sizeof(word), "signal %d", number);
        return control(j, word);
}

/* Who takes it out of where it waited is the only one who has it. */
static void on_withdrawn(void *data, int error, resp_cursor reply) {
        keyed *j = data;
        resp_value v;

        if (!take(j, error, &reply, &v) || v.type != RESP_INTEGER || v.integer == 0)
                return;
        asker_say(j->talk, NULL, NULL, BYTES("MULTI"));
        asker_say(j->talk, NULL, NULL, BYTES("XADD"), key_of(j, KEY_LOG), BYTES("*"), BYTES("end"),
                  BYTES("cancelled"));
        asker_say(j->talk, NULL, NULL, BYTES("HSET"), key_of(j, KEY_FIELDS), BYTES("state"),
                  BYTES("ended"), BYTES("exit"), BYTES("cancelled"));
        asker_say(j->talk, NULL, NULL, BYTES("SET"), key_of(j, KEY_LOCK), BYTES("ended"));
        asker_say(j->talk, NULL, NULL, BYTES("SET"), key_of(j, KEY_STATUS), BYTES("cancelled"));
        asker_say(j->talk, NULL, NULL, BYTES("RPUSH"), key_of(j, KEY_WAIT), j->id_bytes);
        asker_say(j->talk, NULL, NULL, BYTES("EXEC"));
}

/* A worker that serves other names may be moving it from the one to the other: look in that
 * order. */
static int keyed_withdraw(beam_job *base) {
        keyed *j = of(base);
        const bytes prefix = BYTES("/beam/queue/");
        _cleanup_(mem_freep) char *queue = NULL;

        if (j->error)
                return j->error;
        queue = mem_new(prefix.n + j->n_name);
        if (!queue)
                return -ENOMEM;
        memcpy(queue, prefix.p, prefix.n);
        memcpy(queue + prefix.n, j->name, j->n_name);
        asker_say(j->talk, on_withdrawn, j, BYTES("LREM"), BYTES("/jobs/start"), BYTES("0"),
                  j->id_bytes);
        asker_say(j->talk, on_withdrawn, j, BYTES("ZREM"), BYTES("/beam/later"), j->id_bytes);
        return asker_say(j->talk, on_withdrawn, j, BYTES("LREM"),
                         (bytes){ queue, prefix.n + j->n_name }, BYTES("0"), j->id_bytes);
}

static int keyed_cancel(beam_job *base) {
        keyed *j = of(base);
        int r = keyed_withdraw(base);

        return r < 0 ? r : control(j, "cancel");
}

static int keyed_close_output(beam_job *base, unsigned stream) {
        keyed *j = of(base);
        char word[32];

        tally_unwant(&j->reader.tally, stream);
        snprintf(word, sizeof(word), "close %u", stream);
        return control(j, word);
}

static void on_answer(void *data, int error, resp_cursor reply) {
        keyed *j = data;
        resp_value v;

        if (take(j, error, &reply, &v))
                j->has_answered = true;
}

static int keyed_be_away(beam_job *base, int64_t ns, int64_t deadline) {
        keyed *j = of(base);
        int64_t ms = ns / (CLOCK_SECOND / 1000);

        if (ms < 1)
                return -EINVAL;
        say_owned(j, ms);
        reader_say_place(&j->reader, ms);
        j->has_answered = false;
        asker_say(j->talk, on_answer, j, BYTES("PING"));
        return wait_for(j, &j->has_answered, deadline);
}

/* leaving */

static void on_left(void *data, bool is_last) {
        keyed *j = data;

        if (is_last && j->is_brief && j->is_over)
                removal_say(j->talk, j->id_text, on_answer, j);
        else
                j->has_answered = true;
}

static void on_brief(void *data, int error, resp_cursor reply) {
        keyed *j = data;
        resp_value v;

        if (take(j, error, &reply, &v))
                j->is_brief = v.type == RESP_INTEGER && v.integer == 1;
}

static int keyed_leave(beam_job *base, int64_t deadline) {
        keyed *j = of(base);

        if (j->error)
                return j->error;
        timer_stop(&j->renew);
        j->has_answered = false;
        if (j->is_owned)
                asker_say(j->talk, NULL, NULL, BYTES("DEL"), key_of(j, KEY_OWNER));
        asker_say(j->talk, on_brief, j, BYTES("EXISTS"), key_of(j, KEY_BRIEF));
        reader_leave(&j->reader, on_left, j);
        return wait_for(j, &j->has_answered, deadline);
}

static void keyed_free(beam_job *base) {
        keyed *j = of(base);

        timer_stop(&j->renew);
        timer_stop(&j->look);
        reader_close(&j->reader);
        if (j->talk)
                asker_forget(j->talk, j);
        asker_free(j->talk);
        asker_free(j->log);
        mem_free(j->frame);
        mem_free(j->name);
        mem_free(j);
}

static const job_calls keyed_calls = {
        .next = keyed_next,
        .write = keyed_write,
        .signal = keyed_signal,
        .withdraw = keyed_withdraw,
        .cancel = keyed_cancel,
        .close_output = keyed_close_output,
        .be_away = keyed_be_away,
        .leave = keyed_leave,
        .free = keyed_free,
};
