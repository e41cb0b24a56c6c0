/* SPDX-License-Identifier: Apache-2.0 */
#include "job.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "say.h"

enum {
        WORDS_MAX = 16,
        KEY_MAX = 64,
};

int job_number(const char *text, uint64_t *ret) {
        char *end;
        unsigned long long n;

        errno = 0;
        n = strtoull(text, &end, 10);
        if (text[0] < '0' || text[0] > '9' || *end || errno) {
                say_error("%s: not the number of a job; `beam job ls URL` lists them", text);
                return CLI_MISUSE;
        }
        *ret = n;
        return CLI_DONE;
}

int job_exec(beam_client *c, const char *url, beam_result *ret, int64_t deadline, uint64_t id,
             const char *word, ...) {
        char keys[WORDS_MAX][KEY_MAX];
        beam_arg argv[WORDS_MAX];
        size_t argc = 0;
        va_list args;
        int status;

        va_start(args, word);
        for (; word && argc < WORDS_MAX; word = va_arg(args, const char *), argc++) {
                const char *at = strchr(word, '@');

                if (at) {
                        snprintf(keys[argc], KEY_MAX, "%.*s%" PRIu64 "%s", (int)(at - word), word,
                                 id, at + 1);
                        word = keys[argc];
                }
                argv[argc] = (beam_arg){ word, strlen(word) };
        }
        va_end(args);
        status = cli_exec(c, url, argv, argc, ret, deadline);
        if (status == CLI_DONE && ret->kind == BEAM_RESULT_ERROR) {
                say_error("%s: %.*s", url, (int)ret->n, ret->data);
                status = CLI_FAILED;
        }
        return status;
}

int job_find(beam_client *c, const char *url, int64_t deadline, uint64_t id) {
        beam_result result;
        int status = job_exec(c, url, &result, deadline, id, "LINDEX", "/jobs", "@", NULL);

        if (status != CLI_DONE)
                return status;
        if (result.kind == BEAM_RESULT_BYTES && result.n > 0)
                return CLI_DONE;
        say_error("%s has no job %" PRIu64 "; `beam job ls %s` lists those there are", url, id,
                  url);
        return CLI_FAILED;
}

int job_reach(const cli_opts *o, const char *verb, int n_words, char **words, int64_t deadline,
              beam_client **ret, uint64_t *ret_id) {
        int status;

        if (n_words != 2) {
                say_error("job %s wants a URL and a number; see `beam help job %s`", verb, verb);
                return CLI_MISUSE;
        }
        if (job_number(words[1], ret_id) != CLI_DONE)
                return CLI_MISUSE;
        status = cli_dial_context(words[0], o, ret, deadline);
        return status == CLI_DONE ? job_find(*ret, words[0], deadline, *ret_id) : status;
}

/* how it ended */

static const char *const exit_names[] = {
        [BEAM_JOB_EXITED] = "exited",       [BEAM_JOB_SIGNALLED] = "signalled",
        [BEAM_JOB_LOST] = "lost",           [BEAM_JOB_REFUSED] = "refused",
        [BEAM_JOB_TIMED_OUT] = "timed out", [BEAM_JOB_CANCELLED] = "cancelled",
};

const char *job_exit_name(beam_job_exit exit) {
        return exit_names[exit];
}

static void copy(char *ret, size_t size, const beam_result *text) {
        snprintf(ret, size, "%.*s", (int)text->n, text->data);
}

/* A status that is a number is that of a process, and any other says what became of it. */
static void read_status(const char *status, const char *exit, const char *signal,
                        beam_job_event *ret) {
        char *end;
        long n = strtol(status, &end, 10);

        if (*status >= '0' && *status <= '9' && !*end && n <= 255) {
                ret->status = (int)n;
                ret->exit = strcmp(exit, "signalled") == 0 ? BEAM_JOB_SIGNALLED : BEAM_JOB_EXITED;
                ret->signal = ret->exit == BEAM_JOB_SIGNALLED ? atoi(signal) : 0;
                return;
        }
        for (size_t i = BEAM_JOB_LOST; i < sizeof(exit_names) / sizeof(exit_names[0]); i++)
                if (strcmp(status, exit_names[i]) == 0)
                        ret->exit = (beam_job_exit)i;
}

int job_look(beam_client *c, const char *url, int64_t deadline, uint64_t id, bool *ret_ended,
             beam_job_event *ret) {
        static char why[256];
        char status[32] = "", exit[32] = "", signal[32] = "";
        beam_result result, one;
        int r = job_exec(c, url, &result, deadline, id, "GET", "/jobs/@/status", NULL);

        *ret = (beam_job_event){
                .kind = BEAM_JOB_ENDED,
                .exit = BEAM_JOB_LOST,
                .status = -1,
                .is_whole = true,
                .why = why,
        };
        *ret_ended = r == CLI_DONE && result.kind == BEAM_RESULT_BYTES;
        if (!*ret_ended)
                return r;
        copy(status, sizeof(status), &result);
        r = job_exec(c, url, &result, deadline, id, "HMGET", "/beam/jobs/@", "exit", "signal",
                     "why", NULL);
        if (r != CLI_DONE)
                return r;
        if (beam_result_next(&result, &one) == 1)
                copy(exit, sizeof(exit), &one);
        if (beam_result_next(&result, &one) == 1)
                copy(signal, sizeof(signal), &one);
        if (beam_result_next(&result, &one) == 1)
                copy(why, sizeof(why), &one);
        read_status(status, exit, signal, ret);
        return CLI_DONE;
}

