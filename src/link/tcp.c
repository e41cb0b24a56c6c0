/* SPDX-License-Identifier: Apache-2.0 */
#include "tcp.h"

#include "base/cleanup.h"
#include "base/fds.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { /* seconds; with the kernel's own values a dead peer is noticed in two hours */
       KEEP_IDLE = 60,
       KEEP_INTERVAL = 10,
       KEEP_PROBES = 6,
};

static int set_option(int fd, int level, int name, int value) {
        return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

static tcp_addr make_v4(struct in_addr a, uint16_t port) {
        return (tcp_addr){
                .n = sizeof(struct sockaddr_in),
                .v4 = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = a },
        };
}

static tcp_addr make_v6(struct in6_addr a, uint32_t scope, uint16_t port) {
        /* ::ffff:127.0.0.1 is 127.0.0.1 to the kernel as well. One form for each
         * address, so that a rule about addresses has one thing to look at. */
        if (IN6_IS_ADDR_V4MAPPED(&a)) {
                struct in_addr v4;

                memcpy(&v4, a.s6_addr + 12, sizeof(v4));
                return make_v4(v4, port);
        }

        return (tcp_addr){
                .n = sizeof(struct sockaddr_in6),
                .v6 = { .sin6_family = AF_INET6,
                        .sin6_port = htons(port),
                        .sin6_addr = a,
                        .sin6_scope_id = scope },
        };
}

int tcp_addrs_known(const char *host, uint16_t port, tcp_addr ret[TCP_LOCAL_ADDRS]) {
        const char *zone = strchr(host, '%');
        char number[INET6_ADDRSTRLEN];
        struct in6_addr v6;
        struct in_addr v4;
        unsigned scope = 0;
        size_t n;

        if (!strcasecmp(host, "localhost") || !strcasecmp(host, "localhost.")) {
                ret[0] = make_v4((struct in_addr){ htonl(INADDR_LOOPBACK) }, port);
                ret[1] = make_v6(in6addr_loopback, 0, port);
                return 2;
        }

        if (inet_pton(AF_INET, host, &v4) == 1) {
                ret[0] = make_v4(v4, port);
                return 1;
        }

        n = zone ? (size_t)(zone - host) : strlen(host);
        if (n >= sizeof(number))
                return 0;
        memcpy(number, host, n);
        number[n] = '\0';
        if (inet_pton(AF_INET6, number, &v6) != 1)
                return 0;
        if (zone) {
                scope = if_nametoindex(zone + 1);
                if (scope == 0)
                        return -ENODEV;
        }

        ret[0] = make_v6(v6, scope, port);
        return 1;
}

int tcp_addr_set(const struct sockaddr *sa, socklen_t n, uint16_t port, tcp_addr *ret) {
        struct sockaddr_in6 v6;
        struct sockaddr_in v4;

        /* Copied, since it may lie in bytes of any type. */
        if (n >= sizeof(v4) && sa->sa_family == AF_INET) {
                memcpy(&v4, sa, sizeof(v4));
                *ret = make_v4(v4.sin_addr, port);
                return 0;
        }
        if (n >= sizeof(v6) && sa->sa_family == AF_INET6) {
                memcpy(&v6, sa, sizeof(v6));
                *ret = make_v6(v6.sin6_addr, v6.sin6_scope_id, port);
                return 0;
        }
        return -EAFNOSUPPORT;
}

static int name_of(int fd, int (*get)(int, struct sockaddr *, socklen_t *), tcp_addr *ret) {
        union {
                struct sockaddr_storage room;
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
        } a = { .any = { .sa_family = AF_UNSPEC } };
        socklen_t n = sizeof(a);

        if (get(fd, &a.any, &n) < 0)
                return -errno;
        return tcp_addr_set(&a.any, n,
                            ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port),
                            ret);
}

/* Not handed to name_of() as they are: glibc declares them with a union of its own
 * for the address, which is not the type of a plain pointer to function. */
static int local_name(int fd, struct sockaddr *sa, socklen_t *n) {
        return getsockname(fd, sa, n);
}

static int remote_name(int fd, struct sockaddr *sa, socklen_t *n) {
        return getpeername(fd, sa, n);
}

int tcp_addr_local(int fd, tcp_addr *ret) {
        return name_of(fd, local_name, ret);
}

int tcp_addr_remote(int fd, tcp_addr *ret) {
        return name_of(fd, remote_name, ret);
}

uint16_t tcp_addr_port(const tcp_addr *a) {
        return ntohs(a->any.sa_family == AF_INET6 ? a->v6.sin6_port : a->v4.sin_port);
}

