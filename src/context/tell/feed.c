/* SPDX-License-Identifier: Apache-2.0 */
#include "feed.h"

#include "../../base/mem.h"

/* A command that is kept until the one that said it is done: the copies of its
 * arguments lie behind. */
typedef struct item {
        list node;
        db *db;
        int argc;
        bytes argv[];
} item;

void feed_init(feed *f) {
        *f = (feed){ 0 };
        list_init(&f->readers);
        list_init(&f->kept);
}

static void forget_kept(feed *f) {
        for (list *node; (node = list_take_first(&f->kept));)
                mem_free(container_of(node, item, node));
        f->is_replaced = f->is_short = false;
}

void feed_deinit(feed *f) {
        forget_kept(f);
}

void feed_join(feed *f, feed_reader *r) {
        list_append(&f->readers, &r->node);
}

void feed_leave(feed_reader *r) {
        list_remove(&r->node);
}

static void tell(feed *f, db *d, const bytes *argv, int argc) {
        list_each_safe(node, &f->readers) {
                feed_reader *r = container_of(node, feed_reader, node);

                r->fn(r, d, argv, argc);
        }
}

void feed_send(feed *f, db *d, const bytes *argv, int argc) {
        if (f->n_held > 0 && !f->has_begun) {
                f->has_begun = true;
                tell(f, d, &BYTES("MULTI"), 1);
        }
        tell(f, d, argv, argc);
}

void feed_begin(feed *f) {
        f->n_held++;
}

void feed_end(feed *f, db *d) {
        if (--f->n_held > 0 || !f->has_begun)
                return;
        f->has_begun = false;
        tell(f, d, &BYTES("EXEC"), 1);
}

void feed_replace(feed *f) {
        f->is_replaced = true;
}

void feed_drop(feed *f) {
        forget_kept(f);
        f->is_replaced = true;
}

void feed_lose(feed *f) {
        f->is_short = true;
}

void feed_keep(feed *f, db *d, const bytes *argv, int argc) {
        size_t n = sizeof(item) + (size_t)argc * sizeof(bytes);
        item *kept;
        char *at;

        if (!feed_is_read(f))
                return;
        for (int i = 0; i < argc; i++)
                n += argv[i].n;
        kept = mem_new(n);
        if (!kept) {
                f->is_short = true;
                return;
        }
        kept->db = d;
        kept->argc = argc;
        at = (char *)&kept->argv[argc];
        for (int i = 0; i < argc; i++) {
                kept->argv[i] = (bytes){ at, argv[i].n };
                memcpy(at, argv[i].p, argv[i].n);
                at += argv[i].n;
        }
        list_init(&kept->node);
        list_append(&f->kept, &kept->node);
}

void feed_miss(feed *f) {
        f->is_short = true;
}

static void send_kept(feed *f) {
        list_each(node, &f->kept) {
                item *kept = container_of(node, item, node);

                feed_send(f, kept->db, kept->argv, kept->argc);
        }
}

void feed_done(feed *f, db *d, const bytes *argv, int argc, bool has_changed) {
        bool itself = has_changed && !f->is_replaced;
        list *first = list_first(&f->kept);
        bool several = first && (itself || first != list_last(&f->kept));

        if (feed_is_read(f)) {
                if (f->is_short)
                        tell(f, d, NULL, 0);
                if (several)
                        feed_begin(f);
                if (itself)
                        feed_send(f, d, argv, argc);
                send_kept(f);
                if (several)
                        feed_end(f, d);
        }
        forget_kept(f);
}
