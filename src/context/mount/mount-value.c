/* SPDX-License-Identifier: Apache-2.0 */
/* Values between a program and the keys that are made of them. */
#include <errno.h>
#include <math.h>

#include "../store.h"
#include "../type/key-hash.h"
#include "../type/key-list.h"
#include "../type/key-set.h"
#include "../type/key-string.h"
#include "../type/key-zset.h"
#include "mount-use.h"

/* from the program */

/* The key that is being made, of @type; NULL if there can be none. */
static key *begin(beam_value *v, key_type type) {
        used *u = v->used;
        db *d = u->mount->db;
        key *k = u->key;

        if (k && k->type != type) {
                v->error = -EINVAL;
                return NULL;
        }
        if (k)
                return k;
        switch (type) {
        case KEY_LIST:
                k = list_add(d, u->name);
                break;
        case KEY_SET:
                k = set_add(d, u->name);
                break;
        case KEY_ZSET:
                k = zset_add(d, u->name);
                break;
        case KEY_HASH:
                k = hash_add(d, u->name);
                break;
        default:
                k = db_add(d, u->name, KEY_STRING);
        }
        if (!k)
                v->error = -ENOMEM;
        return k;
}

static int end(beam_value *v, int r) {
        if (r < 0)
                v->error = r;
        return r < 0 ? r : 0;
}

int beam_value_string(beam_value *v, const void *data, size_t n) {
        key *k = begin(v, KEY_STRING);

        if (!k)
                return v->error;
        return end(v, string_set(v->used->mount->db, k, (bytes){ data, n }) ? 0 : -ENOMEM);
}

int beam_value_integer(beam_value *v, int64_t n) {
        key *k = begin(v, KEY_STRING);

        if (!k)
                return v->error;
        return end(v, string_set_integer(v->used->mount->db, k, n) ? 0 : -ENOMEM);
}

int beam_value_element(beam_value *v, const void *data, size_t n) {
        key *k = begin(v, KEY_LIST);

        return k ? end(v, chain_push(list_of(k), CHAIN_TAIL, data, n)) : v->error;
}

int beam_value_member(beam_value *v, const void *data, size_t n) {
        key *k = begin(v, KEY_SET);

        return k ? end(v, set_put(v->used->mount->db, k, (bytes){ data, n })) : v->error;
}

int beam_value_score(beam_value *v, beam_arg member, double score) {
        key *k = isnan(score) ? NULL : begin(v, KEY_ZSET);

        if (isnan(score))
                v->error = -EINVAL;
        if (!k)
                return v->error;
        return end(v, zset_put(v->used->mount->db, &k, (bytes){ member.data, member.n }, score));
}

int beam_value_field(beam_value *v, beam_arg field, beam_arg value) {
        key *k = begin(v, KEY_HASH);

        if (!k)
                return v->error;
        return end(v, hash_set(v->used->mount->db, &k, (bytes){ field.data, field.n },
                               (bytes){ value.data, value.n }));
}

/* to it */

static void print_list(const key *k, resp_out *out) {
        char scratch[DECIMAL_MAX];
        chain_place at;

        resp_out_array(out, list_count(k));
        for (bool more = chain_begin(list_of(k), CHAIN_HEAD, &at); more;
             more = chain_move_on(list_of(k), &at, CHAIN_TAIL)) {
                pack_value v;
                bytes text;

                chain_get(&at, &v);
                text = list_text(&v, scratch);
                resp_out_bulk(out, text.p, text.n);
        }
}

static void print_set(const key *k, resp_out *out) {
        set_iter i;

        resp_out_set(out, set_count(k));
        set_iter_begin(&i, k);
        while (set_iter_next(&i))
                resp_out_bulk(out, i.member.p, i.member.n);
        set_iter_end(&i);
}

static void print_zset(const key *k, resp_out *out) {
        zset_iter i;

        resp_out_map(out, zset_count(k));
        for (bool more = zset_iter_at(&i, k, 0); more; more = zset_iter_next(&i)) {
                resp_out_bulk(out, i.member.p, i.member.n);
                resp_out_double(out, i.score);
        }
}

static void print_hash(const key *k, resp_out *out) {
        hash_iter i;

        resp_out_map(out, hash_count(k));
        hash_iter_begin(&i, k);
        while (hash_iter_next(&i)) {
                resp_out_bulk(out, i.field.p, i.field.n);
                resp_out_bulk(out, i.value.p, i.value.n);
        }
        hash_iter_end(&i);
}

static void print_string(const key *k, resp_out *out) {
        char scratch[DECIMAL_MAX];
        bytes text = string_get(k, scratch);
        int64_t n;

        if (string_integer(k, &n))
                resp_out_integer(out, n);
        else
                resp_out_bulk(out, text.p, text.n);
}

void mount_print(const key *k, resp_out *out) {
        switch (k ? (key_type)k->type : KEY_TYPES) {
        case KEY_STRING:
                print_string(k, out);
                break;
        case KEY_LIST:
                print_list(k, out);
                break;
        case KEY_SET:
                print_set(k, out);
                break;
        case KEY_ZSET:
                print_zset(k, out);
                break;
        case KEY_HASH:
                print_hash(k, out);
                break;
        default:
                resp_out_null(out);
        }
}
