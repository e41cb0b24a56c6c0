/* SPDX-License-Identifier: Apache-2.0 */
#include "chain.h"

#include <errno.h>

#include "../../base/mem.h"

/* What comes in at the head moves the rest of its chunk. So it goes to a short one, which is
 * joined to the next as a whole. Picked: a copy of the next for each 1,024 bytes. */
enum { HEAD_BYTES = 1024 };

/* Never empty. */
struct chain_chunk {
        list in;
        pack *values;
};

/* chunks */

static chain_chunk *chunk_of(const list *node) {
        return container_of((list *)node, chain_chunk, in);
}

/* The neighbour towards @to, or NULL. */
static chain_chunk *neighbour(const chain *c, const chain_chunk *chunk, chain_end to) {
        const list *node = to == CHAIN_HEAD ? chunk->in.prev : chunk->in.next;

        return node == &c->chunks ? NULL : chunk_of(node);
}

static chain_chunk *end_chunk(const chain *c, chain_end end) {
        const list *node = end == CHAIN_HEAD ? list_first(&c->chunks) : list_last(&c->chunks);

        return node ? chunk_of(node) : NULL;
}

static size_t end_place(const pack *p, chain_end end) {
        return end == CHAIN_HEAD ? pack_first(p) : pack_last(p);
}

/* A chunk for @values, which is in no chain yet. */
static chain_chunk *chunk_new(pack *values) {
        chain_chunk *chunk = mem_new(sizeof(*chunk));

        if (!chunk)
                return NULL;
        list_init(&chunk->in);
        chunk->values = values;
        return chunk;
}

static void chunk_free(chain *c, chain_chunk *chunk) {
        list_remove(&chunk->in);
        pack_free(chunk->values);
        mem_free(chunk);
        c->n_chunks--;
}

/* The value at the place and what comes after it are a chunk of their own then, in
 * which the place is the first. Returns false without memory. */
static bool chunk_split(chain *c, chain_place *place) {
        chain_chunk *rest = chunk_new(NULL);

        if (!rest)
                return false;
        if (pack_split(&place->chunk->values, place->at, &rest->values) < 0) {
                mem_free(rest);
                return false;
        }
        list_prepend(&place->chunk->in, &rest->in);
        c->n_chunks++;
        *place = (chain_place){ .chunk = rest, .at = pack_first(rest->values) };
        return true;
}

static bool is_too_large(const chain *c, const chain_chunk *chunk) {
        size_t count = pack_count(chunk->values);

        return count > 1 && (pack_bytes(chunk->values) > c->max_bytes || count > c->max_count);
}

/* @a and the one behind it to one, if that is within these bounds. A place in either stays a
 * place. */
static void join_within(chain *c, chain_chunk *a, size_t max_bytes, size_t max_count,
                        chain_place *place) {
        chain_chunk *b = a ? neighbour(c, a, CHAIN_TAIL) : NULL;
        size_t n_bytes;

        if (!b)
                return;
        n_bytes = pack_bytes(a->values);
        if (n_bytes + pack_bytes(b->values) > max_bytes ||
            pack_count(a->values) + pack_count(b->values) > max_count)
                return;
        if (pack_join(&a->values, b->values) < 0)
                return;
        if (place->chunk == b)
                *place = (chain_place){ .chunk = a, .at = place->at + n_bytes };
        chunk_free(c, b);
}

/* A quarter is left, so that the next value does not split it again. */
static void join_if_small(chain *c, chain_chunk *a, chain_place *place) {
        join_within(c, a, c->max_bytes / 4 * 3, c->max_count / 4 * 3, place);
}

/* After a change of @chunk, which may be empty. */
static void settle(chain *c, chain_chunk *chunk, chain_place *place) {
        chain_chunk *before = neighbour(c, chunk, CHAIN_HEAD);

        if (pack_count(chunk->values) == 0)
                chunk_free(c, chunk);
        else
                join_if_small(c, chunk, place);
        join_if_small(c, before, place);
}

/* After the value at the place has come to be there, or has become another: it is the
 * place to split, and alone if it is large itself. */
static void split_if_large(chain *c, chain_place *place) {
        chain_chunk *before;
        chain_place next;

        if (!is_too_large(c, place->chunk))
                return;
        if (place->at != pack_first(place->chunk->values) && !chunk_split(c, place))
                return;
        next = (chain_place){ place->chunk, pack_next(place->chunk->values, place->at) };
        if (is_too_large(c, place->chunk) && next.at)
                chunk_split(c, &next);

        /* what was split off on either side may be small */
        join_if_small(c, neighbour(c, place->chunk, CHAIN_TAIL), place);
        before = neighbour(c, place->chunk, CHAIN_HEAD);
        settle(c, place->chunk, place);
        if (before)
                join_if_small(c, neighbour(c, before, CHAIN_HEAD), place);
}

