/* SPDX-License-Identifier: Apache-2.0 */
/* COMMAND DOCS: the table of commands, for people and for what shows it to them. */
#include "../store.h"
#include "context/commands.h"

static const char *const type_names[] = {
        [ARG_STRING] = "string",         [ARG_INTEGER] = "integer",
        [ARG_DOUBLE] = "double",         [ARG_KEY] = "key",
        [ARG_PATTERN] = "pattern",       [ARG_UNIX_TIME] = "unix-time",
        [ARG_PURE_TOKEN] = "pure-token", [ARG_ONEOF] = "oneof",
        [ARG_BLOCK] = "block",
};

static void reply_field(resp_out *o, const char *name, const char *value, size_t *n) {
        if (!value)
                return;
        resp_out_bulk_text(o, name);
        resp_out_bulk_text(o, value);
        ++*n;
}

static void reply_arg_flags(resp_out *o, const command_arg *arg, size_t *n) {
        size_t n_flags = (size_t)arg->optional + arg->multiple + arg->multiple_token;

        if (n_flags == 0)
                return;
        resp_out_bulk_text(o, "flags");
        resp_out_set(o, n_flags);
        if (arg->optional)
                resp_out_status(o, "optional");
        if (arg->multiple)
                resp_out_status(o, "multiple");
        if (arg->multiple_token)
                resp_out_status(o, "multiple_token");
        ++*n;
}

static void reply_args(resp_out *o, const command_arg *args, unsigned n_args) {
        resp_out_bulk_text(o, "arguments");
        resp_out_array(o, n_args);
        for (unsigned i = 0; i < n_args; i++) {
                const command_arg *arg = &args[i];
                size_t later = resp_out_later(o), n = 0;

                reply_field(o, "name", arg->name, &n);
                reply_field(o, "type", type_names[arg->type], &n);
                if (arg->spec >= 0) {
                        resp_out_bulk_text(o, "key_spec_index");
                        resp_out_integer(o, arg->spec);
                        n++;
                }
                reply_field(o, "token", arg->token, &n);
                reply_field(o, "since", arg->since, &n);
                reply_arg_flags(o, arg, &n);
                if (arg->n_args > 0) {
                        reply_args(o, arg->args, arg->n_args);
                        n++;
                }
                resp_out_head(o, later, RESP_MAP, n);
        }
}

/* Changes are "6.2.0: what". */
static void reply_history(resp_out *o, const char *const *changes, size_t *n) {
        size_t n_changes = 0;

        if (!changes)
                return;
        while (changes[n_changes])
                n_changes++;
        resp_out_bulk_text(o, "history");
        resp_out_set(o, n_changes);
        for (size_t i = 0; i < n_changes; i++) {
                const char *colon = strchr(changes[i], ':');

                resp_out_array(o, 2);
                resp_out_bulk(o, changes[i], (size_t)(colon - changes[i]));
                resp_out_bulk_text(o, colon + 2);
        }
        ++*n;
}

static void reply_docs(resp_out *o, const command *cmd) {
        size_t later, n = 0;

        resp_out_bulk_text(o, cmd->name);
        later = resp_out_later(o);
        reply_field(o, "summary", cmd->summary, &n);
        reply_field(o, "since", cmd->since, &n);
        reply_field(o, "group", cmd->group, &n);
        reply_field(o, "complexity", cmd->complexity, &n);
        if (cmd->deprecated_since || cmd->is_system) {
                resp_out_bulk_text(o, "doc_flags");
                resp_out_set(o, 1);
                resp_out_status(o, cmd->is_system ? "syscmd" : "deprecated");
                n++;
        }
        reply_field(o, "deprecated_since", cmd->deprecated_since, &n);
        reply_field(o, "replaced_by", cmd->replaced_by, &n);
        reply_history(o, cmd->changes, &n);
        if (cmd->n_args > 0) {
                reply_args(o, cmd->args, cmd->n_args);
                n++;
        }
        if (cmd->n_subs > 0) {
                resp_out_bulk_text(o, "subcommands");
                resp_out_map(o, cmd->n_subs);
                for (unsigned i = 0; i < cmd->n_subs; i++)
                        reply_docs(o, &cmd->subs[i]);
                n++;
        }
        resp_out_head(o, later, RESP_MAP, n);
}

void cmd_command_docs(call *c) {
        size_t later = resp_out_later(c->out), n = 0;

        for (unsigned i = 0; c->argc == 2 && i < n_commands; i++, n++)
                reply_docs(c->out, &command_table[i]);
        for (int i = 2; i < c->argc; i++) {
                const command *cmd = command_find_full(c->argv[i]);

                if (cmd) {
                        reply_docs(c->out, cmd);
                        n++;
                }
        }
        resp_out_head(c->out, later, RESP_MAP, n);
}
