/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "../../base/mem.h"

/* Scores are kept beside the pointers, in leaves too: eight bytes a member more, and a
 * search that would wait for memory at each step has it all in one node. */
enum { LEAF_MAX = 64, INNER_MAX = 32, HEIGHT_MAX = 20 };

typedef struct slot {
        double score;
        scored *member;
} slot;

/* A child, how many members are below it, and the first of them. */
typedef struct branch {
        tree_node *child;
        size_t count;
        double score;
        scored *first;
} branch;

/* Items are slots in a leaf and branches above. A quarter of the room is in use, but
 * for the root, which has two children at least if it has any, and for leaves at the
 * ends, which begin with what was put in there. */
struct tree_node {
        uint32_t n;
        tree_node *prev, *next; /* of leaves */
        void *items[];
};

static slot *slots(const tree_node *leaf) {
        return (slot *)leaf->items;
}

static branch *branches(const tree_node *inner) {
        return (branch *)inner->items;
}

static size_t max_items(uint32_t height) {
        return height ? INNER_MAX : LEAF_MAX;
}

static size_t item_size(uint32_t height) {
        return height ? sizeof(branch) : sizeof(slot);
}

static size_t node_size(uint32_t height) {
        return sizeof(tree_node) + max_items(height) * item_size(height);
}

/* members */

scored *scored_new(double score, const void *member, size_t n) {
        scored *m = mem_new(sizeof(*m) + n);

        if (!m)
                return NULL;
        m->score = score;
        m->n = (uint32_t)n;
        if (n)
                memcpy(m->member, member, n);
        return m;
}

scored *scored_free(scored *m) {
        return mem_free(m);
}

const void *scored_key(const void *entry, size_t *ret_n) {
        const scored *m = entry;

        *ret_n = m->n;
        return m->member;
}

/* What is looked for: a score, a member's bytes, or both. Among what is equal to it, its
 * place is as @side says. */
typedef struct target {
        bool by_score, by_member;
        double score;
        const void *member;
        size_t n;
        tree_side side;
} target;

static bool is_before(double score, const scored *m, const target *x) {
        size_t n;
        int order;

        if (x->by_score && score != x->score)
                return score < x->score;
        if (!x->by_member)
                return x->side == TREE_BEHIND;
        n = m->n < x->n ? m->n : x->n;
        order = n ? memcmp(m->member, x->member, n) : 0;
        if (order != 0)
                return order < 0;
        if (m->n != x->n)
                return m->n < x->n;
        return x->side == TREE_BEHIND;
}

