/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the group list. */
#include "context/commands.h"

#include "../block.h"
#include "../store.h"
#include "../type/key-list.h"
#include "mpop.h"

static void answer_element(call *c, const pack_value *v) {
        char scratch[DECIMAL_MAX];
        bytes text = list_text(v, scratch);

        resp_out_bulk(c->out, text.p, text.n);
}

static bool fail_push(call *c, int r) {
        if (r < 0)
                call_fail_memory(c);
        return r == 0;
}

/* ends */

static const char *push_event(chain_end end) {
        return end == CHAIN_HEAD ? "lpush" : "rpush";
}

static const char *pop_event(chain_end end) {
        return end == CHAIN_HEAD ? "lpop" : "rpop";
}

static void push(call *c, chain_end end, bool only_there) {
        bytes name = c->argv[1];
        bool is_new;
        key *k;
        int r = 0, n = 0;

        if (!call_write(c, 1, KEY_LIST, &k))
                return;
        if (!k && only_there) {
                resp_out_integer(c->out, 0);
                return;
        }
        is_new = !k;
        if (is_new && !(k = list_add(c->db, name))) {
                call_fail_memory(c);
                return;
        }
        while (n < c->argc - 2 && r == 0) {
                r = chain_push(list_of(k), end, c->argv[n + 2].p, c->argv[n + 2].n);
                if (r == 0)
                        n++;
        }
        if (r < 0) {
                chain_drop(list_of(k), end, (size_t)n);
                if (is_new)
                        db_remove(c->db, k);
                call_fail_memory(c);
                return;
        }
        resp_out_integer(c->out, (int64_t)list_count(k));
        db_changed(c->db, name, NOTIFY_LIST, push_event(end));
        call_count_changes(c, n - 1);
}

void cmd_lpush(call *c) {
        push(c, CHAIN_HEAD, false);
}

void cmd_rpush(call *c) {
        push(c, CHAIN_TAIL, false);
}

void cmd_lpushx(call *c) {
        push(c, CHAIN_HEAD, true);
}

void cmd_rpushx(call *c) {
        push(c, CHAIN_TAIL, true);
}

/* Answer with up to @n elements from @end, in the order in which they are popped. */
static void answer_from_end(call *c, key *k, chain_end end, size_t n) {
        chain_end to = end == CHAIN_HEAD ? CHAIN_TAIL : CHAIN_HEAD;
        chain_place at;
        bool there = chain_begin(list_of(k), end, &at);

        for (; n > 0 && there; n--) {
                pack_value v;

                chain_get(&at, &v);
                answer_element(c, &v);
                there = chain_move_on(list_of(k), &at, to);
        }
}

/* Drop what has been answered, and tell. */
static void drop(call *c, key *k, bytes name, chain_end end, size_t n) {
        chain_drop(list_of(k), end, n);
        db_changed(c->db, name, NOTIFY_LIST, pop_event(end));
        db_remove_if_empty(c->db, k);
}

static void pop(call *c, chain_end end) {
        int64_t n;
        key *k;

        if (c->argc > 3) {
                call_failf(c, "ERR wrong number of arguments for '%s' command", c->cmd->name);
                return;
        }
        if (!mpop_read_count(c, &n) || !call_write(c, 1, KEY_LIST, &k))
                return;
        if (!k) {
                if (c->argc == 3)
                        resp_out_null_array(c->out);
                else
                        resp_out_null(c->out);
                return;
        }
        if (c->argc == 3) {
                if ((uint64_t)n > list_count(k))
                        n = (int64_t)list_count(k);
                resp_out_array(c->out, (size_t)n);
                if (n == 0)
                        return;
        }
        answer_from_end(c, k, end, (size_t)n);
        drop(c, k, c->argv[1], end, (size_t)n);
}

void cmd_lpop(call *c) {
        pop(c, CHAIN_HEAD);
}

