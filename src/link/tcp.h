/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TCP by address
 *
 * No name is resolved here, since that can wait for a minute. A dial is given the
 * addresses that a name has, and tries one after the other:
 *
 *     tcp_dial d = { .addrs = addrs, .n_addrs = n };
 *     while ((fd = tcp_dial_next(&d)) >= 0) {
 *             ... wait until fd is writable, or give up and close it
 *             if (tcp_dial_finish(&d, fd) >= 0)
 *                     break;
 *     }
 */

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
        TCP_TEXT_MAX = 64,   /* "[address%interface]:port" and its NUL: 46 + 16 at the most */
        TCP_LOCAL_ADDRS = 2, /* the most that tcp_addrs_known() finds */
};

typedef struct tcp_addr {
        socklen_t n;
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
        };
} tcp_addr;

/* The addresses of @host that need no asking: 1 for a number, 2 for "localhost"
 * (127.0.0.1, then ::1), 0 for any other name. -ENODEV: "fe80::1%eth9" names an
 * interface that is not there. */
int tcp_addrs_known(const char *host, uint16_t port, tcp_addr ret[TCP_LOCAL_ADDRS]);

/* Take one that getaddrinfo() found, with @port put in. An IPv4 address written as
 * IPv6 becomes IPv4. -EAFNOSUPPORT: neither. */
int tcp_addr_set(const struct sockaddr *sa, socklen_t n, uint16_t port, tcp_addr *ret);

/* The address that @fd is bound to, or connected to. -EAFNOSUPPORT: not TCP. */
int tcp_addr_local(int fd, tcp_addr *ret);
int tcp_addr_remote(int fd, tcp_addr *ret);

uint16_t tcp_addr_port(const tcp_addr *a);
bool tcp_addr_is_loopback(const tcp_addr *a); /* 127.0.0.0/8, ::1 */

/* Write "127.0.0.1:80" or "[::1]:80". Returns its length. */
int tcp_addr_print(const tcp_addr *a, char buf[static TCP_TEXT_MAX]);

/* Ask a silent peer of @fd after so many seconds whether it lives, three times within as many
 * again, as Redis does; 0: never. What is no TCP stays as it is. */
void tcp_keep_alive(int fd, int seconds);

/* Listen at @a; port 0 lets the kernel pick. Returns the fd, CLOEXEC and
 * O_NONBLOCK. -EACCES: @a is not loopback and @any was not said; -EADDRINUSE,
 * -EADDRNOTAVAIL: as of bind(2). */
int tcp_listen(const tcp_addr *a, int backlog, bool any);

typedef struct tcp_dial {
        const tcp_addr *addrs; /* borrowed until the dial has ended */
        size_t n_addrs;

        /* private */
        size_t at;
        int error;
} tcp_dial;

/* Begin to connect to the next address. Returns an fd that is the caller's,
 * CLOEXEC and O_NONBLOCK; it is writable once it is connected or has failed, which
 * on loopback it is from the start. Once no address is left, the error of the one
 * that got furthest: -ECONNREFUSED rather than -ENETUNREACH; -EADDRNOTAVAIL for a
 * list that was empty, -EINVAL for port 0. */
int tcp_dial_next(tcp_dial *d);

/* See what became of it. Returns 0 when @fd is connected, tuned, and no longer
 * O_NONBLOCK; -EAGAIN when it is too early to tell. Any other failure has closed
 * @fd; go on with tcp_dial_next(). */
int tcp_dial_finish(tcp_dial *d, int fd);

/* No delay, since a message is written whole; keepalive, so that a peer which lost
 * its power is noticed in two minutes. */
int tcp_tune(int fd);
