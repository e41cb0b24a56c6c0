/* SPDX-License-Identifier: Apache-2.0 */
/* The changes of a context, or a Redis, somewhere, for a program of ours. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "../../base/clock.h"
#include "../../base/decimal.h"
#include "../../base/fork.h"
#include "../../base/mem.h"
#include "../api.h"
#include "sieve.h"
#include "spell.h"
#include "upstream.h"

/* From one attempt to reach a master that was lost to the next; and how long one may be
 * silent that says something every ten seconds. */
#define RETRY CLOCK_SECOND
#define PATIENCE (60 * CLOCK_SECOND)

enum { POSITION_MAX = PSYNC_ID_MAX + 2 * DECIMAL_MAX + 3 };

struct beam_follower {
        uint32_t forks;
        url url;
        char *user, *password;
        bytes *prefixes;
        sieve sieve;

        upstream up;
        bool is_ready;   /* since it was last looked at */
        int64_t held_at; /* clock_now(): when the stream began over this link */

        char id[PSYNC_ID_MAX + 1]; /* of the stream that is known up to offset, or "" */
        int64_t offset;
        int db; /* that the stream is at */
        char position[POSITION_MAX];

        /* of the snapshot that is coming */
        bool is_filing, is_filed;
        spell spell;
        char *file; /* n_file bytes, of which those before file_at have been spelled */
        size_t n_file, file_at, file_size;

        beam_change first; /* that came while it was being opened, */
        bool has_first;

        bool in_multi; /* a transaction has begun, */
        bool has_said; /* of which something has been told */
        bool is_held;  /* a command that is told after that */
};

static bool is_past(int64_t deadline) {
        return deadline != BEAM_FOREVER && clock_now() >= deadline;
}

/* connecting */

static void on_ready(upstream *u) {
        container_of(u, beam_follower, up)->is_ready = true;
}

static int open_link(beam_follower *f, int64_t when) {
        const psync_options options = { .id = f->id[0] ? f->id : NULL,
                                        .offset = f->offset,
                                        .user = f->user,
                                        .password = f->password };

        f->up.fn = on_ready;
        return upstream_open(&f->up, loop_get(), &f->url, &options, PATIENCE, when);
}

static void end_file(beam_follower *f) {
        if (f->is_filing)
                spell_deinit(&f->spell);
        f->file = mem_free(f->file);
        f->n_file = f->file_at = f->file_size = 0;
        f->is_filing = f->is_filed = false;
}

static void close_link(beam_follower *f) {
        /* half a snapshot is none */
        if (f->is_filing)
                f->id[0] = '\0';
        end_file(f);
        upstream_close(&f->up);
        f->is_held = false;
}

/* Returns 0 when there may be an event, -ETIMEDOUT. */
static int wait_for_more(beam_follower *f, int64_t deadline) {
        while (!f->is_ready) {
                if (is_past(deadline))
                        return -ETIMEDOUT;
                loop_turn(loop_get(), deadline);
        }
        return 0;
}

/* telling */

static void note_position(beam_follower *f) {
        memcpy(f->id, f->up.psync.id, sizeof(f->id));
        f->offset = f->up.psync.offset;
        f->position[0] = '\0';
        if (f->id[0] && !f->in_multi && !f->is_filing)
                snprintf(f->position, sizeof(f->position), "%s:%" PRId64 ":%d", f->id, f->offset,
                         f->db);
}

static int tell(beam_follower *f, beam_change *ret, beam_change_kind kind, const bytes *argv,
                size_t argc) {
        *ret = (beam_change){
                .kind = kind,
                .db = f->is_filing ? f->spell.db : f->db,
                .argv = (const beam_arg *)argv,
                .argc = argc,
                .position = f->position[0] ? f->position : NULL,
        };
        return 1;
}

static int gap(beam_follower *f, beam_change *ret) {
        f->in_multi = false;
        f->db = 0;
        return tell(f, ret, BEAM_CHANGE_GAP, NULL, 0);
}

/* the snapshot */

static bool wants(void *data, bytes name) {
        const beam_follower *f = data;

        return sieve_wants(&f->sieve, name);
}

static int add_to_file(beam_follower *f, bytes some) {
        if (f->file_at) {
                f->n_file -= f->file_at;
                memmove(f->file, f->file + f->file_at, f->n_file);
                f->file_at = 0;
        }
        if (f->n_file + some.n > f->file_size) {
                size_t size = f->n_file + 2 * some.n;
                char *grown = mem_resize(f->file, size);

                if (!grown)
                        return -ENOMEM;
                f->file = grown;
                f->file_size = size;
        }
        memcpy(f->file + f->n_file, some.p, some.n);
        f->n_file += some.n;
        return 0;
}

