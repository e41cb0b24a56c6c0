/* SPDX-License-Identifier: Apache-2.0 */
/* hello: a service that answers. Run `hello-server unix:/tmp/hello.sock`, and in another
 * terminal `hello-client unix:/tmp/hello.sock Ada`; or any address that `beam help` names. */
#include <beam/beam.h>
#include <stdio.h>

static void on_message(void *data, const char *service, beam_msg *question) {
        char text[64];
        size_t n;
        const char *name = beam_msg_data(question, &n);
        int length = snprintf(text, sizeof(text), "hello, %.*s", n < 40 ? (int)n : 40, name);
        beam_msg *answer = NULL;

        (void)data, (void)service;
        if (beam_msg_new(text, (size_t)length, &answer) == 0)
                if (beam_reply(question, answer, beam_after(BEAM_SECOND)) < 0)
                        beam_msg_free(answer);
        beam_msg_free(question);
}

int main(int argc, char **argv) {
        int r = beam_serve(argc > 1 ? argv[1] : "unix:@hello", NULL, on_message, NULL);

        fprintf(stderr, "hello-server: %s\n", beam_strerror(r));
        return 1;
}
