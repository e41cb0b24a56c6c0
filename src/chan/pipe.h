/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pipe: a channel in memory
 *
 * With depth, messages lie in a ring. While nobody waits, a send and a receive take no
 * lock: each exchanges one slot and then looks whether the other side has left a note
 * that it waits. Who is about to wait leaves the note first and looks at the slot
 * again, so one of the two always sees the other. Without depth there is no ring: a
 * send hands its message to a waiting receive, or waits for one.
 *
 * Whoever finds a note does the waiting side's work for it, under the guard: hands it
 * the message, or puts its message into the ring.
 *
 * A sender that found the ring full is called back when it is half empty, not at the
 * first free slot, because a wake-up costs as much as a hundred messages. It looks by
 * itself every now and then, in case the receiver went to do other things.
 *
 * Each side may have several handles, which share the lock from then on, and ends with
 * the last of them. A handle is a program's, or is held by an inlet or an outlet, which
 * pass on what comes from elsewhere or goes there. Sessions in memory that a handle
 * went over are its passages.
 */

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/list.h"
#include "../base/lock.h"
#include "../base/patience.h"
#include "lodge.h"
#include "msg.h"
#include "ring.h"
#include "waiter.h"

typedef struct chan_pipe chan_pipe;
typedef struct passage passage;

enum { PIPE_CLOSED = 1, PIPE_NOTE = 2 };

#define PIPE_NEVER SIZE_MAX

typedef struct pipe_side {
        uint32_t n_handles, n_open; /* of which so many have not ended */
        bool shared;                /* there have been several */
        bool slow;                  /* takes the lock: shared, without depth, or metered */
        uint16_t looks;             /* before a sleep, as that has paid; see select.c */
        patience patience;
        uint32_t code; /* why it ended, for the other side to read */
        char *text;
        int cut; /* what its own calls give because a session was cut off; 0: what the code says */
        list waiters;
        list ports; /* inlets; outlets and watches */
} pipe_side;

struct chan_pipe {
        lock guard;
        uint32_t forks;
        size_t max_msg;
        pipe_side tx, rx;
        bool left;               /* the receiver went before it had taken all */
        size_t max_bytes, bytes; /* metered: none begins when so many lie untaken; 0 for any */
        size_t inlets_at;        /* when so many have been taken, an inlet wants to know, */
        size_t groups_at;        /* or a session that is being drained */
        list drainers;
        list passages;          /* the ended ones first */
        beam_receiver *lodgers; /* its receivers that lie in pipes; see lodge.h */
        chan_pipe *lodge_next;  /* while that is looked through */
        uint64_t lodge_round;

        /* notes: written by who waits, read at each message */
        _Atomic uint32_t rx_state; /* PIPE_CLOSED, PIPE_NOTE */
        _Atomic size_t wake_tx_at; /* when so many have been taken */

        ring ring;
};

int pipe_new(size_t depth, chan_pipe **ret);

/* Another handle, or one less: the last of a side ends it. Text may be NULL. */
void pipe_tx_dup(chan_pipe *p);
void pipe_rx_dup(chan_pipe *p);
void pipe_tx_close(chan_pipe *p, passage *over, uint32_t code, const char *text);
void pipe_rx_close(chan_pipe *p, passage *over, uint32_t code, const char *text);

/* Count bytes as well as messages, before anything is sent. */
void pipe_meter(chan_pipe *p, size_t max_bytes);

/* What a receive returns when there will be nothing more, or a send. */
int pipe_rx_end(const chan_pipe *p);
int pipe_tx_end(const chan_pipe *p);

static inline bool pipe_is_left(const chan_pipe *p) {
        return atomic_load(&p->rx_state) & PIPE_CLOSED;
}

/* Whether a receive would not wait; for the thread that receives. */
bool pipe_is_readable(chan_pipe *p);

/* Without waiting: as beam_send() and beam_recv(), with -EAGAIN for "would wait". */
int pipe_put_slow(chan_pipe *p, beam_msg *msg);
int pipe_take_slow(chan_pipe *p, beam_msg **ret);

/* Somebody waits for what has just been done. */
void pipe_tell_rx(chan_pipe *p);
void pipe_tell_tx(chan_pipe *p);

