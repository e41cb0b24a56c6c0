/* SPDX-License-Identifier: Apache-2.0 */
#include "errand.h"

#include <errno.h>
#include <stdio.h>

#include "../base/decimal.h"
#include "../base/mem.h"
#include "../chan/end.h"
#include "../chan/msg.h"
#include "key.h"
#include "order.h"
#include "removal.h"

static asker *asker_of(const errand *e) {
        return e->desk->asker;
}

/* its end */

/* All is written down, and removed if nobody looks at it any more: so the client may be told. */
static void say_last(errand *e) {
        if (e->last && sender_send(e->tell, e->last) == 0)
                e->last = NULL;
        errand_free(e);
}

static void on_removed(void *data, int r, resp_cursor reply) {
        (void)reply;
        if (r == 0)
                say_last(data);
}

static void on_readers(void *data, int r, resp_cursor reply) {
        errand *e = data;
        resp_value v;

        if (r < 0)
                return;
        /* whoever still watches it removes it, as the last */
        if (!resp_cursor_next(&reply, &v) || v.type != RESP_INTEGER || v.integer > 0)
                say_last(e);
        else
                removal_say(asker_of(e), e->sink.id, on_removed, e);
}

/* @msg says how it ended. */
static void leave(errand *e, beam_msg *msg) {
        char key[KEY_MAX];

        e->last = msg;
        e->words = beam_receiver_close(e->words);
        e->told = beam_receiver_close(e->told);
        if (e->order.stays)
                say_last(e);
        else
                asker_say(asker_of(e), on_readers, e, BYTES("SCARD"),
                          key_print(key, "/beam/jobs/%s/readers", e->sink.id));
}

static void tell_end(errand *e) {
        beam_msg *msg = NULL;
        size_t later;
        resp_out out;

        resp_out_init(&out, 2);
        later = resp_out_later(&out);
        resp_out_head(&out, later, RESP_ARRAY, verdict_put(&e->verdict, &out));
        (void)slip_msg(&out, &msg); /* without it the client takes it for lost */
        leave(e, msg);
}

static void on_written(void *data, int r, resp_cursor reply) {
        (void)reply;
        if (r == 0)
                tell_end(data);
}

static void end(errand *e, const char *exit, const char *why) {
        e->is_ended = true;
        e->verdict = (verdict){ .sink = &e->sink, .exit = exit, .status = -1, .why = why };
        if (e->is_waiting)
                desk_drop(e->desk, e);
        e->is_waiting = false;
}

/* Nobody else knows of it. */
static void end_unrun(errand *e, const char *exit, const char *why) {
        asker *a = asker_of(e);

        end(e, exit, why);
        asker_say(a, NULL, NULL, BYTES("MULTI"));
        verdict_say(&e->verdict, a);
        asker_say(a, on_written, e, BYTES("EXEC"));
}

static void say_lost(deed *d, asker *a) {
        errand *e = container_of(d, errand, deed);
        char key[KEY_MAX];

        verdict_say(&e->verdict, a);
        asker_say(a, NULL, NULL, BYTES("LREM"), key_print(key, "/beam/workers/%s/taken", e->token),
                  BYTES("1"), bytes_of(e->sink.id));
}

static void on_lost(deed *d, bool is_done) {
        errand *e = container_of(d, errand, deed);

        /* somebody else has said it; or its worker never came to take the lock */
        if (!is_done && *e->deed.holder) {
                e->deed.holder = "";
                fence_put(&e->desk->fence, d);
        } else {
                tell_end(e);
        }
}

static void lose(errand *e) {
        end(e, "lost", NULL);
        e->deed = (deed){ .id = e->sink.id, .holder = e->token, .say = say_lost, .done = on_lost };
        fence_put(&e->desk->fence, &e->deed);
}

void errand_refuse(errand *e, const char *format, bytes name) {
        snprintf(e->why, sizeof(e->why), "%s%.*s", format, name.n < 100 ? (int)name.n : 100,
                 name.p);
        end_unrun(e, "refused", e->why);
}

/* what either says */

static void on_client_gone(errand *e) {
        e->words = beam_receiver_close(e->words);
        if (e->is_ended || e->order.goes_on)
                return;
        if (e->is_waiting)
                end_unrun(e, "cancelled", NULL);
        else
                e->say = beam_sender_close(e->say);
}

/* Returns whether the message is the worker's by now. */
static bool hand_on(errand *e, beam_msg *msg, bytes word) {
        const bool is_end = bytes_equal(word, BYTES("cancel")),
                   is_back = bytes_equal(word, BYTES("withdraw"));

        if (e->is_ended || !e->say)
                return false;
        if (e->is_waiting && (is_end || is_back)) {
                end_unrun(e, "cancelled", NULL);
                return false;
        }
        if (is_back)
                return false;
        if (sender_send(e->say, msg) == 0)
                return true;
        /* it has not heard so many others: to be gone says the same */
        if (is_end)
                e->say = beam_sender_close(e->say);
        return false;
}

static void on_words(void *data, beam_receiver *rx) {
        errand *e = data;
        beam_msg *msg;
        bytes word;
        slip s;
        int r = beam_recv(rx, &msg, BEAM_NOW);

        if (r == -ETIMEDOUT)
                return;
        if (r != 1)
                on_client_gone(e);
        else if (slip_open(msg, &s) < 0 || !slip_next(&s, &word) || !hand_on(e, msg, word))
                beam_msg_free(msg);
}

