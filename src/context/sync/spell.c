/* SPDX-License-Identifier: Apache-2.0 */
#include "spell.h"

#include <errno.h>

#include "../../base/decimal.h"
#include "../../base/mem.h"
#include "../../base/real.h"

/* Elements in one command, and bytes: far below what anybody limits. Picked. */
enum { WORDS_MAX = 256, BYTES_MAX = 64 * 1024 };

void spell_init(spell *s) {
        *s = (spell){ .wants = s->wants, .data = s->data };
        rdb_in_init(&s->in);
}

static bool keep(bytes *kept, bytes text) {
        mem_free((char *)kept->p);
        *kept = (bytes){ mem_copy(text.p, text.n), text.n };
        return kept->p;
}

void spell_deinit(spell *s) {
        rdb_in_deinit(&s->in);
        words_deinit(&s->words);
        mem_free((char *)s->name.p);
        mem_free((char *)s->group.p);
        mem_free((char *)s->consumer.p);
        s->name = s->group = s->consumer = (bytes){ NULL, 0 };
        s->pending = mem_free(s->pending);
}

static void begin(spell *s, const char *command) {
        words_end(&s->words);
        words_add(&s->words, bytes_of(command));
}

static void begin_with_name(spell *s, const char *command) {
        begin(s, command);
        words_add(&s->words, s->name);
}

static void add_text(spell *s, const char *text) {
        words_add(&s->words, bytes_of(text));
}

static void add_id(spell *s, rdb_id id) {
        words_add_id(&s->words, id.ms, id.seq);
}

/* values other than streams */

static void add_element(spell *s) {
        static const char *const commands[] = {
                [RDB_LIST] = "RPUSH", [RDB_SET] = "SADD", [RDB_HASH] = "HSET", [RDB_ZSET] = "ZADD"
        };
        const rdb_in *in = &s->in;
        char score[REAL_MAX];

        if (words_count(&s->words) == 0)
                begin_with_name(s, commands[in->type]);
        if (in->type == RDB_ZSET)
                words_add(&s->words, (bytes){ score, real_print(in->score, score) });
        words_add(&s->words, in->a);
        if (in->type == RDB_HASH)
                words_add(&s->words, in->b);
        if (words_count(&s->words) >= WORDS_MAX || words_size(&s->words) >= BYTES_MAX)
                words_end(&s->words);
}

static void add_string(spell *s) {
        begin_with_name(s, "SET");
        words_add(&s->words, s->in.a);
        if (s->expiry != INT64_MAX) {
                add_text(s, "PXAT");
                words_add_integer(&s->words, s->expiry);
        }
}

static void end_value(spell *s) {
        words_end(&s->words);
        if (s->in.type != RDB_STRING && s->expiry != INT64_MAX) {
                begin_with_name(s, "PEXPIREAT");
                words_add_integer(&s->words, s->expiry);
                words_end(&s->words);
        }
}

/* streams */

/* One that has no entries is one that had some; what its last was is said again below. */
static void add_stream(spell *s) {
        if (s->is_empty) {
                rdb_id id = s->in.id;

                if (id.ms == 0 && id.seq == 0)
                        id.seq = 1;
                begin_with_name(s, "XADD");
                add_text(s, "MAXLEN");
                add_text(s, "0");
                add_id(s, id);
                add_text(s, "x");
                add_text(s, "y");
        }
        begin_with_name(s, "XSETID");
        add_id(s, s->in.id);
        add_text(s, "ENTRIESADDED");
        words_add_integer(&s->words, (int64_t)s->in.number);
        add_text(s, "MAXDELETEDID");
        add_id(s, s->in.deleted);
        words_end(&s->words);
}

static bool add_group(spell *s) {
        s->n_pending = 0;
        begin(s, "XGROUP");
        add_text(s, "CREATE");
        words_add(&s->words, s->name);
        words_add(&s->words, s->in.a);
        add_id(s, s->in.id);
        add_text(s, "ENTRIESREAD");
        words_add_integer(&s->words, (int64_t)s->in.number);
        words_end(&s->words);
        return keep(&s->group, s->in.a);
}