void cmd_rpop(call *c) {
        pop(c, CHAIN_TAIL);
}

static bool read_end(call *c, int i, chain_end *ret) {
        if (call_is(c, i, "LEFT")) {
                *ret = CHAIN_HEAD;
        } else if (call_is(c, i, "RIGHT")) {
                *ret = CHAIN_TAIL;
        } else {
                call_fail_syntax(c);
                return false;
        }
        return true;
}

/* looking */

void cmd_llen(call *c) {
        key *k;

        if (call_read(c, 1, KEY_LIST, &k))
                resp_out_integer(c->out, k ? (int64_t)list_count(k) : 0);
}

void cmd_lindex(call *c) {
        chain_place at;
        pack_value v;
        int64_t i;
        key *k;

        if (!call_read(c, 1, KEY_LIST, &k))
                return;
        if (!k) {
                resp_out_null(c->out);
                return;
        }
        if (!call_integer(c, 2, &i, NULL))
                return;
        if (!chain_seek(list_of(k), i, &at)) {
                resp_out_null(c->out);
                return;
        }
        chain_get(&at, &v);
        answer_element(c, &v);
}

/* From argument @i and the next, the range of a list of @n: the first, and how many. */
static bool read_range(call *c, int i, int64_t *ret_from, int64_t *ret_to) {
        return call_integer(c, i, ret_from, NULL) && call_integer(c, i + 1, ret_to, NULL);
}

static size_t clip(int64_t *from, int64_t to, int64_t n) {
        if (*from < 0)
                *from = *from + n < 0 ? 0 : *from + n;
        if (to < 0)
                to += n;
        if (to >= n)
                to = n - 1;
        return *from > to || *from >= n ? 0 : (size_t)(to - *from + 1);
}

void cmd_lrange(call *c) {
        int64_t from, to;
        chain_place at;
        size_t n;
        key *k;

        if (!read_range(c, 2, &from, &to) || !call_read(c, 1, KEY_LIST, &k))
                return;
        n = k ? clip(&from, to, (int64_t)list_count(k)) : 0;
        resp_out_array(c->out, n);
        if (n == 0)
                return;
        chain_seek(list_of(k), from, &at);
        for (;;) {
                pack_value v;

                chain_get(&at, &v);
                answer_element(c, &v);
                if (--n == 0)
                        break;
                chain_move_on(list_of(k), &at, CHAIN_TAIL);
        }
}

typedef struct search {
        int64_t rank, count, max;
        bool many;
} search;

static bool read_search(call *c, search *ret) {
        search s = { .rank = 1, .count = 1 };

        for (int i = 3; i < c->argc; i++) {
                bool more = i + 1 < c->argc;

                if (call_is(c, i, "RANK") && more) {
                        if (!call_integer(c, ++i, &s.rank, NULL))
                                return false;
                        if (s.rank == 0) {
                                call_fail(c, "ERR RANK can't be zero: use 1 to start from "
                                             "the first match, 2 from the second ... "
                                             "or use negative to start from the end of the list");
                                return false;
                        }
                        if (s.rank == INT64_MIN) {
                                call_fail(c, "ERR value is out of range, value must between "
                                             "-9223372036854775807 and 9223372036854775807");
                                return false;
                        }
                } else if (call_is(c, i, "COUNT") && more) {
                        if (!call_integer_in(c, ++i, 0, INT64_MAX, &s.count,
                                             "ERR COUNT can't be negative"))
                                return false;
                        s.many = true;
                } else if (call_is(c, i, "MAXLEN") && more) {
                        if (!call_integer_in(c, ++i, 0, INT64_MAX, &s.max,
                                             "ERR MAXLEN can't be negative"))
                                return false;
                } else {
                        call_fail_syntax(c);
                        return false;
                }
        }
        *ret = s;
        return true;
}

