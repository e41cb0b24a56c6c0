/* SPDX-License-Identifier: Apache-2.0 */
#include "master.h"

#include <beam/beam.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

#include "../../base/clock.h"
#include "../../base/decimal.h"
#include "../../base/mem.h"
#include "../../base/random.h"
#include "../../loop/loop.h"
#include "../store.h"
#include "../text.h"
#include "follower.h"

/* How often it looks after its followers, of whom those who can only wait expect to hear
 * something. */
#define BEAT CLOCK_SECOND

/* How many bytes of the stream come between two looks at how far the followers are. */
enum { LOOK_EVERY = 16 * 1024 };

struct master {
        store *store;
        char id[PSYNC_ID_MAX + 1];
        char old_id[PSYNC_ID_MAX + 1]; /* another name of the stream, up to old_end, or "" */
        int64_t old_end;
        backlog stream;
        bool is_kept; /* the stream: each change is put into it */
        feed_reader reader;
        int db;             /* the database that the stream is at, */
        bool has_to_select; /* which there is somebody who does not know */
        int64_t look_at;    /* the offset */
        list followers;
        int n_followers;
        transfer *transfer; /* that is being filled, or NULL */
        post pump;          /* lets the followers fetch what is new */
        bool is_pumping;
        timer beat;
        int64_t pinged, left; /* clock_now(): the stream; the last follower has */
        char dropped[128];    /* the last one, and why; or "" */
};

void master_make_id(char ret[static PSYNC_ID_MAX + 1]) {
        uint8_t some[PSYNC_ID_MAX / 2];

        if (getrandom(some, sizeof(some), 0) != sizeof(some))
                for (size_t i = 0; i < sizeof(some); i++)
                        some[i] = (uint8_t)random_next();
        for (size_t i = 0; i < sizeof(some); i++)
                snprintf(ret + 2 * i, 3, "%02x", some[i]);
}

/* waking them */

static void pump(master *m) {
        if (m->is_pumping || m->n_followers == 0)
                return;
        m->is_pumping = true;
        post_put(&m->pump);
}

static void on_pump(post *p) {
        master *m = container_of(p, master, pump);

        m->is_pumping = false;
        list_each(node, &m->followers) {
                follower *f = container_of(node, follower, node);

                /* who has something to write goes on by itself when that is written */
                if (f->client->out.n == 0)
                        client_touch(f->client);
        }
}

/* those who are too slow */

static void drop(master *m, follower *f, const char *why) {
        snprintf(m->dropped, sizeof(m->dropped), "id=%" PRIu64 ",addr=%s,reason=%s", f->client->id,
                 f->client->address, why);
        client_close(f->client, true);
}

static void drop_all(master *m, const char *why) {
        list_each(node, &m->followers)
                drop(m, container_of(node, follower, node), why);
}

/* Who lags behind by too much is dropped, for its part of the stream is kept for nobody
 * else; and what nobody needs any more is forgotten. */
static void look(master *m) {
        int64_t keep = master_offset(m) - m->store->config.repl_backlog_size;

        list_each(node, &m->followers) {
                follower *f = container_of(node, follower, node);

                if (f->client->flags & CLIENT_CLOSE_NOW)
                        continue;
                if (follower_is_slow(f))
                        drop(m, f, "output buffer limit");
                else if (f->state > FOLLOWER_WAITS && f->offset < keep)
                        keep = f->offset;
        }
        if (m->transfer && m->transfer->offset < keep)
                keep = m->transfer->offset;
        backlog_trim(&m->stream, keep);
        m->look_at = m->stream.end + LOOK_EVERY;
}

/* the stream */

/* Without memory for the stream: those who follow it have to begin anew, with another. */
static void lose_stream(master *m) {
        drop_all(m, "out of memory");
        backlog_deinit(&m->stream);
        master_make_id(m->id);
        m->old_id[0] = '\0';
        m->has_to_select = true;
}

enum { HEAD_MAX = 1 + DECIMAL_MAX + 2 };

