/* SPDX-License-Identifier: Apache-2.0 */
/* Several handles of one end, some of them far away. */
#include "talk.h"

#include <string.h>

/* The channel is made at home; its handles go to two places, over a session each. Slot 0
 * at home has its two ends, and a handle has the same slot wherever it is. */
typedef struct places {
        int home;
        int far[2];
        int64_t by[2], at[2]; /* the number of that session, at home and there */
} places;

enum { N_WAYS = 2, CARRIER = 10, N_USED = CARRIER + 2 };

static places places_of(const talk *t, int way) {
        int home = way ? B : A, far = way ? A : B;

        if (talk_what(t)->url2)
                return (places){ M, { home, far }, { home + 1, far + 1 }, { 1, 1 } };
        return (places){ home, { far, far }, { 1, 2 }, { 1, 2 } };
}

/* Only where both sessions are links is each handle as deep as the channel. */
static bool has_memory(const talk *t) {
        return !strncmp(talk_what(t)->name, "mem", 3);
}

static void start(talk *t, const places *p, size_t depth, int n_sessions) {
        assert_r(pipe_at(t, p->home, depth, 0), 0);
        for (int k = 0; k < n_sessions; k++) {
                call c = { .n = { CARRIER + k, 1, p->by[k], LONG }, .text = "carrier" };

                assert_r(at(t, p->home, step_open, &c), 0);
                c = (call){ .n = { CARRIER + k, LONG, p->at[k] } };
                assert_r(at(t, p->far[k], step_accept, &c), 1);
        }
}

static void step_drop(side *s, call *c) {
        for (int i = 0; i < N_USED; i++) {
                s->tx[i] = beam_sender_close(s->tx[i]);
                s->rx[i] = beam_receiver_close(s->rx[i]);
        }
        c->r = 0;
}

static void drop(talk *t) {
        for (int who = A; who <= (talk_what(t)->url2 ? M : B); who++)
                assert_r(at(t, who, step_drop, NULL), 0);
}

static void hand_out(talk *t, const places *p, int k, beam_kind kind, int slot) {
        assert_ok(msg_at(t, p->home, 0, ""));
        assert_r(put(t, p->home, 0, kind, slot), 0);
        assert_r(send_msg(t, p->home, CARRIER + k, 0, LONG), 0);
        assert_r(recv_msg(t, p->far[k], CARRIER + k, 0, LONG), 1);
        assert_r(take(t, p->far[k], 0, 0, kind, slot), 0);
        assert_r(free_msg(t, p->far[k], 0), 0);
}

/* A duplicate of the sender at home, in slot @slot of place @k. */
static void hand_out_sender(talk *t, const places *p, int k, int slot) {
        assert_r(dup_tx(t, p->home, 0, slot), 0);
        hand_out(t, p, k, BEAM_SENDER, slot);
}

static void still_open(talk *t, const places *p) {
        assert_r(recv_text(t, p->home, 0, SHORT), -ETIMEDOUT);
}

static void passes(talk *t, const places *p, int who, int slot, const char *text) {
        assert_r(send_text(t, who, slot, text, LONG), 0);
        assert_r(recv_text(t, p->home, 0, LONG), 1);
        assert_str(talk_text(t), text);
}

/* Which of the handles sent what comes next: they say their slot. */
static int next_from(talk *t, const places *p) {
        assert_r(recv_text(t, p->home, 0, LONG), 1);
        assert_eq(talk_out(t)->n_text, 1);
        return talk_text(t)[0] - '0';
}

static int say_slot(talk *t, int who, int slot, int64_t wait) {
        return send_text(t, who, slot, (char[2]){ (char)('0' + slot) }, wait);
}

/* Of what was sent before it was known here that there is nobody to take it. */
static int fate(talk *t, int who, int slot) {
        int r = send_text(t, who, slot, "late", LONG);

        return r == 0 ? drain_tx(t, who, slot, LONG) : r;
}

/* all of them */

