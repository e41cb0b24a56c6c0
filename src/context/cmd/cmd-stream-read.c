/* SPDX-License-Identifier: Apache-2.0 */
/* XREAD and XREADGROUP: what is new in streams, and waiting for it. */
#include "context/commands.h"

#include "../../base/clock.h"
#include "../../base/mem.h"
#include "../block.h"
#include "../store.h"
#include "stream-call.h"

/* Entries for one who has waited and said no number; Redis's. */
enum { COUNT_AFTER_WAIT = 1000 };

typedef struct reader {
        bool as_group; /* XREADGROUP, */
        int group_at;  /* with the names of the group and, behind it, the consumer */
        bool no_ack;
        int64_t count; /* 0: all */
        bool waits;
        int64_t deadline;
        int first, n;  /* the keys, behind which as many IDs come */
        bool is_quiet; /* looking at them does not count: they have been looked at */
} reader;

/* arguments */

static bool read_streams(call *c, int first, reader *r) {
        if ((c->argc - first) % 2) {
                call_fail(c, "ERR Unbalanced XREAD list of streams: for each stream key an ID or "
                             "'$' must be specified.");
                return false;
        }
        r->first = first;
        r->n = (c->argc - first) / 2;
        return true;
}

static bool is_of_group(call *c, const reader *r, const char *option) {
        if (!r->as_group)
                call_failf(c,
                           "ERR The %s option is only supported by XREADGROUP. You called XREAD "
                           "instead.",
                           option);
        return r->as_group;
}

static bool read_arguments(call *c, reader *r) {
        for (int i = 1; i < c->argc && r->n == 0; i++) {
                int more = c->argc - i - 1;

                if (call_is(c, i, "BLOCK") && more > 0) {
                        if (!block_deadline_ms(c, ++i, &r->deadline))
                                return false;
                        r->waits = true;
                } else if (call_is(c, i, "COUNT") && more > 0) {
                        if (!call_stream_count(c, ++i, &r->count, NULL))
                                return false;
                } else if (call_is(c, i, "STREAMS") && more > 0) {
                        if (!read_streams(c, i + 1, r))
                                return false;
                } else if (call_is(c, i, "GROUP") && more > 1) {
                        if (!is_of_group(c, r, "GROUP"))
                                return false;
                        r->group_at = i + 1;
                        i += 2;
                } else if (call_is(c, i, "NOACK")) {
                        if (!is_of_group(c, r, "NOACK"))
                                return false;
                        r->no_ack = true;
                } else {
                        call_fail_syntax(c);
                        return false;
                }
        }
        if (r->n == 0) {
                call_fail_syntax(c);
                return false;
        }
        if (r->as_group && r->group_at == 0) {
                call_fail(c, "ERR Missing GROUP option for XREADGROUP");
                return false;
        }
        return true;
}

static bool is_word(bytes text, char word) {
        return text.n == 1 && *text.p == word;
}

/* The ID that stands for the @i-th stream is not one itself. */
static bool is_special(const call *c, const reader *r, int i) {
        return is_word(c->argv[r->first + r->n + i], r->as_group ? '>' : '$');
}

static bool check_id(call *c, const reader *r, int i) {
        bytes text = c->argv[r->first + r->n + i];
        stream_id unused;

        if (is_special(c, r, i))
                return true;
        if (is_word(text, '$'))
                call_fail(c, "ERR The $ ID is meaningless in the context of XREADGROUP: you want "
                             "to read the history of this consumer by specifying a proper ID, or "
                             "use the > ID to get new messages. The $ ID would just return an "
                             "empty result set.");
        else if (is_word(text, '>'))
                call_fail(c, "ERR The > ID can be specified only when calling XREADGROUP using "
                             "the GROUP <group> <consumer> option.");
        else
                return call_stream_id(c, r->first + r->n + i, 0, &unused);
        return false;
}

/* What is read from: NULL if there is none, and its group, if it is read by one. */
static bool open_stream(call *c, const reader *r, int i, stream **ret_s, stream_group **ret_g) {
        bytes name = c->argv[r->first + i];
        key *k = (r->is_quiet ? db_peek : db_read)(c->db, name);

        if (!call_check_type(c, k, KEY_STREAM))
                return false;
        if (k && r->as_group)
                k = db_write(c->db, name);
        *ret_s = k ? stream_of(k) : NULL;
        *ret_g = k && r->as_group ? roster_find(&stream_of(k)->groups, c->argv[r->group_at]) : NULL;
        return true;
}