static void on_told(void *data, beam_receiver *rx) {
        errand *e = data;
        beam_msg *msg;
        bytes what;
        slip s;
        int r = beam_recv(rx, &msg, BEAM_NOW);

        if (r == -ETIMEDOUT)
                return;
        if (r != 1 || slip_open(msg, &s) < 0 || !slip_next(&s, &what)) {
                if (r == 1)
                        beam_msg_free(msg);
                e->told = beam_receiver_close(e->told);
                lose(e);
                return;
        }
        e->is_ended = bytes_equal(what, BYTES("ended"));
        if (e->is_ended)
                leave(e, msg);
        else if (sender_send(e->tell, msg) < 0)
                beam_msg_free(msg);
}

/* to a worker */

/* The ID, and then the order as it came. */
static int make_order(errand *e, beam_msg **ret) {
        resp_out out;

        resp_out_init(&out, 2);
        resp_out_bulk_text(&out, e->sink.id);
        resp_out_raw(&out, e->order.text.p, e->order.text.n);
        return slip_msg(&out, ret);
}

int errand_give(errand *e, station *s) {
        beam_sender *tell = NULL;
        beam_msg *msg = NULL;
        int r = beam_pipe(SLIP_TELL_DEPTH, &tell, &e->told);

        if (r == 0)
                r = make_order(e, &msg);
        if (r == 0)
                r = receiver_watch(e->told, false, on_told, e);
        if (r == 0)
                r = msg_take_extra(msg, e->msg);
        if (r < 0) {
                beam_sender_close(tell);
                e->told = beam_receiver_close(e->told);
                beam_msg_free(msg);
                return r;
        }
        *msg_thing(msg, SLIP_TELL) = (thing){ .kind = BEAM_SENDER, .tx = tell };
        *msg_thing(msg, SLIP_WORDS) = (thing){ .kind = BEAM_RECEIVER, .rx = e->said };
        r = s->to ? sender_send(s->to, msg) : 0;
        if (r < 0) {
                beam_sender_close(beam_msg_take_sender(msg, SLIP_TELL));
                e->told = beam_receiver_close(e->told);
                beam_msg_take_receiver(msg, SLIP_WORDS);
                (void)msg_take_extra(e->msg, msg);
                beam_msg_free(msg);
                return r;
        }
        e->said = NULL;
        e->is_waiting = false;
        desk_drop(e->desk, e);
        snprintf(e->token, sizeof(e->token), "%s", s->token);
        e->msg = beam_msg_free(e->msg);
        if (!s->to)
                s->take(s, msg);
        return 0;
}

/* coming in */

static void say_args(errand *e) {
        resp_cursor at = e->order.args;
        resp_value head, v;
        char key[KEY_MAX];
        bytes *argv;

        resp_cursor_next(&at, &head);
        if (head.n == 0 || head.n > ORDER_WORDS_MAX)
                return;
        argv = mem_array(2 + head.n, sizeof(*argv));
        if (!argv)
                return;
        argv[0] = BYTES("RPUSH");
        argv[1] = key_print(key, "/jobs/%s/args", e->sink.id);
        for (size_t i = 0; i < head.n; i++) {
                resp_cursor_next(&at, &v);
                argv[2 + i] = v.text;
        }
        asker_ask(asker_of(e), NULL, NULL, argv, 2 + head.n);
        mem_free(argv);
}

static void on_created(void *data, int r, resp_cursor reply) {
        errand *e = data;
        char key[KEY_MAX];
        resp_value v;

        if (r < 0)
                return;
        if (!resp_cursor_next(&reply, &v) || v.type != RESP_INTEGER || v.integer < 1) {
                /* no list, or no memory */
                e->tell =
                        beam_sender_fail(e->tell, BEAM_CODE_INTERNAL, "the context takes no jobs");
                errand_free(e);
                return;
        }
        snprintf(e->sink.id, sizeof(e->sink.id), "%lld", (long long)v.integer - 1);
        say_args(e);
        asker_say(asker_of(e), NULL, NULL, BYTES("HSET"),
                  key_print(key, "/beam/jobs/%s", e->sink.id), BYTES("state"), BYTES("started"),
                  BYTES("output"), BYTES("channel"));
        if (!e->order.stays)
                asker_say(asker_of(e), NULL, NULL, BYTES("SET"),
                          key_print(key, "/beam/jobs/%s/brief", e->sink.id), BYTES("1"));
        (void)slip_say(e->tell, BYTES("taken"), bytes_of(e->sink.id));
        if (receiver_watch(e->words, false, on_words, e) < 0) {
                end_unrun(e, "refused", "out of memory");
                return;
        }
        e->is_waiting = true;
        desk_place(e->desk, e);
}

int errand_new(desk *d, beam_msg *msg, const slip_order *o) {
        errand *e = mem_zero(sizeof(*e));
        int r = e ? beam_pipe(SLIP_WORDS_DEPTH, &e->say, &e->said) : -ENOMEM;

        if (r == 0)
                r = asker_say(d->asker, on_created, e, BYTES("RPUSH"), BYTES("/jobs"), o->name);
        if (r < 0) {
                if (e) {
                        beam_sender_close(e->say);
                        beam_receiver_close(e->said);
                }
                mem_free(e);
                return r;
        }
        e->desk = d;
        e->msg = msg;
        e->order = *o;
        e->tell = beam_msg_take_sender(msg, SLIP_TELL);
        e->words = beam_msg_take_receiver(msg, SLIP_WORDS);
        list_init(&e->in_waiting);
        list_init(&e->node);
        list_append(&d->errands, &e->node);
        return 0;
}

void errand_free(errand *e) {
        fence_forget(&e->deed);
        asker_forget(asker_of(e), e);
        if (e->is_waiting)
                desk_drop(e->desk, e);
        list_remove(&e->node);
        beam_msg_free(e->msg);
        beam_msg_free(e->last);
        beam_receiver_close(e->words);
        beam_receiver_close(e->told);
        beam_receiver_close(e->said);
        beam_sender_close(e->say);
        beam_sender_close(e->tell);
        mem_free(e);
}
