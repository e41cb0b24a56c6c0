/* SPDX-License-Identifier: Apache-2.0 */
#include "psync.h"

#include <errno.h>

#include "../../base/decimal.h"

enum { GREET, ASK, HEAD, BODY, STREAM, FAILED };

/* What has been said last in GREET. */
enum { SAID_PING, SAID_AUTH, SAID_PORT, SAID_CAPA };

static void say(psync *p, const bytes *argv, size_t argc) {
        resp_out_request(&p->out, argv, argc);
}

static bytes number(int64_t n, char text[static DECIMAL_MAX]) {
        return (bytes){ text, decimal_print(n, text) };
}

static bool set_id(psync *p, bytes id) {
        if (id.n == 0 || id.n > PSYNC_ID_MAX)
                return false;
        memcpy(p->id, id.p, id.n);
        p->id[id.n] = '\0';
        return true;
}

void psync_init(psync *p, const psync_options *options) {
        *p = (psync){ .options = *options, .offset = -1 };
        if (options->id && options->offset <= PSYNC_OFFSET_MAX && set_id(p, bytes_of(options->id)))
                p->offset = options->offset;
        p->options.id = NULL;
        resp_out_init(&p->out, 2);
        resp_request_init(&p->request);
        p->request.max_bulk = UINT32_MAX; /* the master decides how large its values are */
        say(p, &BYTES("PING"), 1);
}

void psync_deinit(psync *p) {
        resp_out_deinit(&p->out);
        resp_request_deinit(&p->request);
}

static int fail(psync *p, int error) {
        p->state = FAILED;
        return error;
}

static int tell(psync *p, psync_event event, size_t consumed) {
        p->event = event;
        p->consumed = consumed;
        return 1;
}

static int refused(psync *p, bytes line, size_t consumed) {
        size_t n = line.n < PSYNC_TEXT_MAX ? line.n : PSYNC_TEXT_MAX;

        memcpy(p->text, line.p, n);
        p->text[n] = '\0';
        p->state = FAILED;
        return tell(p, PSYNC_REFUSED, consumed);
}

static bool begins_with(bytes line, const char *with) {
        return line.n >= strlen(with) && bytes_is((bytes){ line.p, strlen(with) }, with);
}

/* The next word of @line, which is cut off. */
static bytes take_word(bytes *line) {
        const char *end = line->n ? memchr(line->p, ' ', line->n) : NULL;
        bytes word = { line->p, end ? (size_t)(end - line->p) : line->n };
        size_t used = word.n + (end ? 1 : 0);

        line->p += used;
        line->n -= used;
        return word;
}

/* the talk before the stream */

static void say_auth(psync *p) {
        bytes argv[3] = { BYTES("AUTH") };
        size_t argc = 1;

        if (p->options.user)
                argv[argc++] = bytes_of(p->options.user);
        argv[argc++] = bytes_of(p->options.password);
        say(p, argv, argc);
        p->step = SAID_AUTH;
}

static void say_next(psync *p) {
        char text[DECIMAL_MAX];

        if (p->step == SAID_PING && p->options.password) {
                say_auth(p);
        } else if (p->step < SAID_PORT && p->options.port) {
                say(p,
                    (bytes[]){ BYTES("REPLCONF"), BYTES("listening-port"),
                               number(p->options.port, text) },
                    3);
                p->step = SAID_PORT;
        } else if (p->step < SAID_CAPA) {
                say(p,
                    (bytes[]){ BYTES("REPLCONF"), BYTES("capa"), BYTES("eof"), BYTES("capa"),
                               BYTES("psync2") },
                    5);
                p->step = SAID_CAPA;
        } else {
                say(p,
                    (bytes[]){ BYTES("PSYNC"), p->id[0] ? bytes_of(p->id) : BYTES("?"),
                               number(p->id[0] ? p->offset + 1 : -1, text), BYTES("FAILOVER") },
                    p->options.gives_over ? 4 : 3);
                p->state = ASK;
        }
}

/* An error of REPLCONF is one of a server that is old, and does no harm; PING is refused
 * by one that wants a password first. */
static int greet(psync *p, bytes line, size_t consumed) {
        bool is_error = line.n > 0 && line.p[0] == '-';
        bool wants_password = begins_with(line, "-NOAUTH") || begins_with(line, "-NOPERM") ||
                              begins_with(line, "-ERR operation not permitted");

        if (!is_error && (line.n == 0 || line.p[0] != '+'))
                return fail(p, -EPROTO);
        if (is_error && ((p->step == SAID_PING && !(wants_password && p->options.password)) ||
                         p->step == SAID_AUTH))
                return refused(p, (bytes){ line.p + 1, line.n - 1 }, consumed);
        say_next(p);
        return tell(p, PSYNC_PASSED, consumed);
}

