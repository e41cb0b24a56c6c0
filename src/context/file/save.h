/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The store, saved to a file: on command, and by rule
 *
 * A snapshot goes to a file beside the one it is to replace, to the disk, and then takes its
 * name: whenever power or process fail, either the old one or the new one is there, whole.
 * In the background it is written some at a time by another thread (loop/task.h), so that
 * no disk holds up those who are served.
 *
 *     IDLE --BGSAVE, a rule--> GATHERING <--> WRITING --the last--> IDLE
 *
 * A rule says after how many seconds with how many changes it is time; they are looked at
 * once a second while there is something that has not been saved.
 */

#include <stdint.h>

#include "../../base/bytes.h"

typedef struct store store;
typedef struct saving saving; /* in the background */
struct text;

/* What is known of it; all zero but for `last` at first. */
typedef struct save_state {
        saving *saving;     /* or NULL */
        int64_t last;       /* s of Unix time */
        uint64_t n_changes; /* of the store, when what was saved last began */
        uint64_t n_saves;
        int64_t took;      /* seconds of the last in the background; -1 */
        bool has_failed;   /* the last in the background */
        bool is_scheduled; /* as soon as there is no other snapshot */
        /* private */
        int64_t tried; /* s of Unix time */
        bool is_timed;
        struct save_watch *watch; /* looks at the rules */
} save_state;

int save_init(store *s); /* -ENOMEM */
void save_deinit(store *s);

/* All of it now. -EBUSY: there is another snapshot; else what open(2), write(2), fsync(2) or
 * rename(2) say, or snapshot_next(). */
int save_now(store *s);

/* From the loop. Errors as above; later ones are in the state. */
int save_begin(store *s);
/* Stop that; what was there before is there. */
void save_cancel(store *s);

/* Something has changed, or the rules have. */
void save_wake(store *s);

/* Whether there are rules, and so somebody counts on it. */
bool save_is_wanted(const store *s);

/* "3600 1 300 100": after so many seconds with so many changes. -EINVAL. */
enum { SAVE_RULES_MAX = 16 };
typedef struct save_rule {
        int64_t seconds, n_changes;
} save_rule;
int save_read_rules(bytes words, save_rule ret[static SAVE_RULES_MAX]);

void save_tell_info(const store *s, struct text *t);
