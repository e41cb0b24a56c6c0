/* SPDX-License-Identifier: Apache-2.0 */
#include "side.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

void side_init(side *s, const char *name) {
        *s = (side){ .name = name, .idle_fd = -1 };
        for (size_t i = 0; i < N_SLOTS; i++)
                s->fd[i] = -1;
}

void side_deinit(side *s) {
        for (size_t i = 0; i < N_SLOTS; i++) {
                s->tx[i] = beam_sender_close(s->tx[i]);
                s->rx[i] = beam_receiver_close(s->rx[i]);
                s->st[i] = beam_stream_close(s->st[i]);
                s->msg[i] = beam_msg_free(s->msg[i]);
                if (s->fd[i] >= 0)
                        close(s->fd[i]);
                s->fd[i] = -1;
        }
        s->s = beam_session_close(s->s);
        s->s2 = beam_session_close(s->s2);
        s->l = beam_listener_close(s->l);
        s->l2 = beam_listener_close(s->l2);
}

void side_wait(side *s, int fd) {
        side_wait_for(s, fd, POLLIN);
}

void side_wait_for(side *s, int fd, short events) {
        for (;;) {
                struct pollfd p[2] = { { .fd = fd, .events = events }, { .fd = -1 } };
                int ms = -1;

                if (s->own_loop) {
                        int64_t left = beam_loop_wake();

                        if (left != BEAM_FOREVER) {
                                left -= beam_now();
                                ms = left <= 0            ? 0
                                     : left > BEAM_SECOND ? 1000
                                                          : (int)(left / 1000000 + 1);
                        }
                        p[1] = (struct pollfd){ .fd = beam_loop_fd(),
                                                .events = beam_loop_events() };
                }
                poll(p, 2, ms);
                if (s->own_loop)
                        beam_loop_dispatch();
                if (p[0].revents)
                        return;
        }
}

int64_t until(int64_t wait) {
        return wait == NOW ? BEAM_NOW : beam_after(wait == LONG ? wait * test_slowness() : wait);
}

uint8_t pattern(uint64_t seed, uint64_t at) {
        return (uint8_t)((at ^ at >> 8 ^ at >> 16) + seed * 37);
}

void pattern_fill(void *p, size_t n, uint64_t seed, uint64_t at) {
        uint8_t *b = p;

        for (size_t i = 0; i < n; i++)
                b[i] = pattern(seed, at + i);
}

bool pattern_is(const void *p, size_t n, uint64_t seed, uint64_t at) {
        const uint8_t *b = p;

        for (size_t i = 0; i < n; i++)
                if (b[i] != pattern(seed, at + i))
                        return false;
        return true;
}

/* channels */

void step_pipe(side *s, call *c) {
        c->r = beam_pipe((size_t)c->n[1], &s->tx[c->n[0]], &s->rx[c->n[0]]);
}

/* A session that is not direct has only the middle's two. */
static beam_session *session_of(side *s, int64_t which) {
        return which == 2 ? s->s2 : s->s;
}

/* Slot, depth, which session, wait; the text is the service. */
void step_open(side *s, call *c) {
        c->r = beam_session_open(session_of(s, c->n[2]), c->text, (size_t)c->n[1], &s->tx[c->n[0]],
                                 until(c->n[3]));
}

void step_open_rx(side *s, call *c) {
        c->r = beam_session_open_receiver(session_of(s, c->n[2]), c->text, (size_t)c->n[1],
                                          &s->rx[c->n[0]], until(c->n[3]));
}

void step_open_stream(side *s, call *c) {
        c->r = beam_session_open_stream(session_of(s, c->n[2]), c->text, &s->st[c->n[0]],
                                        until(c->n[3]));
}

static void text_of(const beam_msg *msg, call *c) {
        size_t n;
        const void *p = beam_msg_data(msg, &n);

        c->n_text = n < TEXT_SIZE - 1 ? n : TEXT_SIZE - 1;
        if (c->n_text)
                memcpy(c->text, p, c->n_text);
        c->text[c->n_text] = 0;
}