/* the chain */

void chain_init(chain *c) {
        *c = (chain){ .max_bytes = CHAIN_BYTES, .max_count = CHAIN_COUNT };
        list_init(&c->chunks);
}

void chain_deinit(chain *c) {
        while (c->n_chunks)
                chunk_free(c, end_chunk(c, CHAIN_HEAD));
        c->n = 0;
}

void chain_set_bounds(chain *c, size_t max_bytes, size_t max_count) {
        if (max_bytes)
                c->max_bytes = max_bytes;
        if (max_count)
                c->max_count = max_count < PACK_COUNT_MAX ? max_count : PACK_COUNT_MAX;
}

void chain_move(chain *to, chain *from) {
        *to = *from;
        list_init(&to->chunks);
        list_move(&to->chunks, &from->chunks);
        from->n = from->n_chunks = 0;
}

int chain_copy(chain *to, const chain *from) {
        chain_set_bounds(to, from->max_bytes, from->max_count);
        list_each(i, &from->chunks) {
                pack *values = pack_copy(chunk_of(i)->values);

                if (!values || chain_push_pack(to, values) < 0) {
                        pack_free(values);
                        chain_deinit(to);
                        return -ENOMEM;
                }
        }
        return 0;
}

size_t chain_count(const chain *c) {
        return c->n;
}

size_t chain_n_chunks(const chain *c) {
        return c->n_chunks;
}

size_t chain_bytes(const chain *c) {
        size_t n = 0;

        list_each(i, &c->chunks)
                n += sizeof(chain_chunk) + pack_size(chunk_of(i)->values);
        return n;
}

bool chain_drain(chain *c, size_t n) {
        while (c->n_chunks && n > 0) {
                chain_chunk *chunk = end_chunk(c, CHAIN_HEAD);
                size_t count = pack_count(chunk->values);

                c->n -= count;
                n -= count < n ? count : n;
                chunk_free(c, chunk);
        }
        return c->n_chunks > 0;
}

/* ends */

static bool has_room(const chain *c, const chain_chunk *chunk, size_t n) {
        size_t cost = pack_cost(n);

        return cost <= c->max_bytes && pack_bytes(chunk->values) + cost <= c->max_bytes &&
               pack_count(chunk->values) < c->max_count;
}

static void put_chunk(chain *c, chain_end end, chain_chunk *chunk) {
        if (end == CHAIN_HEAD)
                list_prepend(&c->chunks, &chunk->in);
        else
                list_append(&c->chunks, &chunk->in);
        c->n_chunks++;
        c->n += pack_count(chunk->values);
}

/* The first chunk, if it is short enough for one more value in front; NULL for none. */
static chain_chunk *short_head(chain *c) {
        chain_chunk *chunk = end_chunk(c, CHAIN_HEAD);
        chain_place none = { 0 };

        if (!chunk || pack_bytes(chunk->values) < HEAD_BYTES)
                return chunk;
        join_within(c, chunk, c->max_bytes, c->max_count, &none);
        return NULL;
}

int chain_push(chain *c, chain_end end, const void *data, size_t n) {
        chain_chunk *chunk = end == CHAIN_HEAD ? short_head(c) : end_chunk(c, end);
        pack *values;
        int r;

        if (chunk && has_room(c, chunk, n)) {
                size_t at = end == CHAIN_HEAD ? pack_first(chunk->values) : 0;

                r = pack_insert(&chunk->values, at, data, n);
                if (r < 0)
                        return r;
                c->n++;
                return 0;
        }

        values = pack_new();
        if (!values)
                return -ENOMEM;
        r = pack_append(&values, data, n);
        chunk = r < 0 ? NULL : chunk_new(values);
        if (!chunk) {
                pack_free(values);
                return r < 0 ? r : -ENOMEM;
        }
        put_chunk(c, end, chunk);
        return 0;
}

int chain_push_pack(chain *c, pack *p) {
        chain_chunk *chunk;

        if (pack_count(p) == 0) {
                pack_free(p);
                return 0;
        }
        chunk = chunk_new(p);
        if (!chunk)
                return -ENOMEM;
        put_chunk(c, CHAIN_TAIL, chunk);
        return 0;
}

bool chain_peek(const chain *c, chain_end end, pack_value *ret) {
        const chain_chunk *chunk = end_chunk(c, end);

        if (!chunk)
                return false;
        pack_get(chunk->values, end_place(chunk->values, end), ret);
        return true;
}

void chain_drop(chain *c, chain_end end, size_t n) {
        while (n > 0 && c->n > 0) {
                chain_chunk *chunk = end_chunk(c, end);
                size_t count = pack_count(chunk->values);

                if (n >= count) {
                        chunk_free(c, chunk);
                        c->n -= count;
                        n -= count;
                } else {
                        long first = end == CHAIN_HEAD ? 0 : -(long)n;

                        pack_remove(&chunk->values, pack_seek(chunk->values, first), n);
                        c->n -= n;
                        n = 0;
                }
        }
}

