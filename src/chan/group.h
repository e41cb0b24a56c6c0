/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Group: the channels of a session in memory
 *
 * Over a link the channels of a session end with it. In memory nothing holds them
 * together but this: what is opened over the session, and what is carried by what is
 * opened, is entered here with the side that each end is on, so that a session in
 * memory can be closed, drained and limited like any other.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/list.h"
#include "../base/lock.h"
#include "../loop/loop.h"
#include "beam/beam.h"

typedef struct group group;
typedef struct member member;

/* In a passage, or a tube. */
struct member {
        /* private */
        group *of;
        list node;
        uint8_t side[2];   /* of its two ends, as the member counts them */
        uint8_t opened_by; /* which side's count it is in, if any */
        bool opened;
        /* End 0 gets the error r0, end 1 r1; whether something was not taken. */
        bool (*cut)(member *m, int r0, int r1);
        bool (*is_over)(member *m);
};

group *group_new(const beam_options *side0, const beam_options *side1);
void group_ref(group *g);
void group_unref(group *g);

/* Enter @m, whose end 0 is on @side0 and end 1 on @side1, opened by @by. A member that
 * has a group already stays there. -EPIPE: nothing new any more; -EAGAIN: as many are
 * open as the other side takes. */
int group_open(group *g, member *m, int side0, int side1, int by);
/* The same for what a message carries, which is not limited: the message is. */
int group_enter(group *g, member *m, int side0, int side1, int by);
/* And for another end like that of @m, whatever the session is about; -ENOTCONN once it was
 * closed. */
int group_join(const member *m, member *twin);
/* End 0 of @m goes once more, @from one side; nothing happens if it is of another group. */
int group_carried(group *g, member *m, int from);
void group_leave(member *m);
/* Something of a member has come to its end. */
void group_stir(group *g);

/* What one message may carry to @side. */
int group_check(group *g, int side, const beam_msg *msg);
size_t group_max_msg(const group *g, int side);

/* @side closes: its ends give -ECANCELED, the others -ECONNRESET. */
void group_cut(group *g, int side);
/* Nothing new from here on; true when all is over. */
bool group_drained(group *g);
void group_wait(group *g, loop *l); /* poke @l when things change, until forgotten */
void group_forget(group *g, loop *l);
void group_refused(group *g); /* something that was sent was not taken */
bool group_has_refused(group *g);
bool group_has_lost(group *g); /* cut off with something that nobody took */
