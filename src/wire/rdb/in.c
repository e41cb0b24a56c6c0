/* SPDX-License-Identifier: Apache-2.0 */
#include "in.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/real.h"
#include "crc64.h"
#include "in-inner.h"
#include "lzf.h"

void rdb_in_init(rdb_in *in) {
        *in = (rdb_in){ .state = STATE_MAGIC, .expiry = INT64_MAX, .idle = -1, .freq = -1 };
}

void rdb_in_init_payload(rdb_in *in) {
        rdb_in_init(in);
        in->state = STATE_OPS;
        in->is_payload = true;
}

void rdb_in_deinit(rdb_in *in) {
        for (int i = 0; i < 2; i++) {
                in->unpacked[i].p = mem_free(in->unpacked[i].p);
                in->unpacked[i].size = 0;
        }
}

int in_say(rdb_in *in, rdb_got got) {
        in->got = got;
        return 1;
}

/* what all is made of */

int in_raw(input *i, size_t n, const uint8_t **ret) {
        if (i->n - i->at < n) {
                i->in->want = i->at + n;
                return 0;
        }
        *ret = i->p + i->at;
        i->at += n;
        return 1;
}

int in_le(input *i, size_t n, uint64_t *ret) {
        const uint8_t *p;
        int r = in_raw(i, n, &p);

        if (r <= 0)
                return r;
        *ret = 0;
        for (; n > 0; n--)
                *ret = *ret << 8 | p[n - 1];
        return 1;
}

static int get_be(input *i, size_t n, uint64_t *ret) {
        const uint8_t *p;
        int r = in_raw(i, n, &p);

        if (r <= 0)
                return r;
        *ret = 0;
        for (size_t k = 0; k < n; k++)
                *ret = *ret << 8 | p[k];
        return 1;
}

/* A length; or what stands instead of one is in *ret_instead, which is 0 otherwise. */
static int get_length(input *i, uint64_t *ret, uint8_t *ret_instead) {
        const uint8_t *p;
        uint8_t first;
        int r = in_raw(i, 1, &p);

        if (r <= 0)
                return r;
        first = p[0];
        *ret_instead = 0;
        switch (first & 0xc0) {
        case RDB_LENGTH_6:
                *ret = first & 0x3f;
                return 1;
        case RDB_LENGTH_14:
                r = get_be(i, 1, ret);
                *ret |= (uint64_t)(first & 0x3f) << 8;
                return r;
        case RDB_ENCODED:
                *ret_instead = first;
                return 1;
        }
        if (first == RDB_LENGTH_32)
                return get_be(i, 4, ret);
        return first == RDB_LENGTH_64 ? get_be(i, 8, ret) : -EPROTO;
}

int in_length(input *i, uint64_t *ret) {
        uint8_t instead;
        int r = get_length(i, ret, &instead);

        return r > 0 && instead ? -EPROTO : r;
}

static int get_number(input *i, size_t n, int slot, bytes *ret) {
        char *text = i->in->scratch[slot];
        unsigned above = 64 - 8 * (unsigned)n;
        uint64_t v;
        int r = in_le(i, n, &v);

        if (r > 0)
                *ret = (bytes){ text, decimal_print((int64_t)(v << above) >> above, text) };
        return r;
}

static int unpack(rdb_in *in, const uint8_t *p, size_t n, int slot, size_t n_unpacked) {
        struct rdb_unpacked *to = &in->unpacked[slot];

        if (n_unpacked > to->size) {
                uint8_t *grown = mem_resize(to->p, n_unpacked);

                if (!grown)
                        return -ENOMEM;
                *to = (struct rdb_unpacked){ .p = grown, .size = n_unpacked };
        }
        return lzf_unpack(p, n, to->p, n_unpacked);
}

