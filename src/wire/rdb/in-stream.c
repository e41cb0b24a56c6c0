/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: blocks of entries, and the groups that read them. */
#include <errno.h>

#include "in-inner.h"

enum { ENTRY_IS_DELETED = 1, ENTRY_IS_SAME = 2 }; /* same: the fields of the first entry */

static rdb_id read_id(const uint8_t *p) {
        rdb_id id = { 0 };

        for (int i = 0; i < 8; i++) {
                id.ms = id.ms << 8 | p[i];
                id.seq = id.seq << 8 | p[8 + i];
        }
        return id;
}

static int get_id(input *i, rdb_id *ret) {
        const uint8_t *p;
        int r = in_raw(i, 16, &p);

        if (r > 0)
                *ret = read_id(p);
        return r;
}

static int get_id_lengths(input *i, rdb_id *ret) {
        int r = in_length(i, &ret->ms);

        return r > 0 ? in_length(i, &ret->seq) : r;
}

static int get_time(input *i, int64_t *ret) {
        uint64_t v;
        int r = in_le(i, sizeof(v), &v);

        *ret = r > 0 ? (int64_t)v : 0;
        return r;
}

/* within a block: 1, or -EPROTO where there is none */

static int next_text(rdb_packed *p, bytes *ret, char scratch[static DECIMAL_MAX]) {
        int r = rdb_packed_next(p, ret, scratch);

        return r == 0 ? -EPROTO : r;
}

static int read_number(bytes text, uint64_t *ret) {
        int64_t n;

        if (!decimal_read(text.p, text.n, &n))
                return -EPROTO;
        *ret = (uint64_t)n;
        return 1;
}

static int next_number(rdb_packed *p, uint64_t *ret) {
        char scratch[DECIMAL_MAX];
        bytes text;
        int r = next_text(p, &text, scratch);

        return r > 0 ? read_number(text, ret) : r;
}

/* blocks */

static int step_nodes(input *i) {
        rdb_in *in = i->in;
        bytes id;
        int r;

        if (in->n_left == 0) {
                in->state = STATE_STREAM;
                return MORE;
        }
        if ((r = in_string(i, 1, &id)) <= 0 || (r = in_block(i, RDB_LISTPACK)) <= 0)
                return r;
        if (id.n != 16)
                return -EPROTO;
        in->node.id = read_id((const uint8_t *)id.p);
        in->n_left--;
        in->state = STATE_MASTER;
        return MORE;
}

/* How many entries there are and were, and the fields of the first. */
static int step_master(input *i) {
        rdb_in *in = i->in;
        rdb_packed *p = &in->packed;
        uint64_t n_deleted, zero;
        int r = in_see_block(i);

        if (r <= 0)
                return r;
        if ((r = next_number(p, &in->node.n_entries)) < 0 || (r = next_number(p, &n_deleted)) < 0 ||
            (r = next_number(p, &in->node.n_fields)) < 0)
                return r;
        in->node.fields = *p;
        for (uint64_t n = in->node.n_fields; n > 0; n--)
                if ((r = next_text(p, &in->a, in->scratch[0])) < 0)
                        return r;
        if ((r = next_number(p, &zero)) < 0)
                return r;
        in->state = STATE_ENTRIES;
        return zero == 0 ? MORE : -EPROTO;
}

static int step_entries(input *i) {
        rdb_in *in = i->in;
        rdb_packed *p = &in->packed;
        uint64_t flags, ms, seq;
        bytes text;
        int r = in_see_block(i);

        if (r <= 0)
                return r;
        r = rdb_packed_next(p, &text, in->scratch[0]);
        if (r == 0) {
                in_leave_block(i);
                in->state = STATE_NODES;
                return in->node.n_entries == 0 ? MORE : -EPROTO;
        }
        if (r < 0 || (r = read_number(text, &flags)) < 0 || (r = next_number(p, &ms)) < 0 ||
            (r = next_number(p, &seq)) < 0)
                return r;
        in->entry.is_deleted = flags & ENTRY_IS_DELETED;
        in->entry.is_same = flags & ENTRY_IS_SAME;
        in->entry.n_fields = in->node.n_fields;
        in->entry.shared = in->node.fields;
        if (!in->entry.is_same && (r = next_number(p, &in->entry.n_fields)) < 0)
                return r;
        in->state = STATE_FIELDS;
        if (in->entry.is_deleted)
                return MORE;
        if (in->node.n_entries-- == 0)
                return -EPROTO;
        in->id = (rdb_id){ in->node.id.ms + ms, in->node.id.seq + seq };
        in->number = in->entry.n_fields;
        return in_say(in, RDB_GOT_ENTRY);
}

