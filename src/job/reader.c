/* SPDX-License-Identifier: Apache-2.0 */
#include "reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "../base/decimal.h"
#include "../base/mem.h"
#include "../base/random.h"

/* Entries that are asked for at once: 2 MiB where they are large. Picked. */
#define AT_ONCE BYTES("32")

enum {
        /* The log is trimmed so many times for each time that it would be full. Picked. */
        TRIMS = 4,
        /* Who read along beyond these are looked at the next time. Picked. */
        OTHERS_MAX = 256,
};

void reader_open(reader *r, asker *talk, asker *log, uint64_t id, size_t keep) {
        *r = (reader){ .talk = talk, .log = log, .step = keep / TRIMS };
        snprintf(r->token, sizeof(r->token), "%016" PRIx64 "%016" PRIx64, random_next(),
                 random_next());
        snprintf(r->log_key, sizeof(r->log_key), "/beam/jobs/%" PRIu64 "/log", id);
        snprintf(r->readers_key, sizeof(r->readers_key), "/beam/jobs/%" PRIu64 "/readers", id);
        snprintf(r->place_key, sizeof(r->place_key), "/beam/jobs/%" PRIu64 "/reader/%s", id,
                 r->token);
}

void reader_close(reader *r) {
        if (r->talk)
                asker_forget(r->talk, r);
        if (r->log)
                asker_forget(r->log, r);
        r->held = mem_free(r->held);
        r->n_left = 0;
}

/* places */

static bytes print_id(stream_id id, char text[static STREAM_ID_TEXT]) {
        return (bytes){ text, stream_id_print(id, text) };
}

void reader_say_place(reader *r, int64_t ms) {
        char id[STREAM_ID_TEXT], time[DECIMAL_MAX];

        asker_say(r->talk, NULL, NULL, BYTES("SET"), bytes_of(r->place_key), print_id(r->done, id),
                  BYTES("PX"), (bytes){ time, decimal_print(ms, time) });
}

void reader_enter(reader *r) {
        asker_say(r->talk, NULL, NULL, BYTES("SADD"), bytes_of(r->readers_key), bytes_of(r->token));
        reader_say_place(r, READER_LEASE_MS);
}

static void fail(reader *r, int error) {
        if (!r->error)
                r->error = error;
}

/* trimming, and leaving: where are the others? */

/* All entries up to @id have been read by everybody. */
static void trim_to(reader *r, stream_id id) {
        char text[STREAM_ID_TEXT];

        r->is_trimming = false;
        r->is_held_back = stream_id_compare(id, r->done) < 0;
        if (!r->stays && stream_id_next(&id))
                asker_say(r->talk, NULL, NULL, BYTES("XTRIM"), bytes_of(r->log_key), BYTES("MINID"),
                          print_id(id, text));
}

/* The slowest of all who read has come to @least. */
static void look(reader *r, stream_id least, bool is_alone) {
        if (r->on_left)
                r->on_left(r->left_data, is_alone);
        else
                trim_to(r, least);
}

static void on_places(void *data, int error, resp_cursor reply) {
        reader *r = data;
        stream_id least = r->done, place;
        bool is_alone = true;
        resp_value v;

        if (error < 0 || !resp_cursor_next(&reply, &v) || v.type != RESP_ARRAY) {
                fail(r, error < 0 ? error : -EPROTO);
                return;
        }
        while (resp_cursor_next(&reply, &v)) {
                if (v.type != RESP_BULK || !stream_id_read(v.text, 0, &place))
                        continue;
                is_alone = false;
                if (stream_id_compare(place, least) < 0)
                        least = place;
        }
        look(r, least, is_alone);
}

/* The key of another reader is as long as ours, but for its token. */
static void ask_places(reader *r, const bytes *tokens, size_t n) {
        size_t n_key = strlen(r->place_key);
        char *keys = mem_new(n * n_key);
        bytes *argv = mem_array(n + 1, sizeof(*argv));

        if (!keys || !argv) {
                fail(r, -ENOMEM);
        } else {
                argv[0] = BYTES("MGET");
                for (size_t i = 0; i < n; i++) {
                        char *key = keys + i * n_key;

                        memcpy(key, r->place_key, n_key - READER_TOKEN);
                        memcpy(key + n_key - READER_TOKEN, tokens[i].p, READER_TOKEN);
                        argv[i + 1] = (bytes){ key, n_key };
                }
                asker_ask(r->talk, on_places, r, argv, n + 1);
        }
        mem_free(keys);
        mem_free(argv);
}

static void on_readers(void *data, int error, resp_cursor reply) {
        reader *r = data;
        bytes tokens[OTHERS_MAX];
        resp_value v;
        size_t n = 0;

        if (error < 0 || !resp_cursor_next(&reply, &v) || v.type != RESP_ARRAY) {
                fail(r, error < 0 ? error : -EPROTO);
                return;
        }
        while (n < OTHERS_MAX && resp_cursor_next(&reply, &v))
                if (v.type == RESP_BULK && v.text.n == READER_TOKEN &&
                    memcmp(v.text.p, r->token, READER_TOKEN) != 0)
                        tokens[n++] = v.text;
        if (n == 0)
                look(r, r->done, true);
        else
                ask_places(r, tokens, n);
}

void reader_trim(reader *r) {
        if (r->stays || r->is_trimming || (r->n_done < r->step && !r->is_held_back))
                return;
        r->is_trimming = true;
        r->n_done = 0;
        reader_say_place(r, READER_LEASE_MS);
        asker_say(r->talk, on_readers, r, BYTES("SMEMBERS"), bytes_of(r->readers_key));
}

