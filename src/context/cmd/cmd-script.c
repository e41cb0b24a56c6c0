/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the group scripting. There is no Lua to run scripts with: what would run or
 * keep one says so, and the rest answers as a Redis does that was never given any. */
#include "../call.h"
#include "context/commands.h"

static void fail_no_lua(call *c) {
        call_fail(c, "ERR no scripts can be run here: a context has no Lua");
}

static bool read_keys(call *c) {
        int64_t n;

        if (!call_integer(c, 2, &n, NULL))
                return false;
        if (n > c->argc - 3) {
                call_fail(c, "ERR Number of keys can't be greater than number of args");
                return false;
        }
        if (n < 0) {
                call_fail(c, "ERR Number of keys can't be negative");
                return false;
        }
        return true;
}

void cmd_eval(call *c) {
        if (read_keys(c))
                fail_no_lua(c);
}

void cmd_eval_ro(call *c) {
        cmd_eval(c);
}

/* Clients send EVAL when they are told this. */
static void eval_kept(call *c) {
        bool may_be_one = c->argv[1].n == 40; /* digits of a SHA-1 */

        if (!may_be_one || read_keys(c))
                call_fail(c, "NOSCRIPT No matching script. Please use EVAL.");
}

void cmd_evalsha(call *c) {
        eval_kept(c);
}

void cmd_evalsha_ro(call *c) {
        eval_kept(c);
}

void cmd_fcall(call *c) {
        call_fail(c, "ERR Function not found");
}

void cmd_fcall_ro(call *c) {
        cmd_fcall(c);
}

static void fail_nothing_runs(call *c) {
        call_fail(c, "NOTBUSY No scripts in execution right now.");
}

static bool is_way(const call *c, int i) {
        return call_is(c, i, "SYNC") || call_is(c, i, "ASYNC");
}

/* SCRIPT */

void cmd_script_exists(call *c) {
        resp_out_array(c->out, (size_t)c->argc - 2);
        for (int i = 2; i < c->argc; i++)
                resp_out_integer(c->out, 0);
}

void cmd_script_flush(call *c) {
        if (c->argc == 2 || (c->argc == 3 && is_way(c, 2)))
                resp_out_ok(c->out);
        else
                call_fail(c, "ERR SCRIPT FLUSH only support SYNC|ASYNC option");
}

void cmd_script_kill(call *c) {
        fail_nothing_runs(c);
}

void cmd_script_load(call *c) {
        fail_no_lua(c);
}

/* FUNCTION */

void cmd_function_delete(call *c) {
        call_fail(c, "ERR Library not found");
}

void cmd_function_flush(call *c) {
        if (c->argc > 3)
                call_fail_subcommand(c);
        else if (c->argc == 3 && !is_way(c, 2))
                call_fail(c, "ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
        else
                resp_out_ok(c->out);
}

void cmd_function_kill(call *c) {
        fail_nothing_runs(c);
}

void cmd_function_list(call *c) {
        bool with_code = false, has_name = false;

        for (int i = 2; i < c->argc; i++) {
                if (!with_code && call_is(c, i, "WITHCODE")) {
                        with_code = true;
                } else if (!has_name && call_is(c, i, "LIBRARYNAME")) {
                        has_name = true;
                        if (++i == c->argc) {
                                call_fail(c, "ERR library name argument was not given");
                                return;
                        }
                } else {
                        call_failf(c, "ERR Unknown argument %.*s", call_shown(c->argv[i]),
                                   c->argv[i].p);
                        return;
                }
        }
        resp_out_array(c->out, 0);
}

void cmd_function_load(call *c) {
        int last = c->argc - 1;

        for (int i = 2; i < last; i++) {
                if (!call_is(c, i, "REPLACE")) {
                        call_failf(c, "ERR Unknown option given: %.*s", call_shown(c->argv[i]),
                                   c->argv[i].p);
                        return;
                }
        }
        fail_no_lua(c);
}

void cmd_function_stats(call *c) {
        resp_out_map(c->out, 2);
        resp_out_bulk_text(c->out, "running_script");
        resp_out_null(c->out);
        resp_out_bulk_text(c->out, "engines");
        resp_out_map(c->out, 0);
}
