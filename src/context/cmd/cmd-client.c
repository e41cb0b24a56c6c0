/* SPDX-License-Identifier: Apache-2.0 */
/* CLIENT: who is connected, and what one can do about it. */
#include <inttypes.h>

#include "../../base/clock.h"
#include "../../base/decimal.h"
#include "../block.h"
#include "../multi.h"
#include "../store.h"
#include "../sync/follower.h"
#include "../text.h"
#include "context/commands.h"

/* itself */

void cmd_client_id(call *c) {
        resp_out_integer(c->out, (int64_t)c->client->id);
}

void cmd_client_getname(call *c) {
        if (c->client->name)
                resp_out_bulk_text(c->out, c->client->name);
        else
                resp_out_null(c->out);
}

void cmd_client_setname(call *c) {
        if (client_set_name(c, 2))
                resp_out_ok(c->out);
}

/* There is nothing yet that would evict a client; who asked not to be shows it. */
void cmd_client_no_evict(call *c) {
        if (call_is(c, 2, "ON")) {
                c->client->flags |= CLIENT_NO_EVICT;
        } else if (call_is(c, 2, "OFF")) {
                c->client->flags &= ~(uint32_t)CLIENT_NO_EVICT;
        } else {
                call_fail_syntax(c);
                return;
        }
        resp_out_ok(c->out);
}

/* Only the last of the three is answered; client_answered() does the rest. */
void cmd_client_reply(call *c) {
        uint32_t *flags = &c->client->flags;

        if (call_is(c, 2, "OFF")) {
                *flags |= CLIENT_REPLY_OFF;
        } else if (call_is(c, 2, "SKIP")) {
                if (!(*flags & CLIENT_REPLY_OFF))
                        *flags |= CLIENT_REPLY_SKIP_NEXT;
        } else if (call_is(c, 2, "ON")) {
                *flags &= ~(uint32_t)(CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP);
                resp_out_ok(&c->client->out);
        } else {
                call_fail_syntax(c);
        }
}

/* listing */

static void print_flags(const client *c, char ret[static 16]) {
        const struct {
                char letter;
                bool is_so;
        } letters[] = {
                { 'O', c->flags & CLIENT_MONITOR },
                { 'S', follower_follows(c) },
                { 'M', c->flags & CLIENT_MASTER },
                { 'P', c->flags & CLIENT_PUBSUB },
                { 'x', c->flags & CLIENT_MULTI },
                { 'b', c->flags & CLIENT_BLOCKED },
                { 't', c->tracker },
                { 'R', c->tracker && c->tracker->is_broken },
                { 'B', c->tracker && c->tracker->broadcasts },
                { 'd', c->flags & CLIENT_DIRTY_CAS },
                { 'c', c->flags & CLIENT_CLOSING },
                { 'A', c->flags & CLIENT_CLOSE_NOW },
                { 'U', c->flags & CLIENT_UNIX },
                { 'e', c->flags & CLIENT_NO_EVICT },
        };
        char *p = ret;

        for (size_t i = 0; i < sizeof(letters) / sizeof(*letters); i++)
                if (letters[i].is_so)
                        *p++ = letters[i].letter;
        if (p == ret)
                *p++ = 'N';
        *p = '\0';
}

/* Bytes of the arguments of what it executes. */
static size_t arguments_size(const client *c) {
        const call *now = c->store->current;
        size_t n = 0;

        if (now && now->client == c)
                for (int i = 0; i < now->argc; i++)
                        n += now->argv[i].n;
        return n;
}

/* Redis's fields, which clients of Redis read by name. There answers are first put into a buffer
 * (rbs bytes of room; obl: used) and then into a list of oll blocks (omem bytes); here the one
 * buffer grows, and counts as a block once it is larger than Redis's. */
