/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The name of a host, resolved
 *
 * getaddrinfo() may wait for other machines, so that one of libuv's few threads calls it;
 * what it has found comes back in a turn of the loop.
 */

struct addrinfo;
typedef struct loop loop;
typedef struct name_query name_query;

/* @fn gets a list for freeaddrinfo(), or a negative errno: -EADDRNOTAVAIL, there is no such
 * host; -EAGAIN, nobody could be asked. */
int name_query_new(loop *l, const char *host, const char *port,
                   void (*fn)(void *data, int r, struct addrinfo *found), void *data,
                   name_query **ret);

/* @fn will not be called any more. NULL is fine; NULL comes back. */
name_query *name_query_free(name_query *q);
