/* SPDX-License-Identifier: Apache-2.0 */
#include "db.h"

#include <errno.h>

#include "../base/mem.h"
#include "block.h"
#include "evict.h"
#include "file/snapshot.h"
#include "mount/mount.h"
#include "multi.h"
#include "store.h"
#include "type/key-pack.h"
#include "type/value.h"

static const void *name_of(const void *entry, size_t *ret_n) {
        bytes name = key_name(entry);

        *ret_n = name.n;
        return name.p;
}

void db_init(db *d, store *s, int number) {
        *d = (db){ .store = s, .number = number };
        table_init(&d->keys, name_of);
        table_init(&d->expiring, name_of);
}

/* Those that expire are entries of both. */
static void drop_keys(db *d) {
        lazy_table(d->store, &d->expiring, false);
        lazy_table(d->store, &d->keys, true);
}

void db_deinit(db *d) {
        for (mount *m; (m = mount_next(d, 0));)
                mount_free(m);
        drop_keys(d);
        table_deinit(&d->watched); /* its clients have left */
        table_deinit(&d->waited);
}

/* How large a key is with an inline value: as malloc() has it anyhow. */
static size_t size_of(size_t n_name, bool has_expiry, size_t n_inline) {
        size_t n = sizeof(key) + (has_expiry ? sizeof(int64_t) : 0) + n_name + n_inline;

        return ((n + 7) | 15) - 7;
}

/* The block of @k; there may be more of it that nobody knows of. */
static size_t size_now(const key *k) {
        if (k->encoding == KEY_INNER_PACK)
                return pack_size(&k->inner);
        return size_of(k->n_name, k->has_expiry, k->encoding == KEY_INLINE ? k->n_inline : 0);
}

/* Whether the value of @k is a pack that belongs in the block of a key of such a name. */
static bool goes_inside(const key *k, size_t n_name) {
        return (k->encoding == KEY_PACK || k->encoding == KEY_INNER_PACK) && key_pack_fits(n_name);
}

/* How large a key is that the value of @k is put into. */
static size_t size_for(const key *k, size_t n_name, bool has_expiry) {
        if (goes_inside(k, n_name))
                return pack_inner_size((has_expiry ? sizeof(int64_t) : 0) + n_name,
                                       pack_bytes(key_pack(k)));
        return size_of(n_name, has_expiry, k->encoding == KEY_INLINE ? k->n_inline : 0);
}

/* The value of @from into @k, which has none and is so large; @from is empty then. Its pack is
 * inside only if that of @k can be. */
static void fill(key *k, key *from) {
        if (goes_inside(from, k->n_name)) {
                k->encoding = KEY_INNER_PACK;
                pack_inner_copy(&k->inner, key_pack_between(k), key_pack(from));
                value_free(from);
                return;
        }
        k->encoding = from->encoding;
        k->value = from->value; /* the larger of the union, so all of it */
        if (from->encoding == KEY_INLINE)
                memcpy(key_inline(k), key_inline(from), from->n_inline);
        value_init(from);
}

/* The table's place for a key that is there. */
static void **slot_of(table *t, bytes name) {
        return table_find(t, table_hash(name.p, name.n), name.p, name.n);
}

static bool has_expired(const db *d, const key *k) {
        return k->has_expiry && key_expiry(k) <= d->store->now && !d->store->obeys;
}

/* It is about to change: a snapshot that has not come to it yet writes it first. */
static inline void keep(db *d, key *k) {
        if (__builtin_expect(k->is_saved != d->store->side, 0))
                snapshot_keep(d, k);
}

void db_fetch(const db *d, const bytes *names, size_t n) {
        uint64_t hashes[DB_FETCH_MAX];

        for (size_t i = 0; i < n; i++) {
                hashes[i] = table_hash(names[i].p, names[i].n);
                table_prefetch(&d->keys, hashes[i]);
        }
        for (size_t i = 0; i < n; i++)
                table_prefetch_entry(&d->keys, hashes[i]);
}

key *db_moved(db *d, const key *from, key *k) {
        bytes name = key_name(k);
        uint64_t hash;

        if (k == from)
                return k;
        if (k->is_computed) {
                *mount_place(mount_of(d, name), name) = k;
                return k;
        }
        hash = table_hash(name.p, name.n);
        *table_find_entry(&d->keys, hash, from) = k;
        if (k->has_expiry)
                *table_find_entry(&d->expiring, hash, from) = k;
        return k;
}

/* Its block as large as @size. NULL without memory. */
static key *resize(db *d, key *k, size_t size) {
        const key *from = k;

        k = mem_resize(k, size);
        return k ? db_moved(d, from, k) : NULL;
}

key *db_trim(db *d, key *k) {
        key *moved = resize(d, k, size_now(k));

        return moved ? moved : k; /* with more room than anybody knows of */
}

/* It has expired: to those who ask it is not there. It goes away for good here, but in a
 * store that follows another, whose master says when (its clock is the one that counts). */
static void expire_in_passing(db *d, key *k) {
        if (!d->store->follows && !d->store->hold)
                db_remove_expired(d, k);
}

