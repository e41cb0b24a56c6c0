/* SPDX-License-Identifier: Apache-2.0 */
/* hello: ask the service. Run `hello-client unix:/tmp/hello.sock Ada` beside hello-server. */
#include <beam/beam.h>
#include <stdio.h>
#include <string.h>

#define AUTO(f) __attribute__((cleanup(f)))

int main(int argc, char **argv) {
        const char *url = argc > 1 ? argv[1] : "unix:@hello", *name = argc > 2 ? argv[2] : "world";
        int64_t deadline = beam_after(5 * BEAM_SECOND);
        AUTO(beam_session_closep) beam_session *s = NULL;
        AUTO(beam_sender_closep) beam_sender *tx = NULL;
        AUTO(beam_msg_freep) beam_msg *question = NULL, *answer = NULL;
        size_t n;
        int r, left = 0;

        if ((r = beam_dial(url, NULL, &s, deadline)) == 0 &&
            (r = beam_session_open(s, "", 1, &tx, deadline)) == 0 &&
            (r = beam_msg_new(name, strlen(name), &question)) == 0)
                r = beam_call(tx, question, &answer, &left, deadline);
        if (left)
                question = NULL; /* it is theirs now */
        if (r < 0)
                return fprintf(stderr, "hello-client: %s: %s\n", url, beam_strerror(r)), 1;
        name = beam_msg_data(answer, &n);
        return printf("%.*s\n", (int)n, name) < 0;
}