/* So many handles far away, over the sessions in turn, and one at home. */
static void all_send(talk *t, int way, int n, int n_sessions, int last) {
        places p = places_of(t, way);
        int who[4] = { p.home }, n_from[4] = { 0 };

        start(t, &p, (size_t)n, n_sessions);
        for (int i = 1; i <= n; i++) {
                who[i] = p.far[i % n_sessions];
                hand_out_sender(t, &p, i % n_sessions, i);
        }
        for (int round = 0; round < 3; round++)
                for (int i = 0; i <= n; i++)
                        passes(t, &p, who[i], i, "in turn");

        /* all but the one at home, and then all that they said */
        for (int i = 1; i <= n; i++)
                assert_r(say_slot(t, who[i], i, LONG), 0);
        for (int i = 1; i <= n; i++)
                n_from[next_from(t, &p)]++;
        for (int i = 1; i <= n; i++)
                assert_eq(n_from[i], 1);

        for (int i = 0; i <= n; i++) {
                if (i == last)
                        continue;
                assert_r(fail_tx(t, who[i], i, BEAM_CODE_USER, "not the last"), 0);
                still_open(t, &p);
        }
        passes(t, &p, who[last], last, "last");
        assert_r(fail_tx(t, who[last], last, BEAM_CODE_USER + 1, "the last"), 0);
        assert_r(recv_text(t, p.home, 0, LONG), -EPIPE);
        assert_r(reason_rx(t, p.home, 0), 1);
        /* only one session brings its news in order */
        if ((n_sessions == 1 && last) || strcmp(talk_text(t), "not the last")) {
                assert_eq(talk_value(t, 1), BEAM_CODE_USER + 1);
                assert_str(talk_text(t), "the last");
        }
        drop(t);
}

LAW(two_senders_over_one_session, LAW_AGAIN) {
        for (int way = 0; way < N_WAYS; way++)
                all_send(t, way, 2, 1, 2);
}

LAW(two_senders_over_two_sessions, LAW_AGAIN) {
        for (int way = 0; way < N_WAYS; way++)
                all_send(t, way, 2, 2, 1);
}

LAW(three_senders_over_one_session, LAW_AGAIN) {
        for (int way = 0; way < N_WAYS; way++)
                all_send(t, way, 3, 1, 0);
}

LAW(three_senders_over_two_sessions, LAW_AGAIN) {
        for (int way = 0; way < N_WAYS; way++)
                all_send(t, way, 3, 2, 3);
}

/* depth */

static int fill(talk *t, int who, int slot) {
        int n = 0;

        while (n < 10 && say_slot(t, who, slot, SHORT) == 0)
                n++;
        return n;
}

/* Each message taken makes room for one, of the handle that sent it. */
static void holds_depth(talk *t, int n_sessions) {
        places p = places_of(t, 0);
        int who[3] = { p.home, p.far[0], p.far[n_sessions - 1] }, n[3] = { 0 };

        start(t, &p, 2, n_sessions);
        for (int i = 1; i < 3; i++)
                hand_out_sender(t, &p, i == 2 ? n_sessions - 1 : 0, i);
        for (int i = 1; i < 3; i++) {
                n[i] = fill(t, who[i], i);
                if (!has_memory(t))
                        assert_eq(n[i], 2);
        }
        assert_eq(fill(t, p.home, 0), 0);
        if (!strncmp(talk_what(t)->name, "mem/", 4))
                assert_eq(n[1] + n[2], 2);

        for (int round = 0; round < 4 && !has_memory(t); round++) {
                int from = next_from(t, &p);

                assert_r(say_slot(t, who[3 - from], 3 - from, SHORT), -ETIMEDOUT);
                assert_r(say_slot(t, who[from], from, LONG), 0);
                assert_r(say_slot(t, who[from], from, SHORT), -ETIMEDOUT);
        }
        while (n[1] + n[2] > 0)
                n[next_from(t, &p)]--;
        assert_eq(n[1], 0);
        still_open(t, &p);
        assert_eq(fill(t, p.home, 0), 2);
}

LAW(senders_over_one_session_hold_the_depth, LAW_AGAIN) {
        holds_depth(t, 1);
}

LAW(senders_over_two_sessions_hold_the_depth, LAW_AGAIN) {
        holds_depth(t, 2);
}

/* Full by one handle at home; what comes from elsewhere has its turn. */
LAW(a_full_channel_takes_from_all_in_turn, LAW_AGAIN) {
        places p = places_of(t, 1);

        start(t, &p, 1, 2);
        assert_r(say_slot(t, p.home, 0, LONG), 0);
        for (int i = 1; i < 3; i++)
                hand_out_sender(t, &p, i - 1, i);
        if (has_memory(t))
                return;
        for (int i = 1; i < 3; i++)
                assert_r(say_slot(t, p.far[i - 1], i, LONG), 0);
        assert_r(say_slot(t, p.home, 0, SHORT), -ETIMEDOUT);
        assert_eq(next_from(t, &p), 0);
        assert_eq(next_from(t, &p) + next_from(t, &p), 3);
        passes(t, &p, p.home, 0, "at last");
}

