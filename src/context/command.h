/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The table of commands
 *
 * commands.txt says for each command what it takes, what it does and since when; the
 * build makes an array of these of it (tools/gen-commands.py), and dispatch, COMMAND and
 * COMMAND DOCS are read from there.
 */

#include <stdbool.h>
#include <stdint.h>

#include "../base/bytes.h"

typedef struct call call;
typedef struct command command;

/* Redis's own flags, under Redis's names. */
typedef enum command_flag {
        CMD_WRITE = 1 << 0,
        CMD_READONLY = 1 << 1,
        CMD_DENYOOM = 1 << 2, /* refused when maxmemory is reached */
        CMD_ADMIN = 1 << 3,
        CMD_PUBSUB = 1 << 4,
        CMD_NOSCRIPT = 1 << 5,
        CMD_BLOCKING = 1 << 6,
        CMD_LOADING = 1 << 7, /* allowed while a dump is being loaded */
        CMD_STALE = 1 << 8,
        CMD_SKIP_MONITOR = 1 << 9,
        CMD_SKIP_SLOWLOG = 1 << 10,
        CMD_ASKING = 1 << 11,
        CMD_FAST = 1 << 12,
        CMD_NO_AUTH = 1 << 13,  /* before AUTH too */
        CMD_NO_MULTI = 1 << 14, /* not within a transaction */
        CMD_MOVABLEKEYS = 1 << 15,
        CMD_MAY_REPLICATE = 1 << 16,
        CMD_NO_MANDATORY_KEYS = 1 << 17,
        CMD_ALLOW_BUSY = 1 << 18,
        CMD_NO_ASYNC_LOADING = 1 << 19,
} command_flag;

/* One way in which a command's arguments hold keys: begin, then how to go on. */
typedef struct key_spec {
        uint32_t flags;      /* KEYSPEC_..., as COMMAND tells them */
        int16_t index;       /* where to begin; below 0 from the end ("keyword") */
        bool begins_unknown; /* not even where it begins can be told */
        const char *keyword; /* or after this word, looked for from index on */
        enum { KEYS_RANGE, KEYS_NUMBER, KEYS_UNKNOWN } find;
        int16_t last, step, limit; /* of a range, relative to where it begins */
        int16_t number, first;     /* where the number of keys stands, and the first */
        const char *note;          /* for people, why the flags are as they are; or NULL */
} key_spec;

enum {
        KEYSPEC_RO = 1 << 0, /* the value is read and not changed */
        KEYSPEC_RW = 1 << 1,
        KEYSPEC_OW = 1 << 2, /* overwritten */
        KEYSPEC_RM = 1 << 3, /* removed */
        KEYSPEC_ACCESS = 1 << 4,
        KEYSPEC_UPDATE = 1 << 5,
        KEYSPEC_INSERT = 1 << 6,
        KEYSPEC_DELETE = 1 << 7,
        KEYSPEC_NOT_KEY = 1 << 8,
        KEYSPEC_INCOMPLETE = 1 << 9,
        KEYSPEC_VARIABLE_FLAGS = 1 << 10,
};

/* An argument, as COMMAND DOCS tells it. */
typedef struct command_arg command_arg;
struct command_arg {
        const char *name;
        enum {
                ARG_STRING,
                ARG_INTEGER,
                ARG_DOUBLE,
                ARG_KEY,
                ARG_PATTERN,
                ARG_UNIX_TIME,
                ARG_PURE_TOKEN,
                ARG_ONEOF,
                ARG_BLOCK,
        } type;
        const char *token; /* the word before it, or NULL */
        const char *since; /* NULL: as long as the command */
        bool optional, multiple, multiple_token;
        int8_t spec;             /* of the keys, or -1 */
        const command_arg *args; /* of ONEOF and BLOCK */
        uint8_t n_args;
};

struct command {
        const char *name;     /* in lower case; of a sub-command "client|list" */
        void (*run)(call *c); /* NULL for one that has only sub-commands */
        int arity;            /* with the name; below 0: that many or more */
        uint32_t flags;
        uint32_t categories; /* of ACL, as COMMAND tells them */
        const key_spec *specs;
        uint8_t n_specs;
        const command *subs;
        uint16_t n_subs;
        uint16_t number; /* from 0, each command and sub-command its own: for statistics */
        const char *group, *since, *complexity, *summary;
        const command_arg *args;
        uint8_t n_args;
        const char *const *tips, *const *changes;   /* lists that end in NULL, or NULL */
        const char *replaced_by, *deprecated_since; /* or NULL */
        bool is_system;                             /* of servers and tests, not for people */
};

extern const command command_table[];
extern const unsigned n_commands;     /* in it, sub-commands aside */
extern const unsigned n_all_commands; /* with sub-commands: one more than any number */

/* The names of the bits of `categories`, in the order of COMMAND. */
extern const char *const command_categories[];
extern const unsigned n_command_categories;

/* The command of that name in any letter case, or NULL. */
const command *command_find(bytes name);
const command *command_find_sub(const command *parent, bytes name);

/* The same of a name as `name` is, which may be that of a sub-command, "client|list". */
const command *command_find_full(bytes name);

/* Where the keys stand in @argv: each place into @ret_places, which has room for @argc.
 * Returns how many; -EINVAL if the arguments make no sense. */
int command_keys(const command *cmd, const bytes *argv, int argc, int *ret_places);

/* Those that one specification is of. */
int command_spec_keys(const key_spec *spec, const bytes *argv, int argc, int *ret_places);
