/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <errno.h>

#include "../base/mem.h"
#include "session-inner.h"
#include "wire-inner.h"

static wire **bucket(const session *s, uint64_t id) {
        /* both sides count in twos */
        return &s->buckets[(id >> 1 ^ id << 3) & (s->n_buckets - 1)];
}

int session_reserve(session *s, size_t n) {
        uint32_t n_buckets = s->n_buckets ? s->n_buckets : SESSION_N_BUCKETS;
        wire **old = s->buckets;
        size_t n_old = s->n_buckets;

        while (n_buckets < s->n_wires + n)
                n_buckets *= 2;
        if (n_buckets == s->n_buckets)
                return 0;
        s->buckets = mem_array(n_buckets, sizeof(*s->buckets));
        if (!s->buckets) {
                s->buckets = old;
                return -ENOMEM;
        }
        s->n_buckets = n_buckets;
        for (size_t i = 0; i < n_old; i++)
                while (old[i]) {
                        wire *w = old[i], **b = bucket(s, w->id);

                        old[i] = w->next;
                        w->next = *b;
                        *b = w;
                }
        mem_free(old);
        return 0;
}

void session_list(session *s, wire *w) {
        wire **b = bucket(s, w->id);

        w->next = *b;
        *b = w;
        w->flags |= WIRE_LISTED;
        s->n_wires++;
        if (!(w->flags & WIRE_OURS))
                s->n_theirs++;
}

void session_unlist(session *s, wire *w) {
        for (wire **at = bucket(s, w->id); *at; at = &(*at)->next)
                if (*at == w) {
                        *at = w->next;
                        break;
                }
        w->flags &= ~(uint32_t)WIRE_LISTED;
        s->n_wires--;
        if (s->last == w)
                s->last = NULL;
        if (s->body == w)
                s->body = NULL;
        list_remove(&w->turn);
        if (w->flags & WIRE_HELD)
                list_append(&s->over, &w->turn);
        if (!(w->flags & (WIRE_OURS | WIRE_UNSEEN)))
                session_give_back(s);
        if (!s->n_wires && (s->away_said || s->away_heard))
                session_touch(s);
}

void session_give_back(session *s) {
        s->n_theirs--;
        /* told in bulk unless the peer has none left */
        s->opens_owed++;
        if (s->opens_owed >= s->opt.max_channels / 4 ||
            s->n_theirs + s->opens_owed >= s->opt.max_channels)
                session_touch(s);
}

wire *session_find(session *s, uint64_t id) {
        wire *w = s->last;

        if (w && w->id == id)
                return w;
        if (!s->n_buckets)
                return NULL;
        for (w = *bucket(s, id); w && w->id != id; w = w->next)
                ;
        if (w)
                s->last = w;
        return w;
}

uint64_t session_next_id(session *s) {
        uint64_t id = s->next_id;

        s->next_id += 2;
        return id;
}

bool session_is_ours(const session *s, uint64_t id) {
        return (id & 1) == (s->dialled ? 1 : 0);
}

int session_admit(session *s, uint64_t id) {
        if (session_is_ours(s, id) || id <= s->last_seen)
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL,
                                    "a channel number that is not new, or not the peer's");
        if (s->n_theirs + s->opens_owed >= s->opt.max_channels)
                return session_fail(s, -EPROTO, BEAM_CODE_PROTOCOL, "more channels than allowed");
        s->last_seen = id;
        return 0;
}

void session_stir(session *s) {
        for (size_t i = 0; i < s->n_buckets; i++)
                for (wire *w = s->buckets[i]; w; w = w->next)
                        wire_wake(w);
}