/* acknowledgement */

LAW(each_sender_hears_what_was_taken_of_its_own, LAW_AGAIN) {
        places p = places_of(t, 0);
        int from;

        start(t, &p, 3, 2);
        for (int i = 1; i < 3; i++)
                hand_out_sender(t, &p, i - 1, i);
        for (int round = 0; round < 2; round++) {
                for (int i = 1; i < 3; i++) {
                        assert_r(say_slot(t, p.far[i - 1], i, LONG), 0);
                        assert_r(drain_tx(t, p.far[i - 1], i, SHORT), -ETIMEDOUT);
                }
                from = next_from(t, &p);
                if (!has_memory(t)) {
                        assert_r(drain_tx(t, p.far[from - 1], from, LONG), 0);
                        assert_r(drain_tx(t, p.far[2 - from], 3 - from, SHORT), -ETIMEDOUT);
                }
                next_from(t, &p);
                for (int i = 1; i < 3; i++)
                        assert_r(drain_tx(t, p.far[i - 1], i, LONG), 0);
        }

        /* one is taken, one is left */
        for (int i = 1; i < 3; i++)
                assert_r(say_slot(t, p.far[i - 1], i, LONG), 0);
        from = next_from(t, &p);
        if (!has_memory(t))
                assert_r(drain_tx(t, p.far[from - 1], from, LONG), 0);
        assert_r(fail_rx(t, p.home, 0, BEAM_CODE_USER, "enough"), 0);
        assert_r(drain_tx(t, p.far[2 - from], 3 - from, LONG), -EPIPE);
}

LAW(all_senders_hear_why_the_receiver_went, LAW_AGAIN) {
        places p = places_of(t, 1);

        start(t, &p, 2, 2);
        for (int i = 1; i < 4; i++)
                hand_out_sender(t, &p, i % 2, i);
        passes(t, &p, p.far[1], 1, "x");
        assert_r(fail_rx(t, p.home, 0, BEAM_CODE_USER, "enough"), 0);
        for (int i = 1; i < 4; i++) {
                assert_r(fate(t, p.far[i % 2], i), -EPIPE);
                assert_r(send_text(t, p.far[i % 2], i, "x", LONG), -EPIPE);
                assert_r(reason_tx(t, p.far[i % 2], i), 1);
                assert_str(talk_text(t), "enough");
        }
        assert_r(send_text(t, p.home, 0, "x", LONG), -EPIPE);
}

/* one of them dies */

static void close_session(talk *t, int who, int64_t which) {
        assert_r(at(t, who, step_session_close, &(call){ .n = { 0, which } }), 0);
}

/* Home has heard that the session of place @k is no more: news of two do not come in order. */
static void heard_of_end(talk *t, const places *p, int k) {
        assert_lt(at(t, p->home, step_accept, &(call){ .n = { 0, LONG, p->by[k] } }), 0);
}

static int dead(talk *t, int who, int slot, bool closed_there) {
        int r = fate(t, who, slot);

        if (closed_there)
                return r == -ECANCELED;
        return r == -ENOTCONN || r == -ECONNRESET;
}

static void one_dies(talk *t, int way, bool there) {
        places p = places_of(t, way);

        start(t, &p, 2, 2);
        for (int i = 1; i < 4; i++)
                hand_out_sender(t, &p, i == 3, i);
        for (int i = 0; i < 4; i++)
                passes(t, &p, i ? p.far[i == 3] : p.home, i, "alive");
        if (there)
                close_session(t, p.far[0], p.at[0]);
        else
                close_session(t, p.home, p.by[0]);
        for (int i = 1; i < 3; i++) {
                assert_true(dead(t, p.far[0], i, there));
                assert_r(reason_tx(t, p.far[0], i), 1);
                assert_eq(talk_value(t, 1), BEAM_CODE_LOST);
        }
        still_open(t, &p);
        passes(t, &p, p.far[1], 3, "on");
        passes(t, &p, p.home, 0, "on");
        assert_r(close_tx(t, p.home, 0), 0);
        still_open(t, &p);
        passes(t, &p, p.far[1], 3, "alone");

        if (there)
                close_session(t, p.far[1], p.at[1]);
        else
                close_session(t, p.home, p.by[1]);
        assert_r(recv_text(t, p.home, 0, LONG), there ? -ECONNRESET : -ECANCELED);
        assert_r(reason_rx(t, p.home, 0), 1);
        assert_eq(talk_value(t, 1), BEAM_CODE_LOST);
        assert_true(dead(t, p.far[1], 3, there));
        drop(t);
}

