/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Ring: the slots of a pipe
 *
 * A slot says itself whether it is free: a sender needs to read nothing that the
 * receiver writes but the slot, and the other way round. To fill or empty one is an
 * exchange, a full fence: whoever looks for a note of the other side after that and
 * finds none has been seen by it.
 *
 * One thread puts at a time and one takes; which, is the pipe's business. A message
 * may be pulled first and acknowledged later: its slot stays taken until then, so that
 * the depth counts messages all the way to the program on the other side.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "beam/beam.h"

/* In the slot of a message that was pulled and not acknowledged. */
#define RING_PULLED ((beam_msg *)1)

typedef struct ring {
        size_t depth;
        uint8_t pad[64];

        /* the sender's */
        size_t tail;
        _Atomic size_t n_put;
        uint8_t pad_tx[64];

        /* the receiver's */
        size_t head, read;      /* to take next, to pull next */
        _Atomic size_t n_taken; /* or acknowledged: in the order in which they were put */
        uint8_t pad_rx[64];

        _Atomic(beam_msg *) slots[];
} ring;

static inline size_t ring_after(const ring *r, size_t i) {
        return i + 1 == r->depth ? 0 : i + 1;
}

/* Whether the next slot to be filled is free; what is in the next to be emptied. Here and
 * below the depth is not 0. */
static inline bool ring_has_room(const ring *r) {
        return !atomic_load(&r->slots[r->tail]);
}
static inline beam_msg *ring_first(const ring *r) {
        return atomic_load(&r->slots[r->head]);
}

/* For another thread than the sender's, this is about to change while the sender goes on. */
static inline size_t ring_n_put(const ring *r) {
        return atomic_load_explicit(&r->n_put, memory_order_relaxed);
}

/* Into a free slot, which comes back. */
static inline _Atomic(beam_msg *) *ring_put(ring *r, beam_msg *msg) {
        _Atomic(beam_msg *) *slot = &r->slots[r->tail];

        r->tail = ring_after(r, r->tail);
        atomic_store_explicit(&r->n_put, ring_n_put(r) + 1, memory_order_relaxed);
        atomic_exchange(slot, msg);
        return slot;
}

/* Written before the slot that it counts is emptied, and so seen by whoever sees that. */
static inline size_t ring_n_taken(const ring *r) {
        return atomic_load_explicit(&r->n_taken, memory_order_relaxed);
}

/* Returns how many have been taken with this one. */
static inline size_t ring_free_slot(ring *r) {
        _Atomic(beam_msg *) *slot = &r->slots[r->head];
        size_t n_taken = ring_n_taken(r) + 1;

        r->head = ring_after(r, r->head);
        atomic_store_explicit(&r->n_taken, n_taken, memory_order_relaxed);
        atomic_exchange(slot, NULL);
        return n_taken;
}

/* The next message, or NULL. */
static inline beam_msg *ring_take(ring *r) {
        beam_msg *msg = ring_first(r);

        if (msg)
                ring_free_slot(r);
        return msg;
}

/* The same without acknowledging it, for a receiver that only pulls. */
static inline beam_msg *ring_pull(ring *r) {
        beam_msg *msg = atomic_load(&r->slots[r->read]);

        if (!msg || msg == RING_PULLED)
                return NULL;
        atomic_store(&r->slots[r->read], RING_PULLED);
        r->read = ring_after(r, r->read);
        return msg;
}

/* Whether all that was put has been taken, as the sender's side sees it. */
static inline bool ring_is_drained(const ring *r) {
        return !ring_n_put(r) || !atomic_load(&r->slots[r->tail ? r->tail - 1 : r->depth - 1]);
}

/* The same for any thread, slot by slot; what is just being put in is seen or not. */
bool ring_is_empty(const ring *r);

/* What lies there when the receiver goes, chained by the messages' links; the slots stay,
 * as the sender may be putting in another. *ret_some also counts what was only pulled. */
beam_msg *ring_sweep(ring *r, bool *ret_some);