bool tcp_addr_is_loopback(const tcp_addr *a) {
        if (a->any.sa_family == AF_INET)
                return ntohl(a->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        return IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

int tcp_addr_print(const tcp_addr *a, char buf[static TCP_TEXT_MAX]) {
        char host[INET6_ADDRSTRLEN], zone[IF_NAMESIZE];
        bool named = false;

        if (a->any.sa_family == AF_INET) {
                inet_ntop(AF_INET, &a->v4.sin_addr, host, sizeof(host));
                return snprintf(buf, TCP_TEXT_MAX, "%s:%u", host, tcp_addr_port(a));
        }

        inet_ntop(AF_INET6, &a->v6.sin6_addr, host, sizeof(host));
        if (a->v6.sin6_scope_id)
                named = if_indextoname(a->v6.sin6_scope_id, zone) != NULL;
        return snprintf(buf, TCP_TEXT_MAX, "[%s%s%s]:%u", host, named ? "%" : "", named ? zone : "",
                        tcp_addr_port(a));
}

int tcp_listen(const tcp_addr *a, int backlog, bool any) {
        _cleanup_(fd_closep) int fd = -1;
        int r;

        if (!any && !tcp_addr_is_loopback(a))
                return -EACCES;

        fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;

        /* Connections of an earlier run linger for a minute and would hold the port.
         * On Linux this does not let two listen at once. */
        r = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        if (r < 0)
                return r;

        /* An IPv6 address means that address, not IPv4 peers in disguise. */
        if (a->any.sa_family == AF_INET6) {
                r = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
                if (r < 0)
                        return r;
        }

        if (bind(fd, &a->any, a->n) < 0 || listen(fd, backlog) < 0)
                return -errno;
        return take_fd(&fd);
}

int tcp_tune(int fd) {
        static const struct {
                int level, name, value;
        } options[] = {
                { IPPROTO_TCP, TCP_NODELAY, 1 },
                { SOL_SOCKET, SO_KEEPALIVE, 1 },
                { IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE },
                { IPPROTO_TCP, TCP_KEEPINTVL, KEEP_INTERVAL },
                { IPPROTO_TCP, TCP_KEEPCNT, KEEP_PROBES },
        };

        /* No TCP_USER_TIMEOUT: before Linux 5.11 it also ends connections whose peer
         * is alive and has only stopped reading. */
        for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++) {
                int r = set_option(fd, options[i].level, options[i].name, options[i].value);

                if (r < 0)
                        return r;
        }

        return 0;
}

void tcp_keep_alive(int fd, int seconds) {
        if (set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3) < 0 ||
            set_option(fd, SOL_SOCKET, SO_KEEPALIVE, seconds > 0) < 0 || seconds == 0)
                return;
        set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
        set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds > 3 ? seconds / 3 : 1);
}

/* Whether @error came from nearer than the address: then another one says more. */
static bool error_is_ours(int error) {
        return error == -ENETUNREACH || error == -EADDRNOTAVAIL || error == -EAFNOSUPPORT;
}

static void dial_note(tcp_dial *d, int error) {
        if (d->error == 0 || error_is_ours(d->error))
                d->error = error;
}

static int start(const tcp_addr *a) {
        _cleanup_(fd_closep) int fd = -1;

        if (tcp_addr_port(a) == 0)
                return -EINVAL;

        fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;

        /* Interrupted, it goes on by itself, as when it is in progress. */
        if (connect(fd, &a->any, a->n) < 0 && errno != EINPROGRESS && errno != EINTR)
                return -errno;
        return take_fd(&fd);
}

int tcp_dial_next(tcp_dial *d) {
        while (d->at < d->n_addrs) {
                int r = start(d->addrs + d->at++);

                /* Without a descriptor the other addresses fare no better. */
                if (r >= 0 || r == -EMFILE || r == -ENFILE || r == -ENOMEM || r == -ENOBUFS)
                        return r;
                dial_note(d, r);
        }

        return d->error ? d->error : -EADDRNOTAVAIL;
}

static int finish(int fd) {
        tcp_addr local, remote;
        socklen_t n;
        int error, r;

        n = sizeof(error);
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
                return -errno;
        if (error)
                return -error;

        r = tcp_addr_remote(fd, &remote);
        if (r < 0)
                return r == -ENOTCONN ? -EAGAIN : r;
        r = tcp_addr_local(fd, &local);
        if (r < 0)
                return r;

        /* The kernel may pick the very port that is being called, and TCP lets a
         * socket meet itself. Then nobody listens there. */
        if (local.n == remote.n && !memcmp(&local.any, &remote.any, local.n))
                return -ECONNREFUSED;

        r = tcp_tune(fd);
        if (r < 0)
                return r;
        return fd_set_nonblock(fd, false);
}

int tcp_dial_finish(tcp_dial *d, int fd) {
        int r = finish(fd);

        if (r < 0 && r != -EAGAIN) {
                fd_close(fd);
                dial_note(d, r);
        }
        return r;
}
