/* SPDX-License-Identifier: Apache-2.0 */
/* counters: a program's own numbers as keys, beside what clients store: counters URL */
#include <beam/context.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int64_t seconds, limit = 10;

static int read_number(void *data, beam_arg name, beam_value *ret) {
        (void)data;
        if (strcmp(name.data, "seconds") == 0)
                return beam_value_integer(ret, seconds);
        return strcmp(name.data, "limit") == 0 ? beam_value_integer(ret, limit) : -ENOENT;
}

static int write_number(void *data, beam_arg name, beam_result *value, const char **ret_why) {
        (void)data;
        *ret_why = "only the limit can be set, from 0 to 100";
        if (strcmp(name.data, "limit") != 0 || value->kind != BEAM_RESULT_INTEGER ||
            value->integer < 0 || value->integer > 100)
                return -EINVAL;
        limit = value->integer;
        return 0;
}

static int list_numbers(void *data, beam_names *ret) {
        (void)data;
        beam_names_add(ret, "seconds", 7);
        return beam_names_add(ret, "limit", 5);
}

int main(int argc, char **argv) {
        beam_mount_calls calls = { sizeof(calls), read_number, write_number, list_numbers, NULL };
        beam_context_server *server;
        beam_context *ctx;
        beam_mount *mount;
        int r = beam_context_new(&ctx);

        if (r == 0)
                r = beam_context_mount(ctx, 0, "app:", &calls, NULL, &mount);
        if (r == 0)
                r = beam_context_serve(ctx, argc > 1 ? argv[1] : "unix:@counters", &server);
        while (r == 0 && (r = beam_loop_run(beam_after(BEAM_SECOND))) == -ETIMEDOUT) {
                seconds++;
                r = beam_mount_changed(mount, BEAM_ARG("seconds"));
        }
        fprintf(stderr, "counters: %s\n", beam_strerror(r));
        return 1;
}
