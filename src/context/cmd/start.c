/* SPDX-License-Identifier: Apache-2.0 */
#include "start.h"

#include <stdio.h>

#include "../../base/decimal.h"
#include "../store.h"
#include "../type/key-hash.h"
#include "../type/key-list.h"

/* What follows "/jobs/", if it is the number of a job, written in the one way. */
static bool read_id(bytes name, bytes *ret_text, int64_t *ret) {
        static const char before[] = "/jobs/";
        const size_t n = sizeof(before) - 1;
        char text[DECIMAL_MAX];

        if (name.n <= n || memcmp(name.p, before, n) != 0)
                return false;
        *ret_text = (bytes){ name.p + n, name.n - n };
        return decimal_read(ret_text->p, ret_text->n, ret) && *ret >= 0 &&
               bytes_equal(*ret_text, (bytes){ text, decimal_print(*ret, text) });
}

/* It is in the list, and has not been removed. */
static bool is_created(db *d, int64_t id) {
        key *jobs = db_peek(d, BYTES("/jobs"));
        chain_place at;

        return jobs && jobs->type == KEY_LIST && (uint64_t)id < list_count(jobs) &&
               chain_seek(list_of(jobs), (long)id, &at) && !chain_is(&at, "", 0);
}

/* The name of the hash with its state. */
enum { NAME_MAX_BYTES = sizeof("/beam/jobs/") + DECIMAL_MAX };

static bytes state_of(bytes id, char ret[static NAME_MAX_BYTES]) {
        int n = snprintf(ret, NAME_MAX_BYTES, "/beam/jobs/%.*s", (int)id.n, id.p);

        return (bytes){ ret, (size_t)n };
}

static bool has_state(db *d, bytes id) {
        char name[NAME_MAX_BYTES], scratch[DECIMAL_MAX];
        key *state = db_peek(d, state_of(id, name));
        bytes value;

        return state &&
               (state->type != KEY_HASH || hash_get(state, BYTES("state"), scratch, &value));
}

bool start_is_asked(call *c) {
        int64_t id;
        bytes text;

        return c->argc == 3 && c->argv[2].n == 0 && c->db == &c->store->dbs[0] &&
               !c->store->obeys && read_id(c->argv[1], &text, &id) && is_created(c->db, id) &&
               !has_state(c->db, text);
}

static bool run(call *c, const bytes *argv, int argc) {
        size_t begin = c->out->n;
        call one = { .cmd = command_find(argv[0]), .argv = argv, .argc = argc };

        client_run(c->client, &one);
        resp_out_cut(one.out, begin);
        c->store->current = c;
        return !one.has_failed;
}

/* All of it or nothing: what fails does so before it has changed anything. */
void start_job(call *c) {
        char name[NAME_MAX_BYTES];
        int64_t number;
        bytes id, state;
        bool done;

        read_id(c->argv[1], &id, &number);
        state = state_of(id, name);

        feed_begin(&c->store->feed);
        done = run(c, (bytes[]){ BYTES("HSET"), state, BYTES("state"), BYTES("started") }, 4);
        if (done && !run(c, (bytes[]){ BYTES("RPUSH"), BYTES("/jobs/start"), id }, 3)) {
                run(c, (bytes[]){ BYTES("HDEL"), state, BYTES("state") }, 3);
                done = false;
        }
        if (done)
                run(c, (bytes[]){ BYTES("DEL"), c->argv[1] }, 2);
        feed_end(&c->store->feed, c->db);
        call_send_nothing(c);
        if (done)
                resp_out_ok(c->out);
        else
                call_fail(c, "ERR the job cannot be started: /jobs/start is no list, or memory has "
                             "run out");
}