static size_t print_head(char ret[static HEAD_MAX], char type, size_t number) {
        size_t n = 1 + decimal_print((int64_t)number, ret + 1);

        ret[0] = type;
        memcpy(ret + n, "\r\n", 2);
        return n + 2;
}

/* What is small is gathered first: every write of every client goes through here. */
static int put(master *m, const bytes *argv, int argc) {
        char some[512]; /* picked: more than most commands are */
        size_t n = print_head(some, '*', (size_t)argc);
        int r = 0;

        for (int i = 0; r == 0 && i < argc; i++) {
                n += print_head(some + n, '$', argv[i].n);
                if (n + argv[i].n + 2 + HEAD_MAX <= sizeof(some)) {
                        if (argv[i].n > 0)
                                memcpy(some + n, argv[i].p, argv[i].n);
                        n += argv[i].n;
                } else {
                        r = backlog_put(&m->stream, some, n);
                        if (r == 0)
                                r = backlog_put(&m->stream, argv[i].p, argv[i].n);
                        n = 0;
                }
                memcpy(some + n, "\r\n", 2);
                n += 2;
        }
        return r == 0 ? backlog_put(&m->stream, some, n) : r;
}

static void say(master *m, const bytes *argv, int argc) {
        if (put(m, argv, argc) < 0)
                lose_stream(m);
        if (m->stream.end >= m->look_at)
                look(m);
        pump(m);
}

static void on_change(feed_reader *r, db *d, const bytes *argv, int argc) {
        master *m = container_of(r, master, reader);

        if (argc == 0) {
                lose_stream(m);
                return;
        }
        if (d->number != m->db || m->has_to_select) {
                char number[16];
                size_t n = (size_t)sprintf(number, "%d", d->number);

                m->db = d->number;
                m->has_to_select = false;
                say(m, (bytes[]){ BYTES("SELECT"), { number, n } }, 2);
        }
        say(m, argv, argc);
}

/* A change of what the stream is of, for which none of its bytes is any use. */
static void begin_stream(master *m, int64_t offset) {
        backlog_deinit(&m->stream);
        backlog_init(&m->stream, offset);
        m->look_at = offset + LOOK_EVERY;
        m->has_to_select = true;
}

static void plan(master *m);

/* With the first follower the stream begins. */
static void keep_stream(master *m) {
        if (m->is_kept)
                return;
        m->is_kept = true;
        m->pinged = clock_now();
        feed_join(&m->store->feed, &m->reader);
}

/* Nobody has followed for long: changes go untold from here on, so the name is used up. */
static void forget_stream(master *m) {
        feed_leave(&m->reader);
        m->is_kept = false;
        begin_stream(m, m->stream.end);
        master_make_id(m->id);
        m->old_id[0] = '\0';
}

/* transfers */

static void on_told(void *data, transfer *t);

static void end_transfer(master *m) {
        m->transfer = transfer_unref(m->transfer);
}

/* Let those who wait for a snapshot have the one in progress, or take one. While there is
 * another in progress that is not theirs, they wait on. */
static void begin_transfer(master *m) {
        list_each(node, &m->followers) {
                follower *f = container_of(node, follower, node);

                if (f->state != FOLLOWER_WAITS || f->client->flags & CLIENT_CLOSE_NOW)
                        continue;
                if (!m->transfer) {
                        int r = transfer_new(m->store, m->stream.end,
                                             m->store->follows ? m->db : -1, on_told, m,
                                             &m->transfer);

                        if (r == -EBUSY)
                                return;
                        if (r < 0) {
                                drop(m, f, beam_strerror(r));
                                continue;
                        }
                        m->has_to_select = true;
                }
                follower_join(f, m->transfer);
        }
}

/* Those whose file will not be whole. */
static void drop_with(master *m, const transfer *t) {
        list_each(node, &m->followers) {
                follower *f = container_of(node, follower, node);

                if (f->transfer == t)
                        drop(m, f, beam_strerror(t->error));
        }
}

