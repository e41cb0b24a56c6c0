/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A whole session, with a hostile peer and a program that does whatever the input says
 *
 * The input is a list of acts. Some are the peer's: frames that are made from a few
 * bytes, or bytes as they are, which gather until the program acts, and are fed then.
 * The others are calls of the program: accept, receive, take what came, send it on,
 * reply, open, read, write, watch, close, drain; or memory is short when bytes come in.
 * Nothing may crash or leak, what the session says has to be frames, memory stays within
 * the limits, and how the bytes were cut changes neither what the program gets nor what
 * the peer is told.
 */

#undef NDEBUG
#include "session-run.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
__attribute__((weak)) int __lsan_do_recoverable_leak_check(void);

enum {
        TEXT_MAX = 256 * 1024,
        PIECES_MAX = 512,
        STALLED = 4 * OUT_HIGH, /* as a link does: who does not read is not listened to */
        MEMORY_MAX = 1 << 20,   /* of a run: what a peer makes us hold, mostly what waits for it, */
        MADE_MAX = 192 * 1024,  /* and beside that each thing that the program has made */
};

void run_note(session_run *r, const char *fmt, ...) {
        va_list args;
        int n;

        va_start(args, fmt);
        n = vsnprintf(r->text + r->n_text, TEXT_MAX - r->n_text, fmt, args);
        va_end(args);
        r->n_text += (size_t)n;
        if (r->n_text >= TEXT_MAX)
                r->n_text = TEXT_MAX - 1;
}

uint8_t run_byte(session_run *r) {
        if (!r->n_in)
                return 0;
        r->n_in--;
        return *r->in++;
}

/* Memory is short for what the session does, not for who watches it. */
static void stop_failing(session_run *r) {
        r->failed |= mem_has_failed();
        mem_fail_at(0);
}

/* the link */

static session_run *of(test_link *l) {
        return (session_run *)l;
}

static void hear(session_run *r, const uint8_t *p, size_t n) {
        mux_bytes in = { p, n };
        mux_event ev;
        int got;

        stop_failing(r);
        while ((got = mux_decode(&r->said, &in, &ev)) > 0) {
                /* a payload comes as it was written, which is in the order of the bytes only */
                if (ev.head.type == MUX_MSG || ev.head.type == MUX_DATA) {
                        if (ev.last)
                                run_note(r, "say %u on %llu, %u bytes\n", ev.head.type,
                                         (unsigned long long)ev.head.channel, ev.head.length);
                        continue;
                }
                run_note(r, "say %u on %llu", ev.head.type, (unsigned long long)ev.head.channel);
                if (ev.head.type == MUX_CREDIT)
                        run_note(r, " %u %llu", ev.credit.n_msgs,
                                 (unsigned long long)ev.credit.n_bytes);
                if (ev.head.type == MUX_END || ev.head.type == MUX_STOP || ev.head.type == MUX_AWAY)
                        run_note(r, " %u %.*s", ev.close.code, (int)ev.close.text.n,
                                 (const char *)ev.close.text.p);
                run_note(r, "\n");
        }
        assert(got == 0);
}

static void on_take(test_link *l, const struct iovec *iov, size_t n_iov, const int *fds,
                    size_t n_fds) {
        for (size_t i = 0; i < n_iov; i++)
                hear(of(l), iov[i].iov_base, iov[i].iov_len);
        for (size_t i = 0; i < n_fds; i++)
                assert(fcntl(fds[i], F_GETFD) >= 0);
}

static void on_shut(test_link *l) {
        run_note(of(l), "shut\n");
}

static void on_close(test_link *l) {
        run_note(of(l), "closed\n");
}

void run_settle(void) {
        beam_loop_dispatch();
        loop_tidy(loop_get());
}

static void feed(session_run *r) {
        size_t step = r->cut ? r->cut : r->n_batch;

        /* a large batch is mostly payload, where one cut is like the other */
        if (step < r->n_batch / PIECES_MAX)
                step = r->n_batch / PIECES_MAX;
        mem_fail_at(r->fail_at);
        r->fail_at = 0;
        for (size_t at = 0; at < r->n_batch && r->s && !r->s->error; at += step) {
                if (r->s->out.n >= STALLED)
                        break;
                test_link_feed(r->s, r->batch + at, step < r->n_batch - at ? step : r->n_batch - at,
                               r->cut);
                if (r->turns)
                        run_settle();
        }
        r->n_batch = 0;
        run_settle();
        stop_failing(r);
}

