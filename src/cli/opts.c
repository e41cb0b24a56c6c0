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

enum { MAX_FLAGS = 100 };

#define DIALS (CLI_CALL | CLI_SEND | CLI_RECV | CLI_PIPE | CLI_PING)
#define LISTENS (CLI_SERVE | CLI_RECV)
#define CONTEXT (CLI_CONTEXT_SERVE | CLI_CONTEXT_EXEC | CLI_CONTEXT_SYNC)
#define RUNS (CLI_WORKER | CLI_CONTEXT_SERVE)
#define JOBS                                                                          \
        (CLI_JOB_LS | CLI_JOB_SHOW | CLI_JOB_LOGS | CLI_JOB_ATTACH | CLI_JOB_SIGNAL | \
         CLI_JOB_WAIT | CLI_JOB_RM)
#define ALL (DIALS | LISTENS | CLI_BENCH)

/* what a value has to be */
#define A_NAME "of 255 bytes at most"
#define A_TIME "seconds, such as 30 or 0.5"

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
        F_PASSWORD,
        F_ALLOW,
        F_JOBS,
        F_DIRECTORY,
        F_ENV,
        F_DETACH,
        F_DIRECT,
        F_KEEP,
        F_ON_EXIT,
        F_USER,
        F_UMASK,
        F_LIMIT,
        F_DELAY,
        F_RETRY,
        F_BACKOFF,
        F_FD,
        F_HELP,
} flag_id;

/* A name may have several rows, each for other commands, where it means another thing to them;
 * its letter and its value are the same in all. */
