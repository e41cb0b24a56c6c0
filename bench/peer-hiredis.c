/* SPDX-License-Identifier: Apache-2.0 */

/*
 * hiredis: its reader, which makes an object of each value, and its formatting of
 * arguments whose lengths are given, which makes a new text of each request
 */

#include "bench.h"

#include <hiredis/hiredis.h>

#include "resp-text.h"

static resp_text input;

static void make(bench *b) {
        (void)b;
        resp_text_make(&input);
}

static void count(bench *b, uint64_t i, const char *value) {
        b->sum_out += 'a' + i % 16;
        bench_sum(b, value);
}

static void read_replies(bench *b, uint64_t n) {
        redisReader *reader = redisReaderCreate();
        void *object;

        for (uint64_t i = 0; i < n; i++) {
                if (i % TEXT_REQUESTS == 0)
                        redisReaderFeed(reader, input.p, input.n);
                if (redisReaderGetReply(reader, &object) != REDIS_OK || !object)
                        bench_fail(b, "reply", reader->errstr);

                redisReply *reply = object;
                count(b, i, reply->element[2]->str);
                freeReplyObject(reply);
        }
        redisReaderFree(reader);
}

static void write_requests(bench *b, uint64_t n) {
        static const size_t sizes[] = { 3, 14, 12 };

        for (uint64_t i = 0; i < n; i++) {
                char value[] = "avalue:01234", *text;
                const char *argv[] = { "SET", "key:0123456789", value };
                long long size;

                value[0] = (char)('a' + (int)(i % 16));
                size = redisFormatCommandArgv(&text, 3, argv, sizes);
                if (size < 0)
                        bench_fail(b, "format", "no memory");
                count(b, i, text + size - sizeof(value) - 1);
                redisFreeCommand(text);
        }
}

#define ALONE(name_, run_)                                                                \
        {                                                                                 \
                .name = name_, .shape = BENCH_ALONE, .prepare = make, .a = {.run = run_ } \
        }

int main(int argc, char **argv) {
        static const bench_case cases[] = {
                ALONE("reply", read_replies),
                ALONE("write", write_requests),
        };

        return bench_main(cases, sizeof(cases) / sizeof(*cases), argc, argv);
}