/* Slot, wait, which session; the text out is the service, n[3] the kind. */
void step_accept(side *s, call *c) {
        int64_t slot = c->n[0];
        beam_msg *msg = NULL;

        c->r = beam_session_accept(session_of(s, c->n[2]), &msg, until(c->n[1]));
        if (c->r <= 0)
                return;

        text_of(msg, c);
        c->n[3] = beam_msg_kind(msg, 0);
        if (c->n[3] == BEAM_SENDER)
                s->tx[slot] = beam_msg_take_sender(msg, 0);
        else if (c->n[3] == BEAM_RECEIVER)
                s->rx[slot] = beam_msg_take_receiver(msg, 0);
        else if (c->n[3] == BEAM_STREAM)
                s->st[slot] = beam_msg_take_stream(msg, 0);
        beam_msg_free(msg);
}

/* Slots of the two ends. */
void step_stream_pair(side *s, call *c) {
        c->r = beam_stream_pair(&s->st[c->n[0]], &s->st[c->n[1]]);
}

/* Slot, wait. */
void step_send_text(side *s, call *c) {
        beam_msg *msg = NULL;

        c->r = beam_msg_new(c->text, c->n_text, &msg);
        if (c->r >= 0)
                c->r = beam_send(s->tx[c->n[0]], msg, until(c->n[1]));
        if (c->r < 0)
                beam_msg_free(msg);
}

/* Slot, wait, slot of the message or -1; out: n[3] bytes, n[4] things, n[5] time to
 * the message's deadline. */
void step_recv(side *s, call *c) {
        beam_msg *msg = NULL;

        c->r = beam_recv(s->rx[c->n[0]], &msg, until(c->n[1]));
        if (c->r <= 0)
                return;

        size_t n;
        beam_msg_data(msg, &n);
        text_of(msg, c);
        snprintf(c->label, sizeof(c->label), "%s", beam_msg_label(msg));
        c->n[3] = (int64_t)n;
        c->n[4] = (int64_t)beam_msg_things(msg);
        c->n[5] = beam_msg_deadline(msg);
        if (c->n[5] != BEAM_FOREVER)
                c->n[5] -= beam_now();
        if (c->n[2] >= 0)
                s->msg[c->n[2]] = msg;
        else
                beam_msg_free(msg);
}

/* From, to. */
void step_dup_tx(side *s, call *c) {
        c->r = beam_sender_dup(s->tx[c->n[0]], &s->tx[c->n[1]]);
}

void step_dup_rx(side *s, call *c) {
        c->r = beam_receiver_dup(s->rx[c->n[0]], &s->rx[c->n[1]]);
}

void step_drain_tx(side *s, call *c) {
        c->r = beam_sender_drain(s->tx[c->n[0]], until(c->n[1]));
}

/* Slot of the receiver, of the sender, wait; out: n[3] copied. */
void step_copy(side *s, call *c) {
        uint64_t n = 0;

        c->r = beam_copy(s->rx[c->n[0]], s->tx[c->n[1]], &n, until(c->n[2]));
        c->n[3] = (int64_t)n;
}

void step_close_tx(side *s, call *c) {
        s->tx[c->n[0]] = beam_sender_close(s->tx[c->n[0]]);
        c->r = 0;
}

void step_close_rx(side *s, call *c) {
        s->rx[c->n[0]] = beam_receiver_close(s->rx[c->n[0]]);
        c->r = 0;
}

/* Slot, code; the text is the reason's. */
void step_fail_tx(side *s, call *c) {
        s->tx[c->n[0]] = beam_sender_fail(s->tx[c->n[0]], (uint32_t)c->n[1], c->text);
        c->r = 0;
}

void step_fail_rx(side *s, call *c) {
        s->rx[c->n[0]] = beam_receiver_fail(s->rx[c->n[0]], (uint32_t)c->n[1], c->text);
        c->r = 0;
}

static void reason_out(call *c, const beam_reason *reason) {
        c->n[1] = reason->code;
        c->n_text =
                (size_t)snprintf(c->text, sizeof(c->text), "%s", reason->text ? reason->text : "");
}

void step_reason_tx(side *s, call *c) {
        beam_reason reason = { 0 };

        c->r = beam_sender_reason(s->tx[c->n[0]], &reason);
        reason_out(c, &reason);
}

void step_reason_rx(side *s, call *c) {
        beam_reason reason = { 0 };

        c->r = beam_receiver_reason(s->rx[c->n[0]], &reason);
        reason_out(c, &reason);
}

/* messages */

/* Slot of the message, time to its deadline or -1; the text, and the label if any. */
void step_msg(side *s, call *c) {
        c->r = beam_msg_new(c->text, c->n_text, &s->msg[c->n[0]]);
        if (c->r >= 0 && c->label[0])
                c->r = beam_msg_set_label(s->msg[c->n[0]], c->label);
        if (c->r >= 0 && c->n[1] >= 0)
                beam_msg_set_deadline(s->msg[c->n[0]], beam_after(c->n[1]));
}

