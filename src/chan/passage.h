/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Passage: a handle that went over a session in memory
 *
 * Over a link an end that was sent stands on a wire, which ends with the link. In
 * memory it stands on its pipe as before; what remembers the session that lies between
 * it and where it came from is this. When the session is closed the handle ends as if a
 * link had been lost, and no other handle of the pipe does.
 *
 * A handle has one at the most: the first session stays the one that counts. A passage
 * outlives its handle until all that was sent through it has been taken, as a session
 * that is drained waits for that.
 */

#include "group.h"
#include "pipe.h"

struct passage {
        member member; /* end 0 is the handle, end 1 where it came from */
        chan_pipe *pipe;
        list node;    /* among the pipe's */
        bool tx;      /* of a sender */
        bool ended;   /* the handle has nothing more to say, */
        bool dropped; /* and is gone; */
        bool done;    /* nor is there anything left to be said of it */
        size_t mark;  /* so many had been put when it ended */
        _Atomic int cut;
};

/* A handle of @p's goes over @g @from one side to the other: as what is opened there,
 * which is limited, or in a message. -EPIPE, -EAGAIN: see group.h. */
int passage_new(chan_pipe *p, bool tx, group *g, int from, bool opened, passage **ret);
/* The same for another handle like that of @over. */
int passage_dup(const passage *over, passage **ret);

/* What the handle's calls give since its session was cut off; 0 before. */
static inline int passage_cut(const passage *over) {
        return atomic_load(&over->cut);
}

/* What a drain of the handle gives then. */
int passage_drained(const passage *over);

/* What a message carries goes where the message goes, which the sender of @p whose
 * passage is @over (or NULL) is about to send. */
int passage_carry(chan_pipe *p, const passage *over, const beam_msg *msg);

/* for the pipe: under its guard */

/* The handle has ended; false if it had before. */
bool passage_end(passage *over);
void passage_drop(passage *over);
/* So many have been taken that a session may want to know. */
void passages_serve(chan_pipe *p);
/* The receiver has left something. */
void passages_refuse(chan_pipe *p);
/* Those that are needed no longer, or all of them; to be freed without the guard. */
void passages_take_done(chan_pipe *p, bool all, list *ret);
void passages_free(list *done);
