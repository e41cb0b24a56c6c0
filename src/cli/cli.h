/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The tool `beam`
 *
 * One command is one file, cmd-NAME.c, and one row of the table in main.c. A
 * command gets its options already read (opts.c) and the words that are left; it
 * returns the status to exit with. It uses the public calls of beam.h alone, so it
 * is also a program to learn from.
 */

#include <beam/beam.h>
#include <beam/context.h>
#include <beam/job.h>

#include <stdbool.h>

enum { /* exit statuses, documented in beam(1) */
       CLI_DONE = 0,
       CLI_FAILED = 1,      /* at the other side, on the way, or here */
       CLI_MISUSE = 2,      /* the command line or the config file is wrong */
       CLI_UNREACHABLE = 3, /* nobody was reached */
       CLI_TIMEOUT = 124,   /* as timeout(1) has it */
       CLI_REFUSED = 126,   /* of a job, as a shell has it: it may not be run; */
       CLI_NOT_THERE = 127, /* there is no such program */
       CLI_LOST = 255,      /* a job has no status that is known, as ssh(1) has it */
};

enum { /* a bit for each command, for opts.c to say which options it takes */
       CLI_SERVE = 1 << 0,
       CLI_CALL = 1 << 1,
       CLI_SEND = 1 << 2,
       CLI_RECV = 1 << 3,
       CLI_PIPE = 1 << 4,
       CLI_PING = 1 << 5,
       CLI_BENCH = 1 << 6,
       CLI_HELP = 1 << 7,
       CLI_CONTEXT_SERVE = 1 << 8,
       CLI_CONTEXT_EXEC = 1 << 9,
       CLI_CONTEXT_SYNC = 1 << 10,
       CLI_RUN = 1 << 11,
       CLI_JOB_LS = 1 << 12,
       CLI_JOB_SHOW = 1 << 13,
       CLI_JOB_LOGS = 1 << 14,
       CLI_JOB_ATTACH = 1 << 15,
       CLI_JOB_SIGNAL = 1 << 16,
       CLI_JOB_WAIT = 1 << 17,
       CLI_JOB_RM = 1 << 18,
       CLI_WORKER = 1 << 19,
};

enum { CLI_ALLOW_MAX = 64 }; /* lists of names; picked */
enum { CLI_ENV_MAX = 256 };  /* picked */
enum { CLI_LIST_MAX = 64 };  /* picked */

typedef struct cli_opts {
        const char *service, *password, *label, *position, *file, *follow;
        int64_t timeout, grace; /* ns */
        uint64_t count;         /* 0: no end */
        size_t depth, max;
        bool json, verbose, print_url;
        bool echo, dial, raw, wait, each, named;
        const char *allow[CLI_ALLOW_MAX]; /* NAME[=PROGRAM],... */
        size_t n_allow, n_jobs;           /* 0 jobs: as many as is usual */
        const char *directory;
        const char *users[CLI_LIST_MAX + 1], *limits[CLI_LIST_MAX + 1]; /* up to NULL */
        size_t n_users, n_limits;
        const char *umask;
        unsigned fds[CLI_LIST_MAX]; /* of ours that a job has, too */
        size_t n_fds;
        bool detach, direct, keep, goes_on;
        int64_t delay, backoff;
        uint64_t retry;
        const char *env[CLI_ENV_MAX]; /* NAME=VALUE, or NAME */
        size_t n_env;
        char **command; /* the words after "--", NULL-ended; NULL if there was none */
} cli_opts;

typedef struct cli_command {
        const char *name; /* one word or two */
        int bit;
        const char *synopsis; /* what comes after the name */
        const char *summary;  /* one line for the list */
        const char *text;     /* the rest of `beam help NAME` */
        int (*run)(const cli_opts *o, int n_words, char **words);
} cli_command;

extern const cli_command cmd_worker;
extern const cli_command cmd_serve, cmd_call, cmd_send, cmd_recv, cmd_pipe, cmd_ping,
        cmd_context_serve, cmd_context_exec, cmd_context_sync, cmd_run, cmd_job_ls, cmd_job_show,
        cmd_job_logs, cmd_job_attach, cmd_job_signal, cmd_job_wait, cmd_job_rm, cmd_bench, cmd_help;

/* Every command in the order of help; a NULL ends it. */
extern const cli_command *const cli_commands[];

/* The command that @words begin with, and how many of them are its name; NULL if there is
 * none of that name, after saying so. */
const cli_command *cli_find(int n_words, char **words, int *ret_n);

/* Whether that is the first of the two words of some names. */
bool cli_is_group(const char *word);

/* Dial @url; what goes wrong is said. Returns CLI_DONE or the status to exit with. */
int cli_dial(const char *url, const cli_opts *o, beam_session **ret, int64_t deadline);

/* Likewise listen. */
int cli_listen(const char *url, beam_listener **ret);

/* The same for contexts. A client is the user that --service names. */
int cli_dial_context(const char *url, const cli_opts *o, beam_client **ret, int64_t deadline);
int cli_follow(const char *url, const cli_opts *o, const beam_follow_options *opt,
               beam_follower **ret, int64_t deadline);
/* What could not be executed is said; an error of the command is a result. */
int cli_exec(beam_client *c, const char *url, const beam_arg *argv, size_t argc, beam_result *ret,
             int64_t deadline);
/* What the links to a context at @url are lost by, before there was one. */
int cli_unreachable_context(const char *url, int r);
int cli_follow_context(beam_context *ctx, const char *url);
/* What to say with the user, who is --service: nothing but "" is needed for a name alone. */
const char *cli_password(const cli_opts *o);
int cli_start_job(const char *url, const cli_opts *o, const beam_job_options *opt, beam_job **ret,
                  int64_t deadline);
int cli_attach_job(const char *url, const cli_opts *o, uint64_t id, beam_job **ret,
                   int64_t deadline);
int cli_serve_context(beam_context *ctx, const char *url, const cli_opts *o,
                      beam_context_server **ret);

/* Say what became of a call that failed with @r after the link was up, and why the
 * other side closed, if it said. Returns the status to exit with. */
int cli_failed(const char *what, const char *url, int r, const beam_reason *reason);

/* All of stdin, up to @max bytes; malloc()ed. -EMSGSIZE past that. */
int cli_read_all(int fd, size_t max, char **ret_data, size_t *ret_n);

enum { CLI_MESSAGE_MAX = 16 << 20 }; /* what a peer takes unless told otherwise: beam_options */