/* Slot of the message, bytes, seed of the pattern. */
void step_msg_sized(side *s, call *c) {
        c->r = beam_msg_new(NULL, (size_t)c->n[1], &s->msg[c->n[0]]);
        if (c->r >= 0)
                pattern_fill(beam_msg_buffer(s->msg[c->n[0]]), (size_t)c->n[1], (uint64_t)c->n[2],
                             0);
}

/* The same; out: 1 if it is the one. */
void step_check_msg(side *s, call *c) {
        size_t n;
        const void *p = beam_msg_data(s->msg[c->n[0]], &n);

        c->r = n == (size_t)c->n[1] && pattern_is(p, n, (uint64_t)c->n[2], 0);
}

/* Slot of the sender, wait, slot of the message. */
void step_send_msg(side *s, call *c) {
        c->r = beam_send(s->tx[c->n[0]], s->msg[c->n[2]], until(c->n[1]));
        if (c->r >= 0)
                s->msg[c->n[2]] = NULL;
}

void step_free_msg(side *s, call *c) {
        s->msg[c->n[0]] = beam_msg_free(s->msg[c->n[0]]);
        c->r = 0;
}

/* Slot of the message, kind, slot of the thing. */
void step_put(side *s, call *c) {
        beam_msg *msg = s->msg[c->n[0]];
        int64_t from = c->n[2];

        switch (c->n[1]) {
        case BEAM_SENDER:
                c->r = beam_msg_put_sender(msg, s->tx[from]);
                if (c->r >= 0)
                        s->tx[from] = NULL;
                break;
        case BEAM_RECEIVER:
                c->r = beam_msg_put_receiver(msg, s->rx[from]);
                if (c->r >= 0)
                        s->rx[from] = NULL;
                break;
        case BEAM_STREAM:
                c->r = beam_msg_put_stream(msg, s->st[from]);
                if (c->r >= 0)
                        s->st[from] = NULL;
                break;
        default:
                c->r = beam_msg_put_fd(msg, s->fd[from]);
                if (c->r >= 0)
                        s->fd[from] = -1;
        }
}

/* Slot of the message, place, kind, slot for the thing. */
void step_take(side *s, call *c) {
        beam_msg *msg = s->msg[c->n[0]];
        size_t place = (size_t)c->n[1];
        int64_t to = c->n[3];
        bool got;

        switch (c->n[2]) {
        case BEAM_SENDER:
                got = (s->tx[to] = beam_msg_take_sender(msg, place)) != NULL;
                break;
        case BEAM_RECEIVER:
                got = (s->rx[to] = beam_msg_take_receiver(msg, place)) != NULL;
                break;
        case BEAM_STREAM:
                got = (s->st[to] = beam_msg_take_stream(msg, place)) != NULL;
                break;
        default:
                got = (s->fd[to] = beam_msg_take_fd(msg, place)) >= 0;
        }
        c->r = got ? 0 : -ENOENT;
}

/* Slot of the message, place; out: the kind. */
void step_kind(side *s, call *c) {
        c->r = (int)beam_msg_kind(s->msg[c->n[0]], (size_t)c->n[1]);
}

/* streams */

/* Slot, wait; the text goes, out: how much of it. */
void step_write(side *s, call *c) {
        c->r = (int)beam_stream_write(s->st[c->n[0]], c->text, c->n_text, until(c->n[1]));
}

/* Slot, wait, at most. */
void step_read(side *s, call *c) {
        size_t max = c->n[2] && c->n[2] < TEXT_SIZE ? (size_t)c->n[2] : TEXT_SIZE - 1;

        c->r = (int)beam_stream_read(s->st[c->n[0]], c->text, max, until(c->n[1]));
        c->n_text = c->r > 0 ? (size_t)c->r : 0;
        c->text[c->n_text] = 0;
}

/* Slot, wait for each part, bytes, seed; out: n[4] bytes written. */
void step_write_all(side *s, call *c) {
        uint8_t part[48 * 1024];
        int64_t done = 0;
        ssize_t r = 0;

        while (done < c->n[2] && r >= 0) {
                size_t n = c->n[2] - done < (int64_t)sizeof(part) ? (size_t)(c->n[2] - done)
                                                                  : sizeof(part);

                pattern_fill(part, n, (uint64_t)c->n[3], (uint64_t)done);
                r = beam_stream_write(s->st[c->n[0]], part, n, until(c->n[1]));
                if (r > 0)
                        done += r;
        }
        c->n[4] = done;
        c->r = r < 0 ? (int)r : 0;
}

