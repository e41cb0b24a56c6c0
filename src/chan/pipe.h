/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pipe: a channel in memory
 *
 * With depth, messages lie in a ring whose slots say themselves whether they are
 * free: a sender needs to read nothing that the receiver writes but the slot, and
 * the other way round. While nobody waits, a send and a receive take no lock: each
 * exchanges one slot and then looks whether the other side has left a note that it
 * waits. Who is about to wait leaves the note first and looks at the slot again, so
 * one of the two always sees the other (the exchange is a full fence).
 *
 * Whoever finds a note does the waiting side's work for it, under the lock: hands
 * it the message, or puts its message into the ring. A choice waits on several
 * pipes with one waitset; chosen decides, by compare-and-swap, which of them it was.
 *
 * A sender that found the ring full is called back when it is half empty, not at
 * the first free slot, because a wake-up costs as much as a hundred messages. It
 * looks by itself every now and then, in case the receiver went to do other things.
 *
 * Without depth there is no ring: a send hands its message to a waiting receive,
 * or waits for one.
 *
 * An end may be held by a port instead of a program: something of the library (a
 * bridge, a session) that never waits, and is posted instead. A port takes messages
 * before it acknowledges them; the slot stays taken until then, so that depth counts
 * messages all the way to the program on the other side.
 */

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/list.h"
#include "../base/lock.h"
#include "../base/patience.h"
#include "../loop/loop.h"
#include "group.h"
#include "lodge.h"
#include "msg.h"

typedef struct chan_pipe chan_pipe;

enum { WAIT_OPEN = -1, WAIT_LEFT = -2 };

typedef struct waitset {
        _Atomic int chosen; /* an arm, or WAIT_... */
        loop *loop;
} waitset;

/* What holds an end instead of a program, or watches it for one. */
typedef struct port {
        post post;
        list node;
        bool armed; /* wants to be posted at the next change */
        /* Of a bridge: how many of those it has pulled were taken further on, which it
         * will acknowledge in its next turn. */
        size_t (*ask)(struct port *by);
} port;

typedef struct waiter {
        list node;
        waitset *set;
        int arm;
        bool done;     /* the result is known */
        bool kept;     /* of a send: a port has gone on with a copy */
        int r;         /* what the call returns */
        beam_msg *msg; /* offered, or got; NULL: waits for all to be taken */
} waiter;

enum { PIPE_CLOSED = 1, PIPE_NOTE = 2 };

#define PIPE_NEVER SIZE_MAX

struct chan_pipe {
        lock guard;
        uint32_t forks;
        size_t depth;
        uint32_t n_tx, n_rx;       /* handles */
        bool tx_shared, rx_shared; /* there have been several */
        bool tx_slow, rx_slow;     /* take the lock: shared, without depth, or metered */
        bool tx_closed;
        bool left;     /* the receiver went, or was cut off, before it had taken all: */
        size_t n_left; /* so many */
        uint32_t tx_code, rx_code;
        int tx_cut, rx_cut; /* the error for that end, when the session was cut off */
        member member;      /* of a session in memory; end 0 is the sender's */
        char *tx_text, *rx_text;
        beam_receiver *lodgers; /* its receivers that lie in pipes; see lodge.h */
        chan_pipe *lodge_next;  /* while that is looked through */
        uint64_t lodge_round;
        port *tx_port;
        list rx_ports;
        list tx_waiters, rx_waiters, drainers;
        list unsaid;       /* sends whose message a port has pulled and not acknowledged */
        size_t n_orphans;  /* of which so many have given up waiting */
        beam_msg *offer;   /* without depth, between two ports: pushed, not pulled */
        bool offer_out;    /* pulled, not acknowledged */
        size_t tx_note_at; /* when so many have been taken, post the port */
        size_t max_bytes;  /* metered: no message begins when so many lie untaken; 0 for any */
        size_t bytes, bytes_pulled;

        /* notes: written by who waits, read at each message */
        _Atomic uint32_t rx_state; /* PIPE_CLOSED, PIPE_NOTE */
        _Atomic size_t wake_tx_at; /* when so many have been taken */
        uint8_t pad[64];

        /* the sender's */
        size_t tail, oldest; /* oldest: the first that was not yet seen taken */
        size_t n_put, n_old;
        size_t n_pushed;
        size_t max_msg;
        uint16_t tx_spin; /* looks before a sleep, adapted */
        patience tx_patience;
        uint8_t pad_tx[64];

        /* the receiver's */
        size_t head, read;
        size_t n_read;
        _Atomic size_t n_taken; /* written without a fence: others only compare it */
        uint16_t rx_spin;
        patience rx_patience;
        uint8_t pad_rx[64];

        _Atomic(beam_msg *) slots[];
};

int pipe_new(size_t depth, chan_pipe **ret);

/* Handles: closing the last of a side ends it. Text may be NULL. */
void pipe_tx_dup(chan_pipe *p);
void pipe_rx_dup(chan_pipe *p);
void pipe_tx_close(chan_pipe *p, uint32_t code, const char *text);
void pipe_rx_close(chan_pipe *p, uint32_t code, const char *text);

/* The end is said now, while the handle stays to hear what was taken. */
void pipe_tx_end_early(chan_pipe *p, uint32_t code, const char *text);

