/* SPDX-License-Identifier: Apache-2.0 */
#include "test-psync-say.h"

#include "test.h"

#include <stdlib.h>

#define ID "0123456789012345678901234567890123456789"
#define MARK "abcdefghijabcdefghijabcdefghijabcdefghij"
#define GREETED "+PONG\r\n+OK\r\n"

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
          "full " ID " 10\nfile REDIS\nwhole\n" PING CAPA NEW },
        { { 0 },
          T(GREETED "\n+FULLRESYNC " ID " 0\r\n\n\n$0\r\n*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n"),
          "full " ID " 0\nwhole\nDEL k @20\n" PING CAPA NEW },
        { { 0 },
          T(GREETED "+FULLRESYNC " ID " 7\r\n$EOF:" MARK "\r\nabcREDISabcd" MARK "\r\n"
                    "*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n"),
          "full " ID " 7\nfile abcREDISabcd\nwhole\n" PING CAPA NEW
          "*3~~$8~~REPLCONF~~$3~~ACK~~$2~~46~~" },
        { { .id = ID, .offset = 99 },
          T(GREETED "+CONTINUE\r\n*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n"),
          "continue " ID " 99\nINCR n @134\n" PING CAPA "*3~~$5~~PSYNC~~$40~~" ID "~~$3~~100~~" },
        { { .id = ID, .offset = 99, .port = 6379 },
          T("+PONG\r\n-ERR what\r\n+OK\r\n+CONTINUE " MARK "\r\n"),
          "continue " MARK " 99\n" PING "*3~~$8~~REPLCONF~~$14~~listening-port~~$4~~6379~~" CAPA
          "*3~~$5~~PSYNC~~$40~~" ID "~~$3~~100~~" },
        { { .id = ID, .offset = 5 },
          T(GREETED "-ERR unknown command\r\n$2\r\nab*1\r\n$4\r\nEXEC\r\n"
                    "*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n"),
          "full  -1\nfile ab\nwhole\nEXEC @-1\n" PING CAPA "*3~~$5~~PSYNC~~$40~~" ID
          "~~$1~~6~~*1~~$4~~SYNC~~" },
        { { .id = ID, .offset = 5, .gives_over = true },
          T(GREETED "-ERR PSYNC FAILOVER can't be sent to a master.\r\n"),
          "refused ERR PSYNC FAILOVER can't be sent to a master.\nbroken\n" PING CAPA
          "*4~~$5~~PSYNC~~$40~~" ID "~~$1~~6~~$8~~FAILOVER~~" },
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
          "full " ID " 0\nrefused ERR no\nbroken\n" PING CAPA NEW },
        { { 0 }, T("SSH-2.0\r\n"), "broken\n" PING },
        { { 0 }, T(GREETED ":1\r\n"), "broken\n" PING CAPA NEW },
        { { 0 }, T(GREETED "+CONTINUE\r\n"), "broken\n" PING CAPA NEW },
        { { 0 }, T(GREETED "+FULLRESYNC " ID "\r\n"), "broken\n" PING CAPA NEW },
        { { 0 }, T(GREETED "+FULLRESYNC " ID "1 1\r\n"), "broken\n" PING CAPA NEW },
        { { 0 }, T(GREETED "+FULLRESYNC " ID " -1\r\n"), "broken\n" PING CAPA NEW },
        { { 0 },
          T(GREETED "+FULLRESYNC " ID " 9223372036854775807\r\n"),
          "broken\n" PING CAPA NEW },
        { { .id = ID, .offset = INT64_MAX },
          T(GREETED "+CONTINUE\r\n*1\r\n$4\r\nPING\r\n"),
          "broken\n" PING CAPA NEW },
        { { 0 }, T(GREETED "+FULLRESYNC " ID " 1x\r\n"), "broken\n" PING CAPA NEW },
        { { 0 },
          T(GREETED "+FULLRESYNC " ID " 1\r\n$-1\r\n"),
          "full " ID " 1\nbroken\n" PING CAPA NEW },
        { { 0 },
          T(GREETED "+FULLRESYNC " ID " 1\r\n$EOF:abc\r\n"),
          "full " ID " 1\nbroken\n" PING CAPA NEW },
        { { .id = ID },
          T(GREETED "+CONTINUE\r\nSET a 1\r\n"),
          "continue " ID " 0\nbroken\n" PING CAPA "*3~~$5~~PSYNC~~$40~~" ID "~~$1~~1~~" },
        { { .id = ID },
          T(GREETED "+CONTINUE\r\n*1\r\n+OK\r\n"),
          "continue " ID " 0\nbroken\n" PING CAPA "*3~~$5~~PSYNC~~$40~~" ID "~~$1~~1~~" },
};

static void check(const psync_options *o, const char *wire, size_t n, resp_cuts cuts,
                  const char *want) {
        char *said = psync_say(o, wire, n, cuts);

        assert_str(said, want);
        free(said);
}

TEST(at_every_cut) {
        for (size_t i = 0; i < n_of(cases); i++) {
                for (size_t step = 1; step <= cases[i].n; step++)
                        check(&cases[i].options, cases[i].wire, cases[i].n,
                              (resp_cuts){ step, step }, cases[i].said);
        }
}

TEST(a_line_without_an_end) {
        char *long_one = malloc(2 * PSYNC_LINE_MAX);

        memset(long_one, '+', 2 * PSYNC_LINE_MAX);
        check(&(psync_options){ 0 }, long_one, 2 * PSYNC_LINE_MAX, (resp_cuts){ 1000, 1000 },
              "broken\n" PING);
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