static int get_packed_text(input *i, int slot, bytes *ret) {
        uint64_t n, n_unpacked;
        const uint8_t *p;
        int r;

        if ((r = in_length(i, &n)) <= 0 || (r = in_length(i, &n_unpacked)) <= 0)
                return r;
        if (n > RDB_STRING_MAX || n_unpacked > RDB_STRING_MAX)
                return -EMSGSIZE;
        if (n_unpacked == 0 || n_unpacked > n * LZF_RATIO)
                return -EPROTO;
        if ((r = in_raw(i, n, &p)) <= 0)
                return r;
        r = unpack(i->in, p, n, slot, n_unpacked);
        *ret = (bytes){ (const char *)i->in->unpacked[slot].p, n_unpacked };
        return r < 0 ? r : 1;
}

int in_string(input *i, int slot, bytes *ret) {
        uint8_t instead;
        const uint8_t *p;
        uint64_t n;
        int r = get_length(i, &n, &instead);

        if (r <= 0)
                return r;
        switch (instead) {
        case 0:
                break;
        case RDB_INT_8:
                return get_number(i, 1, slot, ret);
        case RDB_INT_16:
                return get_number(i, 2, slot, ret);
        case RDB_INT_32:
                return get_number(i, 4, slot, ret);
        case RDB_LZF:
                return get_packed_text(i, slot, ret);
        default:
                return -EPROTO;
        }
        if (n > RDB_STRING_MAX)
                return -EMSGSIZE;
        r = in_raw(i, n, &p);
        if (r > 0)
                *ret = (bytes){ (const char *)p, n };
        return r;
}

static int get_double(input *i, double *ret) {
        uint64_t bits;
        int r = in_le(i, sizeof(bits), &bits);

        if (r <= 0)
                return r;
        memcpy(ret, &bits, sizeof(bits));
        return isnan(*ret) ? -EPROTO : 1;
}

/* A size and a text; or one of three large sizes that stand for a number. */
static int get_text_double(input *i, double *ret) {
        enum { NAN_SIZE = 253, INF_SIZE, MINUS_INF_SIZE };
        const uint8_t *p;
        uint64_t n;
        int r = in_le(i, 1, &n);

        if (r <= 0)
                return r;
        switch (n) {
        case NAN_SIZE:
                return -EPROTO;
        case INF_SIZE:
                *ret = INFINITY;
                return 1;
        case MINUS_INF_SIZE:
                *ret = -INFINITY;
                return 1;
        }
        if ((r = in_raw(i, n, &p)) <= 0)
                return r;
        return real_read(p, n, ret) < 0 || isnan(*ret) ? -EPROTO : 1;
}

/* blocks */

int in_block(input *i, rdb_packing packing) {
        rdb_in *in = i->in;
        bytes block;
        int r = in_string(i, 0, &block);

        if (r <= 0)
                return r;
        in->n_block = 0;
        if (block.p != (const char *)in->unpacked[0].p) {
                if (block.p == in->scratch[0])
                        return -EPROTO; /* a number */
                i->at -= block.n;
                in->n_block = block.n;
        }
        r = rdb_packed_init(&in->packed, packing, block);
        return r < 0 ? r : 1;
}

int in_see_block(input *i) {
        rdb_in *in = i->in;

        if (i->n - i->at < in->n_block) {
                in->want = i->at + in->n_block;
                return 0;
        }
        in->packed.block.p = (const char *)(in->n_block ? i->p + i->at : in->unpacked[0].p);
        return 1;
}

void in_leave_block(input *i) {
        i->at += i->in->n_block;
}

static int next_packed(rdb_in *in, int slot, bytes *ret) {
        return rdb_packed_next(&in->packed, ret, in->scratch[slot]);
}

/* The second of a pair: there has to be one. */
static int next_of_pair(rdb_in *in) {
        int r = next_packed(in, 1, &in->b);

        return r == 0 ? -EPROTO : r;
}