static int step_fields(input *i) {
        rdb_in *in = i->in;
        struct rdb_entry *e = &in->entry;
        uint64_t n_items;
        int r = in_see_block(i);

        if (r <= 0)
                return r;
        if (e->n_fields == 0) {
                in->state = STATE_ENTRIES;
                r = next_number(&in->packed, &n_items);
                return r < 0 ? r : MORE;
        }
        e->shared.block.p = in->packed.block.p;
        r = next_text(e->is_same ? &e->shared : &in->packed, &in->a, in->scratch[0]);
        if (r > 0)
                r = next_text(&in->packed, &in->b, in->scratch[1]);
        if (r < 0)
                return r;
        e->n_fields--;
        return e->is_deleted ? MORE : in_say(in, RDB_GOT_FIELD);
}

/* what is said of all of it */

static int step_stream(input *i) {
        rdb_in *in = i->in;
        int r;

        if ((r = in_length(i, &in->number)) <= 0 || (r = get_id_lengths(i, &in->id)) <= 0)
                return r;
        in->first = in->deleted = (rdb_id){ 0 };
        if (in->kind != RDB_STREAM &&
            ((r = get_id_lengths(i, &in->first)) <= 0 ||
             (r = get_id_lengths(i, &in->deleted)) <= 0 || (r = in_length(i, &in->number)) <= 0))
                return r;
        if ((r = in_length(i, &in->n_groups)) <= 0)
                return r;
        in->state = STATE_GROUPS;
        return in_say(in, RDB_GOT_STREAM);
}

static int step_groups(input *i) {
        rdb_in *in = i->in;
        int r;

        if (in->n_groups == 0)
                return in_end_value(in);
        if ((r = in_string(i, 0, &in->a)) <= 0 || (r = get_id_lengths(i, &in->id)) <= 0)
                return r;
        in->number = UINT64_MAX;
        if (in->kind != RDB_STREAM && (r = in_length(i, &in->number)) <= 0)
                return r;
        if ((r = in_length(i, &in->n_left)) <= 0)
                return r;
        in->n_groups--;
        in->state = STATE_PENDING;
        return in_say(in, RDB_GOT_GROUP);
}

static int step_pending(input *i) {
        rdb_in *in = i->in;
        int r;

        if (in->n_left == 0) {
                if ((r = in_length(i, &in->n_consumers)) <= 0)
                        return r;
                in->state = STATE_CONSUMERS;
                return MORE;
        }
        if ((r = get_id(i, &in->id)) <= 0 || (r = get_time(i, &in->ms)) <= 0 ||
            (r = in_length(i, &in->number)) <= 0)
                return r;
        in->n_left--;
        return in_say(in, RDB_GOT_PENDING);
}

static int step_consumers(input *i) {
        rdb_in *in = i->in;
        int r;

        if (in->n_consumers == 0) {
                in->state = STATE_GROUPS;
                return MORE;
        }
        if ((r = in_string(i, 0, &in->a)) <= 0 || (r = get_time(i, &in->ms)) <= 0)
                return r;
        in->active_ms = -1;
        if (in->kind == RDB_STREAM_3 && (r = get_time(i, &in->active_ms)) <= 0)
                return r;
        if ((r = in_length(i, &in->n_left)) <= 0)
                return r;
        in->n_consumers--;
        in->state = STATE_OWNED;
        return in_say(in, RDB_GOT_CONSUMER);
}

static int step_owned(input *i) {
        rdb_in *in = i->in;
        int r;

        if (in->n_left == 0) {
                in->state = STATE_CONSUMERS;
                return MORE;
        }
        if ((r = get_id(i, &in->id)) <= 0)
                return r;
        in->n_left--;
        return in_say(in, RDB_GOT_OWNED);
}

int in_stream_step(input *i) {
        switch (i->in->state) {
        case STATE_NODES:
                return step_nodes(i);
        case STATE_MASTER:
                return step_master(i);
        case STATE_ENTRIES:
                return step_entries(i);
        case STATE_FIELDS:
                return step_fields(i);
        case STATE_STREAM:
                return step_stream(i);
        case STATE_GROUPS:
                return step_groups(i);
        case STATE_PENDING:
                return step_pending(i);
        case STATE_CONSUMERS:
                return step_consumers(i);
        default:
                return step_owned(i);
        }
}
