/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What beam_listener_... and beam_accept() go through: sockets, or a name in memory. */

#include "../chan/session.h"

typedef struct listener_calls {
        int (*accept)(beam_listener *l, beam_session **ret, int64_t deadline);
        /* Post @by when an accept would not wait, and each time it is armed again; NULL
         * for no longer. */
        void (*watch)(beam_listener *l, port *by);
        void (*close)(beam_listener *l);
} listener_calls;

typedef struct listener_watch listener_watch;

struct beam_listener {
        const listener_calls *calls;
        uint32_t forks;
        listener_watch *watch;
        char url[400]; /* URL_TEXT_MAX */
};

/* As beam_listener_watch(); not of a @user it is called while the loop is turned, and waits
 * for nothing. */
int listener_watch_for(beam_listener *l, bool user, void (*fn)(void *data, beam_listener *l),
                       void *data);
