/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A door: where peers come in
 *
 * A socket that listens at a URL, or a single peer that was connected from the start.
 * What is spoken behind it is not its business.
 */

#include "../base/fork.h"
#include "unix.h"
#include "url.h"

typedef struct door {
        int fd;                 /* listens, O_NONBLOCK; or is the one peer */
        bool only_one;          /* the peer; then the fd is given away with it */
        char url[URL_TEXT_MAX]; /* with the port in it that the kernel chose */

        /* private */
        unix_listener at_path;
        fork_fd in_child;
} door;

/* unix, abstract, tcp, fd. -EACCES: not on loopback; -EINVAL: another kind of URL; else
 * as unix_listen(), tcp_listen(), listenfd_adopt(). */
int door_open(const url *u, door *ret);
void door_close(door *d);