/* What a receive returns when there will be nothing more, or a send. */
int pipe_rx_end(const chan_pipe *p);
int pipe_tx_end(const chan_pipe *p);

/* Without waiting: as beam_send() and beam_recv(), with -EAGAIN for "would wait". */
int pipe_put_slow(chan_pipe *p, beam_msg *msg);
int pipe_take_slow(chan_pipe *p, beam_msg **ret);

/* Somebody waits for what has just been done. */
void pipe_tell_rx(chan_pipe *p);
void pipe_tell_tx(chan_pipe *p);
int pipe_put_late(chan_pipe *p, _Atomic(beam_msg *) *slot, beam_msg *msg);

static inline int pipe_put(chan_pipe *p, beam_msg *msg) {
        _Atomic(beam_msg *) *slot;
        uint32_t state;

        if (__builtin_expect(p->tx_slow, 0) || (msg->extra && lodge_has_receivers(msg)))
                return pipe_put_slow(p, msg);

        slot = &p->slots[p->tail];
        if (atomic_load_explicit(slot, memory_order_acquire) ||
            atomic_load_explicit(&p->rx_state, memory_order_relaxed) & PIPE_CLOSED)
                return pipe_put_slow(p, msg);
        p->tail = p->tail + 1 == p->depth ? 0 : p->tail + 1;
        p->n_put++;
        atomic_exchange(slot, msg);
        state = atomic_load(&p->rx_state);
        if (__builtin_expect(state == 0, 1))
                return 0;
        if (state & PIPE_CLOSED)
                return pipe_put_late(p, slot, msg);
        pipe_tell_rx(p);
        return 0;
}

static inline int pipe_take(chan_pipe *p, beam_msg **ret) {
        _Atomic(beam_msg *) *slot;
        size_t n_taken;
        beam_msg *msg;

        if (__builtin_expect(p->rx_slow, 0))
                return pipe_take_slow(p, ret);

        slot = &p->slots[p->head];
        msg = atomic_load_explicit(slot, memory_order_acquire);
        if (!msg)
                return pipe_take_slow(p, ret);
        p->head = p->head + 1 == p->depth ? 0 : p->head + 1;
        n_taken = atomic_load_explicit(&p->n_taken, memory_order_relaxed) + 1;
        atomic_store_explicit(&p->n_taken, n_taken, memory_order_relaxed);
        atomic_exchange(slot, NULL);
        if (msg->extra)
                lodge_leave(msg);
        *ret = msg;
        if (__builtin_expect(n_taken >= atomic_load(&p->wake_tx_at), 0))
                pipe_tell_tx(p);
        return 1;
}

/* Both ends give @r from here on, but for what lies in the ring. */
void pipe_cut(chan_pipe *p, int r);

/* What @msg carries goes where the receiver is, if that is over a session in memory. */
int pipe_carry(chan_pipe *p, const beam_msg *msg);

/* waiting: the guard is taken, by pipe_lock() in a fixed order where there are many */

/* Either do it (>= 0 or an error), or leave @w to be called and return -EAGAIN. A loop
 * in *ret_poke is to be poked once all guards are given back. */
int pipe_put_or_wait(chan_pipe *p, waiter *w, loop **ret_poke);
int pipe_take_or_wait(chan_pipe *p, waiter *w, loop **ret_poke);
int pipe_drain_or_wait(chan_pipe *p, waiter *w);
/* Take @w back, whatever became of it. */
void pipe_leave(chan_pipe *p, waiter *w);
/* A sender that waits looks by itself. True when it has been chosen. */
void pipe_look_again(chan_pipe *p);

/* ports: their loop's thread */

/* Count bytes as well as messages, before anything is sent. */
void pipe_meter(chan_pipe *p, size_t max_bytes);

/* From here on the end is @by's; what the program did with it is over. */
void pipe_rx_adopt(chan_pipe *p, port *by);
void pipe_tx_adopt(chan_pipe *p, port *by);
void pipe_tx_unadopt(chan_pipe *p);
/* @by is of a program that receives itself: post it when a receive would not wait. */
void pipe_rx_watch(chan_pipe *p, port *by);
void pipe_rx_unwatch(chan_pipe *p, port *by);
/* Whether a receive would not wait; for the thread that receives. */
bool pipe_is_readable(chan_pipe *p);
/* The next message, without acknowledging it: 1, -EAGAIN (the port will be posted), or
 * the end as of pipe_rx_end(). With depth 0 only when a receive waits downstream. */
int pipe_pull(chan_pipe *p, port *by, beam_msg **ret);
/* The @n oldest pulled have been taken (@r 0) or have failed. */
void pipe_ack(chan_pipe *p, size_t n, int r);
/* 0, -EAGAIN (the port will be posted when there is room), or the end. */
int pipe_push(chan_pipe *p, beam_msg *msg);
/* How many pushed have been taken since the last call; the port will be posted when
 * there are more: at the next one if @soon, else when half of the depth is free. */
size_t pipe_pushed_taken(chan_pipe *p, bool soon);
/* Whether a receive waits (depth 0); the port will be posted when one does. */
bool pipe_is_wanted(chan_pipe *p);
/* Whether the receiver has gone; -EAGAIN while not, then as pipe_tx_end(). */
int pipe_is_left(chan_pipe *p);
