/* SPDX-License-Identifier: Apache-2.0 */
#include "fence.h"

#include <errno.h>

#include "key.h"

/* In one transaction, so that it keeps nobody waiting for long. Picked. */
enum { AT_ONCE = 64 };

static void look(fence *f);

static void on_executed(void *data, int r, resp_cursor reply) {
        fence *f = data;
        list done = LIST_INIT(done);
        resp_value v;

        f->is_looking = false;
        if (r < 0) {
                f->lost(f, r);
                return;
        }
        if (resp_cursor_next(&reply, &v) && v.type == RESP_ARRAY) {
                list_move(&done, &f->looked_at);
                for (list *node; (node = list_take_first(&done));) {
                        deed *d = container_of(node, deed, node);

                        d->done(d, true);
                }
                look(f);
                return;
        }
        /* A lock has changed: look again. Or the context has no memory: that may last. */
        list_move(&f->looked_at, &f->waiting);
        list_move(&f->waiting, &f->looked_at);
        if (v.type == RESP_NULL)
                look(f);
}

/* Who holds the lock of each that is looked at. */
static void on_locks(void *data, int r, resp_cursor reply) {
        fence *f = data;
        list others = LIST_INIT(others);
        resp_value head, holder;

        if (r < 0) {
                f->is_looking = false;
                f->lost(f, r);
                return;
        }
        /* an error is of nobody's lock, and fails them all */
        if (!resp_cursor_next(&reply, &head) || head.type != RESP_ARRAY)
                head.n = 0;
        list_each_safe(node, &f->looked_at) {
                deed *d = container_of(node, deed, node);

                if (head.n == 0 || !resp_cursor_next(&reply, &holder) ||
                    !bytes_equal(holder.type == RESP_NULL ? BYTES("") : holder.text,
                                 bytes_of(d->holder))) {
                        list_remove(node);
                        list_append(&others, node);
                }
        }
        asker_say(f->asker, NULL, NULL, BYTES("MULTI"));
        list_each(node, &f->looked_at) {
                deed *d = container_of(node, deed, node);

                d->say(d, f->asker);
        }
        asker_say(f->asker, on_executed, f, BYTES("EXEC"));
        for (list *node; (node = list_take_first(&others));) {
                deed *d = container_of(node, deed, node);

                d->done(d, false);
        }
}

static void look(fence *f) {
        char keys[AT_ONCE][KEY_MAX];
        bytes argv[1 + 2 * AT_ONCE] = { BYTES("WATCH") };
        size_t n = 0, n_watched;

        if (f->is_looking || list_is_empty(&f->waiting))
                return;
        for (list *node; n < AT_ONCE && (node = list_take_first(&f->waiting)); n++) {
                deed *d = container_of(node, deed, node);

                list_append(&f->looked_at, node);
                argv[1 + n] = key_print(keys[n], "/jobs/%s", d->id);
        }
        n_watched = n;
        list_each(node, &f->looked_at) {
                deed *d = container_of(node, deed, node);

                if (d->watched)
                        argv[1 + n_watched++] = bytes_of(d->watched);
        }
        f->is_looking = true;
        asker_ask(f->asker, NULL, NULL, argv, 1 + n_watched);
        list_each(node, &f->looked_at) {
                deed *d = container_of(node, deed, node);

                if (d->look)
                        d->look(d, f->asker);
        }
        argv[0] = BYTES("MGET");
        asker_ask(f->asker, on_locks, f, argv, 1 + n);
}

void fence_init(fence *f, asker *a) {
        f->asker = a;
        list_init(&f->waiting);
        list_init(&f->looked_at);
        f->is_looking = false;
}

void fence_deinit(fence *f) {
        if (!f->asker)
                return;
        asker_forget(f->asker, f);
        while (list_take_first(&f->waiting) || list_take_first(&f->looked_at))
                ;
        f->asker = NULL;
}

void fence_put(fence *f, deed *d) {
        list_init(&d->node);
        list_append(&f->waiting, &d->node);
        look(f);
}

void fence_forget(deed *d) {
        if (d->node.next)
                list_remove(&d->node);
}

void fence_retry(fence *f) {
        look(f);
}