/* Returns 1 with a change, 0 when there is none in what has come of the file. */
static int next_of_file(beam_follower *f, beam_change *ret) {
        int r = spell_next(&f->spell, (const uint8_t *)f->file + f->file_at,
                           f->n_file - f->file_at);

        if (r < 0)
                return r;
        f->file_at += f->spell.consumed;
        if (r > 0)
                return tell(f, ret, BEAM_CHANGE_COMMAND, f->spell.argv, f->spell.argc);
        if (!f->is_filed)
                return 0;
        if (!spell_is_whole(&f->spell))
                return -EPROTO;
        f->db = f->spell.stream_db;
        end_file(f);
        note_position(f);
        upstream_ack(&f->up);
        return tell(f, ret, BEAM_CHANGE_WHOLE, NULL, 0);
}

/* the stream */

static int select_db(beam_follower *f, const bytes *argv, size_t argc) {
        int64_t n;

        if (argc != 2 || !decimal_read(argv[1].p, argv[1].n, &n) || n < 0 || n > INT32_MAX)
                return -EPROTO;
        f->db = (int)n;
        return 0;
}

/* What is about the stream itself. Returns whether it was. */
static bool follow_state(beam_follower *f, const bytes *argv, size_t argc, int *ret_r) {
        *ret_r = 0;
        if (bytes_is(argv[0], "SELECT")) {
                *ret_r = select_db(f, argv, argc);
        } else if (bytes_is(argv[0], "MULTI")) {
                f->in_multi = true;
                f->has_said = false;
        } else if (bytes_is(argv[0], "EXEC") && !f->has_said) {
                f->in_multi = false;
        } else {
                return false;
        }
        return true;
}

/* A master trims to what it says, and leaves a LIMIT there that nobody else may say:
 * XADD key [NOMKSTREAM] MAXLEN = 10 LIMIT 5 id ...  */
static void drop_limit(resp_request *request) {
        bytes *argv = request->argv;
        size_t argc = request->argc, i = 2;

        if (!bytes_is(argv[0], "XADD") && !bytes_is(argv[0], "XTRIM"))
                return;
        if (argc > i && bytes_is(argv[i], "NOMKSTREAM"))
                i++;
        if (argc < i + 5 || !bytes_is(argv[i + 1], "=") || !bytes_is(argv[i + 3], "LIMIT"))
                return;
        memmove(&argv[i + 3], &argv[i + 5], (argc - i - 5) * sizeof(*argv));
        request->argc -= 2;
}

/* Returns 1 with a change, 0 when it is of no interest, -ESTALE when it tells too little. */
static int next_of_stream(beam_follower *f, beam_change *ret) {
        static const bytes multi = { "MULTI", 5 };
        resp_request *request = &f->up.psync.request;
        const bytes *argv = request->argv, *left;
        size_t argc, n_left;
        int r;

        drop_limit(request);
        argc = request->argc;
        if (follow_state(f, argv, argc, &r)) {
                note_position(f);
                return r;
        }
        if (bytes_is(argv[0], "EXEC")) {
                f->in_multi = false;
                note_position(f);
                return tell(f, ret, BEAM_CHANGE_COMMAND, argv, argc);
        }
        note_position(f);
        r = sieve_next(&f->sieve, argv, argc, &left, &n_left);
        if (r <= 0)
                return r;
        if (f->in_multi && !f->has_said) {
                f->has_said = f->is_held = true;
                return tell(f, ret, BEAM_CHANGE_COMMAND, &multi, 1);
        }
        return tell(f, ret, BEAM_CHANGE_COMMAND, left, n_left);
}

/* Who is not let in now may be later, when the master has loaded what it has. */
static int refusal(const psync *p) {
        static const char *const for_good[] = { "NOAUTH", "WRONGPASS", "NOPERM",
                                                "ERR invalid password" };

        for (size_t i = 0; i < sizeof(for_good) / sizeof(*for_good); i++)
                if (strncmp(p->text, for_good[i], strlen(for_good[i])) == 0)
                        return -EACCES;
        return -ECONNREFUSED;
}

/* What the machine has just said. Returns as the two above. */
static int act(beam_follower *f, beam_change *ret) {
        const psync *p = &f->up.psync;

        if (f->is_held) {
                f->is_held = false;
                return next_of_stream(f, ret);
        }
        switch (p->event) {
        case PSYNC_FULL:
                f->position[0] = '\0';
                f->spell = (spell){ .wants = wants, .data = f };
                spell_init(&f->spell);
                f->is_filing = true;
                return gap(f, ret);
        case PSYNC_FILE:
                return add_to_file(f, p->payload);
        case PSYNC_WHOLE:
                f->is_filed = true;
                f->held_at = clock_now();
                return 0;
        case PSYNC_COMMAND:
                return next_of_stream(f, ret);
        case PSYNC_REFUSED:
                return refusal(p);
        case PSYNC_CONTINUE:
                f->held_at = clock_now();
                note_position(f);
                return 0;
        case PSYNC_PASSED:
                if (psync_streams(p))
                        note_position(f);
                return 0;
        }
        return 0;
}

/* Returns 1 with a change; 0 when something else came; -EAGAIN when nothing is there. */
static int next_change(beam_follower *f, beam_change *ret) {
        int r;

        if (f->is_held)
                return act(f, ret);
        if (f->is_filing && (f->file_at < f->n_file || f->is_filed)) {
                r = next_of_file(f, ret);
                if (r != 0)
                        return r;
        }
        f->is_ready = false;
        r = upstream_next(&f->up);
        if (r == 0)
                return -EAGAIN;
        return r < 0 ? r : act(f, ret);
}

