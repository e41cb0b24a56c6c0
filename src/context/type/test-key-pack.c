/* SPDX-License-Identifier: Apache-2.0 */
/* Small hashes and sorted sets, whose keys move as they grow and shrink. */
#include "key-pack.h"

#include "../test-ask.h"
#include "base/mem.h"

#include <stdio.h>

/* of names: those on both sides of what a pack can be behind, and none */
static const int lengths[] = { 0, 1, 8, 100, KEY_PACK_NAME_MAX, KEY_PACK_NAME_MAX + 1, 400 };

enum { NAME = 512, LINE = 2 * NAME + 128 };

typedef struct fixture {
        store *s;
        client *c;
} fixture;

static fixture begin(void) {
        fixture f;

        assert_r(store_new(NULL, &f.s), 0);
        f.c = client_new(f.s);
        return f;
}

static void end(fixture f) {
        client_free(f.c);
        store_free(f.s);
}

static void name_of(int n, char with, char ret[static NAME]) {
        memset(ret, with, (size_t)n);
        ret[n] = '\0';
}

/* A line in which each % is the name. */
static const char *ask_about(fixture f, const char *name, const char *line) {
        char text[LINE];
        size_t n = 0;

        for (const char *p = line; *p; p++)
                n += (size_t)snprintf(text + n, sizeof(text) - n, "%.*s", *p == '%' ? NAME : 1,
                                      *p == '%' ? name : p);
        return ask(f.c, text);
}

static bool is_inner(fixture f, const char *name) {
        key *k = db_peek(&f.s->dbs[0], (bytes){ name, strlen(name) });

        return k->encoding == KEY_INNER_PACK;
}

TEST(goes_with_its_key) {
        char name[NAME], other[NAME], line[LINE];

        for (size_t i = 0; i < n_of(lengths); i++) {
                bool fits = key_pack_fits((size_t)lengths[i]);
                fixture f = begin();

                name_of(lengths[i], 'n', name);
                assert_str(ask_about(f, name, "hset % a 1 b two"), ":2\n");
                assert_eq(is_inner(f, name), fits);
                ask_about(f, name, "pexpireat % 99999999999999");
                assert_str(ask_about(f, name, "hset % c 3333333333333333333333 a one"), ":1\n");
                assert_str(ask_about(f, name, "pexpiretime %"), ":99999999999999\n");
                ask_about(f, name, "copy % copy");
                ask_about(f, name, "persist %");
                assert_str(ask_about(f, name, "hdel % b x"), ":1\n");
                assert_str(ask_about(f, name, "hmget % a b c"),
                           "*3\n$3\none\n$-1\n$22\n3333333333333333333333\n");
                assert_true(is_inner(f, "copy"));
                assert_str(
                        ask(f.c, "hgetall copy"),
                        "*6\n$1\na\n$3\none\n$1\nb\n$3\ntwo\n$1\nc\n$22\n3333333333333333333333\n");

                /* to and fro between names of all lengths */
                for (size_t j = 0; j < n_of(lengths); j++) {
                        name_of(lengths[j], 'o', other);
                        ask_about(f, name, "expire % 1000");
                        snprintf(line, sizeof(line), "rename %s %s", name, other);
                        assert_str(ask(f.c, line), "+OK\n");
                        assert_eq(is_inner(f, other), key_pack_fits((size_t)lengths[j]));
                        assert_str(ask_about(f, other, "hget % a"), "$3\none\n");
                        assert_str(ask_about(f, other, "ttl %"), ":1000\n");
                        snprintf(line, sizeof(line), "rename %s %s", other, name);
                        assert_str(ask(f.c, line), "+OK\n");
                }
                assert_str(ask_about(f, name, "hincrby % n 5"), ":5\n");
                assert_str(ask_about(f, name, "set % text"), "+OK\n");
                assert_str(ask_about(f, name, "get %"), "$4\ntext\n");
                assert_str(ask_about(f, name, "del %"), ":1\n");
                end(f);
        }
}

/* Up to a table, and down from a full pack to nothing. */
TEST(grows_and_shrinks) {
        char name[NAME], line[LINE];

        for (size_t i = 0; i < n_of(lengths); i++) {
                fixture f = begin();

                name_of(lengths[i], 'n', name);
                for (int n = 0; n < 600; n++) {
                        snprintf(line, sizeof(line), "hset %% field:%d value:%d", n, n);
                        assert_str(ask_about(f, name, line), ":1\n");
                        if (n == 100)
                                ask_about(f, name, "expire % 1000");
                }
                assert_str(ask_about(f, name, "object encoding %"), "$9\nhashtable\n");
                assert_str(ask_about(f, name, "hlen %"), ":600\n");
                assert_str(ask_about(f, name, "hget % field:17"), "$8\nvalue:17\n");
                ask_about(f, name, "del %");

                for (int n = 0; n < 128; n++) {
                        snprintf(line, sizeof(line), "zadd %% %d member:%d", n * 37 % 128, n);
                        assert_str(ask_about(f, name, line), ":1\n");
                }
                for (int n = 0; n < 128; n++) { /* the same scores the other way round */
                        snprintf(line, sizeof(line), "zadd %% ch %d member:%d", 127 - n * 37 % 128,
                                 n);
                        assert_str(ask_about(f, name, line), ":1\n");
                }
                assert_str(ask_about(f, name, "object encoding %"), "$8\nlistpack\n");
                assert_str(ask_about(f, name, "zscore % member:1"), "$2\n90\n");
                assert_str(ask_about(f, name, "zrank % member:1"), ":90\n");
                ask_about(f, name, "zremrangebyrank % 100 -1");
                for (int n = 0; n < 100; n++)
                        ask_about(f, name, n % 2 ? "zpopmin %" : "zpopmax %");
                assert_str(ask_about(f, name, "exists %"), ":0\n");
                end(f);
        }
}

/* What fails for want of memory has changed nothing. */
TEST(without_memory) {
        static const char *const lines[] = {
                "hset % f something-that-needs-more-room-than-there-is",
                "hset % a something-that-needs-more-room-than-there-is",
                "hset % f something-that-is-longer-than-what-a-pack-may-have-by-configuration",
                "expire % 1000",
                "rename % other",
                "copy % other",
                "set % text",
        };
        char name[NAME], before[1024], dump[1024];

        for (size_t i = 1; i < n_of(lengths); i++)
                for (size_t j = 0; j < n_of(lines); j++)
                        for (uint64_t nth = 1, failed = 1; failed; nth++) {
                                fixture f = begin();

                                name_of(lengths[i], 'n', name);
                                ask_about(f, name, "hset % a 1 b two c 3");
                                strcpy(before, ask_about(f, name, "hmget % a b c f"));
                                mem_fail_at(nth);
                                strcpy(dump, ask_about(f, name, lines[j]));
                                failed = mem_has_failed();
                                mem_fail_at(0);
                                if (!strncmp(dump, "-OOM", 4)) {
                                        assert_true(failed);
                                        assert_str(ask_about(f, name, "hmget % a b c f"), before);
                                        assert_str(ask_about(f, name, "ttl %"), ":-1\n");
                                        assert_str(ask(f.c, "exists other"), ":0\n");
                                } else {
                                        assert_ne(dump[0], '-');
                                }
                                end(f);
                        }
}
