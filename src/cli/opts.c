/* SPDX-License-Identifier: Apache-2.0 */
#include "opts.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "say.h"

enum { MAX_FLAGS = 32 };

#define DIALS (CLI_CALL | CLI_SEND | CLI_RECV | CLI_PIPE | CLI_PING)
#define LISTENS (CLI_SERVE | CLI_RECV)
#define CONTEXT (CLI_CONTEXT_SERVE | CLI_CONTEXT_EXEC | CLI_CONTEXT_SYNC)
#define ALL (DIALS | LISTENS | CLI_BENCH)

typedef enum flag_id {
        F_SERVICE = 1,
        F_JSON,
        F_TIMEOUT,
        F_CONFIG,
        F_VERBOSE,
        F_COUNT,
        F_DEPTH,
        F_LABEL,
        F_ECHO,
        F_MAX,
        F_GRACE,
        F_DIAL,
        F_RAW,
        F_PRINT_URL,
        F_WAIT,
        F_EACH,
        F_NAMED,
        F_FILE,
        F_POSITION,
        F_FOLLOW,
        F_HELP,
} flag_id;

static const struct flag {
        const char *name;
        char letter;
        flag_id id;
        int commands;
        const char *value; /* NULL: a switch */
        const char *text;
} flags[] = {
        { "service", 's', F_SERVICE, DIALS | LISTENS | CLI_CONTEXT_EXEC, "NAME",
          "the service to ask for; of serve and recv: the only one to answer to; of context exec: "
          "the name of the context" },
        { "timeout", 't', F_TIMEOUT, ALL | CLI_CONTEXT_EXEC | CLI_CONTEXT_SYNC, "SECONDS",
          "give up after so long, with status 124; of serve: for each child" },
        { "json", 'j', F_JSON, ALL | CLI_CONTEXT_EXEC | CLI_CONTEXT_SYNC, NULL,
          "print results as lines of JSON; of pipe: to stderr" },
        { "config", 'c', F_CONFIG, ALL | CONTEXT, "FILE",
          "read options from FILE: lines like timeout = 5" },
        { "verbose", 'v', F_VERBOSE, DIALS | LISTENS | CONTEXT, NULL,
          "say on stderr what is done, as on a terminal" },
        { "echo", 'e', F_ECHO, CLI_SERVE, NULL, "send back what comes, instead of a command" },
        { "max", 'm', F_MAX, CLI_SERVE, "N", "at most N children at once; 64 unless said" },
        { "grace", 'g', F_GRACE, LISTENS, "SECONDS",
          "how long what is open may go on after SIGTERM; 10 unless said" },
        { "print-url", 'u', F_PRINT_URL, LISTENS | CLI_CONTEXT_SERVE, NULL,
          "print the real address, with its port, as the first line" },
        { "wait", 'w', F_WAIT, DIALS | CLI_CONTEXT_EXEC | CLI_CONTEXT_SYNC, NULL,
          "until somebody listens there, if nobody does yet" },
        { "file", 'f', F_FILE, CLI_CONTEXT_SERVE, "FILE",
          "load FILE, an RDB, if it is there; and save to it" },
        { "follow", 'F', F_FOLLOW, CLI_CONTEXT_SERVE, "URL",
          "be a copy of the context, or the Redis, there" },
        { "each", 'E', F_EACH, CLI_CONTEXT_SERVE, NULL,
          "a context of its own for each connection" },
        { "named", 'N', F_NAMED, CLI_CONTEXT_SERVE, NULL,
          "a context for each name that clients say as their user" },
        { "position", 'p', F_POSITION, CLI_CONTEXT_SYNC, "POSITION",
          "go on where an earlier one was, as --json told it" },
        { "dial", 'd', F_DIAL, CLI_RECV, NULL, "connect to URL instead of listening there" },
        { "count", 'n', F_COUNT, CLI_RECV | CLI_PING, "COUNT", "end after so many" },
        { "raw", 'r', F_RAW, CLI_RECV | CLI_CALL, NULL,
          "print the bytes as they are, with no newline of our own" },
        { "depth", 'D', F_DEPTH, CLI_SEND | CLI_RECV, "N",
          "messages that may be under way untaken; 128 unless said" },
        { "label", 'l', F_LABEL, CLI_CALL | CLI_SEND, "FORMAT",
          "the format of the bytes, as json or text/plain" },
        { "help", 'h', F_HELP, ALL | CONTEXT | CLI_HELP, NULL, "print this" },
};

#define N_FLAGS (sizeof(flags) / sizeof(flags[0]))
static_assert(N_FLAGS < MAX_FLAGS, "the tables of opts_read() hold them all");

