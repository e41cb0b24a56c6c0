/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/clock.h"
#include "../base/fds.h"
#include "../base/fork.h"
#include "../base/mem.h"
#include "cgroup.h"
#include "kin.h"
#include "spawn.h"
#include "user.h"

#define MS (CLOCK_SECOND / 1000)

/* What the kernel tells nobody of is looked at again: soon at first, then less often. A look
 * is two milliseconds on a machine with few processes. */
enum { LOOK_FIRST_MS = 2, LOOK_LAST_MS = 32 };

/* Who is not gone by then hangs in the kernel; picked. */
enum { KILL_MS = 2000 };

/* RUNS: also when the program has ended, and the end has not been told. */
typedef enum stage { RUNS, ASKED, KILLED, ENDED } stage;

struct process {
        loop *loop;
        void (*ended)(process *p, void *data);
        void *data;
        process_rest rest;

        pid_t pid;
        int fd; /* for it, of the kernel */
        source source;
        bool is_over; /* the program; its number stays ours */
        process_end end;

        stage stage;
        timer timer;
        int64_t kill_at, give_up, pause;
        kin kin;
        char *mark;
        cgroup cgroup;

        int terminal;
        fork_fd in_child;
        uint32_t forks;
        process *next; /* in those that were killed and have not ended yet */
};

static void proceed(process *p);

const char *process_step_name(process_step step) {
        static const char *const names[] = {
                [PROCESS_PREPARE] = "preparing it",    [PROCESS_USER] = "its user",
                [PROCESS_GROUPS] = "its groups",       [PROCESS_LIMITS] = "its limits",
                [PROCESS_CGROUP] = "its cgroup",       [PROCESS_TERMINAL] = "its terminal",
                [PROCESS_CLONE] = "a new process",     [PROCESS_SESSION] = "its session",
                [PROCESS_STREAMS] = "its streams",     [PROCESS_NICE] = "its priority",
                [PROCESS_DIRECTORY] = "its directory", [PROCESS_EXEC] = "its program",
        };

        return names[step];
}

/* what was killed and has not ended: the kernel is still at it when its owner has gone */

static __thread process *left;

static bool reap(const process *p) {
        siginfo_t info = { 0 };

        return waitid(P_PIDFD, (id_t)p->fd, &info, WEXITED | WNOHANG) < 0 || info.si_pid;
}

static void left_sweep(void) {
        for (process **at = &left, *p; (p = *at);) {
                if (!reap(p)) {
                        at = &p->next;
                        continue;
                }
                *at = p->next;
                fd_close(p->fd);
                mem_free(p);
        }
}

/* plan: all that has to be there before the program starts */

typedef struct plan {
        spawn spawn;
        const char **programs, **env;
        process_stream *streams;
        spawn_limit *limits;
        user user;
        int cgroup, terminal; /* the program's side */
} plan;

static void plan_deinit(plan *pl) {
        mem_free(pl->programs);
        mem_free(pl->env);
        mem_free(pl->streams);
        mem_free(pl->limits);
        user_deinit(&pl->user);
        fd_close(pl->cgroup);
        fd_close(pl->terminal);
}

static size_t count(const char *const *texts) {
        size_t n = 0;

        while (texts && texts[n])
                n++;
        return n;
}

static const char *path_of(const char *const *env) {
        for (; env && *env; env++)
                if (!strncmp(*env, "PATH=", 5))
                        return *env + 5;
        return "/usr/local/bin:/usr/bin:/bin";
}

/* One block: the pointers, and behind them the texts. An empty place in a path is none: that
 * it is the working directory elsewhere has bitten enough. */
static int programs_find(plan *pl, const process_options *o) {
        const char *name = o->program ? o->program : o->argv[0];
        const char *path = !*name || strchr(name, '/') ? "" : path_of(o->env);
        size_t n_name = strlen(name) + 1, n_places = 1, n = 0;
        char *text;

        for (const char *p = path; *p; p++)
                n_places += *p == ':';
        pl->programs = mem_new((n_places + 1) * sizeof(*pl->programs) + strlen(path) +
                               n_places * (n_name + 1));
        if (!pl->programs)
                return -ENOMEM;
        text = (char *)(pl->programs + n_places + 1);
        if (!*path)
                pl->programs[n++] = memcpy(text, name, n_name);
        while (*path) {
                size_t n_place = strcspn(path, ":");

                if (n_place) {
                        pl->programs[n++] = text;
                        text = mempcpy(text, path, n_place);
                        *text++ = '/';
                        text = mempcpy(text, name, n_name);
                }
                path += n_place + (path[n_place] == ':');
        }
        pl->programs[n] = NULL;
        pl->spawn.programs = pl->programs;
        return 0;
}