/* Slot, wait for each part, -, seed; reads to the end; out: n[4] bytes read, and
 * -EBADMSG if they were not those. */
void step_read_all(side *s, call *c) {
        uint8_t part[40 * 1000];
        int64_t done = 0;
        ssize_t r;

        while ((r = beam_stream_read(s->st[c->n[0]], part, sizeof(part), until(c->n[1]))) > 0) {
                if (!pattern_is(part, (size_t)r, (uint64_t)c->n[3], (uint64_t)done)) {
                        r = -EBADMSG;
                        break;
                }
                done += r;
        }
        c->n[4] = done;
        c->r = (int)r;
}

/* Slot, wait for each part, bytes, seed. */
void step_read_exactly(side *s, call *c) {
        uint8_t part[40 * 1000];
        int64_t done = 0;
        ssize_t r = 1;

        while (done < c->n[2] && r > 0) {
                size_t n = c->n[2] - done < (int64_t)sizeof(part) ? (size_t)(c->n[2] - done)
                                                                  : sizeof(part);

                r = beam_stream_read(s->st[c->n[0]], part, n, until(c->n[1]));
                if (r > 0 && !pattern_is(part, (size_t)r, (uint64_t)c->n[3], (uint64_t)done))
                        r = -EBADMSG;
                if (r > 0)
                        done += r;
        }
        c->r = r > 0 ? 0 : r == 0 ? -ENODATA : (int)r;
}

/* Slot, wait; the text is all up to the end. */
void step_read_text_to_end(side *s, call *c) {
        ssize_t r;

        c->n_text = 0;
        while ((r = beam_stream_read(s->st[c->n[0]], c->text + c->n_text, TEXT_SIZE - 1 - c->n_text,
                                     until(c->n[1]))) > 0)
                c->n_text += (size_t)r;
        c->text[c->n_text] = 0;
        c->r = (int)r;
}

void step_shutdown(side *s, call *c) {
        c->r = beam_stream_shutdown(s->st[c->n[0]]);
}

void step_drain_stream(side *s, call *c) {
        c->r = beam_stream_drain(s->st[c->n[0]], until(c->n[1]));
}

void step_close_stream(side *s, call *c) {
        s->st[c->n[0]] = beam_stream_close(s->st[c->n[0]]);
        c->r = 0;
}

void step_fail_stream(side *s, call *c) {
        s->st[c->n[0]] = beam_stream_fail(s->st[c->n[0]], (uint32_t)c->n[1], c->text);
        c->r = 0;
}

void step_reason_stream(side *s, call *c) {
        beam_reason reason = { 0 };

        c->r = beam_stream_reason(s->st[c->n[0]], &reason);
        reason_out(c, &reason);
}

/* descriptors */

/* Slot for the end that reads, for the end that writes. */
void step_fd_pipe(side *s, call *c) {
        int p[2];

        c->r = pipe2(p, O_CLOEXEC) < 0 ? -errno : 0;
        if (c->r < 0)
                return;
        s->fd[c->n[0]] = p[0];
        s->fd[c->n[1]] = p[1];
}

void step_fd_socketpair(side *s, call *c) {
        int p[2];

        c->r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p) < 0 ? -errno : 0;
        if (c->r < 0)
                return;
        s->fd[c->n[0]] = p[0];
        s->fd[c->n[1]] = p[1];
}

/* Slot; the text is what the file holds, read from its start. */
void step_fd_file(side *s, call *c) {
        int fd = memfd_create("conform", MFD_CLOEXEC);

        c->r = fd < 0 ? -errno : 0;
        if (c->r < 0)
                return;
        s->fd[c->n[0]] = fd;
        if (write(fd, c->text, c->n_text) != (ssize_t)c->n_text || lseek(fd, 0, SEEK_SET) != 0)
                c->r = -EIO;
}

void step_fd_write(side *s, call *c) {
        ssize_t r = write(s->fd[c->n[0]], c->text, c->n_text);

        c->r = r < 0 ? -errno : (int)r;
}

