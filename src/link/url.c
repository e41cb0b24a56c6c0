/* SPDX-License-Identifier: Apache-2.0 */
#include "url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* <ctype.h> asks the locale, which has no say in a URL. */
static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_control(char c) {
        return (unsigned char)c < ' ' || c == 0x7f;
}

/* Returns what follows the scheme and its colon, NULL if @text does not begin so. */
static const char *scheme_end(const char *text, size_t *ret_n) {
        size_t n = 0;

        if (!is_letter(text[0]))
                return NULL;
        while (is_letter(text[n]) || is_digit(text[n]) || (text[n] && strchr("+-.", text[n])))
                n++;
        if (text[n] != ':')
                return NULL;

        *ret_n = n;
        return text + n + 1;
}

static bool scheme_is(const char *text, size_t n, const char *name) {
        return n == strlen(name) && !memcmp(text, name, n);
}

/* A number as people write it: digits, no sign, no zero in front. */
static int parse_number(const char *text, size_t n, int max, int *ret) {
        int value = 0;

        if (n == 0 || (text[0] == '0' && n > 1))
                return -EINVAL;

        for (size_t i = 0; i < n; i++) {
                int digit = text[i] - '0';

                if (!is_digit(text[i]) || value > (max - digit) / 10)
                        return -EINVAL;
                value = value * 10 + digit;
        }

        *ret = value;
        return 0;
}

/* Bytes that name something: none that would garble a line of output, for nobody
 * has one of those in a name on purpose. */
static int parse_name(const char *text, size_t max, char *ret) {
        size_t n = strlen(text);

        if (n == 0 || n > max)
                return -EINVAL;
        for (size_t i = 0; i < n; i++)
                if (is_control(text[i]))
                        return -EINVAL;

        memcpy(ret, text, n + 1);
        return 0;
}

static int parse_unix(const char *text, url *u) {
        int r;

        if (text[0] == '@') {
                u->kind = URL_ABSTRACT;
                return parse_name(text + 1, URL_NAME_MAX, u->name);
        }

        /* In unix://NAME/PATH the NAME is a host. None at all is this one. */
        if (text[0] == '/' && text[1] == '/') {
                if (text[2] != '/')
                        return -EINVAL;
                text += strspn(text, "/") - 1;
        }

        /* A path that depends on the working directory is another one by the time
         * that the socket is to be removed. */
        if (text[0] != '/')
                return -EINVAL;

        u->kind = URL_UNIX;
        r = parse_name(text, URL_NAME_MAX, u->name);
        if (r < 0)
                return r;
        return u->name[strlen(u->name) - 1] == '/' ? -EINVAL : 0;
}

static int parse_ipv6(const char *text, size_t n, char *ret) {
        char number[INET6_ADDRSTRLEN];
        const char *zone;
        struct in6_addr a;
        size_t n_number;

        zone = memchr(text, '%', n);
        n_number = zone ? (size_t)(zone - text) : n;
        if (n_number >= sizeof(number))
                return -EINVAL;
        memcpy(number, text, n_number);
        number[n_number] = '\0';
        if (inet_pton(AF_INET6, number, &a) != 1)
                return -EINVAL;

        if (zone) {
                size_t n_zone = n - n_number - 1;

                if (n_zone == 0 || n_zone >= IF_NAMESIZE)
                        return -EINVAL;
                for (size_t i = 1; i <= n_zone; i++)
                        if (is_control(zone[i]) || strchr(" %/[", zone[i]))
                                return -EINVAL;
        }

        memcpy(ret, text, n);
        ret[n] = '\0';
        return 0;
}

/* getaddrinfo() reads 127.1, 0177.0.0.1 and 0x7f.1 as addresses, most other programs
 * do not, and a rule about addresses must not be got round so. */
static bool looks_like_number(const char *label, size_t n) {
        bool hex = n >= 2 && label[0] == '0' && (label[1] == 'x' || label[1] == 'X');

        for (size_t i = hex ? 2 : 0; i < n; i++)
                if (!is_digit(label[i]) && !(hex && is_letter(label[i])))
                        return false;
        return n > 0;
}

/* A name of DNS or /etc/hosts; one that ends in a number is a dotted quad or wrong. */
static int parse_host(const char *text, size_t n, char *ret) {
        const char *label = text, *end = text + n;
        struct in_addr a;
        bool number = false;

        if (n == 0 || n > URL_HOST_MAX)
                return -EINVAL;

        while (label < end) {
                const char *dot = memchr(label, '.', (size_t)(end - label));
                size_t n_label = (size_t)((dot ? dot : end) - label);

                if (n_label == 0 || n_label > 63 || label[0] == '-' || label[n_label - 1] == '-')
                        return -EINVAL;
                for (size_t i = 0; i < n_label; i++)
                        if (!is_letter(label[i]) && !is_digit(label[i]) && label[i] != '-' &&
                            label[i] != '_')
                                return -EINVAL;

                number = looks_like_number(label, n_label);
                label += n_label + 1; /* a dot may be the last thing: the root */
        }

        memcpy(ret, text, n);
        ret[n] = '\0';
        return number && inet_pton(AF_INET, ret, &a) != 1 ? -EINVAL : 0;
}

