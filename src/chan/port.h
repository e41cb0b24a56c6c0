/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Port: what holds an end instead of a program, or watches one for it
 *
 * Something of the library (a bridge, a callback) that never waits, and is posted to
 * its loop when things change: once, and not again until it has asked to.
 */

#include <stdbool.h>
#include <stddef.h>

#include "../base/list.h"
#include "../loop/loop.h"

typedef struct port {
        post post;
        list node;  /* among those of the same end */
        bool armed; /* wants to be posted at the next change */
        /* Of a bridge: how many of those it has pulled were taken further on, which it will
         * acknowledge in its next turn. */
        size_t (*ask)(struct port *by);
} port;

static inline void port_init(port *by, loop *l, bool user, void (*fn)(post *p)) {
        post_init(&by->post, l, user, fn);
        list_init(&by->node);
        by->armed = false;
        by->ask = NULL;
}

static inline void port_wake(port *by) {
        if (by->armed) {
                by->armed = false;
                post_put(&by->post);
        }
}
