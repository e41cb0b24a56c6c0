/* SPDX-License-Identifier: Apache-2.0 */
#include "mount.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../base/mem.h"
#include "../file/load.h"
#include "../test-ask.h"

/* A program with a number that can be counted up to 100, and a collection of each type. */
typedef struct program {
        store *s;
        client *c;
        mount *m;
        int64_t n;
        char written[256]; /* what it was last given */
        int n_reads, n_writes;
        bool is_broken;
} program;

static bool is(beam_arg name, const char *text) {
        return strcmp(name.data, text) == 0;
}

static int read_name(void *data, beam_arg name, beam_value *ret) {
        program *p = data;

        p->n_reads++;
        if (p->is_broken)
                return -EIO;
        if (is(name, "n"))
                return beam_value_integer(ret, p->n);
        if (is(name, "text"))
                return beam_value_string(ret, "hello", 5);
        for (int i = 1; i <= 3; i++) {
                beam_arg text = { &"abc"[i - 1], 1 };

                if (is(name, "list"))
                        beam_value_element(ret, text.data, text.n);
                else if (is(name, "set"))
                        beam_value_member(ret, &"123"[i - 1], 1); /* numbers have an order */
                else if (is(name, "zset"))
                        beam_value_score(ret, text, i);
                else if (is(name, "hash"))
                        beam_value_field(ret, text, text);
                else
                        return -ENOENT;
        }
        return 0;
}

static size_t print(char *text, size_t room, beam_result *v) {
        size_t n = 0;
        beam_result in;

        switch (v->kind) {
        case BEAM_RESULT_NULL:
                return (size_t)snprintf(text, room, "nothing ");
        case BEAM_RESULT_REAL:
                return (size_t)snprintf(text, room, "%g ", v->real);
        case BEAM_RESULT_INTEGER:
        case BEAM_RESULT_BYTES:
                return (size_t)snprintf(text, room, "%.*s ", (int)v->n, v->data);
        default:
                n = (size_t)snprintf(text, room, "%zu: ", v->count);
                while (beam_result_next(v, &in))
                        n += print(text + n, room - n, &in);
                return n;
        }
}

static int write_name(void *data, beam_arg name, beam_result *value, const char **ret_why) {
        program *p = data;

        p->n_writes++;
        print(p->written, sizeof(p->written), value);
        if (is(name, "n")) {
                *ret_why = "from 0 to 100";
                if (value->kind != BEAM_RESULT_INTEGER || value->integer < 0 ||
                    value->integer > 100)
                        return -EINVAL;
                p->n = value->integer;
        }
        return is(name, "new") ? -EROFS : 0;
}

static int list_names(void *data, beam_names *ret) {
        static const char *const names[] = { "n", "text", "list", "set", "zset", "hash" };

        (void)data;
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
                beam_names_add(ret, names[i], strlen(names[i]));
        return 0;
}

static beam_type tell_type(void *data, beam_arg name) {
        (void)data;
        return is(name, "n")      ? BEAM_TYPE_STRING
               : is(name, "list") ? BEAM_TYPE_LIST
                                  : BEAM_TYPE_NONE;
}

static const beam_mount_calls calls = {
        .size = sizeof(calls),
        .read = read_name,
        .write = write_name,
        .list = list_names,
};

static void begin(program *p) {
        *p = (program){ .n = 7 };
        assert_r(store_new(NULL, &p->s), 0);
        p->c = client_new(p->s);
        assert_r(mount_new(&p->s->dbs[0], BYTES("app:"), &calls, p, &p->m), 0);
}

static void end(program *p) {
        client_free(p->c);
        mount_free(p->m);
        store_free(p->s);
}