static int asked(psync *p, bytes line, size_t consumed) {
        bytes word = take_word(&line), id;

        if (bytes_is(word, "+FULLRESYNC")) {
                int64_t offset;

                id = take_word(&line);
                if (!decimal_read(line.p, line.n, &offset) || offset < 0 ||
                    offset > PSYNC_OFFSET_MAX || !set_id(p, id))
                        return fail(p, -EPROTO);
                p->offset = offset;
                p->state = HEAD;
                return tell(p, PSYNC_FULL, consumed);
        }
        if (bytes_is(word, "+CONTINUE")) {
                if (!p->id[0] || (line.n > 0 && !set_id(p, take_word(&line))))
                        return fail(p, -EPROTO);
                p->state = STREAM;
                return tell(p, PSYNC_CONTINUE, consumed);
        }
        if (word.n == 0 || word.p[0] != '-')
                return fail(p, -EPROTO);
        if (!bytes_is(word, "-ERR") || p->options.gives_over)
                return refused(p, (bytes){ word.p + 1, word.n + line.n }, consumed);
        /* of before Redis 2.8: the stream has no name, and cannot be gone on with */
        say(p, &BYTES("SYNC"), 1);
        p->id[0] = '\0';
        p->offset = -1;
        p->state = HEAD;
        return tell(p, PSYNC_FULL, consumed);
}

static int head(psync *p, bytes line, size_t consumed) {
        int64_t n;

        if (line.n > 0 && line.p[0] == '-')
                return refused(p, (bytes){ line.p + 1, line.n - 1 }, consumed);
        if (line.n == 5 + PSYNC_ID_MAX && begins_with(line, "$EOF:")) {
                p->has_mark = true;
                memcpy(p->mark, line.p + 5, PSYNC_ID_MAX);
        } else if (line.n > 1 && line.p[0] == '$' && decimal_read(line.p + 1, line.n - 1, &n) &&
                   n >= 0) {
                p->n_left = (uint64_t)n;
        } else {
                return fail(p, -EPROTO);
        }
        p->state = BODY;
        return tell(p, PSYNC_PASSED, consumed);
}

static int line_next(psync *p, const char *buf, size_t n) {
        const char *end = memchr(buf, '\n', n < PSYNC_LINE_MAX ? n : PSYNC_LINE_MAX);
        size_t consumed = end ? (size_t)(end - buf) + 1 : 0;
        bytes line = { buf, consumed };

        if (!end)
                return n >= PSYNC_LINE_MAX ? fail(p, -EPROTO) : 0;
        if (--line.n > 0 && line.p[line.n - 1] == '\r')
                line.n--;
        /* a master that is not ready yet says so by empty lines */
        if (line.n == 0)
                return tell(p, PSYNC_PASSED, consumed);
        return p->state == GREET ? greet(p, line, consumed)
               : p->state == ASK ? asked(p, line, consumed)
                                 : head(p, line, consumed);
}

/* the file */

static int give(psync *p, const char *buf, size_t n) {
        p->payload = (bytes){ buf, n };
        return tell(p, PSYNC_FILE, n);
}

static int whole(psync *p, size_t consumed) {
        p->state = STREAM;
        return tell(p, PSYNC_WHOLE, consumed);
}

static int marked_next(psync *p, const char *buf, size_t n) {
        const char *mark = memmem(buf, n, p->mark, PSYNC_ID_MAX);

        if (mark == buf)
                return whole(p, PSYNC_ID_MAX);
        if (mark)
                return give(p, buf, (size_t)(mark - buf));
        /* the last bytes may be the beginning of the mark */
        return n < PSYNC_ID_MAX ? 0 : give(p, buf, n - PSYNC_ID_MAX + 1);
}

static int body_next(psync *p, const char *buf, size_t n) {
        if (p->has_mark)
                return marked_next(p, buf, n);
        if (p->n_left == 0)
                return whole(p, 0);
        if (n > p->n_left)
                n = p->n_left;
        if (n == 0)
                return 0;
        p->n_left -= n;
        return give(p, buf, n);
}

/* the stream */

static int stream_next(psync *p, char *buf, size_t n) {
        resp_request *r = &p->request;
        int got = resp_request_next(r, buf, n);
        bool has_effect;

        if (got <= 0)
                return got < 0 ? fail(p, got) : 0;
        if (r->is_line && r->argc > 0)
                return fail(p, -EPROTO);
        if (p->offset >= 0)
                p->offset += (int64_t)r->consumed;
        has_effect =
                r->argc > 0 && !bytes_is(r->argv[0], "PING") && !bytes_is(r->argv[0], "REPLCONF");
        if (r->argc > 1 && bytes_is(r->argv[0], "REPLCONF") && bytes_is(r->argv[1], "GETACK"))
                psync_ack(p);
        return tell(p, has_effect ? PSYNC_COMMAND : PSYNC_PASSED, r->consumed);
}

int psync_next(psync *p, char *buf, size_t n) {
        switch (p->state) {
        case GREET:
        case ASK:
        case HEAD:
                return n > 0 ? line_next(p, buf, n) : 0;
        case BODY:
                return body_next(p, buf, n);
        case STREAM:
                return stream_next(p, buf, n);
        default:
                return -EPROTO;
        }
}

void psync_ack(psync *p) {
        char text[DECIMAL_MAX];

        if (p->state != STREAM || p->offset < 0)
                return;
        say(p, (bytes[]){ BYTES("REPLCONF"), BYTES("ACK"), number(p->offset, text) }, 3);
}

bool psync_streams(const psync *p) {
        return p->state == STREAM;
}