static int step_packed(input *i) {
        rdb_in *in = i->in;
        int r = in_see_block(i);

        if (r <= 0)
                return r;
        r = next_packed(in, 0, &in->a);
        if (r == 0) {
                in_leave_block(i);
                in->n_left--;
                in->state = STATE_BLOCKS;
                return MORE;
        }
        if (r > 0 && (in->type == RDB_HASH || in->type == RDB_ZSET))
                r = next_of_pair(in);
        if (r < 0)
                return r;
        if (in->type == RDB_ZSET &&
            (real_read(in->b.p, in->b.n, &in->score) < 0 || isnan(in->score)))
                return -EPROTO;
        return in_say(in, RDB_GOT_ELEMENT);
}

int in_end_value(rdb_in *in) {
        in->state = in->is_payload ? STATE_DONE : STATE_OPS;
        in->expiry = INT64_MAX;
        in->idle = in->freq = -1;
        return in_say(in, RDB_GOT_VALUE);
}

/* What a value of such blocks is packed in, and whether it is a row of them. */
static const struct kind {
        uint8_t kind, type;
        rdb_packing packing;
        bool is_row, is_plain;
} kinds[] = {
        { .kind = RDB_STRING, .type = RDB_STRING, .is_plain = true },
        { .kind = RDB_LIST, .type = RDB_LIST, .is_plain = true },
        { .kind = RDB_SET, .type = RDB_SET, .is_plain = true },
        { .kind = RDB_ZSET_TEXT, .type = RDB_ZSET, .is_plain = true },
        { .kind = RDB_ZSET, .type = RDB_ZSET, .is_plain = true },
        { .kind = RDB_HASH, .type = RDB_HASH, .is_plain = true },
        { .kind = RDB_HASH_ZIPMAP, .type = RDB_HASH, .packing = RDB_ZIPMAP },
        { .kind = RDB_LIST_ZIPLIST, .type = RDB_LIST, .packing = RDB_ZIPLIST },
        { .kind = RDB_SET_INTSET, .type = RDB_SET, .packing = RDB_INTSET },
        { .kind = RDB_ZSET_ZIPLIST, .type = RDB_ZSET, .packing = RDB_ZIPLIST },
        { .kind = RDB_HASH_ZIPLIST, .type = RDB_HASH, .packing = RDB_ZIPLIST },
        { .kind = RDB_LIST_ZIPLISTS, .type = RDB_LIST, .packing = RDB_ZIPLIST, .is_row = true },
        { .kind = RDB_HASH_LISTPACK, .type = RDB_HASH, .packing = RDB_LISTPACK },
        { .kind = RDB_ZSET_LISTPACK, .type = RDB_ZSET, .packing = RDB_LISTPACK },
        { .kind = RDB_LIST_LISTPACKS, .type = RDB_LIST, .packing = RDB_LISTPACK, .is_row = true },
        { .kind = RDB_SET_LISTPACK, .type = RDB_SET, .packing = RDB_LISTPACK },
        { .kind = RDB_STREAM, .type = RDB_STREAM, .packing = RDB_LISTPACK, .is_row = true },
        { .kind = RDB_STREAM_2, .type = RDB_STREAM, .packing = RDB_LISTPACK, .is_row = true },
        { .kind = RDB_STREAM_3, .type = RDB_STREAM, .packing = RDB_LISTPACK, .is_row = true },
};

static const struct kind *find_kind(uint8_t kind) {
        for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
                if (kinds[i].kind == kind)
                        return &kinds[i];
        return NULL;
}

/* A node of a list of listpacks may be one large element instead. */
static int get_container(input *i, bool *ret_is_element) {
        enum { ELEMENT = 1, LISTPACK };
        uint64_t n = LISTPACK;
        int r = i->in->kind == RDB_LIST_LISTPACKS ? in_length(i, &n) : 1;

        if (r > 0 && n != ELEMENT && n != LISTPACK)
                return -EPROTO;
        *ret_is_element = n == ELEMENT;
        return r;
}

