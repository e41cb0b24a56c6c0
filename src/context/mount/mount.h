/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Computed keys: names under a prefix, whose values a program makes
 *
 * The tables hold nothing under the prefix of a mount. What a command asks for there is
 * read by the program's function into a key that lives as long as the command, and is a
 * key like any other meanwhile. When the command is done, what it has changed is handed to
 * the program, and only when that has taken it is it told to others:
 *
 *     db_read(), db_write() --> read()     into a key of this command
 *     db_changed()          --> noted
 *     mount_end()           --> write() --> events, watchers, those who wait, the feed
 *
 * A program may refuse. The command's answer is an error then, and to have changed nothing
 * it may change computed keys or stored ones, but not both.
 *
 * The commands that replicas get would not have the same result there, where a computed
 * value may be an older one: they are sent what came of it instead, whole values.
 */

#include <beam/context.h>

#include "../../base/list.h"
#include "../../wire/resp/out.h"
#include "../db.h"

typedef struct call call;
typedef struct beam_mount mount;

struct beam_mount {
        list node; /* of its database's */
        db *db;
        uint64_t id;
        beam_mount_calls calls;
        void *data;
        void *owned;  /* memory that is freed with it, or NULL */
        bytes prefix; /* behind this struct */
        table used;   /* by the command under way: its names */
};

/* Of a store: the mounts, and what the command under way has to do with them. */
typedef struct mounting {
        size_t n_mounts;
        uint64_t next_id;
        bool is_calling; /* the program */
        /* private */
        list used;    /* names that the command has asked for, the first one first */
        list touched; /* what it has changed of the store since, if somebody follows */
        bool is_refused;
        char refusal[256];
} mounting;

void mounting_init(mounting *m);

/* -EEXIST: there is a mount or a key there already. */
int mount_new(db *d, bytes prefix, const beam_mount_calls *calls, void *data, mount **ret);
mount *mount_free(mount *m);
/* Of numbers of the program, up to one without a name. */
int mount_numbers(db *d, bytes prefix, const beam_number *all, mount **ret);

/* The mount that @name is under, or NULL. */
mount *mount_of(const db *d, bytes name);
/* That after the number @id in @d, from 0 on; NULL: no more. */
mount *mount_next(const db *d, uint64_t id);

/* names */

/* What a program lists: full names, each after its length. */
struct beam_names {
        const mount *mount;
        char *p;
        size_t n, cap, count;
        bool failed; /* for want of memory */
};

void mount_list(mount *m, beam_names *ret);
/* The name at @*at, which is moved on, from 0; false at the end. */
bool names_next(const beam_names *names, size_t *at, bytes *ret);
void names_deinit(beam_names *names);

/* How many there are under all mounts of @d. */
size_t mount_count(const db *d);

/* The type of a key that @m computes, without reading it if its program can say so;
 * KEY_TYPES: there is none. */
key_type mount_type(mount *m, bytes name);

/* of a command */

/* Around each command of a store that has mounts. Begin returns false if it is refused, and
 * that has been answered. If it is refused in the end, what was written from @before on is
 * taken back, and what came after @n_changes does not count. */
bool mount_begin(call *c);
void mount_end(call *c, size_t before, uint64_t n_changes);

/* Refuse the command that is under way: @name does not do that. */
void mount_refuse(store *s, bytes name, const char *why);

/* for db.c, of names under a mount */
key *mount_find(mount *m, bytes name); /* NULL: there is none */
key *mount_add(mount *m, bytes name, key_type type);
void mount_remove(mount *m, bytes name);
/* Where the pointer to a key is that has been found or added. */
void **mount_place(mount *m, bytes name);
/* Whether the change is told later, when the program has taken it. */
bool mount_notes(mount *m, bytes name, notify_class class, const char *event);
/* A stored key has changed, by a command that may have used computed ones. */
void mount_touch(db *d, bytes name);
/* What was read so far for the command is forgotten, and so is what it has changed. */
void mount_forget(store *s);

/* values */

/* What beam_value_...() fill: a name that the command has asked for. */
struct beam_value {
        struct used *used;
        int error; /* the first of them */
};

/* What a key holds, as one value of version 3: an integer or bulk, array, set, map; of a
 * sorted set a map of doubles. Without a key a null. */
void mount_print(const key *k, resp_out *out);

/* following */

/* The program says that @name, without the prefix, has changed. */
int mount_changed(mount *m, bytes name);
/* Those who follow are sent the names in @d that are used and changed, and what they are now. */
void mount_send_used(store *s);
/* All that @m computes, as it is now, or that it is gone. */
void mount_send_all(mount *m, bool is_there);