static void on_told(void *data, transfer *t) {
        master *m = data;

        if (t->error)
                drop_with(m, t);
        if (t->error || t->is_whole) {
                end_transfer(m);
                begin_transfer(m);
        }
        pump(m);
}

/* looking after them */

static int64_t seconds(int64_t n) {
        return n > CLOCK_NEVER / CLOCK_SECOND ? CLOCK_NEVER : n * CLOCK_SECOND;
}

static void look_after(master *m, follower *f) {
        int64_t silent = clock_now() - f->heard;

        if (follower_is_early(f) && f->client->out.n == 0) {
                resp_out_raw(&f->client->out, "\n", 1);
                client_touch(f->client);
        }
        if (follower_is_online(f) && f->acks && silent > seconds(m->store->config.repl_timeout))
                drop(m, f, "timeout");
}

static void on_beat(timer *t) {
        master *m = container_of(t, master, beat);
        const config *cfg = &m->store->config;
        int64_t now = clock_now();

        list_each(node, &m->followers)
                look_after(m, container_of(node, follower, node));
        begin_transfer(m);
        if (m->n_followers > 0 && !m->store->follows &&
            now - m->pinged >= seconds(cfg->repl_ping_replica_period)) {
                m->pinged = now;
                say(m, &BYTES("PING"), 1);
        }
        if (m->n_followers == 0 && now - m->left >= seconds(cfg->repl_backlog_ttl))
                forget_stream(m);
        look(m);
        plan(m);
}

/* While there are followers it beats; after that the stream is kept for a while. Without
 * memory for a timer nobody is pinged, and replicas come back by themselves. */
static void plan(master *m) {
        int64_t ttl = m->store->config.repl_backlog_ttl;

        timer_stop(&m->beat);
        if (m->n_followers > 0)
                timer_start(&m->beat, loop_get(), clock_add(clock_now(), BEAT));
        else if (m->is_kept && !m->store->follows && ttl > 0)
                timer_start(&m->beat, loop_get(), clock_add(m->left, seconds(ttl)));
}

/* coming and going */

static bool has_from(const master *m, bytes id, int64_t offset) {
        bool is_known =
                bytes_equal(id, bytes_of(m->id)) ||
                (m->old_id[0] && bytes_equal(id, bytes_of(m->old_id)) && offset <= m->old_end);

        return m->is_kept && is_known && backlog_has(&m->stream, offset);
}

static void note(master *m, bytes id, bool resumes) {
        stats *of = &m->store->stats;

        of->n_resumed += resumes;
        of->n_whole += !resumes;
        of->n_begun_anew += !resumes && id.n > 0 && !bytes_equal(id, BYTES("?"));
}

void master_sync(call *c, bytes id, int64_t offset) {
        master *m = c->store->master;
        follower *f = follower_of(c->client);
        bool resumes;

        if (!f || !loop_get()) {
                call_fail_memory(c);
                return;
        }
        if (f->state != FOLLOWER_TALKS)
                return;
        if (!m->pump.fn)
                post_init(&m->pump, loop_get(), false, on_pump);
        keep_stream(m);
        f->master = m;
        list_append(&m->followers, &f->node);
        m->n_followers++;
        f->acks = id.n > 0;
        f->state = FOLLOWER_WAITS;
        resumes = f->acks && has_from(m, id, offset);
        note(m, id, resumes);
        if (resumes) {
                follower_go_on(f, offset);
        } else if (f->wants_no_keys) {
                m->has_to_select = true;
                follower_skip_file(f, m->stream.end);
        } else {
                begin_transfer(m);
        }
        if (m->n_followers == 1)
                plan(m);
}

void master_forget(client *c) {
        follower *f = c->follower;
        master *m;

        if (!f)
                return;
        m = f->master;
        c->follower = NULL;
        if (f->state != FOLLOWER_TALKS && --m->n_followers == 0) {
                m->left = clock_now();
                plan(m);
        }
        follower_free(f);
        if (m->transfer && !transfer_is_shared(m->transfer))
                end_transfer(m);
}

/* following another */

bool master_has_stream(const master *m) {
        return m->is_kept;
}