static int env_make(plan *pl, const process_options *o) {
        size_t n = count(o->env);

        pl->env = mem_array(n + 2, sizeof(*pl->env));
        if (!pl->env)
                return -ENOMEM;
        if (n)
                memcpy(pl->env, o->env, n * sizeof(*pl->env));
        pl->env[n] = o->mark;
        pl->spawn.env = pl->env;
        return 0;
}

static int by_number(const void *a, const void *b) {
        const process_stream *x = a, *y = b;

        return (x->to > y->to) - (x->to < y->to);
}

static int streams_make(plan *pl, const process_options *o) {
        size_t n = 0;

        pl->streams = mem_array(o->n_streams + 3, sizeof(*pl->streams));
        if (!pl->streams)
                return -ENOMEM;
        for (; n < o->n_streams; n++) {
                if (o->streams[n].to < 0 || o->streams[n].fd < 0)
                        return -EBADF;
                pl->streams[n] = o->streams[n];
        }
        for (int to = 0; pl->terminal >= 0 && to < 3; to++) {
                size_t i = 0;

                while (i < o->n_streams && o->streams[i].to != to)
                        i++;
                if (i == o->n_streams)
                        pl->streams[n++] = (process_stream){ to, pl->terminal };
        }
        qsort(pl->streams, n, sizeof(*pl->streams), by_number);
        for (size_t i = 1; i < n; i++)
                if (pl->streams[i].to == pl->streams[i - 1].to)
                        return -EINVAL;
        pl->spawn.streams = pl->streams;
        pl->spawn.n_streams = n;
        return 0;
}

static int limits_make(plan *pl, const process_options *o) {
        if (!o->n_limits)
                return 0;
        pl->limits = mem_array(o->n_limits, sizeof(*pl->limits));
        if (!pl->limits)
                return -ENOMEM;
        for (size_t i = 0; i < o->n_limits; i++) {
                const process_limit *limit = &o->limits[i];
                int resource = limit_resource(limit->name);

                if (resource < 0)
                        return resource;
                pl->limits[i] = (spawn_limit){
                        .resource = resource,
                        .value = { .rlim_cur = limit->soft, .rlim_max = limit->hard },
                };
        }
        pl->spawn.limits = pl->limits;
        pl->spawn.n_limits = o->n_limits;
        return 0;
}

