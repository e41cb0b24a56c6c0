/* SPDX-License-Identifier: Apache-2.0 */
#include "idmap.h"

#include <errno.h>

#include "../../base/mem.h"

/* Items of a leaf at most; picked: half a microsecond to move them all. */
enum { LEAF_MAX = 128, LEAF_MIN = 1 };

struct idmap_leaf {
        uint32_t n, n_room;
        char items[]; /* the ID, then what belongs to it */
};

static size_t size_of(const idmap *m) {
        return sizeof(stream_id) + m->n_value;
}

static char *item_at(const idmap *m, const idmap_leaf *l, size_t at) {
        return (char *)l->items + at * size_of(m);
}

static stream_id id_at(const idmap *m, const idmap_leaf *l, size_t at) {
        stream_id id;

        memcpy(&id, item_at(m, l, at), sizeof(id));
        return id;
}

static void *value_at(const idmap *m, const idmap_leaf *l, size_t at) {
        return item_at(m, l, at) + sizeof(stream_id);
}

void idmap_init(idmap *m, size_t n_value) {
        *m = (idmap){ .n_value = n_value };
}

void idmap_deinit(idmap *m) {
        for (size_t i = 0; i < m->n_leaves; i++)
                mem_free(m->leaves[i].leaf);
        mem_free(m->leaves);
        idmap_init(m, m->n_value);
}

static size_t leaf_size(const idmap *m, size_t n_room) {
        return sizeof(idmap_leaf) + n_room * size_of(m);
}

int idmap_copy(idmap *to, const idmap *from) {
        idmap_init(to, from->n_value);
        if (from->n == 0)
                return 0;
        to->leaves = mem_array(from->n_leaves, sizeof(*to->leaves));
        if (!to->leaves)
                return -ENOMEM;
        to->n_room = from->n_leaves;
        for (size_t i = 0; i < from->n_leaves; i++) {
                const idmap_leaf *l = from->leaves[i].leaf;

                to->leaves[i] = from->leaves[i];
                to->leaves[i].leaf = mem_copy(l, leaf_size(from, l->n_room));
                if (!to->leaves[i].leaf) {
                        idmap_deinit(to);
                        return -ENOMEM;
                }
                to->n_leaves++;
        }
        to->n = from->n;
        return 0;
}

size_t idmap_bytes(const idmap *m) {
        size_t n = m->n_room * sizeof(*m->leaves);

        for (size_t i = 0; i < m->n_leaves; i++)
                n += leaf_size(m, m->leaves[i].leaf->n_room);
        return n;
}

/* The last leaf that begins with @id or before it; the first one if there is none. */
static size_t leaf_of(const idmap *m, stream_id id) {
        size_t low = 0, high = m->n_leaves;

        if (high > 0 && stream_id_compare(m->leaves[high - 1].first, id) <= 0)
                return high - 1;
        while (high - low > 1) {
                size_t middle = (low + high) / 2;

                if (stream_id_compare(m->leaves[middle].first, id) <= 0)
                        low = middle;
                else
                        high = middle;
        }
        return low;
}

