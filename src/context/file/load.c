/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../../base/cleanup.h"
#include "../../base/decimal.h"
#include "../../base/fds.h"
#include "../../base/mem.h"
#include "../evict.h"
#include "../store.h"
#include "../type/key-hash.h"
#include "../type/key-list.h"
#include "../type/key-set.h"
#include "../type/key-stream.h"
#include "../type/key-string.h"
#include "../type/key-zset.h"
#include "../type/value.h"

enum { READ_SIZE = 1 << 18 };

/* a value, as it is said */

static key *add_key(db *d, bytes name, uint8_t type) {
        switch (type) {
        case RDB_LIST:
                return list_add(d, name);
        case RDB_SET:
                return set_add(d, name);
        case RDB_ZSET:
                return zset_add(d, name);
        case RDB_HASH:
                return hash_add(d, name);
        case RDB_STREAM:
                return stream_add(d, name);
        default:
                return db_add(d, name, KEY_STRING);
        }
}

static int put_string(load *l, bytes value) {
        key *k = string_set(l->db, l->k, value);

        if (!k)
                return -ENOMEM;
        l->k = k;
        return 1;
}

/* What is in twice is broken: the counts would not be true. */
static int put_element(load *l) {
        const rdb_in *in = &l->in;
        int r;

        switch (in->type) {
        case RDB_LIST:
                r = chain_push(list_of(l->k), CHAIN_TAIL, in->a.p, in->a.n);
                return r < 0 ? r : 1;
        case RDB_SET:
                r = set_put(l->db, l->k, in->a);
                break;
        case RDB_ZSET:
                r = zset_put(l->db, &l->k, in->a, in->score);
                break;
        case RDB_HASH:
                r = hash_set(l->db, &l->k, in->a, in->b);
                break;
        default:
                return put_string(l, in->a);
        }
        return r == 0 ? -EPROTO : r;
}

void load_set_use(const store *s, key *k, int64_t idle, int freq) {
        if (evict_is_by_use(s) && freq >= 0)
                evict_set_count(s, k, freq);
        else if (!evict_is_by_use(s) && idle >= 0)
                evict_set_idle(s, k, idle);
}

static int begin_key(load *l, bytes name) {
        bool has_expired = l->in.expiry <= l->store->now && !l->store->follows, is_there;

        l->n_expired += has_expired;
        l->skips = has_expired || mount_of(l->db, name);
        if (l->skips)
                return 1;
        is_there = table_find(&l->db->keys, table_hash(name.p, name.n), name.p, name.n);
        if (is_there)
                return -EPROTO;
        l->k = add_key(l->db, name, l->in.type);
        if (l->k && l->in.expiry != INT64_MAX) {
                key *k = db_expire(l->db, l->k, l->in.expiry);

                if (!k)
                        return -ENOMEM;
                l->k = k;
        }
        if (l->k)
                load_set_use(l->store, l->k, l->in.idle, l->in.freq);
        return l->k ? 1 : -ENOMEM;
}

static void drop_key(load *l) {
        if (l->k)
                db_remove(l->db, l->k);
        l->k = NULL;
}

/* A stream may be; of the others Redis keeps none that is. */
static bool is_empty(const key *k) {
        return k->type != KEY_STREAM && value_count(k) == 0;
}

static int end_key(load *l) {
        int r = load_stream_end(&l->stream);

        if (r < 0)
                return r;
        if (l->k && is_empty(l->k))
                drop_key(l);
        l->n_keys += l->k != NULL;
        l->k = NULL;
        return 1;
}

/* Returns 1, or an error. */
static int see(load *l) {
        const rdb_in *in = &l->in;
        int64_t number;

        switch (in->got) {
        case RDB_GOT_AUX:
                if (bytes_is(in->a, "repl-stream-db") && decimal_read(in->b.p, in->b.n, &number) &&
                    number >= 0 && number < l->store->n_dbs)
                        l->stream_db = (int)number;
                return 1;
        case RDB_GOT_SELECT:
                if (in->number >= (uint64_t)l->store->n_dbs)
                        return -ERANGE;
                l->db = &l->store->dbs[in->number];
                return 1;
        case RDB_GOT_KEY:
                return begin_key(l, in->a);
        case RDB_GOT_ELEMENT:
                return l->skips ? 1 : put_element(l);
        case RDB_GOT_VALUE:
                return end_key(l);
        case RDB_GOT_RESIZE:
        case RDB_GOT_FUNCTION:
        case RDB_GOT_END:
                return 1;
        default:
                return l->skips ? 1 : load_stream_see(&l->stream, l->db, l->k, in);
        }
}

