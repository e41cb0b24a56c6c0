/* SPDX-License-Identifier: Apache-2.0 */
/* What programs do with hiredis: client-hiredis HOST PORT */
#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static redisContext *c;

static void die(const char *what) {
        fprintf(stderr, "%s: %s\n", what, c && c->err ? c->errstr : "");
        exit(1);
}

/* The reply has to be of that type, and, where there is one, of that number or text. */
static void check(redisReply *r, const char *what, int type, long long n, const char *text) {
        if (!r)
                die(what);
        if (r->type != type || (type == REDIS_REPLY_INTEGER && r->integer != n) ||
            (type == REDIS_REPLY_ARRAY && (long long)r->elements != n) ||
            (text && strcmp(r->str, text) != 0)) {
                fprintf(stderr, "%s: type %d, %lld, %s\n", what, r->type, r->integer,
                        r->str ? r->str : "");
                exit(1);
        }
        freeReplyObject(r);
}

static void say(int type, long long n, const char *text, const char *format, ...) {
        va_list args;

        va_start(args, format);
        check(redisvCommand(c, format, args), format, type, n, text);
        va_end(args);
}

int main(int argc, char **argv) {
        redisReply *reply = NULL;

        if (argc != 3)
                return 2;
        c = redisConnect(argv[1], atoi(argv[2]));
        if (!c || c->err)
                die("connecting");
        say(REDIS_REPLY_STATUS, 0, "OK", "FLUSHALL");
        say(REDIS_REPLY_STATUS, 0, "PONG", "PING");
        say(REDIS_REPLY_STATUS, 0, "OK", "SET %s %b", "key", "a\0b", (size_t)3);
        say(REDIS_REPLY_INTEGER, 3, NULL, "STRLEN key");
        say(REDIS_REPLY_NIL, 0, NULL, "GET none");
        say(REDIS_REPLY_INTEGER, 42, NULL, "INCRBY n %d", 42);
        say(REDIS_REPLY_INTEGER, 3, NULL, "RPUSH l a b c");
        say(REDIS_REPLY_ARRAY, 3, NULL, "LRANGE l 0 -1");
        say(REDIS_REPLY_ERROR, 0,
            "WRONGTYPE Operation against a key holding the wrong kind of value", "LPUSH key x");
        say(REDIS_REPLY_STATUS, 0, "OK", "MULTI");
        say(REDIS_REPLY_STATUS, 0, "QUEUED", "INCR n");
        say(REDIS_REPLY_STATUS, 0, "QUEUED", "HSET h f v");
        say(REDIS_REPLY_ARRAY, 2, NULL, "EXEC");

        /* many that are sent before the first answer is read */
        for (int i = 0; i < 1000; i++)
                if (redisAppendCommand(c, "SET p:%d %d", i, i) != REDIS_OK)
                        die("appending");
        for (int i = 0; i < 1000; i++) {
                if (redisGetReply(c, (void **)&reply) != REDIS_OK)
                        die("reading");
                check(reply, "SET in a row", REDIS_REPLY_STATUS, 0, "OK");
        }
        say(REDIS_REPLY_INTEGER, 1004, NULL, "DBSIZE");

        /* a channel, and what is published on another connection */
        say(REDIS_REPLY_ARRAY, 3, NULL, "SUBSCRIBE news");
        {
                redisContext *listener = c;

                c = redisConnect(argv[1], atoi(argv[2]));
                if (!c || c->err)
                        die("connecting again");
                say(REDIS_REPLY_INTEGER, 1, NULL, "PUBLISH news hello");
                redisFree(c);
                c = listener;
        }
        if (redisGetReply(c, (void **)&reply) != REDIS_OK)
                die("hearing");
        check(reply, "a message", REDIS_REPLY_ARRAY, 3, NULL);
        redisFree(c);
        return 0;
}
