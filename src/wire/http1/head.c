/* SPDX-License-Identifier: Apache-2.0 */
#include "in-inner.h"

#include "chars.h"

/* "HTTP/1.1" or "HTTP/1.0". */
static int read_version(http1_in *in, bytes text) {
        if (text.n != 8 || memcmp(text.p, "HTTP/", 5) != 0 || text.p[6] != '.' || text.p[5] < '0' ||
            text.p[5] > '9' || text.p[7] < '0' || text.p[7] > '9')
                return http1_fail(in, 400, "no version of HTTP where it should be");
        if (text.p[5] != '1' || text.p[7] > '1')
                return http1_fail(in, 505, "a version of HTTP that is neither 1.0 nor 1.1");
        in->minor = (uint8_t)(text.p[7] - '0');
        return 0;
}

/* RFC 9112, 3.2: the four forms, of which two belong to one method each. */
static int read_target(http1_in *in) {
        static const bytes schemes[] = { { "http://", 7 }, { "https://", 8 } };
        bytes t = in->target;

        if (!t.n || !chars_are(t, CHAR_TARGET))
                return http1_fail(in, 400, "a target with bytes that have no place there");
        if (bytes_equal(in->method, BYTES("CONNECT"))) {
                if (!chars_authority(t) || !memchr(t.p, ':', t.n))
                        return http1_fail(in, 400, "CONNECT without a host and a port");
                in->host = t;
                return 0;
        }
        if (t.p[0] == '/')
                return 0;
        if (bytes_equal(t, BYTES("*")) && bytes_equal(in->method, BYTES("OPTIONS")))
                return 0;
        for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
                size_t n = schemes[i].n, end = n;

                if (t.n <= n || strncasecmp(t.p, schemes[i].p, n) != 0)
                        continue;
                while (end < t.n && t.p[end] != '/' && t.p[end] != '?')
                        end++;
                /* a name and password before the host are there to deceive */
                in->host = (bytes){ t.p + n, end - n };
                if (chars_authority(in->host))
                        return 0;
        }
        return http1_fail(in, 400, "a target of no form that HTTP has");
}

static int read_request_line(http1_in *in, bytes line) {
        const char *end = line.p + line.n, *sp = memchr(line.p, ' ', line.n), *sp2;

        if (!sp)
                return http1_fail(in, 400, "a first line that is no request");
        sp2 = memchr(sp + 1, ' ', (size_t)(end - sp - 1));
        in->method = (bytes){ line.p, (size_t)(sp - line.p) };
        if (!chars_token(in->method))
                return http1_fail(in, 400, "a method that is no word");
        if (!sp2)
                return http1_fail(in, 400, "a first line without a version");
        if (read_version(in, (bytes){ sp2 + 1, (size_t)(end - sp2 - 1) }) < 0)
                return in->error;
        in->target = (bytes){ sp + 1, (size_t)(sp2 - sp - 1) };
        return read_target(in);
}

static int read_status_line(http1_in *in, bytes line) {
        const char *p = line.p;

        if (line.n < 12 || p[8] != ' ')
                return http1_fail(in, 400, "a first line that is no response");
        if (read_version(in, (bytes){ p, 8 }) < 0)
                return in->error;
        in->status = 0;
        for (int i = 9; i < 12; i++) {
                if (p[i] < '0' || p[i] > '9')
                        return http1_fail(in, 400, "a status that is no number");
                in->status = (uint16_t)(in->status * 10 + (p[i] - '0'));
        }
        if (in->status < 100 || in->status > 599)
                return http1_fail(in, 400, "a status out of range");
        /* The blank before no reason at all is left out by some, and nobody could take that
         * for anything else. */
        if (line.n > 12 && p[12] != ' ')
                return http1_fail(in, 400, "a status that is too long");
        in->reason = line.n > 13 ? (bytes){ p + 13, line.n - 13 } : (bytes){ 0 };
        if (!chars_are(in->reason, CHAR_VALUE))
                return http1_fail(in, 400, "a reason with bytes that have no place there");
        return 0;
}

int http1_head_first(http1_in *in, bytes line) {
        in->method = in->target = in->host = in->reason = (bytes){ 0 };
        in->status = 0;
        return in->responses ? read_status_line(in, line) : read_request_line(in, line);
}

int http1_head_field(http1_in *in, size_t at, size_t n) {
        bytes line = { in->buf + at, n }, name, value;
        const char *colon = memchr(line.p, ':', n);

        /* a line that goes on the one before has long been forbidden, and is still read so by
         * some */
        if (line.p[0] == ' ' || line.p[0] == '\t')
                return http1_fail(in, 400, "a field on several lines");
        if (!colon)
                return http1_fail(in, 400, "a field without a colon");
        name = (bytes){ line.p, (size_t)(colon - line.p) };
        if (!chars_token(name))
                return http1_fail(in, 400, "a field whose name is no word");
        value = chars_trim((bytes){ colon + 1, n - name.n - 1 });
        if (!chars_are(value, CHAR_VALUE))
                return http1_fail(in, 400, "a field with bytes that have no place there");
        if (in->n_fields >= in->max_fields)
                return http1_fail(in, 431, "too many fields");
        in->spans[in->n_fields++] = (http1_span){
                .name = (uint16_t)at,
                .n_name = (uint16_t)name.n,
                .value = (uint16_t)(value.p - in->buf),
                .n_value = (uint16_t)value.n,
        };
        return 0;
}