static bool check_streams(call *c, const reader *r) {
        for (int i = 0; i < r->n; i++) {
                stream *s;
                stream_group *g;

                if (!open_stream(c, r, i, &s, &g))
                        return false;
                if (r->as_group && !g) {
                        bytes name = c->argv[r->first + i], wanted = c->argv[r->group_at];

                        call_failf(c,
                                   "NOGROUP No such key '%.*s' or consumer group '%.*s' in "
                                   "XREADGROUP with GROUP option",
                                   (int)name.n, name.p, (int)wanted.n, wanted.p);
                        return false;
                }
                if (!check_id(c, r, i))
                        return false;
        }
        return true;
}

/* answering */

typedef struct source {
        bytes name;
        stream *s;
        stream_group *g; /* or NULL */
        consumer *who;
        stream_id after;
        bool is_history; /* what is pending at that consumer, not what is new */
} source;

/* The group has read up to @id. */
static void move_group(const source *from, stream_id id) {
        stream_group *g = from->g;

        if (g->n_read != STREAM_READ_UNKNOWN && !stream_has_holes(from->s, id))
                g->n_read++;
        else if (from->s->n_ever > 0)
                g->n_read = stream_rank(from->s, id);
        g->last = id;
}

/* What is new. False if memory has run out before the first. */
static bool answer_new(call *c, const reader *r, const source *from, uint64_t max) {
        size_t later = resp_out_later(c->out), n = 0;
        stream_id first = from->after;
        bool is_short = false;
        stream_iter i;

        stream_id_next(&first);
        stream_iter_begin(&i, from->s, first, STREAM_ID_MAX, STREAM_FORTH);
        while ((max == 0 || n < max) && stream_iter_next(&i)) {
                if (from->g && !r->no_ack) {
                        pending *p = stream_group_give(from->g, i.entry.id, from->who);

                        is_short = !p;
                        if (is_short)
                                break;
                        *p = (pending){ from->who, c->store->now, 1 };
                        move_group(from, i.entry.id);
                        call_send_pending(c, from->name, from->g, i.entry.id, p);
                } else if (from->g) {
                        move_group(from, i.entry.id);
                }
                call_answer_entry(c, &i.entry);
                n++;
        }
        if (from->g && r->no_ack && n > 0)
                call_send_group(c, from->name, from->g);
        resp_out_head(c->out, later, RESP_ARRAY, n);
        return n > 0 || !is_short;
}

/* What is pending, and counts as handed out once more; of what is gone the ID is left. */
static void answer_history(call *c, const source *from, uint64_t max) {
        size_t later = resp_out_later(c->out), n = 0;
        stream_id first = from->after;
        idmap_iter i;
        bool there;

        stream_id_next(&first);
        there = idmap_iter_from(&i, &from->who->pending, first);
        for (; there && (max == 0 || n < max); there = idmap_iter_next(&i), n++) {
                pending *p = stream_group_pending(from->g, i.id);
                stream_iter at;

                stream_iter_begin(&at, from->s, i.id, i.id, STREAM_FORTH);
                if (stream_iter_next(&at)) {
                        call_answer_entry(c, &at.entry);
                        p->time = c->store->now;
                        p->count++;
                } else {
                        resp_out_array(c->out, 2);
                        call_answer_id(c, i.id);
                        resp_out_null_array(c->out);
                }
        }
        resp_out_head(c->out, later, RESP_ARRAY, n);
}

/* The name of a stream and what is read from it; false without memory. */
static bool answer_source(call *c, const reader *r, source *from, uint64_t max) {
        bool is_new;

        if (c->out->version == 2)
                resp_out_array(c->out, 2);
        resp_out_bulk(c->out, from->name.p, from->name.n);
        if (from->g) {
                from->who =
                        call_consumer(c, from->name, from->g, c->argv[r->group_at + 1], &is_new);
                if (!from->who)
                        return false;
                if (is_new && r->no_ack)
                        call_send_consumer(c, from->name, from->g, from->who);
                call_count_changes(c, 1);
        }
        if (!from->is_history)
                return answer_new(c, r, from, max);
        answer_history(c, from, max);
        return true;
}

