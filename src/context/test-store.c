/* SPDX-License-Identifier: Apache-2.0 */
#include "test-ask.h"

TEST(commands) {
        store *s;
        client *c;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        assert_str(ask(c, "ping"), "+PONG\n");
        assert_str(ask(c, "GET nothing"), "$-1\n");
        assert_str(ask(c, "get"), "-ERR wrong number of arguments for 'get' command\n");
        assert_str(ask(c, "what is it"),
                   "-ERR unknown command 'what', with args beginning with: 'is' 'it' \n");
        assert_str(ask(c, "select 16"), "-ERR DB index is out of range\n");
        assert_str(ask(c, "select 15"), "+OK\n");
        assert_eq(c->db->number, 15);
        client_free(c);
        store_free(s);
}

TEST(connection) {
        client *c, *other;
        store *s;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        other = client_new(s);
        assert_str(ask(c, "hello 3 setname me"),
                   "%7\n$6\nserver\n$5\nredis\n$7\nversion\n$6\n7.0.15\n$5\nproto\n:3\n"
                   "$2\nid\n:1\n$4\nmode\n$10\nstandalone\n$4\nrole\n$6\nmaster\n"
                   "$7\nmodules\n*0\n");
        assert_str(ask(c, "client getname"), "$2\nme\n");
        assert_str(ask(c, "client setname \x7f"),
                   "-ERR Client names cannot contain spaces, newlines "
                   "or special characters.\n");
        assert_str(ask(c, "hello 4"), "-NOPROTO unsupported protocol version\n");
        assert_str(ask(c, "reset"), "+RESET\n");
        assert_str(ask(c, "client getname"), "$-1\n");
        assert_str(ask(other, "client id"), ":2\n");

        /* those who have no address are not ended from outside */
        assert_str(ask(c, "client kill type normal skipme no"), ":0\n");
        other->address = other->local_address = "1.2.3.4:5";
        assert_str(ask(c, "client kill addr 1.2.3.4:5 id 1"), ":0\n");
        assert_eq(other->flags, (uint32_t)CLIENT_TRUSTED);
        assert_str(ask(c, "client kill 1.2.3.4:5"), "+OK\n");
        assert_eq(other->flags & (CLIENT_CLOSING | CLIENT_CLOSE_NOW),
                  (uint32_t)(CLIENT_CLOSING | CLIENT_CLOSE_NOW));
        assert_str(ask(c, "quit"), "+OK\n");
        assert_eq(c->flags & (CLIENT_CLOSING | CLIENT_CLOSE_NOW), (uint32_t)CLIENT_CLOSING);
        client_free(c);
        client_free(other);
        store_free(s);
}

TEST(password) {
        client *own, *c;
        store *s;

        assert_r(store_new(NULL, &s), 0);
        own = client_new(s);
        assert_str(ask(own, "config set requirepass secret"), "+OK\n");
        c = client_new(s);
        c->address = "1.2.3.4:5";
        client_distrust(c);
        assert_str(ask(c, "get a"), "-NOAUTH Authentication required.\n");
        assert_str(ask(c, "auth secre"),
                   "-WRONGPASS invalid username-password pair or user is disabled.\n");
        assert_str(ask(c, "auth secretsecret"),
                   "-WRONGPASS invalid username-password pair or user is disabled.\n");
        assert_str(ask(c, "auth default secret"), "+OK\n");
        assert_str(ask(c, "get a"), "$-1\n");
        ask(c, "reset");
        assert_str(ask(c, "get a"), "-NOAUTH Authentication required.\n");
        /* the program itself has nobody to convince */
        ask(own, "reset");
        assert_str(ask(own, "get a"), "$-1\n");
        client_free(c);
        client_free(own);
        store_free(s);
}

TEST(keys_of_commands) {
        client *c;
        store *s;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        assert_str(ask(c, "command getkeys mset a 1 b 2"), "*2\n$1\na\n$1\nb\n");
        assert_str(ask(c, "command getkeysandflags object encoding a"), "*1\n*2\n$1\na\n*1\n+RO\n");
        assert_str(ask(c, "command getkeys ping a"), "-ERR The command has no key arguments\n");
        assert_str(ask(c, "command getkeys lmpop 3 a left"),
                   "-ERR Invalid arguments specified for command\n");
        assert_str(ask(c, "command info client|id what"),
                   "*2\n*10\n$9\nclient|id\n:2\n*3\n+noscript\n+loading\n+stale\n:0\n:0\n:0\n"
                   "*2\n+@slow\n+@connection\n*0\n*0\n*0\n$-1\n");
        client_free(c);
        store_free(s);
}

