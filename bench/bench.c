/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <malloc.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
        SECONDS_MAX = 20, /* a case that takes longer hangs */
        WARM_SHARE = 5,   /* a pass this part of the wanted time is long enough to reckon from */
};

int64_t bench_now(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

size_t bench_heap(void) {
        struct mallinfo2 m = mallinfo2();

        return m.uordblks + m.hblkhd;
}

void bench_fail(bench *b, const char *what, const char *why) {
        fprintf(stderr, "%s: side %c: %s: %s\n", b->c->name, "ab"[b->side], what, why);
        if (b->side == 1 && (b->c->shape == BENCH_PROCESSES || b->c->shape == BENCH_ONCE))
                kill(getppid(), SIGKILL);
        _exit(1); /* side b of a process dies with it */
}

void bench_fail_with(bench *b, const char *what, int r) {
        bench_fail(b, what, strerror(-r));
}

void bench_meet(bench *b) {
        if (b->c->shape != BENCH_ALONE && b->c->shape != BENCH_ONCE_ALONE)
                pthread_barrier_wait(&b->shared->barrier);
}

static uint64_t cpu_ns(uint64_t *ret_switches) {
        struct rusage u;

        getrusage(RUSAGE_SELF, &u);
        *ret_switches = (uint64_t)(u.ru_nvcsw + u.ru_nivcsw);
        return ((uint64_t)u.ru_utime.tv_sec + (uint64_t)u.ru_stime.tv_sec) * 1000000000 +
               ((uint64_t)u.ru_utime.tv_usec + (uint64_t)u.ru_stime.tv_usec) * 1000;
}

/* Side a has set n; 0 ends it. Returns whether there was anything to do. */
static bool pass(bench *b) {
        const bench_side *side = b->side ? &b->c->b : &b->c->a;
        uint64_t n, cpu, allocs, switches, switches_end;
        bench_shared *s = b->shared;
        int i = b->side;

        bench_meet(b);
        n = s->n;
        if (!n)
                return false;

        allocs = bench_allocs();
        cpu = cpu_ns(&switches);
        s->begin[i] = bench_now();
        side->run(b, n);
        s->end[i] = bench_now();

        /* Threads share one getrusage(), which has to span both. */
        if (b->c->shape == BENCH_THREADS)
                bench_meet(b);
        s->cpu[i] = cpu_ns(&switches_end) - cpu;
        s->switches[i] = switches_end - switches;
        s->allocs[i] = bench_allocs() - allocs;
        s->sum_out[i] = b->sum_out;
        s->sum_in[i] = b->sum_in;
        bench_meet(b);
        return true;
}

static int64_t elapsed(const bench *b) {
        const bench_shared *s = b->shared;
        int64_t begin = s->begin[0], end = s->end[0];

        if (b->c->shape == BENCH_THREADS || b->c->shape == BENCH_PROCESSES) {
                begin = begin < s->begin[1] ? begin : s->begin[1];
                end = end > s->end[1] ? end : s->end[1];
        }
        return end - begin;
}

static void report(const bench *b, uint64_t n, int64_t t) {
        const bench_shared *s = b->shared;
        int i, n_sums = b->c->shape == BENCH_THREADS ? 1 : 2;
        uint64_t cpu = 0, allocs = 0, switches = 0;

        for (i = 0; i < n_sums; i++) {
                cpu += s->cpu[i];
                allocs += s->allocs[i];
                switches += s->switches[i];
        }
        printf("ops=%" PRIu64 " ns=%" PRId64 " cpu=%" PRIu64 " allocs=%" PRIu64 " switches=%" PRIu64
               " a=%.1f b=%.1f\n",
               n, t, cpu, allocs, switches, s->value[0], s->value[1]);
        fflush(stdout);
}

/* Side a: find how many messages fill the wanted time, then measure. */
static void lead(bench *b, int64_t wanted) {
        bool once = b->c->shape == BENCH_ONCE || b->c->shape == BENCH_ONCE_ALONE;
        bench_shared *s = b->shared;
        uint64_t n = b->c->amount ? b->c->amount : 64;
        int64_t t;

        for (; !once;) {
                s->n = n;
                pass(b);
                t = elapsed(b);
                if (t > wanted / WARM_SHARE) {
                        n = (uint64_t)((double)n * (double)wanted / (double)t) + 1;
                        break;
                }
                n *= t < wanted / WARM_SHARE / 16 ? 8 : 2;
        }

        s->n = n;
        pass(b);
        t = elapsed(b);
        if (b->c->shape == BENCH_ALONE || b->c->shape == BENCH_ONCE_ALONE)
                s->sum_in[1] = s->sum_in[0], s->sum_in[0] = 0;
        if (s->sum_out[0] != s->sum_in[1] || s->sum_out[1] != s->sum_in[0])
                bench_fail(b, "sums", "what was received is not what was sent");
        report(b, n, t);
        s->n = 0;
        pass(b);
}

static bool apart;

static void settle(const bench *b) {
        cpu_set_t set;
        size_t i, n = 0;

        if (!apart || sched_getaffinity(0, sizeof(set), &set) < 0)
                return;
        for (i = 0; i < CPU_SETSIZE; i++)
                if (CPU_ISSET(i, &set) && n++ != (size_t)b->side)
                        CPU_CLR(i, &set);
        sched_setaffinity(0, sizeof(set), &set);
}

static void *follow(void *arg) {
        bench *b = arg;

        if (b->c->b.listen)
                b->c->b.listen(b);
        bench_meet(b);
        if (b->c->b.open)
                b->c->b.open(b);
        settle(b);
        while (pass(b))
                ;
        return NULL;
}

static int free_port(void) {
        struct sockaddr_in sa = { .sin_family = AF_INET };
        socklen_t n = sizeof(sa);
        int fd, port;

        sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
            getsockname(fd, (struct sockaddr *)&sa, &n) < 0)
                abort();
        port = ntohs(sa.sin_port);
        close(fd);
        return port;
}

