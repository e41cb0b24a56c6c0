/* SPDX-License-Identifier: Apache-2.0 */
#include "slowlog.h"

#include <stdio.h>

#include "../base/mem.h"
#include "store.h"

/* Of a command that many arguments, the last of which says how many more there were, and
 * of an argument that many bytes. */
enum { SHOWN_ARGS = 32, SHOWN_BYTES = 128, NOTE_MAX = 48 };

void slowlog_init(slowlog *l) {
        *l = (slowlog){ 0 };
        list_init(&l->entries);
}

void slowlog_cut(slowlog *l, size_t max) {
        for (; l->n > max; l->n--) {
                list *last = l->entries.prev;

                list_remove(last);
                mem_free(container_of(last, slow, node));
        }
}

void slowlog_deinit(slowlog *l) {
        slowlog_cut(l, 0);
}

static char *keep(char **at, const char *text) {
        char *kept = *at;
        size_t n = strlen(text) + 1;

        memcpy(kept, text, n);
        *at += n;
        return kept;
}

static bytes keep_arg(char **at, bytes arg) {
        size_t n = arg.n < SHOWN_BYTES ? arg.n : SHOWN_BYTES;
        bytes kept = { *at, n };

        if (n > 0)
                memcpy(*at, arg.p, n);
        if (arg.n > n)
                kept.n += (size_t)snprintf(*at + n, NOTE_MAX, "... (%zu more bytes)", arg.n - n);
        *at += kept.n;
        return kept;
}

void slowlog_put(slowlog *l, const call *c, int64_t us, size_t max) {
        const char *address = c->client->address ? c->client->address : "";
        const char *name = c->client->name ? c->client->name : "";
        int n_shown = c->argc > SHOWN_ARGS ? SHOWN_ARGS - 1 : c->argc, argc = n_shown;
        size_t n = strlen(address) + strlen(name) + 2;
        slow *entry;
        char *at;

        if (c->argc > n_shown)
                argc++;
        for (int i = 0; i < argc; i++)
                n += c->argv[i].n < SHOWN_BYTES ? c->argv[i].n : SHOWN_BYTES;
        n += (size_t)argc * NOTE_MAX;
        entry = max > 0 ? mem_new(sizeof(*entry) + (size_t)argc * sizeof(bytes) + n) : NULL;
        if (!entry)
                return;
        *entry = (slow){ .id = l->next_id++, .when = c->store->now / 1000, .us = us, .argc = argc };
        at = (char *)&entry->argv[argc];
        entry->address = keep(&at, address);
        entry->name = keep(&at, name);
        for (int i = 0; i < n_shown; i++)
                entry->argv[i] =
                        keep_arg(&at, call_is_secret(c, i) ? BYTES("(redacted)") : c->argv[i]);
        if (argc > n_shown)
                entry->argv[n_shown] =
                        (bytes){ at, (size_t)snprintf(at, NOTE_MAX, "... (%d more arguments)",
                                                      c->argc - n_shown) };
        list_init(&entry->node);
        list_prepend(&l->entries, &entry->node);
        l->n++;
        slowlog_cut(l, max);
}
