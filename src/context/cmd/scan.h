/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SCAN and its like: some of a table at a time
 */

#include "../call.h"

typedef struct scan {
        call *c;
        uint64_t cursor;
        int64_t count;
        bytes pattern; /* p is NULL if there is none */
        int type;      /* of key_type; -1 any; KEY_TYPES one that does not exist */
        resp_out out;  /* the values, which come behind the cursor */

        int64_t n_seen; /* names, wanted or not */

        /* private */
        size_t n;
} scan;

/* The arguments of SCAN. False if they are wrong, and that has been answered. */
bool scan_read(scan *s, call *c);

/* Those of HSCAN and its like, and the key. Also false if there is none: an empty answer
 * then, whatever the options. */
bool scan_read_key(scan *s, call *c, key_type type, key **ret_k);

/* Answer with the next cursor and what @fn finds in some buckets of @t: for each name it
 * asks scan_wants(), then puts it and what belongs to it into s->out, and says by
 * scan_has() how many values those are. */
void scan_table(scan *s, table *t, void (*fn)(void *scan, void *entry));
bool scan_wants(scan *s, bytes name);
void scan_has(scan *s, size_t n_values);

/* The same in steps, and for what is small and shown at once: between begin and end. */
void scan_begin(scan *s);
uint64_t scan_walk(scan *s, table *t, void (*fn)(void *scan, void *entry)); /* the next cursor */
void scan_end(scan *s, uint64_t cursor);
