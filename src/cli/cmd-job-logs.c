/* SPDX-License-Identifier: Apache-2.0 */

/* beam job logs URL ID: what a job has printed. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli.h"
#include "job.h"
#include "say.h"

/* Entries that are asked for at once: 2 MiB where they are large. Picked. */
#define AT_ONCE "32"

typedef struct entry {
        uint64_t n, at;
        bool is_again; /* the job is tried again: what comes counts anew */
        beam_result data;
} entry;

static uint64_t number(const beam_result *text) {
        char copy[24];

        snprintf(copy, sizeof(copy), "%.*s", (int)text->n, text->data);
        return strtoull(copy, NULL, 10);
}

static bool is(const beam_result *text, const char *word) {
        return text->n == strlen(word) && memcmp(text->data, word, text->n) == 0;
}

/* A field and its value, the next; false at the end of what is no entry of a log. */
static bool read_entry(beam_result *one, char id[static 48], entry *ret) {
        beam_result text, fields, name, value;

        *ret = (entry){ 0 };
        if (beam_result_next(one, &text) != 1 || beam_result_next(one, &fields) != 1)
                return false;
        snprintf(id, 48, "(%.*s", (int)text.n, text.data);
        while (beam_result_next(&fields, &name) == 1 && beam_result_next(&fields, &value) == 1) {
                if (is(&name, "n"))
                        ret->n = number(&value);
                else if (is(&name, "at"))
                        ret->at = number(&value);
                else if (is(&name, "d"))
                        ret->data = value;
                else if (is(&name, "tries"))
                        ret->is_again = true;
        }
        return true;
}

/* Wait for whoever reads us; nothing else goes on here. */
static int print(const entry *e) {
        const char *p = e->data.data;
        size_t left = e->data.n;
        int fd = e->n == 1 ? STDOUT_FILENO : STDERR_FILENO;

        while (left > 0) {
                ssize_t n = write(fd, p, left);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0) {
                        p += n;
                        left -= (size_t)n;
                }
        }
        return 0;
}

/* What has come of stdout and stderr; how much is missing is said. */
typedef struct count {
        uint64_t n[3];
        bool has_hole;
} count;

static int print_entry(const entry *e, count *sum) {
        if (e->is_again)
                *sum = (count){ 0 };
        if (e->n < 1 || e->n > 2)
                return 0;
        if (e->at > sum->n[e->n]) {
                say_error("%" PRIu64 " bytes of its %s are no longer there", e->at - sum->n[e->n],
                          e->n == 1 ? "stdout" : "stderr");
                sum->has_hole = true;
        }
        sum->n[e->n] = e->at + e->data.n;
        return print(e);
}

static int print_log(beam_client *c, const char *url, int64_t deadline, uint64_t id, count *sum) {
        char from[48] = "-";

        for (;;) {
                beam_result result, one;
                int n = 0, r,
                    status = job_exec(c, url, &result, deadline, id, "XRANGE", "/beam/jobs/@/log",
                                      from, "+", "COUNT", AT_ONCE, NULL);

                if (status != CLI_DONE)
                        return status;
                for (; beam_result_next(&result, &one) == 1; n++) {
                        entry e;

                        if (!read_entry(&one, from, &e))
                                return CLI_FAILED;
                        r = print_entry(&e, sum);
                        if (r < 0) {
                                say_error("cannot print: %s", strerror(-r));
                                return CLI_FAILED;
                        }
                }
                if (n == 0)
                        return CLI_DONE;
        }
}

/* What its worker counted. */
static int check(beam_client *c, const char *url, int64_t deadline, uint64_t id, count *sum) {
        static const char *const fields[] = { NULL, "out.1.bytes", "out.2.bytes" };

        for (int i = 1; i <= 2; i++) {
                beam_result result;
                int status = job_exec(c, url, &result, deadline, id, "HGET", "/beam/jobs/@",
                                      fields[i], NULL);

                if (status != CLI_DONE)
                        return status;
                if (result.kind != BEAM_RESULT_BYTES || number(&result) == sum->n[i])
                        continue;
                say_error("of its %s there are %" PRIu64 " bytes, and were %" PRIu64,
                          i == 1 ? "stdout" : "stderr", sum->n[i], number(&result));
                sum->has_hole = true;
        }
        return CLI_DONE;
}

static int logs(const cli_opts *o, int n_words, char **words) {
        _cleanup_(beam_client_freep) beam_client *c = NULL;
        int64_t deadline = beam_after(o->timeout);
        count sum = { 0 };
        beam_job_event end;
        bool has_ended;
        uint64_t id;
        int status;

        status = job_reach(o, "logs", n_words, words, deadline, &c, &id);
        /* whether it had ended before: what comes later is no loss */
        if (status == CLI_DONE)
                status = job_look(c, words[0], deadline, id, &has_ended, &end);
        if (status == CLI_DONE)
                status = print_log(c, words[0], deadline, id, &sum);
        if (status == CLI_DONE && has_ended)
                status = check(c, words[0], deadline, id, &sum);
        return status != CLI_DONE ? status : sum.has_hole ? CLI_LOST : CLI_DONE;
}

const cli_command cmd_job_logs = {
        .name = "job logs",
        .bit = CLI_JOB_LOGS,
        .synopsis = "URL ID",
        .summary = "Print what a job has printed",
        .text = "Up to now, and without taking anything away. Of a job that others have read "
                "along\n"
                "the beginning may be missing, which is said, with status 255.\n",
        .run = logs,
};
