/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of HTTP/1.1 as a process, for programs that compare it with another
 *
 * On stdin comes, again and again, a line "request", "response", "response head", "response
 * connect" or "response upgrade" and the number of bytes that follow it. The answer is what
 * is said about them (spec/vectors/README.md), and a line with nothing but a dot.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/http1/say.h"

int main(void) {
        char role[16], asked[16];
        size_t n;

        while (scanf("%15s %15s %zu", role, asked, &n) == 3 && getchar() == '\n') {
                char *wire = malloc(n ? n : 1), *text;
                http1_in in;

                if (fread(wire, 1, n, stdin) != n)
                        return 1;
                http1_in_init(&in, !strcmp(role, "response"));
                in.asked = !strcmp(asked, "head")      ? HTTP1_ASKED_HEAD
                           : !strcmp(asked, "connect") ? HTTP1_ASKED_CONNECT
                           : !strcmp(asked, "upgrade") ? HTTP1_ASKED_UPGRADE
                                                       : 0;
                text = http1_say(in, wire, n, true, (http1_cuts){ n, n ? n : 1 });
                printf("%s.\n", text);
                fflush(stdout);
                free(text);
                free(wire);
        }
        return 0;
}
