/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the group hyperloglog. */
#include "context/commands.h"

#include <errno.h>
#include <stdlib.h>

#include "../../base/mem.h"
#include "../data/hll.h"
#include "../store.h"
#include "../text.h"
#include "../type/key-string.h"

static void fail_corrupted(call *c) {
        call_fail(c, "INVALIDOBJ Corrupted HLL object detected");
}

/* What is kept as a number is none, and is not made a text to look at it. */
static bool check(call *c, const key *k) {
        char scratch[DECIMAL_MAX];

        if (!call_check_type(c, k, KEY_STRING))
                return false;
        if (!k || (k->encoding != KEY_INT && hll_is(string_get(k, scratch))))
                return true;
        call_fail(c, "WRONGTYPE Key is not a valid HyperLogLog string value.");
        return false;
}

/* The bytes of argument @i's, to be written to; *@ret_k is NULL if there is none. */
static bool open_key(call *c, int i, key **ret_k, char **ret, size_t *ret_n) {
        key *k = db_write(c->db, c->argv[i]);

        if (!check(c, k))
                return false;
        *ret_k = k;
        if (!k)
                return true;
        *ret_n = string_length(k);
        if (string_resize(c->db, k, *ret_n, ret))
                return true;
        call_fail_memory(c);
        return false;
}

/* a copy to work on: whatever fails, the key is as it was */

typedef struct work {
        char *p;
        size_t n, most;
} work;

/* With room for @n_more ranks; of nothing, a new one. */
static int work_begin(work *w, call *c, bytes from, size_t n_more) {
        size_t room = from.n + HLL_EMPTY_SIZE + n_more * HLL_PUT_MORE;

        *w = (work){ .most = c->store->config.hll_sparse_max_bytes };
        w->p = mem_new(room < HLL_DENSE_SIZE ? HLL_DENSE_SIZE : room);
        if (!w->p)
                return -ENOMEM;
        w->n = from.n;
        if (from.n > 0) {
                memcpy(w->p, from.p, from.n);
        } else {
                hll_begin(w->p);
                w->n = HLL_EMPTY_SIZE;
        }
        return 0;
}

static int work_to_dense(work *w) {
        char dense[HLL_DENSE_SIZE];
        int r = hll_to_dense((bytes){ w->p, w->n }, dense);

        if (r < 0)
                return r;
        memcpy(w->p, dense, sizeof(dense));
        w->n = sizeof(dense);
        return 0;
}

static int work_put(work *w, unsigned reg, uint8_t rank) {
        int r = hll_put(w->p, &w->n, w->most, reg, rank);

        if (r != -E2BIG)
                return r;
        r = work_to_dense(w);
        return r < 0 ? r : hll_put(w->p, &w->n, w->most, reg, rank);
}

/* The value of the key @name from now on, which is @k if it is there. */
static int work_keep(work *w, call *c, key *k, bytes name) {
        bool is_new = !k;
        char *p;

        if (is_new)
                k = db_add(c->db, name, KEY_STRING);
        if (!k || !string_resize(c->db, k, w->n, &p)) {
                if (is_new && k)
                        db_remove(c->db, k);
                return -ENOMEM;
        }
        memcpy(p, w->p, w->n);
        return 0;
}

static void fail(call *c, int r) {
        if (r == -ENOMEM)
                call_fail_memory(c);
        else
                fail_corrupted(c);
}

/* commands */

static int put_element(work *w, bytes element) {
        uint8_t rank;
        unsigned reg = hll_place(element, &rank);

        return work_put(w, reg, rank);
}

/* In place: nothing can fail, and there may be very many. */
static int64_t add_to_dense(call *c, char *p, size_t n) {
        int64_t n_higher = 0;

        for (int i = 2; i < c->argc; i++)
                n_higher += put_element(&(work){ .p = p, .n = n }, c->argv[i]);
        return n_higher;
}

