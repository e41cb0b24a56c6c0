/* SPDX-License-Identifier: Apache-2.0 */
/* function: a function of this program as what jobs run: function URL; beam run URL -- shout */
#include <beam/job.h>
#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

/* On a thread of its own, with pipes: it may wait for as long as it likes. */
static int shout(void *data, beam_work *work) {
        unsigned char text[4096];

        (void)data;
        for (ssize_t n; (n = read(work->fds[0], text, sizeof(text))) > 0;) {
                for (ssize_t i = 0; i < n; i++)
                        text[i] = (unsigned char)toupper(text[i]);
                if (write(work->fds[1], text, (size_t)n) != n)
                        return 1; /* nobody reads any more */
        }
        return 0;
}

int main(int argc, char **argv) {
        beam_context *ctx;
        beam_context_server *server;
        beam_worker *worker;
        int r = beam_context_new(&ctx);

        if (r == 0)
                r = beam_context_serve(ctx, argc > 1 ? argv[1] : "unix:@function", &server);
        if (r == 0)
                r = beam_worker_new(NULL, &worker);
        if (r == 0)
                r = beam_worker_allow_function(worker, "shout", shout, NULL);
        if (r == 0)
                r = beam_worker_join(worker, ctx);
        if (r == 0)
                r = beam_loop_run(BEAM_FOREVER);
        fprintf(stderr, "function: %s\n", beam_strerror(r));
        return 1;
}
