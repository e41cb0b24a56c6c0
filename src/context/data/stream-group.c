/* SPDX-License-Identifier: Apache-2.0 */
#include "stream-group.h"

#include "../../base/mem.h"

static consumer *consumer_free(consumer *who) {
        if (who)
                idmap_deinit(&who->pending);
        return mem_free(who);
}

stream_group *stream_group_new(bytes name, stream_id last, int64_t n_read) {
        stream_group *g = mem_zero(sizeof(*g) + name.n);

        if (!g)
                return NULL;
        memcpy(g->text, name.p, name.n);
        g->name = (bytes){ g->text, name.n };
        g->last = last;
        g->n_read = n_read;
        idmap_init(&g->pending, sizeof(pending));
        return g;
}

stream_group *stream_group_free(stream_group *g) {
        if (!g)
                return NULL;
        for (size_t i = 0; i < g->consumers.n; i++)
                consumer_free(g->consumers.things[i]);
        roster_deinit(&g->consumers);
        idmap_deinit(&g->pending);
        return mem_free(g);
}

bool stream_group_drain(stream_group *g, size_t n) {
        consumer *last;

        if (idmap_drain(&g->pending, n))
                return true;
        if (g->consumers.n == 0)
                return false;
        last = g->consumers.things[g->consumers.n - 1];
        if (!idmap_drain(&last->pending, n)) {
                roster_take(&g->consumers, last);
                consumer_free(last);
        }
        return true;
}

/* The pending of a copy: they are those of its own consumers. */
static void adopt_pending(stream_group *g) {
        for (size_t i = 0; i < g->consumers.n; i++) {
                consumer *who = g->consumers.things[i];
                idmap_iter at;

                for (bool there = idmap_iter_from(&at, &who->pending, STREAM_ID_MIN); there;
                     there = idmap_iter_next(&at))
                        stream_group_pending(g, at.id)->consumer = who;
        }
}

stream_group *stream_group_copy(const stream_group *g) {
        stream_group *copy = stream_group_new(g->name, g->last, g->n_read);

        if (!copy || idmap_copy(&copy->pending, &g->pending) < 0)
                return stream_group_free(copy);
        for (size_t i = 0; i < g->consumers.n; i++) {
                const consumer *from = g->consumers.things[i];
                consumer *to = stream_group_add_consumer(copy, from->name, from->seen);

                if (!to || idmap_copy(&to->pending, &from->pending) < 0)
                        return stream_group_free(copy);
        }
        adopt_pending(copy);
        return copy;
}

size_t stream_group_bytes(const stream_group *g) {
        size_t n = sizeof(*g) + g->name.n + idmap_bytes(&g->pending) + roster_bytes(&g->consumers);

        for (size_t i = 0; i < g->consumers.n; i++) {
                const consumer *who = g->consumers.things[i];

                n += sizeof(*who) + who->name.n + idmap_bytes(&who->pending);
        }
        return n;
}

consumer *stream_group_consumer(const stream_group *g, bytes name) {
        return roster_find(&g->consumers, name);
}

consumer *stream_group_add_consumer(stream_group *g, bytes name, int64_t now) {
        consumer *who = mem_zero(sizeof(*who) + name.n);

        if (!who)
                return NULL;
        memcpy(who->text, name.p, name.n);
        who->name = (bytes){ who->text, name.n };
        who->seen = now;
        idmap_init(&who->pending, 0);
        return roster_add(&g->consumers, who) < 0 ? consumer_free(who) : who;
}

void stream_group_remove_consumer(stream_group *g, consumer *who) {
        idmap_iter at;

        for (bool there = idmap_iter_from(&at, &who->pending, STREAM_ID_MIN); there;
             there = idmap_iter_next(&at))
                idmap_take(&g->pending, at.id);
        roster_take(&g->consumers, who);
        consumer_free(who);
}

pending *stream_group_pending(const stream_group *g, stream_id id) {
        return idmap_find(&g->pending, id);
}

pending *stream_group_give(stream_group *g, stream_id id, consumer *who) {
        pending *p = stream_group_pending(g, id);
        bool is_new = !p;

        if (!is_new && p->consumer == who)
                return p;
        if (!idmap_add(&who->pending, id))
                return NULL;
        if (is_new && !(p = idmap_add(&g->pending, id))) {
                idmap_take(&who->pending, id);
                return NULL;
        }
        if (is_new)
                *p = (pending){ .count = 1 };
        else
                idmap_take(&p->consumer->pending, id);
        p->consumer = who;
        return p;
}

bool stream_group_forget(stream_group *g, stream_id id) {
        const pending *p = stream_group_pending(g, id);

        if (!p)
                return false;
        idmap_take(&p->consumer->pending, id);
        return idmap_take(&g->pending, id);
}
