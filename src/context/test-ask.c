/* SPDX-License-Identifier: Apache-2.0 */
#include "test-ask.h"

const char *ask(client *c, const char *line) {
        static char text[1 << 16];
        bytes argv[64];
        int argc = 0;
        size_t n = 0;

        for (const char *p = line;; p++) {
                size_t n_word = strcspn(p, " ");

                argv[argc++] = (bytes){ p, n_word };
                p += n_word;
                if (!*p)
                        break;
        }
        resp_out_cut(&c->out, 0);
        assert_eq(client_exec(c, argv, argc), 1);
        assert_true(c->out.n < sizeof(text));
        for (size_t i = 0; i < c->out.n; i++)
                if (c->out.p[i] != '\r')
                        text[n++] = (char)c->out.p[i];
        text[n] = '\0';
        return text;
}
