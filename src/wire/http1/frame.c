/* SPDX-License-Identifier: Apache-2.0 */
#include "in-inner.h"

#include "chars.h"

static int read_length(http1_in *in, bytes text, uint64_t *ret) {
        uint64_t v = 0;

        if (!text.n)
                return http1_fail(in, 400, "an empty Content-Length");
        for (size_t i = 0; i < text.n; i++) {
                if (text.p[i] < '0' || text.p[i] > '9')
                        return http1_fail(in, 400, "a Content-Length that is no number");
                if (v > (INT64_MAX - 9) / 10)
                        return http1_fail(in, 413, "a Content-Length beyond all bounds");
                v = v * 10 + (uint64_t)(text.p[i] - '0');
        }
        *ret = v;
        return 0;
}

/* RFC 9112, 6.3. Several of either field, and both of them, are how one request is made to look
 * like two: the RFC allows some of that, and this does not. */
static int read_framing(http1_in *in) {
        bytes coding, length;
        size_t n_codings = http1_in_find(in, "transfer-encoding", &coding);
        size_t n_lengths = http1_in_find(in, "content-length", &length);

        in->body = HTTP1_NO_BODY;
        in->length = 0;
        if (n_codings + n_lengths > 1)
                return http1_fail(in, 400, "two fields that say where the body ends");
        if (n_lengths) {
                in->body = HTTP1_LENGTH;
                return read_length(in, length, &in->length);
        }
        if (n_codings) {
                if (in->minor == 0)
                        return http1_fail(in, 400, "Transfer-Encoding in HTTP/1.0");
                if (!bytes_is(coding, "chunked"))
                        return http1_fail(in, 501, "a Transfer-Encoding other than chunked");
                in->body = HTTP1_CHUNKED;
        }
        return 0;
}

static int read_connection(http1_in *in) {
        bool close = false, keep = false, upgrade = false;

        for (uint32_t i = 0; i < in->n_fields; i++) {
                http1_field f = http1_in_field(in, i);
                bytes word;

                if (!bytes_is(f.name, "connection"))
                        continue;
                while (chars_list_next(&f.value, &word)) {
                        if (!chars_token(word))
                                return http1_fail(in, 400, "a Connection that is no list of words");
                        close |= bytes_is(word, "close");
                        keep |= bytes_is(word, "keep-alive");
                        upgrade |= bytes_is(word, "upgrade");
                }
        }
        in->keep_alive = !close && (in->minor == 1 || keep);
        in->has_upgrade = upgrade && in->minor == 1 && http1_in_find(in, "upgrade", NULL) > 0;
        return 0;
}

/* RFC 9112, 3.2: one in each request of 1.1, and the same as in the target if that has one. */
static int read_host(http1_in *in) {
        bytes host = { 0 };
        size_t n = http1_in_find(in, "host", &host);

        if (n > 1)
                return http1_fail(in, 400, "more than one Host");
        if (n == 0 && in->minor == 1)
                return http1_fail(in, 400, "no Host");
        if (host.n && !chars_authority(host))
                return http1_fail(in, 400, "a Host that is none");
        if (!in->host.n)
                in->host = host;
        else if (n && (host.n != in->host.n || strncasecmp(host.p, in->host.p, host.n) != 0))
                return http1_fail(in, 400, "a Host that is not the target's");
        return 0;
}

static int frame_request(http1_in *in) {
        bytes expect;
        size_t n = http1_in_find(in, "expect", &expect);

        if (read_host(in) < 0)
                return in->error;
        in->waits = false;
        if (n && in->minor == 1) {
                if (n > 1 || !bytes_is(expect, "100-continue"))
                        return http1_fail(in, 417, "an expectation that is not 100-continue");
                in->waits = in->body == HTTP1_CHUNKED || in->length > 0;
        }
        return 0;
}

static int frame_response(http1_in *in) {
        bool bare = in->status < 200 || in->status == 204;

        if (in->status == 101 && !(in->asked & HTTP1_ASKED_UPGRADE && in->has_upgrade))
                return http1_fail(in, 400, "another protocol that was not asked for");
        if (bare && (in->body == HTTP1_CHUNKED || in->length > 0))
                return http1_fail(in, 400, "a body where there cannot be one");
        if (bare || in->status == 304 || in->asked & HTTP1_ASKED_HEAD ||
            (in->asked & HTTP1_ASKED_CONNECT && in->status < 300)) {
                in->body = HTTP1_NO_BODY;
        } else if (in->body == HTTP1_NO_BODY) {
                in->body = HTTP1_TO_END;
                in->keep_alive = false;
        }
        in->switches = in->status == 101 ||
                       (in->asked & HTTP1_ASKED_CONNECT && in->status >= 200 && in->status < 300);
        return 0;
}

int http1_frame(http1_in *in) {
        if (read_framing(in) < 0 || read_connection(in) < 0)
                return in->error;
        return in->responses ? frame_response(in) : frame_request(in);
}

int http1_frame_after(http1_in *in) {
        static const char *const before[] = { "connection", "content-length", "host",
                                              "transfer-encoding", "upgrade" };

        for (size_t i = 0; i < sizeof(before) / sizeof(*before); i++)
                if (http1_in_find(in, before[i], NULL))
                        return http1_fail(in, 400, "a field after the body that decides about it");
        return 0;
}