static key *find(db *d, uint64_t hash, bytes name) {
        void **slot = table_find(&d->keys, hash, name.p, name.n);
        key *k = slot ? *slot : NULL;

        if (!k && d->mounts) {
                mount *m = mount_of(d, name);

                return m ? mount_find(m, name) : NULL;
        }
        if (k && has_expired(d, k)) {
                expire_in_passing(d, k);
                return NULL;
        }
        return k;
}

key *db_peek(db *d, bytes name) {
        return find(d, table_hash(name.p, name.n), name);
}

key *db_look(db *d, bytes name) {
        key *k = db_peek(d, name);

        if (k) {
                d->store->stats.n_hits++;
                evict_use(d->store, k);
        } else {
                d->store->stats.n_misses++;
                notify_event(d, name, NOTIFY_MISS, "keymiss");
        }
        return k;
}

key *db_read(db *d, bytes name) {
        return db_look(d, name);
}

key *db_write(db *d, bytes name) {
        key *k = db_peek(d, name);

        if (k) {
                keep(d, k);
                evict_use(d->store, k);
        }
        return k;
}

/* A key of @size that is in no table yet; if it has an expiry, that is to be put in. */
static key *new_block(db *d, bytes name, key_type type, bool has_expiry, size_t size) {
        key *k = mem_new(size);

        if (!k)
                return NULL;
        *k = (key){ .lru = evict_fresh(d->store) & 0xffffff,
                    .type = type,
                    .n_name = (uint32_t)name.n & KEY_NAME_MAX,
                    .has_expiry = has_expiry,
                    .is_saved = d->store->side };
        value_init(k);
        memcpy((char *)key_name(k).p, name.p, name.n);
        return k;
}

key *db_new_key(db *d, bytes name, key_type type) {
        if (name.n > KEY_NAME_MAX)
                return NULL;
        return new_block(d, name, type, false, size_of(name.n, false, 0));
}

/* While expired keys are only hidden one may be in the place of a new one of its name. */
static void drop_hidden(db *d, bytes name) {
        void **slot = slot_of(&d->keys, name);

        if (slot && d->store->follows)
                db_remove(d, *slot);
        else if (slot)
                db_remove_expired(d, *slot);
}

key *db_add(db *d, bytes name, key_type type) {
        mount *m = mount_of(d, name);
        key *k = m ? mount_add(m, name, type) : db_new_key(d, name, type);

        if (!k || m)
                return k;
        if (d->store->hold || d->store->follows)
                drop_hidden(d, name);
        if (table_add(&d->keys, table_hash(name.p, name.n), k) < 0)
                return mem_free(k);
        notify_event(d, name, NOTIFY_NEW, "new");
        return k;
}

key *db_set_inline(db *d, key *k, bytes value) {
        char kept[KEY_INLINE_MAX]; /* the value may lie in the block that is resized */
        size_t size = size_of(k->n_name, k->has_expiry, value.n);

        keep(d, k);
        memcpy(kept, value.p, value.n);
        if (size != size_now(k)) {
                k = resize(d, k, size);
                if (!k)
                        return NULL;
        }
        lazy_value(d->store, k);
        k->n_inline = value.n;
        memcpy(key_inline(k), kept, value.n);
        return k;
}

key *db_expire(db *d, key *k, int64_t when) {
        bool wants = when != INT64_MAX;
        bytes name = key_name(k);
        key *moved;

        if (k->is_computed && wants) {
                mount_refuse(d->store, name, "a computed key does not expire");
                return NULL;
        }
        keep(d, k);
        if (wants != k->has_expiry) {
                void **at = slot_of(&d->keys, name);

                moved = new_block(d, name, k->type, wants, size_for(k, name.n, wants));
                if (!moved)
                        return NULL;
                moved->lru = k->lru;
                if (wants && table_add(&d->expiring, table_hash(name.p, name.n), moved) < 0) {
                        mem_free(moved);
                        return NULL;
                }
                if (!wants)
                        table_take(&d->expiring, table_hash(name.p, name.n), name.p, name.n);
                *at = moved;
                fill(moved, k);
                mem_free(k);
                k = moved;
        }
        if (wants) {
                memcpy(k->rest, &when, sizeof(when));
                upkeep_wake(d->store);
        }
        return k;
}

key *db_clear(db *d, key *k) {
        bool was_inner = k->encoding == KEY_INNER_PACK;

        keep(d, k);
        lazy_value(d->store, k);
        return was_inner ? db_trim(d, k) : k;
}

void db_remove(db *d, key *k) {
        bytes name = key_name(k);
        uint64_t hash = table_hash(name.p, name.n);

        if (k->is_computed) {
                mount_remove(mount_of(d, name), name);
                return;
        }
        table_take(&d->keys, hash, name.p, name.n);
        if (k->has_expiry)
                table_take(&d->expiring, hash, name.p, name.n);
        if (k->is_saved == d->store->side || !snapshot_take_key(d, k))
                lazy_key(d->store, k);
}