/* The first byte is how: which side, whether a preface and a HELLO are there. Says also
 * whether memory was short: when, is not the same for all cuts. */
static char *run_once(const uint8_t *data, size_t n, size_t cut, bool turns, bool *failed) {
        const beam_options opt = {
                .size = sizeof(opt),
                .max_msg = 16 * 1024,
                .max_things = 4,
                .max_channels = 12,
                .max_queued = 20 * 1024,
                .max_fds = 3,
                .max_nesting = 3,
                .fds = data[0] & 8   ? BEAM_FDS_REFUSE
                       : data[0] & 2 ? BEAM_FDS_REAL
                                     : BEAM_FDS_DEFAULT,
        };
        int64_t before = mem_get_stats().n_bytes;
        session_run *r = calloc(1, sizeof(*r));
        char *text;

        assert(r);
        r->text = malloc(TEXT_MAX);
        assert(r->text);
        r->text[0] = '\0';
        r->in = data + 2;
        r->n_in = n - 2;
        r->dials = data[0] & 4;
        r->last_id = r->dials ? 0 : (uint64_t)-1;
        r->cut = cut;
        r->turns = turns;
        r->link = (test_link){ .take = on_take, .shut = on_shut, .close = on_close };
        mux_decoder_init(&r->said, 1 << 20);
        assert(test_link_open(&r->link, &opt, r->dials, data[0] & 2) == 0);
        r->s = r->link.s;
        if (data[0] & 1) {
                memcpy(r->batch, mux_preface, MUX_PREFACE_SIZE);
                r->n_batch = MUX_PREFACE_SIZE;
                run_peer(r, PEER_HELLO);
        }

        while (r->n_in) {
                uint8_t act = run_byte(r) % 32;

                if (run_peer(r, act))
                        continue;
                feed(r);
                run_program(r, act);
                run_settle();
                assert(mem_get_stats().n_bytes - before < MEMORY_MAX + r->n_made * MADE_MAX);
        }
        feed(r);
        r->link.stalled = false;
        if (r->s)
                session_touch(r->s);
        run_settle();
        run_note(r, "error %d\n", r->s ? r->s->error : 0);

        if (data[1] & 0x80 && r->s) {
                beam_session_close(&r->s->base);
                r->s = NULL;
        }
        run_program_ends(r);
        run_settle();
        if (r->s)
                beam_session_close(&r->s->base);
        loop_tidy(loop_get());
        run_settle();
        mux_decoder_deinit(&r->said);
        *failed |= r->failed;
        text = r->text;
        free(r);
        return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        static const size_t cuts[] = { 1, 2, 3, 5, 8, 11, 12, 13, 24, 100, 1000, 4096 };
        static loop *l;
        bool failed = false;
        char *whole, *cut;
        int64_t live;
        size_t step;

        if (!l) {
                mem_watch(true);
                l = loop_get();
                assert(l && loop_fd(l) >= 0 && loop_buffer(l)); /* they stay */
        }
        if (n < 2)
                return 0;
        msg_trim();
        out_trim();
        live = mem_get_stats().n_live;
        step = cuts[data[1] % (sizeof(cuts) / sizeof(*cuts))];

        whole = run_once(data, n, 0, false, &failed);
        cut = run_once(data, n, step, data[1] & 0x40, &failed);
        /* with rounds of the loop between the pieces the session may answer in between */
        if (!(data[1] & 0x40) && !failed && strcmp(whole, cut)) {
                fprintf(stderr, "whole:\n%scut by %zu:\n%s", whole, step, cut);
                abort();
        }
        free(whole);
        free(cut);

        msg_trim();
        out_trim();
        if (mem_get_stats().n_live != live) {
                fprintf(stderr, "%lld blocks are left\n",
                        (long long)(mem_get_stats().n_live - live));
                if (__lsan_do_recoverable_leak_check)
                        __lsan_do_recoverable_leak_check(); /* says where they are from */
                abort();
        }
        return 0;
}
