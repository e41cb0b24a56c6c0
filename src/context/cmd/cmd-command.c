/* SPDX-License-Identifier: Apache-2.0 */
/* COMMAND: the table of commands, for programs. What it says to people is in cmd-docs.c. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "../../base/glob.h"
#include "../../base/mem.h"
#include "../store.h"
#include "context/commands.h"

/* words for bits */

/* In the order of their bits; Redis does not tell what may be replicated. */
static const char *const flag_names[] = {
        "write",  "readonly",          "denyoom",      "admin",
        "pubsub", "noscript",          "blocking",     "loading",
        "stale",  "skip_monitor",      "skip_slowlog", "asking",
        "fast",   "no_auth",           "no_multi",     "movablekeys",
        NULL,     "no_mandatory_keys", "allow_busy",   "no_async_loading",
};
static const char *const spec_flag_names[] = {
        "RO",     "RW",     "OW",      "RM",         "access",         "update",
        "insert", "delete", "not_key", "incomplete", "variable_flags",
};

static void reply_bits(resp_out *o, uint32_t set, const char *const *names, size_t n,
                       const char *before) {
        size_t later = resp_out_later(o), n_told = 0;
        char word[32];

        for (size_t i = 0; i < n; i++) {
                if (!(set & 1u << i) || !names[i])
                        continue;
                snprintf(word, sizeof(word), "%s%s", before, names[i]);
                resp_out_status(o, word);
                n_told++;
        }
        resp_out_head(o, later, RESP_SET, n_told);
}

static void reply_spec_flags(resp_out *o, uint32_t flags) {
        reply_bits(o, flags, spec_flag_names, sizeof(spec_flag_names) / sizeof(char *), "");
}

/* where keys are */

typedef struct span {
        int first, last, step;
} span;

/* All of a command's keys as one range, which is what COMMAND had before it had anything
 * better: that of the only specification, or of those that join one another. */
static span span_of(const command *cmd) {
        span all = { INT_MAX, 0, 1 };
        int end = 0;

        for (unsigned i = 0; i < cmd->n_specs; i++) {
                const key_spec *spec = &cmd->specs[i];
                int last;

                if (spec->begins_unknown || spec->keyword || spec->find != KEYS_RANGE)
                        continue;
                last = spec->last < 0 ? spec->last : spec->index + spec->last;
                if (cmd->n_specs == 1)
                        return (span){ spec->index, last, spec->step };
                if (spec->step != 1 || (end && end != spec->index - 1))
                        continue;
                if (spec->index < all.first)
                        all.first = spec->index;
                /* below 0 is the end, which is behind all others */
                if ((unsigned)last > (unsigned)all.last)
                        all.last = last;
                end = last;
        }
        return all.first == INT_MAX ? (span){ 0, 0, 0 } : all;
}

static void reply_pair(resp_out *o, const char *name, int value) {
        resp_out_bulk_text(o, name);
        resp_out_integer(o, value);
}

/* A specification is of a type, and has numbers of that type. */
static void reply_type(resp_out *o, const char *what, const char *type, size_t n_pairs) {
        resp_out_bulk_text(o, what);
        resp_out_map(o, 2);
        resp_out_bulk_text(o, "type");
        resp_out_bulk_text(o, type);
        resp_out_bulk_text(o, "spec");
        resp_out_map(o, n_pairs);
}

static void reply_spec(resp_out *o, const key_spec *spec) {
        resp_out_map(o, spec->note ? 4 : 3);
        if (spec->note) {
                resp_out_bulk_text(o, "notes");
                resp_out_bulk_text(o, spec->note);
        }
        resp_out_bulk_text(o, "flags");
        reply_spec_flags(o, spec->flags);
        if (spec->begins_unknown) {
                reply_type(o, "begin_search", "unknown", 0);
        } else if (spec->keyword) {
                reply_type(o, "begin_search", "keyword", 2);
                resp_out_bulk_text(o, "keyword");
                resp_out_bulk_text(o, spec->keyword);
                reply_pair(o, "startfrom", spec->index);
        } else {
                reply_type(o, "begin_search", "index", 1);
                reply_pair(o, "index", spec->index);
        }
        if (spec->find == KEYS_UNKNOWN) {
                reply_type(o, "find_keys", "unknown", 0);
        } else if (spec->find == KEYS_RANGE) {
                reply_type(o, "find_keys", "range", 3);
                reply_pair(o, "lastkey", spec->last);
                reply_pair(o, "keystep", spec->step);
                reply_pair(o, "limit", spec->limit);
        } else {
                reply_type(o, "find_keys", "keynum", 3);
                reply_pair(o, "keynumidx", spec->number);
                reply_pair(o, "firstkey", spec->first);
                reply_pair(o, "keystep", spec->step);
        }
}