TEST(reading) {
        program p;

        begin(&p);
        assert_str(ask(p.c, "get app:n"), "$1\n7\n");
        assert_str(ask(p.c, "mget app:n nothing app:text app:list app:n"),
                   "*5\n$1\n7\n$-1\n$5\nhello\n$-1\n$1\n7\n");
        assert_eq(p.n_reads, 4); /* one name once for each command */
        assert_str(ask(p.c, "lrange app:list 0 -1"), "*3\n$1\na\n$1\nb\n$1\nc\n");
        assert_str(ask(p.c, "smismember app:set 1 x"), "*2\n:1\n:0\n");
        assert_str(ask(p.c, "zrange app:zset 2 3 byscore withscores"),
                   "*4\n$1\nb\n$1\n2\n$1\nc\n$1\n3\n");
        assert_str(ask(p.c, "hget app:hash b"), "$1\nb\n");
        assert_str(ask(p.c, "get app:list"),
                   "-WRONGTYPE Operation against a key holding the wrong kind of value\n");
        assert_str(ask(p.c, "exists app:n app:nothing app"), ":1\n");
        assert_str(ask(p.c, "ttl app:n"), ":-1\n");
        assert_str(ask(p.c, "object encoding app:n"), "$3\nint\n");
        p.is_broken = true;
        assert_str(ask(p.c, "get app:n"), "-ERR app:n: Input/output error\n");
        assert_str(ask(p.c, "blpop app:list 0"), "-ERR app:list: Input/output error\n");
        assert_eq(p.c->flags & CLIENT_BLOCKED, 0u);
        end(&p);
}

/* How many names a scan shows in all its rounds. */
static int scan_all(client *c, const char *format) {
        char cursor[32] = "0", line[64];
        int n = 0;

        do {
                const char *answer;

                snprintf(line, sizeof(line), format, cursor);
                answer = ask(c, line);
                assert_eq(sscanf(answer, "*2\n$%*d\n%31s\n", cursor), 1);
                n += atoi(strchr(answer + 2, '*') + 1);
        } while (strcmp(cursor, "0") != 0);
        return n;
}

TEST(names) {
        beam_mount_calls other = calls;
        mount *m;
        program p;

        begin(&p);
        ask(p.c, "set mine 1");
        assert_str(ask(p.c, "dbsize"), ":7\n");
        assert_str(ask(p.c, "keys app:*t"), "*4\n$8\napp:text\n$8\napp:list\n$7\napp:set\n"
                                            "$8\napp:zset\n");
        assert_eq(scan_all(p.c, "scan %s count 1"), 7);
        assert_eq(scan_all(p.c, "scan %s match app:*"), 6);
        assert_str(ask(p.c, "scan 4503599627370496 match *h"), "*2\n$1\n0\n*1\n$8\napp:hash\n");
        assert_str(ask(p.c, "scan 0 count 10 type set"), "*2\n$1\n0\n*1\n$7\napp:set\n");
        assert_str(ask(p.c, "type app:zset"), "+zset\n");
        assert_str(ask(p.c, "type app:nothing"), "+none\n");
        ask(p.c, "del mine");
        assert_true(strstr(ask(p.c, "randomkey"), "\napp:") != NULL);
        assert_str(ask(p.c, "flushall"), "+OK\n");
        assert_str(ask(p.c, "swapdb 0 1"),
                   "-ERR a database with computed keys stays where it is\n");
        assert_str(ask(p.c, "dbsize"), ":6\n");

        /* a second one, which need not be read for the type */
        other.type = tell_type;
        assert_r(mount_new(&p.s->dbs[0], BYTES("app:more"), &other, &p, &m), -EEXIST);
        assert_r(mount_new(&p.s->dbs[0], BYTES("ap"), &other, &p, &m), -EEXIST);
        ask(p.c, "set too:late 1");
        assert_r(mount_new(&p.s->dbs[0], BYTES("too:"), &other, &p, &m), -EEXIST);
        assert_r(mount_new(&p.s->dbs[0], BYTES("two:"), &other, &p, &m), 0);
        p.n_reads = 0;
        assert_str(ask(p.c, "type two:n"), "+string\n");
        assert_str(ask(p.c, "type two:zset"), "+none\n");
        assert_eq(p.n_reads, 0);
        assert_str(ask(p.c, "dbsize"), ":13\n");
        mount_free(m);
        assert_str(ask(p.c, "get two:n"), "$-1\n");
        end(&p);
}

