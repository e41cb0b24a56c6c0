/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the group stream: entries. */
#include "context/commands.h"

#include <errno.h>

#include "../store.h"
#include "stream-call.h"

/* what is to be left */

/* The arguments of XTRIM, and of XADD before the fields. */
typedef struct options {
        stream_rest rest;
        int rest_at; /* the argument that says how much */
        bool has_limit;
        bool no_new_stream;
        int id_at; /* of XADD: * or an ID */
        bool has_id, has_seq;
        stream_id id;
} options;

/* MAXLEN or MINID at *@i; it moves on to the last argument of it. */
static bool read_rest(call *c, int *i, options *o) {
        bool by_count = call_is(c, *i, "MAXLEN");
        int64_t count;

        if (o->rest.by != REST_ALL) {
                call_fail(c, "ERR syntax error, MAXLEN and MINID options at the same time are not "
                             "compatible");
                return false;
        }
        o->rest.by_pages = false;
        ++*i;
        if (*i + 1 < c->argc && (call_is(c, *i, "~") || call_is(c, *i, "="))) {
                o->rest.by_pages = call_is(c, *i, "~");
                ++*i;
        }
        o->rest_at = *i;
        o->rest.by = by_count ? REST_COUNT : REST_FROM;
        if (!by_count)
                return call_stream_id(c, *i, 0, &o->rest.from);
        if (!call_integer(c, *i, &count, NULL))
                return false;
        if (count < 0) {
                call_fail(c, "ERR The MAXLEN argument must be >= 0.");
                return false;
        }
        o->rest.count = (uint64_t)count;
        return true;
}

static bool read_limit(call *c, int i, options *o) {
        int64_t max;

        if (!call_integer(c, i, &max, NULL))
                return false;
        if (max < 0) {
                call_fail(c, "ERR The LIMIT argument must be >= 0.");
                return false;
        }
        o->rest.max = (uint64_t)max;
        o->has_limit = true;
        return true;
}

/* An ID, or the time of one with a * for the number within it. */
static bool read_new_id(call *c, int i, options *o) {
        bytes text = c->argv[i];

        o->has_seq = text.n < 2 || memcmp(text.p + text.n - 2, "-*", 2) != 0;
        o->has_id = o->has_seq ? stream_id_read(text, 0, &o->id)
                               : !memchr(text.p, '-', text.n - 2) &&
                                         stream_id_read((bytes){ text.p, text.n - 2 }, 0, &o->id);
        if (!o->has_id)
                call_fail(c, "ERR Invalid stream ID specified as stream command argument");
        return o->has_id;
}

/* Without a LIMIT, what is trimmed by whole pages stops after a hundred of them. */
static uint64_t usual_max(const config *cfg) {
        size_t n = cfg->stream_node_max_entries;

        return n == 0 ? 10000 : n > 10000 ? 1000000 : 100 * n;
}

static bool check_limit(call *c, bool is_add, options *o) {
        if (o->rest.max > 0 && o->rest.by == REST_ALL) {
                call_fail(c, "ERR syntax error, LIMIT cannot be used without specifying a trimming "
                             "strategy");
                return false;
        }
        if (!is_add && o->rest.by == REST_ALL) {
                call_fail(c, "ERR syntax error, XTRIM must be called with a trimming strategy");
                return false;
        }
        /* a master has worked out what is to be left, and sends its LIMIT along with it */
        if (c->client->flags & CLIENT_MASTER) {
                o->rest.max = 0;
                return true;
        }
        if (o->has_limit && !o->rest.by_pages) {
                call_fail(c, "ERR syntax error, LIMIT cannot be used without the special ~ option");
                return false;
        }
        if (!o->has_limit)
                o->rest.max = o->rest.by_pages ? usual_max(&c->store->config) : 0;
        return true;
}

/* From argument 2 on; of XADD up to the ID. */
static bool read_options(call *c, bool is_add, options *o) {
        for (int i = 2; i < c->argc && o->id_at == 0; i++) {
                bool more = i + 1 < c->argc;

                if (is_add && call_is(c, i, "*")) {
                        o->id_at = i;
                } else if ((call_is(c, i, "MAXLEN") || call_is(c, i, "MINID")) && more) {
                        if (!read_rest(c, &i, o))
                                return false;
                } else if (call_is(c, i, "LIMIT") && more) {
                        if (!read_limit(c, ++i, o))
                                return false;
                } else if (is_add && call_is(c, i, "NOMKSTREAM")) {
                        o->no_new_stream = true;
                } else if (is_add) {
                        if (!read_new_id(c, i, o))
                                return false;
                        o->id_at = i;
                } else {
                        call_fail_syntax(c);
                        return false;
                }
        }
        return check_limit(c, is_add, o);
}

