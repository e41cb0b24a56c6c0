/* SPDX-License-Identifier: Apache-2.0 */
#include "in.h"

#include <assert.h>
#include <errno.h>

#include "chars.h"
#include "in-inner.h"

enum {
        START,  /* before a message: an empty line may come, and then the first one */
        FIELDS, /* of a head */
        LENGTH, /* in a body of known length */
        TO_END, /* in a body that ends with the connection */
        CHUNK,  /* before the line of a chunk */
        DATA,   /* in a chunk, and the CRLF behind it */
        AFTER,  /* fields after the body */
        DONE,   /* END has to be told */
        CLOSED, /* the last message is over */
        UPGRADED,
        FAILED,
};

void http1_in_init(http1_in *in, bool responses) {
        *in = (http1_in){
                .max_line = HTTP1_LINE_MAX,
                .max_head = HTTP1_HEAD_MAX,
                .max_fields = HTTP1_FIELDS_MAX,
                .max_body = HTTP1_BODY_MAX,
                .responses = responses,
        };
}

int http1_fail(http1_in *in, uint16_t answer, const char *why) {
        bool much = answer == 413 || answer == 414 || answer == 431;

        in->state = FAILED;
        in->error = much ? -EMSGSIZE : -EPROTO;
        in->answer = answer;
        in->why = why;
        in->n_fields = 0;
        return in->error;
}

/* What a step leaves: an event for the caller, or more to be done at once. */
enum { EVENT = 1, GO_ON = 2 };

static int tell(http1_in *in, http1_event event) {
        in->event = event;
        return EVENT;
}

/* The first @n bytes of the input are of no use any more. */
static void drop(http1_in *in, size_t n) {
        in->buf += n;
        in->n -= n;
        in->consumed += n;
        in->at = in->seen = 0;
}

/* The line at in->at, once its end has come: *@ret_n without the CRLF, and in->seen is behind it.
 * Returns 1; 0; or the error. Over @max with its end it is too long. */
static int find_line(http1_in *in, size_t max, uint16_t too_long, size_t *ret_n) {
        size_t n = in->n - in->at < max ? in->n : in->at + max;
        const char *lf = n > in->seen ? memchr(in->buf + in->seen, '\n', n - in->seen) : NULL;

        if (!lf) {
                in->seen = n;
                return n - in->at == max ? http1_fail(in, too_long, "a line that is too long") : 0;
        }
        in->seen = (size_t)(lf - in->buf);
        if (in->seen == in->at || lf[-1] != '\r')
                return http1_fail(in, 400, "a line that ends without a CR");
        *ret_n = in->seen++ - in->at - 1;
        return 1;
}

/* heads */

static int read_first(http1_in *in) {
        size_t n_line;
        int r;

        /* an empty line that clients of old leave behind a body is passed over, once */
        if (!in->responses && in->at == 0 && in->n && in->buf[0] == '\r') {
                if (in->n == 1)
                        return 0;
                if (in->buf[1] == '\n')
                        in->at = in->seen = 2;
        }
        if (in->at == in->n)
                return 0;
        /* who speaks something else is not waited for until a line of it ends */
        if (in->responses ? in->buf[in->at] != 'H'
                          : !(chars[(uint8_t)in->buf[in->at]] & CHAR_TOKEN))
                return http1_fail(in, 400, "bytes that are no HTTP");
        r = find_line(in, in->max_line, in->responses ? 431 : 414, &n_line);
        if (r <= 0)
                return r;
        in->n_fields = 0;
        in->head = in->buf;
        r = http1_head_first(in, (bytes){ in->buf + in->at, n_line });
        if (r < 0)
                return r;
        in->at = in->seen;
        in->state = FIELDS;
        return GO_ON;
}

/* The lines up to an empty one, and that. Returns 1 behind it. */
static int read_fields(http1_in *in) {
        size_t n_line;
        int r;

        do {
                if (in->at >= in->max_head)
                        return http1_fail(in, 431, "too many bytes of fields");
                r = find_line(in, in->max_head - in->at, 431, &n_line);
                if (r <= 0)
                        return r;
                if (n_line)
                        r = http1_head_field(in, in->at, n_line);
                if (r < 0)
                        return r;
                in->at = in->seen;
        } while (n_line);
        return 1;
}

static void move(bytes *text, const char *from, const char *to) {
        if (text->n)
                text->p = to + ((uintptr_t)text->p - (uintptr_t)from);
}

static int read_head(http1_in *in) {
        static const uint8_t states[] = {
                [HTTP1_NO_BODY] = DONE,
                [HTTP1_LENGTH] = LENGTH,
                [HTTP1_CHUNKED] = CHUNK,
                [HTTP1_TO_END] = TO_END,
        };
        int r = read_fields(in);

        if (r <= 0)
                return r;
        /* the input may have moved since the first line was read */
        move(&in->method, in->head, in->buf);
        move(&in->target, in->head, in->buf);
        move(&in->host, in->head, in->buf);
        move(&in->reason, in->head, in->buf);
        r = http1_frame(in);
        if (r < 0)
                return r;
        in->n_body = in->n_notes = 0;
        in->left = in->length;
        in->state = states[in->body];
        in->consumed = in->at;
        in->at = in->seen = 0;
        return tell(in, HTTP1_HEAD);
}

