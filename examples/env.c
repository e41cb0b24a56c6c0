/* SPDX-License-Identifier: Apache-2.0 */
/* env: the environment of this process as keys that are computed by functions: env URL */
#include <beam/context.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

static int read_variable(void *data, beam_arg name, beam_value *ret) {
        const char *text = getenv(name.data);

        (void)data;
        return text ? beam_value_string(ret, text, strlen(text)) : -ENOENT;
}

static int write_variable(void *data, beam_arg name, beam_result *value, const char **ret_why) {
        char text[4096];

        (void)data;
        if (value->kind == BEAM_RESULT_NULL)
                return unsetenv(name.data) < 0 ? -errno : 0;
        if (value->kind != BEAM_RESULT_BYTES && value->kind != BEAM_RESULT_INTEGER) {
                *ret_why = "a variable is a string";
                return -EINVAL;
        }
        if (value->n >= sizeof(text) || memchr(value->data, 0, value->n)) {
                *ret_why = "it has to be less than 4096 bytes, and none of them zero";
                return -EINVAL;
        }
        memcpy(text, value->data, value->n);
        text[value->n] = '\0';
        return setenv(name.data, text, 1) < 0 ? -errno : 0;
}

static int list_variables(void *data, beam_names *ret) {
        int r = 0;

        (void)data;
        for (char **at = environ; *at && r == 0; at++)
                r = beam_names_add(ret, *at, strcspn(*at, "="));
        return r;
}

int main(int argc, char **argv) {
        const beam_mount_calls calls = { .size = sizeof(calls),
                                         .read = read_variable,
                                         .write = write_variable,
                                         .list = list_variables };
        beam_context_server *server;
        beam_context *ctx;
        beam_mount *mount;
        int r = beam_context_new(&ctx);

        if (r == 0)
                r = beam_context_mount(ctx, 0, "env:", &calls, NULL, &mount);
        if (r == 0)
                r = beam_context_serve(ctx, argc > 1 ? argv[1] : "unix:@env", &server);
        if (r == 0)
                r = beam_loop_run(BEAM_FOREVER);
        fprintf(stderr, "env: %s\n", beam_strerror(r));
        return 1;
}
