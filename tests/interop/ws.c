/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of WebSockets as a process, for programs that compare it with another
 *
 * On stdin comes, again and again, a line "server" or "client" and the number of bytes that
 * follow it, which that side reads. The answer is what is said about them (src/wire/ws/say.h), and
 * a line with nothing but a dot.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/ws/say.h"

int main(void) {
        char side[16];
        size_t n;

        while (scanf("%15s %zu", side, &n) == 2 && getchar() == '\n') {
                uint8_t *wire = malloc(n ? n : 1);
                char *text;
                ws_in in;

                if (fread(wire, 1, n, stdin) != n)
                        return 1;
                ws_in_init(&in, !strcmp(side, "server"));
                text = ws_say(in, wire, n, (ws_cuts){ n, n ? n : 1 });
                printf("%s.\n", text);
                fflush(stdout);
                free(text);
                free(wire);
        }
        return 0;
}