static int terminal_make(plan *pl, const process_options *o, process *p) {
        struct winsize size;

        if (!o->terminal)
                return 0;
        p->terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (p->terminal < 0)
                return -errno;
        fork_close(&p->in_child, p->terminal);
        if (unlockpt(p->terminal) < 0)
                return -errno;
        /* not by its name, which may be another's in here */
        pl->terminal = ioctl(p->terminal, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (pl->terminal < 0)
                return -errno;
        size = (struct winsize){ .ws_row = o->terminal->rows, .ws_col = o->terminal->columns };
        if (ioctl(p->terminal, TIOCSWINSZ, &size) < 0)
                return -errno;
        if (pl->user.has_user && fchown(pl->terminal, pl->user.uid, (gid_t)-1) < 0)
                return -errno;
        pl->spawn.terminal = pl->terminal;
        return 0;
}

static int cgroup_enter(plan *pl, const process_options *o, process *p) {
        int r;

        if (!o->cgroup)
                return o->pids_max ? -EINVAL : 0;
        r = cgroup_make(o->cgroup, o->pids_max, &p->cgroup);
        if (r >= 0)
                r = pl->cgroup = cgroup_open_procs(&p->cgroup);
        pl->spawn.cgroup = pl->cgroup;
        return r;
}

static int user_make(plan *pl, const process_options *o, process_step *ret_failed) {
        bool group;
        int r = user_find(o->user, o->group, o->groups, &pl->user, &group);

        *ret_failed = group ? PROCESS_GROUPS : PROCESS_USER;
        pl->spawn.has_user = pl->user.has_user;
        pl->spawn.has_group = pl->user.has_group;
        pl->spawn.has_groups = pl->user.has_groups;
        pl->spawn.uid = pl->user.uid;
        pl->spawn.gid = pl->user.gid;
        pl->spawn.groups = pl->user.groups;
        pl->spawn.n_groups = pl->user.n_groups;
        return r;
}

static int plan_make(plan *pl, const process_options *o, process *p, process_step *ret_failed) {
        int r;

        *ret_failed = PROCESS_PREPARE;
        if (!o->argv || !o->argv[0])
                return -EINVAL;
        pl->spawn.argv = o->argv;
        pl->spawn.cwd = o->cwd;
        pl->spawn.session = o->session || o->terminal;
        pl->spawn.dies_with_us = o->dies_with_us;
        pl->spawn.has_umask = o->has_umask;
        pl->spawn.umask = o->umask;
        pl->spawn.has_nice = o->nice != 0;
        pl->spawn.nice = o->nice ? getpriority(PRIO_PROCESS, 0) + o->nice : 0;
        r = programs_find(pl, o);
        if (r >= 0)
                r = env_make(pl, o);
        if (r >= 0 && o->mark)
                r = (p->mark = mem_text(o->mark)) ? 0 : -ENOMEM;
        if (r >= 0)
                r = user_make(pl, o, ret_failed);
        if (r >= 0) {
                *ret_failed = PROCESS_LIMITS;
                r = limits_make(pl, o);
        }
        if (r >= 0) {
                *ret_failed = PROCESS_TERMINAL;
                r = terminal_make(pl, o, p);
        }
        if (r >= 0) {
                *ret_failed = PROCESS_STREAMS;
                r = streams_make(pl, o);
        }
        if (r >= 0) {
                *ret_failed = PROCESS_CGROUP;
                r = cgroup_enter(pl, o, p);
        }
        return r;
}

/* the end */

/* The kernel's <linux/pidfd.h> has it since Linux 6.15, and headers are older. */
struct exit_info {
        uint64_t mask, cgroup;
        uint32_t ids[11];
        int32_t status;
};
#define EXIT_INFO _IOWR(0xFF, 11, struct exit_info)
enum { EXIT_INFO_STATUS = 1 << 3 };

static void note_status(process_end *end, int status) {
        if (WIFSIGNALED(status)) {
                end->kind = PROCESS_SIGNALLED;
                end->status = WTERMSIG(status);
                end->has_dumped = WCOREDUMP(status);
        } else {
                end->kind = PROCESS_EXITED;
                end->status = WEXITSTATUS(status);
        }
}

/* Somebody has waited for any child, or ignores SIGCHLD. */
static void note_lost(process *p) {
        struct exit_info info = { .mask = EXIT_INFO_STATUS };

        p->is_over = true;
        p->kin.root = 0;
        p->end.kind = PROCESS_LOST;
        if (ioctl(p->fd, EXIT_INFO, &info) == 0 && (info.mask & EXIT_INFO_STATUS))
                note_status(&p->end, info.status);
}

static int64_t ns_of(struct timeval t) {
        return t.tv_sec * CLOCK_SECOND + t.tv_usec * (CLOCK_SECOND / 1000000);
}

/* Looked at only: while nobody has waited for it, its number is not another's. */
static void note_end(process *p) {
        struct rusage used = { 0 };
        siginfo_t info = { 0 };

        /* the system call, as the C library's has no place for what was used */
        if (syscall(SYS_waitid, P_PIDFD, p->fd, &info, WEXITED | WNOHANG | WNOWAIT, &used) < 0) {
                note_lost(p);
                return;
        }
        if (!info.si_pid)
                return; /* who traces it has it first */
        p->is_over = true;
        p->end = (process_end){
                .kind = info.si_code == CLD_EXITED ? PROCESS_EXITED : PROCESS_SIGNALLED,
                .status = info.si_status,
                .has_dumped = info.si_code == CLD_DUMPED,
                .user_ns = ns_of(used.ru_utime),
                .system_ns = ns_of(used.ru_stime),
                .max_resident = used.ru_maxrss * INT64_C(1024),
        };
}

static void finish(process *p, bool has_left) {
        p->stage = ENDED;
        p->end.has_left = has_left;
        timer_stop(&p->timer);
        if (p->ended)
                p->ended(p, p->data);
}

/* These return how many were alive, or an error. */
static int tree_count(process *p) {
        return cgroup_is(&p->cgroup) ? cgroup_signal(&p->cgroup, 0) : kin_count(&p->kin);
}

static int tree_kill(process *p) {
        return cgroup_is(&p->cgroup) ? cgroup_signal(&p->cgroup, SIGKILL) : kin_kill(&p->kin);
}

/* What is stopped cannot hear it before it goes on. */
static void tree_ask(process *p) {
        if (cgroup_is(&p->cgroup))
                (void)cgroup_signal(&p->cgroup, SIGTERM);
        else
                (void)kin_signal(&p->kin, SIGTERM);
        if (p->kin.root)
                (void)kill(-p->pid, SIGCONT);
}

/* Without the loop, until all are gone. */
static int kill_all(process *p, int64_t give_up) {
        int n;

        while ((n = tree_kill(p)) > 0 && clock_now() < give_up)
                poll(&(struct pollfd){ .fd = p->fd, .events = POLLIN }, !p->is_over, LOOK_FIRST_MS);
        return n;
}

static int look_at(process *p, int64_t when) {
        timer_stop(&p->timer);
        return timer_start(&p->timer, p->loop, when);
}

static void begin_kill(process *p) {
        p->stage = KILLED;
        p->give_up = clock_add(clock_now(), KILL_MS * MS);
        p->pause = LOOK_FIRST_MS * MS;
}

static void proceed(process *p) {
        int64_t now = clock_now(), next;
        int n = 1;

        if (p->stage == RUNS) {
                if (p->rest == PROCESS_REST_GROUP && p->kin.root)
                        (void)kill(-p->pid, SIGKILL);
                if (p->rest == PROCESS_REST_STAYS ||
                    (p->rest == PROCESS_REST_GROUP && !cgroup_is(&p->cgroup))) {
                        finish(p, false);
                        return;
                }
                begin_kill(p);
        }
        if (p->stage == ASKED && now >= p->kill_at)
                begin_kill(p);
        if (p->stage == KILLED)
                n = tree_kill(p);
        else if (p->is_over)
                n = tree_count(p);
        if (p->is_over && (n == 0 || (p->stage == KILLED && now >= p->give_up))) {
                finish(p, n != 0);
                return;
        }
        next = clock_add(now, p->pause);
        if (p->stage == ASKED && (!p->is_over || next > p->kill_at))
                next = p->kill_at;
        if (p->pause < LOOK_LAST_MS * MS)
                p->pause *= 2;
        else if (p->stage == KILLED && now >= p->give_up)
                p->pause = CLOCK_SECOND; /* the program itself hangs in the kernel */
        if (look_at(p, next) == 0)
                return;
        /* Without memory for a timer nobody would come back. */
        p->stage = KILLED;
        n = kill_all(p, clock_add(now, KILL_MS * MS));
        if (p->is_over)
                finish(p, n != 0);
}

static void on_timer(timer *t) {
        proceed(container_of(t, process, timer));
}

static void on_fd(source *s, unsigned events) {
        process *p = container_of(s, process, source);

        (void)events;
        note_end(p);
        if (!p->is_over)
                return;
        source_close(s);
        proceed(p);
}

/* life */

/* All but the process itself. */
static void shed(process *p) {
        source_close(&p->source);
        if (p->terminal >= 0) {
                fork_forget(&p->in_child);
                p->terminal = fd_close(p->terminal);
        }
        (void)cgroup_remove(&p->cgroup, 0);
        kin_deinit(&p->kin);
        p->mark = mem_free(p->mark);
}

static void discard(process *p) {
        shed(p);
        fd_close(p->fd);
        mem_free(p);
}

/* Its place in the loop is taken by a stand-in, ourselves, while there is no program yet: from
 * its first instruction on nothing can fail any more. */
static int launch(process *p, plan *pl, process_step *ret_failed) {
        pid_t pid;
        int fd, r;

        *ret_failed = PROCESS_PREPARE;
        p->fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
        if (p->fd < 0)
                return -errno;
        r = source_open(&p->source, p->loop, p->fd, 0);
        if (r < 0)
                return r;
        pid = spawn_start(&pl->spawn, &fd);
        if (pid < 0) {
                *ret_failed = pl->spawn.step;
                return pid;
        }
        while (dup3(fd, p->fd, O_CLOEXEC) < 0)
                continue; /* EINTR, EBUSY */
        fd_close(fd);
        source_want(&p->source, SOURCE_READ);
        p->pid = p->kin.root = pid;
        return 0;
}

int process_start(const process_options *o, loop *l, process_step *ret_failed, process **ret) {
        plan pl = { .cgroup = -1, .terminal = -1, .spawn = { .cgroup = -1, .terminal = -1 } };
        process *p;
        int r;

        left_sweep();
        *ret_failed = PROCESS_PREPARE;
        p = mem_zero(sizeof(*p));
        if (!p)
                return -ENOMEM;
        p->loop = l;
        p->ended = o->ended;
        p->data = o->data;
        p->rest = o->rest;
        p->source.fn = on_fd;
        p->timer.fn = on_timer;
        p->pause = LOOK_FIRST_MS * MS;
        p->fd = p->terminal = -1;
        p->cgroup = CGROUP_NONE;
        p->forks = fork_count();

        r = plan_make(&pl, o, p, ret_failed);
        if (r >= 0)
                r = launch(p, &pl, ret_failed);
        plan_deinit(&pl);
        if (r < 0) {
                discard(p);
                return r;
        }
        p->kin.mark = p->mark;
        *ret = p;
        return 0;
}

/* Its fork's copy: the loop, the tree and the cgroup are the parent's, and the terminal was
 * closed when the child began. */
static void forget(process *p) {
        cgroup_forget(&p->cgroup);
        kin_deinit(&p->kin);
        mem_free(p->mark);
        fd_close(p->fd);
        mem_free(p);
}

process *process_free(process *p) {
        int64_t give_up = clock_add(clock_now(), KILL_MS * MS);

        if (!p)
                return NULL;
        if (p->forks != fork_count()) {
                forget(p);
                return NULL;
        }
        left_sweep();
        timer_stop(&p->timer);
        if (p->stage != ENDED || p->end.has_left) {
                (void)kill_all(p, give_up);
                poll(&(struct pollfd){ .fd = p->fd, .events = POLLIN }, 1, clock_poll_ms(give_up));
                (void)cgroup_remove(&p->cgroup, give_up);
        }
        if (reap(p)) {
                discard(p);
        } else {
                shed(p);
                p->next = left;
                left = p;
        }
        return NULL;
}

pid_t process_pid(const process *p) {
        return p->pid;
}

int process_terminal(const process *p) {
        return p->terminal;
}

int process_resize(process *p, process_size size) {
        struct winsize w = { .ws_row = size.rows, .ws_col = size.columns };

        if (p->forks != fork_count())
                return -ECHILD;
        if (p->terminal < 0)
                return -ENOTTY;
        return ioctl(p->terminal, TIOCSWINSZ, &w) < 0 ? -errno : 0;
}

int process_signal(process *p, int signal) {
        if (p->forks != fork_count())
                return -ECHILD;
        if (p->stage == ENDED || !p->kin.root)
                return -ESRCH;
        return kill(-p->pid, signal) < 0 ? -errno : 0;
}

int process_cancel(process *p, int64_t kill_at) {
        int r;

        if (p->forks != fork_count())
                return -ECHILD;
        if (p->stage == ENDED)
                return -ESRCH;
        if (p->stage == KILLED || (p->stage == ASKED && p->kill_at <= kill_at))
                return 0;
        r = look_at(p, kill_at);
        if (r < 0)
                return r;
        p->kill_at = kill_at;
        if (p->stage == ASKED)
                return 0;
        p->stage = ASKED;
        tree_ask(p);
        return 0;
}

const process_end *process_ended(const process *p) {
        return p->stage == ENDED ? &p->end : NULL;
}