static int64_t add_to_sparse(call *c, key *k, bytes from) {
        int64_t n_higher = k ? 0 : 1;
        int r;
        work w;

        r = work_begin(&w, c, from, (size_t)c->argc - 2);
        for (int i = 2; r >= 0 && i < c->argc; i++) {
                r = put_element(&w, c->argv[i]);
                n_higher += r > 0;
        }
        if (r >= 0 && n_higher > 0) {
                hll_forget(w.p);
                r = work_keep(&w, c, k, c->argv[1]);
        }
        mem_free(w.p);
        return r < 0 ? r : n_higher;
}

void cmd_pfadd(call *c) {
        bytes hll = { NULL, 0 };
        int64_t n_higher;
        char *p = NULL;
        key *k;

        if (!open_key(c, 1, &k, &p, &hll.n))
                return;
        hll.p = p;
        n_higher = k && hll_is_dense(hll) ? add_to_dense(c, p, hll.n) : add_to_sparse(c, k, hll);
        if (n_higher < 0) {
                fail(c, (int)n_higher);
                return;
        }
        if (n_higher > 0) {
                db_changed(c->db, c->argv[1], NOTIFY_STRING, "pfadd");
                call_count_changes(c, n_higher - 1);
        }
        resp_out_integer(c->out, n_higher > 0);
}

/* Of one key the count is kept in its header, which replicas are to have too. */
static void count_one(call *c) {
        uint8_t registers[HLL_REGISTERS] = { 0 };
        uint64_t count;
        size_t n;
        char *p;
        key *k;

        if (!db_read(c->db, c->argv[1])) {
                resp_out_integer(c->out, 0);
                return;
        }
        if (!open_key(c, 1, &k, &p, &n))
                return;
        if (!hll_told((bytes){ p, n }, &count)) {
                if (hll_merge((bytes){ p, n }, registers) < 0) {
                        fail_corrupted(c);
                        return;
                }
                count = hll_count(registers);
                hll_tell(p, count);
                db_changed(c->db, c->argv[1], NOTIFY_STRING, NULL);
        }
        resp_out_integer(c->out, (int64_t)count);
}

/* All of those in the arguments from 1 on; false, and it has been answered. */
static bool merge_all(call *c, uint8_t registers[static HLL_REGISTERS], bool *ret_dense) {
        *ret_dense = false;
        for (int i = 1; i < c->argc; i++) {
                const key *k = db_read(c->db, c->argv[i]);
                char scratch[DECIMAL_MAX];
                bytes hll;

                if (!check(c, k))
                        return false;
                if (!k)
                        continue;
                hll = string_get(k, scratch);
                *ret_dense |= hll_is_dense(hll);
                if (hll_merge(hll, registers) < 0) {
                        fail_corrupted(c);
                        return false;
                }
        }
        return true;
}

void cmd_pfcount(call *c) {
        uint8_t registers[HLL_REGISTERS] = { 0 };
        bool any_dense;

        if (c->argc == 2)
                count_one(c);
        else if (merge_all(c, registers, &any_dense))
                resp_out_integer(c->out, (int64_t)hll_count(registers));
}

void cmd_pfmerge(call *c) {
        uint8_t registers[HLL_REGISTERS] = { 0 };
        char scratch[DECIMAL_MAX];
        bool any_dense;
        work w;
        key *k;
        int r;

        if (!merge_all(c, registers, &any_dense))
                return;
        k = db_write(c->db, c->argv[1]);
        r = work_begin(&w, c, k ? string_get(k, scratch) : (bytes){ NULL, 0 }, HLL_REGISTERS);
        if (r >= 0 && any_dense)
                r = work_to_dense(&w);
        for (unsigned reg = 0; r >= 0 && reg < HLL_REGISTERS; reg++)
                if (registers[reg] > 0)
                        r = work_put(&w, reg, registers[reg]);
        if (r >= 0) {
                hll_forget(w.p);
                r = work_keep(&w, c, k, c->argv[1]);
        }
        mem_free(w.p);
        if (r < 0) {
                fail(c, r);
                return;
        }
        db_changed(c->db, c->argv[1], NOTIFY_STRING, "pfadd");
        resp_out_ok(c->out);
}

/* a look inside */

