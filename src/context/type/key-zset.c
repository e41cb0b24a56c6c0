/* SPDX-License-Identifier: Apache-2.0 */
#include "key-zset.h"

#include <errno.h>

#include "../../base/mem.h"
#include "../store.h"
#include "key-pack.h"
#include "value.h"

typedef struct large {
        table members;
        tree order;
} large;

static large *large_of(const key *k) {
        return k->encoding == KEY_TREE ? k->value : NULL;
}

table *zset_table(const key *k) {
        large *l = large_of(k);

        return l ? &l->members : NULL;
}

static void free_member(void *arg, void *entry) {
        (void)arg;
        scored_free(entry);
}

static void large_free(large *l) {
        while (table_drain(&l->members, SIZE_MAX, free_member, NULL))
                ;
        table_deinit(&l->members);
        tree_deinit(&l->order);
        mem_free(l);
}

/* making */

key *zset_add(db *d, bytes name) {
        return key_pack_add(d, name, KEY_ZSET);
}

key *zset_new(void) {
        pack *p = pack_new();
        key *k = p ? mem_zero(sizeof(*k)) : NULL;

        if (!k) {
                pack_free(p);
                return NULL;
        }
        k->type = KEY_ZSET;
        k->encoding = KEY_PACK;
        k->value = p;
        return k;
}

key *zset_delete(key *k) {
        if (k && k->value)
                zset_free(k);
        return mem_free(k);
}

/* small ones */

static bytes member_at(const pack *p, size_t at, char scratch[static DECIMAL_MAX]) {
        pack_value v;
        bytes text;

        pack_get(p, at, &v);
        text.p = pack_text(&v, scratch, &text.n);
        return text;
}

/* Eight bytes, which may happen to be digits: a pack gives those back too. */
static double score_at(const pack *p, size_t at) {
        char scratch[DECIMAL_MAX];
        double score;

        memcpy(&score, member_at(p, at, scratch).p, sizeof(score));
        return score;
}

static size_t pair_after(const pack *p, size_t at) {
        size_t score = pack_next(p, at);

        return score ? pack_next(p, score) : 0;
}

static size_t find_in_pack(const key *k, bytes member) {
        const pack *p = key_pack(k);

        return pack_find(p, pack_first(p), member.p, member.n, 2);
}

/* Where a member of this score belongs: before which place, 0 at the end. */
static size_t place_for(const pack *p, bytes member, double score) {
        size_t at = pack_first(p);

        while (at) {
                char scratch[DECIMAL_MAX];
                double there = score_at(p, pack_next(p, at));

                if (there > score ||
                    (there == score && bytes_compare(member_at(p, at, scratch), member) > 0))
                        break;
                at = pair_after(p, at);
        }
        return at;
}

static int insert_pair(pack **p, size_t at, bytes member, double score) {
        /* the score first, and the member before it */
        int r = pack_insert(p, at, &score, sizeof(score));

        if (r < 0)
                return r;
        if (!at)
                at = pack_last(*p);
        r = pack_insert(p, at, member.p, member.n);
        if (r < 0)
                pack_remove(p, at, 1);
        return r < 0 ? r : 1;
}

/* @at is the member's place, 0 if it is new. What it was goes after what it is has come, which
 * may fail. -EMSGSIZE: it is too much for a pack. */
static int put_in_pack(db *d, key **k, size_t at, bytes member, double score) {
        pack *p = key_pack(*k);
        size_t to = place_for(p, member, score), n_before = pack_bytes(p);
        int r = insert_pair(&p, to, member, score);

        if (r > 0 && at) {
                pack_remove(&p, to && to <= at ? at + pack_bytes(p) - n_before : at, 2);
                r = 0;
        }
        *k = key_pack_put(d, *k, p);
        return r;
}

/* large ones */

static scored *find_in_table(const large *l, bytes member) {
        void **slot = table_find(&l->members, table_hash(member.p, member.n), member.p, member.n);

        return slot ? *slot : NULL;
}

