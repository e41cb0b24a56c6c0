/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From the start of `true` to its exit status: what a job costs before it does anything
 *
 * With @amount of memory in use besides, as a server has it: a start must not depend on it.
 */

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench.h"
#include "job/process.h"

extern char **environ;

static const char *const argv[] = { "/bin/true", NULL };

static char *const *words(const char *const *texts) {
        return (char *const *)(uintptr_t)texts;
}

static void use_memory(bench *b) {
        if (b->c->mode) {
                b->own = malloc((size_t)b->c->mode << 20);
                if (!b->own)
                        abort();
                memset(b->own, 1, (size_t)b->c->mode << 20);
        }
}

static void wait_for(bench *b, pid_t pid) {
        int status;

        if (waitpid(pid, &status, 0) != pid || status != 0)
                bench_fail(b, "wait", "another status");
}

static void bare_spawn(bench *b, uint64_t n) {
        for (uint64_t i = 0; i < n; i++) {
                pid_t pid;

                bench_check(b, "spawn",
                            -posix_spawn(&pid, argv[0], NULL, NULL, words(argv), environ));
                wait_for(b, pid);
        }
}

/* A function of its own: the child leaves what it likes in the frame that it shares. */
static pid_t __attribute__((noinline)) vfork_true(void) {
        pid_t pid = vfork();

        if (pid == 0) {
                execve(argv[0], words(argv), environ);
                _exit(127);
        }
        return pid;
}

static void bare_vfork(bench *b, uint64_t n) {
        for (uint64_t i = 0; i < n; i++)
                wait_for(b, vfork_true());
}

static void bare_fork(bench *b, uint64_t n) {
        for (uint64_t i = 0; i < n; i++) {
                pid_t pid = fork();

                if (pid == 0) {
                        execve(argv[0], words(argv), environ);
                        _exit(127);
                }
                wait_for(b, pid);
        }
}

static void beam(bench *b, uint64_t n) {
        const process_options o = { .argv = argv, .env = (const char *const *)environ };

        for (uint64_t i = 0; i < n; i++) {
                process_step failed;
                process *p;

                bench_check(b, "start", process_start(&o, loop_get(), &failed, &p));
                while (!process_ended(p))
                        loop_turn(loop_get(), CLOCK_NEVER);
                if (process_ended(p)->kind != PROCESS_EXITED || process_ended(p)->status)
                        bench_fail(b, "end", "another status");
                process_free(p);
        }
}

#define CASE(name_, mode_, run_)                                    \
        {                                                           \
                .name = name_, .shape = BENCH_ALONE, .mode = mode_, \
                .a = {.open = use_memory,                           \
                      .run = run_ }                                 \
        }

int main(int argc, char **args) {
        static const bench_case cases[] = {
                CASE("spawn", 0, bare_spawn),        CASE("vfork", 0, bare_vfork),
                CASE("fork", 0, bare_fork),          CASE("beam", 0, beam),
                CASE("spawn-256m", 256, bare_spawn), CASE("vfork-256m", 256, bare_vfork),
                CASE("fork-256m", 256, bare_fork),   CASE("beam-256m", 256, beam),
        };

        return bench_main(cases, sizeof(cases) / sizeof(*cases), argc, args);
}
