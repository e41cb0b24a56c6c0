/* SPDX-License-Identifier: Apache-2.0 */
#include "mux.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"

const uint8_t mux_preface[MUX_PREFACE_SIZE] = { 0xbe, 'A', 'M', '\r', '\n', 0x1a, '\n', 1 };

enum {
        MSG_FIELDS = 8 + 8 + 1, /* total, left, length of the label that follows */
        OPEN_FIELDS = 1 + 4,
        THING_FIELDS = 1 + 1 + 4 + 6,
        CREDIT_FIELDS = 4 + 8,
        CLOSE_FIELDS = 4,
        AWAY_FIELDS = 4 + 6,
        PING_FIELDS = 8,
};

enum { AT_PREFACE, AT_HELLO, AT_HEAD, IN_BODY, FAILED };

static uint32_t u16_load(const uint8_t *p) {
        return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t u32_load(const uint8_t *p) {
        uint32_t v;

        memcpy(&v, p, 4);
        return __builtin_bswap32(v);
}

static uint64_t u48_load(const uint8_t *p) {
        return (uint64_t)u16_load(p) << 32 | u32_load(p + 2);
}

static uint64_t u64_load(const uint8_t *p) {
        uint64_t v;

        memcpy(&v, p, 8);
        return __builtin_bswap64(v);
}

static mux_head head_load(const uint8_t *p) {
        return (mux_head){
                .length = u32_load(p) >> 8,
                .type = p[3],
                .flags = p[4],
                .n_fds = p[5],
                .channel = u48_load(p + 6),
        };
}

static bool has_text(const mux_bytes *text) {
        return text->n == 0 || !memchr(text->p, 0, text->n);
}

/* What can be told from the head alone, before any of the payload has come. */
static int head_check(const mux_decoder *d, const mux_head *h) {
        uint32_t min, max;
        uint8_t flags = 0;
        bool on_session = false, on_channel = true;

        switch (h->type) {
        case MUX_HELLO:
                /* Nobody's limits are known yet, so the least one is everybody's. */
                min = 0, max = MUX_FRAME_MIN;
                on_session = true, on_channel = false;
                break;
        case MUX_OPEN:
                min = OPEN_FIELDS, max = OPEN_FIELDS + MUX_NAME_MAX;
                break;
        case MUX_THING:
                min = max = THING_FIELDS;
                break;
        case MUX_MSG:
                min = h->flags & MUX_MSG_HEAD ? MSG_FIELDS : 0, max = d->max_frame;
                flags = MUX_MSG_MORE | MUX_MSG_HEAD | MUX_MSG_REST;
                break;
        case MUX_DATA:
                min = 0, max = d->max_frame;
                break;
        case MUX_CREDIT:
                min = max = CREDIT_FIELDS;
                flags = h->channel ? MUX_CREDIT_WANT : 0;
                on_session = true;
                break;
        case MUX_END:
        case MUX_STOP:
                min = h->length ? CLOSE_FIELDS : 0, max = CLOSE_FIELDS + MUX_NAME_MAX;
                break;
        case MUX_ASK:
                min = max = 0;
                break;
        case MUX_PING:
        case MUX_PONG:
                min = max = PING_FIELDS;
                on_session = true, on_channel = false;
                break;
        case MUX_AWAY:
                min = AWAY_FIELDS, max = AWAY_FIELDS + MUX_NAME_MAX;
                on_session = true, on_channel = false;
                break;
        default:
                return -EPROTO;
        }

        if (d->state == AT_HELLO ? h->type != MUX_HELLO : h->type == MUX_HELLO)
                return -EPROTO;
        if (h->length > (h->type == MUX_HELLO ? MUX_FRAME_MIN : d->max_frame))
                return -EMSGSIZE;
        if (h->length < min || h->length > max || h->flags & ~flags)
                return -EPROTO;
        if (h->channel ? !on_channel : !on_session)
                return -EPROTO;
        if (h->n_fds > (h->type == MUX_THING ? 1 : 0))
                return -EPROTO;

        /* The first part of several says how long the whole will be; no later one does. */
        if (h->type == MUX_MSG) {
                bool head = h->flags & MUX_MSG_HEAD, rest = h->flags & MUX_MSG_REST;

                if (head && rest)
                        return -EPROTO;
                if (h->flags & MUX_MSG_MORE && !head && !rest)
                        return -EPROTO;
        }

        return 0;
}

/* How many bytes from @p on have to be together before the frame's fields can be
 * read: as far as can be told from the @n that are. It never asks for less when it
 * sees more, and fails at the same byte however many there are. */
static int fields_need(const mux_decoder *d, const uint8_t *p, size_t n, uint32_t *ret_need) {
        mux_head h;
        int r;

        if (d->state == AT_PREFACE) {
                *ret_need = MUX_PREFACE_SIZE;
                return 0;
        }

        *ret_need = MUX_HEAD_SIZE;
        if (n < MUX_HEAD_SIZE)
                return 0;

        h = head_load(p);
        r = head_check(d, &h);
        if (r < 0)
                return r;

        if (h.type == MUX_DATA)
                return 0;
        if (h.type != MUX_MSG) {
                *ret_need = MUX_HEAD_SIZE + h.length;
                return 0;
        }
        if (!(h.flags & MUX_MSG_HEAD))
                return 0;

        *ret_need = MUX_HEAD_SIZE + MSG_FIELDS;
        if (n < MUX_HEAD_SIZE + MSG_FIELDS)
                return 0;

        uint8_t n_label = p[MUX_HEAD_SIZE + MSG_FIELDS - 1];
        if (n_label > MUX_LABEL_MAX || h.length < MSG_FIELDS + (uint32_t)n_label)
                return -EPROTO;
        *ret_need += n_label;
        return 0;
}

static int hello_load(const uint8_t *p, size_t n, mux_hello *ret) {
        mux_hello hello = {
                .max_frame = MUX_FRAME_DEFAULT,
                .max_msg = MUX_MSG_DEFAULT,
                .max_things = MUX_THINGS_DEFAULT,
                .max_opens = MUX_OPENS_DEFAULT,
                .window = MUX_WINDOW_DEFAULT,
        };
        /* By key; 0 is a key that nobody may use. */
        static const uint8_t sizes[] = { 0, 1, 1, 16, 4, 8, 4, 4, 4, 8 };
        const uint8_t *end = p + n;
        uint32_t seen = 0;

        while (p < end) {
                if (end - p < 4)
                        return -EPROTO;

                uint32_t key = u16_load(p), n_value = u16_load(p + 2);
                p += 4;
                if (n_value > (size_t)(end - p) || key == 0)
                        return -EPROTO;

                if (key < sizeof(sizes)) {
                        if (n_value != sizes[key] || seen & 1U << key)
                                return -EPROTO;
                        seen |= 1U << key;
                }

                switch (key) {
                case 1:
                        hello.role = *p;
                        break;
                case 2:
                        hello.fds = *p;
                        break;
                case 3:
                        memcpy(hello.id, p, 16);
                        break;
                case 4:
                        hello.max_frame = u32_load(p);
                        break;
                case 5:
                        hello.max_msg = u64_load(p);
                        break;
                case 6:
                        hello.max_things = u32_load(p);
                        break;
                case 7:
                        hello.max_opens = u32_load(p);
                        break;
                case 8:
                        hello.window = u32_load(p);
                        break;
                case 9:
                        hello.features = u64_load(p);
                        break;
                }
                p += n_value;
        }

        if (hello.role != MUX_DIALLED && hello.role != MUX_ACCEPTED)
                return -EPROTO;
        if (hello.max_frame < MUX_FRAME_MIN || hello.max_frame > MUX_FRAME_MAX || !hello.window)
                return -EPROTO;

        *ret = hello;
        return 0;
}

static int open_load(const uint8_t *p, mux_event *ev) {
        ev->open.kind = p[0];
        ev->open.ways = 0;
        ev->open.depth = u32_load(p + 1);
        ev->open.channel = 0;
        ev->open.name = (mux_bytes){ p + OPEN_FIELDS, ev->head.length - OPEN_FIELDS };

        if (ev->open.kind < MUX_SENDER || ev->open.kind > MUX_STREAM)
                return -EPROTO;
        if (ev->open.depth > (ev->open.kind == MUX_STREAM ? 0 : MUX_DEPTH_MAX))
                return -EPROTO;
        return has_text(&ev->open.name) ? 0 : -EPROTO;
}

static int thing_load(const uint8_t *p, mux_event *ev) {
        bool depth = false, ways = false, channel = true;

        ev->open.kind = p[0];
        ev->open.ways = p[1];
        ev->open.depth = u32_load(p + 2);
        ev->open.channel = u48_load(p + 6);
        ev->open.name = (mux_bytes){ 0 };

        switch (ev->open.kind) {
        case MUX_SENDER:
        case MUX_RECEIVER:
                depth = true;
                break;
        case MUX_STREAM:
                break;
        case MUX_FD:
                channel = false;
                break;
        case MUX_FD_BRIDGE:
                ways = true;
                break;
        default:
                return -EPROTO;
        }

        if (ev->open.depth > (depth ? MUX_DEPTH_MAX : 0))
                return -EPROTO;
        if (ways ? ev->open.ways < 1 || ev->open.ways > 3 : ev->open.ways)
                return -EPROTO;
        if (channel != !!ev->open.channel || channel == !!ev->head.n_fds)
                return -EPROTO;
        return 0;
}

static int close_load(const uint8_t *p, mux_event *ev) {
        uint32_t n = ev->head.length;

        ev->close.code = 0;
        ev->close.last = 0;
        ev->close.text = (mux_bytes){ 0 };
        if (n == 0)
                return 0;

        ev->close.code = u32_load(p);
        if (ev->head.type == MUX_AWAY) {
                ev->close.last = u48_load(p + 4);
                ev->close.text = (mux_bytes){ p + AWAY_FIELDS, n - AWAY_FIELDS };
        } else {
                ev->close.text = (mux_bytes){ p + CLOSE_FIELDS, n - CLOSE_FIELDS };
                if (ev->close.code == 0)
                        return -EPROTO;
        }
        return has_text(&ev->close.text) ? 0 : -EPROTO;
}

/* The fields of a frame at @p, as many bytes as fields_need() said. */
static int fields_load(const uint8_t *p, mux_event *ev) {
        ev->head = head_load(p);
        p += MUX_HEAD_SIZE;

        switch (ev->head.type) {
        case MUX_HELLO:
                return hello_load(p, ev->head.length, &ev->hello);
        case MUX_OPEN:
                return open_load(p, ev);
        case MUX_THING:
                return thing_load(p, ev);
        case MUX_CREDIT:
                ev->credit.n_msgs = u32_load(p);
                ev->credit.n_bytes = u64_load(p + 4);
                return ev->head.channel || !ev->credit.n_bytes ? 0 : -EPROTO;
        case MUX_END:
        case MUX_STOP:
        case MUX_AWAY:
                return close_load(p, ev);
        case MUX_PING:
        case MUX_PONG:
                memcpy(ev->ping, p, sizeof(ev->ping));
                return 0;
        case MUX_MSG: {
                if (!(ev->head.flags & MUX_MSG_HEAD))
                        return 0;

                ev->msg.total = u64_load(p);
                ev->msg.left = u64_load(p + 8);
                ev->msg.label = (mux_bytes){ p + MSG_FIELDS, p[16] };

                uint32_t n_part = ev->head.length - MSG_FIELDS - p[16];
                if (ev->head.flags & MUX_MSG_MORE ? n_part > ev->msg.total
                                                  : n_part != ev->msg.total)
                        return -EPROTO;
                return has_text(&ev->msg.label) ? 0 : -EPROTO;
        }
        default:
                return 0;
        }
}

static int fail(mux_decoder *d, int error) {
        d->is_new = d->state == AT_PREFACE;
        d->state = FAILED;
        d->error = error;
        d->n_kept = 0;
        return error;
}

void mux_decoder_init(mux_decoder *d, uint32_t max_frame) {
        *d = (mux_decoder){ .max_frame = max_frame };
}

void mux_decoder_deinit(mux_decoder *d) {
        d->lent = mem_free(d->lent);
        d->n_kept = d->n_lent = 0;
        fail(d, -ECANCELED);
}

/* Have @n bytes of a cut frame together: move what is missing out of @in. Returns
 * whether they all are. */
static int keep(mux_decoder *d, mux_bytes *in, uint32_t n) {
        uint32_t n_more = n - d->n_kept;

        if (n > sizeof(d->small) && n > d->n_lent) {
                /* Most frames say at once how long they are; a label makes it twice. */
                uint8_t *lent = mem_new(n);
                if (!lent)
                        return -ENOMEM;
                memcpy(lent, d->lent ? d->lent : d->small, d->n_kept);
                mem_free(d->lent);
                d->lent = lent;
                d->n_lent = n;
        }

        if (n_more > in->n)
                n_more = (uint32_t)in->n;
        if (n_more) {
                memcpy((d->lent ? d->lent : d->small) + d->n_kept, in->p, n_more);
                d->n_kept += n_more;
                in->p += n_more;
                in->n -= n_more;
        }
        return d->n_kept == n;
}

/* A piece of the body, as much as there is. */
static mux_bytes body_cut(mux_decoder *d, mux_bytes *in) {
        mux_bytes piece = { in->p, in->n < d->n_left ? in->n : d->n_left };

        if (piece.n) {
                in->p += piece.n;
                in->n -= piece.n;
                d->n_left -= (uint32_t)piece.n;
        }
        d->state = d->n_left ? IN_BODY : AT_HEAD;
        return piece;
}

static int decode_slow(mux_decoder *d, mux_bytes *in, mux_event *ev) {
        const uint8_t *p;
        uint32_t need, n;
        int r;

        if (d->state == FAILED)
                return d->error;
        if (d->state == AT_PREFACE && d->bare)
                d->state = AT_HELLO;

        if (d->lent && d->n_kept == 0) {
                d->lent = mem_free(d->lent);
                d->n_lent = 0;
        }

        if (d->state == IN_BODY) {
                if (in->n == 0)
                        return 0;
                *ev = mux_decoder_skip(d, in->p, (uint32_t)(in->n < d->n_left ? in->n : d->n_left));
                in->p += ev->piece.n;
                in->n -= ev->piece.n;
                return 1;
        }

        /* Together in the input, or gathered here in steps, as each step tells how many
         * bytes the next one needs. */
        for (;;) {
                p = d->n_kept ? (d->lent ? d->lent : d->small) : in->p;
                n = d->n_kept ? d->n_kept : (uint32_t)(in->n < UINT32_MAX ? in->n : UINT32_MAX);

                r = fields_need(d, p, n, &need);
                if (r < 0)
                        return fail(d, r);
                if (n >= need && d->state != AT_PREFACE)
                        break;

                /* The preface fails at its first wrong byte, so that a peer that speaks
                 * something else and waits is not waited for. */
                if (d->state == AT_PREFACE) {
                        while (in->n && d->n_kept < need) {
                                if (*in->p != mux_preface[d->n_kept])
                                        return fail(d, -EPROTO);
                                d->n_kept++;
                                in->p++;
                                in->n--;
                        }
                        if (d->n_kept < need)
                                return 0;
                        d->n_kept = 0;
                        d->state = AT_HELLO;
                        continue;
                }

                if (in->n == 0)
                        return 0;
                r = keep(d, in, need);
                if (r < 0)
                        return fail(d, r);
                if (r == 0)
                        return 0;
        }

        r = fields_load(p, ev);
        if (r < 0)
                return fail(d, r);

        if (d->n_kept == 0) {
                in->p += need;
                in->n -= need;
        }
        d->n_kept = 0;
        d->state = AT_HEAD;

        ev->first = ev->last = true;
        ev->offset = 0;
        ev->piece = (mux_bytes){ 0 };
        if (ev->head.type == MUX_MSG || ev->head.type == MUX_DATA) {
                d->head = ev->head;
                d->offset = 0;
                d->n_left = ev->head.length - (need - MUX_HEAD_SIZE);
                ev->piece = body_cut(d, in);
                d->offset = (uint32_t)ev->piece.n;
                ev->last = d->n_left == 0;
        }
        return 1;
}

int mux_decode(mux_decoder *d, mux_bytes *in, mux_event *ret_event) {
        /* Most of what comes is small messages, whole: one look at the head. */
        if (__builtin_expect(d->state == AT_HEAD && !d->n_kept && in->n >= MUX_HEAD_SIZE, 1)) {
                uint64_t a = u64_load(in->p);
                uint32_t length = (uint32_t)(a >> 40);

                if ((uint32_t)(a >> 16 & 0xffffff) == MUX_MSG << 16 && length <= d->max_frame &&
                    length <= in->n - MUX_HEAD_SIZE) {
                        uint64_t channel = (a & 0xffff) << 32 | u32_load(in->p + 8);

                        if (channel) {
                                ret_event->head.length = length;
                                ret_event->head.type = MUX_MSG;
                                ret_event->head.flags = 0;
                                ret_event->head.n_fds = 0;
                                ret_event->head.channel = channel;
                                ret_event->piece.p = in->p + MUX_HEAD_SIZE;
                                ret_event->piece.n = length;
                                ret_event->offset = 0;
                                ret_event->first = ret_event->last = true;
                                in->p += MUX_HEAD_SIZE + length;
                                in->n -= MUX_HEAD_SIZE + length;
                                return 1;
                        }
                }
        }

        return decode_slow(d, in, ret_event);
}

bool mux_decoder_is_new(const mux_decoder *d) {
        return d->state == FAILED ? d->is_new : d->state == AT_PREFACE;
}

uint32_t mux_decoder_left(const mux_decoder *d) {
        return d->state == IN_BODY ? d->n_left : 0;
}

mux_event mux_decoder_skip(mux_decoder *d, const uint8_t *p, uint32_t n) {
        mux_event ev;

        assert(d->state == IN_BODY && n <= d->n_left);
        ev.head = d->head;
        ev.piece = (mux_bytes){ p, n };
        ev.offset = d->offset;
        ev.first = false;

        d->offset += n;
        d->n_left -= n;
        if (d->n_left == 0)
                d->state = AT_HEAD;
        ev.last = d->n_left == 0;
        return ev;
}
