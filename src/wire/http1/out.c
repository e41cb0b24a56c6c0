/* SPDX-License-Identifier: Apache-2.0 */
#include "out.h"

#include <errno.h>

#include "../../base/grow.h"
#include "../../base/mem.h"
#include "chars.h"

enum { NUMBER_MAX = 20 }; /* digits of the longest length */

void http1_out_init(http1_out *o) {
        *o = (http1_out){ 0 };
}

void http1_out_deinit(http1_out *o) {
        o->p = mem_free(o->p);
        o->n = o->cap = 0;
}

void http1_out_sent(http1_out *o, size_t n) {
        o->n -= n;
        if (o->n)
                memmove(o->p, o->p + n, o->n);
}

/* bytes */

static void put(http1_out *o, const void *p, size_t n) {
        uint8_t *to = o->failed || n == 0 ? NULL : grow(o->p, &o->cap, o->n, n);

        if (to) {
                o->p = to;
                memcpy(o->p + o->n, p, n);
                o->n += n;
        } else if (n) {
                o->failed = true;
        }
}

static void put_bytes(http1_out *o, bytes text) {
        put(o, text.p, text.n);
}

static void put_text(http1_out *o, const char *text) {
        put(o, text, strlen(text));
}

static void put_number(http1_out *o, uint64_t v, unsigned base) {
        char digits[NUMBER_MAX];
        size_t at = sizeof(digits);

        do
                digits[--at] = "0123456789abcdef"[v % base];
        while (v /= base);
        put(o, digits + at, sizeof(digits) - at);
}

static void put_field(http1_out *o, bytes name, bytes value) {
        put_bytes(o, name);
        put_text(o, ": ");
        put_bytes(o, value);
        put_text(o, "\r\n");
}

/* heads */

static bool fields_are_valid(const http1_field *fields, size_t n_fields, bool after) {
        static const char *const ours[] = { "connection", "content-length", "transfer-encoding",
                                            "upgrade" };

        for (size_t i = 0; i < n_fields; i++) {
                const http1_field *f = &fields[i];

                /* what has blanks around it would be read as something else than was said */
                if (!chars_token(f->name) || !chars_are(f->value, CHAR_VALUE) ||
                    chars_trim(f->value).n != f->value.n)
                        return false;
                for (size_t k = 0; k < sizeof(ours) / sizeof(*ours); k++)
                        if (bytes_is(f->name, ours[k]))
                                return false;
                if (after && bytes_is(f->name, "host"))
                        return false;
        }
        return true;
}

static bool request_is_valid(const http1_message *m) {
        return chars_token(m->method) && m->target.n && chars_are(m->target, CHAR_TARGET) &&
               m->body != HTTP1_TO_END && !m->head_only;
}

/* RFC 9110, 8.6 and RFC 9112, 6: what has no body must not speak of one. */
static bool response_is_valid(const http1_message *m) {
        bool bare = m->status < 200 || m->status == 204;

        return m->status >= 100 && m->status <= 599 && chars_are(m->reason, CHAR_VALUE) &&
               (!bare || m->body == HTTP1_NO_BODY) &&
               (m->status != 304 || m->body == HTTP1_NO_BODY || m->head_only) &&
               (m->status == 101) == (m->upgrade.n > 0 && m->status < 200);
}

static bool message_is_valid(const http1_message *m) {
        return (m->status ? response_is_valid(m) : request_is_valid(m)) &&
               (!m->upgrade.n || chars_token(m->upgrade)) &&
               fields_are_valid(m->fields, m->n_fields, false);
}

static void put_first(http1_out *o, const http1_message *m) {
        if (m->status) {
                put_text(o, "HTTP/1.1 ");
                put_number(o, m->status, 10);
                put_text(o, " ");
                put_bytes(o, m->reason);
        } else {
                put_bytes(o, m->method);
                put_text(o, " ");
                put_bytes(o, m->target);
                put_text(o, " HTTP/1.1");
        }
        put_text(o, "\r\n");
}

static void put_framing(http1_out *o, const http1_message *m) {
        if (m->body == HTTP1_LENGTH) {
                put_text(o, "Content-Length: ");
                put_number(o, m->length, 10);
                put_text(o, "\r\n");
        } else if (m->body == HTTP1_CHUNKED) {
                put_text(o, "Transfer-Encoding: chunked\r\n");
        }
        if (m->closes || m->body == HTTP1_TO_END)
                put_text(o,
                         m->upgrade.n ? "Connection: close, Upgrade\r\n" : "Connection: close\r\n");
        else if (m->upgrade.n)
                put_text(o, "Connection: Upgrade\r\n");
        if (m->upgrade.n)
                put_field(o, BYTES("Upgrade"), m->upgrade);
}

int http1_out_head(http1_out *o, const http1_message *m) {
        if (o->open || !message_is_valid(m))
                return -EINVAL;
        put_first(o, m);
        for (size_t i = 0; i < m->n_fields; i++)
                put_field(o, m->fields[i].name, m->fields[i].value);
        put_framing(o, m);
        put_text(o, "\r\n");
        o->body = m->head_only ? HTTP1_NO_BODY : m->body;
        o->left = o->body == HTTP1_LENGTH ? m->length : 0;
        o->open = o->body != HTTP1_NO_BODY && (o->body != HTTP1_LENGTH || o->left);
        return 0;
}

/* bodies */

int http1_out_piece(http1_out *o, const void *p, size_t n) {
        if (n == 0)
                return 0;
        if (!o->open || (o->body == HTTP1_LENGTH && n > o->left))
                return -EINVAL;
        if (o->body == HTTP1_CHUNKED) {
                put_number(o, n, 16);
                put_text(o, "\r\n");
        }
        put(o, p, n);
        if (o->body == HTTP1_CHUNKED)
                put_text(o, "\r\n");
        else if (o->body == HTTP1_LENGTH)
                o->left -= n;
        return 0;
}

int http1_out_end(http1_out *o, const http1_field *fields, size_t n_fields) {
        if (n_fields &&
            (!o->open || o->body != HTTP1_CHUNKED || !fields_are_valid(fields, n_fields, true)))
                return -EINVAL;
        if (o->left)
                return -EINVAL;
        if (o->open && o->body == HTTP1_CHUNKED) {
                put_text(o, "0\r\n");
                for (size_t i = 0; i < n_fields; i++)
                        put_field(o, fields[i].name, fields[i].value);
                put_text(o, "\r\n");
        }
        o->open = false;
        return 0;
}