LAW(a_session_that_ends_there_takes_its_senders_only, LAW_AGAIN) {
        one_dies(t, 0, true);
}

LAW(a_session_that_ends_here_takes_its_senders_only, LAW_AGAIN) {
        one_dies(t, 1, false);
}

/* The orderly end of the last decides, whatever became of those before. */
LAW(a_sender_outlives_those_that_were_lost, LAW_AGAIN) {
        places p = places_of(t, 0);

        start(t, &p, 2, 2);
        for (int i = 1; i < 3; i++)
                hand_out_sender(t, &p, i - 1, i);
        assert_r(close_tx(t, p.home, 0), 0);
        passes(t, &p, p.far[0], 1, "first");
        assert_r(send_text(t, p.far[1], 2, "unread", LONG), 0);
        close_session(t, p.far[0], p.at[0]);
        heard_of_end(t, &p, 0);
        assert_r(recv_text(t, p.home, 0, LONG), 1);
        assert_str(talk_text(t), "unread");
        still_open(t, &p);
        assert_r(close_tx(t, p.far[1], 2), 0);
        assert_r(recv_text(t, p.home, 0, LONG), 0);
}

LAW(killed_senders_leave_the_others, LAW_PROCESSES | LAW_BRIDGE | LAW_AGAIN) {
        places p = places_of(t, 0);

        start(t, &p, 2, 2);
        for (int i = 1; i < 3; i++)
                hand_out_sender(t, &p, i - 1, i);
        passes(t, &p, A, 1, "alive");
        talk_kill(t, A);
        for (int i = 0; i < 3; i++)
                passes(t, &p, B, 2, "on");
        assert_r(close_tx(t, M, 0), 0);
        still_open(t, &p);
        talk_kill(t, B);
        assert_r(recv_text(t, M, 0, LONG), -ECONNRESET);
}

/* A duplicate that was made far away goes with the rest, and so does one that came back. */
LAW(a_sender_is_duplicated_far_away, LAW_AGAIN) {
        places p = places_of(t, 0);
        call c = { .n = { CARRIER + 2, 1, p.at[0], LONG }, .text = "back" };

        start(t, &p, 2, 2);
        hand_out_sender(t, &p, 0, 1);
        assert_r(dup_tx(t, p.far[0], 1, 2), 0);
        assert_r(dup_tx(t, p.far[0], 1, 3), 0);

        assert_r(at(t, p.far[0], step_open, &c), 0);
        assert_r(at(t, p.home, step_accept, &(call){ .n = { CARRIER + 2, LONG, p.by[0] } }), 1);
        assert_ok(msg_at(t, p.far[0], 0, ""));
        assert_r(put(t, p.far[0], 0, BEAM_SENDER, 3), 0);
        assert_r(send_msg(t, p.far[0], CARRIER + 2, 0, LONG), 0);
        assert_r(recv_msg(t, p.home, CARRIER + 2, 0, LONG), 1);
        assert_r(take(t, p.home, 0, 0, BEAM_SENDER, 3), 0);
        assert_r(free_msg(t, p.home, 0), 0);

        for (int i = 0; i < 4; i++)
                passes(t, &p, i % 3 ? p.far[0] : p.home, i, "x");
        assert_r(close_tx(t, p.far[0], 1), 0);
        assert_r(close_tx(t, p.home, 0), 0);
        still_open(t, &p);
        passes(t, &p, p.far[0], 2, "x");
        passes(t, &p, p.home, 3, "x");
        close_session(t, p.far[0], p.at[0]);
        assert_r(recv_text(t, p.home, 0, LONG), -ECONNRESET);
        assert_true(dead(t, p.far[0], 2, true));
        assert_lt(fate(t, p.home, 3), 0);
}

/* without depth */

LAW(senders_meet_the_receiver_one_by_one, LAW_TWO | LAW_AGAIN) {
        places p = places_of(t, 0);

        start(t, &p, 0, 2);
        for (int i = 1; i < 3; i++)
                hand_out_sender(t, &p, i - 1, i);
        for (int i = 1; i < 3; i++) {
                assert_r(say_slot(t, p.far[i - 1], i, NOW), -ETIMEDOUT);
                later(t);
                say_slot(t, p.far[i - 1], i, LONG);
                blocked(t, p.far[i - 1]);
                assert_eq(next_from(t, &p), i);
                assert_r(finish(t, p.far[i - 1]), 0);

                later(t);
                recv_text(t, p.home, 0, LONG);
                blocked(t, p.home);
                assert_r(say_slot(t, p.far[i - 1], i, LONG), 0);
                assert_r(finish(t, p.home), 1);
        }
        assert_r(recv_text(t, p.home, 0, NOW), -ETIMEDOUT);
}