TEST(writing) {
        program p;

        begin(&p);
        assert_str(ask(p.c, "incr app:n"), ":8\n");
        assert_eq(p.n, 8);
        assert_str(ask(p.c, "set app:n 50 get"), "$1\n8\n");
        assert_eq(p.n, 50);
        assert_str(ask(p.c, "incrby app:n 51"), "-ERR app:n: from 0 to 100\n");
        assert_str(ask(p.c, "del app:n"), "-ERR app:n: from 0 to 100\n");
        assert_str(ask(p.c, "get app:n"), "$2\n50\n");
        assert_eq(p.n_writes, 4);

        assert_str(ask(p.c, "rpush app:list d e"), ":5\n");
        assert_str(p.written, "5: a b c d e ");
        assert_str(ask(p.c, "lpop app:list"), "$1\na\n");
        assert_str(p.written, "2: b c ");
        assert_str(ask(p.c, "lpop app:list 3"), "*3\n$1\na\n$1\nb\n$1\nc\n");
        assert_str(p.written, "nothing ");
        assert_str(ask(p.c, "srem app:set 2 3"), ":2\n");
        assert_str(p.written, "1: 1 ");
        assert_str(ask(p.c, "zincrby app:zset 5.5 a"), "$3\n6.5\n");
        assert_str(p.written, "6: b 2 c 3 a 6.5 ");
        assert_str(ask(p.c, "hset app:hash b 2"), ":0\n");
        assert_str(p.written, "6: a a b 2 c c ");
        assert_str(ask(p.c, "blpop app:list 0"), "*2\n$8\napp:list\n$1\na\n");
        assert_str(ask(p.c, "get app:text"), "$5\nhello\n");

        /* one name for another, which is refused before the first has gone */
        p.n_writes = 0;
        assert_str(ask(p.c, "rename app:text app:new"), "-ERR app:new: Read-only file system\n");
        assert_eq(p.n_writes, 1);
        end(&p);
}

TEST(what_is_refused) {
        beam_mount_calls only_read = { .size = sizeof(only_read), .read = read_name };
        program p;

        begin(&p);
        ask(p.c, "set mine 1");
        ask(p.c, "rpush l x");
        assert_str(ask(p.c, "set app:n 1 ex 10"), "-ERR app:n: a computed key does not expire\n");
        assert_str(ask(p.c, "expire app:n 10"), "-ERR app:n: a computed key does not expire\n");
        assert_str(ask(p.c, "persist app:n"), ":0\n");
        assert_str(ask(p.c, "move app:n 1"),
                   "-ERR app:n: computed keys and stored ones stay apart\n");
        assert_str(ask(p.c, "mset mine 2 app:n 2"),
                   "-ERR computed keys and stored ones cannot be changed by one command\n");
        assert_str(ask(p.c, "rename mine app:n"),
                   "-ERR computed keys and stored ones cannot be changed by one command\n");
        assert_str(ask(p.c, "get mine"), "$1\n1\n");
        assert_eq(p.n_writes, 0);
        assert_eq(p.n, 7);

        /* but to read the one and change the other is fine */
        assert_str(ask(p.c, "sunionstore both app:set"), ":3\n");
        assert_str(ask(p.c, "scard both"), ":3\n");
        assert_str(ask(p.c, "multi"), "+OK\n");
        ask(p.c, "incr mine");
        ask(p.c, "incrby app:n 200");
        ask(p.c, "incr app:n");
        assert_str(ask(p.c, "exec"), "*3\n:2\n-ERR app:n: from 0 to 100\n:8\n");

        mount_free(p.m);
        assert_r(mount_new(&p.s->dbs[0], BYTES("app:"), &only_read, &p, &p.m), 0);
        assert_str(ask(p.c, "incr app:n"), "-ERR app:n: it can only be read\n");
        assert_str(ask(p.c, "del app:nothing"), ":0\n");
        assert_str(ask(p.c, "dbsize"), ":3\n");
        end(&p);
}