/* places */

bool chain_seek(const chain *c, long index, chain_place *ret) {
        const chain_chunk *chunk;
        size_t n_before;

        if (index < 0)
                index += (long)c->n;
        if (index < 0 || (size_t)index >= c->n)
                return false;
        if ((size_t)index < c->n / 2) {
                n_before = 0;
                chunk = end_chunk(c, CHAIN_HEAD);
                for (; n_before + pack_count(chunk->values) <= (size_t)index;
                     chunk = neighbour(c, chunk, CHAIN_TAIL))
                        n_before += pack_count(chunk->values);
        } else {
                n_before = c->n - pack_count(end_chunk(c, CHAIN_TAIL)->values);
                for (chunk = end_chunk(c, CHAIN_TAIL); n_before > (size_t)index;
                     n_before -= pack_count(chunk->values))
                        chunk = neighbour(c, chunk, CHAIN_HEAD);
        }
        *ret = (chain_place){
                .chunk = (chain_chunk *)chunk,
                .at = pack_seek(chunk->values, index - (long)n_before),
        };
        return true;
}

/* The end of a chunk that faces away from @to, or no place. */
static bool enter(chain_place *place, chain_chunk *chunk, chain_end to) {
        chain_end from = to == CHAIN_HEAD ? CHAIN_TAIL : CHAIN_HEAD;

        *place = (chain_place){ .chunk = chunk };
        if (chunk)
                place->at = end_place(chunk->values, from);
        return chunk != NULL;
}

bool chain_begin(const chain *c, chain_end from, chain_place *ret) {
        return enter(ret, end_chunk(c, from), from == CHAIN_HEAD ? CHAIN_TAIL : CHAIN_HEAD);
}

bool chain_move_on(const chain *c, chain_place *place, chain_end to) {
        const pack *values = place->chunk->values;
        size_t at = to == CHAIN_HEAD ? pack_prev(values, place->at) : pack_next(values, place->at);

        if (!at)
                return enter(place, neighbour(c, place->chunk, to), to);
        place->at = at;
        return true;
}

void chain_get(const chain_place *place, pack_value *ret) {
        pack_get(place->chunk->values, place->at, ret);
}

bool chain_is(const chain_place *place, const void *data, size_t n) {
        return pack_is(place->chunk->values, place->at, data, n);
}

/* changes in the middle */

int chain_insert(chain *c, chain_place *place, bool behind, const void *data, size_t n) {
        pack **values = &place->chunk->values;
        size_t at = behind ? pack_next(*values, place->at) : place->at;
        int r = pack_insert(values, at, data, n);

        if (r < 0)
                return r;
        c->n++;
        place->at = at ? at : pack_last(*values);
        split_if_large(c, place);
        return 0;
}

int chain_replace(chain *c, chain_place *place, const void *data, size_t n) {
        int r = pack_replace(&place->chunk->values, place->at, data, n);

        if (r < 0)
                return r;
        split_if_large(c, place);
        settle(c, place->chunk, place);
        return 0;
}

void chain_remove(chain *c, chain_place *place, chain_end to) {
        chain_chunk *chunk = place->chunk;
        chain_place left = { .chunk = chunk };
        size_t next;

        if (to == CHAIN_HEAD)
                left.at = pack_prev(chunk->values, place->at);
        next = pack_remove(&chunk->values, place->at, 1);
        if (to == CHAIN_TAIL)
                left.at = next;
        c->n--;
        if (!left.at)
                enter(&left, neighbour(c, chunk, to), to);

        settle(c, chunk, &left);
        *place = left;
}

void chain_cut(chain *c, size_t from, size_t n) {
        chain_place place, none = { 0 };
        chain_chunk *before;

        if (!chain_seek(c, (long)from, &place))
                return;
        before = neighbour(c, place.chunk, CHAIN_HEAD);
        while (n > 0 && place.chunk) {
                chain_chunk *chunk = place.chunk, *next = neighbour(c, chunk, CHAIN_TAIL);
                size_t count = pack_count(chunk->values), n_removed;

                pack_remove(&chunk->values, place.at, n);
                n_removed = count - pack_count(chunk->values);
                c->n -= n_removed;
                n -= n_removed;
                if (n_removed == count)
                        chunk_free(c, chunk);
                enter(&place, next, CHAIN_TAIL);
        }
        join_if_small(c, before ? neighbour(c, before, CHAIN_TAIL) : end_chunk(c, CHAIN_HEAD),
                      &none);
        join_if_small(c, before, &none);
}