LAW(senders_wait_without_depth, LAW_TWO | LAW_BRIDGE | LAW_AGAIN) {
        places p = places_of(t, 0);
        int first;

        start(t, &p, 0, 2);
        for (int i = 1; i < 3; i++)
                hand_out_sender(t, &p, i - 1, i);
        for (int who = A; who <= B; who++) {
                later(t);
                say_slot(t, who, who + 1, LONG);
                blocked(t, who);
        }
        first = next_from(t, &p);
        assert_r(finish(t, first - 1), 0);
        assert_eq(next_from(t, &p), 3 - first);
        assert_r(finish(t, 2 - first), 0);
        assert_r(recv_text(t, p.home, 0, NOW), -ETIMEDOUT);

        /* a receive that waits meets one of the two */
        later(t);
        recv_text(t, M, 0, LONG);
        blocked(t, M);
        for (int who = A; who <= B; who++) {
                later(t);
                say_slot(t, who, who + 1, LONG);
        }
        assert_r(finish(t, M), 1);
        first = talk_text(t)[0] - '0';
        assert_r(finish(t, first - 1), 0);
        assert_eq(next_from(t, &p), 3 - first);
        assert_r(finish(t, 2 - first), 0);

        for (int who = A; who <= B; who++) {
                later(t);
                say_slot(t, who, who + 1, LONG);
                blocked(t, who);
        }
        assert_r(fail_rx(t, M, 0, BEAM_CODE_USER, "enough"), 0);
        for (int who = A; who <= B; who++)
                assert_r(finish(t, who), -EPIPE);
}

/* One that waits and is lost is not met, and not in the way of the next. */
LAW(a_sender_is_lost_without_depth, LAW_TWO | LAW_BRIDGE | LAW_AGAIN | LAW_PROCESSES) {
        places p = places_of(t, 0);

        start(t, &p, 0, 2);
        for (int i = 1; i < 3; i++)
                hand_out_sender(t, &p, i - 1, i);
        later(t);
        say_slot(t, A, 1, LONG);
        blocked(t, A);
        talk_kill(t, A);
        heard_of_end(t, &p, 0);
        later(t);
        say_slot(t, B, 2, LONG);
        assert_eq(next_from(t, &p), 2);
        assert_r(finish(t, B), 0);
        assert_r(close_tx(t, M, 0), 0);
        assert_r(close_tx(t, B, 2), 0);
        assert_r(recv_text(t, M, 0, LONG), 0);
}

/* choice */

static void step_select(side *s, call *c) {
        beam_arm arms[2] = { { .rx = s->rx[0] }, { .rx = s->rx[8] } };

        c->n[2] = beam_select(arms, 2, until(c->n[1]));
        c->r = c->n[2] < 0 ? (int)c->n[2] : arms[c->n[2]].r;
        if (c->r > 0)
                beam_msg_free(arms[c->n[2]].msg);
}

LAW(select_with_senders_far_away, LAW_TWO | LAW_AGAIN) {
        for (size_t depth = 0; depth < 3; depth += 2) {
                places p = places_of(t, depth > 0);

                start(t, &p, depth, 2);
                assert_r(pipe_at(t, p.home, depth, 8), 0);
                for (int i = 1; i < 3; i++)
                        hand_out_sender(t, &p, i - 1, i);
                for (int i = 0; i < 4; i++) {
                        int k = i % 2;

                        later(t);
                        at(t, p.home, step_select, &(call){ .n = { 0, LONG } });
                        blocked(t, p.home);
                        assert_r(say_slot(t, p.far[k], k + 1, LONG), 0);
                        assert_r(finish(t, p.home), 1);
                        assert_eq(talk_value(t, 2), 0);
                }
                drop(t);
        }
}

/* from one session to another */

