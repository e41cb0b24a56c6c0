/* SPDX-License-Identifier: Apache-2.0 */
#include "digest.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>

#include "../../base/real.h"
#include "../type/key-hash.h"
#include "../type/key-list.h"
#include "../type/key-set.h"
#include "../type/key-stream.h"
#include "../type/key-string.h"
#include "../type/key-zset.h"

/* In any order the same. */
static void add(digest *d, const void *p, size_t n) {
        uint8_t sum[SHA1_SIZE];

        sha1(p, n, sum);
        for (size_t i = 0; i < SHA1_SIZE; i++)
                d->sum[i] ^= sum[i];
}

/* In another order something else. */
static void append(digest *d, bytes b) {
        add(d, b.p, b.n);
        sha1(d->sum, SHA1_SIZE, d->sum);
}

static void append_number(digest *d, uint32_t n) {
        uint32_t be = htobe32(n);

        append(d, (bytes){ (const char *)&be, sizeof(be) });
}

/* What is said of @a and of @b belongs together. */
static void add_pair(digest *d, bytes a, bytes b) {
        digest both = { 0 };

        append(&both, a);
        append(&both, b);
        add(d, both.sum, SHA1_SIZE);
}

static void append_string(digest *d, const key *k) {
        char scratch[DECIMAL_MAX];

        append(d, string_get(k, scratch));
}

static void append_list(digest *d, const key *k) {
        chain_place at;
        pack_value v;

        for (bool more = chain_begin(list_of(k), CHAIN_HEAD, &at); more;
             more = chain_move_on(list_of(k), &at, CHAIN_TAIL)) {
                char scratch[DECIMAL_MAX];

                chain_get(&at, &v);
                if (v.data)
                        append(d, (bytes){ v.data, v.n });
                else
                        append(d, (bytes){ scratch, decimal_print(v.number, scratch) });
        }
}

static void add_set(digest *d, const key *k) {
        set_iter i;

        set_iter_begin(&i, k);
        while (set_iter_next(&i))
                add(d, i.member.p, i.member.n);
        set_iter_end(&i);
}

static void add_zset(digest *d, const key *k) {
        zset_iter i;

        for (bool more = zset_iter_at(&i, k, 0); more; more = zset_iter_next(&i)) {
                char score[REAL_MAX];

                add_pair(d, i.member, (bytes){ score, real_print(i.score, score) });
        }
}

static void add_hash(digest *d, const key *k) {
        hash_iter i;

        hash_iter_begin(&i, k);
        while (hash_iter_next(&i))
                add_pair(d, i.field, i.value);
        hash_iter_end(&i);
}

static void append_stream(digest *d, const key *k) {
        stream_iter i;

        stream_iter_begin(&i, stream_of(k), STREAM_ID_MIN, STREAM_ID_MAX, STREAM_FORTH);
        while (stream_iter_next(&i)) {
                bytes name, value;
                char id[64];

                append(d, (bytes){ id, (size_t)snprintf(id, sizeof(id), "%" PRIu64 ".%" PRIu64,
                                                        i.entry.id.ms, i.entry.id.seq) });
                for (size_t n = i.entry.n_fields; n > 0; n--) {
                        page_entry_next(&i.entry, &name, &value);
                        append(d, name);
                        append(d, value);
                }
        }
}

void digest_value(digest *d, const key *k) {
        static const struct {
                uint32_t number; /* of the type, in Redis */
                void (*sum)(digest *d, const key *k);
        } types[KEY_TYPES] = {
                [KEY_STRING] = { 0, append_string }, [KEY_LIST] = { 1, append_list },
                [KEY_SET] = { 2, add_set },          [KEY_ZSET] = { 3, add_zset },
                [KEY_HASH] = { 4, add_hash },        [KEY_STREAM] = { 6, append_stream },
        };

        append_number(d, types[k->type].number);
        types[k->type].sum(d, k);
        if (k->has_expiry)
                add(d, "!!expire!!", 10);
}

static void add_key(void *arg, void *entry) {
        digest one = { 0 };

        append(&one, key_name(entry));
        digest_value(&one, entry);
        add(arg, one.sum, SHA1_SIZE);
}

void digest_store(digest *d, store *s) {
        for (int i = 0; i < s->n_dbs; i++) {
                table *keys = &s->dbs[i].keys;
                uint64_t cursor = 0;

                if (table_count(keys) == 0)
                        continue;
                append_number(d, (uint32_t)i);
                do {
                        cursor = table_scan(keys, cursor, add_key, d);
                } while (cursor);
        }
}