/* COMMAND INFO */

static void reply_info(resp_out *o, const command *cmd) {
        span keys = span_of(cmd);
        size_t n_tips = 0;

        while (cmd->tips && cmd->tips[n_tips])
                n_tips++;
        resp_out_array(o, 10);
        resp_out_bulk_text(o, cmd->name);
        resp_out_integer(o, cmd->arity);
        reply_bits(o, cmd->flags, flag_names, sizeof(flag_names) / sizeof(char *), "");
        resp_out_integer(o, keys.first);
        resp_out_integer(o, keys.last);
        resp_out_integer(o, keys.step);
        reply_bits(o, cmd->categories, command_categories, n_command_categories, "@");
        resp_out_set(o, n_tips);
        for (size_t i = 0; i < n_tips; i++)
                resp_out_bulk_text(o, cmd->tips[i]);
        resp_out_set(o, cmd->n_specs);
        for (unsigned i = 0; i < cmd->n_specs; i++)
                reply_spec(o, &cmd->specs[i]);
        resp_out_array(o, cmd->n_subs);
        for (unsigned i = 0; i < cmd->n_subs; i++)
                reply_info(o, &cmd->subs[i]);
}

void cmd_command(call *c) {
        resp_out_array(c->out, n_commands);
        for (unsigned i = 0; i < n_commands; i++)
                reply_info(c->out, &command_table[i]);
}

void cmd_command_info(call *c) {
        if (c->argc == 2) {
                cmd_command(c);
                return;
        }
        resp_out_array(c->out, (size_t)c->argc - 2);
        for (int i = 2; i < c->argc; i++) {
                const command *cmd = command_find_full(c->argv[i]);

                if (cmd)
                        reply_info(c->out, cmd);
                else
                        resp_out_null(c->out);
        }
}

void cmd_command_count(call *c) {
        resp_out_integer(c->out, n_commands);
}

/* COMMAND LIST */

typedef struct filter {
        bytes pattern, category; /* without a place: any */
        bool of_module;          /* there are none */
} filter;

static bool is_meant(const filter *f, const command *cmd) {
        if (f->of_module)
                return false;
        if (f->pattern.p)
                return glob_match(f->pattern, bytes_of(cmd->name), true);
        if (!f->category.p)
                return true;
        for (unsigned i = 0; i < n_command_categories; i++)
                if (bytes_is(f->category, command_categories[i]))
                        return cmd->categories & 1u << i;
        return false;
}

static size_t reply_names(resp_out *o, const filter *f, const command *cmds, unsigned n,
                          bool with_subs) {
        size_t n_told = 0;

        for (unsigned i = 0; i < n; i++) {
                if (is_meant(f, &cmds[i])) {
                        resp_out_bulk_text(o, cmds[i].name);
                        n_told++;
                }
                if (with_subs)
                        n_told += reply_names(o, f, cmds[i].subs, cmds[i].n_subs, true);
        }
        return n_told;
}

void cmd_command_list(call *c) {
        filter f = { 0 };
        size_t later, n;

        if (c->argc == 5 && call_is(c, 2, "FILTERBY") && call_is(c, 3, "PATTERN")) {
                f.pattern = c->argv[4];
        } else if (c->argc == 5 && call_is(c, 2, "FILTERBY") && call_is(c, 3, "ACLCAT")) {
                f.category = c->argv[4];
        } else if (c->argc == 5 && call_is(c, 2, "FILTERBY") && call_is(c, 3, "MODULE")) {
                f.of_module = true;
        } else if (c->argc != 2) {
                call_fail_syntax(c);
                return;
        }
        later = resp_out_later(c->out);
        n = reply_names(c->out, &f, command_table, n_commands, c->argc == 5);
        resp_out_head(c->out, later, RESP_ARRAY, n);
}

/* COMMAND GETKEYS */

