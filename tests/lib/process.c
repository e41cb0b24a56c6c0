/* SPDX-License-Identifier: Apache-2.0 */
#include "help.h"
#include "place.h"
#include "test.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

__attribute__((weak)) void beam_test_trim(void);

static pid_t fork_or_fail(void) {
        pid_t pid;

        fflush(NULL);
        pid = fork();
        if (pid < 0)
                test_fail("fork: %s", strerror(errno));
        if (pid == 0)
                prctl(PR_SET_PDEATHSIG, SIGKILL);
        return pid;
}

pid_t test_fork(void (*fn)(void *arg), void *arg) {
        pid_t pid = fork_or_fail();
        snapshot before;
        bool leaks;

        if (pid)
                return pid;

        /* What the parent has is there too, and giving it back here is no leak: so only
         * what is more than before counts. */
        snapshot_take(&before);
        fn(arg);
        if (beam_test_trim)
                beam_test_trim();
        leaks = leaks_children();
        leaks |= snapshot_leaks(&before, false);
        if (leaks)
                test_fail("the process that test_fork() made is not clean");
        fflush(NULL);
        _exit(0);
}

static void place_fd(int fd, int at) {
        /* the flag is all that dup2() changes, and not where the numbers are the same */
        if (fd == at)
                fcntl(fd, F_SETFD, 0);
        else if (fd >= 0)
                dup2(fd, at);
}

pid_t test_spawn(const char *const argv[], int in, int out, int err) {
        pid_t pid = fork_or_fail();

        if (pid == 0) {
                /* numbers below 3 may be in each other's way */
                int high[3] = { in, out, err };

                for (int i = 0; i < 3; i++)
                        if (high[i] >= 0 && high[i] != i)
                                high[i] = fcntl(high[i], F_DUPFD_CLOEXEC, 3);
                for (int i = 0; i < 3; i++)
                        place_fd(high[i], i);
                execvp(argv[0], (char *const *)(uintptr_t)argv);
                test_say("%s: %s", argv[0], strerror(errno));
                _exit(127);
        }

        if (in > 2)
                close(in);
        if (out > 2 && out != in)
                close(out);
        if (err > 2 && err != out && err != in)
                close(err);
        return pid;
}

int test_wait(pid_t pid) {
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        test_fail("waitpid of %d: %s", (int)pid, strerror(errno));
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int test_kill(pid_t pid, int sig) {
        if (kill(pid, sig) < 0)
                test_fail("kill of %d: %s", (int)pid, strerror(errno));
        return test_wait(pid);
}

/* What comes out of a pipe, as a text of the test's. */
typedef struct gather {
        int fd;
        FILE *f;
        char *s;
        size_t n;
} gather;

static void gather_some(gather *g, short revents) {
        char buf[65536];
        ssize_t r;

        if (!revents)
                return;
        r = read(g->fd, buf, sizeof(buf));
        if (r > 0) {
                fwrite(buf, 1, (size_t)r, g->f);
        } else if (r == 0 || errno != EINTR) {
                close(g->fd);
                g->fd = -1;
        }
}

static void make_pipe(int fds[static 2]) {
        if (pipe2(fds, O_CLOEXEC) < 0)
                test_fail("pipe: %s", strerror(errno));
}

int test_run(const char *const argv[], const char *in, const char **ret_out, const char **ret_err) {
        int pipe_in[2], pipe_out[2], pipe_err[2];
        size_t n_in = strlen(in), at = 0;
        gather out = { .fd = -1 }, err = { .fd = -1 };
        sigset_t sigpipe, mask;
        pid_t pid;

        make_pipe(pipe_in);
        make_pipe(pipe_out);
        make_pipe(pipe_err);
        pid = test_spawn(argv, pipe_in[0], pipe_out[1], pipe_err[1]);
        out = (gather){ .fd = pipe_out[0], .f = open_memstream(&out.s, &out.n) };
        err = (gather){ .fd = pipe_err[0], .f = open_memstream(&err.s, &err.n) };

        /* Input that is not wanted raises SIGPIPE here; what the tests do with it
         * elsewhere stays as it is, since the library must live with the default. */
        sigemptyset(&sigpipe);
        sigaddset(&sigpipe, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &sigpipe, &mask);
        fcntl(pipe_in[1], F_SETFL, O_NONBLOCK);

        while (pipe_in[1] >= 0 || out.fd >= 0 || err.fd >= 0) {
                struct pollfd p[] = {
                        { .fd = pipe_in[1], .events = POLLOUT },
                        { .fd = out.fd, .events = POLLIN },
                        { .fd = err.fd, .events = POLLIN },
                };

                if (poll(p, n_of(p), -1) < 0)
                        continue;
                if (p[0].revents) {
                        ssize_t r = at < n_in ? write(pipe_in[1], in + at, n_in - at) : -1;

                        if (r > 0)
                                at += (size_t)r;
                        if (at == n_in || (r < 0 && errno != EAGAIN && errno != EINTR)) {
                                close(pipe_in[1]);
                                pipe_in[1] = -1;
                        }
                }
                gather_some(&out, p[1].revents);
                gather_some(&err, p[2].revents);
        }
        sigtimedwait(&sigpipe, NULL, &(struct timespec){ 0 });
        pthread_sigmask(SIG_SETMASK, &mask, NULL);

        fclose(out.f);
        fclose(err.f);
        if (ret_out)
                *ret_out = test_text(out.s, out.n);
        if (ret_err)
                *ret_err = test_text(err.s, err.n);
        free(out.s);
        free(err.s);
        return test_wait(pid);
}

const char *test_tool(void) {
        const char *tool = getenv("BEAM_TOOL");

        if (!tool || access(tool, X_OK) < 0)
                test_skip("no tool: BEAM_TOOL is not set to one");
        return tool;
}

size_t test_resident(pid_t pid) {
        size_t total, resident = 0;
        char path[64];
        FILE *f;

        snprintf(path, sizeof(path), "/proc/%d/statm", (int)(pid ? pid : getpid()));
        f = fopen(path, "re");
        if (!f || fscanf(f, "%zu %zu", &total, &resident) != 2)
                test_fail("%s: %s", path, strerror(errno));
        fclose(f);
        return resident * (size_t)sysconf(_SC_PAGESIZE);
}

int64_t test_cpu(void) {
        struct timespec t;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}