/* The parts of a put and a take that most of them are made of. */

/* Whether the guard need not be taken. */
static inline bool pipe_has_way(const chan_pipe *p) {
        return !p->tx.slow && ring_has_room(&p->ring) &&
               !(atomic_load_explicit(&p->rx_state, memory_order_relaxed) & PIPE_CLOSED);
}

/* The receiver waits, or has closed, while @msg went into @slot. */
int pipe_put_heard(chan_pipe *p, _Atomic(beam_msg *) *slot, beam_msg *msg);

/* Where there is a way. */
static inline int pipe_put_straight(chan_pipe *p, beam_msg *msg) {
        _Atomic(beam_msg *) *slot = ring_put(&p->ring, msg);

        if (__builtin_expect(atomic_load(&p->rx_state), 0))
                return pipe_put_heard(p, slot, msg);
        return 0;
}

/* What comes next without the guard, if anything. */
static inline beam_msg *pipe_next(const chan_pipe *p) {
        return p->rx.slow ? NULL : ring_first(&p->ring);
}

/* Once its slot is free, and with it so many have been taken. */
static inline void pipe_took(chan_pipe *p, size_t n_taken) {
        if (__builtin_expect(n_taken >= atomic_load(&p->wake_tx_at), 0))
                pipe_tell_tx(p);
}

static inline int pipe_put(chan_pipe *p, beam_msg *msg) {
        if (!pipe_has_way(p) || (msg->extra && lodge_has_receivers(msg)))
                return pipe_put_slow(p, msg);
        return pipe_put_straight(p, msg);
}

static inline int pipe_take(chan_pipe *p, beam_msg **ret) {
        beam_msg *msg = pipe_next(p);
        size_t n_taken;

        if (!msg)
                return pipe_take_slow(p, ret);
        n_taken = ring_free_slot(&p->ring);
        if (msg->extra)
                lodge_leave(msg);
        *ret = msg;
        pipe_took(p, n_taken);
        return 1;
}

/* waiting: the guard is taken, in the order of addresses where there are many */

/* Either do it (>= 0 or an error), or leave @w to be called and return -EAGAIN. A loop
 * in *ret_poke is to be poked once all guards are given back. */
int pipe_put_or_wait(chan_pipe *p, waiter *w, loop **ret_poke);
int pipe_take_or_wait(chan_pipe *p, waiter *w, loop **ret_poke);
int pipe_drain_or_wait(chan_pipe *p, waiter *w);
/* Take @w back, whatever became of it. */
void pipe_leave(chan_pipe *p, waiter *w);
/* A sender that waits looks by itself. */
void pipe_look_again(chan_pipe *p);

/* A program's callback stands at the receiving side, and is posted when a receive would
 * not wait. */
void pipe_watch(chan_pipe *p, port *by);
void pipe_unwatch(chan_pipe *p, port *by);

/* for inlets, outlets and passages: with the guard */

void pipe_give(chan_pipe *p, const wakes *k); /* the guard back, and poke */

/* Write the notes anew. */
void pipe_note_tx(chan_pipe *p);
void pipe_note_rx(chan_pipe *p);
/* Do the work of those who wait on that side. */
void pipe_serve_tx(chan_pipe *p, wakes *k);
void pipe_serve_rx(chan_pipe *p, wakes *k);

/* The ports that wait: whether there are any to receive, and to post them. */
bool pipe_has_rx_ports(const chan_pipe *p);
void pipe_wake_rx_ports(chan_pipe *p);
void pipe_wake_tx_ports(chan_pipe *p);

/* How many taken make half of the ring free again. */
size_t pipe_half(const chan_pipe *p);

/* A handle has nothing more to say, though it may stay. With the last one its side has
 * ended, for the reason; with @cut that is what the other side's calls give. */
void pipe_tx_over(chan_pipe *p, passage *over, uint32_t code, const char *text, int cut, wakes *k);
void pipe_rx_over(chan_pipe *p, passage *over, uint32_t code, const char *text, int cut, wakes *k);
/* The handle goes; the guard is given back, and with the last one the pipe is gone. */
void pipe_tx_leave(chan_pipe *p, passage *over, const wakes *k);
void pipe_rx_leave(chan_pipe *p, passage *over, const wakes *k);