static const struct flag {
        const char *name;
        char letter;
        flag_id id;
        int commands;
        const char *value; /* NULL: a switch */
        const char *wants; /* of a value; NULL: any text does */
        const char *text;
} flags[] = {
        { "service", 's', F_SERVICE, CLI_CALL | CLI_SEND | CLI_PIPE, "NAME", A_NAME,
          "the service to ask for" },
        { "service", 's', F_SERVICE, CLI_SERVE, "NAME", A_NAME, "answer to this name only" },
        { "service", 's', F_SERVICE, CLI_RECV, "NAME", A_NAME,
          "answer to this name only; with --dial: ask for it" },
        { "service", 's', F_SERVICE, CLI_CONTEXT_EXEC | CLI_CONTEXT_SYNC | CLI_RUN | JOBS, "NAME",
          A_NAME, "the context of this name; at a Redis the user" },
        { "service", 's', F_SERVICE, CLI_CONTEXT_SERVE, "NAME", A_NAME,
          "with --follow: that context, or user, there" },
        { "password", 'P', F_PASSWORD, CLI_CONTEXT_EXEC | CLI_CONTEXT_SYNC | CLI_RUN | JOBS,
          "PASSWORD", NULL, "the password there; nobody sees one that is in a --config" },
        { "password", 'P', F_PASSWORD, CLI_CONTEXT_SERVE, "PASSWORD", NULL,
          "with --follow: the password there; better in a --config" },
        { "timeout", 't', F_TIMEOUT, CLI_SERVE, "SECONDS", A_TIME,
          "end a child that takes longer, and say so to who asked" },
        { "timeout", 't', F_TIMEOUT, CLI_CONTEXT_SYNC, "SECONDS", A_TIME,
          "end when nothing has changed for so long, with status 124" },
        { "timeout", 't', F_TIMEOUT, CLI_RUN, "SECONDS", A_TIME,
          "cancel the job when it takes longer, with status 124" },
        { "timeout", 't', F_TIMEOUT, DIALS | CLI_BENCH | CLI_CONTEXT_EXEC | JOBS, "SECONDS", A_TIME,
          "give up after so long, with status 124" },
        { "json", 'j', F_JSON, CLI_PIPE, NULL, NULL,
          "say how it ended as a line of JSON, on stderr" },
        { "json", 'j', F_JSON, CLI_RUN | CLI_JOB_ATTACH, NULL, NULL,
          "say how it ended as a line of JSON, on stderr" },
        { "json", 'j', F_JSON, CLI_SERVE, NULL, NULL, "print what --print-url says as JSON" },
        { "json", 'j', F_JSON,
          (DIALS & ~CLI_PIPE) | CLI_BENCH | CLI_CONTEXT_EXEC | CLI_CONTEXT_SYNC | CLI_JOB_LS |
                  CLI_JOB_SHOW | CLI_JOB_WAIT,
          NULL, NULL, "print results as lines of JSON" },
        { "config", 'c', F_CONFIG, ALL | CONTEXT | CLI_RUN | JOBS, "FILE", NULL,
          "read options from FILE: lines like timeout = 5" },
        { "verbose", 'v', F_VERBOSE, DIALS | LISTENS | CONTEXT | CLI_RUN | JOBS, NULL, NULL,
          "say on stderr what is done, as on a terminal" },
        { "echo", 'e', F_ECHO, CLI_SERVE, NULL, NULL, "send back what comes, without a CMD" },
        { "max", 'm', F_MAX, CLI_SERVE, "N", "a number from 1 to 4096",
          "at most N children at once; 64 unless said" },
        { "grace", 'g', F_GRACE, LISTENS, "SECONDS", A_TIME,
          "what is open may go on so long after SIGTERM; 10 unless said" },
        { "print-url", 'u', F_PRINT_URL, LISTENS | CLI_CONTEXT_SERVE, NULL, NULL,
          "print the real address, with its port, as the first line" },
        { "wait", 'w', F_WAIT, DIALS | CLI_CONTEXT_EXEC | CLI_CONTEXT_SYNC | CLI_RUN | JOBS, NULL,
          NULL, "until somebody listens there, if nobody does yet" },
        { "file", 'f', F_FILE, CLI_CONTEXT_SERVE, "FILE", "a path",
          "load FILE, an RDB, if it is there; and save to it" },
        { "follow", 'F', F_FOLLOW, CLI_CONTEXT_SERVE, "URL", NULL,
          "be a copy of the context, or the Redis, there" },
        { "each", 'E', F_EACH, CLI_CONTEXT_SERVE, NULL, NULL,
          "a context of its own for each connection" },
        { "named", 'N', F_NAMED, CLI_CONTEXT_SERVE, NULL, NULL,
          "a context for each name that clients say as their user" },
        { "position", 'p', F_POSITION, CLI_CONTEXT_SYNC, "POSITION", NULL,
          "go on where an earlier one was, as --json told it" },
        { "dial", 'd', F_DIAL, CLI_RECV, NULL, NULL, "connect to URL instead of listening there" },
        { "count", 'n', F_COUNT, CLI_RECV, "COUNT", "a number from 1 on",
          "end after so many messages" },
        { "count", 'n', F_COUNT, CLI_PING, "COUNT", "a number from 1 on",
          "ping so often; once unless said" },
        { "raw", 'r', F_RAW, CLI_RECV | CLI_CALL, NULL, NULL,
          "print the bytes as they are, with no newline of our own" },
        { "depth", 'D', F_DEPTH, CLI_SEND | CLI_RECV, "N", "a number from 0 to 1048576",
          "messages that may be under way untaken; 128 unless said" },
        { "label", 'l', F_LABEL, CLI_CALL | CLI_SEND, "FORMAT", "of 63 bytes at most",
          "the format of the bytes, as json or text/plain" },
        { "allow", 'a', F_ALLOW, CLI_WORKER, "NAME[=PROGRAM],...", "at most 64 lists of names",
          "what may be run: a program of that name, or another one, by its path" },
        { "allow-jobs", 'a', F_ALLOW, CLI_CONTEXT_SERVE, "NAME[=PROGRAM],...",
          "at most 64 lists of names", "run jobs here: a program of that name, or another one" },
        { "jobs", 'J', F_JOBS, RUNS, "N", "a number from 1 to 4096",
          "at most N jobs at once; four for each core unless said" },
        { "directory", 'C', F_DIRECTORY, RUNS, "DIR", NULL, "where jobs run; here unless said" },
        { "user", 'U', F_USER, RUNS, "USER", "at most 64 of them",
          "jobs may ask to be run as USER; as often as needed" },
        { "limit", 'l', F_LIMIT, RUNS, "NAME=N", "NAME=N, and at most 64 of them",
          "the most of NAME, as nofile, that a job gets; as often as needed" },
        { "grace", 'g', F_GRACE, RUNS, "SECONDS", A_TIME,
          "jobs that run may go on so long after SIGTERM; 10 unless said" },
        { "wait", 'w', F_WAIT, CLI_WORKER, NULL, NULL,
          "until somebody listens there, if nobody does yet" },
        { "service", 's', F_SERVICE, CLI_WORKER, "NAME", A_NAME,
          "the context of this name; at a Redis the user" },
        { "password", 'P', F_PASSWORD, CLI_WORKER, "PASSWORD", NULL,
          "the password there; nobody sees one that is in a --config" },
        { "config", 'c', F_CONFIG, CLI_WORKER, "FILE", NULL,
          "read options from FILE: lines like timeout = 5" },
        { "verbose", 'v', F_VERBOSE, CLI_WORKER, NULL, NULL,
          "say on stderr what is done, as on a terminal" },
        { "help", 'h', F_HELP, CLI_WORKER, NULL, NULL, "print this" },
        { "env", 'e', F_ENV, CLI_RUN, "NAME=VALUE", "NAME=VALUE, or NAME for the one of here",
          "a variable of its environment; as often as needed" },
        { "directory", 'C', F_DIRECTORY, CLI_RUN, "DIR", NULL,
          "where it runs, as seen from where the worker runs jobs" },
        { "user", 'U', F_USER, CLI_RUN, "USER", "one name",
          "as whom it runs there, if the worker lets it" },
        { "umask", 'M', F_UMASK, CLI_RUN, "MASK", NULL, "permissions that its files do not get" },
        { "limit", 'l', F_LIMIT, CLI_RUN, "NAME=N", "NAME=N, and at most 64 of them",
          "the most of NAME, as nofile, that it gets; as often as needed" },
        { "fd", 'f', F_FD, CLI_RUN, "N,...", "numbers from 3 to 255, each once, 64 at most",
          "descriptors of ours that it has, too, as 3 of 3< FILE or 4> FILE" },
        { "detach", 'd', F_DETACH, CLI_RUN, NULL, NULL,
          "print its number and leave it, without input, to go on" },
        { "direct", 'D', F_DIRECT, CLI_RUN, NULL, NULL,
          "over a channel: what it prints is not in the context" },
        { "keep", 'k', F_KEEP, CLI_RUN, NULL, NULL,
          "do not remove it at the end, but for `beam job` to look at" },
        { "on-exit", 'o', F_ON_EXIT, CLI_RUN, "WHAT", "cancel or go-on",
          "when we are killed: cancel the job, as unless said; or go-on" },
        { "delay", 'A', F_DELAY, CLI_RUN, "SECONDS", A_TIME, "do not begin before so long" },
        { "retry", 'r', F_RETRY, CLI_RUN, "N", "a number up to 1000000",
          "when it fails or is lost, try it up to N times more" },
        { "backoff", 'b', F_BACKOFF, CLI_RUN, "SECONDS", A_TIME,
          "before the first, 1 unless said; then twice as long" },
        { "help", 'h', F_HELP, ALL | CONTEXT | CLI_RUN | JOBS | CLI_HELP, NULL, NULL,
          "print this" },
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

/* To a list that ends with NULL. */
static int add(const char *list[static CLI_LIST_MAX + 1], size_t *n, const char *value) {
        if (*n == CLI_LIST_MAX || !*value)
                return -EINVAL;
        list[(*n)++] = value;
        return 0;
}

static int add_fds(cli_opts *o, const char *text) {
        char *end;

        do {
                unsigned long n = strtoul(text, &end, 10);

                if (*text < '0' || *text > '9' || n < 3 || n > 255 || o->n_fds == CLI_LIST_MAX)
                        return -EINVAL;
                for (size_t i = 0; i < o->n_fds; i++)
                        if (o->fds[i] == n)
                                return -EINVAL;
                o->fds[o->n_fds++] = (unsigned)n;
                text = end + 1;
        } while (*end == ',');
        return *end ? -EINVAL : 0;
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
        case F_PASSWORD:
                o->password = value;
                return 0;
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
                r = parse_count(value, UINT64_MAX, &n);
                if (r < 0 || n == 0)
                        return -EINVAL;
                o->count = n;
                return 0;
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
        case F_ALLOW:
                if (o->n_allow == CLI_ALLOW_MAX || !*value)
                        return -EINVAL;
                o->allow[o->n_allow++] = value;
                return 0;
        case F_JOBS:
                r = parse_count(value, 4096, &n);
                if (r < 0 || n == 0)
                        return -EINVAL;
                o->n_jobs = (size_t)n;
                return 0;
        case F_DIRECTORY:
                o->directory = value;
                return *value ? 0 : -EINVAL;
        case F_ENV:
                if (o->n_env == CLI_ENV_MAX || !*value || *value == '=')
                        return -EINVAL;
                o->env[o->n_env++] = value;
                return 0;
        case F_USER:
                return add(o->users, &o->n_users, value);
        case F_UMASK:
                o->umask = value;
                return 0;
        case F_LIMIT:
                return strchr(value, '=') ? add(o->limits, &o->n_limits, value) : -EINVAL;
        case F_FD:
                return add_fds(o, value);
        case F_DETACH:
                return parse_yes(value, &o->detach);
        case F_DIRECT:
                return parse_yes(value, &o->direct);
        case F_KEEP:
                return parse_yes(value, &o->keep);
        case F_ON_EXIT:
                o->goes_on = strcmp(value, "go-on") == 0;
                return o->goes_on || strcmp(value, "cancel") == 0 ? 0 : -EINVAL;
        case F_DELAY:
                return parse_seconds(value, &o->delay);
        case F_RETRY:
                return parse_count(value, 1000000, &o->retry);
        case F_BACKOFF:
                return parse_seconds(value, &o->backoff);
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

/* What @c means by the option of that letter, or else of that name. */
static const struct flag *find(const cli_command *c, int letter, const char *name) {
        for (size_t i = 0; i < N_FLAGS; i++)
                if ((flags[i].commands & c->bit) &&
                    (letter ? flags[i].letter == letter : strcmp(flags[i].name, name) == 0))
                        return &flags[i];
        return NULL;
}

static bool is_option(const char *name) {
        for (size_t i = 0; i < N_FLAGS; i++)
                if (strcmp(flags[i].name, name) == 0)
                        return flags[i].id != F_CONFIG && flags[i].id != F_HELP;
        return false;
}

/* What a value of it has to be, to be said behind "has to be ". */
static const char *wanted(const struct flag *f) {
        return !f->value ? "yes or no" : f->wants ? f->wants : f->value;
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

                if (!is_option(name)) {
                        say_error("%s:%u: there is no option \"%s\"; `beam help %s` lists them",
                                  path, at, name, c->name);
                        return CLI_MISUSE;
                }
                flag = find(c, 0, name);
                if (!flag)
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
                        say_error("%s:%u: %s cannot be \"%s\": it has to be %s", path, at, name,
                                  value, wanted(flag));
                        return CLI_MISUSE;
                }
        }
        return CLI_DONE;
}

/* Say what getopt_long() did not like: @word is where it stood when the option was a
 * long one; a letter it knows, or does not, is in optopt. */
static void misread(const cli_command *c, int got, const char *word) {
        const struct flag *f = optopt ? find(c, optopt, NULL) : NULL;

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

        /* The command of `beam serve` and `beam run` is cut off first: its options are its own. */
        if (c->bit & (CLI_SERVE | CLI_RUN))
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
                        const struct flag *f;

                        if (got == '?' || got == ':') {
                                misread(c, got, args[optind - 2]);
                                return CLI_MISUSE;
                        }
                        f = find(c, got, NULL);
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
                                say_error("--%s cannot be \"%s\": it has to be %s", f->name, optarg,
                                          wanted(f));
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
                /* one that is too long for its column has a line of its own */
                if (strlen(left) > 24)
                        printf("  %s\n  %-24s  %s\n", left, "", f->text);
                else
                        printf("  %-24s  %s\n", left, f->text);
        }
}
