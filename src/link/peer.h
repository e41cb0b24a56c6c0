/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who is on the other side, as far as the kernel vouches for it
 *
 * On a unix socket these are the ids of the process that called connect(), or
 * listen(), or socketpair() at that moment; it may have passed the socket on since,
 * and its pid may belong to another one by now. 0 as a pid is a process that this
 * pid namespace cannot see.
 */

#include <beam/beam.h>

/* Fill in *@ret but for its size. The address is "unix", "127.0.0.1:4711",
 * "[::1]:80", or "fd" for what is neither. */
int peer_get(int fd, beam_peer *ret);
