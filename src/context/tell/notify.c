/* SPDX-License-Identifier: Apache-2.0 */
#include "notify.h"

#include <errno.h>
#include <stdio.h>

#include "../../base/mem.h"
#include "../store.h"

/* telling */

/* Without memory for a long name those who listen miss this, as they miss what happens
 * while they are not connected. */
static void tell(db *d, const char *where, bytes about, bytes what) {
        char room[128], *channel = room;
        size_t n = (size_t)snprintf(room, sizeof(room), "__%s@%d__:", where, d->number);

        if (n + about.n > sizeof(room)) {
                channel = mem_new(n + about.n);
                if (!channel)
                        return;
                memcpy(channel, room, n);
        }
        memcpy(channel + n, about.p, about.n);
        pubsub_send(d->store, PUBSUB_CHANNEL, (bytes){ channel, n + about.n }, what);
        if (channel != room)
                mem_free(channel);
}

void notify_event(db *d, bytes name, notify_class class, const char *event) {
        const store *s = d->store;
        int wanted = s->config.notify_keyspace_events;

        if (!(wanted & (int)class) || s->is_loading || table_count(&s->pubsub.subscriptions) == 0)
                return;
        if (wanted & NOTIFY_KEYSPACE)
                tell(d, "keyspace", name, bytes_of(event));
        if (wanted & NOTIFY_KEYEVENT)
                tell(d, "keyevent", bytes_of(event), name);
}

/* letters */

/* In the order in which they are printed. */
static const struct {
        char letter;
        int class;
} letters[] = {
        { 'g', NOTIFY_GENERIC },  { '$', NOTIFY_STRING },  { 'l', NOTIFY_LIST },
        { 's', NOTIFY_SET },      { 'h', NOTIFY_HASH },    { 'z', NOTIFY_ZSET },
        { 'x', NOTIFY_EXPIRED },  { 'e', NOTIFY_EVICTED }, { 't', NOTIFY_STREAM },
        { 'd', NOTIFY_MODULE },   { 'n', NOTIFY_NEW },     { 'K', NOTIFY_KEYSPACE },
        { 'E', NOTIFY_KEYEVENT }, { 'm', NOTIFY_MISS },
};

enum { N_LETTERS = sizeof(letters) / sizeof(*letters) };

int notify_parse(bytes text) {
        int set = 0;

        for (size_t i = 0; i < text.n; i++) {
                int class = text.p[i] == 'A' ? NOTIFY_ALL : 0;

                for (int k = 0; !class && k < N_LETTERS; k++)
                        if (letters[k].letter == text.p[i])
                                class = letters[k].class;
                if (!class)
                        return -EINVAL;
                set |= class;
        }
        return set;
}

void notify_print(int set, char ret[static NOTIFY_TEXT_MAX]) {
        if ((set & NOTIFY_ALL) == NOTIFY_ALL) {
                *ret++ = 'A';
                set &= ~(NOTIFY_ALL | NOTIFY_NEW);
        }
        for (int k = 0; k < N_LETTERS; k++)
                if (set & letters[k].class)
                        *ret++ = letters[k].letter;
        *ret = '\0';
}
