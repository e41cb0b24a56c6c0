/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Keyspace notifications: what happens to keys is published, if it is wanted
 *
 * The configuration notify-keyspace-events is a set of letters; the same bits say of
 * what class an event is.
 */

#include <stdbool.h>

#include "../../base/bytes.h"

typedef struct db db;

typedef enum notify_class {
        NOTIFY_KEYSPACE = 1 << 0, /* K: told under __keyspace@<db>__:<key> */
        NOTIFY_KEYEVENT = 1 << 1, /* E: under __keyevent@<db>__:<event> */
        NOTIFY_GENERIC = 1 << 2,  /* g */
        NOTIFY_STRING = 1 << 3,   /* $ */
        NOTIFY_LIST = 1 << 4,     /* l */
        NOTIFY_SET = 1 << 5,      /* s */
        NOTIFY_HASH = 1 << 6,     /* h */
        NOTIFY_ZSET = 1 << 7,     /* z */
        NOTIFY_EXPIRED = 1 << 8,  /* x */
        NOTIFY_EVICTED = 1 << 9,  /* e */
        NOTIFY_STREAM = 1 << 10,  /* t */
        NOTIFY_MISS = 1 << 11,    /* m, not in A */
        NOTIFY_NEW = 1 << 12,     /* n, not in A */
        NOTIFY_MODULE = 1 << 13,  /* d: of types that only a Redis has */
        NOTIFY_ALL = NOTIFY_GENERIC | NOTIFY_STRING | NOTIFY_LIST | NOTIFY_SET | NOTIFY_HASH |
                     NOTIFY_ZSET | NOTIFY_EXPIRED | NOTIFY_EVICTED | NOTIFY_STREAM |
                     NOTIFY_MODULE, /* A */
} notify_class;

/* @event has happened to a key. */
void notify_event(db *d, bytes name, notify_class class, const char *event);

/* The set that @letters name; -EINVAL if one of them names nothing. */
int notify_parse(bytes letters);

/* The letters of @set, in Redis's order, into @ret with its end; as there, A hides an n. */
enum { NOTIFY_TEXT_MAX = 16 };
void notify_print(int set, char ret[static NOTIFY_TEXT_MAX]);
