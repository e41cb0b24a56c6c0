/* SPDX-License-Identifier: Apache-2.0 */
#include "list.h"

#include "test.h"

typedef struct thing {
        int number;
        list in;
} thing;

static int sum_in_order(const list *head) {
        int sum = 0;

        list_each(i, head)
                sum = sum * 10 + container_of(i, thing, in)->number;
        return sum;
}

TEST(order) {
        thing a = { 1, { 0 } }, b = { 2, { 0 } }, c = { 3, { 0 } };
        list head = LIST_INIT(head);

        assert_true(list_is_empty(&head));
        assert_null(list_first(&head));
        assert_null(list_last(&head));
        list_append(&head, &b.in);
        list_append(&head, &c.in);
        list_prepend(&head, &a.in);
        assert_eq(sum_in_order(&head), 123);
        assert_eq(list_first(&head), &a.in);
        assert_eq(list_last(&head), &c.in);
        assert_true(list_is_linked(&b.in));

        list_remove(&b.in);
        assert_false(list_is_linked(&b.in));
        assert_eq(sum_in_order(&head), 13);
        list_remove(&b.in); /* twice is once */
        assert_eq(sum_in_order(&head), 13);

        assert_eq(list_take_first(&head), &a.in);
        assert_eq(list_take_first(&head), &c.in);
        assert_null(list_take_first(&head));
        assert_true(list_is_empty(&head));
}

TEST(never_put_in) {
        thing a = { 0 };

        list_init(&a.in);
        assert_false(list_is_linked(&a.in));
        list_remove(&a.in);
        assert_false(list_is_linked(&a.in));
}

TEST(each_may_remove_itself) {
        thing things[5] = { 0 };
        list head = LIST_INIT(head);

        for (int n = 0; n < 5; n++) {
                things[n].number = n + 1;
                list_append(&head, &things[n].in);
        }
        list_each_safe(i, &head) {
                if (container_of(i, thing, in)->number % 2)
                        list_remove(i);
        }
        assert_eq(sum_in_order(&head), 24);
}

TEST(move) {
        thing a = { 1, { 0 } }, b = { 2, { 0 } }, c = { 3, { 0 } };
        list to = LIST_INIT(to), from = LIST_INIT(from);

        list_move(&to, &from); /* nothing to nothing */
        assert_true(list_is_empty(&to));

        list_append(&from, &b.in);
        list_append(&from, &c.in);
        list_append(&to, &a.in);
        list_move(&to, &from);
        assert_true(list_is_empty(&from));
        assert_eq(sum_in_order(&to), 123);
        assert_eq(list_last(&to), &c.in);

        list_move(&from, &to); /* into an empty one */
        assert_true(list_is_empty(&to));
        assert_eq(sum_in_order(&from), 123);
}
