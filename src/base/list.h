/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Intrusive list: doubly linked, circular
 *
 * A list is a node that stands for both its ends; what is in it embeds a node of
 * its own. A node that is in no list points to itself, so removing it twice, or
 * before it was ever put in, does nothing. Lists own nothing.
 *
 *     typedef struct job { list in_queue; ... } job;
 *
 *     list queue = LIST_INIT(queue);
 *     list_append(&queue, &j->in_queue);
 *     while ((node = list_take_first(&queue)))
 *             run(container_of(node, job, in_queue));
 */

#include <stdbool.h>
#include <stddef.h>

typedef struct list list;
struct list {
        list *prev, *next;
};

#define LIST_INIT(name) \
        { &(name), &(name) }

/* The struct whose @member is at @ptr. */
#ifndef container_of
#define container_of(ptr, type, member) \
        ((type *)(void *)((char *)(1 ? (ptr) : &((type *)0)->member) - offsetof(type, member)))
#endif

/* Each node of @head in @i. Nothing may be removed meanwhile, but for @i itself in
 * the second form. Where callbacks may remove anything, take the nodes away first:
 * list_move() and list_take_first(). */
#define list_each(i, head) for (list *i = (head)->next; i != (head); i = i->next)
#define list_each_safe(i, head)                                        \
        for (list *i = (head)->next, *i##_next = i->next; i != (head); \
             i = i##_next, i##_next = i->next)

static inline void list_init(list *node) {
        node->prev = node->next = node;
}

static inline bool list_is_empty(const list *head) {
        return head->next == head;
}

/* Whether @node is in a list. */
static inline bool list_is_linked(const list *node) {
        return node->next != node;
}

static inline void list_insert_between(list *prev, list *node, list *next) {
        node->prev = prev;
        node->next = next;
        prev->next = node;
        next->prev = node;
}

/* @node must be in no list. */
static inline void list_append(list *head, list *node) {
        list_insert_between(head->prev, node, head);
}

static inline void list_prepend(list *head, list *node) {
        list_insert_between(head, node, head->next);
}

static inline void list_remove(list *node) {
        node->prev->next = node->next;
        node->next->prev = node->prev;
        list_init(node);
}

/* NULL when empty. */
static inline list *list_first(const list *head) {
        return list_is_empty(head) ? NULL : head->next;
}

static inline list *list_last(const list *head) {
        return list_is_empty(head) ? NULL : head->prev;
}

static inline list *list_take_first(list *head) {
        list *node = list_first(head);

        if (node)
                list_remove(node);
        return node;
}

/* All of @from, in order, to the end of @to; @from is empty then. */
static inline void list_move(list *to, list *from) {
        if (list_is_empty(from))
                return;
        from->next->prev = to->prev;
        to->prev->next = from->next;
        from->prev->next = to;
        to->prev = from->prev;
        list_init(from);
}