/* The channel lies at home, and both its ends are elsewhere. */
LAW(senders_far_from_the_receiver, LAW_TWO | LAW_BRIDGE | LAW_AGAIN) {
        for (size_t depth = 0; depth < 3; depth++) {
                places p = places_of(t, 0);

                start(t, &p, depth, 2);
                hand_out_sender(t, &p, 0, 1);
                hand_out_sender(t, &p, 0, 2);
                hand_out(t, &p, 1, BEAM_RECEIVER, 0);
                assert_r(close_tx(t, M, 0), 0);
                p.home = B;
                for (int i = 0; i < 4; i++) {
                        later(t);
                        say_slot(t, A, i % 2 + 1, LONG);
                        assert_eq(next_from(t, &p), i % 2 + 1);
                        assert_r(finish(t, A), 0);
                        assert_r(drain_tx(t, A, i % 2 + 1, LONG), 0);
                }
                assert_r(fail_tx(t, A, 1, BEAM_CODE_USER, "first"), 0);
                still_open(t, &p);
                assert_r(fail_tx(t, A, 2, BEAM_CODE_USER, "second"), 0);
                assert_r(recv_text(t, B, 0, LONG), -EPIPE);
                assert_r(reason_rx(t, B, 0), 1);
                assert_str(talk_text(t), "second");
                drop(t);
        }
}

/* many */

enum { N_EACH = 60 };

/* Through the handles in slots n[0] to n[1] in turn, each saying its slot and a number. */
static void step_send_many(side *s, call *c) {
        for (int i = 0; i < N_EACH && c->r >= 0; i++)
                for (int64_t k = c->n[0]; k <= c->n[1] && c->r >= 0; k++) {
                        int what[2] = { (int)k, i };
                        beam_msg *msg = NULL;

                        assert_ok(beam_msg_new(what, sizeof(what), &msg));
                        c->r = beam_send(s->tx[k], msg, until(LONG));
                        if (c->r < 0)
                                beam_msg_free(msg);
                }
        for (int64_t k = c->n[0]; k <= c->n[1]; k++)
                s->tx[k] = beam_sender_close(s->tx[k]);
}

/* All, up to the end; those of one handle in order. */
static void step_take_many(side *s, call *c) {
        int next[8] = { 0 };
        beam_msg *msg = NULL;

        while ((c->r = beam_recv(s->rx[0], &msg, until(LONG))) > 0) {
                int what[2];
                size_t n;
                const void *p = beam_msg_data(msg, &n);

                assert_eq(n, sizeof(what));
                memcpy(what, p, sizeof(what));
                assert_eq(what[1], next[what[0]]++);
                beam_msg_free(msg);
                c->n[2]++;
        }
}

static void many_send(talk *t, size_t depth, int n) {
        places p = places_of(t, 0);
        bool apart = p.far[0] != p.far[1];

        start(t, &p, depth, 2);
        for (int i = 1; i <= n; i++)
                hand_out_sender(t, &p, apart ? i > n / 2 : i % 2, i);
        assert_r(close_tx(t, p.home, 0), 0);
        later(t);
        at(t, p.far[0], step_send_many, &(call){ .n = { 1, apart ? n / 2 : n } });
        if (apart) {
                later(t);
                at(t, p.far[1], step_send_many, &(call){ .n = { n / 2 + 1, n } });
        }
        assert_r(at(t, p.home, step_take_many, NULL), 0);
        assert_eq(talk_value(t, 2), n * N_EACH);
        assert_r(finish(t, p.far[0]), 0);
        if (apart)
                assert_r(finish(t, p.far[1]), 0);
        drop(t);
}

LAW(many_messages_through_many_senders, LAW_TWO | LAW_AGAIN) {
        for (size_t depth = 0; depth < 8; depth = depth * 2 + 1)
                many_send(t, depth, 4);
}

/* several receivers */

LAW(a_session_that_ends_takes_its_receivers_only, LAW_AGAIN) {
        places p = places_of(t, 0);

        start(t, &p, 4, 2);
        for (int i = 1; i < 3; i++) {
                assert_r(dup_rx(t, p.home, 0, i), 0);
                hand_out(t, &p, i - 1, BEAM_RECEIVER, i);
        }
        assert_r(close_rx(t, p.home, 0), 0);
        close_session(t, p.far[0], p.at[0]);
        assert_r(recv_text(t, p.far[0], 1, LONG), -ECANCELED);
        heard_of_end(t, &p, 0); /* what goes there before is lost */
        for (int i = 0; i < 6; i++) {
                assert_r(send_text(t, p.home, 0, "x", LONG), 0);
                assert_r(recv_text(t, p.far[1], 2, LONG), 1);
        }
        close_session(t, p.home, p.by[1]);
        assert_r(fate(t, p.home, 0), -ECANCELED);
}
