/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the group generic: times to live. */
#include "context/commands.h"

#include "../../base/decimal.h"
#include "../expiry.h"
#include "../store.h"

typedef enum when_flag { WHEN_NX = 1, WHEN_XX = 2, WHEN_GT = 4, WHEN_LT = 8 } when_flag;

static bool read_flags(call *c, int i, unsigned *ret) {
        unsigned flags = 0;

        for (; i < c->argc; i++) {
                if (call_is(c, i, "NX")) {
                        flags |= WHEN_NX;
                } else if (call_is(c, i, "XX")) {
                        flags |= WHEN_XX;
                } else if (call_is(c, i, "GT")) {
                        flags |= WHEN_GT;
                } else if (call_is(c, i, "LT")) {
                        flags |= WHEN_LT;
                } else {
                        call_failf(c, "ERR Unsupported option %.*s",
                                   (int)(c->argv[i].n < 128 ? c->argv[i].n : 128), c->argv[i].p);
                        return false;
                }
        }
        if (flags & WHEN_NX && flags & (WHEN_XX | WHEN_GT | WHEN_LT)) {
                call_fail(c, "ERR NX and XX, GT or LT options at the same time are not compatible");
                return false;
        }
        if (flags & WHEN_GT && flags & WHEN_LT) {
                call_fail(c, "ERR GT and LT options at the same time are not compatible");
                return false;
        }
        *ret = flags;
        return true;
}

/* A key without a time to live is one that lives longest. */
static bool is_wanted(const key *k, unsigned flags, int64_t when) {
        return !((flags & WHEN_NX && k->has_expiry) || (flags & WHEN_XX && !k->has_expiry) ||
                 (flags & WHEN_GT && when <= key_expiry(k)) ||
                 (flags & WHEN_LT && when >= key_expiry(k)));
}

static void expire(call *c, expiry_unit unit) {
        bytes name = c->argv[1];
        char text[DECIMAL_MAX];
        unsigned flags;
        int64_t when;
        key *k;

        if (!read_flags(c, 3, &flags) || !expiry_read(c, 2, unit, true, &when))
                return;
        k = db_write(c->db, name);
        if (!k || !is_wanted(k, flags, when)) {
                resp_out_integer(c->out, 0);
                return;
        }
        if (when <= c->store->now && !c->store->follows) {
                db_remove(c->db, k);
                db_changed(c->db, name, NOTIFY_GENERIC, "del");
                call_send_instead(c, (bytes[]){ BYTES("DEL"), name }, 2);
        } else if (db_expire(c->db, k, when)) {
                db_changed(c->db, name, NOTIFY_GENERIC, "expire");
                call_send_instead(
                        c,
                        (bytes[]){ BYTES("PEXPIREAT"), name, { text, decimal_print(when, text) } },
                        3);
        } else {
                call_fail_memory(c);
                return;
        }
        resp_out_integer(c->out, 1);
}

void cmd_expire(call *c) {
        expire(c, EXPIRY_SECONDS);
}

void cmd_pexpire(call *c) {
        expire(c, EXPIRY_MS);
}

void cmd_expireat(call *c) {
        expire(c, EXPIRY_AT_SECONDS);
}

void cmd_pexpireat(call *c) {
        expire(c, EXPIRY_AT_MS);
}

void cmd_persist(call *c) {
        key *k = db_write(c->db, c->argv[1]);

        if (!k || !k->has_expiry) {
                resp_out_integer(c->out, 0);
                return;
        }
        if (!db_expire(c->db, k, INT64_MAX)) {
                call_fail_memory(c);
                return;
        }
        db_changed(c->db, c->argv[1], NOTIFY_GENERIC, "persist");
        resp_out_integer(c->out, 1);
}

/* -2 for no key, -1 for no time to live, as Redis has it. */
static void answer_time(call *c, bool seconds, bool absolute) {
        const key *k = db_look(c->db, c->argv[1]);
        int64_t t = k ? key_expiry(k) : 0;

        if (!k || !k->has_expiry) {
                resp_out_integer(c->out, k ? -1 : -2);
                return;
        }
        if (!absolute)
                t = t > c->store->now ? t - c->store->now : 0;
        resp_out_integer(c->out, seconds ? (t + 500) / 1000 : t);
}

void cmd_ttl(call *c) {
        answer_time(c, true, false);
}

void cmd_pttl(call *c) {
        answer_time(c, false, false);
}

void cmd_expiretime(call *c) {
        answer_time(c, true, true);
}

void cmd_pexpiretime(call *c) {
        answer_time(c, false, true);
}
