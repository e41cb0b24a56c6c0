/* SPDX-License-Identifier: Apache-2.0 */
/* Values that are copied, and results that take the place of others. */
#include <stdio.h>

#include "../test-ask.h"
#include "base/mem.h"

/* Of each type and in each encoding; what is large is so by configuration. */
static const char *const values[] = {
        "set embstr short",
        "set int 123456",
        "setrange raw 60 x",
        "pfadd hll a b c",
        "rpush list a 2 c d 5",
        "hset hash.small a 1 2 b",
        "hset hash.large a 1 2 b c 3",
        "sadd set.small 1 -2",
        "sadd set.large 1 -2 c",
        "geoadd zset.small 13.5 38 a 15 37.25 7",
        "zadd zset.large 1 a -2 7 inf c",
};

enum { N_VALUES = sizeof(values) / sizeof(*values), LINE = 128, NAME = 32 };

static client *begin(store **ret) {
        client *c;

        assert_r(store_new(NULL, ret), 0);
        c = client_new(*ret);
        ask(c, "config set hash-max-listpack-entries 2 zset-max-listpack-entries 2 "
               "set-max-intset-entries 2 list-max-listpack-size 2");
        for (int i = 0; i < N_VALUES; i++)
                ask(c, values[i]);
        return c;
}

static void end(client *c, store *s) {
        client_free(c);
        store_free(s);
}

static const char *ask_of(client *c, const char *before, const char *name, const char *behind) {
        char line[LINE];

        snprintf(line, sizeof(line), "%s %s%s", before, name, behind);
        return ask(c, line);
}

/* All that there is to see of a key, in an order that a copy has too. */
static void show(client *c, const char *name, char ret[static 4096]) {
        const char *type = ask_of(c, "type", name, "");
        size_t n;

        if (!strcmp(type, "+string\n"))
                type = ask_of(c, "get", name, "");
        else if (!strcmp(type, "+hash\n"))
                type = ask_of(c, "hmget", name, " a 2 c");
        else if (!strcmp(type, "+zset\n"))
                type = ask_of(c, "zrange", name, " 0 -1 withscores");
        else
                type = ask_of(c, "sort", name, " alpha");
        n = (size_t)snprintf(ret, 4096, "%s", type);
        n += (size_t)snprintf(ret + n, 4096 - n, "%s", ask_of(c, "object encoding", name, ""));
        snprintf(ret + n, 4096 - n, "%s", ask_of(c, "pexpiretime", name, ""));
}

/* The name of values[i]. */
static const char *name_of(int i, char ret[static NAME]) {
        sscanf(values[i], "%*s %31s", ret);
        return ret;
}

TEST(copies) {
        char name[NAME], of_it[4096], of_copy[4096];
        store *s;
        client *c = begin(&s);

        for (int i = 0; i < N_VALUES; i++) {
                name_of(i, name);
                if (i % 2)
                        ask_of(c, "pexpireat", name, " 99999999999999");
                show(c, name, of_it);
                assert_str(ask_of(c, "copy", name, " copy"), i ? ":0\n" : ":1\n");
                assert_str(ask_of(c, "copy", name, " copy replace"), ":1\n");
                ask_of(c, "del", name, "");
                show(c, "copy", of_copy);
                assert_str(of_copy, of_it);
        }
        end(c, s);
}

/* Whatever allocation fails, there is the old value or the new one, and the answer says so. */
static void fail_each(const char *line, const char *target) {
        char before[4096], after[4096];
        uint64_t nth = 0;
        bool has_failed = true;

        while (has_failed) {
                store *s;
                client *c = begin(&s);
                const char *answer;

                show(c, target, before);
                mem_fail_at(++nth);
                answer = ask(c, line);
                has_failed = mem_has_failed();
                mem_fail_at(0);
                if (!strncmp(answer, "-OOM", 4)) {
                        assert_true(has_failed);
                        show(c, target, after);
                        assert_str(after, before);
                } else {
                        assert_ne(answer[0], '-');
                }
                end(c, s);
        }
        assert_gt(nth, 1u);
}

TEST(short_memory) {
        char name[NAME], line[LINE];

        for (int i = 0; i < N_VALUES; i++) {
                const char *target = i ? "embstr" : "list";

                snprintf(line, sizeof(line), "copy %s %s replace", name_of(i, name), target);
                fail_each(line, target);
        }
        fail_each("copy raw new", "new");
        fail_each("bitop or zset.large raw embstr", "zset.large");
        fail_each("setbit new 100 1", "new");
        fail_each("pfadd new a b c d", "new");
        fail_each("pfmerge hll new", "hll");
        fail_each("sort list alpha store hash.small", "hash.small");
        fail_each("sort list by embstr* store new get #", "new");
        fail_each("zrangestore list zset.large 0 -1", "list");
        fail_each("geoadd new 1 1 a", "new");
        fail_each("georadius zset.small 15 37 200 km store list", "list");
        fail_each("georadius zset.small 15 37 200 km withcoord", "new");
        fail_each("sunionstore embstr set.small set.large", "embstr");
}

/* Nothing is a number to SORT, and so is what stands before a zero. */
TEST(sort_of_nothing) {
        store *s;
        client *c = begin(&s);

        ask(c, "rpush empty ");
        assert_str(ask(c, "sort empty"), "*1\n$0\n\n");
        assert_str(ask(c, "sort empty by int* get #"), "*1\n$0\n\n");
        assert_str(ask(c, "sort empty alpha store sorted"), ":1\n");
        ask(c, "rpush two 1 2");
        ask(c, "setrange weight1 1 x"); /* a zero, then x */
        ask(c, "set weight2 -1");
        assert_str(ask(c, "sort two by weight*"), "*2\n$1\n2\n$1\n1\n");
        ask(c, "set weight1 x");
        assert_str(ask(c, "sort two by weight*"),
                   "-ERR One or more scores can't be converted into double\n");
        end(c, s);
}