void cmd_lpos(call *c) {
        chain_end from = CHAIN_HEAD;
        bytes wanted = c->argv[2];
        int64_t i, n_seen = 0, n_found = 0, n;
        size_t later;
        chain_place at;
        bool there;
        search s;
        key *k;

        if (!read_search(c, &s) || !call_read(c, 1, KEY_LIST, &k))
                return;
        if (!k) {
                if (s.many)
                        resp_out_array(c->out, 0);
                else
                        resp_out_null(c->out);
                return;
        }
        n = (int64_t)list_count(k);
        if (s.rank < 0) {
                from = CHAIN_TAIL;
                s.rank = -s.rank;
        }
        later = s.many ? resp_out_later(c->out) : 0;
        there = chain_begin(list_of(k), from, &at);
        for (i = 0; there && (s.max == 0 || i < s.max); i++) {
                if (chain_is(&at, wanted.p, wanted.n) && ++n_seen >= s.rank) {
                        resp_out_integer(c->out, from == CHAIN_HEAD ? i : n - 1 - i);
                        if (++n_found == s.count && s.count > 0)
                                break;
                }
                there = chain_move_on(list_of(k), &at,
                                      from == CHAIN_HEAD ? CHAIN_TAIL : CHAIN_HEAD);
        }
        if (s.many)
                resp_out_head(c->out, later, RESP_ARRAY, (size_t)n_found);
        else if (n_found == 0)
                resp_out_null(c->out);
}

/* in the middle */

void cmd_lset(call *c) {
        chain_place at;
        int64_t i;
        key *k;

        if (!call_write(c, 1, KEY_LIST, &k))
                return;
        if (!k) {
                call_fail(c, "ERR no such key");
                return;
        }
        if (!call_integer(c, 2, &i, NULL))
                return;
        if (!chain_seek(list_of(k), i, &at)) {
                call_fail(c, "ERR index out of range");
                return;
        }
        if (!fail_push(c, chain_replace(list_of(k), &at, c->argv[3].p, c->argv[3].n)))
                return;
        db_changed(c->db, c->argv[1], NOTIFY_LIST, "lset");
        resp_out_ok(c->out);
}

void cmd_linsert(call *c) {
        bytes pivot = c->argv[3], element = c->argv[4];
        bool behind = call_is(c, 2, "AFTER"), there;
        chain_place at;
        key *k;

        if (!behind && !call_is(c, 2, "BEFORE")) {
                call_fail_syntax(c);
                return;
        }
        if (!call_write(c, 1, KEY_LIST, &k))
                return;
        if (!k) {
                resp_out_integer(c->out, 0);
                return;
        }
        there = chain_begin(list_of(k), CHAIN_HEAD, &at);
        while (there && !chain_is(&at, pivot.p, pivot.n))
                there = chain_move_on(list_of(k), &at, CHAIN_TAIL);
        if (!there) {
                resp_out_integer(c->out, -1);
                return;
        }
        if (!fail_push(c, chain_insert(list_of(k), &at, behind, element.p, element.n)))
                return;
        db_changed(c->db, c->argv[1], NOTIFY_LIST, "linsert");
        resp_out_integer(c->out, (int64_t)list_count(k));
}

void cmd_lrem(call *c) {
        bytes wanted = c->argv[3];
        chain_end from = CHAIN_HEAD, to = CHAIN_TAIL;
        int64_t n, n_gone = 0;
        chain_place at;
        bool there;
        key *k;

        if (!call_integer(c, 2, &n, NULL) || !call_write(c, 1, KEY_LIST, &k))
                return;
        if (!k) {
                resp_out_integer(c->out, 0);
                return;
        }
        if (n < 0) {
                from = CHAIN_TAIL;
                to = CHAIN_HEAD;
        }
        there = chain_begin(list_of(k), from, &at);
        while (there && (n == 0 || n_gone < (n < 0 ? -n : n))) {
                if (chain_is(&at, wanted.p, wanted.n)) {
                        chain_remove(list_of(k), &at, to);
                        there = at.chunk;
                        n_gone++;
                } else {
                        there = chain_move_on(list_of(k), &at, to);
                }
        }
        resp_out_integer(c->out, n_gone);
        if (n_gone > 0) {
                db_changed(c->db, c->argv[1], NOTIFY_LIST, "lrem");
                call_count_changes(c, n_gone - 1);
                db_remove_if_empty(c->db, k);
        }
}

