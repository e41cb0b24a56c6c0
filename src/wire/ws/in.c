/* SPDX-License-Identifier: Apache-2.0 */
#include "in.h"

#include <errno.h>
#include <string.h>

#include "mask.h"

enum { HEAD, CONTROL, PAYLOAD, CLOSED, FAILED };

enum { GO_ON = 2 }; /* of a step: it has no event, and there may be more to read */

enum {
        FIN = 0x80,
        RSV = 0x70,
        OPCODE = 0x0f,
        MASKED = 0x80,
        LENGTH = 0x7f,
        LENGTH_16 = 126, /* the next two bytes say it, */
        LENGTH_64 = 127, /* or eight */
};

bool ws_code_is_valid(uint32_t code) {
        return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
               (code >= 3000 && code <= 4999);
}

void ws_in_init(ws_in *in, bool server) {
        *in = (ws_in){ .max_message = WS_MESSAGE_MAX, .masked = server };
}

static int fail(ws_in *in, uint16_t code, const char *why) {
        in->state = FAILED;
        in->error = code == WS_TOO_BIG ? -EMSGSIZE : -EPROTO;
        in->code = code;
        in->why = why;
        return in->error;
}

/* heads */

static size_t head_size(const uint8_t *head) {
        uint8_t length = head[1] & LENGTH;

        return 2 +
               (length == LENGTH_16   ? 2u
                : length == LENGTH_64 ? 8u
                                      : 0) +
               (head[1] & MASKED ? WS_MASK_SIZE : 0u);
}

/* The first two bytes say what else will come, so they are judged alone. */
static int check_start(ws_in *in) {
        uint8_t opcode = in->head[0] & OPCODE, length = in->head[1] & LENGTH;
        bool fin = in->head[0] & FIN;

        if (in->head[0] & RSV)
                return fail(in, WS_PROTOCOL, "a bit of an extension that was not agreed on");
        if ((opcode > WS_BINARY && opcode < WS_CLOSE) || opcode > WS_PONG)
                return fail(in, WS_PROTOCOL, "a frame of no kind");
        if (!(in->head[1] & MASKED) != !in->masked)
                return fail(in, WS_PROTOCOL,
                            in->masked ? "a frame without a mask" : "a frame with a mask");
        if (opcode >= WS_CLOSE && (!fin || length > WS_CONTROL_MAX))
                return fail(in, WS_PROTOCOL, "a control frame that is in parts, or too long");
        if (opcode == WS_CONTINUATION && !in->message)
                return fail(in, WS_PROTOCOL, "a part of no message");
        if ((opcode == WS_TEXT || opcode == WS_BINARY) && in->message)
                return fail(in, WS_PROTOCOL, "a message within another");
        return 0;
}

static int read_length(ws_in *in, uint64_t *ret) {
        uint64_t length = in->head[1] & LENGTH, least = 0;
        size_t n = length == LENGTH_16 ? 2 : length == LENGTH_64 ? 8 : 0;

        if (n) {
                least = n == 2 ? LENGTH_16 : UINT16_MAX + 1;
                length = 0;
                for (size_t i = 0; i < n; i++)
                        length = length << 8 | in->head[2 + i];
        }
        if (length < least || length > INT64_MAX)
                return fail(in, WS_PROTOCOL, "a length that is not written as it should be");
        *ret = length;
        return 0;
}

static int begin_frame(ws_in *in) {
        if (read_length(in, &in->length) < 0)
                return in->error;
        in->opcode = in->head[0] & OPCODE;
        in->fin = in->head[0] & FIN;
        in->at = 0;
        if (in->masked)
                memcpy(in->mask, in->head + in->n_kept - WS_MASK_SIZE, WS_MASK_SIZE);
        in->n_kept = 0;
        if (in->opcode >= WS_CLOSE) {
                in->state = CONTROL;
                return 0;
        }
        if (in->opcode != WS_CONTINUATION) {
                in->message = in->opcode;
                in->begun = false;
                in->n_message = 0;
                in->utf8 = (utf8_stream){ 0 };
        }
        if (in->length > in->max_message - in->n_message)
                return fail(in, WS_TOO_BIG, "a message that is too long");
        in->n_message += in->length;
        in->state = PAYLOAD;
        return 0;
}

