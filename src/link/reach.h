/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reaching a URL's socket without waiting for it
 *
 * A name may have to be resolved, one address tried after the other, a backlog may be full:
 * the loop does all that, and tells what came of it. For who may not wait, and for dial.h,
 * which does.
 */

#include <netinet/in.h>

#include "../loop/loop.h"
#include "../loop/name.h"
#include "tcp.h"
#include "url.h"

enum { REACH_ADDRS = 16 }; /* picked: nobody waits for a seventeenth connect() */

typedef struct reach reach;
struct reach {
        /* Once, from the loop, unless it is stopped before: the connected descriptor, which is
         * the callee's, or a negative errno. */
        void (*fn)(reach *r, int fd);

        /* private */
        loop *loop;
        const url *url;
        source src; /* of fd, which is being connected, or -1 */
        int fd;
        timer again; /* for a backlog that is full */
        name_query *query;
        tcp_dial dial;
        tcp_addr addrs[REACH_ADDRS];
};

/* Begin, for which fn has been set; @u stays where it is until the end. Returns a connected
 * descriptor if there was nothing to wait for, -EINPROGRESS if fn will be called, or any
 * other error, as -EINVAL for a kind of URL that is no socket. */
int reach_start(reach *r, loop *l, const url *u);

/* fn will not be called any more. May be done at any time after it has begun. */
void reach_stop(reach *r);