TEST(those_who_watch) {
        client *other;
        program p;

        begin(&p);
        other = client_new(p.s);
        ask(p.c, "watch app:n");
        ask(p.c, "multi");
        ask(p.c, "get app:n");
        p.n = 8;
        assert_r(mount_changed(p.m, BYTES("n")), 0);
        assert_str(ask(p.c, "exec"), "*-1\n");
        /* a change that was refused is none */
        ask(p.c, "watch app:n");
        ask(other, "set app:n 101");
        ask(p.c, "multi");
        ask(p.c, "get app:n");
        assert_str(ask(p.c, "exec"), "*1\n$1\n8\n");
        ask(p.c, "watch app:n");
        ask(other, "set app:n 9");
        ask(p.c, "multi");
        assert_str(ask(p.c, "exec"), "*-1\n");

        /* one who waits for what the program makes */
        p.is_broken = true;
        mount_free(p.m);
        assert_eq(client_exec(other, (bytes[]){ BYTES("blpop"), BYTES("app:list"), BYTES("0") }, 3),
                  0);
        assert_r(mount_new(&p.s->dbs[0], BYTES("app:"), &calls, &p, &p.m), 0);
        p.is_broken = false;
        resp_out_cut(&other->out, 0);
        assert_r(mount_changed(p.m, BYTES("list")), 0);
        assert_eq(other->flags & CLIENT_BLOCKED, 0u);
        assert_str(p.written, "2: b c ");
        client_free(other);
        end(&p);
}

/* Whoever follows: the commands, with blanks between. */
typedef struct follower {
        feed_reader reader;
        char text[1024];
        size_t n;
} follower;

static void note(feed_reader *r, db *d, const bytes *argv, int argc) {
        follower *f = container_of(r, follower, reader);

        (void)d;
        assert_true(argc > 0);
        for (int i = 0; i < argc; i++)
                f->n += (size_t)snprintf(f->text + f->n, sizeof(f->text) - f->n, "%.*s%s",
                                         (int)argv[i].n, argv[i].p, i + 1 < argc ? " " : "\n");
}

static const char *heard(follower *f) {
        f->text[f->n] = '\0';
        f->n = 0;
        return f->text;
}

TEST(those_who_follow) {
        follower f = { .reader.fn = note };
        program p;

        begin(&p);
        feed_join(&p.s->feed, &f.reader);
        ask(p.c, "incr app:n");
        assert_str(heard(&f), "SET app:n 8\n");
        ask(p.c, "incrby app:n 200");
        assert_str(heard(&f), "");
        ask(p.c, "set mine 1");
        assert_str(heard(&f), "set mine 1\n");
        /* what it is made of may be another value there */
        ask(p.c, "zunionstore both 2 app:zset app:set");
        assert_str(heard(&f), "MULTI\nDEL both\nZADD both 1 1 1 2 1 3 1 a 2 b 3 c\nEXEC\n");
        p.n = 9;
        assert_r(mount_changed(p.m, BYTES("n")), 0);
        assert_str(heard(&f), "SET app:n 9\n");
        assert_r(mount_changed(p.m, BYTES("nothing")), 0);
        assert_str(heard(&f), "DEL app:nothing\n");
        assert_r(mount_changed(p.m, BYTES("hash")), 0);
        assert_str(heard(&f), "MULTI\nDEL app:hash\nHSET app:hash a a b b c c\nEXEC\n");
        ask(p.c, "flushall");
        assert_str(heard(&f),
                   "MULTI\nflushall\nSET app:n 9\nSET app:text hello\n"
                   "DEL app:list\nRPUSH app:list a b c\nDEL app:set\nSADD app:set 1 2 3\n"
                   "DEL app:zset\nZADD app:zset 1 a 2 b 3 c\n"
                   "DEL app:hash\nHSET app:hash a a b b c c\nEXEC\n");
        p.m = mount_free(p.m);
        assert_str(heard(&f), "MULTI\nDEL app:n\nDEL app:text\nDEL app:list\nDEL app:set\n"
                              "DEL app:zset\nDEL app:hash\nEXEC\n");
        feed_leave(&f.reader);
        end(&p);
}

