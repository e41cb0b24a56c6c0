/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"
#include "test.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Of the library, where it keeps freelists: gives them back. */
__attribute__((weak)) void beam_test_trim(void);

enum { TIMEOUT_DEFAULT = 20, STATUS_SKIP = 77 };

static test_case *first, **last = &first;
static bool verbose, no_fork;
static sigset_t mask; /* as it was before the runner blocked what it waits for */
static uint32_t random_state;

/* What a test, in whichever of its processes, tells the runner. */
static struct {
        atomic_bool failed;
        char skip[256];
} * told;

void test_register(test_case *t) {
        *last = t;
        last = &t->next;
}

int test_slowness(void) {
        const char *preload = getenv("LD_PRELOAD");

        if (preload && strstr(preload, "vgpreload"))
                return 20;
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
        return 6;
#elif __has_feature(address_sanitizer)
        return 3;
#endif
#endif
#if defined(__SANITIZE_THREAD__)
        return 6;
#elif defined(__SANITIZE_ADDRESS__)
        return 3;
#else
        return 1;
#endif
}

uint32_t test_random(void) {
        /* Marsaglia's xorshift; the state is never 0 */
        random_state ^= random_state << 13;
        random_state ^= random_state >> 17;
        random_state ^= random_state << 5;
        return random_state;
}

static void random_seed(const char *name) {
        const char *seed = getenv("BEAM_TEST_SEED");

        random_state = 2463534242u ^ (seed ? (uint32_t)strtoul(seed, NULL, 0) : 0);
        while (*name)
                random_state = random_state * 31 + (uint8_t)*name++;
        if (!random_state)
                random_state = 1;
}

void test_say(const char *fmt, ...) {
        va_list args;

        va_start(args, fmt);
        vfprintf(stderr, fmt, args);
        va_end(args);
        fputc('\n', stderr);
}

void test_failed(const char *file, int line, const char *fmt, ...) {
        char text[2048];
        va_list args;

        va_start(args, fmt);
        vsnprintf(text, sizeof(text), fmt, args);
        va_end(args);
        test_say("%s:%d: %s", file, line, text);
        if (no_fork)
                abort();

        /* at once: other threads may be in the midst of what has just gone wrong */
        atomic_store(&told->failed, true);
        _exit(1);
}

void test_skip(const char *why, ...) {
        va_list args;

        va_start(args, why);
        vsnprintf(told->skip, sizeof(told->skip), why, args);
        va_end(args);
        for (char *p = told->skip; *p; p++)
                if (*p == '\n')
                        *p = ' ';
        _exit(STATUS_SKIP);
}

/* In the test's process: run it and look after it. Returns whether it was good. */
static bool run_here(const test_case *t, const char *param) {
        snapshot before;
        bool leaks;

        random_seed(t->name);
        mem_watch(true);
        snapshot_take(&before);

        t->fn(param);

        if (beam_test_trim)
                beam_test_trim();
        leaks = leaks_children();
        leaks |= snapshot_leaks(&before, true);
        leaks |= place_leaks();
        return !leaks && !atomic_load(&told->failed);
}

static _Noreturn void run_child(const test_case *t, const char *param, int output) {
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

        /* nothing outlives the runner, whatever ended it */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setpgid(0, 0);
        sigprocmask(SIG_SETMASK, &mask, NULL);
        dup2(null, STDIN_FILENO);
        dup2(output, STDOUT_FILENO);
        dup2(output, STDERR_FILENO);
        close(null);
        close(output);
        setvbuf(stdout, NULL, _IOLBF, 0);
        place_enter();

        /* by exit(), where the sanitizers look for leaks and say so by the status */
        exit(run_here(t, param) ? 0 : 1);
}

/* What the runner takes by waiting for it: of children, and those that end it. */
static sigset_t waited_for(void) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        return set;
}

/* Wait for @pid, or with 0 until there is no child, until the deadline. */
static bool wait_until(pid_t pid, long long deadline, int *ret_status) {
        sigset_t set = waited_for();

        for (;;) {
                int status, sig;
                pid_t r = waitpid(pid ? pid : -1, &status, WNOHANG);

                if (pid && r == pid) {
                        *ret_status = status;
                        return true;
                }
                if (r < 0 && errno == ECHILD)
                        return !pid;
                if (r > 0)
                        continue;
                if (real_is_over(deadline))
                        return false;
                /* blocked, so one that comes between the two calls is not lost; the
                 * span is short because the deadline is looked at only in between */
                sig = sigtimedwait(&set, NULL, &(struct timespec){ .tv_nsec = 100000000 });
                if (sig == SIGINT || sig == SIGTERM) {
                        if (pid)
                                kill(-pid, SIGKILL);
                        place_remove();
                        printf("Bail out! SIG%s\n", sigabbrev_np(sig));
                        exit(1);
                }
        }
}

/* What the test did not wait for is the runner's, which is a subreaper. */
static void kill_orphans(pid_t group) {
        char path[64];
        int pid;
        FILE *f;

        kill(-group, SIGKILL);
        snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
        f = fopen(path, "re");
        if (f) {
                while (fscanf(f, "%d", &pid) == 1)
                        kill(pid, SIGKILL);
                fclose(f);
        }
}