/* How many members of a leaf are before it. */
static size_t search_leaf(const tree_node *leaf, const target *x) {
        size_t low = 0, high = leaf->n;

        while (low < high) {
                size_t middle = (low + high) / 2;
                const slot *s = &slots(leaf)[middle];

                if (is_before(s->score, s->member, x))
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* The last child that has something before it, or else the first. */
static size_t search_inner(const tree_node *inner, const target *x) {
        size_t low = 1, high = inner->n;

        while (low < high) {
                size_t middle = (low + high) / 2;
                const branch *b = &branches(inner)[middle];

                if (is_before(b->score, b->first, x))
                        low = middle + 1;
                else
                        high = middle;
        }
        return low - 1;
}

/* A search in a node jumps, and would wait for memory at each jump: ask for all of it. */
static const tree_node *child_to_search(const tree_node *inner, uint32_t height, size_t i) {
        const tree_node *child = branches(inner)[i].child;
        const char *p = (const char *)child;

        for (size_t at = 0; at < node_size(height - 1); at += 64)
                __builtin_prefetch(p + at);
        return child;
}

/* nodes */

static tree_node *node_new(uint32_t height) {
        tree_node *node = mem_new(node_size(height));

        if (node)
                *node = (tree_node){ 0 };
        return node;
}

static void node_count(tree *t, uint32_t height, int sign) {
        if (height)
                t->n_inner += (size_t)sign;
        else
                t->n_leaves += (size_t)sign;
}

static uint8_t *item_at(tree_node *node, uint32_t height, size_t i) {
        return (uint8_t *)node->items + i * item_size(height);
}

/* Room for @n items before the @i-th, or none for those from @i on. */
static void open_gap(tree_node *node, uint32_t height, size_t i, size_t n) {
        memmove(item_at(node, height, i + n), item_at(node, height, i),
                (node->n - i) * item_size(height));
        node->n += (uint32_t)n;
}

static void close_gap(tree_node *node, uint32_t height, size_t i, size_t n) {
        memmove(item_at(node, height, i), item_at(node, height, i + n),
                (node->n - i - n) * item_size(height));
        node->n -= (uint32_t)n;
}

/* The last @n items of @left become the first of @right, or the other way. */
static void move_right(tree_node *left, tree_node *right, uint32_t height, size_t n) {
        open_gap(right, height, 0, n);
        memcpy(item_at(right, height, 0), item_at(left, height, left->n - n),
               n * item_size(height));
        left->n -= (uint32_t)n;
}

static void move_left(tree_node *left, tree_node *right, uint32_t height, size_t n) {
        memcpy(item_at(left, height, left->n), item_at(right, height, 0), n * item_size(height));
        left->n += (uint32_t)n;
        close_gap(right, height, 0, n);
}

static void link_behind(tree_node *leaf, tree_node *other) {
        other->prev = leaf;
        other->next = leaf->next;
        if (leaf->next)
                leaf->next->prev = other;
        leaf->next = other;
}

static void unlink_leaf(tree_node *leaf) {
        if (leaf->prev)
                leaf->prev->next = leaf->next;
        if (leaf->next)
                leaf->next->prev = leaf->prev;
}

static size_t total(const tree_node *node, uint32_t height) {
        size_t n = 0;

        if (!height)
                return node->n;
        for (size_t i = 0; i < node->n; i++)
                n += branches(node)[i].count;
        return n;
}

/* What is to be said above of a node that holds @count members. */
static branch branch_of(tree_node *node, uint32_t height, size_t count) {
        branch b = { .child = node, .count = count };

        if (node->n == 0)
                return b;
        b.first = height ? branches(node)[0].first : slots(node)[0].member;
        b.score = height ? branches(node)[0].score : slots(node)[0].score;
        return b;
}

/* adding */

/* The nodes that an insertion will need, by their heights: nothing has been changed yet
 * when there is no memory for one. */
typedef struct spares {
        tree_node *nodes[HEIGHT_MAX];
} spares;

static void spares_free(spares *s) {
        for (size_t i = 0; i < HEIGHT_MAX; i++)
                mem_free(s->nodes[i]);
}

/* One beside each full node from the leaf upwards, and a root above if all are full. */
static bool spares_new(spares *s, const tree *t, const target *x) {
        const tree_node *node = t->root;
        uint32_t n = node ? 0 : 1;

        *s = (spares){ 0 };
        for (uint32_t height = t->height; node; height--) {
                n = node->n == max_items(height) ? n + 1 : 0;
                node = height ? child_to_search(node, height, search_inner(node, x)) : NULL;
        }
        if (n > t->height)
                n += t->root != NULL;
        assert(n <= HEIGHT_MAX);
        for (uint32_t height = 0; height < n; height++) {
                s->nodes[height] = node_new(height);
                if (!s->nodes[height]) {
                        spares_free(s);
                        return false;
                }
        }
        return true;
}

static tree_node *spare_take(tree *t, spares *s, uint32_t height) {
        tree_node *node = s->nodes[height];

        s->nodes[height] = NULL;
        node_count(t, height, 1);
        return node;
}

/* An item in front of the @i-th. Returns what was split off to the right, or NULL. */
static tree_node *put_item(tree *t, tree_node *node, uint32_t height, size_t i, const void *item,
                           spares *s) {
        size_t n_right = max_items(height) / 2;
        tree_node *right = NULL, *into = node;

        if (node->n == max_items(height)) {
                right = spare_take(t, s, height);
                /* members that come in order, either way, fill their leaves */
                if (height == 0 && i == node->n && !node->next)
                        n_right = 0;
                if (height == 0 && i == 0 && !node->prev)
                        n_right = node->n;
                move_right(node, right, height, n_right);
                if (height == 0)
                        link_behind(node, right);
                if (i > node->n || n_right == 0) {
                        i -= node->n;
                        into = right;
                }
        }
        open_gap(into, height, i, 1);
        memcpy(item_at(into, height, i), item, item_size(height));
        return right;
}

/* As above, for the members below @node. */
static tree_node *put_below(tree *t, tree_node *node, uint32_t height, const target *x, scored *m,
                            spares *s) {
        tree_node *child, *right;
        branch *b, other;

        if (height == 0) {
                slot item = { .score = x->score, .member = m };

                return put_item(t, node, 0, search_leaf(node, x), &item, s);
        }
        b = &branches(node)[search_inner(node, x)];
        child = b->child;
        right = put_below(t, child, height - 1, x, m, s);
        if (!right) {
                *b = branch_of(child, height - 1, b->count + 1);
                return NULL;
        }
        other = branch_of(right, height - 1, total(right, height - 1));
        *b = branch_of(child, height - 1, b->count + 1 - other.count);
        return put_item(t, node, height, (size_t)(b - branches(node)) + 1, &other, s);
}

static int put(tree *t, const target *x, scored *m) {
        tree_node *left, *right;
        spares s;

        if (!spares_new(&s, t, x))
                return -ENOMEM;
        if (!t->root)
                t->root = spare_take(t, &s, 0);
        left = t->root;
        right = put_below(t, left, t->height, x, m, &s);
        if (right) {
                uint32_t height = t->height++;

                t->root = spare_take(t, &s, t->height);
                t->root->n = 2;
                branches(t->root)[0] = branch_of(left, height, total(left, height));
                branches(t->root)[1] = branch_of(right, height, total(right, height));
        }
        t->n++;
        return 0;
}

/* taking */

static void node_free(tree *t, tree_node *node, uint32_t height) {
        if (height == 0)
                unlink_leaf(node);
        mem_free(node);
        node_count(t, height, -1);
}

/* When a child has too few items left it is joined with a neighbour, or gets some of its. */
static void mend(tree *t, tree_node *node, uint32_t height, size_t i) {
        uint32_t below = height - 1;
        size_t n_max = max_items(below), n_both, n_left;
        tree_node *left = branches(node)[i].child, *right;
        branch *b;

        if (left->n >= n_max / 4)
                return;
        assert(node->n > 1);
        i = i ? i - 1 : 0;
        b = &branches(node)[i];
        left = b[0].child;
        right = b[1].child;
        n_both = left->n + right->n;
        if (n_both <= n_max / 4 * 3) {
                move_left(left, right, below, right->n);
                *b = branch_of(left, below, b[0].count + b[1].count);
                node_free(t, right, below);
                close_gap(node, height, i + 1, 1);
                return;
        }
        n_left = n_both / 2;
        if (left->n > n_left)
                move_right(left, right, below, left->n - n_left);
        else
                move_left(left, right, below, n_left - left->n);
        b[0] = branch_of(left, below, total(left, below));
        b[1] = branch_of(right, below, total(right, below));
}

/* The child with the member of that rank, which is then counted from its first one. */
static size_t child_of_rank(const tree_node *inner, size_t *rank) {
        size_t i = 0;

        for (; *rank >= branches(inner)[i].count; i++)
                *rank -= branches(inner)[i].count;
        return i;
}

/* Up to @n members of one leaf. Returns how many it was. */
static size_t cut_below(tree *t, tree_node *node, uint32_t height, size_t rank, size_t n,
                        void (*fn)(void *arg, scored *m), void *arg) {
        branch *b;
        size_t i;

        if (height == 0) {
                if (n > node->n - rank)
                        n = node->n - rank;
                for (i = 0; i < n && fn; i++)
                        fn(arg, slots(node)[rank + i].member);
                close_gap(node, 0, rank, n);
                return n;
        }
        i = child_of_rank(node, &rank);
        b = &branches(node)[i];
        n = cut_below(t, b->child, height - 1, rank, n, fn, arg);
        *b = branch_of(b->child, height - 1, b->count - n);
        mend(t, node, height, i);
        return n;
}

size_t tree_cut(tree *t, size_t rank, size_t n, void (*fn)(void *arg, scored *m), void *arg) {
        size_t n_cut = 0;

        while (n_cut < n && rank < t->n) {
                size_t n_now = cut_below(t, t->root, t->height, rank, n - n_cut, fn, arg);

                n_cut += n_now;
                t->n -= n_now;
                while (t->height && t->root->n == 1) {
                        tree_node *root = t->root;

                        t->root = branches(root)[0].child;
                        node_free(t, root, t->height);
                        t->height--;
                }
        }
        if (t->n == 0)
                tree_deinit(t);
        return n_cut;
}

/* the tree */

void tree_init(tree *t) {
        *t = (tree){ 0 };
}

static void free_below(tree_node *node, uint32_t height) {
        for (size_t i = 0; i < node->n && height; i++)
                free_below(branches(node)[i].child, height - 1);
        mem_free(node);
}

void tree_deinit(tree *t) {
        if (t->root)
                free_below(t->root, t->height);
        tree_init(t);
}

size_t tree_count(const tree *t) {
        return t->n;
}

size_t tree_bytes(const tree *t) {
        return t->n_leaves * node_size(0) + t->n_inner * node_size(1);
}

static size_t rank_of(const tree *t, const target *x) {
        const tree_node *node = t->root;
        size_t rank = 0;

        if (!node)
                return 0;
        for (uint32_t height = t->height; height; height--) {
                size_t i = search_inner(node, x);

                for (size_t j = 0; j < i; j++)
                        rank += branches(node)[j].count;
                node = child_to_search(node, height, i);
        }
        return rank + search_leaf(node, x);
}

static target target_of(const scored *m, double score) {
        return (target){ true, true, .score = score, .member = m->member, .n = m->n };
}

int tree_add(tree *t, scored *m) {
        target x = target_of(m, m->score);

        return put(t, &x, m);
}

void tree_take(tree *t, scored *m) {
        tree_cut(t, tree_rank(t, m), 1, NULL, NULL);
}

/* The score of the member of that rank, and wherever it is kept beside. */
static void set_score(tree *t, size_t rank, scored *m, double score) {
        tree_node *node = t->root;

        m->score = score;
        for (uint32_t height = t->height; height; height--) {
                branch *b = &branches(node)[child_of_rank(node, &rank)];

                if (b->first == m)
                        b->score = score;
                node = b->child;
        }
        slots(node)[rank].score = score;
}

/* Where the order changes the member is in both places for a moment, and the old one is
 * then known by its rank. */
int tree_move(tree *t, scored *m, double score) {
        target x = target_of(m, score);
        size_t from = tree_rank(t, m), to = rank_of(t, &x);

        if (to != from && to != from + 1) {
                int r = put(t, &x, m);

                if (r < 0)
                        return r;
                tree_cut(t, to < from ? from + 1 : from, 1, NULL, NULL);
        }
        set_score(t, to > from ? to - 1 : to, m, score);
        return 0;
}

/* ranks */

size_t tree_rank(const tree *t, const scored *m) {
        target x = target_of(m, m->score);

        return rank_of(t, &x);
}

scored *tree_nth(const tree *t, size_t rank) {
        tree_iter i;

        return tree_iter_at(&i, t, rank);
}

size_t tree_rank_of_score(const tree *t, double score, tree_side side) {
        target x = { .by_score = true, .score = score, .side = side };

        return rank_of(t, &x);
}

size_t tree_rank_of_member(const tree *t, const void *member, size_t n, tree_side side) {
        target x = { .by_member = true, .member = member, .n = n, .side = side };

        return rank_of(t, &x);
}

/* walking */

scored *tree_iter_at(tree_iter *i, const tree *t, size_t rank) {
        const tree_node *node = t->root;

        *i = (tree_iter){ 0 };
        if (rank >= t->n)
                return NULL;
        for (uint32_t height = t->height; height; height--)
                node = branches(node)[child_of_rank(node, &rank)].child;
        *i = (tree_iter){ .leaf = node, .at = rank };
        return slots(node)[rank].member;
}

scored *tree_iter_next(tree_iter *i) {
        if (!i->leaf)
                return NULL;
        if (++i->at == i->leaf->n)
                *i = (tree_iter){ .leaf = i->leaf->next };
        return i->leaf ? slots(i->leaf)[i->at].member : NULL;
}

scored *tree_iter_prev(tree_iter *i) {
        if (!i->leaf)
                return NULL;
        if (i->at == 0)
                *i = (tree_iter){ .leaf = i->leaf->prev,
                                  .at = i->leaf->prev ? i->leaf->prev->n : 0 };
        if (!i->leaf)
                return NULL;
        return slots(i->leaf)[--i->at].member;
}