static int put_in_large(large *l, bytes member, double score) {
        scored *m = find_in_table(l, member);
        uint64_t hash = table_hash(member.p, member.n);

        if (m)
                return m->score == score ? 0 : tree_move(&l->order, m, score);
        m = scored_new(score, member.p, member.n);
        if (!m)
                return -ENOMEM;
        if (table_add(&l->members, hash, m) < 0) {
                scored_free(m);
                return -ENOMEM;
        }
        if (tree_add(&l->order, m) < 0) {
                table_take(&l->members, hash, member.p, member.n);
                scored_free(m);
                return -ENOMEM;
        }
        return 1;
}

/* The members of @k as a large one, or NULL. */
static large *make_large(const key *k) {
        large *l = mem_new(sizeof(*l));
        zset_iter i;
        int r = 0;

        if (!l)
                return NULL;
        table_init(&l->members, scored_key);
        tree_init(&l->order);
        for (bool there = zset_iter_at(&i, k, 0); there && r >= 0; there = zset_iter_next(&i))
                r = put_in_large(l, i.member, i.score);
        if (r < 0) {
                large_free(l);
                return NULL;
        }
        return l;
}

int zset_enlarge(db *d, key **k) {
        large *l = large_of(*k);

        if (l)
                return 0;
        l = make_large(*k);
        if (!l)
                return -ENOMEM;
        *k = key_pack_replace(d, *k, KEY_TREE, l);
        return 0;
}

/* any */

size_t zset_count(const key *k) {
        const large *l = large_of(k);

        return l ? tree_count(&l->order) : pack_count(key_pack(k)) / 2;
}

bool zset_score(const key *k, bytes member, double *ret) {
        const large *l = large_of(k);
        const scored *m = l ? find_in_table(l, member) : NULL;
        size_t at = l ? 0 : find_in_pack(k, member);

        if (m)
                *ret = m->score;
        else if (at)
                *ret = score_at(key_pack(k), pack_next(key_pack(k), at));
        return m || at;
}

int zset_put(db *d, key **k, bytes member, double score) {
        const config *cfg = &d->store->config;
        int r = -EMSGSIZE;
        size_t at;

        if (large_of(*k))
                return put_in_large((*k)->value, member, score);
        at = find_in_pack(*k, member);
        if (at && score_at(key_pack(*k), pack_next(key_pack(*k), at)) == score)
                return 0;
        if (member.n <= cfg->zset_max_listpack_value &&
            (at || zset_count(*k) < cfg->zset_max_listpack_entries))
                r = put_in_pack(d, k, at, member, score);
        if (r != -EMSGSIZE)
                return r;
        return zset_enlarge(d, k) < 0 ? -ENOMEM : put_in_large((*k)->value, member, score);
}

bool zset_remove(db *d, key **k, bytes member) {
        large *l = large_of(*k);
        size_t at;
        pack *p;

        if (l) {
                scored *m =
                        table_take(&l->members, table_hash(member.p, member.n), member.p, member.n);

                if (m)
                        tree_take(&l->order, m);
                scored_free(m);
                return m;
        }
        at = find_in_pack(*k, member);
        if (at) {
                p = key_pack(*k);
                pack_remove(&p, at, 2);
                *k = key_pack_put(d, *k, p);
        }
        return at;
}

/* ranks */

size_t zset_rank(const key *k, bytes member) {
        const large *l = large_of(k);
        const pack *p = key_pack(k);
        size_t rank = 0;

        if (l)
                return tree_rank(&l->order, find_in_table(l, member));
        for (size_t at = pack_first(p); !pack_is(p, at, member.p, member.n); rank++)
                at = pair_after(p, at);
        return rank;
}

size_t zset_rank_of_score(const key *k, double score, tree_side side) {
        const large *l = large_of(k);
        const pack *p = key_pack(k);
        size_t rank = 0;

        if (l)
                return tree_rank_of_score(&l->order, score, side);
        for (size_t at = pack_first(p); at; at = pair_after(p, at), rank++) {
                double there = score_at(p, pack_next(p, at));

                if (there > score || (there == score && side == TREE_BEFORE))
                        break;
        }
        return rank;
}

