/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include "tcp.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static_assert(TCP_TEXT_MAX <= sizeof(((beam_peer *)0)->address), "every TCP address fits");

int peer_get(int fd, beam_peer *ret) {
        beam_peer p = { .pid = -1, .uid = (uid_t)-1, .gid = (gid_t)-1, .address = "fd" };
        struct ucred cred;
        tcp_addr remote;
        socklen_t n;
        int domain, r;

        n = sizeof(domain);
        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) < 0) {
                if (errno != ENOTSOCK)
                        return -errno;
                domain = AF_UNSPEC;
        }

        if (domain == AF_UNIX) {
                n = sizeof(cred);
                if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0)
                        return -errno;
                p.pid = cred.pid;
                p.uid = cred.uid;
                p.gid = cred.gid;
                strcpy(p.address, "unix");
        } else if (domain == AF_INET || domain == AF_INET6) {
                r = tcp_addr_remote(fd, &remote);
                if (r < 0)
                        return r;
                tcp_addr_print(&remote, p.address);
        }

        p.size = ret->size;
        *ret = p;
        return 0;
}