/* all of it, in pieces */

void load_init(load *l, store *s) {
        *l = (load){ .store = s, .db = &s->dbs[0] };
        rdb_in_init(&l->in);
}

void load_deinit(load *l) {
        drop_key(l);
        load_stream_deinit(&l->stream);
        rdb_in_deinit(&l->in);
        l->kept = mem_free(l->kept);
        l->n_kept = l->size = 0;
}

/* What can be said of these bytes. 1: all; 0: more is needed; in both cases *ret_used. */
static int use(load *l, const uint8_t *p, size_t n, size_t *ret_used) {
        size_t used = 0;
        int r;

        while ((r = rdb_in_next(&l->in, p + used, n - used)) > 0) {
                used += l->in.consumed;
                if (l->in.got == RDB_GOT_END)
                        break;
                r = see(l);
                if (r < 0)
                        return r;
        }
        if (r == 0)
                used += l->in.consumed;
        *ret_used = used;
        return r;
}

/* Behind what is kept; but never room for more than twice what has come, or what is said
 * would cost memory before it is true. */
static int keep(load *l, const uint8_t *p, size_t n) {
        if (n == 0)
                return 0;
        if (l->n_kept + n > l->size) {
                size_t size = 2 * (l->n_kept + n);
                uint8_t *grown = mem_resize(l->kept, size);

                if (!grown)
                        return -ENOMEM;
                l->kept = grown;
                l->size = size;
        }
        memcpy(l->kept + l->n_kept, p, n);
        l->n_kept += n;
        return 0;
}

/* Behind what was kept as much of @p is put as what is in progress wants; so that the rest
 * need not be copied. */
static int use_kept(load *l, const uint8_t *p, size_t n, size_t *ret_used) {
        size_t used = 0, more = 0;
        int r = 0;

        while (l->n_kept > 0 && r == 0 && more < n) {
                size_t wants = l->in.want - l->n_kept;
                size_t add = wants < n - more ? wants : n - more;

                r = keep(l, p + more, add);
                if (r < 0)
                        return r;
                more += add;
                r = use(l, l->kept, l->n_kept, &used);
                if (r < 0)
                        return r;
                l->n_kept -= used;
                memmove(l->kept, l->kept + used, l->n_kept);
        }
        *ret_used = more;
        return r;
}

int load_feed(load *l, const void *data, size_t n, size_t *ret_rest) {
        const uint8_t *p = data;
        size_t used = 0, more;
        int r;

        l->store->is_loading = true;
        r = use_kept(l, p, n, &more);
        if (r == 0) {
                r = use(l, p + more, n - more, &used);
                used += more;
                if (r == 0)
                        r = keep(l, p + used, n - used);
        } else if (r > 0) {
                used = more - l->n_kept;
        }
        l->store->is_loading = false;
        *ret_rest = n - used;
        return r;
}

int load_file(store *s, const char *path) {
        _cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
        _cleanup_(mem_freep) uint8_t *buf = mem_new(READ_SIZE);
        size_t rest;
        ssize_t n;
        load l;
        int r;

        if (fd < 0)
                return -errno;
        if (!buf)
                return -ENOMEM;
        load_init(&l, s);
        do {
                do
                        n = read(fd, buf, READ_SIZE);
                while (n < 0 && errno == EINTR);
                if (n < 0)
                        r = -errno;
                else
                        r = n > 0 ? load_feed(&l, buf, (size_t)n, &rest) : -EPROTO;
        } while (r == 0);
        load_deinit(&l);
        return r < 0 ? r : 0;
}

/* a value alone */

int load_value(db *d, bytes name, bytes payload, key **ret) {
        const uint8_t *p = (const uint8_t *)payload.p;
        load l = { .store = d->store, .db = d };
        size_t at = 0;
        int r;

        rdb_in_init_payload(&l.in);
        while ((r = rdb_in_next(&l.in, p + at, payload.n - at)) > 0 && l.in.got != RDB_GOT_VALUE) {
                at += l.in.consumed;
                r = l.in.got == RDB_GOT_KEY ? begin_key(&l, name) : see(&l);
                if (r < 0)
                        break;
        }
        /* too short, or with nothing in it */
        if (r == 0 || (r > 0 && is_empty(l.k)))
                r = -EPROTO;
        if (r > 0)
                r = load_stream_end(&l.stream);
        if (r > 0) {
                *ret = l.k;
                l.k = NULL;
        }
        load_deinit(&l);
        return r < 0 ? r : 0;
}
