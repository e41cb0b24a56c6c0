/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Jobs: from the start of one to its exit status, many at once, and what they print
 *
 * Side b has the context and its worker, side a is the client. The limits are what a client
 * without any of that does: it starts the program itself, and reads a pipe. Others on the same
 * keys: a worker at a redis-server, and one that is a shell script around redis-cli.
 */

#include <beam/context.h>
#include <beam/job.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

extern char **environ;

enum { BLOCK = 64 * 1024, AT_ONCE = 16 };

/* Who serves, and how: mode of a case. */
enum { CONTEXT, CHANNEL, REDIS, SHELL };

typedef struct place {
        beam_client *client; /* b's: to hear that a pass is over; a's: to say so */
} place;

static const char *const say_true[] = { "true", NULL };

/* programs of others */

static pid_t start(bench *b, const char *const *argv, int out) {
        posix_spawn_file_actions_t actions;
        pid_t pid;

        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (out >= 0)
                posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
        bench_check(b, argv[0],
                    -posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv,
                                  environ));
        posix_spawn_file_actions_destroy(&actions);
        return pid;
}

static void finish(bench *b, const char *what, pid_t pid) {
        int status;

        if (waitpid(pid, &status, 0) != pid || status != 0)
                bench_fail(b, what, "another status");
}

/* Ends with us. */
static void attend(const char *const *argv) {
        pid_t pid = fork();

        if (pid < 0)
                abort();
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                execvp(argv[0], (char *const *)(uintptr_t)argv);
                _exit(127);
        }
}

static bool is_installed(const char *program) {
        char text[64];

        snprintf(text, sizeof(text), "command -v %s > /dev/null", program);
        return system(text) == 0;
}

static const char *tool(void) {
        static char path[PATH_MAX + 32];
        char self[PATH_MAX] = "";

        if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
                abort();
        snprintf(path, sizeof(path), "%s/../src/cli/beam", dirname(self));
        return path;
}

/* Read @n_wanted bytes and the end of it. */
static void read_all(bench *b, int fd, uint64_t n_wanted) {
        static char buffer[BLOCK];
        ssize_t n;

        while ((n = read(fd, buffer, sizeof(buffer))) > 0)
                n_wanted -= (uint64_t)n;
        if (n < 0 || n_wanted != 0)
                bench_fail(b, "read", "not what was printed");
}

static void print_by(bench *b, const char *const *argv, uint64_t n) {
        int fds[2];
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC) < 0)
                abort();
        pid = start(b, argv, fds[1]);
        close(fds[1]);
        read_all(b, fds[0], n * BLOCK);
        close(fds[0]);
        finish(b, argv[0], pid);
}

/* places */

static const char *url(const bench *b) {
        static char text[160];

        if (strcmp(b->c->link, "tcp") == 0)
                snprintf(text, sizeof(text), "tcp://127.0.0.1:%d", b->url_port);
        else
                snprintf(text, sizeof(text), "unix:%s", b->url_path);
        return text;
}

static void execute(bench *b, int n, ...) {
        const place *p = b->own;
        beam_arg argv[8];
        beam_result result;
        va_list words;

        va_start(words, n);
        for (int i = 0; i < n; i++) {
                const char *word = va_arg(words, const char *);

                argv[i] = (beam_arg){ word, strlen(word) };
        }
        va_end(words);
        bench_check(b, "exec", beam_client_exec(p->client, argv, (size_t)n, &result, BEAM_FOREVER));
        if (result.kind == BEAM_RESULT_ERROR)
                bench_fail(b, "exec", result.data);
}

static void begin_redis(bench *b) {
        const char *const argv[] = {
                "redis-server", "--port",       "0",         "--save", "", "--logfile",
                "/dev/null",    "--unixsocket", b->url_path, NULL
        };

        if (!is_installed(argv[0]))
                bench_fail(b, argv[0], "not installed");
        attend(argv);
}

/* All that a worker has to do for a job that always goes well and prints nothing: the seed's text,
 * and the end of the log that our client reads. */
static void begin_shell(const bench *b) {
        static const char script[] =
                "r() { redis-cli -s \"$0\" \"$@\"; }\n"
                "while id=$(r BLPOP /jobs/start 0 | sed -n 2p) && test \"$id\"; do\n"
                "        r SET /jobs/$id shell NX\n"
                "        name=$(r LINDEX /jobs $id)\n"
                "        $name\n"
                "        status=$?\n"
                "        r SET /jobs/$id/status $status\n"
                "        r XADD /beam/jobs/$id/log '*' end $status\n"
                "        r RPUSH /jobs/$id/wait $id\n"
                "done > /dev/null";

        attend((const char *const[]){ "sh", "-c", script, b->url_path, NULL });
}

