/* SPDX-License-Identifier: Apache-2.0 */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/fds.h"

/*
 * Why clone() and not posix_spawn(), which costs the same: that has no user, no limits, no
 * working directory that a user may not see, and cannot say what failed. fork() copies the
 * page tables; with 500 MB in use a start takes sixty times as long.
 *
 * The child of CLONE_VM has this thread's errno and all of its data for its own. So here are
 * system calls only, by syscall(): what the C library makes of setuid() is told to all
 * threads of the parent, and what the sanitizers make of sigaction() is noted as done.
 */

/* The child's frames are small, and no handler runs on it. */
enum { STACK_SIZE = 16 * 1024 };

/* ThreadSanitizer takes clone() for a fork(), and tidies up in memory that is still ours. */
#if defined(__SANITIZE_THREAD__)
#define HIDE_CLONE 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HIDE_CLONE 1
#endif
#endif
#ifdef HIDE_CLONE
int __clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);
#define clone __clone
#endif

static _Noreturn void leave(spawn *s, process_step step) {
        s->step = step;
        s->error = errno;
        for (;;)
                syscall(SYS_exit_group, 127);
}

static void must(spawn *s, process_step step, long r) {
        if (r < 0)
                leave(s, step);
}

/* Handlers of ours must not run in the child, and what we ignore it need not. */
static void signals_reset(void) {
        static const char none[256]; /* the kernel's struct sigaction: SIG_DFL, nothing masked */

        for (int i = 1; i < _NSIG; i++)
                syscall(SYS_rt_sigaction, i, none, NULL, _NSIG / 8);
}

static void session_enter(spawn *s) {
        if (s->session)
                must(s, PROCESS_SESSION, syscall(SYS_setsid));
        else
                must(s, PROCESS_SESSION, syscall(SYS_setpgid, 0, 0));
        if (s->terminal >= 0)
                must(s, PROCESS_TERMINAL, syscall(SYS_ioctl, s->terminal, TIOCSCTTY, 0));
}

/* First out of each other's way, then to their places, then all else is closed. */
static void streams_place(spawn *s) {
        unsigned next = 0;
        int last = s->n_streams ? s->streams[s->n_streams - 1].to : -1;

        for (process_stream *t = s->streams; t < s->streams + s->n_streams; t++)
                if (t->fd != t->to && t->fd <= last) {
                        t->fd = (int)syscall(SYS_fcntl, t->fd, F_DUPFD, last + 1);
                        must(s, PROCESS_STREAMS, t->fd);
                }
        for (process_stream *t = s->streams; t < s->streams + s->n_streams; t++)
                if (t->fd == t->to)
                        must(s, PROCESS_STREAMS, syscall(SYS_fcntl, t->fd, F_SETFD, 0));
                else
                        must(s, PROCESS_STREAMS, syscall(SYS_dup3, t->fd, t->to, 0));
        for (process_stream *t = s->streams; t < s->streams + s->n_streams; t++) {
                unsigned to = (unsigned)t->to;

                if (to > next)
                        must(s, PROCESS_STREAMS, syscall(SYS_close_range, next, to - 1, 0));
                next = to + 1;
        }
        must(s, PROCESS_STREAMS, syscall(SYS_close_range, next, UINT_MAX, 0));
}

static void user_become(spawn *s) {
        if (s->has_groups)
                must(s, PROCESS_GROUPS, syscall(SYS_setgroups, s->n_groups, s->groups));
        if (s->has_group)
                must(s, PROCESS_GROUPS, syscall(SYS_setresgid, s->gid, s->gid, s->gid));
        if (s->has_user)
                must(s, PROCESS_USER, syscall(SYS_setresuid, s->uid, s->uid, s->uid));
}

/* Along the path, as execvp() does; but a text without #! is no program. */
static void become(spawn *s) {
        int found = ENOENT;

        for (const char *const *program = s->programs; *program; program++) {
                syscall(SYS_execve, *program, s->argv, s->env);
                if (errno == EACCES)
                        found = EACCES;
                else if (errno != ENOENT && errno != ENOTDIR) {
                        found = errno;
                        break;
                }
        }
        errno = found;
        leave(s, PROCESS_EXEC);
}

static int child(void *arg) {
        static const char nothing_blocked[_NSIG / 8];
        spawn *s = arg;

        session_enter(s);
        if (s->cgroup >= 0)
                must(s, PROCESS_CGROUP, syscall(SYS_write, s->cgroup, "0", 1));
        signals_reset();
        streams_place(s);
        if (s->has_umask)
                syscall(SYS_umask, s->umask);
        if (s->has_nice)
                must(s, PROCESS_NICE, syscall(SYS_setpriority, PRIO_PROCESS, 0, s->nice));
        for (size_t i = 0; i < s->n_limits; i++)
                must(s, PROCESS_LIMITS,
                     syscall(SYS_prlimit64, 0, s->limits[i].resource, &s->limits[i].value, NULL));
        user_become(s);
        if (s->dies_with_us) {
                /* after the user, with whom the kernel forgets it; and we may be gone already */
                must(s, PROCESS_SESSION, syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL));
                if (syscall(SYS_getppid) != s->parent)
                        syscall(SYS_exit_group, 127);
        }
        if (s->cwd)
                must(s, PROCESS_DIRECTORY, syscall(SYS_chdir, s->cwd));
        syscall(SYS_rt_sigprocmask, SIG_SETMASK, nothing_blocked, NULL, _NSIG / 8);
        become(s);
        return 127;
}

pid_t spawn_start(spawn *s, int *ret_fd) {
        uint8_t stack[STACK_SIZE] __attribute__((aligned(16)));
        sigset_t all, mask;
        int fd = -1;
        pid_t pid;

        s->error = 0;
        s->parent = getpid();
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &mask);
        pid = clone(child, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, s,
                    &fd);
        if (pid < 0) {
                s->step = PROCESS_CLONE;
                s->error = errno;
        }
        pthread_sigmask(SIG_SETMASK, &mask, NULL);

        if (!s->error) {
                *ret_fd = fd;
                return pid;
        }
        if (pid > 0) {
                while (waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED) < 0 && errno == EINTR)
                        continue;
                fd_close(fd);
        }
        return -s->error;
}