/* The place of the first that is @id or behind it. */
static size_t place_of(const idmap *m, const idmap_leaf *l, stream_id id) {
        size_t low = 0, high = l->n;

        if (high > 0 && stream_id_compare(id_at(m, l, high - 1), id) < 0)
                return high;
        while (low < high) {
                size_t middle = (low + high) / 2;

                if (stream_id_compare(id_at(m, l, middle), id) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static bool is_at(const idmap *m, const idmap_leaf *l, size_t at, stream_id id) {
        return at < l->n && stream_id_compare(id_at(m, l, at), id) == 0;
}

void *idmap_find(const idmap *m, stream_id id) {
        const idmap_leaf *l;
        size_t at;

        if (m->n == 0)
                return NULL;
        l = m->leaves[leaf_of(m, id)].leaf;
        at = place_of(m, l, id);
        return is_at(m, l, at, id) ? value_at(m, l, at) : NULL;
}

/* leaves */

static idmap_leaf *resize_leaf(const idmap *m, idmap_leaf *l, size_t n_room) {
        uint32_t n = l ? l->n : 0;

        l = mem_resize(l, leaf_size(m, n_room));
        if (l) {
                l->n = n;
                l->n_room = (uint32_t)n_room;
        }
        return l;
}

/* An empty leaf before the one at @i. -ENOMEM. */
static int add_leaf(idmap *m, size_t i, size_t n_room) {
        idmap_leaf *l;

        if (m->n_leaves == m->n_room) {
                size_t more = m->n_room + m->n_room / 4 + 1;
                struct idmap_place *leaves = mem_resize(m->leaves, more * sizeof(*leaves));

                if (!leaves)
                        return -ENOMEM;
                m->leaves = leaves;
                m->n_room = more;
        }
        l = resize_leaf(m, NULL, n_room);
        if (!l)
                return -ENOMEM;
        memmove(m->leaves + i + 1, m->leaves + i, (m->n_leaves - i) * sizeof(*m->leaves));
        m->leaves[i] = (struct idmap_place){ .leaf = l };
        m->n_leaves++;
        return 0;
}

static void drop_leaf(idmap *m, size_t i) {
        mem_free(m->leaves[i].leaf);
        m->n_leaves--;
        memmove(m->leaves + i, m->leaves + i + 1, (m->n_leaves - i) * sizeof(*m->leaves));
        if (m->n_leaves == 0)
                idmap_deinit(m);
}

static void move_items(const idmap *m, idmap_leaf *to, idmap_leaf *from, size_t at) {
        size_t n = from->n - at;

        memcpy(item_at(m, to, to->n), item_at(m, from, at), n * size_of(m));
        to->n += (uint32_t)n;
        from->n -= (uint32_t)n;
}

/* The leaf @i is full: make room for an item at *@at, whose leaf it returns in *@i. What is
 * added at the end begins a new leaf, so that the full one stays full. */
static int split(idmap *m, size_t *i, size_t *at) {
        idmap_leaf *l = m->leaves[*i].leaf;

        if (*at == LEAF_MAX && *i + 1 == m->n_leaves) {
                if (add_leaf(m, *i + 1, LEAF_MIN) < 0)
                        return -ENOMEM;
                ++*i;
                *at = 0;
                return 0;
        }
        if (add_leaf(m, *i + 1, LEAF_MAX) < 0)
                return -ENOMEM;
        move_items(m, m->leaves[*i + 1].leaf, l, LEAF_MAX / 2);
        m->leaves[*i + 1].first = id_at(m, m->leaves[*i + 1].leaf, 0);
        if (*at > LEAF_MAX / 2) {
                *at -= LEAF_MAX / 2;
                ++*i;
        }
        return 0;
}

void *idmap_add(idmap *m, stream_id id) {
        idmap_leaf *l;
        size_t i, at;

        if (m->n_leaves == 0 && add_leaf(m, 0, LEAF_MIN) < 0) {
                idmap_deinit(m);
                return NULL;
        }
        i = leaf_of(m, id);
        l = m->leaves[i].leaf;
        at = place_of(m, l, id);
        if (l->n == LEAF_MAX) {
                if (split(m, &i, &at) < 0)
                        return NULL;
        } else if (l->n == l->n_room) {
                l = resize_leaf(m, l, 2 * l->n_room);
                if (!l)
                        return NULL;
                m->leaves[i].leaf = l;
        }
        l = m->leaves[i].leaf;
        memmove(item_at(m, l, at + 1), item_at(m, l, at), (l->n - at) * size_of(m));
        memcpy(item_at(m, l, at), &id, sizeof(id));
        if (at == 0)
                m->leaves[i].first = id;
        l->n++;
        m->n++;
        return value_at(m, l, at);
}

/* A leaf that has lost an item: one with its neighbour if both have room, or smaller. */
static void tidy(idmap *m, size_t i) {
        idmap_leaf *l = m->leaves[i].leaf;

        if (l->n == 0) {
                drop_leaf(m, i);
                return;
        }
        for (size_t left = i ? i - 1 : 0; left <= i && left + 1 < m->n_leaves; left++) {
                idmap_leaf *a = m->leaves[left].leaf, *b = m->leaves[left + 1].leaf;

                if (a->n + b->n <= LEAF_MAX / 2 && a->n + b->n <= a->n_room) {
                        move_items(m, a, b, 0);
                        drop_leaf(m, left + 1);
                        return;
                }
        }
        if (l->n_room > LEAF_MIN && l->n <= l->n_room / 4) {
                l = resize_leaf(m, l, l->n_room / 2);
                if (l)
                        m->leaves[i].leaf = l;
        }
}

bool idmap_take(idmap *m, stream_id id) {
        idmap_leaf *l;
        size_t i, at;

        if (m->n == 0)
                return false;
        i = leaf_of(m, id);
        l = m->leaves[i].leaf;
        at = place_of(m, l, id);
        if (!is_at(m, l, at, id))
                return false;
        l->n--;
        m->n--;
        memmove(item_at(m, l, at), item_at(m, l, at + 1), (l->n - at) * size_of(m));
        if (at == 0 && l->n > 0)
                m->leaves[i].first = id_at(m, l, 0);
        tidy(m, i);
        return true;
}

bool idmap_drain(idmap *m, size_t n) {
        for (size_t n_gone = 0; n_gone < n && m->n_leaves > 0;) {
                size_t last = m->n_leaves - 1;

                n_gone += m->leaves[last].leaf->n;
                m->n -= m->leaves[last].leaf->n;
                drop_leaf(m, last);
        }
        return m->n > 0;
}

/* walking */

static bool look(idmap_iter *i) {
        const idmap_leaf *l;

        if (i->leaf >= i->m->n_leaves)
                return false;
        l = i->m->leaves[i->leaf].leaf;
        i->id = id_at(i->m, l, i->at);
        i->value = value_at(i->m, l, i->at);
        return true;
}

bool idmap_iter_from(idmap_iter *i, const idmap *m, stream_id id) {
        *i = (idmap_iter){ .m = m };
        if (m->n == 0)
                return false;
        i->leaf = leaf_of(m, id);
        i->at = place_of(m, m->leaves[i->leaf].leaf, id);
        if (i->at == m->leaves[i->leaf].leaf->n) {
                i->leaf++;
                i->at = 0;
        }
        return look(i);
}

bool idmap_iter_to(idmap_iter *i, const idmap *m, stream_id id) {
        *i = (idmap_iter){ .m = m };
        if (m->n == 0)
                return false;
        i->leaf = leaf_of(m, id);
        i->at = place_of(m, m->leaves[i->leaf].leaf, id);
        if (is_at(m, m->leaves[i->leaf].leaf, i->at, id))
                return look(i);
        return idmap_iter_prev(i);
}

bool idmap_iter_next(idmap_iter *i) {
        if (++i->at == i->m->leaves[i->leaf].leaf->n) {
                i->leaf++;
                i->at = 0;
        }
        return look(i);
}

bool idmap_iter_prev(idmap_iter *i) {
        if (i->at == 0) {
                if (i->leaf == 0)
                        return false;
                i->leaf--;
                i->at = i->m->leaves[i->leaf].leaf->n;
        }
        i->at--;
        return look(i);
}