int master_db(const master *m) {
        return m->db;
}

void master_follow(master *m) {
        feed_leave(&m->reader);
        plan(m);
}

void master_take_stream(master *m, const char *id, int64_t offset, int db_number) {
        drop_all(m, "another stream");
        end_transfer(m);
        m->is_kept = true;
        begin_stream(m, offset < 0 ? 0 : offset);
        m->db = db_number;
        m->has_to_select = false;
        if (id[0])
                snprintf(m->id, sizeof(m->id), "%s", id);
        else
                master_make_id(m->id);
        m->old_id[0] = '\0';
}

void master_rename_stream(master *m, const char *id) {
        if (strcmp(m->id, id) == 0)
                return;
        memcpy(m->old_id, m->id, sizeof(m->old_id));
        m->old_end = m->stream.end;
        snprintf(m->id, sizeof(m->id), "%s", id);
        /* those who are there learn it when they come again */
        drop_all(m, "another name of the stream");
}

void master_relay(master *m, const void *p, size_t n, int db_number) {
        m->db = db_number;
        if (backlog_put(&m->stream, p, n) < 0)
                lose_stream(m);
        if (m->stream.end >= m->look_at)
                look(m);
        pump(m);
}

void master_own_stream(master *m) {
        char id[PSYNC_ID_MAX + 1];

        if (!m->is_kept)
                return;
        master_make_id(id);
        master_rename_stream(m, id);
        m->has_to_select = true;
        m->left = m->pinged = clock_now();
        feed_join(&m->store->feed, &m->reader);
        plan(m);
}

/* what is known */

/* Seconds since it has said how far it is. */
static int64_t lag_of(const follower *f, int64_t now) {
        return (now - f->heard) / CLOCK_SECOND;
}

const char *master_id(const master *m) {
        return m->id;
}

int64_t master_offset(const master *m) {
        return m->stream.end;
}

const backlog *master_stream(const master *m) {
        return &m->stream;
}

int master_count(const master *m) {
        return m->n_followers;
}

static bool is_at(const follower *f, const char *host, uint16_t port) {
        char buf[FOLLOWER_ADDRESS_MAX];

        return f->port == port && strcmp(follower_host(f, buf), host) == 0;
}

bool master_find(const master *m, const char *host, uint16_t port, bool *ret_is_online) {
        list_each(node, &m->followers) {
                const follower *f = container_of(node, follower, node);

                if (is_at(f, host, port)) {
                        *ret_is_online = follower_is_online(f);
                        return true;
                }
        }
        return false;
}

bool master_find_done(const master *m, const char *host, char ret_host[static MASTER_HOST_MAX],
                      uint16_t *port) {
        list_each(node, &m->followers) {
                const follower *f = container_of(node, follower, node);
                char buf[FOLLOWER_ADDRESS_MAX];

                if (!follower_is_online(f) || f->acked != m->stream.end || f->port == 0 ||
                    (host && !is_at(f, host, *port)))
                        continue;
                snprintf(ret_host, MASTER_HOST_MAX, "%s", follower_host(f, buf));
                *port = f->port;
                return true;
        }
        return false;
}

int master_count_acked(const master *m, int64_t offset) {
        int n = 0;

        list_each(node, &m->followers) {
                const follower *f = container_of(node, follower, node);

                n += follower_is_online(f) && f->acked >= offset;
        }
        return n;
}

int master_count_good(const master *m) {
        int64_t most = m->store->config.min_replicas_max_lag, now = clock_now();
        int n = 0;

        list_each(node, &m->followers) {
                const follower *f = container_of(node, follower, node);

                n += follower_is_online(f) && lag_of(f, now) <= most;
        }
        return n;
}

bool master_has_enough(const master *m) {
        const config *cfg = &m->store->config;

        return m->store->follows || cfg->min_replicas_to_write == 0 ||
               cfg->min_replicas_max_lag == 0 || master_count_good(m) >= cfg->min_replicas_to_write;
}