static int parse_count(const char *text, uint64_t max, uint64_t *ret) {
        char *end;
        unsigned long long n;

        errno = 0;
        n = strtoull(text, &end, 10);
        if (text[0] < '0' || text[0] > '9' || *end || errno || n > max)
                return -EINVAL;
        *ret = n;
        return 0;
}

static int parse_seconds(const char *text, int64_t *ret) {
        char *end;
        double s = strtod(text, &end);

        /* A hundred years is as good as for ever, and still fits the clock. */
        if (end == text || *end || !isfinite(s) || s < 0)
                return -EINVAL;
        *ret = s > 3.2e9 ? BEAM_FOREVER : (int64_t)(s * (double)BEAM_SECOND);
        return 0;
}

/* NULL, for a switch on the command line, is yes. */
static int parse_yes(const char *text, bool *ret) {
        if (!text || strcmp(text, "yes") == 0 || strcmp(text, "true") == 0)
                *ret = true;
        else if (strcmp(text, "no") == 0 || strcmp(text, "false") == 0)
                *ret = false;
        else
                return -EINVAL;
        return 0;
}

static int set(cli_opts *o, flag_id id, const char *value) {
        uint64_t n;
        int r;

        switch (id) {
        case F_SERVICE:
                o->service = value;
                return strlen(value) <= 255 ? 0 : -EINVAL;
        case F_LABEL:
                o->label = value;
                return strlen(value) <= BEAM_LABEL_MAX ? 0 : -EINVAL;
        case F_FILE:
                o->file = value;
                return *value ? 0 : -EINVAL;
        case F_FOLLOW:
                o->follow = value;
                return 0;
        case F_POSITION:
                o->position = value;
                return 0;
        case F_TIMEOUT:
                return parse_seconds(value, &o->timeout);
        case F_GRACE:
                return parse_seconds(value, &o->grace);
        case F_COUNT:
                return parse_count(value, UINT64_MAX, &o->count);
        case F_DEPTH:
                r = parse_count(value, BEAM_DEPTH_MAX, &n);
                if (r == 0)
                        o->depth = (size_t)n;
                return r;
        case F_MAX:
                /* Each child costs a process and two descriptors; picked. */
                r = parse_count(value, 4096, &n);
                if (r < 0 || n == 0)
                        return -EINVAL;
                o->max = (size_t)n;
                return 0;
        case F_JSON:
                return parse_yes(value, &o->json);
        case F_VERBOSE:
                return parse_yes(value, &o->verbose);
        case F_ECHO:
                return parse_yes(value, &o->echo);
        case F_DIAL:
                return parse_yes(value, &o->dial);
        case F_RAW:
                return parse_yes(value, &o->raw);
        case F_PRINT_URL:
                return parse_yes(value, &o->print_url);
        case F_WAIT:
                return parse_yes(value, &o->wait);
        case F_EACH:
                return parse_yes(value, &o->each);
        case F_NAMED:
                return parse_yes(value, &o->named);
        case F_CONFIG:
        case F_HELP:
                break;
        }
        return -EINVAL;
}

/* Cut the blanks off both ends, in place. */
static char *trim(char *text) {
        size_t n;

        text += strspn(text, " \t\r\n");
        n = strlen(text);
        while (n > 0 && strchr(" \t\r\n", text[n - 1]))
                text[--n] = '\0';
        return text;
}

static void file_closep(FILE **f) {
        if (*f)
                fclose(*f);
}

static void freep(char **p) {
        free(*p);
}

/* What the config file said, for as long as the process lives. */
static struct kept {
        struct kept *next;
        char text[];
} * kept;

static char *keep(const char *text) {
        size_t n = strlen(text) + 1;
        struct kept *k = malloc(sizeof(*k) + n);

        if (!k)
                return NULL;
        memcpy(k->text, text, n);
        k->next = kept;
        kept = k;
        return k->text;
}

static int read_config(const cli_command *c, const char *path, cli_opts *o) {
        _cleanup_(file_closep) FILE *f = fopen(path, "re");
        _cleanup_(freep) char *line = NULL;
        size_t size = 0;

        if (!f) {
                say_error("cannot read the config file %s: %s", path, strerror(errno));
                return CLI_MISUSE;
        }

        for (unsigned at = 1; getline(&line, &size, f) >= 0; at++) {
                const struct flag *flag = NULL;
                char *name = trim(line), *value, *equals;

                if (name[0] == '\0' || name[0] == '#')
                        continue;
                equals = strchr(name, '=');
                value = equals ? trim(equals + 1) : NULL;
                if (equals)
                        *equals = '\0';
                name = trim(name);

                for (size_t i = 0; i < N_FLAGS; i++)
                        if (strcmp(flags[i].name, name) == 0)
                                flag = &flags[i];
                if (!flag || flag->id == F_CONFIG || flag->id == F_HELP) {
                        say_error("%s:%u: there is no option \"%s\"; `beam help %s` lists them",
                                  path, at, name, c->name);
                        return CLI_MISUSE;
                }
                if (!(flag->commands & c->bit))
                        continue;
                if (flag->value && (!value || !*value)) {
                        say_error("%s:%u: %s needs a value: %s = %s", path, at, name, name,
                                  flag->value);
                        return CLI_MISUSE;
                }
                if (flag->value && !(value = keep(value))) {
                        say_error("out of memory");
                        return CLI_FAILED;
                }
                if (set(o, flag->id, value) < 0) {
                        say_error("%s:%u: %s cannot be \"%s\"", path, at, name, value);
                        return CLI_MISUSE;
                }
        }
        return CLI_DONE;
}