static bool has_keys(const command *cmd) {
        for (unsigned i = 0; i < cmd->n_specs; i++)
                if (!(cmd->specs[i].flags & KEYSPEC_NOT_KEY))
                        return true;
        return false;
}

/* The command whose arguments begin with its name at argument 2, or NULL, and that has been
 * answered. */
static const command *read_command(call *c) {
        const bytes *argv = c->argv + 2;
        const command *cmd = command_find(argv[0]);
        int argc = c->argc - 2;

        if (cmd && cmd->n_subs > 0 && argc > 1)
                cmd = command_find_sub(cmd, argv[1]);
        if (!cmd)
                call_fail(c, "ERR Invalid command specified");
        else if (!has_keys(cmd))
                call_fail(c, "ERR The command has no key arguments");
        else if (cmd->arity >= 0 ? argc != cmd->arity : argc < -cmd->arity)
                call_fail(c, "ERR Invalid number of arguments specified for command");
        else
                return cmd;
        return NULL;
}

static bool has_word(const bytes *argv, int argc, int from, const char *word) {
        for (int i = from; i < argc; i++)
                if (bytes_is(argv[i], word))
                        return true;
        return false;
}

/* What SET and BITFIELD do with their key is for their arguments to say. */
static uint32_t flags_of(const command *cmd, const key_spec *spec, const bytes *argv, int argc) {
        const uint32_t changed = KEYSPEC_RW | KEYSPEC_ACCESS | KEYSPEC_UPDATE;

        if (cmd->run == cmd_set)
                return has_word(argv, argc, 3, "get") ? changed : KEYSPEC_OW | KEYSPEC_UPDATE;
        if (cmd->run == cmd_bitfield)
                return has_word(argv, argc, 2, "set") || has_word(argv, argc, 2, "incrby")
                               ? changed
                               : KEYSPEC_RO | KEYSPEC_ACCESS;
        return spec->flags;
}

/* Where SORT stores to, or 0. No specification can say it: the word may be a pattern, too. */
static int sort_stores_at(const bytes *argv, int argc) {
        int at = 0;

        for (int i = 2; i < argc; i++) {
                if (bytes_is(argv[i], "limit"))
                        i += 2;
                else if (bytes_is(argv[i], "by") || bytes_is(argv[i], "get"))
                        i++;
                else if (bytes_is(argv[i], "store") && i + 1 < argc)
                        at = ++i;
        }
        return at;
}

static int keys_of(const command *cmd, const key_spec *spec, const bytes *argv, int argc,
                   int *ret_places) {
        int n = command_spec_keys(spec, argv, argc, ret_places);

        if (cmd->run == cmd_sort && spec->flags & KEYSPEC_OW) {
                *ret_places = sort_stores_at(argv, argc);
                return *ret_places > 0;
        }
        /* a number of no keys */
        if (n == 0 && spec->find == KEYS_NUMBER)
                return -EINVAL;
        return n;
}

static void reply_keys(call *c, bool with_flags) {
        const command *cmd = read_command(c);
        const bytes *argv = c->argv + 2;
        int argc = c->argc - 2;
        size_t later, n_told = 0, before = c->out->n;
        int *places;

        if (!cmd)
                return;
        places = mem_array((size_t)argc, sizeof(int));
        if (!places) {
                call_fail_memory(c);
                return;
        }
        later = resp_out_later(c->out);
        for (unsigned i = 0; i < cmd->n_specs; i++) {
                const key_spec *spec = &cmd->specs[i];
                int n = keys_of(cmd, spec, argv, argc, places);

                if (n < 0 && !(cmd->flags & CMD_NO_MANDATORY_KEYS)) {
                        resp_out_cut(c->out, before);
                        call_fail(c, "ERR Invalid arguments specified for command");
                        mem_free(places);
                        return;
                }
                for (int k = 0; k < n; k++, n_told++) {
                        if (with_flags)
                                resp_out_array(c->out, 2);
                        resp_out_bulk(c->out, argv[places[k]].p, argv[places[k]].n);
                        if (with_flags)
                                reply_spec_flags(c->out, flags_of(cmd, spec, argv, argc));
                }
        }
        resp_out_head(c->out, later, RESP_ARRAY, n_told);
        mem_free(places);
}

void cmd_command_getkeys(call *c) {
        reply_keys(c, false);
}

void cmd_command_getkeysandflags(call *c) {
        reply_keys(c, true);
}
