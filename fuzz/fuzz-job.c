/* SPDX-License-Identifier: Apache-2.0 */
/* What a job is made of, as a context says it in any reply: its arguments, environment and fields
 * in turn. Whatever comes, a program is handed nothing that it may not be; and each text within
 * is looked at as a frame, and as what is said of a stream, as well. */
#undef NDEBUG
#include "job/frame.h"
#include "job/order.h"
#include "job/tally.h"
#include "wire/resp/reply.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Another one of it reads the same. */
static void check_frame(bytes text) {
        char head[FRAME_HEAD_MAX], *p;
        frame f, again;
        char *whole;
        size_t n;

        if (frame_read(text, &f) < 0)
                return;
        assert(f.data.p + f.data.n == text.p + text.n);
        p = frame_put_head(head + sizeof(head), f.n);
        n = (size_t)(head + sizeof(head) - p);
        whole = malloc(n + f.data.n);
        assert(whole);
        memcpy(mempcpy(whole, p, n), f.data.p, f.data.n);
        assert(frame_read((bytes){ whole, n + f.data.n }, &again) == 0);
        assert(again.n == f.n && bytes_equal(again.data, f.data));
        free(whole);
}

static void check_texts(resp_cursor reply) {
        resp_value v, before = { 0 };
        tally *t = calloc(1, sizeof(*t));
        int r;

        assert(t);
        while (resp_cursor_next(&reply, &v)) {
                check_frame(v.text);
                r = tally_announce(t, before.text, v.text);
                assert(r == 0 || r == -EPROTO);
                before = v;
        }
        (void)tally_is_whole(t);
        free(t);
}

static void check_words(const words *w) {
        size_t n_bytes = 0;

        assert(w->n <= ORDER_WORDS_MAX && (w->n == 0 || !w->p[w->n]));
        for (size_t i = 0; i < w->n; i++)
                n_bytes += strlen(w->p[i]) + 1;
        assert(n_bytes == w->n_bytes);
}

/* The first variables are the worker's, and stay so. */
static void check_env(const order *o) {
        assert(o->env.n >= 2);
        assert(!strcmp(o->env.p[0], "PATH=/bin") && !strcmp(o->env.p[1], "BEAM_JOB=7"));
        for (size_t i = 2; i < o->env.n; i++) {
                assert(strchr(o->env.p[i], '=') > o->env.p[i]);
                assert(strncmp(o->env.p[i], "PATH=", 5) != 0);
                assert(strncmp(o->env.p[i], "BEAM_JOB=", 9) != 0);
                assert(strncmp(o->env.p[i], "LD_", 3) != 0);
                assert(strncmp(o->env.p[i], "GLIBC_TUNABLES=", 15) != 0);
        }
}

static void check_order(const order *o) {
        check_words(&o->argv);
        check_words(&o->env);
        check_env(o);
        assert(o->keep > 0 && o->keep <= ORDER_KEEP_MAX);
        assert(o->timeout_ms >= 0 && o->timeout_ms <= INT64_MAX / 1000000);
        assert(o->grace_ms >= 0 && o->grace_ms <= INT64_MAX / 1000000);
        assert(memchr(o->owner, '\0', sizeof(o->owner)));
        assert(memchr(o->why, '\0', sizeof(o->why)));
        assert(o->n_limits <= LIMIT_KINDS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        static int (*const take[])(order * o, resp_cursor reply) = { order_take_args,
                                                                     order_take_env,
                                                                     order_take_fields };
        const char *at = (const char *)data;
        char why[ORDER_WHY_MAX] = "";
        resp_reply reader;
        order o;

        resp_reply_init(&reader);
        order_init(&o);
        assert(order_give(&o, "PATH", "/bin") == 0);
        assert(order_give(&o, "BEAM_JOB", "7") == 0);
        for (size_t i = 0; resp_reply_next(&reader, at, n) > 0; i++) {
                resp_cursor reply = { at, at + reader.consumed };

                check_texts(reply);
                assert(take[i % 3](&o, reply) == 0);
                check_order(&o);
                /* what was found first stays */
                assert(!*why || !strcmp(why, o.why));
                memcpy(why, o.why, sizeof(why));
                at += reader.consumed;
                n -= reader.consumed;
        }
        assert(order_close(&o, "name") == 0 && o.argv.n > 0);
        order_deinit(&o);
        return 0;
}
