/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "../../base/mem.h"
#include "../../base/random.h"

/* N_FILL is a trade of memory for time: by the middle of a round half of the entries
 * are in buckets that are still to be split, and hold half as many again. With five, a
 * million entries take 15 bytes each and a find reads 1.1 buckets; with six it is 13
 * and 1.2. Shrinking begins far below, so that nobody swings between the two. */
enum {
        N_SLOTS = 7,
        N_LINKED = N_SLOTS - 1, /* entries in a bucket that another is behind */
        N_FILL = 5,
        N_FILL_MIN = 2,
        N_FIRST = 8,
        SEGMENT_BITS = 10,
        SEGMENT_SIZE = 1 << SEGMENT_BITS,
        LINE = 64,
};

/* The lowest byte of the word is how many entries are here, and whether another bucket
 * is behind this one, in the place of the last slot; then come the tags of the slots.
 * Entries are dense: only the last bucket of a row has room, and one behind another
 * has at least two. */
struct table_bucket {
        uint64_t word;
        void *slots[N_SLOTS];
};
static_assert(sizeof(table_bucket) == LINE || sizeof(void *) != 8, "a bucket is a cache line");

enum { COUNT = 0x07, LINKED = 0x80 };

#define EACH_BYTE UINT64_C(0x0101010101010101)

/* the word */

static inline size_t count_of(const table_bucket *b) {
        return b->word & COUNT;
}

static inline table_bucket *behind(const table_bucket *b) {
        return b->word & LINKED ? b->slots[N_LINKED] : NULL;
}

/* The top bits choose no bucket before there are 2^56. */
static inline uint8_t tag_of(uint64_t hash) {
        return (uint8_t)(hash >> 56);
}

static inline uint8_t tag_at(const table_bucket *b, size_t i) {
        return (uint8_t)(b->word >> (8 + 8 * i));
}

static inline void set_slot(table_bucket *b, size_t i, uint8_t tag, void *entry) {
        size_t shift = 8 + 8 * i;

        b->word = (b->word & ~(UINT64_C(0xff) << shift)) | (uint64_t)tag << shift;
        b->slots[i] = entry;
}

/* The top bit of each byte whose slot is in use and has this tag. */
static inline uint64_t matches(const table_bucket *b, uint8_t tag) {
        uint64_t in_use = ~UINT64_C(0) >> (8 * (N_SLOTS - count_of(b))) & ~UINT64_C(0xff);
        uint64_t differ = b->word ^ tag * EACH_BYTE;

        /* without a carry from byte to byte, as one byte's would spoil the next one's */
        differ |= (differ & 0x7f * EACH_BYTE) + 0x7f * EACH_BYTE;
        return ~differ & 0x80 * EACH_BYTE & in_use;
}

static inline size_t slot_of_match(uint64_t hits) {
        return (size_t)__builtin_ctzll(hits) / 8 - 1;
}

/* rows: a bucket and those behind it */

static size_t row_count(const table_bucket *b) {
        size_t n = 0;

        for (; behind(b); b = behind(b))
                n += N_LINKED;
        return n + count_of(b);
}

/* How many buckets are behind the first in a row of @n. */
static size_t n_behind_of(size_t n) {
        return n <= N_SLOTS ? 0 : (n - N_SLOTS + N_LINKED - 1) / N_LINKED;
}

/* The bucket of the @*at-th entry, and its place in there. */
static table_bucket *row_seek(table_bucket *b, size_t *at) {
        for (; behind(b) && *at >= N_LINKED; b = behind(b))
                *at -= N_LINKED;
        return b;
}

/* @spare has a bucket if the row may need one. */
static void row_add(table_bucket *b, uint8_t tag, void *entry, table_bucket **spare) {
        table_bucket *last;

        while (behind(b))
                b = behind(b);
        if (count_of(b) < N_SLOTS) {
                set_slot(b, count_of(b), tag, entry);
                b->word++;
                return;
        }

        last = *spare;
        *spare = last->slots[N_LINKED];
        last->word = 2;
        set_slot(last, 0, tag_at(b, N_LINKED), b->slots[N_LINKED]);
        set_slot(last, 1, tag, entry);
        b->word = (b->word & ~(uint64_t)COUNT) | LINKED | N_LINKED;
        b->slots[N_LINKED] = last;
}