/* Whether there is something to answer from the @i-th stream at once. History always is. */
static bool has_something(call *c, const reader *r, int i, source *ret) {
        *ret = (source){ .name = c->argv[r->first + i] };
        if (!open_stream(c, r, i, &ret->s, &ret->g) || !ret->s)
                return false;
        ret->after = ret->g ? ret->g->last : ret->s->last;
        if (!is_special(c, r, i)) {
                stream_id_read(c->argv[r->first + r->n + i], 0, &ret->after);
                /* the largest ID is Redis's own word for what is new to a group */
                ret->is_history = ret->g && stream_id_compare(ret->after, STREAM_ID_MAX) != 0;
                if (ret->g && !ret->is_history)
                        ret->after = ret->g->last;
        }
        return ret->is_history ||
               (ret->s->n > 0 && stream_id_compare(stream_top(ret->s), ret->after) > 0);
}

/* Each stream that has something. Returns how many, and 0 also if nothing has been answered. */
static size_t answer_all(call *c, const reader *r) {
        size_t begin = c->out->n, later = 0, n = 0;

        for (int i = 0; i < r->n; i++) {
                size_t before;
                source from;

                if (!has_something(c, r, i, &from))
                        continue;
                if (n == 0)
                        later = resp_out_later(c->out);
                before = c->out->n;
                if (!answer_source(c, r, &from, (uint64_t)r->count)) {
                        resp_out_cut(c->out, n ? before : begin);
                        if (n == 0) {
                                call_fail_memory(c);
                                return 1;
                        }
                        break;
                }
                n++;
        }
        if (n > 0)
                resp_out_head(c->out, later, c->out->version == 2 ? RESP_ARRAY : RESP_MAP, n);
        return n;
}

/* waiting */

/* Wait, with what $ means now in its place. */
static void wait_for_more(call *c, reader *r) {
        call with_ids = *c;
        char(*texts)[STREAM_ID_TEXT] = mem_array((size_t)r->n, sizeof(*texts));
        bytes *argv = mem_copy(c->argv, (size_t)c->argc * sizeof(*argv));

        if (!texts || !argv) {
                call_fail_memory(c);
        } else {
                r->is_quiet = true;
                for (int i = 0; i < r->n; i++) {
                        source from;

                        if (r->as_group || !is_special(c, r, i))
                                continue;
                        has_something(c, r, i, &from);
                        argv[r->first + r->n + i] =
                                (bytes){ texts[i], stream_id_print(from.after, texts[i]) };
                }
                with_ids.argv = argv;
                call_wait(&with_ids, r->as_group ? KEY_TYPES : KEY_STREAM, &c->argv[r->first], r->n,
                          r->deadline, BLOCK_NULL_ARRAY);
                c->has_failed = with_ids.has_failed;
        }
        mem_free(texts);
        mem_free(argv);
}

/* It has waited, and the stream that has changed may have what it waits for. */
static void answer_again(call *c, const reader *r) {
        size_t begin = c->out->n;
        source from;
        key *k;
        int i = 0;

        while (!bytes_equal(c->argv[r->first + i], c->again_for))
                i++;
        k = db_peek(c->db, c->again_for);
        if (!k || k->type != KEY_STREAM) {
                call_fail(c, "UNBLOCKED the stream key no longer exists");
                return;
        }
        has_something(c, r, i, &from);
        if (r->as_group && !from.g) {
                call_fail(c, "NOGROUP the consumer group this client was blocked on no longer "
                             "exists");
                return;
        }
        /* as Redis: what has come meanwhile, even if it is gone again */
        if (stream_id_compare(from.s->last, from.after) <= 0) {
                c->waits_again = true;
                return;
        }
        if (c->out->version == 2)
                resp_out_array(c->out, 1);
        else
                resp_out_map(c->out, 1);
        if (!answer_source(c, r, &from, r->count ? (uint64_t)r->count : COUNT_AFTER_WAIT)) {
                resp_out_cut(c->out, begin);
                call_fail_memory(c);
        }
}

static void read_or_wait(call *c, bool as_group) {
        reader r = { .as_group = as_group };

        if (!read_arguments(c, &r))
                return;
        if (c->is_again) {
                r.is_quiet = true;
                call_send_nothing(c);
                answer_again(c, &r);
                return;
        }
        if (!check_streams(c, &r))
                return;
        call_send_nothing(c);
        if (answer_all(c, &r) > 0)
                return;
        if (r.waits)
                wait_for_more(c, &r);
        else
                resp_out_null_array(c->out);
}

void cmd_xread(call *c) {
        read_or_wait(c, false);
}

void cmd_xreadgroup(call *c) {
        read_or_wait(c, true);
}
