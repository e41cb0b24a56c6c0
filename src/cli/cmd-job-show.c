/* SPDX-License-Identifier: Apache-2.0 */

/* beam job show URL ID: all that is known of a job. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli.h"
#include "job.h"
#include "say.h"

/* One line each: as "name value", or as fields of a line of JSON. */
typedef struct page {
        bool is_json;
        say_json json;
} page;

static void put(page *p, const char *prefix, const beam_result *name, const beam_result *value) {
        char field[256];

        snprintf(field, sizeof(field), "%s%.*s", prefix, (int)name->n, name->data);
        if (p->is_json)
                say_json_data(&p->json, field, value->data, value->n);
        else
                printf("%-14s %.*s\n", field, (int)value->n, value->data);
}

/* The fields of a hash, or the elements of a list under their numbers. */
static int put_all(page *p, beam_client *c, const char *url, int64_t deadline, uint64_t id,
                   const char *key, const char *prefix, bool is_list) {
        beam_result result, name, value;
        char number[16];
        int n = 0, status;

        status = is_list ? job_exec(c, url, &result, deadline, id, "LRANGE", key, "0", "-1", NULL)
                         : job_exec(c, url, &result, deadline, id, "HGETALL", key, NULL);
        if (status != CLI_DONE)
                return status;
        while (beam_result_next(&result, &name) == 1) {
                if (is_list) {
                        value = name;
                        name = (beam_result){ .data = number };
                        name.n = (size_t)snprintf(number, sizeof(number), "%d", n++);
                } else if (beam_result_next(&result, &value) != 1) {
                        break;
                }
                put(p, prefix, &name, &value);
        }
        return CLI_DONE;
}

static int put_text(page *p, beam_client *c, const char *url, int64_t deadline, uint64_t id,
                    const char *verb, const char *key, const char *index, const char *name) {
        const beam_result title = { .data = name, .n = strlen(name) };
        beam_result result;
        int status = job_exec(c, url, &result, deadline, id, verb, key, index, NULL);

        if (status == CLI_DONE && result.kind == BEAM_RESULT_BYTES)
                put(p, "", &title, &result);
        return status;
}

static int show(const cli_opts *o, int n_words, char **words) {
        _cleanup_(beam_client_freep) beam_client *c = NULL;
        int64_t deadline = beam_after(o->timeout);
        page p = { .is_json = o->json };
        uint64_t id;
        int status;

        status = job_reach(o, "show", n_words, words, deadline, &c, &id);
        if (status != CLI_DONE)
                return status;
        if (p.is_json && say_json_open(&p.json) < 0)
                return CLI_FAILED;
        status = put_text(&p, c, words[0], deadline, id, "LINDEX", "/jobs", "@", "name");
        if (status == CLI_DONE)
                status = put_all(&p, c, words[0], deadline, id, "/jobs/@/args", "args.", true);
        if (status == CLI_DONE)
                status = put_all(&p, c, words[0], deadline, id, "/jobs/@/env", "env.", false);
        if (status == CLI_DONE)
                status = put_all(&p, c, words[0], deadline, id, "/beam/jobs/@", "", false);
        if (status == CLI_DONE)
                status = put_text(&p, c, words[0], deadline, id, "GET", "/jobs/@/status", NULL,
                                  "status");
        if (p.is_json && say_json_close(&p.json, STDOUT_FILENO) < 0)
                return CLI_FAILED;
        return status == CLI_DONE && fflush(stdout) != 0 ? CLI_FAILED : status;
}

const cli_command cmd_job_show = {
        .name = "job show",
        .bit = CLI_JOB_SHOW,
        .synopsis = "URL ID",
        .summary = "Say all that is known of a job",
        .text = "Its name, arguments, variables and options; and from when it began, what its "
                "worker\n"
                "wrote down (spec/jobs.md, J21).\n",
        .run = show,
};
