/* SPDX-License-Identifier: Apache-2.0 */
#include "door.h"

#include <errno.h>

#include "../base/fds.h"
#include "listenfd.h"
#include "tcp.h"

enum { BACKLOG = 1024 };

static int open_tcp(url *at) {
        tcp_addr addrs[TCP_LOCAL_ADDRS];
        int fd, n = tcp_addrs_known(at->name, at->port, addrs);

        /* a name may mean any interface, and only loopback is open without a rule */
        if (n <= 0)
                return n < 0 ? n : -EACCES;
        fd = tcp_listen(&addrs[0], BACKLOG, false);
        if (fd >= 0 && tcp_addr_local(fd, &addrs[0]) == 0)
                at->port = tcp_addr_port(&addrs[0]);
        return fd;
}

static int open_given(const url *u, bool *ret_only_one) {
        int r, fd = u->kind == URL_SYSTEMD ? listenfd_take() : u->fd;

        if (fd < 0)
                return fd;
        r = listenfd_adopt(fd);
        if (r < 0)
                return r;
        if (r != LISTENFD_LISTENING && r != LISTENFD_CONNECTED)
                return -ENOTSOCK;
        *ret_only_one = r == LISTENFD_CONNECTED;
        return fd;
}

int door_open(const url *u, door *ret) {
        url at = *u;
        int r;

        *ret = (door){ .at_path.fd = -1 };
        switch (u->kind) {
        case URL_UNIX:
        case URL_ABSTRACT:
                r = unix_listen(u->name, u->kind == URL_ABSTRACT, BACKLOG, &ret->at_path);
                ret->fd = r < 0 ? r : ret->at_path.fd;
                break;
        case URL_TCP:
                ret->fd = open_tcp(&at);
                break;
        case URL_FD:
        case URL_SYSTEMD:
                ret->fd = open_given(u, &ret->only_one);
                break;
        default:
                return -EINVAL;
        }
        if (ret->fd < 0)
                return ret->fd;
        url_print(&at, ret->url, sizeof(ret->url));
        if (!ret->only_one)
                fork_close(&ret->in_child, ret->fd);
        return 0;
}

void door_close(door *d) {
        if (d->only_one)
                return;
        fork_forget(&d->in_child);
        if (d->at_path.fd >= 0)
                unix_listener_deinit(&d->at_path);
        else
                fd_close(d->fd);
}
