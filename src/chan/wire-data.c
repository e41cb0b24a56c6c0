/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <string.h>

#include "session.h"
#include "wire-inner.h"

/* Room for the pieces of a stream that nobody reads yet. */
enum { PIECE_MIN = 4096 };

int wire_on_data(wire *w, const mux_event *ev) {
        session *s = w->s;
        const uint8_t *p = ev->piece.p;
        size_t n = ev->piece.n;

        if (ev->first &&
            ev->head.length > SESSION_WINDOW - w->bytes_in - w->bytes_owed - w->bytes_pulled &&
            !(w->flags & WIRE_STOP))
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL, "bytes without credit");
        if (w->flags & WIRE_STOP)
                return 0;
        if (ev->first && !w->sink_room && s->queued + ev->head.length > s->opt.max_queued)
                wire_refuse(w, "too much that nobody takes");
        if (w->flags & WIRE_STOP || !n)
                return 0;
        if (w->sink_room && !w->in.first) {
                size_t taken = n < w->sink_room ? n : w->sink_room;

                if (p != w->sink)
                        memcpy(w->sink, p, taken);
                w->sink += taken;
                w->sink_room -= taken;
                s->sated = true;
                p += taken;
                n -= taken;
                w->bytes_owed += taken;
                wire_owe(w);
        }
        if (n) {
                beam_msg *last = w->in.first ? container_of(w->in.last, beam_msg, next) : NULL;

                /* small pieces share a block, or each would cost one */
                if (!last || msg_room(last) - last->n < n) {
                        last = msg_new(n < PIECE_MIN ? PIECE_MIN : n);
                        if (!last)
                                return session_fail(s, -ENOMEM, BEAM_CODE_INTERNAL,
                                                    "out of memory");
                        last->n = 0;
                        last->left = 0;
                        msg_queue_put(&w->in, last);
                }
                memcpy(last->data + last->n, p, n);
                last->n += n;
                last->left += n;
                w->bytes_in += n;
                s->queued += n;
        }
        wire_wake(w);
        return 0;
}

ssize_t wire_read_pull(wire *w, void *buf, size_t n) {
        size_t got = 0;

        while (got < n && w->in.first) {
                beam_msg *msg = w->in.first;
                size_t part = msg->left < n - got ? (size_t)msg->left : n - got;

                memcpy((uint8_t *)buf + got, msg->data + (msg->n - msg->left), part);
                got += part;
                msg->left -= part;
                if (!msg->left)
                        beam_msg_free(msg_queue_take(&w->in));
        }
        if (got) {
                w->bytes_in -= got;
                w->bytes_pulled += got;
                if (w->s)
                        w->s->queued -= got;
                return (ssize_t)got;
        }
        return w->flags & (WIRE_END | WIRE_LOST | WIRE_REFUSED) ? wire_rx_end(w) : -EAGAIN;
}

void wire_read_ack(wire *w, size_t n) {
        w->bytes_pulled -= n;
        w->bytes_owed += n;
        if (w->s)
                wire_owe(w);
}

ssize_t wire_read(wire *w, void *buf, size_t n) {
        ssize_t r = wire_read_pull(w, buf, n);

        if (r > 0)
                wire_read_ack(w, (size_t)r);
        return r;
}

/* As much as one wire_write() takes: one frame. */
size_t wire_room(const wire *w) {
        size_t window, n = OUT_BLOCK_SIZE - MUX_FIXED_MAX;

        if (w->flags & (WIRE_LOST | WIRE_STOPPED | WIRE_ENDED) || w->s->out.n >= OUT_HIGH)
                return 0;
        window = w->s->peer.window - w->bytes_unsaid;
        n = n < w->s->peer.max_frame ? n : w->s->peer.max_frame;
        return n < window ? n : window;
}

ssize_t wire_write(wire *w, const void *buf, size_t n) {
        session *s = w->s;
        size_t may, done = 0, n_head;
        uint8_t head[MUX_HEAD_SIZE], *p;

        if (w->flags & (WIRE_LOST | WIRE_STOPPED))
                return wire_tx_end(w);
        if (w->flags & WIRE_ENDED)
                return -EPIPE;
        if (s->error)
                return -ENOTCONN;
        may = wire_room(w);
        if (!may)
                return -EAGAIN;
        if (n > may)
                n = may;

        p = out_room(&s->out, MUX_HEAD_SIZE + n);
        if (!p)
                return -ENOMEM;
        n_head = mux_put_head(
                head, &(mux_head){ .length = (uint32_t)n, .type = MUX_DATA, .channel = w->id });

        /* Many bytes go past the queue when it is empty: to the kernel without a copy. */
        if (n > OUT_COPY_MAX && !s->out.n && !loop_holds_back(s->loop)) {
                struct iovec iov[2] = {
                        { .iov_base = head, .iov_len = n_head },
                        { .iov_base = (void *)(uintptr_t)buf, .iov_len = n },
                };

                session_fill(s);
                if (!s->out.n)
                        done = s->link->calls->write(s->link, iov, 2);
                p = out_room(&s->out, MUX_HEAD_SIZE + n);
                if (!p)
                        return session_fail(s, -ENOMEM, BEAM_CODE_INTERNAL, "out of memory");
        }
        if (done < n_head) {
                memcpy(p, head + done, n_head - done);
                p += n_head - done;
                out_commit(&s->out, n_head - done);
                done = n_head;
        }
        if (done < n_head + n) {
                memcpy(p, (const uint8_t *)buf + (done - n_head), n_head + n - done);
                out_commit(&s->out, n_head + n - done);
        }
        w->bytes_unsaid += n;
        w->flags &= ~(uint32_t)WIRE_ASKED;
        session_touch(s);
        return (ssize_t)n;
}