static int step_blocks(input *i) {
        rdb_in *in = i->in;
        bool is_element;
        int r;

        if (in->n_left == 0)
                return in_end_value(in);
        r = get_container(i, &is_element);
        if (r <= 0)
                return r;
        if (is_element) {
                r = in_string(i, 0, &in->a);
                if (r <= 0)
                        return r;
                in->n_left--;
                return in_say(in, RDB_GOT_ELEMENT);
        }
        r = in_block(i, find_kind(in->kind)->packing);
        if (r <= 0)
                return r;
        in->state = STATE_PACKED;
        return MORE;
}

/* values */

static int step_value(input *i) {
        rdb_in *in = i->in;
        const struct kind *kind = find_kind(in->kind);
        int r = 1;

        in->n_left = 1;
        if (kind->is_row || (kind->is_plain && kind->type != RDB_STRING))
                r = in_length(i, &in->n_left);
        if (r <= 0)
                return r;
        in->state = kind->type == RDB_STREAM ? STATE_NODES
                    : kind->is_plain         ? STATE_ELEMENTS
                                             : STATE_BLOCKS;
        return MORE;
}

static int step_elements(input *i) {
        rdb_in *in = i->in;
        int r;

        if (in->n_left == 0)
                return in_end_value(in);
        r = in_string(i, 0, &in->a);
        if (r > 0 && in->kind == RDB_HASH)
                r = in_string(i, 1, &in->b);
        else if (r > 0 && in->kind == RDB_ZSET)
                r = get_double(i, &in->score);
        else if (r > 0 && in->kind == RDB_ZSET_TEXT)
                r = get_text_double(i, &in->score);
        if (r <= 0)
                return r;
        in->n_left--;
        return in_say(in, RDB_GOT_ELEMENT);
}

/* opcodes */

static int step_magic(input *i) {
        const uint8_t *p;
        int r = in_raw(i, RDB_MAGIC, &p);

        if (r <= 0)
                return r;
        if (memcmp(p, "REDIS", 5) != 0)
                return -EPROTO;
        for (size_t k = 5; k < RDB_MAGIC; k++) {
                if (p[k] < '0' || p[k] > '9')
                        return -EPROTO;
                i->in->version = 10 * i->in->version + (p[k] - '0');
        }
        if (i->in->version < 1 || i->in->version > RDB_VERSION_MAX)
                return -ENOTSUP;
        i->in->state = STATE_OPS;
        return MORE;
}

static int get_key(input *i, uint8_t kind) {
        rdb_in *in = i->in;
        const struct kind *known = find_kind(kind);
        int r = 1;

        if (!known)
                return kind == RDB_MODULE || kind == RDB_MODULE_EARLY ? -ENOTSUP : -EPROTO;
        in->a = (bytes){ 0 };
        if (!in->is_payload)
                r = in_string(i, 0, &in->a);
        if (r <= 0)
                return r;
        in->kind = kind;
        in->type = known->type;
        in->state = STATE_VALUE;
        return in_say(in, RDB_GOT_KEY);
}

/* The checksum is of what is before it; 0 says that there is none. */
static int get_end(input *i) {
        rdb_in *in = i->in;
        uint64_t sum = crc64(in->sum, i->p, i->at), wanted = 0;
        int r = in->version >= 5 ? in_le(i, sizeof(wanted), &wanted) : 1;

        if (r <= 0)
                return r;
        if (wanted && wanted != sum)
                return -EBADMSG;
        in->state = STATE_DONE;
        return in_say(in, RDB_GOT_END);
}

static int get_expiry(input *i, size_t n, int64_t unit) {
        uint64_t v;
        int r = in_le(i, n, &v);

        if (r <= 0)
                return r;
        i->in->expiry = (int64_t)v * unit;
        return MORE;
}

static int get_pair(input *i, rdb_got got) {
        int r = in_string(i, 0, &i->in->a);

        if (r > 0)
                r = in_string(i, 1, &i->in->b);
        return r > 0 ? in_say(i->in, got) : r;
}