static bool to_dense(call *c, key *k, bytes hll) {
        work w;
        int r = work_begin(&w, c, hll, 0);

        if (r >= 0)
                r = work_to_dense(&w);
        if (r >= 0)
                r = work_keep(&w, c, k, c->argv[2]);
        mem_free(w.p);
        if (r < 0)
                fail(c, r);
        else
                db_changed(c->db, c->argv[2], NOTIFY_STRING, NULL);
        return r >= 0;
}

static void answer_registers(call *c, const key *k) {
        char scratch[DECIMAL_MAX];
        uint8_t registers[HLL_REGISTERS] = { 0 };

        if (hll_merge(string_get(k, scratch), registers) < 0) {
                fail_corrupted(c);
                return;
        }
        resp_out_array(c->out, HLL_REGISTERS);
        for (int i = 0; i < HLL_REGISTERS; i++)
                resp_out_integer(c->out, registers[i]);
}

/* Runs of 0 as z or, where they are of two bytes, Z. */
static void answer_runs(call *c, bytes sparse) {
        text t = { 0 };
        size_t at = 0;
        hll_run run;

        while (hll_next(sparse, &at, &run)) {
                text_add(&t, "%s", t.n > 0 ? " " : "");
                if (run.rank > 0)
                        text_add(&t, "v:%u,%u", (unsigned)run.rank, run.n);
                else
                        text_add(&t, "%c:%u", run.size == 1 ? 'z' : 'Z', run.n);
        }
        text_reply_bulk(&t, c);
}

void cmd_pfdebug(call *c) {
        bytes hll = { NULL, 0 };
        bool is_dense;
        char *p = NULL;
        key *k;

        if (!open_key(c, 2, &k, &p, &hll.n))
                return;
        if (!k) {
                call_fail(c, "ERR The specified key does not exist");
                return;
        }
        hll.p = p;
        is_dense = hll_is_dense(hll);
        if (call_is(c, 1, "ENCODING")) {
                resp_out_status(c->out, is_dense ? "dense" : "sparse");
        } else if (call_is(c, 1, "DECODE")) {
                if (is_dense)
                        call_fail(c, "ERR HLL encoding is not sparse");
                else
                        answer_runs(c, hll);
        } else if (call_is(c, 1, "TODENSE")) {
                if (is_dense || to_dense(c, k, hll))
                        resp_out_integer(c->out, !is_dense);
        } else if (call_is(c, 1, "GETREG")) {
                if (is_dense || to_dense(c, k, hll))
                        answer_registers(c, k);
        } else {
                call_failf(c, "ERR Unknown PFDEBUG subcommand '%.*s'", call_shown(c->argv[1]),
                           c->argv[1].p);
        }
}

/* Both forms agree while there are few, and the counts are as far off as they may be: more
 * than five standard errors do not happen. */
void cmd_pfselftest(call *c) {
        const uint64_t n_most = 100000;
        uint8_t registers[HLL_REGISTERS] = { 0 };
        char dense[HLL_DENSE_SIZE];
        work w, d = { .p = dense, .n = sizeof(dense) };
        bool good;

        if (work_begin(&w, c, (bytes){ NULL, 0 }, 0) < 0) {
                call_fail_memory(c);
                return;
        }
        good = hll_to_dense((bytes){ w.p, w.n }, dense) == 0;
        for (uint64_t i = 1, step = 10; good && i <= n_most; i++) {
                bytes element = { (const char *)&i, sizeof(i) };
                int64_t off;

                good = put_element(&w, element) == put_element(&d, element);
                if (i != step)
                        continue;
                step *= 10;
                good = good && hll_merge((bytes){ w.p, w.n }, registers) == 0 &&
                       hll_merge((bytes){ dense, sizeof(dense) }, registers) == 0;
                off = (int64_t)hll_count(registers) - (int64_t)i;
                good = good && llabs(off) <= (int64_t)(i * 5 * 81 / 10000) + 1;
        }
        mem_free(w.p);
        if (good)
                resp_out_ok(c->out);
        else
                call_fail(c, "TESTFAILED A HyperLogLog counts wrong");
}
