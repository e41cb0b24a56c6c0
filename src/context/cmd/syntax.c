/* SPDX-License-Identifier: Apache-2.0 */
#include "syntax.h"

static void print_args(text *t, const command_arg *args, unsigned n, const char *between);

/* Without the brackets that say that it may be left out. */
static void print_bare(text *t, const command_arg *arg) {
        const char *token = arg->token && !*arg->token ? "\"\"" : arg->token;

        if (token)
                text_add(t, "%s%s", token, arg->type == ARG_PURE_TOKEN ? "" : " ");
        if (arg->type == ARG_ONEOF) {
                text_add(t, "%s", arg->optional && !token ? "" : "<");
                print_args(t, arg->args, arg->n_args, " | ");
                text_add(t, "%s", arg->optional && !token ? "" : ">");
        } else if (arg->type == ARG_BLOCK) {
                print_args(t, arg->args, arg->n_args, " ");
        } else if (arg->type != ARG_PURE_TOKEN) {
                text_add(t, "%s", arg->name);
        }
}

static void print_arg(text *t, const command_arg *arg) {
        if (arg->optional)
                text_add(t, "[");
        print_bare(t, arg);
        if (arg->multiple) {
                text_add(t, " [");
                if (arg->multiple_token || !arg->token) {
                        print_bare(t, arg);
                } else {
                        command_arg plain = *arg;

                        plain.token = NULL;
                        print_bare(t, &plain);
                }
                text_add(t, " ...]");
        }
        if (arg->optional)
                text_add(t, "]");
}

static void print_args(text *t, const command_arg *args, unsigned n, const char *between) {
        for (unsigned i = 0; i < n; i++) {
                text_add(t, "%s", i ? between : "");
                print_arg(t, &args[i]);
        }
}

void syntax_print(text *t, const command *cmd) {
        print_args(t, cmd->args, cmd->n_args, " ");
}
