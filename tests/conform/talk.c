/* SPDX-License-Identifier: Apache-2.0 */
#include "talk.h"

#include "help.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a side shows of itself to the one who tells it what to do: shared memory. */
typedef struct board {
        _Atomic int busy, n_begun;
        _Atomic int tid;
        _Atomic int64_t progress;
} board;

typedef struct agent {
        side side;
        struct talk *talk;
        int ctl[2]; /* ours, its */
        pthread_t thread;
        pid_t pid; /* of its process, 0 once it is over */
        int n_asked;
        board *board;
} agent;

struct talk {
        const link_case *what;
        const beam_options *opt;
        agent agents[N_SIDES];
        int n_agents;
        bool detached;
        call out;
        char url[TEXT_SIZE]; /* where B listens */
        int fds[4];          /* of fd: two for each session, A's and B's */
};

typedef struct request {
        step *f;
        call c;
} request;

/* the table */

static const struct {
        const char *name, *url, *url2;
        unsigned not_for; /* laws with one of these flags leave it out */
} links[] = {
        { "mem", "mem:{id}", NULL, LAW_NET },
        { "unix", "unix:{dir}/s", NULL, LAW_TCP },
        { "abstract", "unix:@beam-{id}", NULL, LAW_FEW | LAW_TCP },
        { "tcp4", "tcp://127.0.0.1:0", NULL, LAW_REAL_FDS },
        { "tcp6", "tcp://[::1]:0", NULL, LAW_FEW | LAW_REAL_FDS },
        { "ws", "ws://127.0.0.1:0", NULL, LAW_REAL_FDS },
        { "fd", "fd:", NULL, LAW_FEW | LAW_TCP },
        { "unix-unix", "unix:{dir}/a", "unix:{dir}/b", LAW_TCP },
        { "unix-tcp", "unix:{dir}/a", "tcp://127.0.0.1:0", LAW_REAL_FDS },
        { "tcp-unix", "tcp://127.0.0.1:0", "unix:{dir}/b", LAW_FEW | LAW_REAL_FDS },
        { "mem-tcp", "mem:{id}", "tcp://127.0.0.1:0", LAW_FEW | LAW_REAL_FDS },
        { "ws-unix", "ws://[::1]:0/a/path", "unix:{dir}/b", LAW_FEW | LAW_REAL_FDS },
};

static const char *const where_names[] = { "one", "threads", "processes" };

enum { N_LINKS = n_of(links), N_WHERES = n_of(where_names), N_CASES = N_LINKS * N_WHERES * 2 };

static link_case cases[N_CASES];

/* Case @i of the table, or NULL where there is none: mem: does not leave a process. */
static link_case *case_at(size_t i) {
        link_case *c = &cases[i];
        size_t where = i / 2 % N_WHERES, at = i / 2 / N_WHERES;

        c->url = links[at].url;
        c->url2 = links[at].url2;
        c->background = i % 2;
        c->where = (link_where)where;
        c->not_for = links[at].not_for | (c->background ? LAW_PLAIN : 0) |
                     (c->url2 ? LAW_DIRECT : LAW_BRIDGE) | (c->where == IN_ONE ? LAW_TWO : 0) |
                     (c->where == IN_PROCESSES ? LAW_SAME : LAW_PROCESSES);
        snprintf(c->name, sizeof(c->name), "%s%s/%s", links[at].name, c->background ? "+bg" : "",
                 where_names[where]);
        return c->where == IN_PROCESSES && !strncmp(c->url, "mem:", 4) ? NULL : c;
}

const char *const *link_names(unsigned flags) {
        const char **names = calloc(N_CASES + 1, sizeof(*names));
        size_t n = 0;

        for (size_t i = 0; names && i < N_CASES; i++) {
                link_case *c = case_at(i);

                if (c && !(c->not_for & flags))
                        names[n++] = c->name;
        }
        return names;
}

static const link_case *case_of(const char *name) {
        for (size_t i = 0; i < N_CASES; i++)
                if (!strcmp(cases[i].name, name))
                        return &cases[i];
        test_fail("no such link: %s", name);
}

/* sides */

static void agent_serve(agent *a) {
        request q;

        for (;;) {
                side_wait(&a->side, a->side.idle_fd);

                ssize_t n = recv(a->side.idle_fd, &q, sizeof(q), 0);
                if (n < (ssize_t)sizeof(q) || !q.f)
                        break;

                atomic_store(&a->board->busy, 1);
                a->board->n_begun++;
                q.f(&a->side, &q.c);
                atomic_store(&a->board->busy, 0);
                send(a->side.idle_fd, &q, sizeof(q), MSG_NOSIGNAL);
        }
        side_deinit(&a->side);
}

static void *agent_thread(void *data) {
        agent *a = data;

        atomic_store(&a->board->tid, gettid());
        agent_serve(a);
        return NULL;
}

