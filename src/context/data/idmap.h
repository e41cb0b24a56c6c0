/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A map in the order of its keys, which are IDs of a stream
 *
 * What belongs to an ID is some bytes, as many for each of a map, which lie beside it.
 * Items lie in leaves, and an array says with which ID each leaf begins: adding at the
 * end, which is what nearly always happens, costs the same at any size and leaves no
 * leaf half empty; elsewhere it costs two searches, and to move what is behind in
 * the leaf and, for one in a hundred, in the array. Ten million items are an array of two
 * megabytes, so a tree of arrays would gain nothing yet.
 *
 * A pointer to what belongs to an ID is good until the map is next changed.
 */

#include "stream-id.h"

typedef struct idmap_leaf idmap_leaf;

typedef struct idmap {
        /* private */
        struct idmap_place {
                stream_id first;
                idmap_leaf *leaf;
        } * leaves;
        size_t n_leaves, n_room;
        size_t n;
        size_t n_value;
} idmap;

/* With @n_value bytes for each ID, a multiple of 8. A map that is empty has no memory. */
void idmap_init(idmap *m, size_t n_value);
void idmap_deinit(idmap *m);

/* The same items, in @to, which is none yet. -ENOMEM. */
int idmap_copy(idmap *to, const idmap *from);

static inline size_t idmap_count(const idmap *m) {
        return m->n;
}
/* Memory of the map itself. */
size_t idmap_bytes(const idmap *m);

/* What belongs to @id, or NULL if it is not there. */
void *idmap_find(const idmap *m, stream_id id);

/* An ID that is not there; what belongs to it is for the caller to write. NULL without
 * memory. */
void *idmap_add(idmap *m, stream_id id);

/* Returns whether it was there. */
bool idmap_take(idmap *m, stream_id id);

/* Forget about @n of the last; returns whether there are more. */
bool idmap_drain(idmap *m, size_t n);

/* Walking; nothing may be added or taken meanwhile. */
typedef struct idmap_iter {
        stream_id id;
        void *value;

        /* private */
        const idmap *m;
        size_t leaf, at;
} idmap_iter;

/* The first that is @id or behind it, or the last that is @id or before it. Each returns
 * whether there is one. */
bool idmap_iter_from(idmap_iter *i, const idmap *m, stream_id id);
bool idmap_iter_to(idmap_iter *i, const idmap *m, stream_id id);
bool idmap_iter_next(idmap_iter *i);
bool idmap_iter_prev(idmap_iter *i);
