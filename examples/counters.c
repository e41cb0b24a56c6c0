/* SPDX-License-Identifier: Apache-2.0 */
/* counters: a program's own numbers as keys, beside what clients store: counters URL */
#include <beam/context.h>
#include <errno.h>
#include <stdio.h>

static int64_t seconds, limit = 10;

static const beam_number numbers[] = {
        { "seconds", &seconds, 0, 0 }, /* a counter, which can only be read */
        { "limit", &limit, 0, 100 },   /* a setting, which can be set to these */
        { NULL, NULL, 0, 0 },
};

int main(int argc, char **argv) {
        beam_context_server *server;
        beam_context *ctx;
        beam_mount *mount;
        int r = beam_context_new(&ctx);

        if (r == 0)
                r = beam_context_mount_numbers(ctx, 0, "app:", numbers, &mount);
        if (r == 0)
                r = beam_context_serve(ctx, argc > 1 ? argv[1] : "unix:@counters", &server);
        while (r == 0 && (r = beam_loop_run(beam_after(BEAM_SECOND))) == -ETIMEDOUT) {
                seconds++;
                r = beam_mount_changed(mount, BEAM_ARG("seconds"));
        }
        fprintf(stderr, "counters: %s\n", beam_strerror(r));
        return 1;
}