void cmd_ltrim(call *c) {
        int64_t from, to;
        size_t n, all;
        key *k;

        if (!read_range(c, 2, &from, &to) || !call_write(c, 1, KEY_LIST, &k))
                return;
        resp_out_ok(c->out);
        if (!k)
                return;
        all = list_count(k);
        n = clip(&from, to, (int64_t)all);
        if (n == 0) {
                chain_drop(list_of(k), CHAIN_HEAD, all);
        } else {
                chain_drop(list_of(k), CHAIN_TAIL, all - (size_t)from - n);
                chain_drop(list_of(k), CHAIN_HEAD, (size_t)from);
        }
        db_changed(c->db, c->argv[1], NOTIFY_LIST, "ltrim");
        db_remove_if_empty(c->db, k);
}

/* from one to the other */

/* Move an element from argument 1's list to argument 2's. Returns false if there is none,
 * and nothing has been answered. @words are those that replicas are sent. */
static bool move(call *c, chain_end from, chain_end to) {
        bytes source = c->argv[1], target = c->argv[2], text;
        char scratch[DECIMAL_MAX];
        pack_value v;
        key *k, *dst;
        bool is_new;

        if (!call_write(c, 1, KEY_LIST, &k))
                return true;
        if (!k)
                return false;
        dst = db_write(c->db, target);
        if (!call_check_type(c, dst, KEY_LIST))
                return true;
        is_new = !dst;
        if (is_new && !(dst = list_add(c->db, target))) {
                call_fail_memory(c);
                return true;
        }
        /* A chain may move what is pushed out of itself, so the element is answered first. */
        chain_peek(list_of(k), from, &v);
        text = list_text(&v, scratch);
        size_t begin = c->out->n;
        resp_out_bulk(c->out, text.p, text.n);
        char *copy = c->out->failed ? NULL : (char *)c->out->p + c->out->n - 2 - text.n;
        if (!copy || chain_push(list_of(dst), to, copy, text.n) < 0) {
                if (is_new)
                        db_remove(c->db, dst);
                resp_out_cut(c->out, begin);
                call_fail_memory(c);
                return true;
        }
        if (dst == k && from == to) {
                /* the new one lies over the old one */
                chain_place at;

                chain_seek(list_of(k), from == CHAIN_HEAD ? 1 : -2, &at);
                chain_remove(list_of(k), &at, CHAIN_TAIL);
        } else {
                chain_drop(list_of(k), from, 1);
        }
        db_changed(c->db, target, NOTIFY_LIST, push_event(to));
        db_changed(c->db, source, NOTIFY_LIST, pop_event(from));
        if (dst != k)
                db_remove_if_empty(c->db, k);
        return true;
}

void cmd_rpoplpush(call *c) {
        if (!move(c, CHAIN_TAIL, CHAIN_HEAD))
                resp_out_null(c->out);
}

void cmd_lmove(call *c) {
        chain_end from, to;

        if (read_end(c, 3, &from) && read_end(c, 4, &to) && !move(c, from, to))
                resp_out_null(c->out);
}

static void send_move(call *c, chain_end from, chain_end to) {
        static const bytes words[] = {
                [CHAIN_HEAD] = { "LEFT", 4 }, [CHAIN_TAIL] = { "RIGHT", 5 }
        };

        call_send_instead(
                c, (bytes[]){ BYTES("LMOVE"), c->argv[1], c->argv[2], words[from], words[to] }, 5);
}

