/* SPDX-License-Identifier: Apache-2.0 */
#include "bridge.h"

#include "../base/mem.h"

struct bridge {
        beam_receiver *rx;
        beam_sender *tx;
        port from, to;
        beam_msg *held; /* pulled, and not gone out yet */
        size_t n_out;   /* gone out, and not acknowledged */
        size_t n_taken; /* of which known to be taken */
        bool ended;     /* the source has nothing more */
};

static void close_both(bridge *b, uint32_t rx_code, const char *rx_text, uint32_t tx_code,
                       const char *tx_text) {
        beam_msg_free(b->held);
        receiver_leave(b->rx, &b->from, rx_code, rx_text);
        sender_leave(b->tx, &b->to, tx_code, tx_text);
        post_cancel(&b->from.post);
        post_cancel(&b->to.post);
        mem_free(b);
}

/* What was read further on, or why it was not, is told where it came from. */
static void destination_left(bridge *b, int r) {
        beam_reason why = { BEAM_CODE_NONE, "" };
        char text[256] = "";

        if (r == -ECANCELED && b->rx->pipe)
                pipe_cut(b->rx->pipe, r);
        if (r == -ENOTCONN || r == -ECONNRESET || r == -ECANCELED)
                why.code = BEAM_CODE_LOST;
        else if (beam_sender_reason(b->tx, &why) > 0) {
                size_t n = 0;

                for (; why.text[n] && n < sizeof(text) - 1; n++)
                        text[n] = why.text[n];
        }
        close_both(b, why.code, text, BEAM_CODE_CANCELED, NULL);
}

static void source_ended(bridge *b, int r) {
        beam_reason why = { BEAM_CODE_NONE, "" };

        b->ended = true;
        if (r == -ECANCELED && b->tx->pipe)
                pipe_cut(b->tx->pipe, r);
        else if (r == 0)
                sender_end(b->tx, BEAM_CODE_NONE, NULL);
        else if (r == -EPIPE && beam_receiver_reason(b->rx, &why) > 0)
                sender_end(b->tx, why.code, why.text);
        else
                sender_end(b->tx, r == -ENOBUFS ? BEAM_CODE_LIMIT : BEAM_CODE_LOST, NULL);
}

static size_t look_taken(bridge *b) {
        bool soon = b->n_out >= receiver_depth(b->rx) || receiver_is_pressed(b->rx);

        b->n_taken += sender_pushed_taken(b->tx, soon);
        return b->n_taken;
}

static void pump(bridge *b) {
        size_t n;
        int r;

        for (;;) {
                if (!b->held) {
                        if (b->ended || (!sender_depth(b->tx) && !sender_is_wanted(b->tx)))
                                break;
                        r = receiver_pull(b->rx, &b->from, &b->held);
                        if (r == -EAGAIN)
                                break;
                        if (r <= 0) {
                                source_ended(b, r);
                                break;
                        }
                }
                r = sender_push(b->tx, b->held);
                if (r == -EAGAIN)
                        break;
                if (r < 0) {
                        if (r == -EPIPE || r == -ENOTCONN) {
                                destination_left(b, r);
                                return;
                        }
                        /* it fits on the one side and not on the other */
                        close_both(b, BEAM_CODE_LIMIT, beam_strerror(r), BEAM_CODE_LIMIT,
                                   beam_strerror(r));
                        return;
                }
                b->held = NULL;
                b->n_out++;
        }

        n = look_taken(b);
        if (n) {
                b->n_out -= n;
                b->n_taken = 0;
                receiver_ack(b->rx, n, 0);
        }
        /* what is taken further on matters as long as there is a link to tell it over */
        if (b->ended && (!b->n_out || !receiver_is_heard(b->rx, &b->from))) {
                close_both(b, BEAM_CODE_NONE, NULL, BEAM_CODE_NONE, NULL);
                return;
        }
        r = sender_is_left(b->tx);
        if (r != -EAGAIN)
                destination_left(b, r);
}

static void on_from(post *p) {
        pump(container_of(p, bridge, from.post));
}

static void on_to(post *p) {
        pump(container_of(p, bridge, to.post));
}

static size_t on_ask(port *by) {
        bridge *b = container_of(by, bridge, from);

        if (look_taken(b))
                post_put(&b->from.post);
        return b->n_taken;
}

int bridge_new(beam_receiver *rx, beam_sender *tx, bridge **ret) {
        loop *l = loop_get();
        bridge *b = l ? mem_zero(sizeof(*b)) : NULL;

        if (!b)
                return -ENOMEM;
        b->rx = rx;
        b->tx = tx;
        post_init(&b->from.post, l, false, on_from);
        post_init(&b->to.post, l, false, on_to);
        b->from.ask = on_ask;
        list_init(&b->from.node);
        list_init(&b->to.node);
        *ret = b;
        return 0;
}

void bridge_start(bridge *b) {
        watch_free(b->rx);
        receiver_adopt(b->rx, &b->from);
        sender_adopt(b->tx, &b->to);
        post_put(&b->from.post);
}

bridge *bridge_free(bridge *b) {
        return mem_free(b);
}