static void agent_process(void *data) {
        agent *a = data;
        talk *t = a->talk;

        for (int i = 0; i < t->n_agents; i++) {
                agent *other = &t->agents[i];

                if (other->ctl[0] >= 0)
                        close(other->ctl[0]);
                if (other != a && other->ctl[1] >= 0)
                        close(other->ctl[1]);
        }
        /* Each side of a socketpair has its own end only, or its end would not show. */
        for (int i = 0; i < 4; i++)
                if (t->fds[i] >= 0 && a != &t->agents[i % 2])
                        close(t->fds[i]);

        atomic_store(&a->board->tid, gettid());
        agent_serve(a);
        close(a->side.idle_fd);
}

static void agent_start(talk *t, agent *a) {
        if (t->what->where == IN_THREADS)
                assert_eq(pthread_create(&a->thread, NULL, agent_thread, a), 0);

        if (t->what->where == IN_PROCESSES) {
                a->talk = t;
                a->pid = test_fork(agent_process, a);
                close(a->ctl[1]);
                a->ctl[1] = -1;
        }
}

/* steps */

static void start(talk *t, int who, step *f, const call *c) {
        request q = { .f = f };

        if (c)
                q.c = *c;
        t->agents[who].n_asked++;
        assert_true(send(t->agents[who].ctl[0], &q, sizeof(q), MSG_NOSIGNAL) == sizeof(q));
}

int finish(talk *t, int who) {
        request q;
        ssize_t n = recv(t->agents[who].ctl[0], &q, sizeof(q), 0);

        if (n != sizeof(q))
                test_fail("side %s is gone", t->agents[who].side.name);
        t->out = q.c;
        return t->out.r;
}

int at(talk *t, int who, step *f, const call *c) {
        if (t->what->where == IN_ONE) {
                assert_true(!t->detached);
                t->out = c ? *c : (call){ 0 };
                f(&t->agents[who].side, &t->out);
                return t->out.r;
        }

        start(t, who, f, c);
        if (t->detached) {
                t->detached = false;
                return 0;
        }
        return finish(t, who);
}

void later(talk *t) {
        t->detached = true;
}

/* There is no event for "has gone to sleep"; the kernel's word for the thread is the
 * nearest. Were it early, the law would still hold, only another case of it. */
void blocked(talk *t, int who) {
        board *b = t->agents[who].board;
        char path[64], line[256], *state;

        while (b->n_begun < t->agents[who].n_asked)
                sched_yield();
        snprintf(path, sizeof(path), "/proc/%d/stat", atomic_load(&b->tid));
        do {
                FILE *f = fopen(path, "re");

                assert_true(f != NULL);
                state = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
                fclose(f);
                assert_true(state != NULL);
                sched_yield();
        } while (state[2] != 'S' && atomic_load(&b->busy));
}

void talk_progress(talk *t, int who, int64_t n) {
        while (atomic_load(&t->agents[who].board->progress) < n)
                sched_yield();
}

void talk_kill(talk *t, int who) {
        agent *a = &t->agents[who];

        assert_eq(test_kill(a->pid, SIGKILL), 128 + SIGKILL);
        a->pid = 0;
        /* What listened leaves its path behind. */
        for (const char *name = "sab"; *name; name++)
                unlink(test_path((char[2]){ *name }));
}

pid_t talk_pid(const talk *t, int who) {
        return t->what->where == IN_PROCESSES ? t->agents[who].pid : getpid();
}

const link_case *talk_what(const talk *t) {
        return t->what;
}

side *talk_side(talk *t, int who) {
        return &t->agents[who].side;
}

const call *talk_out(const talk *t) {
        return &t->out;
}

const char *talk_text(const talk *t) {
        return t->out.text;
}

int64_t talk_value(const talk *t, int i) {
        return t->out.n[i];
}

/* from a case to two sides that have a session */

static void step_listen(side *s, call *c) {
        const beam_options *opt = s->opt;
        beam_listener **l = c->n[0] ? &s->l2 : &s->l;

        c->r = beam_listen(c->text, opt, l);
        if (c->r >= 0)
                snprintf(c->text, sizeof(c->text), "%s", beam_listener_url(*l));
}

/* n[1]: to s2 instead of s. */
static void step_dial(side *s, call *c) {
        c->r = beam_dial(c->text, s->opt, c->n[1] ? &s->s2 : &s->s, until(LONG));
}

/* n[0]: from l2 instead of l; n[1] as above. */
static void step_accept_session(side *s, call *c) {
        c->r = beam_accept(c->n[0] ? s->l2 : s->l, c->n[1] ? &s->s2 : &s->s, until(LONG));
}

static void meet(talk *t, int dialler, const char *url, int64_t dialled, int listener,
                 int64_t listened, int64_t accepted) {
        call c = { .n = { 0, dialled } };
        call a = { .n = { listened, accepted } };

        snprintf(c.text, sizeof(c.text), "%s", url);
        if (t->what->where == IN_ONE) {
                assert_r(at(t, dialler, step_dial, &c), 0);
                assert_r(at(t, listener, step_accept_session, &a), 0);
                return;
        }
        later(t);
        at(t, dialler, step_dial, &c);
        assert_r(at(t, listener, step_accept_session, &a), 0);
        assert_r(finish(t, dialler), 0);
}