static int read_head(ws_in *in, ws_bytes *bytes) {
        while (in->n_kept < 2 || in->n_kept < head_size(in->head)) {
                if (!bytes->n)
                        return 0;
                in->head[in->n_kept++] = *bytes->p++;
                bytes->n--;
                if (in->n_kept == 2 && check_start(in) < 0)
                        return in->error;
        }
        return begin_frame(in) < 0 ? in->error : GO_ON;
}

/* control frames */

static int read_close(ws_in *in, ws_event *ret) {
        uint32_t code = (uint32_t)in->control[0] << 8 | in->control[1];
        size_t n = in->n_kept;

        if (n == 0) {
                ret->code = WS_NO_CODE;
        } else {
                if (n == 1 || !ws_code_is_valid(code))
                        return fail(in, WS_PROTOCOL, "a Close with a code that is none");
                if (!utf8_is_valid(in->control + 2, n - 2))
                        return fail(in, WS_INVALID, "a Close with a reason that is not UTF-8");
                ret->code = (uint16_t)code;
                ret->piece = (ws_bytes){ in->control + 2, n - 2 };
        }
        in->state = CLOSED;
        return 1;
}

static int read_control(ws_in *in, ws_bytes *bytes, ws_event *ret) {
        size_t n = (size_t)(in->length - in->at);

        if (n > bytes->n)
                n = bytes->n;
        if (n)
                memcpy(in->control + in->at, bytes->p, n);
        in->at += n;
        bytes->p += n;
        bytes->n -= n;
        if (in->at < in->length)
                return 0;
        in->n_kept = (uint8_t)in->length;
        if (in->masked)
                ws_mask(in->control, in->control, in->n_kept, in->mask, 0);
        *ret = (ws_event){
                .opcode = in->opcode,
                .piece = { in->control, in->n_kept },
                .first = true,
                .last = true,
        };
        if (in->opcode == WS_CLOSE) {
                ret->piece.n = 0;
                return read_close(in, ret);
        }
        in->n_kept = 0;
        in->state = HEAD;
        return 1;
}

/* messages */

/* The frame has been read: the message with it, or there is another. */
static void end_frame(ws_in *in) {
        in->state = HEAD;
        if (in->fin)
                in->message = 0;
}

static int read_payload(ws_in *in, ws_bytes *bytes, ws_event *ret) {
        size_t n = in->length - in->at < bytes->n ? (size_t)(in->length - in->at) : bytes->n;
        bool bad = false, whole;

        if (n == 0 && in->at < in->length)
                return 0;
        if (in->masked)
                ws_mask(bytes->p, bytes->p, n, in->mask, in->at);
        if (in->message == WS_TEXT) {
                size_t n_valid = utf8_stream_feed(&in->utf8, bytes->p, n);

                bad = n_valid < n;
                n = n_valid;
        }
        whole = !bad && in->fin && in->at + n == in->length;
        if (whole && in->utf8.n_left)
                bad = true; /* its last character has no end */
        if (bad && n == 0)
                return fail(in, WS_INVALID, "text that is not UTF-8");

        *ret = (ws_event){
                .opcode = in->message,
                .piece = { bytes->p, n },
                .first = !in->begun,
                .last = whole && !bad,
        };
        in->at += n;
        bytes->p += n;
        bytes->n -= n;
        if (bad)
                fail(in, WS_INVALID, "text that is not UTF-8");
        else if (in->at == in->length)
                end_frame(in);
        /* a part without bytes says nothing, unless it is the first or the last */
        if (n == 0 && in->begun && !whole)
                return GO_ON;
        in->begun = true;
        return 1;
}

int ws_in_next(ws_in *in, ws_bytes *bytes, ws_event *ret) {
        for (int r = GO_ON;;) {
                switch (in->state) {
                case HEAD:
                        r = read_head(in, bytes);
                        break;
                case CONTROL:
                        return read_control(in, bytes, ret);
                case PAYLOAD:
                        r = read_payload(in, bytes, ret);
                        break;
                case CLOSED:
                        bytes->p += bytes->n;
                        bytes->n = 0;
                        return 0;
                default:
                        return in->error;
                }
                if (r != GO_ON)
                        return r;
        }
}

bool ws_in_is_between(const ws_in *in) {
        return (in->state == HEAD && in->n_kept == 0) || in->state == CLOSED;
}