static bool note_pending(spell *s) {
        if (s->n_pending == s->cap) {
                size_t cap = s->cap ? 2 * s->cap : 64;
                struct spell_pending *grown = mem_resize(s->pending, cap * sizeof(*grown));

                if (!grown)
                        return false;
                s->pending = grown;
                s->cap = cap;
        }
        s->pending[s->n_pending++] = (struct spell_pending){ s->in.id, s->in.ms, s->in.number };
        return true;
}

static bool add_consumer(spell *s) {
        begin(s, "XGROUP");
        add_text(s, "CREATECONSUMER");
        words_add(&s->words, s->name);
        words_add(&s->words, s->group);
        words_add(&s->words, s->in.a);
        words_end(&s->words);
        return keep(&s->consumer, s->in.a);
}

static bool is_before(rdb_id a, rdb_id b) {
        return a.ms < b.ms || (a.ms == b.ms && a.seq < b.seq);
}

static const struct spell_pending *find_pending(const spell *s, rdb_id id) {
        size_t from = 0, to = s->n_pending;

        while (from < to) {
                size_t middle = from + (to - from) / 2;

                if (is_before(s->pending[middle].id, id))
                        from = middle + 1;
                else
                        to = middle;
        }
        return from < s->n_pending && !is_before(id, s->pending[from].id) ? &s->pending[from]
                                                                          : NULL;
}

static void add_owned(spell *s) {
        const struct spell_pending *p = find_pending(s, s->in.id);

        if (!p)
                return;
        begin_with_name(s, "XCLAIM");
        words_add(&s->words, s->group);
        words_add(&s->words, s->consumer);
        add_text(s, "0");
        add_id(s, p->id);
        add_text(s, "TIME");
        words_add_integer(&s->words, p->ms);
        add_text(s, "RETRYCOUNT");
        words_add_integer(&s->words, (int64_t)p->n);
        add_text(s, "JUSTID");
        add_text(s, "FORCE");
        words_end(&s->words);
}

/* all */

static bool note_aux(spell *s) {
        int64_t n;

        if (bytes_is(s->in.a, "repl-stream-db") && decimal_read(s->in.b.p, s->in.b.n, &n) && n >= 0)
                s->stream_db = (int)n;
        return true;
}

static bool act(spell *s) {
        switch (s->in.got) {
        case RDB_GOT_AUX:
                return note_aux(s);
        case RDB_GOT_SELECT:
                s->db = (int)s->in.number;
                return true;
        case RDB_GOT_KEY:
                s->is_skipped = s->wants && !s->wants(s->data, s->in.a);
                s->is_empty = true;
                s->expiry = s->in.expiry;
                return s->is_skipped || keep(&s->name, s->in.a);
        default:
                break;
        }
        if (s->is_skipped)
                return true;
        switch (s->in.got) {
        case RDB_GOT_ELEMENT:
                if (s->in.type == RDB_STRING)
                        add_string(s);
                else
                        add_element(s);
                return true;
        case RDB_GOT_VALUE:
                end_value(s);
                return true;
        case RDB_GOT_ENTRY:
                s->is_empty = false;
                begin_with_name(s, "XADD");
                add_id(s, s->in.id);
                return true;
        case RDB_GOT_FIELD:
                words_add(&s->words, s->in.a);
                words_add(&s->words, s->in.b);
                return true;
        case RDB_GOT_STREAM:
                add_stream(s);
                return true;
        case RDB_GOT_GROUP:
                return add_group(s);
        case RDB_GOT_PENDING:
                return note_pending(s);
        case RDB_GOT_CONSUMER:
                return add_consumer(s);
        case RDB_GOT_OWNED:
                add_owned(s);
                return true;
        default:
                return true;
        }
}

int spell_next(spell *s, const uint8_t *p, size_t n) {
        s->consumed = 0;
        for (;;) {
                int r;

                s->argc = words_take(&s->words, &s->argv);
                if (s->words.failed)
                        return -ENOMEM;
                if (s->argc > 0)
                        return 1;
                r = rdb_in_next(&s->in, p + s->consumed, n - s->consumed);
                if (r >= 0)
                        s->consumed += s->in.consumed;
                if (r <= 0) {
                        s->want = s->in.want;
                        return r;
                }
                if (!act(s))
                        return -ENOMEM;
        }
}

bool spell_is_whole(const spell *s) {
        return s->in.got == RDB_GOT_END;
}