/* the calls */

static int read_position(beam_follower *f, const char *text) {
        const char *colon = strchr(text, ':'), *second = colon ? strchr(colon + 1, ':') : NULL;
        int64_t db;

        if (!second || colon == text || colon - text > PSYNC_ID_MAX ||
            !decimal_read(colon + 1, (size_t)(second - colon - 1), &f->offset) || f->offset < 0 ||
            f->offset > PSYNC_OFFSET_MAX || !decimal_read(second + 1, strlen(second + 1), &db) ||
            db < 0 || db > INT32_MAX)
                return -EINVAL;
        snprintf(f->id, sizeof(f->id), "%.*s", (int)(colon - text), text);
        f->db = (int)db;
        return 0;
}

static int read_prefixes(beam_follower *f, const char *const *prefixes) {
        size_t n = 0;

        while (prefixes[n])
                n++;
        f->prefixes = mem_array(n + 1, sizeof(*f->prefixes));
        if (!f->prefixes)
                return -ENOMEM;
        f->sieve.prefixes = f->prefixes;
        for (; f->sieve.n_prefixes < n; f->sieve.n_prefixes++) {
                char *copy = mem_text(prefixes[f->sieve.n_prefixes]);

                if (!copy)
                        return -ENOMEM;
                f->prefixes[f->sieve.n_prefixes] = bytes_of(copy);
        }
        return 0;
}

static int read_options(beam_follower *f, const beam_follow_options *opt) {
        int r = 0;

        if (!opt)
                return 0;
        if (opt->size != sizeof(*opt))
                return -EINVAL;
        if (opt->user && !(f->user = mem_text(opt->user)))
                return -ENOMEM;
        if (opt->password && !(f->password = mem_text(opt->password)))
                return -ENOMEM;
        if (opt->prefixes)
                r = read_prefixes(f, opt->prefixes);
        if (r == 0 && opt->position)
                r = read_position(f, opt->position);
        return r;
}

/* Until the master has said from where on it tells. */
static int greet(beam_follower *f, int64_t deadline) {
        for (;;) {
                int r = next_change(f, &f->first);

                if (r == -EAGAIN)
                        r = wait_for_more(f, deadline);
                if (r < 0)
                        return r;
                f->has_first = r > 0;
                if (f->has_first || psync_streams(&f->up.psync))
                        return 0;
        }
}

int beam_follow(const char *text, const beam_follow_options *opt, beam_follower **ret,
                int64_t deadline) {
        beam_follower *f = mem_zero(sizeof(*f));
        int r;

        if (!f)
                return -ENOMEM;
        f->forks = fork_count();
        r = url_parse(text, &f->url);
        if (r == 0)
                r = read_options(f, opt);
        if (r == 0)
                r = loop_get() ? open_link(f, 0) : -ENOMEM;
        if (r == 0)
                r = greet(f, deadline);
        if (r < 0) {
                beam_follower_free(f);
                return r;
        }
        *ret = f;
        return 0;
}

/* After @why: connect again, and go on there or with a snapshot. What that cannot mend is
 * told, once each time that it is asked for more. */
static int begin_anew(beam_follower *f, int why) {
        bool is_final = why == -EPROTO || why == -EACCES || why == -ENOMEM || why == -EBADMSG ||
                        why == -EMSGSIZE || why == -ENOTSUP;
        /* a link that has held for longer than that may be there again at once */
        bool has_held = beam_follower_is_linked(f) && clock_now() - f->held_at > RETRY;
        int64_t when = why == -ESTALE || has_held ? 0 : clock_add(clock_now(), RETRY);
        int r;

        close_link(f);
        if (why == -ESTALE)
                f->id[0] = '\0';
        r = open_link(f, when);
        return is_final ? why : r;
}

int beam_follower_next(beam_follower *f, beam_change *ret, int64_t deadline) {
        if (f->forks != fork_count())
                return -ECHILD;
        if (f->has_first) {
                f->has_first = false;
                *ret = f->first;
                return 0;
        }
        for (;;) {
                int r = next_change(f, ret);

                if (r > 0)
                        return 0;
                if (r == -EAGAIN) {
                        r = wait_for_more(f, deadline);
                        if (r < 0)
                                return r;
                } else if (r < 0) {
                        r = begin_anew(f, r);
                        if (r < 0)
                                return r;
                }
        }
}

int beam_follower_is_linked(const beam_follower *f) {
        return f->up.fd >= 0 && psync_streams(&f->up.psync);
}

beam_follower *beam_follower_free(beam_follower *f) {
        if (!f)
                return NULL;
        if (f->forks == fork_count())
                close_link(f);
        sieve_deinit(&f->sieve);
        for (size_t i = 0; i < f->sieve.n_prefixes; i++)
                mem_free((char *)f->prefixes[i].p);
        mem_free(f->prefixes);
        mem_free(f->user);
        mem_free(f->password);
        return mem_free(f);
}
