/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Outlet: what takes messages out of a pipe to pass them on elsewhere
 *
 * It holds one handle of the receiving side for good. It pulls a message first, and
 * acknowledges it when that has been taken where it went: until then its slot stays
 * taken, or without depth its sender waits on. A pipe may have several, beside the
 * handles of programs; then the others take from the ring too, and nothing can be left
 * behind there: what is pulled counts as taken.
 *
 * All calls are made on the loop's thread.
 */

#include "pipe.h"

typedef struct outlet {
        port port;
        chan_pipe *pipe;
        size_t n_pulled, n_acked;
        size_t bytes; /* in those pulled and not acknowledged, if the pipe is metered */
        list unsaid;  /* without depth: sends whose messages those are */
} outlet;

/* From here on the handle of @p's is the outlet's; what the program did with it is over. */
void outlet_open(outlet *out, chan_pipe *p);

/* The next message: 1, -EAGAIN (the port will be posted), or the end as of pipe_rx_end().
 * Without depth only when a receive waits where it goes. */
int outlet_pull(outlet *out, beam_msg **ret);
/* The @n oldest pulled have been taken. */
void outlet_ack(outlet *out, size_t n);

/* See pipe_rx_over(). */
void outlet_close(outlet *out, passage *over, uint32_t code, const char *text, int cut);
