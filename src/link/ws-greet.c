/* SPDX-License-Identifier: Apache-2.0 */
#include "ws-greet.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "../base/base64.h"
#include "../base/grow.h"
#include "../base/mem.h"

static const char protocol[] = "beam"; /* of Sec-WebSocket-Protocol */

static int fail(ws_greet *g, int error, const char *why) {
        g->why = why;
        return error;
}

/* the side that dials */

static int say_request(ws_greet *g) {
        const http1_field fields[] = {
                { BYTES("Host"), bytes_of(g->host) },
                { BYTES("Sec-WebSocket-Key"), { g->key, sizeof(g->key) } },
                { BYTES("Sec-WebSocket-Version"), BYTES("13") },
                { BYTES("Sec-WebSocket-Protocol"), bytes_of(protocol) },
        };
        uint8_t key[WS_KEY_SIZE];
        int r;

        if (getrandom(key, sizeof(key), 0) != sizeof(key))
                return -EAGAIN;
        base64_print(key, sizeof(key), g->key);
        r = http1_out_head(&g->out, &(http1_message){
                                            .method = BYTES("GET"),
                                            .target = bytes_of(g->path),
                                            .upgrade = BYTES("websocket"),
                                            .fields = fields,
                                            .n_fields = sizeof(fields) / sizeof(*fields),
                                    });
        return g->out.failed ? -ENOMEM : r;
}

static int read_response(ws_greet *g) {
        char accept[WS_ACCEPT_TEXT];
        bytes value = { 0 };

        switch (g->in.status) {
        case 101:
                break;
        case 401:
        case 403:
                return fail(g, -EACCES, "the server lets nobody in like that");
        case 404:
                return fail(g, -ENOENT, "the server has no such path");
        case 502:
        case 503:
        case 504:
                return fail(g, -ECONNREFUSED, "there is nobody behind the proxy");
        default:
                return fail(g, -EPROTO, "the server wants no WebSocket");
        }
        ws_key_accept(g->key, accept);
        if (!http1_in_lists(&g->in, "upgrade", "websocket") ||
            http1_in_find(&g->in, "sec-websocket-accept", &value) != 1 ||
            !bytes_equal(value, (bytes){ accept, sizeof(accept) }))
                return fail(g, -EPROTO, "the server speaks of another WebSocket");
        if (http1_in_find(&g->in, "sec-websocket-extensions", NULL) ||
            (http1_in_find(&g->in, "sec-websocket-protocol", &value) &&
             !bytes_equal(value, bytes_of(protocol))))
                return fail(g, -EPROTO, "the server agrees to what was not asked for");
        g->fits = true;
        return 0;
}

/* the side that listens */

static int refuse(ws_greet *g, uint16_t status, const char *reason, const char *why) {
        bool version = status == 426, method = status == 405;
        const http1_field fields[] = {
                { BYTES("Content-Type"), BYTES("text/plain; charset=utf-8") },
                version ? (http1_field){ BYTES("Sec-WebSocket-Version"), BYTES("13") }
                        : (http1_field){ BYTES("Allow"), BYTES("GET") },
        };

        http1_out_head(&g->out, &(http1_message){
                                        .status = status,
                                        .reason = bytes_of(reason),
                                        .body = HTTP1_LENGTH,
                                        .length = strlen(why) + 1,
                                        .closes = true,
                                        .upgrade = version ? BYTES("websocket") : (bytes){ 0 },
                                        .fields = fields,
                                        .n_fields = version || method ? 2 : 1,
                                });
        http1_out_piece(&g->out, why, strlen(why));
        http1_out_piece(&g->out, "\n", 1);
        return fail(g, status == 403 ? -EACCES : -EPROTO, why);
}

static bool is_here(bytes host) {
        static const char *const names[] = { "localhost", "127.0.0.1", "[::1]" };

        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
                size_t n = strlen(names[i]);

                if (host.n >= n && strncasecmp(host.p, names[i], n) == 0 &&
                    (host.n == n || host.p[n] == ':'))
                        return true;
        }
        return false;
}

/* A browser says which page it asks for. Any page may ask, and the browser that runs it stands
 * within the walls; so only pages of this very address may. The address has to be one that no
 * name server can give to a stranger's name. */
static bool page_may(bytes origin, bytes host) {
        static const char scheme[] = "http://";
        size_t n = sizeof(scheme) - 1;

        return is_here(host) && origin.n == n + host.n && memcmp(origin.p, scheme, n) == 0 &&
               strncasecmp(origin.p + n, host.p, host.n) == 0;
}

static bool path_is(bytes target, const char *path) {
        const char *query = memchr(target.p, '?', target.n);

        return bytes_equal((bytes){ target.p, query ? (size_t)(query - target.p) : target.n },
                           bytes_of(path));
}