/* bodies */

static int too_much(http1_in *in) {
        return http1_fail(in, 413, "a body that is too long");
}

/* What has come of the @left bytes, which it counts down. */
static int give_piece(http1_in *in, uint64_t *left) {
        size_t n = *left < in->n ? (size_t)*left : in->n;

        if (n == 0)
                return 0;
        in->payload = (bytes){ in->buf, n };
        *left -= n;
        drop(in, n);
        return tell(in, HTTP1_PIECE);
}

static int read_length(http1_in *in) {
        if (in->length > in->max_body)
                return too_much(in);
        if (in->left)
                return give_piece(in, &in->left);
        in->state = DONE;
        return GO_ON;
}

static int read_to_end(http1_in *in) {
        uint64_t room = in->max_body - in->n_body, left = room;
        int r;

        if (room == 0)
                return in->n ? too_much(in) : 0;
        r = give_piece(in, &left);
        in->n_body += room - left;
        return r;
}

/* The line that says how long a chunk is. */
static int read_chunk(http1_in *in) {
        size_t n_line, n_digits;
        uint64_t size;
        int r = find_line(in, HTTP1_CHUNK_LINE_MAX, 400, &n_line);

        if (r <= 0)
                return r;
        r = http1_chunk_size(in, (bytes){ in->buf, n_line }, &n_digits, &size);
        if (r < 0)
                return r;
        in->n_notes += n_line - n_digits;
        if (in->n_notes > in->max_head)
                return http1_fail(in, 413, "chunks with too much beside the body");
        if (size > in->max_body - in->n_body)
                return too_much(in);
        in->n_body += size;
        in->left = size;
        drop(in, in->seen);
        in->state = size ? DATA : AFTER;
        in->n_fields = 0;
        return GO_ON;
}

static int read_data(http1_in *in) {
        if (in->left)
                return give_piece(in, &in->left);
        if (in->n && in->buf[0] != '\r')
                return http1_fail(in, 400, "a chunk longer than it said");
        if (in->n < 2)
                return 0;
        if (in->buf[1] != '\n')
                return http1_fail(in, 400, "a chunk longer than it said");
        drop(in, 2);
        in->state = CHUNK;
        return GO_ON;
}

static int read_after(http1_in *in) {
        int r = read_fields(in);

        if (r <= 0)
                return r;
        r = http1_frame_after(in);
        if (r < 0)
                return r;
        in->consumed += in->at;
        in->at = in->seen = 0;
        in->state = in->keep_alive ? START : CLOSED;
        return tell(in, HTTP1_END);
}

static int read_done(http1_in *in) {
        in->n_fields = 0;
        in->state = in->switches ? UPGRADED : in->keep_alive ? START : CLOSED;
        return tell(in, in->switches ? HTTP1_UPGRADE : HTTP1_END);
}

static int step(http1_in *in) {
        switch (in->state) {
        case START:
                return read_first(in);
        case FIELDS:
                return read_head(in);
        case LENGTH:
                return read_length(in);
        case TO_END:
                return read_to_end(in);
        case CHUNK:
                return read_chunk(in);
        case DATA:
                return read_data(in);
        case AFTER:
                return read_after(in);
        case DONE:
                return read_done(in);
        case CLOSED:
                return in->n ? -EPIPE : 0;
        case UPGRADED:
                return 0;
        default:
                return in->error;
        }
}

int http1_in_next(http1_in *in, const char *buf, size_t n) {
        int r;

        assert(in->max_head <= UINT16_MAX && in->max_fields <= HTTP1_FIELDS_MAX);
        in->buf = buf;
        in->n = n;
        in->consumed = 0;
        in->payload = (bytes){ 0 };
        do
                r = step(in);
        while (r == GO_ON);
        return r;
}

int http1_in_end(http1_in *in) {
        switch (in->state) {
        case START:
                return in->at || in->seen ? -ECONNRESET : 0;
        case LENGTH:
                /* its last byte may have been told, and its end not yet */
                return in->left ? -ECONNRESET : http1_in_next(in, NULL, 0);
        case DONE:
                return http1_in_next(in, NULL, 0);
        case TO_END:
                in->consumed = 0;
                return read_done(in);
        case CLOSED:
        case UPGRADED:
                return 0;
        case FAILED:
                return in->error;
        default:
                return -ECONNRESET;
        }
}

/* fields */

http1_field http1_in_field(const http1_in *in, size_t i) {
        const http1_span *s = &in->spans[i];

        return (http1_field){ { in->buf + s->name, s->n_name },
                              { in->buf + s->value, s->n_value } };
}

size_t http1_in_find(const http1_in *in, const char *name, bytes *ret) {
        size_t n = 0;

        for (uint32_t i = 0; i < in->n_fields; i++) {
                http1_field f = http1_in_field(in, i);

                if (bytes_is(f.name, name) && n++ == 0 && ret)
                        *ret = f.value;
        }
        return n;
}

bool http1_in_lists(const http1_in *in, const char *name, const char *word) {
        for (uint32_t i = 0; i < in->n_fields; i++) {
                http1_field f = http1_in_field(in, i);
                bytes element;

                if (!bytes_is(f.name, name))
                        continue;
                while (chars_list_next(&f.value, &element))
                        if (bytes_is(element, word))
                                return true;
        }
        return false;
}