static void begin_worker(bench *b, beam_context *ctx) {
        static const char *const names[] = { "true", "head" };
        beam_worker *w;

        bench_check(b, "worker", beam_worker_new(NULL, &w));
        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
                bench_check(b, names[i], beam_worker_allow(w, names[i]));
        bench_check(b, "begin", ctx ? beam_worker_join(w, ctx) : beam_worker_dial(w, url(b)));
}

static void serve(bench *b) {
        beam_context_server *server;
        place *p = calloc(1, sizeof(*p));
        beam_context *ctx = NULL;
        beam_desk *desk;

        b->own = p;
        if (!p)
                abort();
        if (b->c->mode == CONTEXT || b->c->mode == CHANNEL) {
                bench_check(b, "context", beam_context_new(&ctx));
                bench_check(b, "desk", beam_desk_open(ctx, &desk));
                bench_check(b, "serve", beam_context_serve(ctx, url(b), &server));
                bench_check(b, "client", beam_client_new(ctx, &p->client));
        } else {
                begin_redis(b);
                while (beam_client_dial(url(b), &p->client, BEAM_FOREVER) < 0)
                        usleep(1000);
        }
        if (b->c->mode == SHELL)
                begin_shell(b);
        else
                begin_worker(b, ctx);
}

/* Meanwhile all that comes is served by the same loop. */
static void until_over(bench *b, uint64_t n) {
        (void)n;
        execute(b, 3, "BLPOP", "/bench/over", "0");
}

static void reach(bench *b) {
        place *p = calloc(1, sizeof(*p));

        b->own = p;
        if (!p)
                abort();
        bench_check(b, "dial", beam_client_dial(url(b), &p->client, BEAM_FOREVER));
}

static void say_over(bench *b) {
        execute(b, 3, "RPUSH", "/bench/over", "");
}

/* jobs */

/* What it has @n_fds of is read and written there. */
static beam_job *start_job_with(bench *b, const char *const *argv, const int *fds, size_t n_fds) {
        const beam_job_options o = { .size = sizeof(o),
                                     .argv = argv,
                                     .direct = b->c->mode == CHANNEL,
                                     .fds = fds,
                                     .n_fds = n_fds };
        beam_job *j;

        bench_check(b, "start", beam_job_start(url(b), &o, &j, BEAM_FOREVER));
        return j;
}

static beam_job *start_job(bench *b, const char *const *argv) {
        return start_job_with(b, argv, NULL, 0);
}

/* Returns how many bytes it has printed. */
static uint64_t end_job(bench *b, beam_job *j) {
        beam_job_event e;
        uint64_t n = 0;

        for (;;) {
                bench_check(b, "next", beam_job_next(j, &e, BEAM_FOREVER));
                if (e.kind == BEAM_JOB_ENDED)
                        break;
                n += e.n;
        }
        if (e.status != 0 || !e.is_whole)
                bench_fail(b, "end", e.status ? "another status" : "not all of its output");
        bench_check(b, "leave", beam_job_leave(j, BEAM_FOREVER));
        beam_job_free(j);
        return n;
}

static void one_by_one(bench *b, uint64_t n) {
        for (uint64_t i = 0; i < n; i++)
                end_job(b, start_job(b, say_true));
        say_over(b);
}

static void at_once(bench *b, uint64_t n) {
        beam_job *jobs[AT_ONCE] = { NULL };

        for (uint64_t i = 0; i < n + AT_ONCE; i++) {
                beam_job **j = &jobs[i % AT_ONCE];

                if (i >= AT_ONCE && *j)
                        end_job(b, *j);
                *j = i < n ? start_job(b, say_true) : NULL;
        }
        say_over(b);
}

/* head -c, of @n blocks: what is printed costs next to nothing to make. */
static const char *size_of(uint64_t n) {
        static char text[24];

        snprintf(text, sizeof(text), "%llu", (unsigned long long)(n * BLOCK));
        return text;
}

static void print(bench *b, uint64_t n) {
        const char *const argv[] = { "head", "-c", size_of(n), "/dev/zero", NULL };

        if (end_job(b, start_job(b, argv)) != n * BLOCK)
                bench_fail(b, "output", "not what was printed");
        say_over(b);
}

/* Into a pipe of ours, as a shell's. */
static void print_passed(bench *b, uint64_t n) {
        const char *const argv[] = { "head", "-c", size_of(n), "/dev/zero", NULL };
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC), fds[2];
        beam_job *j;

        if (null < 0 || pipe2(fds, O_CLOEXEC) < 0)
                abort();
        j = start_job_with(b, argv, (const int[]){ null, fds[1], STDERR_FILENO }, 3);
        close(fds[1]);
        read_all(b, fds[0], n * BLOCK);
        close(fds[0]);
        close(null);
        end_job(b, j);
        say_over(b);
}