size_t zset_rank_of_member(const key *k, bytes member, tree_side side) {
        const large *l = large_of(k);
        const pack *p = key_pack(k);
        size_t rank = 0;

        if (l)
                return tree_rank_of_member(&l->order, member.p, member.n, side);
        for (size_t at = pack_first(p); at; at = pair_after(p, at), rank++) {
                char scratch[DECIMAL_MAX];
                int order = bytes_compare(member_at(p, at, scratch), member);

                if (order > 0 || (order == 0 && side == TREE_BEFORE))
                        break;
        }
        return rank;
}

static void forget_member(void *arg, scored *m) {
        large *l = arg;

        table_take(&l->members, table_hash(m->member, m->n), m->member, m->n);
        scored_free(m);
}

key *zset_cut(db *d, key *k, size_t rank, size_t n) {
        large *l = large_of(k);
        pack *p = key_pack(k);

        if (l)
                tree_cut(&l->order, rank, n, forget_member, l);
        if (l || n == 0)
                return k;
        pack_remove(&p, pack_seek(p, (long)(2 * rank)), 2 * n);
        return key_pack_put(d, k, p);
}

/* walking */

static bool look_at_pair(zset_iter *i) {
        const pack *p = key_pack(i->k);

        if (!i->at)
                return false;
        i->member = member_at(p, i->at, i->scratch);
        i->score = score_at(p, pack_next(p, i->at));
        return true;
}

static bool look_at_member(zset_iter *i, const scored *m) {
        if (!m)
                return false;
        i->member = (bytes){ m->member, m->n };
        i->score = m->score;
        return true;
}

bool zset_iter_at(zset_iter *i, const key *k, size_t rank) {
        const large *l = large_of(k);

        i->k = k;
        if (l)
                return look_at_member(i, tree_iter_at(&i->in_tree, &l->order, rank));
        i->at = rank < zset_count(k) ? pack_seek(key_pack(k), (long)(2 * rank)) : 0;
        return look_at_pair(i);
}

bool zset_iter_next(zset_iter *i) {
        if (large_of(i->k))
                return look_at_member(i, tree_iter_next(&i->in_tree));
        i->at = pair_after(key_pack(i->k), i->at);
        return look_at_pair(i);
}

bool zset_iter_prev(zset_iter *i) {
        if (large_of(i->k))
                return look_at_member(i, tree_iter_prev(&i->in_tree));
        i->at = pack_prev(key_pack(i->k), i->at);
        i->at = i->at ? pack_prev(key_pack(i->k), i->at) : 0;
        return look_at_pair(i);
}

/* all of it */

void zset_free(key *k) {
        if (large_of(k))
                large_free(k->value);
        else
                key_pack_free(k);
}

bool zset_drain(key *k, size_t n) {
        large *l = large_of(k);

        if (!l)
                return false;
        if (tree_cut(&l->order, 0, n, NULL, NULL) > 0)
                return true;
        return table_drain(&l->members, n, free_member, NULL);
}

int zset_copy(const key *k, key *copy) {
        large *l;

        if (!large_of(k))
                return key_pack_copy(k, copy);
        l = make_large(k);
        if (!l)
                return -ENOMEM;
        copy->encoding = KEY_TREE;
        copy->value = l;
        return 0;
}

size_t zset_memory(const key *k, size_t n_looked) {
        const large *l = large_of(k);
        size_t n = 0, n_seen = 0;
        zset_iter i;

        if (!l)
                return key_pack_memory(k);
        for (bool there = zset_iter_at(&i, k, 0); there && n_seen < n_looked; n_seen++) {
                n += sizeof(scored) + i.member.n;
                there = zset_iter_next(&i);
        }
        return sizeof(*l) + table_bytes(&l->members) + tree_bytes(&l->order) +
               value_extrapolate(n, n_seen, zset_count(k));
}