TEST(in_a_snapshot) {
        static const char *const names[] = { "app:n", "app:hash", "app:zset", "mine" };
        program p, other;
        snapshot *snap;
        size_t n_rest;
        bytes piece;
        load l;

        begin(&p);
        ask(p.c, "set mine 1");
        assert_r(snapshot_new(p.s, &snap), 0);
        assert_r(snapshot_next(snap, 1 << 16, &piece), 0);
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
                assert_true(memmem(piece.p, piece.n, names[i], strlen(names[i])) != NULL);

        /* where they are computed too, they are not loaded */
        begin(&other);
        load_init(&l, other.s);
        assert_r(load_feed(&l, piece.p, piece.n, &n_rest), 1);
        load_deinit(&l);
        assert_str(ask(other.c, "get mine"), "$1\n1\n");
        assert_str(ask(other.c, "dbsize"), ":7\n");
        assert_eq(other.n_writes, 0);
        end(&other);
        snapshot_free(snap);
        end(&p);
}

TEST(numbers) {
        int64_t count = 7, limit = 10, balance = -3;
        const beam_number all[] = { { "count", &count, 0, 0 },
                                    { "limit", &limit, 0, 100 },
                                    { "balance", &balance, INT64_MIN, INT64_MAX },
                                    { NULL, NULL, 0, 0 } };
        store *s;
        client *c;
        mount *m;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        assert_r(mount_numbers(&s->dbs[0], BYTES("n:"), all, &m), 0);
        assert_r(mount_numbers(&s->dbs[0], BYTES("n:"), all, &m), -EEXIST);
        assert_str(ask(c, "mget n:count n:limit n:balance n: n:coun n:counts"),
                   "*6\n$1\n7\n$2\n10\n$2\n-3\n$-1\n$-1\n$-1\n");
        assert_str(ask(c, "type n:limit"), "+string\n");
        assert_str(ask(c, "type n:other"), "+none\n");
        assert_str(ask(c, "keys n:*"), "*3\n$7\nn:count\n$7\nn:limit\n$9\nn:balance\n");

        assert_str(ask(c, "incrby n:limit 90"), ":100\n");
        assert_eq(limit, 100);
        assert_str(ask(c, "incr n:limit"),
                   "-ERR n:limit: it has to be a whole number from 0 to 100\n");
        assert_str(ask(c, "set n:limit -1"),
                   "-ERR n:limit: it has to be a whole number from 0 to 100\n");
        assert_str(ask(c, "set n:limit many"),
                   "-ERR n:limit: it has to be a whole number from 0 to 100\n");
        assert_str(ask(c, "del n:limit"),
                   "-ERR n:limit: it has to be a whole number from 0 to 100\n");
        assert_eq(limit, 100);
        assert_str(ask(c, "incr n:count"), "-ERR n:count: it can only be read\n");
        assert_str(ask(c, "set n:other 1"), "-ERR n:other: there is no such number\n");
        assert_str(ask(c, "set n:balance -9223372036854775808"), "+OK\n");
        assert_true(balance == INT64_MIN);
        assert_str(ask(c, "set n:balance x"),
                   "-ERR n:balance: it has to be a whole number from -9223372036854775808 to "
                   "9223372036854775807\n");
        client_free(c);
        store_free(s); /* and what is left */
}

/* Whatever allocation fails: an error and nothing taken, or all of it. */
TEST(without_memory) {
        static const char *const lines[] = { "hset app:hash b 2", "rpush app:list d",
                                             "zadd app:zset 4 d", "sadd app:set x", "set app:n 8" };

        for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
                for (uint64_t nth = 1;; nth++) {
                        bool has_failed, is_error;
                        program p;

                        begin(&p);
                        ask(p.c, "ping"); /* there is a buffer for answers */
                        mem_fail_at(nth);
                        is_error = ask(p.c, lines[i])[0] == '-';
                        has_failed = mem_has_failed();
                        mem_fail_at(0);
                        assert_eq(is_error, p.n_writes == 0);
                        end(&p);
                        if (!has_failed)
                                break;
                }
        }
}