static void print(text *t, const client *c) {
        enum { REDIS_BUFFER = 16 << 10 };
        int64_t now = c->store->now;
        size_t unsent = c->out.n - c->sent, arguments = arguments_size(c);
        bool is_block = unsent > REDIS_BUFFER;
        char flags[16];

        print_flags(c, flags);
        text_add(t, "id=%" PRIu64 " addr=%s laddr=%s fd=%d name=%s", c->id,
                 c->address ? c->address : "", c->local_address ? c->local_address : "", c->fd,
                 c->name ? c->name : "");
        text_add(t, " age=%" PRId64 " idle=%" PRId64 " flags=%s db=%d", (now - c->since) / 1000,
                 (now - c->used) / 1000, flags, c->db->number);
        text_add(t, " sub=%zu psub=%zu ssub=%zu", pubsub_count(c, PUBSUB_CHANNEL),
                 pubsub_count(c, PUBSUB_PATTERN), pubsub_count(c, PUBSUB_SHARD));
        text_add(t, " multi=%d qbuf=%zu qbuf-free=%zu argv-mem=%zu multi-mem=%zu", multi_count(c),
                 c->unread, c->unread_room, arguments, multi_size(c));
        text_add(t, " rbs=%zu rbp=%zu obl=%zu oll=%d omem=%zu", c->out.cap, c->out.cap,
                 is_block ? 0 : unsent, is_block, is_block ? c->out.cap : 0);
        text_add(t, " tot-mem=%zu events=%s%s cmd=%s user=default",
                 sizeof(*c) + c->unread + c->unread_room + arguments + multi_size(c) + c->out.cap,
                 c->reads ? "r" : "", c->writes ? "w" : "", c->last ? c->last->name : "NULL");
        text_add(t, " redir=%" PRId64 " resp=%d\n", c->tracker ? (int64_t)c->tracker->redirect : -1,
                 c->out.version);
}

/* What Redis tells apart. */
typedef enum client_type { ANY, NORMAL, MASTER, REPLICA, LISTENER } client_type;

static bool read_type(call *c, int i, client_type *ret) {
        static const struct {
                const char *name;
                client_type type;
        } types[] = {
                { "normal", NORMAL }, { "master", MASTER },   { "replica", REPLICA },
                { "slave", REPLICA }, { "pubsub", LISTENER },
        };

        for (size_t k = 0; k < sizeof(types) / sizeof(*types); k++) {
                if (call_is(c, i, types[k].name)) {
                        *ret = types[k].type;
                        return true;
                }
        }
        call_failf(c, "ERR Unknown client type '%.*s'", call_shown(c->argv[i]), c->argv[i].p);
        return false;
}

static client_type type_of(const client *c) {
        return c->flags & CLIENT_MASTER   ? MASTER
               : follower_follows(c)      ? REPLICA
               : c->flags & CLIENT_PUBSUB ? LISTENER
                                          : NORMAL;
}

static bool is_of(const client *c, client_type type) {
        return type == ANY || type == type_of(c);
}

void cmd_client_info(call *c) {
        text t = { 0 };

        print(&t, c->client);
        text_reply(&t, c);
}

static void list_by_id(call *c) {
        text t = { 0 };
        int64_t id;

        for (int i = 3; i < c->argc; i++)
                if (!call_integer(c, i, &id, "ERR Invalid client ID"))
                        return;
        for (int i = 3; i < c->argc; i++) {
                const client *one;

                decimal_read(c->argv[i].p, c->argv[i].n, &id);
                one = client_find(c->store, (uint64_t)id);
                if (one && one->address)
                        print(&t, one);
        }
        text_reply(&t, c);
}

void cmd_client_list(call *c) {
        client_type wanted = ANY;
        text t = { 0 };

        if (c->argc > 3 && call_is(c, 2, "ID")) {
                list_by_id(c);
                return;
        }
        if (c->argc == 4 && call_is(c, 2, "TYPE")) {
                if (!read_type(c, 3, &wanted))
                        return;
        } else if (c->argc != 2) {
                call_fail_syntax(c);
                return;
        }
        list_each(node, &c->store->clients) {
                const client *one = container_of(node, client, node);

                if (one->address && is_of(one, wanted)) /* the program's own have none */
                        print(&t, one);
        }
        text_reply(&t, c);
}

/* doing something to another */

typedef struct filter {
        int64_t id; /* or 0 */
        const bytes *address, *local_address;
        client_type type;
        bool skips_me;
} filter;