/* Slot; n[1] is how many bytes to wait for, the end counts as well. The loop of this
 * thread moves on meanwhile, since a bridge may need it. */
void step_fd_read(side *s, call *c) {
        size_t want = c->n[1] ? (size_t)c->n[1] : TEXT_SIZE - 1;
        int fd = s->fd[c->n[0]];
        ssize_t r = 0;

        c->n_text = 0;
        while (c->n_text < want) {
                side_wait(s, fd);
                r = read(fd, c->text + c->n_text, want - c->n_text);
                if (r < 0 && (errno == EAGAIN || errno == EINTR))
                        continue;
                if (r <= 0)
                        break;
                c->n_text += (size_t)r;
        }
        c->text[c->n_text] = 0;
        c->r = r < 0 ? -errno : (int)c->n_text;
}

/* Slot, bytes, seed; then no more from here. */
void step_fd_write_all(side *s, call *c) {
        uint8_t part[32 * 1024];
        int fd = s->fd[c->n[0]];
        int64_t done = 0;

        c->r = 0;
        while (done < c->n[1]) {
                size_t n = c->n[1] - done < (int64_t)sizeof(part) ? (size_t)(c->n[1] - done)
                                                                  : sizeof(part);

                pattern_fill(part, n, (uint64_t)c->n[2], (uint64_t)done);
                side_wait_for(s, fd, POLLOUT);
                ssize_t r = send(fd, part, n, MSG_DONTWAIT | MSG_NOSIGNAL);
                if (r < 0 && errno != EAGAIN) {
                        c->r = -errno;
                        return;
                }
                if (r > 0)
                        done += r;
        }
        shutdown(fd, SHUT_WR);
}

/* Slot, -, seed; to the end; out: n[3] bytes. */
void step_fd_read_all(side *s, call *c) {
        uint8_t part[32 * 1024];
        int fd = s->fd[c->n[0]];
        ssize_t r;

        c->n[3] = 0;
        do {
                side_wait(s, fd);
                r = read(fd, part, sizeof(part));
                if (r > 0 && !pattern_is(part, (size_t)r, (uint64_t)c->n[2], (uint64_t)c->n[3])) {
                        c->r = -EBADMSG;
                        return;
                }
                if (r > 0)
                        c->n[3] += r;
        } while (r > 0 || (r < 0 && errno == EAGAIN));
        c->r = r < 0 ? -errno : 0;
}

void step_fd_close(side *s, call *c) {
        c->r = close(s->fd[c->n[0]]) < 0 ? -errno : 0;
        s->fd[c->n[0]] = -1;
}

/* Slot, how as of shutdown(2). */
void step_fd_shutdown(side *s, call *c) {
        c->r = shutdown(s->fd[c->n[0]], (int)c->n[1]) < 0 ? -errno : 0;
}

/* Slot, slot of the copy. */
void step_fd_dup(side *s, call *c) {
        s->fd[c->n[1]] = fcntl(s->fd[c->n[0]], F_DUPFD_CLOEXEC, 0);
        c->r = s->fd[c->n[1]] < 0 ? -errno : 0;
}

/* Slot of the message, place. */
void step_fd_bridged(side *s, call *c) {
        c->r = beam_msg_fd_bridged(s->msg[c->n[0]], (size_t)c->n[1]);
}

/* sessions */

/* Wait, which session. */
void step_session_drain(side *s, call *c) {
        c->r = beam_session_drain(session_of(s, c->n[1]), until(c->n[0]));
}

/* n[1]: which session. */
void step_session_close(side *s, call *c) {
        if (c->n[1] == 2)
                s->s2 = beam_session_close(s->s2);
        else
                s->s = beam_session_close(s->s);
        c->r = 0;
}

void step_session_state(side *s, call *c) {
        beam_reason reason = { 0 };

        c->r = beam_session_state(s->s, &reason);
        reason_out(c, &reason);
}

/* Wait; out: n[1] the time. */
void step_ping(side *s, call *c) {
        c->r = beam_session_ping(s->s, &c->n[1], until(c->n[0]));
}

/* Out: pid, uid, gid; the text is the address. */
void step_peer(side *s, call *c) {
        beam_peer peer = { .size = sizeof(peer) };

        c->r = beam_session_peer(s->s, &peer);
        c->n[0] = peer.pid;
        c->n[1] = peer.uid;
        c->n[2] = peer.gid;
        c->n_text = (size_t)snprintf(c->text, sizeof(c->text), "%s", peer.address);
}