static int read_request(ws_greet *g) {
        bytes key = { 0 }, version = { 0 }, origin = { 0 };
        const http1_in *in = &g->in;

        if (!path_is(in->target, g->path))
                return refuse(g, 404, "Not Found", "There is nothing here.");
        if (!bytes_equal(in->method, BYTES("GET")) || in->body != HTTP1_NO_BODY)
                return refuse(g, 405, "Method Not Allowed", "A WebSocket begins with a GET.");
        if (!in->has_upgrade || !http1_in_lists(in, "upgrade", "websocket"))
                return refuse(g, 426, "Upgrade Required", "Only WebSockets are served here.");
        if (http1_in_find(in, "sec-websocket-version", &version) != 1 ||
            !bytes_equal(version, BYTES("13")))
                return refuse(g, 426, "Upgrade Required", "The version of WebSocket is not 13.");
        if (http1_in_find(in, "sec-websocket-key", &key) != 1 || !ws_key_is_valid(key.p, key.n))
                return refuse(g, 400, "Bad Request", "There is no Sec-WebSocket-Key.");
        if (http1_in_find(in, "origin", &origin) && !page_may(origin, in->host))
                return refuse(g, 403, "Forbidden", "Pages from elsewhere may not come in here.");
        if (http1_in_find(in, "sec-websocket-protocol", NULL) &&
            !http1_in_lists(in, "sec-websocket-protocol", protocol))
                return refuse(g, 400, "Bad Request", "The only protocol here is beam.");
        memcpy(g->key, key.p, key.n);
        g->names_protocol = http1_in_find(in, "sec-websocket-protocol", NULL) > 0;
        g->fits = true;
        return 0;
}

static int agree(ws_greet *g) {
        char accept[WS_ACCEPT_TEXT];
        const http1_field fields[] = {
                { BYTES("Sec-WebSocket-Accept"), { accept, sizeof(accept) } },
                { BYTES("Sec-WebSocket-Protocol"), bytes_of(protocol) },
        };

        ws_key_accept(g->key, accept);
        http1_out_head(&g->out, &(http1_message){
                                        .status = 101,
                                        .reason = BYTES("Switching Protocols"),
                                        .upgrade = BYTES("websocket"),
                                        .fields = fields,
                                        .n_fields = g->names_protocol ? 2 : 1,
                                });
        return g->out.failed ? fail(g, -ENOMEM, "out of memory") : 1;
}

/* both */

int ws_greet_new(const url *u, bool dials, ws_greet **ret) {
        ws_greet *g = mem_zero(sizeof(*g));
        int r = 0;

        if (!g)
                return -ENOMEM;
        g->dials = dials;
        snprintf(g->host, sizeof(g->host), strchr(u->name, ':') ? "[%s]:%u" : "%s:%u", u->name,
                 (unsigned)u->port);
        strcpy(g->path, u->path);
        http1_in_init(&g->in, dials);
        g->in.max_head = GREET_HEAD_MAX;
        g->in.asked = HTTP1_ASKED_UPGRADE;
        http1_out_init(&g->out);
        if (dials)
                r = say_request(g);
        if (r < 0) {
                ws_greet_free(g);
                return r;
        }
        *ret = g;
        return 0;
}

ws_greet *ws_greet_free(ws_greet *g) {
        if (g) {
                http1_out_deinit(&g->out);
                mem_free(g->p);
                mem_free(g);
        }
        return NULL;
}

static int broken(ws_greet *g) {
        return g->dials ? fail(g, -EPROTO, "the server speaks no HTTP")
                        : refuse(g, g->in.answer, "", g->in.why);
}

static int on_event(ws_greet *g) {
        switch (g->in.event) {
        case HTTP1_HEAD:
                if (g->dials && g->in.status < 200 && g->in.status != 101)
                        return 0; /* a remark on the way */
                return g->dials ? read_response(g) : read_request(g);
        case HTTP1_END:
                return g->fits ? agree(g) : 0;
        case HTTP1_UPGRADE:
                return 1;
        default:
                return 0;
        }
}

int ws_greet_feed(ws_greet *g, const uint8_t *p, size_t n, ws_bytes *ret) {
        uint8_t *grown = grow(g->p, &g->cap, g->n, n);
        size_t at = 0;
        int r = 0;

        if (!grown)
                return fail(g, -ENOMEM, "out of memory");
        g->p = grown;
        memcpy(g->p + g->n, p, n);
        g->n += n;
        while (r == 0 && (r = http1_in_next(&g->in, (char *)g->p + at, g->n - at)) > 0) {
                r = on_event(g);
                at += g->in.consumed;
        }
        if (r < 0)
                return g->why ? r : broken(g);
        if (r == 0) {
                at += g->in.consumed;
                g->n -= at;
                memmove(g->p, g->p + at, g->n);
                return 0;
        }
        *ret = (ws_bytes){ g->p + at, g->n - at };
        return 1;
}
