/* SPDX-License-Identifier: Apache-2.0 */
#include "psync.h"

#include "../../base/mem.h"
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ID "0123456789012345678901234567890123456789"
#define MARK "abcdefghijabcdefghijabcdefghijabcdefghij"
#define GREETED "+PONG\r\n+OK\r\n"

static char said[8192];
static bool in_file; /* the last line is one of a file's bytes */

static void add(const char *text) {
        size_t n = strlen(said);

        assert_lt(n + strlen(text) + 1, sizeof(said));
        memcpy(said + n, text, strlen(text) + 1);
}

static void add_bytes(bytes some) {
        for (size_t i = 0; i < some.n; i++)
                add((char[]){ some.p[i] == '\n' || some.p[i] == '\r' ? '~' : some.p[i], '\0' });
}

static void add_event(const psync *p) {
        char line[128];

        if (in_file && p->event != PSYNC_FILE) {
                in_file = false;
                add("\n");
        }
        switch (p->event) {
        case PSYNC_FULL:
                snprintf(line, sizeof(line), "full %.2s %d\n", p->id, (int)p->offset);
                add(line);
                break;
        case PSYNC_CONTINUE:
                snprintf(line, sizeof(line), "continue %.2s %d\n", p->id, (int)p->offset);
                add(line);
                break;
        case PSYNC_FILE:
                if (!in_file)
                        add("file ");
                in_file = true;
                add_bytes(p->payload);
                break;
        case PSYNC_WHOLE:
                add("whole\n");
                break;
        case PSYNC_COMMAND:
                for (uint32_t i = 0; i < p->request.argc; i++) {
                        add_bytes(p->request.argv[i]);
                        add(i + 1 < p->request.argc ? " " : "");
                }
                snprintf(line, sizeof(line), " @%d\n", (int)p->offset);
                add(line);
                break;
        case PSYNC_PASSED:
                break;
        case PSYNC_REFUSED:
                add("refused ");
                add(p->text);
                add("\n");
                break;
        }
}

/* What a master that sends these bytes means, a line for each event, if they come in
 * pieces of @step; then what was said to it. */
static const char *say(const psync_options *o, const char *wire, size_t n, size_t step) {
        size_t from = 0, to = 0;
        psync p;
        int r = 0;

        said[0] = '\0';
        in_file = false;
        psync_init(&p, o);
        while (r >= 0 && (to < n || r > 0)) {
                char *piece;

                if (r == 0)
                        to = to + step < n ? to + step : n;
                piece = malloc(to - from + 1);
                memcpy(piece, wire + from, to - from);
                r = psync_next(&p, piece, to - from);
                if (r > 0) {
                        add_event(&p);
                        from += p.consumed;
                }
                free(piece);
        }
        if (in_file)
                add("\n");
        if (r < 0)
                add(r == -EPROTO ? "broken\n" : "error\n");
        if (!p.out.failed && p.out.n > 0)
                add_bytes((bytes){ (char *)p.out.p, p.out.n });
        psync_deinit(&p);
        psync_deinit(&p);
        return said;
}

#define CAPA "*5~~$8~~REPLCONF~~$4~~capa~~$3~~eof~~$4~~capa~~$6~~psync2~~"
#define PING "*1~~$4~~PING~~"
#define NEW "*3~~$5~~PSYNC~~$1~~?~~$2~~-1~~"
#define T(text) text, sizeof(text) - 1