/* The last of the row fills the gap, so a walk from the end to the begin may remove
 * what it stands on. Returns a bucket that has become free, or NULL. */
static table_bucket *row_remove(table_bucket *row, table_bucket *b, size_t i) {
        table_bucket *last = row, *before = NULL;
        size_t n;

        for (; behind(last); last = behind(last))
                before = last;
        n = count_of(last) - 1;
        set_slot(b, i, tag_at(last, n), last->slots[n]);
        last->word--;
        if (!before || n > 1)
                return NULL;
        before->word = (before->word & ~(uint64_t)(LINKED | COUNT)) | N_SLOTS;
        set_slot(before, N_LINKED, tag_at(last, 0), last->slots[0]);
        return last;
}

static void row_prefetch(const table_bucket *b) {
        size_t n = count_of(b);

        for (size_t i = 0; i < n; i++)
                __builtin_prefetch(b->slots[i]);
}

/* buckets */

static inline table_bucket *bucket_at(const table *t, size_t i) {
        if (!t->segments)
                return t->first + i;
        return t->segments[i >> SEGMENT_BITS] + (i & (SEGMENT_SIZE - 1));
}

/* Buckets that have been split in this round, and the new ones, have a bit more. */
static inline size_t index_of(const table *t, uint64_t hash) {
        size_t i = hash & (2 * t->mask + 1);

        return i < t->n_buckets ? i : i & t->mask;
}

static inline table_bucket *bucket_of(const table *t, uint64_t hash) {
        return bucket_at(t, index_of(t, hash));
}

static table_bucket *buckets_new(size_t n) {
        table_bucket *b = mem_aligned(LINE, n * sizeof(*b));

        if (b)
                memset(b, 0, n * sizeof(*b));
        return b;
}

/* Those behind others are not aligned: that would cost as much again, and few finds
 * come to them. */
static void spare_free(table *t, table_bucket *spare) {
        while (spare) {
                table_bucket *next = spare->slots[N_LINKED];

                mem_free(spare);
                spare = next;
                t->n_behind--;
        }
}

static bool spare_new(table *t, size_t n, table_bucket **ret) {
        table_bucket *spare = NULL;

        for (; n > 0; n--) {
                table_bucket *b = mem_new(sizeof(*b));

                if (!b) {
                        spare_free(t, spare);
                        return false;
                }
                t->n_behind++;
                b->slots[N_LINKED] = spare;
                spare = b;
        }
        *ret = spare;
        return true;
}

/* All but the first bucket of a row, which is empty then. */
static void row_free(table *t, table_bucket *b) {
        table_bucket *next = behind(b);

        b->word = 0;
        while ((b = next)) {
                next = behind(b);
                mem_free(b);
                t->n_behind--;
        }
}

/* The first segment is one block of a power of two while it is alone. */
static bool first_resize(table *t, size_t n) {
        table_bucket *b = buckets_new(n);

        if (!b)
                return false;
        if (t->first)
                memcpy(b, t->first, t->n_buckets * sizeof(*b));
        mem_free(t->first);
        t->first = b;
        t->n_room = n;
        return true;
}

static bool segment_add(table *t) {
        size_t n = t->n_room >> SEGMENT_BITS;
        table_bucket *b = buckets_new(SEGMENT_SIZE);

        if (!b)
                return false;
        if ((n & (n - 1)) == 0) {
                table_bucket **segments = mem_resize(t->segments, 2 * n * sizeof(*segments));

                if (!segments) {
                        mem_free(b);
                        return false;
                }
                segments[0] = t->first;
                t->segments = segments;
        }
        t->segments[n] = b;
        t->n_room += SEGMENT_SIZE;
        return true;
}

