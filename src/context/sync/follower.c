/* SPDX-License-Identifier: Apache-2.0 */
#include "follower.h"

#include <stdarg.h>
#include <stdio.h>

#include "../../base/clock.h"
#include "../../base/mem.h"
#include "../../wire/rdb/out.h"
#include "../store.h"

/* How much of the stream may be kept for one of them: Redis's defaults. */

/* What is fetched at once. Picked: a good part of a socket's buffer. */
enum { FETCH_SIZE = 64 * 1024 };

static void say(follower *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(follower *f, const char *format, ...) {
        char text[2 * PSYNC_ID_MAX + 64];
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        resp_out_raw(&f->client->out, text, (size_t)n);
}

static void begin_stream(follower *f) {
        f->state = FOLLOWER_STREAM;
        f->heard = clock_now();
}

/* The file is known to be whole, or its end will be marked. */
static bool say_head(follower *f) {
        const transfer *t = f->transfer;

        f->is_marked = f->can_mark && f->client->store->config.repl_diskless_sync;
        if (!f->is_marked && !t->is_whole)
                return false;
        if (f->is_marked)
                say(f, "$EOF:%.*s\r\n", PSYNC_ID_MAX, t->mark);
        else
                say(f, "$%llu\r\n", (unsigned long long)t->n);
        f->has_head = true;
        return true;
}

static void end_file(follower *f) {
        if (f->is_marked)
                resp_out_raw(&f->client->out, f->transfer->mark, PSYNC_ID_MAX);
        f->transfer = transfer_unref(f->transfer);
        if (f->wants_file_only)
                client_close(f->client, false);
        else if (f->is_marked)
                f->state = FOLLOWER_MARKED;
        else
                begin_stream(f);
        f->heard = clock_now();
}

static bool fetch_file(follower *f) {
        resp_out *out = &f->client->out;
        transfer *t = f->transfer;
        uint8_t *room;
        ssize_t n = 0;

        if (!f->has_head && !say_head(f))
                return false;
        room = resp_out_room(out, FETCH_SIZE);
        if (room && f->file_at < t->n)
                n = transfer_read(t, f->file_at, room, FETCH_SIZE);
        if (!room || n < 0) {
                client_close(f->client, true);
                return false;
        }
        out->n += (size_t)n;
        f->file_at += (uint64_t)n;
        if (t->is_whole && f->file_at == t->n)
                end_file(f);
        return out->n > 0;
}

static bool fetch_stream(follower *f) {
        bytes some = backlog_peek(master_stream(f->master), f->offset);

        resp_out_raw(&f->client->out, some.p, some.n);
        f->offset += (int64_t)some.n;
        return some.n > 0;
}

/* Without keys: magic, end, no checksum. */
static void say_empty_file(follower *f) {
        rdb_out empty = { 0 };

        rdb_out_magic(&empty);
        rdb_out_byte(&empty, RDB_END);
        rdb_out_le64(&empty, 0);
        say(f, "$%zu\r\n", empty.n);
        resp_out_raw(&f->client->out, empty.p, empty.n);
        rdb_out_deinit(&empty);
}

/* What the stream, or the file, is. */
static void greet(follower *f) {
        f->is_greeted = true;
        if (f->goes_on && f->can_rename)
                say(f, "+CONTINUE %s\r\n", master_id(f->master));
        else if (f->goes_on)
                say(f, "+CONTINUE\r\n");
        else if (f->acks)
                say(f, "+FULLRESYNC %s %lld\r\n", master_id(f->master), (long long)f->offset);
        if (!f->goes_on && f->wants_no_keys)
                say_empty_file(f);
}

/* All that was said has been written: what comes next of what lies elsewhere. */
static bool refill(client *c) {
        follower *f = c->follower;

        if (c->flags & CLIENT_CLOSE_NOW || f->state == FOLLOWER_WAITS)
                return false;
        if (!f->is_greeted) {
                greet(f);
                if (c->out.n > 0)
                        return true;
        }
        return f->state == FOLLOWER_FILE     ? fetch_file(f)
               : f->state == FOLLOWER_STREAM ? fetch_stream(f)
                                             : false;
}

follower *follower_of(client *c) {
        follower *f = c->follower;

        if (f)
                return f;
        f = mem_zero(sizeof(*f));
        if (!f)
                return NULL;
        list_init(&f->node);
        f->client = c;
        f->master = c->store->master;
        c->follower = f;
        return f;
}

bool follower_follows(const client *c) {
        return c->follower && c->follower->state != FOLLOWER_TALKS;
}

follower *follower_free(follower *f) {
        if (!f)
                return NULL;
        list_remove(&f->node);
        transfer_unref(f->transfer);
        return mem_free(f);
}

/* Answers have no place in what it is sent from now on. */
static void follow(follower *f, int64_t offset) {
        f->client->flags |= CLIENT_REPLY_OFF;
        f->client->refill = refill;
        f->offset = offset;
        f->heard = clock_now();
        client_touch(f->client);
}

void follower_join(follower *f, transfer *t) {
        f->transfer = transfer_ref(t);
        f->state = FOLLOWER_FILE;
        follow(f, t->offset);
}

void follower_go_on(follower *f, int64_t offset) {
        f->goes_on = true;
        begin_stream(f);
        follow(f, offset);
}

void follower_skip_file(follower *f, int64_t offset) {
        begin_stream(f);
        follow(f, offset);
}

void follower_ack(follower *f, int64_t offset) {
        if (f->state == FOLLOWER_MARKED) {
                begin_stream(f);
                client_touch(f->client);
        }
        if (offset > f->acked)
                f->acked = offset;
        f->heard = clock_now();
}

static int64_t behind(const follower *f) {
        return f->state > FOLLOWER_WAITS ? master_offset(f->master) - f->offset : 0;
}

bool follower_is_slow(follower *f) {
        return config_unread_is_over(&f->client->store->config.unread[CONFIG_REPLICA],
                                     (uint64_t)behind(f), &f->slow_since);
}

bool follower_is_early(const follower *f) {
        return f->state == FOLLOWER_WAITS || (f->state == FOLLOWER_FILE && !f->has_head);
}

const char *follower_state_name(const follower *f) {
        switch (f->state) {
        case FOLLOWER_TALKS:
        case FOLLOWER_WAITS:
                return "wait_bgsave";
        case FOLLOWER_FILE:
        case FOLLOWER_MARKED:
                return "send_bulk";
        case FOLLOWER_STREAM:
                break;
        }
        return "online";
}

const char *follower_host(const follower *f, char host[static FOLLOWER_ADDRESS_MAX]) {
        const char *at = f->client->address, *colon = strrchr(at, ':');
        size_t n = colon ? (size_t)(colon - at) : strlen(at);

        if (f->address[0])
                return f->address;
        if (n > 2 && at[0] == '[') {
                at++;
                n -= 2;
        }
        snprintf(host, FOLLOWER_ADDRESS_MAX, "%.*s", (int)n, at);
        return host;
}
