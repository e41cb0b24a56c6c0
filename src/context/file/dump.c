/* SPDX-License-Identifier: Apache-2.0 */
#include "dump.h"

#include "../type/key-string.h"
#include "dump-stream.h"

uint8_t dump_kind(const key *k) {
        static const uint8_t kinds[KEY_TYPES] = {
                [KEY_STRING] = RDB_STRING, [KEY_LIST] = RDB_LIST, [KEY_SET] = RDB_SET,
                [KEY_ZSET] = RDB_ZSET,     [KEY_HASH] = RDB_HASH, [KEY_STREAM] = RDB_STREAM_2,
        };

        return kinds[k->type];
}

void dump_head(rdb_out *out, const key *k) {
        if (k->has_expiry)
                rdb_out_expiry(out, key_expiry(k));
        rdb_out_byte(out, dump_kind(k));
        rdb_out_string(out, key_name(k));
}

static void put_string(rdb_out *out, const key *k) {
        char scratch[DECIMAL_MAX];

        if (k->encoding == KEY_INT)
                rdb_out_integer(out, k->integer);
        else
                rdb_out_string(out, string_get(k, scratch));
}

void dump_begin(dump *d, rdb_out *out, const key *k) {
        *d = (dump){ .out = out, .k = k };
        switch ((key_type)k->type) {
        case KEY_LIST:
                rdb_out_length(out, list_count(k));
                d->more = chain_begin(list_of(k), CHAIN_HEAD, &d->place);
                break;
        case KEY_HASH:
                rdb_out_length(out, hash_count(k));
                hash_iter_begin(&d->hash, k);
                d->more = hash_iter_next(&d->hash);
                break;
        case KEY_SET:
                rdb_out_length(out, set_count(k));
                set_iter_begin(&d->set, k);
                d->more = set_iter_next(&d->set);
                break;
        case KEY_ZSET:
                /* from the highest on: who builds a list in that order of it, as Redis does,
                 * always puts in at its head */
                rdb_out_length(out, zset_count(k));
                d->more = zset_iter_at(&d->zset, k, zset_count(k) - 1);
                break;
        case KEY_STREAM:
                rdb_out_length(out, idmap_count(&stream_of(k)->pages));
                d->has_page = idmap_iter_from(&d->pages, &stream_of(k)->pages, STREAM_ID_MIN);
                d->more = true; /* its numbers, at least */
                break;
        default:
                put_string(out, k);
        }
}

/* A page, or what comes behind them. */
static void put_of_stream(dump *d) {
        if (d->has_page) {
                dump_page(d->out, *(page **)d->pages.value);
                d->has_page = idmap_iter_next(&d->pages);
        } else {
                dump_groups(d->out, stream_of(d->k));
                d->more = false;
        }
}

static void put_element(dump *d) {
        pack_value v;

        switch ((key_type)d->k->type) {
        case KEY_LIST:
                chain_get(&d->place, &v);
                if (v.data)
                        rdb_out_string(d->out, (bytes){ v.data, v.n });
                else
                        rdb_out_integer(d->out, v.number);
                d->more = chain_move_on(list_of(d->k), &d->place, CHAIN_TAIL);
                break;
        case KEY_HASH:
                rdb_out_string(d->out, d->hash.field);
                rdb_out_string(d->out, d->hash.value);
                d->more = hash_iter_next(&d->hash);
                break;
        case KEY_SET:
                rdb_out_string(d->out, d->set.member);
                d->more = set_iter_next(&d->set);
                break;
        case KEY_STREAM:
                put_of_stream(d);
                break;
        default:
                rdb_out_string(d->out, d->zset.member);
                rdb_out_double(d->out, d->zset.score);
                d->more = zset_iter_prev(&d->zset);
        }
}

bool dump_next(dump *d, size_t n) {
        for (; n > 0 && d->more; n--)
                put_element(d);
        return d->more;
}

void dump_end(dump *d) {
        if (d->k->type == KEY_HASH)
                hash_iter_end(&d->hash);
        else if (d->k->type == KEY_SET)
                set_iter_end(&d->set);
}

void dump_value(rdb_out *out, const key *k) {
        dump d;

        dump_begin(&d, out, k);
        while (dump_next(&d, SIZE_MAX))
                ;
        dump_end(&d);
}