static bool make_room(table *t) {
        if (t->n_buckets < t->n_room)
                return true;
        return t->n_room < SEGMENT_SIZE ? first_resize(t, t->n_room * 2) : segment_add(t);
}

/* Half a segment too many is kept, as the table may grow again. */
static void give_room(table *t) {
        while (t->n_room > SEGMENT_SIZE &&
               t->n_buckets + SEGMENT_SIZE + SEGMENT_SIZE / 2 <= t->n_room) {
                t->n_room -= SEGMENT_SIZE;
                mem_free(t->segments[t->n_room >> SEGMENT_BITS]);
        }
        if (t->n_room <= SEGMENT_SIZE)
                t->segments = mem_free(t->segments);
        if (t->n_room <= SEGMENT_SIZE && t->n_room > N_FIRST && t->n_buckets <= t->n_room / 4)
                first_resize(t, t->n_room / 2);
}

/* growing and shrinking */

/* Deal @row out to itself and to @other, which is empty. Two rows never need more
 * buckets behind them than the one had. */
static void split(table *t, table_bucket *row, table_bucket *other, uint64_t bit) {
        table_bucket *spare = NULL, b = *row;

        row->word = 0;
        for (;;) {
                table_bucket *next = behind(&b);
                size_t n = count_of(&b);

                for (size_t i = 0; i < n; i++) {
                        size_t n_key;
                        const void *key = t->key(b.slots[i], &n_key);
                        uint64_t hash = hash_bytes(key, n_key);

                        row_add(hash & bit ? other : row, tag_of(hash), b.slots[i], &spare);
                }
                if (!next)
                        break;
                b = *next;
                next->slots[N_LINKED] = spare;
                spare = next;
        }
        spare_free(t, spare);
}

/* The keys of the next bucket to be split are fetched now: by then they are there, and
 * growing waits for no memory. */
static bool grow(table *t) {
        size_t from = t->n_buckets & t->mask;

        if (!make_room(t))
                return false;
        split(t, bucket_at(t, from), bucket_at(t, t->n_buckets), t->mask + 1);
        t->n_buckets++;
        if (t->n_buckets == 2 * (t->mask + 1))
                t->mask = 2 * t->mask + 1;

        from = t->n_buckets & t->mask;
        row_prefetch(bucket_at(t, from));
        if (from + 1 < t->n_buckets)
                __builtin_prefetch(bucket_at(t, from + 1));
        return true;
}

static bool shrink(table *t) {
        table_bucket *row, *from, *spare = NULL, *b;
        size_t last = t->n_buckets - 1, mask = last < t->mask + 1 ? t->mask >> 1 : t->mask, n;

        row = bucket_at(t, last & mask);
        from = bucket_at(t, last);
        n = row_count(row);
        if (!spare_new(t, n_behind_of(n + row_count(from)) - n_behind_of(n), &spare))
                return false;
        for (b = from; b; b = behind(b))
                for (size_t i = 0; i < count_of(b); i++)
                        row_add(row, tag_at(b, i), b->slots[i], &spare);
        row_free(t, from);
        t->n_buckets = last;
        t->mask = mask;
        give_room(t);
        return true;
}

/* Returns false if there is nothing to do, or no memory to do it with. */
static bool step(table *t) {
        if (t->n_paused)
                return false;
        if (t->n > t->n_buckets * N_FILL)
                return grow(t);
        if (t->n < t->n_buckets * N_FILL_MIN && t->n_buckets > N_FIRST)
                return shrink(t);
        return false;
}

bool table_step(table *t, size_t n) {
        if (t->n == 0 && !t->n_paused)
                table_deinit(t);
        while (n > 0 && step(t))
                n--;
        return n == 0;
}

/* After each change. One bucket is enough to stay in line, two catch up. */
static void catch_up(table *t) {
        if (t->n == 0 && !t->n_paused)
                table_deinit(t);
        else if (step(t))
                step(t);
}