static void listen_at(talk *t, int who, const char *url, int64_t which) {
        call c = { .n = { which } };

        snprintf(c.text, sizeof(c.text), "%s", url);
        assert_r(at(t, who, step_listen, &c), 0);
        snprintf(t->url, sizeof(t->url), "%s", t->out.text);
}

static const char *fd_url(talk *t, int i) {
        static char url[32];

        snprintf(url, sizeof(url), "fd:%d", t->fds[i]);
        return url;
}

static void connect_sides(talk *t, int dialler, int listener, const char *url, int64_t which) {
        if (t->fds[0] < 0) {
                listen_at(t, listener, test_url(url), which);
                meet(t, dialler, t->url, 0, listener, which, which);
                return;
        }
        listen_at(t, listener, fd_url(t, B), which);
        meet(t, dialler, fd_url(t, A), 0, listener, which, which);
}

static void connect_again(talk *t) {
        if (t->fds[0] < 0) {
                meet(t, A, t->url, 1, B, 0, 1);
                return;
        }
        listen_at(t, B, fd_url(t, 2 + B), 1);
        meet(t, A, fd_url(t, 2 + A), 1, B, 1, 1);
}

enum { CARRY_A = N_SLOTS - 2, CARRY_B = N_SLOTS - 1, CARRIED = N_SLOTS - 1 };

static void connect_all(talk *t) {
        if (!t->what->url2) {
                connect_sides(t, A, B, t->what->url, 0);
                return;
        }

        connect_sides(t, A, M, t->what->url, 0);
        connect_sides(t, B, M, t->what->url2, 1);
        for (int who = A; who <= B; who++) {
                call c = { .n = { who == A ? CARRY_A : CARRY_B, 16, who + 1, LONG },
                           .text = "carry" };

                assert_r(at(t, M, step_open, &c), 0);
                assert_r(at(t, who, step_accept, &(call){ .n = { CARRIED, LONG } }), 1);
        }
}

static void agent_init(talk *t, int who, board *b) {
        static const char *const names[] = { "A", "B", "M" };
        agent *a = &t->agents[who];

        side_init(&a->side, names[who]);
        a->side.opt = t->opt;
        a->side.own_loop = !t->what->background;
        a->side.progress = &b->progress;
        a->board = b;
        a->ctl[0] = a->ctl[1] = -1;
        if (t->what->where == IN_ONE)
                return;
        assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, a->ctl), 0);
        a->side.idle_fd = a->ctl[1];
}

static void agent_stop(talk *t, agent *a) {
        if (t->what->where == IN_ONE) {
                side_deinit(&a->side);
                return;
        }

        /* A side that was killed takes no more orders. */
        send(a->ctl[0], &(request){ 0 }, sizeof(request), MSG_NOSIGNAL);
        if (t->what->where == IN_THREADS)
                pthread_join(a->thread, NULL);
        else if (a->pid)
                assert_eq(test_wait(a->pid), 0);
        close(a->ctl[0]);
        if (a->ctl[1] >= 0)
                close(a->ctl[1]);
}

void link_run(void (*law)(talk *t), const char *what, unsigned flags, const beam_options *opt) {
        beam_options options = *opt;
        talk t = { .what = case_of(what), .opt = &options, .fds = { -1, -1, -1, -1 } };
        board *boards = mmap(NULL, sizeof(*boards) * N_SIDES, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        assert_true(boards != MAP_FAILED);
        options.background = t.what->background;
        t.n_agents = t.what->url2 ? N_SIDES : M;
        if (!strncmp(t.what->url, "fd:", 3))
                for (int i = 0; i < (flags & LAW_AGAIN ? 4 : 2); i += 2)
                        assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, t.fds + i), 0);

        for (int i = 0; i < t.n_agents; i++)
                agent_init(&t, i, &boards[i]);
        for (int i = 0; i < t.n_agents; i++)
                agent_start(&t, &t.agents[i]);
        if (t.what->where == IN_PROCESSES)
                for (int i = 0; i < 4; i++)
                        if (t.fds[i] >= 0)
                                close(t.fds[i]);

        connect_all(&t);
        if (flags & LAW_AGAIN && !t.what->url2)
                connect_again(&t);
        law(&t);

        for (int i = 0; i < t.n_agents; i++)
                agent_stop(&t, &t.agents[i]);
        munmap(boards, sizeof(*boards) * N_SIDES);
}

bool talk_passes_fds(const talk *t) {
        return !(t->what->not_for & LAW_REAL_FDS);
}

bool talk_shows_fds(const talk *t) {
        const char *url = t->what->url2 ? t->what->url2 : t->what->url;

        return strncmp(url, "tcp:", 4) != 0 && strncmp(url, "ws:", 3) != 0;
}
