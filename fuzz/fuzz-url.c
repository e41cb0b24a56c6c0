/* SPDX-License-Identifier: Apache-2.0 */

/*
 * URLs: whatever is read can be written, and what was written reads the same; what
 * is refused leaves no trace; and no host is an address to some and a name to us.
 */

#undef NDEBUG
#include "link/tcp.h"
#include "link/url.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_host(const url *u) {
        tcp_addr addrs[TCP_LOCAL_ADDRS];
        char text[TCP_TEXT_MAX];
        struct in_addr a;
        int r;

        r = tcp_addrs_known(u->name, u->port, addrs);
        assert(r >= 0 || (r == -ENODEV && strchr(u->name, '%')));
        assert(r > 0 || r == -ENODEV || !inet_aton(u->name, &a));
        for (int i = 0; i < r; i++) {
                assert(tcp_addr_port(&addrs[i]) == u->port);
                assert(tcp_addr_print(&addrs[i], text) < (int)sizeof(text));
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        char *text = malloc(n + 1), printed[URL_TEXT_MAX], again[URL_TEXT_MAX];
        url u, v;
        int r;

        assert(text);
        if (n)
                memcpy(text, data, n);
        text[n] = '\0';

        memset(&u, 0xa5, sizeof(u));
        v = u;
        r = url_parse(text, &u);
        if (r < 0) {
                assert(r == -EINVAL || r == -EAFNOSUPPORT);
                assert(!url_is_planned(text) || r == -EAFNOSUPPORT);
                assert(!memcmp(&u, &v, sizeof(u)));
        } else {
                assert(r == 0 && !url_is_planned(text));
                assert(u.kind == URL_TCP || u.kind == URL_WS || strlen(u.name) <= URL_NAME_MAX);
                r = url_print(&u, printed, sizeof(printed));
                assert(r > 0 && (size_t)r == strlen(printed) && (size_t)r <= strlen(text));
                assert(url_print(&u, again, (size_t)r) == -ENOBUFS);
                assert(url_parse(printed, &v) == 0);
                assert(!memcmp(&u, &v, sizeof(u)));
                if (u.kind == URL_TCP || u.kind == URL_WS)
                        check_host(&u);
        }

        free(text);
        return 0;
}