void table_pause(table *t) {
        t->n_paused++;
}

void table_resume(table *t) {
        assert(t->n_paused > 0);
        t->n_paused--;
        catch_up(t);
}

/* the table */

void table_init(table *t, table_key *key) {
        *t = (table){ .key = key };
}

void table_deinit(table *t) {
        for (size_t i = t->n_buckets; i > 0 && t->n_behind > 0; i--)
                row_free(t, bucket_at(t, i - 1));
        for (size_t i = t->n_room >> SEGMENT_BITS; i > 1; i--)
                mem_free(t->segments[i - 1]);
        mem_free(t->first);
        mem_free(t->segments);
        *t = (table){ .key = t->key, .n_paused = t->n_paused };
}

size_t table_bytes(const table *t) {
        size_t n_segments = t->segments ? t->n_room >> SEGMENT_BITS : 0;

        return (t->n_room + t->n_behind) * sizeof(table_bucket) + n_segments * sizeof(*t->segments);
}

void **table_find(const table *t, uint64_t hash, const void *key, size_t n) {
        table_bucket *b;

        if (t->n == 0)
                return NULL;
        for (b = bucket_of(t, hash); b; b = behind(b)) {
                for (uint64_t hits = matches(b, tag_of(hash)); hits; hits &= hits - 1) {
                        void **slot = &b->slots[slot_of_match(hits)];
                        size_t n_other;
                        const void *other = t->key(*slot, &n_other);

                        if (n_other == n && (n == 0 || memcmp(other, key, n) == 0))
                                return slot;
                }
        }
        return NULL;
}

void **table_find_entry(const table *t, uint64_t hash, const void *entry) {
        for (table_bucket *b = bucket_of(t, hash);; b = behind(b))
                for (uint64_t hits = matches(b, tag_of(hash)); hits; hits &= hits - 1)
                        if (b->slots[slot_of_match(hits)] == entry)
                                return &b->slots[slot_of_match(hits)];
}

int table_add(table *t, uint64_t hash, void *entry) {
        table_bucket *b, *last, *spare = NULL;

        if (t->n_buckets == 0) {
                if (!first_resize(t, N_FIRST))
                        return -ENOMEM;
                t->n_buckets = N_FIRST;
                t->mask = N_FIRST - 1;
        }
        b = bucket_of(t, hash);
        for (last = b; behind(last);)
                last = behind(last);
        if (count_of(last) == N_SLOTS && !spare_new(t, 1, &spare))
                return -ENOMEM;
        row_add(b, tag_of(hash), entry, &spare);
        t->n++;
        catch_up(t);
        return 0;
}

static void *take(table *t, table_bucket *row, table_bucket *b, size_t i) {
        void *entry = b->slots[i];
        table_bucket *unused = row_remove(row, b, i);

        if (unused) {
                mem_free(unused);
                t->n_behind--;
        }
        t->n--;
        catch_up(t);
        return entry;
}

void *table_take_at(table *t, uint64_t hash, void **slot) {
        table_bucket *row = bucket_of(t, hash), *b = row;

        while (slot < b->slots || slot >= b->slots + N_SLOTS)
                b = behind(b);
        return take(t, row, b, (size_t)(slot - b->slots));
}

void *table_take(table *t, uint64_t hash, const void *key, size_t n) {
        void **slot = table_find(t, hash, key, n);

        return slot ? table_take_at(t, hash, slot) : NULL;
}

void table_prefetch(const table *t, uint64_t hash) {
        if (t->n)
                __builtin_prefetch(bucket_of(t, hash));
}

void table_prefetch_entry(const table *t, uint64_t hash) {
        const table_bucket *b;

        if (t->n == 0)
                return;
        b = bucket_of(t, hash);
        for (uint64_t hits = matches(b, tag_of(hash)); hits; hits &= hits - 1)
                __builtin_prefetch(b->slots[slot_of_match(hits)]);
        if (behind(b))
                __builtin_prefetch(behind(b));
}