static const struct {
        psync_options options;
        const char *wire;
        size_t n;
        const char *said;
} cases[] = {
        { { 0 },
          T(GREETED "+FULLRESYNC " ID " 10\r\n$5\r\nREDIS*1\r\n$4\r\nping\r\n"),
          "full 01 10\nfile REDIS\nwhole\n" PING CAPA NEW },
        { { 0 },
          T(GREETED "\n+FULLRESYNC " ID " 0\r\n\n\n$0\r\n*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n"),
          "full 01 0\nwhole\nDEL k @20\n" PING CAPA NEW },
        { { 0 },
          T(GREETED "+FULLRESYNC " ID " 7\r\n$EOF:" MARK "\r\nabcREDISabcd" MARK "\r\n"
                    "*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n"),
          "full 01 7\nfile abcREDISabcd\nwhole\n" PING CAPA NEW
          "*3~~$8~~REPLCONF~~$3~~ACK~~$2~~46~~" },
        { { .id = ID, .offset = 99 },
          T(GREETED "+CONTINUE\r\n*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n"),
          "continue 01 99\nINCR n @134\n" PING CAPA "*3~~$5~~PSYNC~~$40~~" ID "~~$3~~100~~" },
        { { .id = ID, .offset = 99, .port = 6379 },
          T("+PONG\r\n-ERR what\r\n+OK\r\n+CONTINUE " MARK "\r\n"),
          "continue ab 99\n" PING "*3~~$8~~REPLCONF~~$14~~listening-port~~$4~~6379~~" CAPA
          "*3~~$5~~PSYNC~~$40~~" ID "~~$3~~100~~" },
        { { .id = ID, .offset = 5 },
          T(GREETED "-ERR unknown command\r\n$2\r\nab*1\r\n$4\r\nEXEC\r\n"
                    "*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n"),
          "full  -1\nfile ab\nwhole\nEXEC @-1\n" PING CAPA "*3~~$5~~PSYNC~~$40~~" ID
          "~~$1~~6~~*1~~$4~~SYNC~~" },
        { { .password = "pw" },
          T("-NOAUTH Authentication required.\r\n+OK\r\n+OK\r\n"),
          PING "*2~~$4~~AUTH~~$2~~pw~~" CAPA NEW },
        { { .user = "me", .password = "pw" },
          T("+PONG\r\n-WRONGPASS no\r\n"),
          "refused WRONGPASS no\nbroken\n" PING "*3~~$4~~AUTH~~$2~~me~~$2~~pw~~" },
        { { 0 },
          T("-NOAUTH Authentication required.\r\n"),
          "refused NOAUTH Authentication required.\nbroken\n" PING },
        { { 0 },
          T(GREETED "-NOMASTERLINK no link\r\n"),
          "refused NOMASTERLINK no link\nbroken\n" PING CAPA NEW },
        { { 0 },
          T(GREETED "+FULLRESYNC " ID " 0\r\n-ERR no\r\n"),
          "full 01 0\nrefused ERR no\nbroken\n" PING CAPA NEW },
        { { 0 }, T("SSH-2.0\r\n"), "broken\n" PING },
        { { 0 }, T(GREETED ":1\r\n"), "broken\n" PING CAPA NEW },
        { { 0 }, T(GREETED "+CONTINUE\r\n"), "broken\n" PING CAPA NEW },
        { { 0 }, T(GREETED "+FULLRESYNC " ID "\r\n"), "broken\n" PING CAPA NEW },
        { { 0 }, T(GREETED "+FULLRESYNC " ID "1 1\r\n"), "broken\n" PING CAPA NEW },
        { { 0 }, T(GREETED "+FULLRESYNC " ID " -1\r\n"), "broken\n" PING CAPA NEW },
        { { 0 }, T(GREETED "+FULLRESYNC " ID " 1x\r\n"), "broken\n" PING CAPA NEW },
        { { 0 },
          T(GREETED "+FULLRESYNC " ID " 1\r\n$-1\r\n"),
          "full 01 1\nbroken\n" PING CAPA NEW },
        { { 0 },
          T(GREETED "+FULLRESYNC " ID " 1\r\n$EOF:abc\r\n"),
          "full 01 1\nbroken\n" PING CAPA NEW },
        { { .id = ID },
          T(GREETED "+CONTINUE\r\nSET a 1\r\n"),
          "continue 01 0\nbroken\n" PING CAPA "*3~~$5~~PSYNC~~$40~~" ID "~~$1~~1~~" },
        { { .id = ID },
          T(GREETED "+CONTINUE\r\n*1\r\n+OK\r\n"),
          "continue 01 0\nbroken\n" PING CAPA "*3~~$5~~PSYNC~~$40~~" ID "~~$1~~1~~" },
};

TEST(at_every_cut) {
        for (size_t i = 0; i < n_of(cases); i++) {
                for (size_t step = 1; step <= cases[i].n; step++)
                        assert_str(say(&cases[i].options, cases[i].wire, cases[i].n, step),
                                   cases[i].said);
        }
}

TEST(a_line_without_an_end) {
        char *long_one = malloc(2 * PSYNC_LINE_MAX);

        memset(long_one, '+', 2 * PSYNC_LINE_MAX);
        assert_str(say(&(psync_options){ 0 }, long_one, 2 * PSYNC_LINE_MAX, 1000), "broken\n" PING);
        free(long_one);
}

TEST(acks) {
        psync p;

        psync_init(&p, &(psync_options){ .id = ID, .offset = 41 });
        resp_out_cut(&p.out, 0);
        psync_ack(&p);
        assert_eq(p.out.n, 0u);
        assert_false(psync_streams(&p));
        for (const char *at = GREETED "+CONTINUE\r\n", *end = at + strlen(at); at < end;) {
                char line[32] = "";

                memcpy(line, at, strcspn(at, "\n") + 1);
                assert_r(psync_next(&p, line, strlen(line)), 1);
                at += p.consumed;
        }
        assert_true(psync_streams(&p));
        resp_out_cut(&p.out, 0);
        psync_ack(&p);
        assert_mem(p.out.p, p.out.n, "*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$2\r\n41\r\n", 35);
        psync_deinit(&p);
}