/* What replicas get, who may have other pages: exactly so many, or from that ID on. */
static int change_rest(const stream *s, const options *o, char text[static STREAM_ID_TEXT],
                       call_change changes[static 2]) {
        size_t n;

        if (!o->rest.by_pages)
                return 0;
        n = o->rest.by == REST_COUNT ? decimal_print((int64_t)s->n, text)
                                     : stream_id_print(s->n > 0 ? s->first : STREAM_ID_MAX, text);
        changes[0] = (call_change){ o->rest_at - 1, BYTES("=") };
        changes[1] = (call_change){ o->rest_at, { text, n } };
        return 2;
}

void cmd_xtrim(call *c) {
        char text[STREAM_ID_TEXT];
        call_change changes[2];
        options o = { 0 };
        size_t n = 0;
        key *k;

        if (!read_options(c, false, &o) || !call_write(c, 1, KEY_STREAM, &k))
                return;
        if (k)
                n = stream_trim(stream_of(k), &o.rest);
        resp_out_integer(c->out, (int64_t)n);
        if (n == 0)
                return;
        db_changed(c->db, c->argv[1], NOTIFY_STREAM, "xtrim");
        call_count_changes(c, (int64_t)n - 1);
        if (o.rest.by_pages)
                call_send_changed(c, changes, change_rest(stream_of(k), &o, text, changes));
}

/* adding */

/* The ID of the new entry; false if there is none behind the last. */
static bool make_id(const call *c, const options *o, stream_id last, stream_id *ret) {
        stream_id next = last;

        *ret = o->id;
        if (!o->has_id)
                *ret = (stream_id){ (uint64_t)c->store->now, 0 };
        if (o->has_id ? !o->has_seq && o->id.ms == last.ms : ret->ms <= last.ms) {
                if (!stream_id_next(&next) || (o->has_id && next.ms != last.ms))
                        return false;
                *ret = next;
        }
        return stream_id_compare(*ret, last) > 0;
}

/* The stream to add to, and the ID; false if that cannot be, and it has been answered. */
static bool open_stream(call *c, const options *o, key **ret_k, stream_id *ret_id, bool *ret_new) {
        stream_id last = STREAM_ID_MIN;
        key *k;

        if (o->has_id && o->has_seq && stream_id_compare(o->id, STREAM_ID_MIN) == 0) {
                call_fail(c, "ERR The ID specified in XADD must be greater than 0-0");
                return false;
        }
        if (!call_write(c, 1, KEY_STREAM, &k))
                return false;
        if (!k && o->no_new_stream) {
                resp_out_null(c->out);
                return false;
        }
        if (k)
                last = stream_of(k)->last;
        if (stream_id_compare(last, STREAM_ID_MAX) == 0) {
                call_fail(c, "ERR The stream has exhausted the last possible ID, unable to add "
                             "more items");
                return false;
        }
        if (!make_id(c, o, last, ret_id)) {
                call_fail(c, "ERR The ID specified in XADD is equal or smaller than the target "
                             "stream top item");
                return false;
        }
        *ret_new = !k;
        *ret_k = k ? k : stream_add(c->db, c->argv[1]);
        if (!*ret_k)
                call_fail_memory(c);
        return *ret_k;
}

void cmd_xadd(call *c) {
        char id_text[STREAM_ID_TEXT], rest_text[STREAM_ID_TEXT];
        call_change changes[3];
        options o = { 0 };
        int first, r, n = 0;
        bool is_new;
        stream_id id;
        stream *s;
        key *k;

        if (!read_options(c, true, &o))
                return;
        first = o.id_at + 1;
        if (o.id_at == 0 || first == c->argc || (c->argc - first) % 2) {
                call_fail(c, "ERR wrong number of arguments for 'xadd' command");
                return;
        }
        if (!open_stream(c, &o, &k, &id, &is_new))
                return;
        s = stream_of(k);
        r = stream_append(s, &c->store->config, id, &c->argv[first], (size_t)(c->argc - first) / 2);
        if (r < 0) {
                if (is_new)
                        db_remove(c->db, k);
                if (r == -EMSGSIZE)
                        call_fail(c, "ERR Elements are too large to be stored");
                else
                        call_fail_memory(c);
                return;
        }
        call_answer_id(c, id);
        if (!o.has_id || !o.has_seq)
                changes[n++] = (call_change){ o.id_at, { id_text, stream_id_print(id, id_text) } };
        db_changed(c->db, c->argv[1], NOTIFY_STREAM, "xadd");
        if (stream_trim(s, &o.rest) > 0)
                notify_event(c->db, c->argv[1], NOTIFY_STREAM, "xtrim");
        n += change_rest(s, &o, rest_text, changes + n);
        if (n > 0)
                call_send_changed(c, changes, n);
}