static void run_case(const bench_case *c, int64_t wanted) {
        static bench sides[2];
        char dir[] = "/tmp/beam-bench-XXXXXX", path[sizeof(dir) + 8];
        bool two = c->shape == BENCH_PROCESSES || c->shape == BENCH_ONCE;
        pthread_barrierattr_t attr;
        pthread_t thread;
        pid_t pid = 0;
        bench *b;
        int i;

        if (!mkdtemp(dir))
                abort();
        snprintf(path, sizeof(path), "%s/s", dir);

        b = &sides[0];
        b->c = c;
        b->url_path = path;
        b->url_port = c->link && !strcmp(c->link, "tcp") ? free_port() : 0;
        b->shared = mmap(NULL, sizeof(*b->shared), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (b->shared == MAP_FAILED)
                abort();
        pthread_barrierattr_init(&attr);
        pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
        pthread_barrier_init(&b->shared->barrier, &attr, 2);
        if (c->prepare)
                c->prepare(b);
        for (i = 0; i < BENCH_MESSAGES; i++)
                b->messages[i][0] = (uint8_t)i;
        sides[1] = *b;
        sides[1].side = 1;

        if (two) {
                pid = fork();
                if (pid < 0)
                        abort();
                if (!pid) {
                        prctl(PR_SET_PDEATHSIG, SIGKILL);
                        follow(&sides[1]);
                        _exit(0);
                }
        } else if (c->shape == BENCH_THREADS && pthread_create(&thread, NULL, follow, &sides[1])) {
                abort();
        }

        bench_meet(b);
        if (c->a.open)
                c->a.open(b);
        settle(b);
        lead(b, wanted);

        /* Libraries linger and some wait for their threads: what was asked is known. */
        if (pid)
                kill(pid, SIGKILL), waitpid(pid, NULL, 0);
        unlink(path);
        rmdir(dir);
        _exit(0);
}

int bench_main(const bench_case *cases, size_t n_cases, int argc, char **argv) {
        struct rlimit files;
        size_t i;

        if (argc < 2) {
                for (i = 0; i < n_cases; i++)
                        puts(cases[i].name);
                return 0;
        }

        /* A thousand sessions are a thousand descriptors. */
        getrlimit(RLIMIT_NOFILE, &files);
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);

        apart = argc > 3 && !strcmp(argv[3], "apart");
        signal(SIGPIPE, SIG_IGN);
        alarm(SECONDS_MAX);
        for (i = 0; i < n_cases; i++)
                if (!strcmp(argv[1], cases[i].name))
                        run_case(&cases[i], (argc > 2 ? atoi(argv[2]) : 100) * INT64_C(1000000));
        fprintf(stderr, "%s: no case %s\n", argv[0], argv[1]);
        return 2;
}
