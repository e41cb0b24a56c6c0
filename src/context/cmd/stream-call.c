/* SPDX-License-Identifier: Apache-2.0 */
#include "stream-call.h"

#include "../store.h"

bool call_open_group(call *c, const key *k, stream **ret_s, stream_group **ret_g) {
        if (!call_check_type(c, k, KEY_STREAM))
                return false;
        if (k)
                k = db_write(c->db, c->argv[1]);
        *ret_s = k ? stream_of(k) : NULL;
        *ret_g = k ? roster_find(&stream_of(k)->groups, c->argv[2]) : NULL;
        return true;
}

static bool good(call *c, bool is_good) {
        if (!is_good)
                call_fail(c, "ERR Invalid stream ID specified as stream command argument");
        return is_good;
}

bool call_stream_id(call *c, int i, uint64_t seq, stream_id *ret) {
        return good(c, stream_id_read(c->argv[i], seq, ret));
}

static bool read_or_end(bytes text, uint64_t seq, stream_id *ret) {
        if (text.n != 1 || (*text.p != '-' && *text.p != '+'))
                return stream_id_read(text, seq, ret);
        *ret = *text.p == '-' ? STREAM_ID_MIN : STREAM_ID_MAX;
        return true;
}

bool call_stream_id_or_end(call *c, int i, uint64_t seq, stream_id *ret) {
        return good(c, read_or_end(c->argv[i], seq, ret));
}

/* One end of a range, and whether the range begins or ends beside it. */
static bool read_bound(call *c, int i, uint64_t seq, stream_id *ret, bool *ret_beside) {
        bytes text = c->argv[i];

        *ret_beside = text.n > 1 && *text.p == '(';
        if (*ret_beside)
                return good(c, stream_id_read((bytes){ text.p + 1, text.n - 1 }, seq, ret));
        return good(c, read_or_end(text, seq, ret));
}

bool call_stream_from(call *c, int i, stream_id *ret) {
        bool beside;

        if (!read_bound(c, i, 0, ret, &beside))
                return false;
        if (beside && !stream_id_next(ret)) {
                call_fail(c, "ERR invalid start ID for the interval");
                return false;
        }
        return true;
}

bool call_stream_to(call *c, int i, stream_id *ret) {
        bool beside;

        if (!read_bound(c, i, UINT64_MAX, ret, &beside))
                return false;
        if (beside && !stream_id_prev(ret)) {
                call_fail(c, "ERR invalid end ID for the interval");
                return false;
        }
        return true;
}

bool call_stream_count(call *c, int i, int64_t *ret, const char *error) {
        if (!call_integer(c, i, ret, error))
                return false;
        if (*ret < 0)
                *ret = 0;
        return true;
}

void call_answer_id(call *c, stream_id id) {
        char text[STREAM_ID_TEXT];

        resp_out_bulk(c->out, text, stream_id_print(id, text));
}

void call_answer_entry(call *c, page_entry *e) {
        resp_out_array(c->out, 2);
        call_answer_id(c, e->id);
        resp_out_array(c->out, 2 * e->n_fields);
        for (size_t i = 0; i < e->n_fields; i++) {
                bytes name, value;

                page_entry_next(e, &name, &value);
                resp_out_bulk(c->out, name.p, name.n);
                resp_out_bulk(c->out, value.p, value.n);
        }
}

size_t call_answer_range(call *c, const stream *s, stream_id from, stream_id to, uint64_t max,
                         stream_way way) {
        size_t later = resp_out_later(c->out), n = 0;
        stream_iter i;

        stream_iter_begin(&i, s, from, to, way);
        while ((max == 0 || n < max) && stream_iter_next(&i)) {
                call_answer_entry(c, &i.entry);
                n++;
        }
        resp_out_head(c->out, later, RESP_ARRAY, n);
        return n;
}

void call_fail_group(call *c) {
        bytes name = c->argv[1], wanted = c->argv[2];

        call_failf(c, "NOGROUP No such key '%.*s' or consumer group '%.*s'", (int)name.n, name.p,
                   (int)wanted.n, wanted.p);
}

void call_fail_group_of_sub(call *c) {
        bytes name = c->argv[2], wanted = c->argv[3];

        call_failf(c, "NOGROUP No such consumer group '%.*s' for key name '%.*s'", (int)wanted.n,
                   wanted.p, (int)name.n, name.p);
}

void call_fail_usage(call *c, const char *parent) {
        call_failf(c,
                   "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try %s HELP.",
                   call_shown(c->argv[1]), c->argv[1].p, parent);
}

void call_send_pending(call *c, bytes name, const stream_group *g, stream_id id, const pending *p) {
        char id_text[STREAM_ID_TEXT], last[STREAM_ID_TEXT], time[DECIMAL_MAX], count[DECIMAL_MAX];

        call_send_also(c, c->db,
                       (bytes[]){ BYTES("XCLAIM"),
                                  name,
                                  g->name,
                                  p->consumer->name,
                                  BYTES("0"),
                                  { id_text, stream_id_print(id, id_text) },
                                  BYTES("TIME"),
                                  { time, decimal_print(p->time, time) },
                                  BYTES("RETRYCOUNT"),
                                  { count, decimal_print((int64_t)p->count, count) },
                                  BYTES("FORCE"),
                                  BYTES("JUSTID"),
                                  BYTES("LASTID"),
                                  { last, stream_id_print(g->last, last) } },
                       14);
}

void call_send_group(call *c, bytes name, const stream_group *g) {
        char last[STREAM_ID_TEXT], n_read[DECIMAL_MAX];

        call_send_also(c, c->db,
                       (bytes[]){ BYTES("XGROUP"),
                                  BYTES("SETID"),
                                  name,
                                  g->name,
                                  { last, stream_id_print(g->last, last) },
                                  BYTES("ENTRIESREAD"),
                                  { n_read, decimal_print(g->n_read, n_read) } },
                       7);
}

void call_send_consumer(call *c, bytes name, const stream_group *g, const consumer *who) {
        call_send_also(
                c, c->db,
                (bytes[]){ BYTES("XGROUP"), BYTES("CREATECONSUMER"), name, g->name, who->name }, 5);
}

consumer *call_consumer(call *c, bytes name, stream_group *g, bytes who, bool *ret_new) {
        consumer *found = stream_group_consumer(g, who);

        *ret_new = !found;
        if (found) {
                found->seen = c->store->now;
                return found;
        }
        found = stream_group_add_consumer(g, who, c->store->now);
        if (found) {
                call_count_changes(c, 1);
                notify_event(c->db, name, NOTIFY_STREAM, "xgroup-createconsumer");
        }
        return found;
}
