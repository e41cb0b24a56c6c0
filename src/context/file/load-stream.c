/* SPDX-License-Identifier: Apache-2.0 */
#include "load-stream.h"

#include <errno.h>

#include "../../base/mem.h"
#include "../store.h"

static stream_id id_of(rdb_id id) {
        return (stream_id){ id.ms, id.seq };
}

/* entries */

static int begin_entry(load_stream *l, const stream *s, const rdb_in *in) {
        l->id = id_of(in->id);
        l->n_fields = l->n_left = in->number;
        l->fields.n = 0;
        return in->number > 0 && stream_id_compare(l->id, s->last) > 0 ? 1 : -EPROTO;
}

static void keep_text(load_stream *l, bytes text) {
        rdb_out_raw(&l->fields, &text.n, sizeof(text.n));
        rdb_out_raw(&l->fields, text.p, text.n);
}

static int end_entry(load_stream *l, stream *s, const config *cfg) {
        bytes *fields = mem_array(2 * l->n_fields, sizeof(*fields));
        const uint8_t *at = l->fields.p;
        int r = fields && !l->fields.failed ? 0 : -ENOMEM;

        for (uint64_t i = 0; r == 0 && i < 2 * l->n_fields; i++) {
                memcpy(&fields[i].n, at, sizeof(fields[i].n));
                at += sizeof(fields[i].n);
                fields[i].p = (const char *)at;
                at += fields[i].n;
        }
        if (r == 0)
                r = stream_append(s, cfg, l->id, fields, l->n_fields);
        mem_free(fields);
        return r < 0 ? r : 1;
}

static int add_field(load_stream *l, stream *s, const config *cfg, const rdb_in *in) {
        keep_text(l, in->a);
        keep_text(l, in->b);
        return --l->n_left > 0 ? 1 : end_entry(l, s, cfg);
}

static int set_numbers(stream *s, const rdb_in *in) {
        stream_id last = id_of(in->id);

        if (stream_id_compare(last, s->last) < 0)
                return -EPROTO;
        s->last = last;
        s->max_deleted = id_of(in->deleted);
        s->n_ever = in->number;
        return 1;
}

/* groups */

typedef struct unowned {
        int64_t time;
        uint64_t count;
} unowned;

/* All that is pending has to be somebody's. */
static int end_group(load_stream *l) {
        bool is_whole = !l->has_group || idmap_count(&l->unowned) == 0;

        if (l->has_group)
                idmap_deinit(&l->unowned);
        l->has_group = false;
        return is_whole ? 1 : -EPROTO;
}

static int begin_group(load_stream *l, stream *s, const rdb_in *in) {
        int r = end_group(l);

        if (r < 0)
                return r;
        if (roster_find(&s->groups, in->a))
                return -EPROTO;
        l->group = stream_group_new(in->a, id_of(in->id), (int64_t)in->number);
        if (!l->group)
                return -ENOMEM;
        if (roster_add(&s->groups, l->group) < 0) {
                stream_group_free(l->group);
                return -ENOMEM;
        }
        idmap_init(&l->unowned, sizeof(unowned));
        l->has_group = true;
        return 1;
}

static int add_pending(load_stream *l, const rdb_in *in) {
        unowned *p;

        if (idmap_find(&l->unowned, id_of(in->id)))
                return -EPROTO;
        p = idmap_add(&l->unowned, id_of(in->id));
        if (!p)
                return -ENOMEM;
        *p = (unowned){ .time = in->ms, .count = in->number };
        return 1;
}

static int begin_consumer(load_stream *l, const rdb_in *in) {
        if (stream_group_consumer(l->group, in->a))
                return -EPROTO;
        l->consumer = stream_group_add_consumer(l->group, in->a, in->ms);
        return l->consumer ? 1 : -ENOMEM;
}

static int own(load_stream *l, const rdb_in *in) {
        const unowned *p = idmap_find(&l->unowned, id_of(in->id));
        pending *given;

        if (!p)
                return -EPROTO;
        given = stream_group_give(l->group, id_of(in->id), l->consumer);
        if (!given)
                return -ENOMEM;
        given->time = p->time;
        given->count = p->count;
        idmap_take(&l->unowned, id_of(in->id));
        return 1;
}

/* all of it */

int load_stream_see(load_stream *l, db *d, key *k, const rdb_in *in) {
        stream *s = stream_of(k);

        switch (in->got) {
        case RDB_GOT_ENTRY:
                return begin_entry(l, s, in);
        case RDB_GOT_FIELD:
                return add_field(l, s, &d->store->config, in);
        case RDB_GOT_STREAM:
                return set_numbers(s, in);
        case RDB_GOT_GROUP:
                return begin_group(l, s, in);
        case RDB_GOT_PENDING:
                return add_pending(l, in);
        case RDB_GOT_CONSUMER:
                return begin_consumer(l, in);
        default:
                return own(l, in);
        }
}

int load_stream_end(load_stream *l) {
        return end_group(l);
}

void load_stream_deinit(load_stream *l) {
        end_group(l);
        rdb_out_deinit(&l->fields);
}
