/* SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

#include "test.h"

/* Words separated by blanks; what is answered, with its line ends as blanks. */
static const char *say(client *c, const char *line) {
        static char text[4096];
        bytes argv[64];
        int argc = 0;

        for (const char *p = line; *p; p++) {
                size_t n = strcspn(p, " ");

                argv[argc++] = (bytes){ p, n };
                p += n;
                if (!*p)
                        break;
        }
        resp_out_cut(&c->out, 0);
        assert_eq(client_exec(c, argv, argc), 1);
        assert_eq(c->out.n < sizeof(text), true);
        memcpy(text, c->out.p, c->out.n);
        text[c->out.n] = '\0';
        for (char *p = text; *p; p++)
                if (*p == '\r')
                        memmove(p, p + 1, strlen(p));
        return text;
}

TEST(commands) {
        store *s;
        client *c;

        assert_r(store_new(NULL, &s), 0);
        c = client_new(s);
        assert_str(say(c, "ping"), "+PONG\n");
        assert_str(say(c, "GET nothing"), "$-1\n");
        assert_str(say(c, "get"), "-ERR wrong number of arguments for 'get' command\n");
        assert_str(say(c, "what is it"),
                   "-ERR unknown command 'what', with args beginning with: 'is' 'it' \n");
        assert_str(say(c, "select 16"), "-ERR DB index is out of range\n");
        assert_str(say(c, "select 15"), "+OK\n");
        assert_eq(c->db->number, 15);
        client_free(c);
        store_free(s);
}