static bool has_all(const master *m, const follower *f) {
        if (f->wants_file_only)
                return true;
        return follower_is_online(f) && (f->acks ? f->acked : f->offset) == m->stream.end;
}

bool master_is_heard(const master *m) {
        list_each(node, &m->followers)
                if (!has_all(m, container_of(node, follower, node)))
                        return false;
        return true;
}

void master_stop_transfer(master *m) {
        if (!m->transfer)
                return;
        transfer_stop(m->transfer);
        drop_with(m, m->transfer);
        end_transfer(m);
}

void master_ask(master *m) {
        if (m->n_followers > 0 && !m->store->follows)
                say(m, (bytes[]){ BYTES("REPLCONF"), BYTES("GETACK"), BYTES("*") }, 3);
}

void master_tell_info(const master *m, text *t) {
        int64_t now = clock_now();
        int i = 0;

        text_add(t, "connected_slaves:%d\r\n", m->n_followers);
        if (m->store->config.min_replicas_to_write > 0 && m->store->config.min_replicas_max_lag > 0)
                text_add(t, "min_slaves_good_slaves:%d\r\n", master_count_good(m));
        list_each(node, &m->followers) {
                const follower *f = container_of(node, follower, node);
                char host[FOLLOWER_ADDRESS_MAX];

                text_add(t, "slave%d:ip=%s,port=%u,state=%s,offset=%" PRId64 ",lag=%" PRId64 "\r\n",
                         i++, follower_host(f, host), f->port, follower_state_name(f), f->acked,
                         follower_is_online(f) ? lag_of(f, now) : 0);
        }
        if (m->dropped[0])
                text_add(t, "last_dropped_slave:%s\r\n", m->dropped);
        text_add(t, "master_failover_state:%s\r\n", failover_name(m->store));
        text_add(t, "master_replid:%s\r\n", m->id);
        text_add(t, "master_replid2:%s\r\n",
                 m->old_id[0] ? m->old_id : "0000000000000000000000000000000000000000");
        text_add(t, "master_repl_offset:%" PRId64 "\r\n", m->stream.end);
        text_add(t, "second_repl_offset:%" PRId64 "\r\n", m->old_id[0] ? m->old_end + 1 : -1);
        text_add(t, "repl_backlog_active:%d\r\n", m->is_kept);
        text_add(t, "repl_backlog_size:%" PRId64 "\r\n", m->store->config.repl_backlog_size);
        text_add(t, "repl_backlog_first_byte_offset:%" PRId64 "\r\n",
                 m->is_kept ? m->stream.start + 1 : 0);
        text_add(t, "repl_backlog_histlen:%" PRId64 "\r\n", m->stream.end - m->stream.start);
}

void master_tell_role(const master *m, resp_out *out) {
        size_t later;
        size_t n = 0;

        resp_out_array(out, 3);
        resp_out_bulk_text(out, "master");
        resp_out_integer(out, m->stream.end);
        later = resp_out_later(out);
        list_each(node, &m->followers) {
                const follower *f = container_of(node, follower, node);
                char host[FOLLOWER_ADDRESS_MAX];

                if (!follower_is_online(f))
                        continue;
                n++;
                resp_out_array(out, 3);
                resp_out_bulk_text(out, follower_host(f, host));
                resp_out_bulk_integer(out, f->port);
                resp_out_bulk_integer(out, f->acked);
        }
        resp_out_head(out, later, RESP_ARRAY, n);
}

master *master_new(store *s) {
        master *m = mem_zero(sizeof(*m));

        if (!m)
                return NULL;
        m->store = s;
        m->reader.fn = on_change;
        m->beat.fn = on_beat;
        list_init(&m->reader.node);
        list_init(&m->followers);
        master_make_id(m->id);
        begin_stream(m, 0);
        return m;
}

master *master_free(master *m) {
        if (!m)
                return NULL;
        end_transfer(m);
        feed_leave(&m->reader);
        timer_stop(&m->beat);
        if (m->pump.fn)
                post_cancel(&m->pump);
        backlog_deinit(&m->stream);
        return mem_free(m);
}