/* "//host:port", to the end of @text or the first '/' behind it; that is *@ret. */
static int parse_authority(const char *text, url *u, const char **ret) {
        const char *colon, *end;
        int port, r;

        if (text[0] != '/' || text[1] != '/')
                return -EINVAL;
        text += 2;

        if (text[0] == '[') {
                const char *close = strchr(text, ']');

                if (!close || close[1] != ':')
                        return -EINVAL;
                r = parse_ipv6(text + 1, (size_t)(close - text) - 1, u->name);
                colon = close + 1;
        } else {
                colon = strchr(text, ':');
                if (!colon)
                        return -EINVAL;
                r = parse_host(text, (size_t)(colon - text), u->name);
        }
        if (r < 0)
                return r;

        end = colon + 1 + strcspn(colon + 1, "/");
        r = parse_number(colon + 1, (size_t)(end - colon - 1), UINT16_MAX, &port);
        if (r < 0)
                return r;

        u->port = (uint16_t)port;
        *ret = end;
        return 0;
}

static int parse_tcp(const char *text, url *u) {
        const char *end;
        int r = parse_authority(text, u, &end);

        u->kind = URL_TCP;
        return r < 0 ? r : *end ? -EINVAL : 0;
}

/* As the path of a request has it, without what comes from the caller of a page: no '?', no '#'. */
static int parse_ws(const char *text, url *u) {
        const char *path;
        int r = parse_authority(text, u, &path);

        if (r < 0)
                return r;
        u->kind = URL_WS;
        if (!*path)
                path = "/";
        if (strlen(path) > URL_PATH_MAX)
                return -EINVAL;
        for (const char *p = path; *p; p++)
                if (*p <= ' ' || *p > '~' || *p == '?' || *p == '#')
                        return -EINVAL;
        strcpy(u->path, path);
        return 0;
}

static int parse_fd(const char *text, url *u) {
        if (!strcmp(text, "systemd")) {
                u->kind = URL_SYSTEMD;
                return 0;
        }

        u->kind = URL_FD;
        return parse_number(text, strlen(text), INT_MAX, &u->fd);
}

int url_parse(const char *text, url *ret) {
        url u = { .fd = -1 };
        const char *rest;
        size_t n;
        int r;

        if (!text)
                return -EINVAL;
        rest = scheme_end(text, &n);
        if (!rest)
                return -EINVAL;

        if (scheme_is(text, n, "unix")) {
                r = parse_unix(rest, &u);
        } else if (scheme_is(text, n, "tcp")) {
                r = parse_tcp(rest, &u);
        } else if (scheme_is(text, n, "ws")) {
                r = parse_ws(rest, &u);
        } else if (scheme_is(text, n, "mem")) {
                u.kind = URL_MEM;
                r = parse_name(rest, URL_NAME_MAX, u.name);
        } else if (scheme_is(text, n, "fd")) {
                r = parse_fd(rest, &u);
        } else {
                r = -EAFNOSUPPORT;
        }
        if (r < 0)
                return r;

        *ret = u;
        return 0;
}

bool url_is_planned(const char *text) {
        static const char *const schemes[] = {
                "tls", "wss", "h2", "h2s", "spdy+tcp", "spdy+tls",
        };
        size_t n;

        if (!text || !scheme_end(text, &n))
                return false;
        for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
                if (scheme_is(text, n, schemes[i]))
                        return true;
        return false;
}

int url_print(const url *u, char *buf, size_t n) {
        int r = -EINVAL;

        switch (u->kind) {
        case URL_MEM:
                r = snprintf(buf, n, "mem:%s", u->name);
                break;
        case URL_UNIX:
                r = snprintf(buf, n, "unix:%s", u->name);
                break;
        case URL_ABSTRACT:
                r = snprintf(buf, n, "unix:@%s", u->name);
                break;
        case URL_TCP:
                r = snprintf(buf, n, strchr(u->name, ':') ? "tcp://[%s]:%u" : "tcp://%s:%u",
                             u->name, (unsigned)u->port);
                break;
        case URL_WS:
                r = snprintf(buf, n, strchr(u->name, ':') ? "ws://[%s]:%u%s" : "ws://%s:%u%s",
                             u->name, (unsigned)u->port, u->path[1] ? u->path : "");
                break;
        case URL_FD:
                r = snprintf(buf, n, "fd:%d", u->fd);
                break;
        case URL_SYSTEMD:
                r = snprintf(buf, n, "fd:systemd");
                break;
        }

        return r >= 0 && (size_t)r >= n ? -ENOBUFS : r;
}