/* the tool */

static void run_tool(bench *b, uint64_t n) {
        const char *const argv[] = { tool(), "run", url(b), "--", "true", NULL };

        for (uint64_t i = 0; i < n; i++)
                finish(b, "beam run", start(b, argv, -1));
        say_over(b);
}

static void print_by_tool(bench *b, uint64_t n) {
        const char *const argv[] = { tool(), "run",      url(b),      "--", "head",
                                     "-c",   size_of(n), "/dev/zero", NULL };

        print_by(b, argv, n);
        say_over(b);
}

/* limits */

static void spawn_at_once(bench *b, uint64_t n) {
        pid_t pids[AT_ONCE] = { 0 };

        for (uint64_t i = 0; i < n + AT_ONCE; i++) {
                pid_t *pid = &pids[i % AT_ONCE];

                if (i >= AT_ONCE && *pid)
                        finish(b, "true", *pid);
                *pid = i < n ? start(b, say_true, -1) : 0;
        }
}

/* The goal for a job, as an amount of work: one and a half starts of the program, and a round
 * trip to the context. */
static void spawn_and_ask(bench *b, uint64_t n) {
        for (uint64_t i = 0; i < n; i++) {
                for (uint64_t k = 0; k < 1 + i % 2; k++)
                        finish(b, "true", start(b, say_true, -1));
                execute(b, 1, "PING");
        }
        say_over(b);
}

static void print_bare(bench *b, uint64_t n) {
        print_by(b, (const char *const[]){ "head", "-c", size_of(n), "/dev/zero", NULL }, n);
}

/* ssh */

static void find_ssh(bench *b) {
        if (!is_installed("sshd"))
                bench_fail(b, "sshd", "not installed");
}

#define SSH(...) \
        ((const char *const[]){ "ssh", "-o", "BatchMode=yes", "localhost", __VA_ARGS__, NULL })

static void run_ssh(bench *b, uint64_t n) {
        for (uint64_t i = 0; i < n; i++)
                finish(b, "ssh", start(b, SSH("true"), -1));
}

static void print_by_ssh(bench *b, uint64_t n) {
        print_by(b, SSH("head", "-c", size_of(n), "/dev/zero"), n);
}

/* @n_first: of the first pass, where each takes long */
#define JOB(name_, link_, mode_, n_first, run_)                                        \
        {                                                                              \
                .name = name_, .shape = BENCH_PROCESSES, .link = link_, .mode = mode_, \
                .amount = n_first, .a = { .open = reach, .run = run_ },                \
                .b = {.listen = serve,                                                 \
                      .run = until_over }                                              \
        }
#define ALONE(name_, open_, n_first, run_)                              \
        {                                                               \
                .name = name_, .shape = BENCH_ALONE, .amount = n_first, \
                .a = {.open = open_,                                    \
                      .run = run_ }                                     \
        }

int main(int argc, char **argv) {
        static const bench_case cases[] = {
                JOB("limit", "unix", CONTEXT, 16, spawn_and_ask),
                JOB("true-unix", "unix", CONTEXT, 16, one_by_one),
                JOB("true-tcp", "tcp", CONTEXT, 16, one_by_one),
                JOB("true-channel", "unix", CHANNEL, 16, one_by_one),
                JOB("true-tool", "unix", CONTEXT, 16, run_tool),
                JOB("true-redis", "unix", REDIS, 16, one_by_one),
                JOB("true-shell", "unix", SHELL, 2, one_by_one),
                ALONE("ssh", find_ssh, 1, run_ssh),
                ALONE("spawn-at-once", NULL, 64, spawn_at_once),
                JOB("true-at-once", "unix", CONTEXT, 64, at_once),
                JOB("true-at-once-channel", "unix", CHANNEL, 64, at_once),
                JOB("true-at-once-redis", "unix", REDIS, 64, at_once),
                JOB("true-at-once-shell", "unix", SHELL, 4, at_once),
                ALONE("print", NULL, 64, print_bare),
                JOB("print-unix", "unix", CONTEXT, 64, print),
                JOB("print-tcp", "tcp", CONTEXT, 64, print),
                JOB("print-channel", "unix", CHANNEL, 64, print),
                JOB("print-channel-tcp", "tcp", CHANNEL, 64, print),
                JOB("print-passed", "unix", CHANNEL, 64, print_passed),
                JOB("print-tool", "unix", CONTEXT, 64, print_by_tool),
                JOB("print-redis", "unix", REDIS, 64, print),
                ALONE("ssh-out", find_ssh, 64, print_by_ssh),
        };

        return bench_main(cases, sizeof(cases) / sizeof(*cases), argc, argv);
}
