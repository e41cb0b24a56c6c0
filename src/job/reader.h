/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reading the log of a job (rules J14 to J16)
 *
 * Entries come with one command that waits, a few MiB at once, and are asked for again only
 * when those have been dealt with. As the worker waits for what lies there unread, it is trimmed
 * by whoever reads; where several do, by none further than the slowest has come, which each
 * says in a key that expires unless it is renewed.
 */

#include <beam/job.h>

#include "../context/data/stream-id.h"
#include "asker.h"
#include "tally.h"

enum {
        READER_KEY_MAX = 96,
        READER_TOKEN = 32, /* hex digits */
        /* That a reader's place is known without being renewed, and from one renewal to the
         * next: as a worker's lease. */
        READER_LEASE_MS = 10000,
        READER_RENEW_MS = 3000,
};

typedef struct reader {
        tally tally;
        stream_id last; /* of the entries that have been read */
        int error;      /* of the context, or of what lies there */
        bool stays;     /* set it when there will be no more: nobody waits for room then */
        bool has_ended; /* so says the log, all of which has been read */

        /* private */
        asker *talk, *log;
        char log_key[READER_KEY_MAX], readers_key[READER_KEY_MAX], place_key[READER_KEY_MAX];
        char token[READER_TOKEN + 1];
        char *held; /* a reply, of which n_left entries are at `at` */
        resp_cursor at;
        size_t n_left;
        bool is_asking;
        struct reader_piece {
                stream_id id;
                unsigned stream;
                uint64_t at;
                bytes data;
                uint64_t tries; /* not 0: it is no piece, but the beginning of another try */
        } piece;
        bool has_piece; /* read, and not told as something is missing before it */
        stream_id done; /* what has been told and dealt with */
        size_t step;    /* bytes that are dealt with before the log is trimmed */
        size_t n_done;  /* since */
        bool is_trimming, is_held_back;
        void (*on_left)(void *data, bool is_last); /* once it is leaving */
        void *left_data;
} reader;

/* @log is the reader's own to wait with, @talk is asked for the rest; both stay until
 * reader_close(). @keep is how much may lie there unread. */
void reader_open(reader *r, asker *talk, asker *log, uint64_t id, size_t keep);
void reader_close(reader *r);

/* Say to the context who reads, and up to where it has; for @ms if it says no more. */
void reader_enter(reader *r);
void reader_say_place(reader *r, int64_t ms);

/* Read no more; @fn is told whether nobody else does. */
void reader_leave(reader *r, void (*fn)(void *data, bool is_last), void *data);

/* What comes next, BEAM_JOB_OUTPUT, _GAP or _AGAIN; the last has been dealt with. Returns 1, 0
 * when nothing has come yet, or the error. */
int reader_next(reader *r, beam_job_event *ret);
bool reader_has_more(const reader *r); /* of what has come */

/* Now and then, beside saying the place. */
void reader_trim(reader *r);
