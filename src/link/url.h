/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a peer is
 *
 *     mem:NAME              a name within the process
 *     unix:/PATH            a socket in the file system; unix:///PATH is the same
 *     unix:@NAME            a socket in Linux's abstract name space
 *     tcp://HOST:PORT       HOST a name, a dotted quad, or an IPv6 number in brackets
 *     ws://HOST:PORT/PATH   a WebSocket there; without a path it is /
 *     fd:N  fd:systemd      a descriptor the process was started with
 *
 * The text is taken as it stands: no escapes, no blanks around it, no defaults.
 * What has two readings is refused: 010 and 127.1 are not numbers of an address to
 * everybody, and unix://run/x names a host to those who know URLs.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        URL_NAME_MAX = 107, /* sun_path has 108, a path ends in NUL and a name begins with one */
        URL_HOST_MAX = 253, /* what DNS can carry, in text */
        URL_PATH_MAX = 127, /* picked: it names a place on one server */
        URL_TEXT_MAX = 400, /* the longest that url_print() writes, and its NUL */
};

typedef enum url_kind {
        URL_MEM = 1,
        URL_UNIX,
        URL_ABSTRACT,
        URL_TCP,
        URL_WS,
        URL_FD,
        URL_SYSTEMD,
} url_kind;

typedef struct url {
        url_kind kind;
        int fd;                      /* of URL_FD */
        uint16_t port;               /* of URL_TCP and URL_WS; 0 is for listening only */
        char name[URL_HOST_MAX + 1]; /* name, path or host; without its '@' or brackets */
        char path[URL_PATH_MAX + 1]; /* of URL_WS: begins with '/' */
} url;

/* Returns 0, -EINVAL for what is broken, and -EAFNOSUPPORT for a scheme that is
 * not in this library. Touches nothing but *@ret, and that only when it succeeds. */
int url_parse(const char *text, url *ret);

/* The scheme is one that Beam has, though not in this build: for the words of the
 * error, since -EAFNOSUPPORT is said of typing errors too. */
bool url_is_planned(const char *text);

/* Write @u as url_parse() would read it. Returns the length, -ENOBUFS if @n is too
 * few (URL_TEXT_MAX never is). */
int url_print(const url *u, char *buf, size_t n);
