/* SPDX-License-Identifier: Apache-2.0 */
/* What is built from send and receive: questions with a way back, and copying. */
#include <assert.h>

#include "../base/cleanup.h"
#include "../base/fork.h"
#include "../base/mem.h"
#include "session.h"
#include "wire.h"

/* A way back over the same session needs no channel in memory and no bridge. */
static int send_over_wire(wire *w, beam_msg *msg, beam_receiver **ret_back, int64_t deadline) {
        loop *l = loop_mine();
        beam_receiver *back;
        wire *new;
        int r;

        if (!w->s)
                return wire_tx_end(w);
        new = wire_new(w->s, 0, WIRE_RX | WIRE_OURS, 1);
        if (!new)
                return -ENOMEM;
        back = wire_receiver(new);
        if (!back) {
                wire_drop(new);
                return -ENOMEM;
        }
        while ((r = wire_send(w, msg, new)) == -EAGAIN) {
                if (deadline != BEAM_FOREVER && beam_now() >= deadline) {
                        r = -ETIMEDOUT;
                        break;
                }
                loop_turn(l, deadline);
        }
        if (r < 0) {
                wire_release(new);
                mem_free(back);
                return r;
        }
        if (!loop_holds_back(l))
                loop_flush(l);
        *ret_back = back;
        return 0;
}

static int send_question(beam_sender *tx, beam_msg *msg, beam_receiver **ret_back,
                         int64_t deadline) {
        _cleanup_(beam_receiver_closep) beam_receiver *back = NULL;
        beam_sender *reply;
        int place, r;

        r = beam_pipe(1, &reply, &back);
        if (r < 0)
                return r;
        place = beam_msg_put_sender(msg, reply);
        if (place < 0) {
                beam_sender_close(reply);
                return place;
        }
        r = beam_send(tx, msg, deadline);
        if (r < 0) {
                /* the message goes back as it came */
                beam_sender_close(beam_msg_take_sender(msg, (size_t)place));
                msg_trim_things(msg);
                return r;
        }
        *ret_back = take_ptr(&back);
        return 0;
}

/* An answer that came with its end leaves nothing to say but that it was taken, which goes
 * with what is said next. */
static void leave(beam_receiver *back) {
        bool over = back->wire && back->wire->flags & WIRE_END;

        if (over)
                beam_cork();
        beam_receiver_close(back);
        if (over)
                loop_mine()->corked--;
}

int beam_call(beam_sender *tx, beam_msg *msg, beam_msg **ret_answer, int *ret_left,
              int64_t deadline) {
        int64_t before = msg->deadline;
        beam_receiver *back = NULL;
        int r;

        if (ret_left)
                *ret_left = 0;
        if (deadline < msg->deadline)
                beam_msg_set_deadline(msg, deadline);
        if (tx->wire && tx->wire->depth && tx->wire->s && tx->wire->s->base.forks == fork_count() &&
            tx->wire->s->loop == loop_get())
                r = send_over_wire(tx->wire, msg, &back, deadline);
        else
                r = send_question(tx, msg, &back, deadline);
        if (r < 0) {
                if (r == -ECONNRESET || r == -EINPROGRESS) {
                        beam_msg_free(msg);
                        if (ret_left)
                                *ret_left = 1;
                } else
                        beam_msg_set_deadline(msg, before);
                return r;
        }

        if (ret_left)
                *ret_left = 1;
        r = beam_recv(back, ret_answer, deadline);
        leave(back);
        return r == 1 ? 0 : r == 0 ? -EPIPE : r;
}

int beam_reply(beam_msg *question, beam_msg *answer, int64_t deadline) {
        size_t n = beam_msg_things(question);
        beam_sender *tx;
        loop *l;
        session *s;
        int r;

        while (n && beam_msg_kind(question, n - 1) == BEAM_NOTHING)
                n--;
        tx = n ? beam_msg_take_sender(question, n - 1) : NULL;
        if (!tx)
                return -ENOENT;
        l = loop_get();
        if (!l) {
                beam_sender_close(tx);
                return -ENOMEM;
        }

        /* the answer and its end in one write */
        s = tx->wire ? tx->wire->s : NULL;
        l->corked++;
        r = beam_send(tx, answer, deadline);
        beam_sender_close(tx);
        l->corked--;
        if (s && s->loop == l && !loop_holds_back(l)) {
                loop_flush(l);
                session_settle(s, deadline);
        }
        return r;
}

int beam_copy(beam_receiver *rx, beam_sender *tx, uint64_t *ret_n, int64_t deadline) {
        uint64_t n = 0;
        beam_msg *msg;
        int r;

        /* it would find what it has just sent, and never come to a wait */
        if (rx->pipe && rx->pipe == tx->pipe)
                return -ELOOP;
        while ((r = beam_recv(rx, &msg, deadline)) == 1) {
                r = beam_send(tx, msg, deadline);
                if (r < 0) {
                        beam_msg_free(msg);
                        break;
                }
                n++;
        }
        if (ret_n)
                *ret_n = n;
        return r;
}
