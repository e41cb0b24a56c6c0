/* SPDX-License-Identifier: Apache-2.0 */

/*
 * RESP alone, without a socket: bytes to values and back
 *
 * It is within the library, all of which this program therefore has in itself.
 */

#include "bench.h"

#include <stdlib.h>

#include "resp-text.h"
#include "wire/resp/cursor.h"
#include "wire/resp/out.h"
#include "wire/resp/reply.h"
#include "wire/resp/request.h"

static resp_text input;

static void make(bench *b) {
        (void)b;
        resp_text_make(&input);
}

static void count(bench *b, uint64_t i, const char *value) {
        b->sum_out += 'a' + i % 16;
        bench_sum(b, value);
}

static void read_requests(bench *b, uint64_t n) {
        resp_request r;
        size_t at = 0;

        resp_request_init(&r);
        for (uint64_t i = 0; i < n; i++) {
                bench_check(b, "request", resp_request_next(&r, input.p + at, input.n - at));
                count(b, i, r.argv[2].p);
                at = at + r.consumed < input.n ? at + r.consumed : 0;
        }
        resp_request_deinit(&r);
}

static void read_replies(bench *b, uint64_t n) {
        resp_reply r;
        size_t at = 0;

        resp_reply_init(&r);
        for (uint64_t i = 0; i < n; i++) {
                resp_value v = { .text = { 0 } };

                bench_check(b, "reply", resp_reply_next(&r, input.p + at, input.n - at));
                resp_cursor c = { input.p + at, input.p + at + r.consumed };
                while (resp_cursor_next(&c, &v))
                        ;
                count(b, i, v.text.p);
                at = at + r.consumed < input.n ? at + r.consumed : 0;
        }
}

static void write_requests(bench *b, uint64_t n) {
        resp_out o;

        resp_out_init(&o, 2);
        for (uint64_t i = 0; i < n; i++) {
                char value[] = "avalue:01234";

                if (i % TEXT_REQUESTS == 0)
                        resp_out_cut(&o, 0);
                value[0] = (char)('a' + (int)(i % 16));
                resp_out_request(&o,
                                 (const bytes[]){ { "SET", 3 },
                                                  { "key:0123456789", 14 },
                                                  { value, sizeof(value) - 1 } },
                                 3);
                count(b, i, (char *)o.p + o.n - sizeof(value) - 1);
        }
        resp_out_deinit(&o);
}

#define ALONE(name_, run_)                                                                \
        {                                                                                 \
                .name = name_, .shape = BENCH_ALONE, .prepare = make, .a = {.run = run_ } \
        }

int main(int argc, char **argv) {
        static const bench_case cases[] = {
                ALONE("request", read_requests),
                ALONE("reply", read_replies),
                ALONE("write", write_requests),
        };

        return bench_main(cases, sizeof(cases) / sizeof(*cases), argc, argv);
}