void db_remove_expired(db *d, key *k) {
        feed_send(&d->store->feed, d, (bytes[]){ BYTES("DEL"), key_name(k) }, 2);
        d->store->stats.n_expired++;
        db_changed(d, key_name(k), NOTIFY_EXPIRED, "expired");
        db_remove(d, k);
}

void db_evict(db *d, key *k) {
        feed_send(&d->store->feed, d, (bytes[]){ BYTES("DEL"), key_name(k) }, 2);
        d->store->stats.n_evicted++;
        db_changed(d, key_name(k), NOTIFY_EVICTED, "evicted");
        db_remove(d, k);
}

bool db_remove_if_empty(db *d, key *k) {
        if (value_count(k) > 0)
                return false;
        db_changed(d, key_name(k), NOTIFY_GENERIC, "del");
        db_remove(d, k);
        return true;
}

/* The block of @k as large as the value of @from wants it. */
static key *make_room(db *d, key *k, key *from) {
        if (!key_pack_fits(k->n_name) && key_pack_take_out(from) < 0)
                return NULL;
        return resize(d, k, size_for(from, k->n_name, k->has_expiry));
}

key *db_move(db *d, key *k, db *to, bytes name) {
        bool is_computed = mount_of(to, name);
        int64_t when = key_expiry(k);
        key *moved, *timed, *roomy;

        if (is_computed != k->is_computed) {
                mount_refuse(d->store, name, "computed keys and stored ones stay apart");
                return NULL;
        }
        moved = db_add(to, name, k->type);
        if (!moved)
                return NULL;
        keep(d, k);
        timed = k->has_expiry ? db_expire(to, moved, when) : moved;
        moved = timed ? timed : moved;
        roomy = timed ? make_room(to, moved, k) : NULL;
        if (!roomy) {
                db_remove(to, moved);
                return NULL;
        }
        fill(roomy, k);
        roomy->lru = k->lru;
        db_remove(d, k);
        return roomy;
}

static key *replace_computed(db *d, mount *m, key *k, bytes name, key *loose, int64_t when) {
        if (when != INT64_MAX) {
                mount_refuse(d->store, name, "a computed key does not expire");
                return NULL;
        }
        if (!k)
                k = mount_add(m, name, loose->type);
        if (k)
                k = make_room(d, k, loose);
        if (k) {
                lazy_value(d->store, k);
                k->type = loose->type;
                fill(k, loose);
        }
        return k;
}

/* A block of its own for the new key, so that the old one is whole until nothing can fail. */
key *db_replace(db *d, bytes name, key *loose, int64_t when) {
        uint64_t hash = table_hash(name.p, name.n);
        key *old = db_write(d, name), *k;
        bool was = old && old->has_expiry, is = when != INT64_MAX;
        mount *m = mount_of(d, name);

        if (m)
                return replace_computed(d, m, old, name, loose, when);
        if (!key_pack_fits(name.n) && key_pack_take_out(loose) < 0)
                return NULL;
        k = new_block(d, name, loose->type, is, size_for(loose, name.n, is));
        if (!k)
                return NULL;
        if (is && !was && table_add(&d->expiring, hash, k) < 0) {
                mem_free(k);
                return NULL;
        }
        if (!old && table_add(&d->keys, hash, k) < 0) {
                if (is)
                        table_take(&d->expiring, hash, name.p, name.n);
                mem_free(k);
                return NULL;
        }
        if (was && is)
                *slot_of(&d->expiring, name) = k;
        else if (was)
                table_take(&d->expiring, hash, name.p, name.n);
        if (old) {
                *slot_of(&d->keys, name) = k;
                lazy_key(d->store, old);
        }
        fill(k, loose);
        if (is) {
                memcpy(k->rest, &when, sizeof(when));
                upkeep_wake(d->store);
        }
        if (!old)
                notify_event(d, name, NOTIFY_NEW, "new");
        return k;
}

void db_changed(db *d, bytes name, notify_class class, const char *event) {
        if (d->store->mounting.n_mounts > 0) {
                mount *m = mount_of(d, name);

                if (m && mount_notes(m, name, class, event))
                        return;
                if (!m)
                        mount_touch(d, name);
        }
        d->store->n_changes++;
        multi_touch(d, name);
        block_signal(d, name);
        tracking_changed(d->store, name);
        if (event)
                notify_event(d, name, class, event);
}

void db_flush(db *d) {
        multi_touch_all(d, NULL);
        block_signal_all(d);
        snapshot_take_all(d);
        drop_keys(d);
        for (mount *m = NULL; (m = mount_next(d, m ? m->id : 0));)
                mount_send_all(m, true);
}

void db_take_all(db *d, db *from) {
        multi_touch_all(d, from);
        db_flush(d);
        d->keys = from->keys;
        d->expiring = from->expiring;
        table_init(&from->keys, name_of);
        table_init(&from->expiring, name_of);
        block_signal_all(d);
}

size_t db_size(const db *d) {
        return table_count(&d->keys) + (d->mounts ? mount_count(d) : 0);
}