/* looking */

void cmd_xlen(call *c) {
        key *k;

        if (call_read(c, 1, KEY_STREAM, &k))
                resp_out_integer(c->out, k ? (int64_t)stream_of(k)->n : 0);
}

/* COUNT and its number, as often as they come; the last one holds. */
static bool read_count(call *c, int i, int64_t *ret) {
        for (; i < c->argc; i += 2) {
                if (!call_is(c, i, "COUNT") || i + 1 == c->argc) {
                        call_fail_syntax(c);
                        return false;
                }
                if (!call_stream_count(c, i + 1, ret, NULL))
                        return false;
        }
        return true;
}

static void answer_range(call *c, stream_way way) {
        int from_at = way == STREAM_FORTH ? 2 : 3, to_at = way == STREAM_FORTH ? 3 : 2;
        stream_id from, to;
        int64_t count = -1;
        key *k;

        if (!call_stream_from(c, from_at, &from) || !call_stream_to(c, to_at, &to) ||
            !read_count(c, 4, &count) || !call_read(c, 1, KEY_STREAM, &k))
                return;
        if (!k)
                resp_out_array(c->out, 0);
        else if (count == 0)
                resp_out_null_array(c->out);
        else
                call_answer_range(c, stream_of(k), from, to, count < 0 ? 0 : (uint64_t)count, way);
}

void cmd_xrange(call *c) {
        answer_range(c, STREAM_FORTH);
}

void cmd_xrevrange(call *c) {
        answer_range(c, STREAM_BACK);
}

/* deleting, and what is next */

void cmd_xdel(call *c) {
        int n = 0;
        key *k;

        if (!call_write(c, 1, KEY_STREAM, &k))
                return;
        for (int i = 2; k && i < c->argc; i++) {
                stream_id unused;

                if (!call_stream_id(c, i, 0, &unused))
                        return;
        }
        for (int i = 2; k && i < c->argc; i++) {
                stream_id id;

                stream_id_read(c->argv[i], 0, &id);
                n += stream_delete(stream_of(k), id);
        }
        resp_out_integer(c->out, n);
        if (n > 0) {
                db_changed(c->db, c->argv[1], NOTIFY_STREAM, "xdel");
                call_count_changes(c, n - 1);
        }
}

typedef struct setid {
        stream_id last, deleted;
        int64_t n_ever; /* -1: not said */
} setid;

static bool read_setid(call *c, setid *ret) {
        *ret = (setid){ .n_ever = -1 };
        if (!call_stream_id(c, 2, 0, &ret->last))
                return false;
        for (int i = 3; i < c->argc; i += 2) {
                bool more = i + 1 < c->argc;

                if (call_is(c, i, "ENTRIESADDED") && more) {
                        if (!call_integer(c, i + 1, &ret->n_ever, NULL))
                                return false;
                        if (ret->n_ever < 0) {
                                call_fail(c, "ERR entries_added must be positive");
                                return false;
                        }
                } else if (call_is(c, i, "MAXDELETEDID") && more) {
                        if (!call_stream_id(c, i + 1, 0, &ret->deleted))
                                return false;
                        if (stream_id_compare(ret->last, ret->deleted) < 0) {
                                call_fail(c, "ERR The ID specified in XSETID is smaller than the "
                                             "provided max_deleted_entry_id");
                                return false;
                        }
                } else {
                        call_fail_syntax(c);
                        return false;
                }
        }
        return true;
}

static const char *refuse_setid(const stream *s, const setid *set) {
        if (s->n > 0 && stream_id_compare(set->last, stream_top(s)) < 0)
                return "ERR The ID specified in XSETID is smaller than the target stream top item";
        if (s->n > 0 && set->n_ever >= 0 && s->n > (uint64_t)set->n_ever)
                return "ERR The entries_added specified in XSETID is smaller than the target "
                       "stream length";
        return NULL;
}

void cmd_xsetid(call *c) {
        const char *error;
        setid set;
        stream *s;
        key *k;

        if (!read_setid(c, &set) || !call_write(c, 1, KEY_STREAM, &k))
                return;
        if (!k) {
                call_fail(c, "ERR no such key");
                return;
        }
        s = stream_of(k);
        error = refuse_setid(s, &set);
        if (error) {
                call_fail(c, error);
                return;
        }
        s->last = set.last;
        if (set.n_ever >= 0)
                s->n_ever = (uint64_t)set.n_ever;
        if (stream_id_compare(set.deleted, STREAM_ID_MIN) > 0)
                s->max_deleted = set.deleted;
        resp_out_ok(c->out);
        call_count_changes(c, 1);
        notify_event(c->db, c->argv[1], NOTIFY_STREAM, "xsetid");
}