TEST(configuration) {
        client *c;
        store *s;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        /* all of them or none */
        assert_str(ask(c, "config set hash-max-listpack-entries 3 databases 2"),
                   "-ERR CONFIG SET failed (possibly related to argument 'databases') - can't set "
                   "immutable config\n");
        assert_eq(s->config.hash_max_listpack_entries, 512u);
        assert_str(ask(c, "config set hash-max-ziplist-entries 3 proto-max-bulk-len 2MB"), "+OK\n");
        assert_eq(s->config.hash_max_listpack_entries, 3u);
        assert_eq(s->config.proto_max_bulk_len, 2u << 20);
        assert_str(ask(c, "config set hash-max-listpack-value 9223372036854775807gb"),
                   "-ERR CONFIG SET failed (possibly related to argument "
                   "'hash-max-listpack-value') - argument must be a memory value\n");
        assert_str(ask(c, "config get *intset*"), "*2\n$22\nset-max-intset-entries\n$3\n512\n");
        client_free(c);
        store_free(s);
}

TEST(no_replies) {
        client *c, *other;
        store *s;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        other = client_new(s);
        assert_str(ask(c, "client reply skip"), "");
        assert_str(ask(c, "what"), "");
        assert_str(ask(c, "ping"), "+PONG\n");
        assert_str(ask(c, "client reply off"), "");
        assert_str(ask(c, "ping"), "");
        assert_str(ask(c, "client reply on"), "+OK\n");

        /* what is answered later is the one that is skipped */
        assert_str(ask(c, "client reply skip"), "");
        assert_eq(client_exec(c, (bytes[]){ BYTES("blpop"), BYTES("l"), BYTES("0") }, 3), 0);
        assert_str(ask(other, "client unblock 1 error"), ":1\n");
        assert_eq(c->out.n, 0u);
        assert_str(ask(other, "client unblock 1"), ":0\n");
        assert_str(ask(c, "ping"), "+PONG\n");
        client_free(c);
        client_free(other);
        store_free(s);
}

TEST(transactions) {
        client *c, *other;
        store *s;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        other = client_new(s);
        assert_str(ask(c, "multi"), "+OK\n");
        assert_str(ask(c, "multi"), "-ERR MULTI calls can not be nested\n");
        assert_str(ask(c, "set a 1"), "+QUEUED\n");
        assert_str(ask(c, "incr a"), "+QUEUED\n");
        assert_str(ask(c, "lpush a x"), "+QUEUED\n");
        assert_str(ask(c, "exec"),
                   "*3\n+OK\n:2\n"
                   "-WRONGTYPE Operation against a key holding the wrong kind of value\n");
        ask(c, "watch a b");
        ask(c, "multi");
        ask(c, "get a");
        assert_str(ask(other, "set b 1"), "+OK\n");
        assert_str(ask(c, "exec"), "*-1\n");
        ask(c, "multi");
        ask(c, "nonsense");
        assert_str(ask(c, "exec"),
                   "-EXECABORT Transaction discarded because of previous errors.\n");
        ask(c, "watch a");
        client_free(c);
        client_free(other);
        store_free(s);
}

static void note_wake(client *c) {
        ++*(int *)c->owner;
}

TEST(waiting) {
        client *a, *b, *c;
        int n_a = 0, n_b = 0;
        store *s;

        assert_r(store_new(NULL, &s), 0);
        a = client_new(s);
        b = client_new(s);
        c = client_new(s);
        a->wake = b->wake = note_wake;
        a->owner = &n_a;
        b->owner = &n_b;
        assert_eq(client_exec(a, (bytes[]){ BYTES("blpop"), BYTES("l"), BYTES("0") }, 3), 0);
        assert_eq(
                client_exec(b, (bytes[]){ BYTES("brpop"), BYTES("l"), BYTES("m"), BYTES("0") }, 4),
                0);
        assert_str(ask(c, "rpush l 1"), ":1\n");
        assert_eq(n_a, 1);
        assert_eq(n_b, 0);
        assert_str(ask(c, "llen l"), ":0\n");
        assert_str(ask(c, "rpush l 1 2 3"), ":3\n");
        assert_eq(n_b, 1);
        assert_str(ask(c, "lrange l 0 -1"), "*2\n$1\n1\n$1\n2\n");
        assert_eq(client_exec(b, (bytes[]){ BYTES("brpop"), BYTES("m"), BYTES("0") }, 3), 0);
        client_free(b);
        assert_str(ask(c, "rpush m 1"), ":1\n");
        client_free(a);
        client_free(c);
        store_free(s);
}

TEST(no_scripts) {
        client *c;
        store *s;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        assert_str(ask(c, "eval return 0"),
                   "-ERR no scripts can be run here: a context has no Lua\n");
        assert_str(ask(c, "eval return 2 a"),
                   "-ERR Number of keys can't be greater than number of args\n");
        assert_str(ask(c, "evalsha 0123456789012345678901234567890123456789 -1"),
                   "-ERR Number of keys can't be negative\n");
        assert_str(ask(c, "evalsha x -1"), "-NOSCRIPT No matching script. Please use EVAL.\n");
        assert_str(ask(c, "script exists a b"), "*2\n:0\n:0\n");
        assert_str(ask(c, "function flush async"), "+OK\n");
        assert_str(ask(c, "function list withcode libraryname a"), "*0\n");
        client_free(c);
        store_free(s);
}