void reader_leave(reader *r, void (*fn)(void *data, bool is_last), void *data) {
        r->on_left = fn;
        r->left_data = data;
        asker_forget(r->talk, r);
        asker_say(r->talk, NULL, NULL, BYTES("SREM"), bytes_of(r->readers_key), bytes_of(r->token));
        asker_say(r->talk, NULL, NULL, BYTES("DEL"), bytes_of(r->place_key));
        asker_say(r->talk, on_readers, r, BYTES("SMEMBERS"), bytes_of(r->readers_key));
}

/* reading */

/* Either all keys with their entries, or nothing. */
static void on_entries(void *data, int error, resp_cursor reply) {
        reader *r = data;
        size_t n = (size_t)(reply.end - reply.p);
        resp_value v;

        r->is_asking = false;
        r->held = error < 0 ? NULL : mem_copy(reply.p, n);
        if (!r->held) {
                fail(r, error < 0 ? error : -ENOMEM);
                return;
        }
        r->at = (resp_cursor){ r->held, r->held + n };
        if (!resp_cursor_next(&r->at, &v) || v.type != RESP_ARRAY || v.n != 1 ||
            !resp_cursor_next(&r->at, &v) || v.type != RESP_ARRAY || v.n != 2 ||
            !resp_cursor_next(&r->at, &v) || v.type != RESP_BULK || !resp_cursor_next(&r->at, &v) ||
            v.type != RESP_ARRAY)
                fail(r, -EPROTO);
        else
                r->n_left = v.n;
}

static void ask(reader *r) {
        char id[STREAM_ID_TEXT];

        if (r->is_asking)
                return;
        r->held = mem_free(r->held);
        r->is_asking = true;
        asker_say(r->log, on_entries, r, BYTES("XREAD"), BYTES("COUNT"), AT_ONCE, BYTES("BLOCK"),
                  BYTES("0"), BYTES("STREAMS"), bytes_of(r->log_key), print_id(r->last, id));
}

static bool take_number(bytes text, uint64_t *ret) {
        int64_t n;

        if (!decimal_read(text.p, text.n, &n) || n < 0)
                return false;
        *ret = (uint64_t)n;
        return true;
}

/* The next entry becomes the piece, or says that it was the last. */
static bool take_piece(reader *r) {
        struct reader_piece *piece = &r->piece;
        bool has_stream = false, has_at = false, has_data = false, is_good = true;
        uint64_t n = 0;
        resp_value v;

        r->n_left--;
        piece->tries = 0;
        piece->data.n = 0;
        if (!resp_cursor_next(&r->at, &v) || v.type != RESP_ARRAY || v.n != 2 ||
            !resp_cursor_next(&r->at, &v) || v.type != RESP_BULK ||
            !stream_id_read(v.text, 0, &piece->id) || !resp_cursor_next(&r->at, &v) ||
            v.type != RESP_ARRAY)
                return false;
        for (size_t i = v.n / 2; i > 0; i--) {
                bytes name;

                resp_cursor_next(&r->at, &v);
                name = v.text;
                resp_cursor_next(&r->at, &v);
                if (bytes_equal(name, BYTES("n"))) {
                        has_stream = true;
                        is_good = is_good && take_number(v.text, &n) && n < TALLY_STREAMS;
                } else if (bytes_equal(name, BYTES("at"))) {
                        has_at = true;
                        is_good = is_good && take_number(v.text, &piece->at);
                } else if (bytes_equal(name, BYTES("d"))) {
                        has_data = true;
                        piece->data = v.text;
                } else if (bytes_equal(name, BYTES("end"))) {
                        r->has_ended = r->stays = true;
                } else if (bytes_equal(name, BYTES("tries"))) {
                        is_good = is_good && take_number(v.text, &piece->tries);
                }
        }
        piece->stream = (unsigned)n;
        r->last = piece->id;
        if (r->has_ended)
                r->n_left = 0; /* of a worker that was lost, and did not know it yet */
        return r->has_ended ||
               (is_good && (piece->tries > 0 || (has_stream && has_at && has_data)));
}

static int tell(reader *r, beam_job_event *ret) {
        int64_t missing;

        if (r->piece.tries > 0) {
                tally_restart(&r->tally);
                *ret = (beam_job_event){ .kind = BEAM_JOB_AGAIN, .n = r->piece.tries, .why = "" };
                return 1;
        }
        missing = tally_miss(&r->tally, r->piece.stream, r->piece.at, r->piece.data.n);
        if (missing < 0) {
                fail(r, (int)missing);
                return r->error;
        }
        *ret = (beam_job_event){ .kind = BEAM_JOB_GAP, .stream = r->piece.stream, .why = "" };
        if (missing > 0) {
                ret->n = (uint64_t)missing;
                r->has_piece = true;
                return 1;
        }
        r->has_piece = false;
        ret->kind = BEAM_JOB_OUTPUT;
        ret->data = r->piece.data.p;
        ret->n = r->piece.data.n;
        tally_add(&r->tally, r->piece.stream, r->piece.data);
        return 1;
}

bool reader_has_more(const reader *r) {
        return r->has_piece || r->n_left > 0;
}

int reader_next(reader *r, beam_job_event *ret) {
        if (r->has_piece)
                return tell(r, ret);
        if (stream_id_compare(r->done, r->last) < 0) {
                r->done = r->last;
                r->n_done += r->piece.data.n;
                reader_trim(r);
        }
        if (r->n_left > 0) {
                if (!take_piece(r))
                        fail(r, -EPROTO);
                else if (!r->has_ended)
                        return tell(r, ret);
        }
        if (r->error)
                return r->error;
        if (!r->has_ended)
                ask(r);
        return 0;
}