static int get_numbers(input *i, rdb_got got, bool has_other) {
        int r = in_length(i, &i->in->number);

        if (r > 0 && has_other)
                r = in_length(i, &i->in->other);
        return r > 0 ? in_say(i->in, got) : r;
}

/* In a cluster: how large a slot is. There are none here. */
static int skip_slot(input *i) {
        uint64_t n;
        int r = 1;

        for (int k = 0; k < 3 && r > 0; k++)
                r = in_length(i, &n);
        return r > 0 ? MORE : r;
}

static int step_op(input *i, uint8_t op) {
        rdb_in *in = i->in;
        uint64_t n;
        int r;

        switch (op) {
        case RDB_AUX:
                return get_pair(i, RDB_GOT_AUX);
        case RDB_SELECT:
                return get_numbers(i, RDB_GOT_SELECT, false);
        case RDB_RESIZE:
                return get_numbers(i, RDB_GOT_RESIZE, true);
        case RDB_EXPIRY_MS:
                return get_expiry(i, 8, 1);
        case RDB_EXPIRY:
                return get_expiry(i, 4, 1000);
        case RDB_IDLE:
                if ((r = in_length(i, &n)) <= 0)
                        return r;
                in->idle = (int64_t)(n & INT64_MAX);
                return MORE;
        case RDB_FREQ:
                if ((r = in_le(i, 1, &n)) <= 0)
                        return r;
                in->freq = (int)n;
                return MORE;
        case RDB_FUNCTION:
                r = in_string(i, 0, &in->a);
                return r > 0 ? in_say(in, RDB_GOT_FUNCTION) : r;
        case RDB_SLOT_INFO:
                return skip_slot(i);
        case RDB_FUNCTION_EARLY:
        case RDB_MODULE_AUX:
                return -ENOTSUP;
        case RDB_END:
                return get_end(i);
        default:
                return get_key(i, op);
        }
}

static int step_ops(input *i) {
        rdb_in *in = i->in;
        const uint8_t *op;
        int r;

        r = in_raw(i, 1, &op);
        if (r <= 0)
                return r;
        if (in->is_payload)
                return get_key(i, *op);
        return step_op(i, *op);
}

static int step(input *i) {
        switch (i->in->state) {
        case STATE_MAGIC:
                return step_magic(i);
        case STATE_OPS:
                return step_ops(i);
        case STATE_VALUE:
                return step_value(i);
        case STATE_ELEMENTS:
                return step_elements(i);
        case STATE_BLOCKS:
                return step_blocks(i);
        case STATE_PACKED:
                return step_packed(i);
        case STATE_DONE:
                return 0;
        default:
                return in_stream_step(i);
        }
}

int rdb_in_next(rdb_in *in, const uint8_t *p, size_t n) {
        input i = { .in = in, .p = p, .n = n };
        size_t before;
        int r;

        in->want = 0;
        if (in->error < 0)
                return in->error;
        do {
                before = i.at;
                r = step(&i);
        } while (r == MORE);
        if (r < 0) {
                in->error = r;
                return r;
        }
        if (r == 0) {
                i.at = before;
                in->want -= in->want > before ? before : in->want;
        }
        in->consumed = i.at;
        in->sum = crc64(in->sum, p, i.at);
        return r;
}

int rdb_payload(bytes dump, bytes *ret) {
        const uint8_t *footer = (const uint8_t *)dump.p + dump.n - RDB_FOOTER;

        if (dump.n < RDB_FOOTER)
                return -EBADMSG;
        if ((footer[0] | footer[1] << 8) > RDB_VERSION_MAX)
                return -ENOTSUP;
        /* what is summed up together with its sum gives 0 */
        if (crc64(0, dump.p, dump.n) != 0)
                return -EBADMSG;
        *ret = (bytes){ dump.p, dump.n - RDB_FOOTER };
        return 0;
}