/* Say what getopt_long() did not like: @word is where it stood when the option was a
 * long one; a letter it knows, or does not, is in optopt. */
static void misread(const cli_command *c, int got, const char *word) {
        const struct flag *f = NULL;

        for (size_t i = 0; i < N_FLAGS; i++)
                if (optopt && flags[i].letter == optopt && (flags[i].commands & c->bit))
                        f = &flags[i];
        if (f && got == ':')
                say_error("--%s needs a value, --%s %s", f->name, f->name, f->value);
        else if (f)
                say_error("--%s takes no value", f->name);
        else if (optopt)
                say_error("-%c: no such option; see `beam help %s`", optopt, c->name);
        else
                say_error("%s: no such option; see `beam help %s`", word, c->name);
}

int opts_read(const cli_command *c, int n_args, char **args, cli_opts *ret_o, int *ret_n_words,
              char ***ret_words) {
        struct option longs[MAX_FLAGS] = { 0 };
        /* What is executed on a context may begin with a dash: our options stand before it. */
        char shorts[3 * MAX_FLAGS], *s = stpcpy(shorts, c->bit == CLI_CONTEXT_EXEC ? "+:" : ":");
        cli_opts o = {
                .timeout = BEAM_FOREVER,
                .grace = 10 * BEAM_SECOND,
                .depth = 128,
                .max = 64,
        };
        int n = n_args, n_longs = 0, got, status;

        for (size_t i = 0; i < N_FLAGS; i++) {
                const struct flag *f = &flags[i];

                if (!(f->commands & c->bit))
                        continue;
                longs[n_longs++] = (struct option){
                        .name = f->name,
                        .has_arg = f->value ? required_argument : no_argument,
                        .val = f->letter,
                };
                *s++ = f->letter;
                if (f->value)
                        *s++ = ':';
        }
        *s = '\0';

        /* The command of `beam serve` is cut off first: its options are its own. */
        if (c->bit == CLI_SERVE)
                for (int i = 0; i < n_args; i++)
                        if (strcmp(args[i], "--") == 0) {
                                o.command = args + i + 1;
                                n = i;
                                break;
                        }

        /* getopt wants a word before the first: the command's own name stands there.
         * Twice through: the config file comes first, wherever its flag stands. */
        for (int pass = 0; pass < 2; pass++) {
                optind = 0;
                opterr = 0;
                while ((got = getopt_long(n + 1, args - 1, shorts, longs, NULL)) >= 0) {
                        const struct flag *f = NULL;

                        if (got == '?' || got == ':') {
                                misread(c, got, args[optind - 2]);
                                return CLI_MISUSE;
                        }
                        for (size_t i = 0; i < N_FLAGS; i++)
                                if (flags[i].letter == got)
                                        f = &flags[i];
                        if (!f)
                                return CLI_MISUSE;
                        if (f->id == F_HELP) {
                                *ret_n_words = -1;
                                return CLI_DONE;
                        }
                        if (f->id == F_CONFIG) {
                                status = pass == 0 ? read_config(c, optarg, &o) : CLI_DONE;
                                if (status != CLI_DONE)
                                        return status;
                        } else if (pass == 1 && set(&o, f->id, optarg) < 0) {
                                say_error("--%s cannot be \"%s\"; see `beam help %s`", f->name,
                                          optarg, c->name);
                                return CLI_MISUSE;
                        }
                }
        }

        *ret_o = o;
        *ret_n_words = n + 1 - optind;
        *ret_words = args - 1 + optind;
        return CLI_DONE;
}

void opts_print(const cli_command *c) {
        puts("\nOptions:");
        for (size_t i = 0; i < N_FLAGS; i++) {
                const struct flag *f = &flags[i];
                char left[64];

                if (!(f->commands & c->bit))
                        continue;
                snprintf(left, sizeof(left), "-%c, --%s%s%s", f->letter, f->name,
                         f->value ? " " : "", f->value ? f->value : "");
                printf("  %-24s  %s\n", left, f->text);
        }
}
