/* SPDX-License-Identifier: Apache-2.0 */
#include "../test-ask.h"

/* The last line that was said to @c, behind its time. */
static const char *line(client *c) {
        static char text[4096];
        size_t n = c->out.n < sizeof(text) ? c->out.n : sizeof(text) - 1;
        const char *end;

        memcpy(text, c->out.p, n);
        text[n] = '\0';
        resp_out_cut(&c->out, 0);
        end = strchr(text, ' ');
        return end ? end + 1 : text;
}

TEST(lines) {
        client *a, *b;
        store *s;

        assert_r(store_new(NULL, &s), 0);
        a = client_new(s);
        b = client_new(s);
        assert_str(ask(a, "monitor"), "+OK\n");
        assert_str(ask(a, "monitor"), "");
        ask(b, "get a");
        assert_str(line(a), "[0 program] \"get\" \"a\"\r\n");
        b->address = "/tmp/path:0";
        b->flags |= CLIENT_UNIX;
        ask(b, "select 3");
        resp_out_cut(&a->out, 0);
        client_exec(b, (bytes[]){ BYTES("echo"), { "\0\"\\\n\r\t\a\b\x7f~", 10 } }, 2);
        assert_str(line(a), "[3 unix:/tmp/path] \"echo\" "
                            "\"\\x00\\\"\\\\\\n\\r\\t\\a\\b\\x7f~\"\r\n");
        ask(b, "hello 2 auth default secret");
        assert_str(line(a), "[3 unix:/tmp/path] \"hello\" \"2\" \"auth\" \"(redacted)\" "
                            "\"(redacted)\"\r\n");
        ask(b, "config get hz");
        assert_eq(a->out.n, 0u);
        assert_str(ask(a, "get a"), "-ERR Replica can't interact with the keyspace\n");
        assert_str(ask(a, "reset"), "+RESET\n");
        ask(b, "get a");
        assert_str(ask(a, "get a"), "$-1\n");
        ask(a, "monitor");
        client_free(a);
        ask(b, "get a");
        client_free(b);
        store_free(s);
}
