/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include <beam/beam.h>

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int child_start(char **argv, int fd_in, int fd_out, pid_t *ret) {
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attr;
        sigset_t set;
        int r;

        /* On Linux these cannot fail but for memory, and then the spawn says so. */
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attr);
        posix_spawn_file_actions_adddup2(&actions, fd_in, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions, fd_out, STDOUT_FILENO);
        sigemptyset(&set);
        posix_spawnattr_setsigmask(&attr, &set);
        sigaddset(&set, SIGPIPE);
        posix_spawnattr_setsigdefault(&attr, &set);
        posix_spawnattr_setpgroup(&attr, 0);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                POSIX_SPAWN_SETPGROUP);

        r = posix_spawnp(ret, argv[0], &actions, &attr, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attr);
        return -r;
}

void child_kill(pid_t pid, int signal) {
        if (kill(-pid, signal) < 0)
                (void)kill(pid, signal);
}

bool child_left_others(pid_t pid) {
        return kill(-pid, 0) == 0 || errno != ESRCH;
}

void child_kill_others(pid_t pid) {
        (void)kill(-pid, SIGKILL);
}

int child_ended(pid_t pid, char *text, size_t size, uint32_t *ret_code) {
        int status;

        if (waitpid(pid, &status, WNOHANG) != pid)
                return 0;
        if (WIFEXITED(status)) {
                snprintf(text, size, "exited %d", WEXITSTATUS(status));
                *ret_code =
                        WEXITSTATUS(status) ? BEAM_CODE_USER + (uint32_t)WEXITSTATUS(status) : 0;
        } else {
                int n = WTERMSIG(status);

                snprintf(text, size, "killed by signal %d (%s)", n, strsignal(n));
                *ret_code = BEAM_CODE_USER + 128 + (uint32_t)n; /* as the shell has it */
        }
        return 1;
}

int child_file(const void *data, size_t n) {
        int r, fd = memfd_create("message", MFD_CLOEXEC);

        if (fd < 0)
                return -errno;
        for (size_t at = 0; at < n;) {
                ssize_t k = pwrite(fd, (const char *)data + at, n - at, (off_t)at);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0) {
                        r = -errno;
                        close(fd);
                        return r;
                }
                at += (size_t)k;
        }
        return fd;
}

int child_find(const char *name) {
        const char *path = getenv("PATH"), *end;
        struct stat st;
        char file[4096];

        if (strchr(name, '/'))
                return access(name, X_OK) < 0 ? -errno : 0;
        for (path = path ? path : "/bin:/usr/bin";; path = end + 1) {
                end = strchrnul(path, ':');
                snprintf(file, sizeof(file), "%.*s/%s", (int)(end - path), path, name);
                if (stat(file, &st) == 0 && S_ISREG(st.st_mode) && access(file, X_OK) == 0)
                        return 0;
                if (!*end)
                        return -ENOENT;
        }
}