static void print_output(int output) {
        char line[4096], place[512];
        FILE *f = fdopen(output, "r");

        rewind(f);
        while (fgets(line, sizeof(line), f)) {
                printf("# %s%s", line, strchr(line, '\n') ? "" : "\n");
                if (stack_place(line, place))
                        printf("#     %s\n", place);
        }
        fclose(f);
}

/* Returns whether it failed. */
static bool run_one(int number, const test_case *t, const char *param) {
        int output = memfd_create("test output", MFD_CLOEXEC), status = 0, seconds;
        const char *verdict;
        bool in_time, good;
        char why[64] = "";
        pid_t pid;

        told->failed = false;
        told->skip[0] = '\0';
        if (output < 0 || !place_make()) {
                printf("Bail out! no place for tests: %s\n", strerror(errno));
                exit(1);
        }
        fcntl(output, F_SETFL, O_APPEND);

        fflush(NULL);
        pid = fork();
        if (pid < 0) {
                printf("Bail out! fork: %s\n", strerror(errno));
                exit(1);
        }
        if (pid == 0)
                run_child(t, param, output);
        setpgid(pid, pid);

        seconds = t->timeout ? t->timeout : TIMEOUT_DEFAULT;
        in_time = wait_until(pid, real_deadline(seconds), &status);
        if (!in_time) {
                snprintf(why, sizeof(why), "not over after %d s", seconds * test_slowness());
                kill(-pid, SIGABRT); /* all say where they are */
                if (!wait_until(pid, real_deadline(3), &status))
                        kill(pid, SIGKILL);
        } else if (WIFSIGNALED(status)) {
                snprintf(why, sizeof(why), "killed by SIG%s", sigabbrev_np(WTERMSIG(status)));
        } else if (WEXITSTATUS(status) > 1 && WEXITSTATUS(status) != STATUS_SKIP) {
                snprintf(why, sizeof(why), "exit status %d", WEXITSTATUS(status));
        } else if (atomic_load(&told->failed)) {
                snprintf(why, sizeof(why), "an assertion");
        } else if (WEXITSTATUS(status) == 1) {
                snprintf(why, sizeof(why), "leaks, or a sanitizer spoke");
        }

        /* those that are on their way out get a moment, but not after a failure */
        if (!wait_until(0, real_deadline(why[0] ? 0 : 1), NULL)) {
                if (!why[0])
                        snprintf(why, sizeof(why), "leak: left processes running");
                kill_orphans(pid);
                wait_until(0, real_deadline(5), NULL);
        }
        place_remove();

        good = !why[0];
        verdict = good ? "ok" : "not ok";
        printf("%s %d - %s%s%s", verdict, number, t->name, param ? " " : "", param ? param : "");
        if (good && WEXITSTATUS(status) == STATUS_SKIP)
                printf(" # SKIP %s", told->skip);
        putchar('\n');
        if (!good)
                printf("# failed: %s\n", why);
        if (!good || verbose)
                print_output(output);
        else
                close(output);
        fflush(stdout);
        return !good;
}

static bool is_wanted(const test_case *t, const char *param, char **parts) {
        char name[512];

        if (!*parts)
                return true;
        snprintf(name, sizeof(name), "%s %s", t->name, param ? param : "");
        for (; *parts; parts++)
                if (strstr(name, *parts))
                        return true;
        return false;
}

/* Over all that are wanted: count, list, or run them. Returns how many; failures are
 * added to @n_failed. */
static int each(char **parts, bool list, bool run, int *n_failed) {
        static const char *const no_params[] = { NULL, NULL };
        int n = 0;

        for (const test_case *t = first; t; t = t->next)
                for (const char *const *p = t->params ? t->params : no_params;
                     *p || (!t->params && p == no_params); p++) {
                        if (!is_wanted(t, *p, parts))
                                continue;
                        n++;
                        if (list)
                                printf("%s%s%s\n", t->name, *p ? " " : "", *p ? *p : "");
                        if (run && no_fork) {
                                if (!place_make())
                                        exit(1);
                                place_enter();
                                *n_failed += !run_here(t, *p);
                                place_remove();
                        } else if (run) {
                                *n_failed += run_one(n, t, *p);
                        }
                }
        return n;
}

int main(int argc, char **argv) {
        int option, n_failed = 0;

        told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (told == MAP_FAILED)
                return 1;

        while ((option = getopt(argc, argv, "lnv")) >= 0) {
                switch (option) {
                case 'l':
                        each(argv + optind, true, false, NULL);
                        return 0;
                case 'n':
                        no_fork = true;
                        break;
                case 'v':
                        verbose = true;
                        break;
                default:
                        return 2;
                }
        }

        prctl(PR_SET_CHILD_SUBREAPER, 1);
        if (!no_fork) {
                sigset_t set = waited_for();

                sigprocmask(SIG_BLOCK, &set, &mask);
                stack_on_abort();
        }

        printf("1..%d\n", each(argv + optind, false, false, NULL));
        each(argv + optind, false, true, &n_failed);
        return n_failed > 0;
}
