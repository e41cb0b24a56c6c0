/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An annex: another service at the addresses of a context
 *
 * What stands above contexts (jobs) opens one, and whoever speaks mux there may come in by
 * its name.
 */

#include <beam/beam.h>

typedef struct annex annex;
typedef struct annex_guest annex_guest;

/* Somebody who came in. */
struct annex_guest {
        void (*over)(annex_guest *g); /* from the loop: he has gone by himself */
        void *inside;                 /* whatever stands for him in it */
};

struct annex {
        const char *service;
        /* @open has our end of what he has opened as its first thing, which is taken out if this
         * succeeds. */
        int (*come)(annex *a, beam_msg *open, annex_guest *g);
        /* His session is over; nothing is said of him any more. */
        void (*leave)(annex *a, annex_guest *g);
};