/* saying it */

static int refused(uint64_t id, const char *why) {
        static const char no_such[] = "no such";

        say_error("job %" PRIu64 " was refused: %s", id, *why ? why : "the worker did not say why");
        return strncmp(why, no_such, sizeof(no_such) - 1) == 0 ? CLI_NOT_THERE : CLI_REFUSED;
}

int job_report(uint64_t id, const beam_job_event *end) {
        switch (end->exit) {
        case BEAM_JOB_LOST:
                say_error("job %" PRIu64 " was lost with its worker; nobody knows how far it came",
                          id);
                return CLI_LOST;
        case BEAM_JOB_REFUSED:
                return refused(id, end->why);
        case BEAM_JOB_TIMED_OUT:
                say_error("job %" PRIu64 " was not done in time, and was ended", id);
                return CLI_TIMEOUT;
        case BEAM_JOB_CANCELLED:
                say_error("job %" PRIu64 " was cancelled before it ran", id);
                return CLI_LOST;
        case BEAM_JOB_SIGNALLED:
                /* as a shell has it: of these nobody needs to be told */
                if (end->signal != SIGINT && end->signal != SIGPIPE)
                        say_error("job %" PRIu64 " was ended by signal %d (%s)", id, end->signal,
                                  strsignal(end->signal));
                break;
        case BEAM_JOB_EXITED:
                break;
        }
        if (!end->is_whole) {
                say_error("job %" PRIu64 ": not all of its output has come; its status was %d", id,
                          end->status);
                return CLI_LOST;
        }
        return end->status;
}

int job_print_end(uint64_t id, const beam_job_event *end, int fd) {
        say_json json;
        int r = say_json_open(&json);

        if (r < 0)
                return r;
        say_json_number(&json, "job", (long long)id);
        say_json_text(&json, "exit", job_exit_name(end->exit));
        if (end->status >= 0)
                say_json_number(&json, "status", end->status);
        if (end->signal)
                say_json_number(&json, "signal", end->signal);
        if (*end->why)
                say_json_text(&json, "why", end->why);
        if (!end->is_whole)
                say_json_text(&json, "output", "not whole");
        return say_json_close(&json, fd);
}

/* output */

void job_output_init(job_output *p) {
        *p = (job_output){ 0 };
        job_output_add(p, 1, STDOUT_FILENO);
        job_output_add(p, 2, STDERR_FILENO);
}

void job_output_add(job_output *p, unsigned number, int fd) {
        job_stream *s = &p->streams[p->n++];

        s->number = number;
        spout_init(&s->spout, fd);
}

void job_output_deinit(job_output *p) {
        for (size_t i = 0; i < p->n; i++)
                spout_deinit(&p->streams[i].spout);
}

int job_output_error(const job_output *p) {
        for (size_t i = 0; i < p->n; i++)
                if (p->streams[i].spout.error)
                        return p->streams[i].spout.error;
        return 0;
}

const char *job_stream_name(unsigned number, char buf[static 24]) {
        if (number <= 2)
                return number == 1 ? "stdout" : number == 2 ? "stderr" : "stdin";
        snprintf(buf, 24, "stream %u", number);
        return buf;
}

static void put(job_stream *s, const beam_job_event *event) {
        char name[24];

        if (event->kind == BEAM_JOB_GAP) {
                if (!s->spout.error)
                        say_error("%" PRIu64 " bytes of its %s are missing here", event->n,
                                  job_stream_name(s->number, name));
        } else if (event->n > 0) {
                spout_put(&s->spout, event->data, event->n);
        } else if (s->number > 2) {
                /* others may wait for its end before ours */
                spout_end(&s->spout);
        }
}

void job_output_put(job_output *p, const beam_job_event *event) {
        if (event->kind == BEAM_JOB_AGAIN)
                return; /* what the next try prints comes behind what this one has printed */
        for (size_t i = 0; i < p->n; i++)
                if (p->streams[i].number == event->stream) {
                        put(&p->streams[i], event);
                        return;
                }
        if (event->n > 0 && !p->was_dropped) {
                say_error("what is printed to stream %u goes nowhere", event->stream);
                p->was_dropped = true;
        }
}

bool job_output_is_idle(const job_output *p) {
        for (size_t i = 0; i < p->n; i++)
                if (!spout_is_idle(&p->streams[i].spout))
                        return false;
        return true;
}
