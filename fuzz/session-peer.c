/* SPDX-License-Identifier: Apache-2.0 */
/* What the peer says: frames that are made of a few bytes of the input, or bytes as they are. */
#include "session-run.h"

#include <string.h>

static uint8_t *frame_room(session_run *r, size_t n) {
        return BATCH_MAX - r->n_batch < n ? NULL : r->batch + r->n_batch;
}

static void put_raw(session_run *r, size_t n) {
        uint8_t *p;

        n = n < r->n_in ? n : r->n_in;
        p = frame_room(r, n);
        if (p) {
                memcpy(p, r->in, n);
                r->n_batch += n;
        }
        r->in += n;
        r->n_in -= n;
}

static void put_frame(session_run *r, size_t length, mux_type type, uint8_t flags,
                      uint64_t channel) {
        uint8_t *p = frame_room(r, MUX_HEAD_SIZE);

        if (p)
                r->n_batch += mux_put_head(p, &(mux_head){ .length = (uint32_t)length,
                                                           .type = (uint8_t)type,
                                                           .flags = flags,
                                                           .channel = channel });
}

/* A number that mostly has not been used yet. */
static uint64_t fresh(session_run *r) {
        uint8_t b = run_byte(r);

        if (b & 0x80)
                return (uint64_t)(b & 0x3f) + 1;
        r->last_id += 2;
        return r->last_id;
}

static uint64_t channel(session_run *r) {
        return run_byte(r) & 0x1f;
}

static void put_payload(session_run *r, size_t n) {
        uint8_t *p = frame_room(r, n);

        if (p) {
                memset(p, 'x', n);
                r->n_batch += n;
        }
}

static void put_msg(session_run *r, bool head) {
        uint64_t id = channel(r);
        uint8_t flags = run_byte(r) & 5;
        size_t n = run_byte(r), total = run_byte(r);
        uint8_t *p = frame_room(r, MUX_FIXED_MAX);

        n = n > 200 ? n * 40 : n;
        total = total > 200 ? total * 256 : total;
        if (!p)
                return;
        if (head && !(flags & MUX_MSG_REST)) {
                size_t n_label = run_byte(r) % 8;

                flags |= MUX_MSG_HEAD;
                total = flags & MUX_MSG_MORE ? total : n;
                r->n_batch += mux_put_msg_head(
                        p, id ? id : 1, flags, total, run_byte(r) % 2 ? 5 : MUX_NO_DEADLINE,
                        (mux_bytes){ (const uint8_t *)"abcdefgh", n_label }, (uint32_t)n);
        } else {
                put_frame(r, n, MUX_MSG, flags, id);
        }
        put_payload(r, n);
}

static void put_hello(session_run *r) {
        static const uint32_t few[] = { 0, 1, 2, 64 };
        uint8_t *p = frame_room(r, MUX_FIXED_MAX), b = run_byte(r), c = run_byte(r);

        if (p)
                r->n_batch += mux_put_hello(
                        p, &(mux_hello){ .role = r->dials ? MUX_ACCEPTED : MUX_DIALLED,
                                         .fds = b & 3,
                                         .max_frame = b & 4 ? MUX_FRAME_MIN : 65536,
                                         .max_msg = b & 8 ? 100 : 1 << 20,
                                         .max_things = few[c & 3],
                                         .max_opens = few[c >> 2 & 3],
                                         .window = b & 0x10 ? 1 : 65536 });
}

bool run_peer(session_run *r, uint8_t act) {
        uint8_t *p = frame_room(r, MUX_FIXED_MAX);
        mux_bytes text = { (const uint8_t *)"why", 3 };
        uint64_t id;
        uint8_t b;

        if (!p)
                return false;
        switch (act) {
        case 0:
                put_raw(r, run_byte(r));
                return true;
        case 1:
                put_raw(r, (size_t)run_byte(r) << 8 | run_byte(r));
                return true;
        case PEER_HELLO:
                put_hello(r);
                return true;
        case 3:
                b = run_byte(r);
                r->n_batch += mux_put_open(p, fresh(r), (mux_kind)(1 + b % 3), b >> 4,
                                           (mux_bytes){ text.p, b >> 2 & 3 });
                return true;
        case 4:
                b = run_byte(r);
                id = channel(r);
                r->n_batch += mux_put_thing(p, id ? id : 1, (mux_kind)(1 + b % 5), 1 + b % 3,
                                            fresh(r), b >> 4);
                return true;
        case 5:
                put_msg(r, false);
                return true;
        case 6:
                put_msg(r, true);
                return true;
        case 7:
                id = channel(r);
                b = run_byte(r);
                put_frame(r, b > 200 ? b * 40u : b, MUX_DATA, 0, id);
                put_payload(r, b > 200 ? b * 40u : b);
                return true;
        case 8:
                id = channel(r);
                b = run_byte(r);
                r->n_batch +=
                        mux_put_credit(p, id, id ? b & 1 : 0, b >> 1 & 7, id ? run_byte(r) : 0);
                return true;
        case 9:
                id = channel(r);
                b = run_byte(r);
                r->n_batch += mux_put_close(p, b & 1 ? MUX_END : MUX_STOP, id ? id : 1, b >> 1 & 15,
                                            text);
                return true;
        case 10:
                id = channel(r);
                r->n_batch += mux_put_ask(p, id ? id : 1);
                return true;
        case 11:
                b = run_byte(r);
                r->n_batch += mux_put_away(p, b & 3 ? 0 : b >> 2, b, text);
                return true;
        case 12:
                r->n_batch += mux_put_ping(p, run_byte(r) & 1 ? MUX_PING : MUX_PONG,
                                           (const uint8_t *)"\1\0\0\0\0\0\0");
                return true;
        default:
                return false;
        }
}