/* LMPOP and its like: the first of the keys that is a list. Returns false if none is, and
 * nothing has been answered; keys of another type are an error. */
static bool pop_first(call *c, int i, const mpop *m) {
        chain_end end = m->is_second ? CHAIN_TAIL : CHAIN_HEAD;

        for (int left = m->n_keys; left > 0; i++, left--) {
                char text[DECIMAL_MAX];
                int64_t n = m->n;
                key *k;

                if (!call_write(c, i, KEY_LIST, &k))
                        return true;
                if (!k)
                        continue;
                if ((uint64_t)n > list_count(k))
                        n = (int64_t)list_count(k);
                resp_out_array(c->out, 2);
                resp_out_bulk(c->out, c->argv[i].p, c->argv[i].n);
                resp_out_array(c->out, (size_t)n);
                answer_from_end(c, k, end, (size_t)n);
                drop(c, k, c->argv[i], end, (size_t)n);
                call_send_instead(c,
                                  (bytes[]){ end == CHAIN_HEAD ? BYTES("LPOP") : BYTES("RPOP"),
                                             c->argv[i],
                                             { text, decimal_print(n, text) } },
                                  3);
                return true;
        }
        return false;
}

/* The arguments of LMPOP from @i on. */
static bool read_mpop(call *c, int i, mpop *ret) {
        return mpop_read(c, i, "LEFT", "RIGHT", ret);
}

void cmd_lmpop(call *c) {
        mpop m;

        if (read_mpop(c, 1, &m) && !pop_first(c, 2, &m))
                resp_out_null_array(c->out);
}

/* waiting */

void cmd_blmpop(call *c) {
        int64_t deadline;
        mpop m;

        if (!read_mpop(c, 2, &m) || !block_deadline(c, 1, &deadline) || pop_first(c, 3, &m))
                return;
        call_wait(c, KEY_LIST, &c->argv[3], m.n_keys, deadline, BLOCK_NULL_ARRAY);
}

static void pop_or_wait(call *c, chain_end end) {
        int64_t deadline;

        if (!block_deadline(c, c->argc - 1, &deadline))
                return;
        for (int i = 1; i < c->argc - 1; i++) {
                key *k;

                if (!call_write(c, i, KEY_LIST, &k))
                        return;
                if (!k)
                        continue;
                resp_out_array(c->out, 2);
                resp_out_bulk(c->out, c->argv[i].p, c->argv[i].n);
                answer_from_end(c, k, end, 1);
                drop(c, k, c->argv[i], end, 1);
                call_send_instead(
                        c,
                        (bytes[]){ end == CHAIN_HEAD ? BYTES("LPOP") : BYTES("RPOP"), c->argv[i] },
                        2);
                return;
        }
        call_wait(c, KEY_LIST, &c->argv[1], c->argc - 2, deadline, BLOCK_NULL_ARRAY);
}

void cmd_blpop(call *c) {
        pop_or_wait(c, CHAIN_HEAD);
}

void cmd_brpop(call *c) {
        pop_or_wait(c, CHAIN_TAIL);
}

static void move_or_wait(call *c, chain_end from, chain_end to, int64_t deadline) {
        uint64_t n = c->store->n_changes;

        if (!move(c, from, to))
                call_wait(c, KEY_LIST, &c->argv[1], 1, deadline, BLOCK_NULL);
        else if (c->store->n_changes != n)
                send_move(c, from, to);
}

void cmd_brpoplpush(call *c) {
        int64_t deadline;

        if (block_deadline(c, 3, &deadline))
                move_or_wait(c, CHAIN_TAIL, CHAIN_HEAD, deadline);
}

void cmd_blmove(call *c) {
        chain_end from, to;
        int64_t deadline;

        if (read_end(c, 3, &from) && read_end(c, 4, &to) && block_deadline(c, 5, &deadline))
                move_or_wait(c, from, to, deadline);
}
