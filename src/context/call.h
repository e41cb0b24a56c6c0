/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One command being executed
 *
 * client_exec() looks the command up, checks what can be checked for all of them, and
 * runs it:
 *
 *     void cmd_strlen(call *c) {
 *             key *k;
 *
 *             if (call_read(c, 1, KEY_STRING, &k))
 *                     resp_out_integer(c->out, k ? (int64_t)string_length(k) : 0);
 *     }
 *
 * A command answers exactly once, by writing to c->out; an error is written by
 * call_fail(), before anything else was written and before anything was changed.
 * A command that changed something says so by db_changed(). Replicas are sent the command
 * as it came then, unless it says otherwise (call_send_*): what is random, relative to now,
 * or depends on what else is there must reach them as what came of it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "../wire/resp/out.h"
#include "command.h"
#include "db.h"

typedef struct client client;

struct call {
        store *store;
        db *db;
        client *client;
        const command *cmd;
        const bytes *argv; /* [0] is the command's name, as the client wrote it */
        int argc;
        resp_out *out;

        bool has_failed;  /* it was answered with an error */
        bool is_again;    /* it has waited, and now it may succeed (block.h) */
        bytes again_for;  /* the key that has changed */
        bool waits_again; /* but it did not */
        bool is_late;     /* its time is up: it has to answer */
};

/* Answer with an error: the text as Redis has it, without the dash, "ERR ..." or
 * "WRONGTYPE ...". What cannot stand in a line is a blank there. */
void call_fail(call *c, const char *text);
void call_failf(call *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* How much of a word that means nothing is shown: as much as Redis does. */
enum { CALL_SHOWN = 128 };

static inline int call_shown(bytes word) {
        return word.n < CALL_SHOWN ? (int)word.n : CALL_SHOWN;
}

/* The common ones. */
void call_fail_syntax(call *c);     /* ERR syntax error */
void call_fail_type(call *c);       /* WRONGTYPE Operation against a key ... */
void call_fail_subcommand(call *c); /* its arguments make no sense */
void call_fail_memory(call *c);     /* our own memory has run out */

/* The key that argument @i names, for reading or for changing, if it is of @type; *ret_k
 * is NULL if there is none. False if it is of another type, and that has been answered. */
bool call_read(call *c, int i, key_type type, key **ret_k);
bool call_write(call *c, int i, key_type type, key **ret_k);
bool call_check_type(call *c, const key *k, key_type type);

/* Whether argument @i is a password, or goes with one: it is shown to nobody. */
bool call_is_secret(const call *c, int i);

/* Argument @i as a number; false if it is none (in the range), and @error has been
 * answered; NULL is the common one. */
bool call_integer(call *c, int i, int64_t *ret, const char *error);
bool call_integer_in(call *c, int i, int64_t min, int64_t max, int64_t *ret, const char *error);
/* The database of that number. @error: the argument is no number at all. */
bool call_db(call *c, int i, const char *error, db **ret);
bool call_double(call *c, int i, double *ret, const char *error);

/* For commands that keep a result of @n values: it is moved out of @loose, a key in no
 * database, to the place of what is there under @name; without any, that is removed.
 * Tells of it, and answers @n. */
void call_keep(call *c, bytes name, key *loose, size_t n, notify_class class, const char *event);

/* As many more changes than db_changed() was told of: each element counts. */
void call_count_changes(call *c, int64_t n);

/* Send replicas this instead of the command, or as well. Each adds one; nothing() alone
 * sends none. Only what has changed something may be sent. The arguments are copied. */
void call_send_nothing(call *c);
void call_send_instead(call *c, const bytes *argv, int argc);
void call_send_also(call *c, db *d, const bytes *argv, int argc);

/* Send the command as it came, but with other arguments at some places. */
typedef struct call_change {
        int i;
        bytes argument;
} call_change;

void call_send_changed(call *c, const call_change *changes, int n);

/* Whether argument @i is @word, in any letter case. */
static inline bool call_is(const call *c, int i, const char *word) {
        return bytes_is(c->argv[i], word);
}
