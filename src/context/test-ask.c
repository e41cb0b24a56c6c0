/* SPDX-License-Identifier: Apache-2.0 */
#include "test-ask.h"

#include <stdarg.h>
#include <stdio.h>

static void execute(client *c, const char *line) {
        bytes argv[64];
        int argc = 0;

        for (const char *p = line;; p++) {
                size_t n_word = strcspn(p, " ");

                argv[argc++] = (bytes){ p, n_word };
                p += n_word;
                if (!*p)
                        break;
        }
        resp_out_cut(&c->out, 0);
        assert_eq(client_exec(c, argv, argc), 1);
}

const char *ask(client *c, const char *line) {
        static char text[1 << 16];
        size_t n = 0;

        execute(c, line);
        assert_true(c->out.n < sizeof(text));
        for (size_t i = 0; i < c->out.n; i++)
                if (c->out.p[i] != '\r')
                        text[n++] = (char)c->out.p[i];
        text[n] = '\0';
        return text;
}

bytes say(client *c, const char *format, ...) {
        char line[1024];
        va_list args;

        va_start(args, format);
        vsnprintf(line, sizeof(line), format, args);
        va_end(args);
        execute(c, line);
        return (bytes){ (const char *)c->out.p, c->out.n };
}