static bool read_filter(call *c, filter *ret) {
        for (int i = 2; i < c->argc; i += 2) {
                if (i + 1 == c->argc) {
                        call_fail_syntax(c);
                        return false;
                }
                if (call_is(c, i, "ID")) {
                        if (!call_integer_in(c, i + 1, 1, INT64_MAX, &ret->id,
                                             "ERR client-id should be greater than 0"))
                                return false;
                } else if (call_is(c, i, "TYPE")) {
                        if (!read_type(c, i + 1, &ret->type))
                                return false;
                } else if (call_is(c, i, "ADDR")) {
                        ret->address = &c->argv[i + 1];
                } else if (call_is(c, i, "LADDR")) {
                        ret->local_address = &c->argv[i + 1];
                } else if (call_is(c, i, "USER")) {
                        if (!bytes_equal(c->argv[i + 1], BYTES("default"))) {
                                call_failf(c, "ERR No such user '%.*s'", call_shown(c->argv[i + 1]),
                                           c->argv[i + 1].p);
                                return false;
                        }
                } else if (call_is(c, i, "SKIPME") && call_is(c, i + 1, "yes")) {
                        ret->skips_me = true;
                } else if (call_is(c, i, "SKIPME") && call_is(c, i + 1, "no")) {
                        ret->skips_me = false;
                } else {
                        call_fail_syntax(c);
                        return false;
                }
        }
        return true;
}

/* Those of the program itself have no address, and are not ended from outside. */
static bool is_meant(const filter *f, const client *c, const client *me) {
        return c->address && is_of(c, f->type) && !(f->skips_me && c == me) &&
               (!f->id || c->id == (uint64_t)f->id) &&
               (!f->address || bytes_equal(*f->address, bytes_of(c->address))) &&
               (!f->local_address || bytes_equal(*f->local_address, bytes_of(c->local_address)));
}

/* Whoever asks for its own end is still answered. */
static int64_t kill_all(call *c, const filter *f) {
        int64_t n = 0;

        list_each(node, &c->store->clients) {
                client *one = container_of(node, client, node);

                if (!is_meant(f, one, c->client))
                        continue;
                n++;
                if (one == c->client)
                        one->flags |= CLIENT_CLOSING;
                else
                        client_close(one, true);
        }
        return n;
}

void cmd_client_kill(call *c) {
        filter f = { .skips_me = true };

        if (c->argc == 3) { /* the old form: an address, that of the caller too */
                f.skips_me = false;
                f.address = &c->argv[2];
                if (kill_all(c, &f) > 0)
                        resp_out_ok(c->out);
                else
                        call_fail(c, "ERR No such client");
        } else if (read_filter(c, &f)) {
                resp_out_integer(c->out, kill_all(c, &f));
        }
}

void cmd_client_pause(call *c) {
        int64_t deadline;
        bool all = c->argc == 3 || call_is(c, 3, "ALL");

        if (c->argc > 4) {
                call_fail_subcommand(c);
        } else if (!all && !call_is(c, 3, "WRITE")) {
                call_fail(c, "ERR CLIENT PAUSE mode must be WRITE or ALL");
        } else if (block_deadline_ms(c, 2, &deadline)) {
                /* no time at all, and more than there is, are none in Redis */
                if (deadline != CLOCK_NEVER && hold_begin(c->store, deadline, all) < 0)
                        call_fail_memory(c);
                else
                        resp_out_ok(c->out);
        }
}

void cmd_client_unpause(call *c) {
        hold_end(c->store);
        resp_out_ok(c->out);
}

void cmd_client_unblock(call *c) {
        const char *error = NULL;
        client *other;
        int64_t id;

        if (c->argc == 4 && call_is(c, 3, "ERROR")) {
                error = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
        } else if (c->argc > 4) {
                call_fail_subcommand(c);
                return;
        } else if (c->argc == 4 && !call_is(c, 3, "TIMEOUT")) {
                call_fail(c, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
                return;
        }
        if (!call_integer(c, 2, &id, NULL))
                return;
        other = client_find(c->store, (uint64_t)id);
        resp_out_integer(c->out, other && block_end(other, error));
}