/* walking */

uint64_t table_scan(table *t, uint64_t cursor, void (*fn)(void *arg, void *entry), void *arg) {
        uint64_t below, zeros, top;
        table_bucket *row;

        if (t->n == 0)
                return 0;

        /* The bucket stands for as many of the cursor's bits as it has been split to. */
        below = (cursor & t->mask) < (t->n_buckets & t->mask) ? 2 * t->mask + 1 : t->mask;
        cursor &= below;
        row = bucket_at(t, cursor);
        table_pause(t);
        row_prefetch(row);
        for (size_t i = row_count(row); i > 0; i--) {
                size_t at = i - 1;
                table_bucket *b = row_seek(row, &at);

                fn(arg, b->slots[at]);
        }
        table_resume(t);

        /* The next in the order of the reversed bits: the highest zero becomes one, and
         * the ones above it zeros. */
        zeros = ~cursor & below;
        if (zeros == 0)
                return 0;
        top = UINT64_C(1) << (63 - __builtin_clzll(zeros));
        return (cursor & (top - 1)) | top;
}

void table_iter_begin(table_iter *i, table *t) {
        *i = (table_iter){ .t = t };
        table_pause(t);
}

void *table_iter_next(table_iter *i) {
        const table *t = i->t;
        table_bucket *b;
        size_t at;

        while (i->at == 0) {
                if (i->bucket == t->n_buckets)
                        return NULL;
                i->at = row_count(bucket_at(t, i->bucket));
                i->bucket++;
                if (i->bucket < t->n_buckets)
                        row_prefetch(bucket_at(t, i->bucket));
        }
        at = --i->at;
        b = row_seek(bucket_at(t, i->bucket - 1), &at);
        return b->slots[at];
}

void *table_iter_take(table_iter *i) {
        table_bucket *row = bucket_at(i->t, i->bucket - 1), *b;
        size_t at = i->at;

        b = row_seek(row, &at);
        return take(i->t, row, b, at);
}

void table_iter_end(table_iter *i) {
        table_resume(i->t);
}

/* A bucket and a place in it are drawn until there is an entry, which is fair if no row
 * is longer than what is drawn from. Rows that are still to be split hold twice the
 * average; beyond twice that and a few more there is less than one in 10^7. */
void *table_random(const table *t) {
        size_t bound;

        if (t->n == 0)
                return NULL;
        bound = 4 * (t->n / t->n_buckets) + 12;
        for (;;) {
                uint64_t x = random_below(t->n_buckets * bound);
                table_bucket *b = bucket_at(t, x / bound);
                size_t at = x % bound;

                b = row_seek(b, &at);
                if (at < count_of(b))
                        return b->slots[at];
        }
}

size_t table_sample(const table *t, void **ret, size_t n) {
        size_t n_got = 0, i;

        if (t->n == 0)
                return 0;
        i = random_below(t->n_buckets);
        for (size_t n_seen = 0; n_seen < t->n_buckets && n_got < n; n_seen++) {
                for (const table_bucket *b = bucket_at(t, i); b; b = behind(b))
                        for (size_t j = 0; j < count_of(b) && n_got < n; j++)
                                ret[n_got++] = b->slots[j];
                i = i + 1 == t->n_buckets ? 0 : i + 1;
        }
        return n_got;
}

bool table_drain(table *t, size_t n, void (*fn)(void *arg, void *entry), void *arg) {
        size_t n_left = t->n > n ? t->n - n : 0;

        while (t->n > n_left) {
                table_bucket *row = bucket_at(t, t->n_buckets - 1);

                for (const table_bucket *b = row; b; b = behind(b))
                        for (size_t i = 0; i < count_of(b); i++) {
                                t->n--;
                                fn(arg, b->slots[i]);
                        }
                row_free(t, row);
                t->n_buckets--;
                give_room(t);
        }
        if (t->n == 0)
                table_deinit(t);
        return t->n > 0;
}
