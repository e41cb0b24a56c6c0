/* SPDX-License-Identifier: Apache-2.0 */
#include "bridge.h"

#include <stdio.h>

#include "../base/mem.h"

struct bridge {
        beam_receiver *rx;
        beam_sender *tx;
        outlet from;
        inlet to;
        beam_msg *held; /* pulled, and not gone out yet */
        size_t n_out;   /* gone out, and not acknowledged */
        size_t n_taken; /* of which known to be taken */
        bool ended;     /* the source has nothing more */
};

/* With @cut that is what the calls of the other end of @rx give. */
static void close_both(bridge *b, uint32_t rx_code, const char *rx_text, int cut, uint32_t tx_code,
                       const char *tx_text) {
        beam_msg_free(b->held);
        receiver_leave(b->rx, &b->from, rx_code, rx_text, cut);
        sender_leave(b->tx, &b->to, tx_code, tx_text);
        post_cancel(&b->from.port.post);
        post_cancel(&b->to.port.post);
        mem_free(b);
}

/* What was read further on, or why it was not, is told where it came from. */
static void destination_left(bridge *b, int r) {
        beam_reason why = { BEAM_CODE_NONE, "" };
        char text[256];

        if (r == -ENOTCONN || r == -ECONNRESET || r == -ECANCELED)
                why.code = BEAM_CODE_LOST;
        else if (r == -EPIPE)
                beam_sender_reason(b->tx, &why);
        else /* it fits on the one side and not on the other */
                why = (beam_reason){ BEAM_CODE_LIMIT, beam_strerror(r) };
        snprintf(text, sizeof(text), "%s", why.text);
        close_both(b, why.code, text, r == -ECANCELED ? r : 0,
                   r == -EPIPE || why.code == BEAM_CODE_LOST ? BEAM_CODE_CANCELED : why.code, text);
}

static void source_ended(bridge *b, int r) {
        beam_reason why = { BEAM_CODE_NONE, "" };

        b->ended = true;
        if (r == 0)
                sender_end(b->tx, &b->to, BEAM_CODE_NONE, NULL, 0);
        else if (r == -EPIPE && beam_receiver_reason(b->rx, &why) > 0)
                sender_end(b->tx, &b->to, why.code, why.text, 0);
        else
                sender_end(b->tx, &b->to, r == -ENOBUFS ? BEAM_CODE_LIMIT : BEAM_CODE_LOST, NULL,
                           r == -ECANCELED ? r : 0);
}

static size_t look_taken(bridge *b) {
        bool soon = b->n_out >= receiver_depth(b->rx) || receiver_is_pressed(b->rx);

        b->n_taken += sender_taken(b->tx, &b->to, soon);
        return b->n_taken;
}

/* As many as go: -EAGAIN, or why no more will. */
static int move(bridge *b) {
        for (;;) {
                int r;

                if (!b->held) {
                        if (b->ended || !sender_is_wanted(b->tx, &b->to))
                                return sender_is_left(b->tx, &b->to);
                        r = receiver_pull(b->rx, &b->from, &b->held);
                        if (r <= 0 && r != -EAGAIN)
                                source_ended(b, r);
                        if (r <= 0)
                                return sender_is_left(b->tx, &b->to);
                }
                r = sender_push(b->tx, &b->to, b->held);
                if (r < 0)
                        return r;
                b->held = NULL;
                b->n_out++;
        }
}

static void pump(bridge *b) {
        int r = move(b);
        size_t n = look_taken(b);

        if (n) {
                b->n_out -= n;
                b->n_taken = 0;
                receiver_ack(b->rx, &b->from, n);
        }
        /* what is taken further on matters as long as there is a link to tell it over */
        if (b->ended && (!b->n_out || !receiver_is_heard(b->rx, &b->from)))
                close_both(b, BEAM_CODE_NONE, NULL, 0, BEAM_CODE_NONE, NULL);
        else if (r != -EAGAIN)
                destination_left(b, r);
}

static void on_from(post *p) {
        pump(container_of(p, bridge, from.port.post));
}

static void on_to(post *p) {
        pump(container_of(p, bridge, to.port.post));
}

static size_t on_ask(port *by) {
        bridge *b = container_of(by, bridge, from.port);

        if (look_taken(b))
                post_put(&b->from.port.post);
        return b->n_taken;
}

int bridge_new(beam_receiver *rx, beam_sender *tx, bridge **ret) {
        loop *l = loop_get();
        bridge *b = l ? mem_zero(sizeof(*b)) : NULL;
        int r;

        if (!b)
                return -ENOMEM;
        b->rx = rx;
        b->tx = tx;
        port_init(&b->from.port, l, false, on_from);
        port_init(&b->to.port, l, false, on_to);
        b->from.port.ask = on_ask;
        r = sender_prepare(tx, &b->to);
        if (r < 0) {
                mem_free(b);
                return r;
        }
        *ret = b;
        return 0;
}

void bridge_start(bridge *b) {
        receiver_start(b->rx, &b->from);
        sender_start(b->tx, &b->to);
        post_put(&b->from.port.post);
}

bridge *bridge_free(bridge *b) {
        if (b)
                inlet_deinit(&b->to);
        return mem_free(b);
}
