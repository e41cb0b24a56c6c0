/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The driver: runs every contender of every subject in turn, several rounds, each time
 * in a process of its own, pinned to one core and free to use all; prints the medians
 * in one table, and for each goal the ratio and whether it was reached. The contenders
 * of a subject take turns within a round, so that a slow minute is slow for all.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "subjects.h"

enum { ROUNDS_MAX = 31, PINNED = 0, UNPINNED = 1, N_PINS = 2 };

static const char *pin_names[N_PINS] = { "one core", "unpinned" };

static struct {
        int rounds;
        int ms;
        const char *only;
        bool json, list, apart;
        const char *markdown;
        const char *dir;
} opts = { .rounds = 5, .ms = 120 };

typedef struct sample {
        double value, other; /* in the subject's unit; UNIT_HELD has two sides */
        double cpu;          /* microseconds each, which is seconds a million */
        double allocs, switches;
} sample;

typedef struct tally {
        sample samples[ROUNDS_MAX];
        int n;
        bool absent;
        char error[160];
} tally;

typedef struct verdict {
        double figure;
        int state; /* 1 reached, 0 not, -1 not known */
} verdict;

static int n_goals, n_reached, n_unknown;
static char missed[8192];

/* running */

static void pin(int how) {
        cpu_set_t all, one;
        size_t i;

        if (how != PINNED || sched_getaffinity(0, sizeof(all), &all) < 0)
                return;
        /* The last: interrupts tend to go to the first. */
        for (i = CPU_SETSIZE - 1; i > 0 && !CPU_ISSET(i, &all); i--)
                ;
        CPU_ZERO(&one);
        CPU_SET(i, &one);
        sched_setaffinity(0, sizeof(one), &one);
}

static void run_row(const subject *s, const row *r, int how, tally *t) {
        char path[4096], ms[16], out[4096];
        uint64_t ops, ns, cpu, allocs, switches;
        size_t have = 0;
        int fds[2], status;
        double a, b;
        ssize_t n;
        sample *p;
        pid_t pid;
        char *end;

        if (t->absent || t->error[0])
                return;
        snprintf(path, sizeof(path), "%s/bench-%s", opts.dir, r->program);
        if (access(path, X_OK) < 0) {
                t->absent = true;
                return;
        }
        if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
                perror("beam-bench");
                exit(1);
        }
        if (!pid) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                pin(how);
                dup2(fds[1], 1);
                dup2(fds[1], 2);
                snprintf(ms, sizeof(ms), "%d", opts.ms);
                execl(path, path, r->kase, ms, opts.apart && how == UNPINNED ? "apart" : NULL,
                      (char *)NULL);
                _exit(127);
        }
        close(fds[1]);
        while ((n = read(fds[0], out + have, sizeof(out) - 1 - have)) > 0)
                have += (size_t)n;
        out[have] = '\0';
        close(fds[0]);
        waitpid(pid, &status, 0);

        if (sscanf(out,
                   "ops=%" SCNu64 " ns=%" SCNu64 " cpu=%" SCNu64 " allocs=%" SCNu64
                   " switches=%" SCNu64 " a=%lf b=%lf",
                   &ops, &ns, &cpu, &allocs, &switches, &a, &b) != 7 ||
            !ops) {
                end = strchr(out, '\n');
                if (end)
                        *end = '\0';
                if (WIFSIGNALED(status) && !out[0])
                        snprintf(t->error, sizeof(t->error), "%s",
                                 WTERMSIG(status) == SIGALRM ? "does not come to an end"
                                                             : strsignal(WTERMSIG(status)));
                else
                        snprintf(t->error, sizeof(t->error), "%.150s", out[0] ? out : "no result");
                return;
        }

        p = &t->samples[t->n++];
        switch (s->unit) {
        case UNIT_RATE:
                p->value = (double)ops * 1e3 / (double)ns;
                break;
        case UNIT_OFTEN:
                p->value = (double)ops * 1e9 / (double)ns;
                break;
        case UNIT_TIME:
                p->value = (double)ns / 1e3 / (double)ops;
                break;
        case UNIT_BYTES:
                p->value = (double)ops * (double)s->size / (double)ns;
                break;
        case UNIT_HELD:
                p->value = a;
                p->other = b;
                break;
        case UNIT_SECONDS:
                p->value = (double)ns / 1e9;
                break;
        }
        p->cpu = (double)cpu / 1e3 / (double)ops;
        p->allocs = (double)allocs / (double)ops;
        p->switches = (double)switches / (double)ops;
}

/* medians */

static int by_size(const void *a, const void *b) {
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static double median(double *v, int n) {
        qsort(v, (size_t)n, sizeof(*v), by_size);
        return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* Of one field of the samples; NAN when there are none. */
static double middle(const tally *t, size_t field) {
        double v[ROUNDS_MAX];
        int i;

        if (t->error[0] || !t->n)
                return NAN;
        for (i = 0; i < t->n; i++)
                v[i] = *(const double *)((const char *)&t->samples[i] + field);
        return median(v, t->n);
}

#define MIDDLE(t, f) middle(t, offsetof(sample, f))

/* Of the ratio, or the difference, of two rows in the same round. */
static double compare(const tally *a, const tally *b, bool ratio) {
        double v[ROUNDS_MAX];
        int i, n = a->n < b->n ? a->n : b->n;

        if (a->error[0] || b->error[0] || !n)
                return NAN;
        for (i = 0; i < n; i++)
                v[i] = ratio ? a->samples[i].value / b->samples[i].value
                             : a->samples[i].value - b->samples[i].value;
        return median(v, n);
}

/* goals */

static verdict judge(const subject *s, const goal *g, const tally *t) {
        double f = NAN;
        bool least = g->kind == GOAL_AT_LEAST || g->kind == GOAL_FIGURE_AT_LEAST;

        switch (g->kind) {
        case GOAL_AT_LEAST:
        case GOAL_AT_MOST:
                f = compare(&t[g->ours], &t[g->ref], true);
                break;
        case GOAL_BEYOND:
                f = compare(&t[g->ours], &t[g->ref], false);
                break;
        case GOAL_FIGURE_AT_LEAST:
        case GOAL_FIGURE_AT_MOST:
                f = MIDDLE(&t[g->ours], value);
                if (s->unit == UNIT_HELD)
                        f = fmax(f, MIDDLE(&t[g->ours], other));
                break;
        case GOAL_NONE:
                break;
        }
        return (verdict){ f, isnan(f) ? -1 : least ? f >= g->factor : f <= g->factor };
}

static void count(const subject *s, const char *what, int how, verdict v) {
        size_t n = strlen(missed);

        n_goals++;
        n_reached += v.state == 1;
        n_unknown += v.state < 0;
        if (v.state == 0)
                snprintf(missed + n, sizeof(missed) - n, "  %-13s %-11s %s: %.2f\n", s->key,
                         pin_names[how], what, v.figure);
}

static const char *state_word(int state) {
        return state > 0 ? "yes" : state == 0 ? "NO" : "?";
}

static void print_verdict(FILE *f, const subject *s, const char *what, const verdict v[N_PINS],
                          int only) {
        int how;

        fprintf(f, "  %-50s", what);
        for (how = 0; how < N_PINS; how++) {
                if (only && only != how + 1) {
                        fprintf(f, " %22s", "");
                        continue;
                }
                fprintf(f, "   %10.2f %-9s", v[how].figure, state_word(v[how].state));
                count(s, what, how, v[how]);
        }
        fputc('\n', f);
}

static const char *unit_name(unit u) {
        static const char *const names[] = { "M/s", "/s", "us", "GB/s", "bytes", "s" };

        return names[u];
}

static void print_goals(FILE *f, const subject *s, tally t[N_PINS][ROWS_MAX]) {
        char what[160];
        verdict v[N_PINS];
        double least;
        int how, i, k;

        for (i = 0; i < GOALS_MAX && s->goals[i].kind; i++) {
                const goal *g = &s->goals[i];
                const char *ours = s->rows[g->ours].name, *ref = s->rows[g->ref].name;

                switch (g->kind) {
                case GOAL_AT_LEAST:
                        snprintf(what, sizeof(what), "%s >= %.3g x %s", ours, g->factor, ref);
                        break;
                case GOAL_AT_MOST:
                        snprintf(what, sizeof(what), "%s <= %.3g x %s", ours, g->factor, ref);
                        break;
                case GOAL_BEYOND:
                        snprintf(what, sizeof(what), "%s - %s <= %.3g us", ours, ref, g->factor);
                        break;
                case GOAL_FIGURE_AT_LEAST:
                        snprintf(what, sizeof(what), "%s >= %.4g %s", ours, g->factor,
                                 unit_name(s->unit));
                        break;
                default:
                        snprintf(what, sizeof(what), "%s <= %.4g %s", ours, g->factor,
                                 unit_name(s->unit));
                }
                for (how = 0; how < N_PINS; how++)
                        v[how] = judge(s, g, t[how]);
                print_verdict(f, s, what, v, g->only);
        }

        for (i = 0; i < ROWS_MAX && s->rows[i].name; i++) {
                bool peers = false;

                for (how = 0; how < N_PINS; how++) {
                        least = NAN;
                        for (k = 0; k < ROWS_MAX && s->rows[k].name; k++)
                                if (s->rows[k].flags & ROW_PEER) {
                                        peers = true;
                                        least = fmin(least, MIDDLE(&t[how][k], cpu));
                                }
                        v[how].figure = MIDDLE(&t[how][i], cpu) / least;
                        v[how].state = isnan(v[how].figure) ? -1 : v[how].figure < 1;
                }
                if (peers && s->rows[i].flags & ROW_OURS && s->unit != UNIT_HELD) {
                        snprintf(what, sizeof(what), "%s: CPU < every peer's", s->rows[i].name);
                        print_verdict(f, s, what, v, 0);
                }
                if (s->rows[i].flags & ROW_STEADY) {
                        for (how = 0; how < N_PINS; how++) {
                                v[how].figure = MIDDLE(&t[how][i], allocs);
                                v[how].state = isnan(v[how].figure) ? -1 : v[how].figure < 0.01;
                        }
                        snprintf(what, sizeof(what), "%s: allocations per message",
                                 s->rows[i].name);
                        print_verdict(f, s, what, v, 0);
                }
        }
}

/* the table */

static void print_value(FILE *f, unit u, double v, double other) {
        char s[64];

        if (u == UNIT_HELD)
                snprintf(s, sizeof(s), "%.0f / %.0f", v, other);
        else
                snprintf(s, sizeof(s), v < 10 ? "%.3f" : v < 100 ? "%.2f" : "%.1f", v);
        fprintf(f, " %11s", s);
}

static void print_ratio(FILE *f, double v) {
        if (isnan(v))
                fprintf(f, " %6s", "");
        else
                fprintf(f, v < 0.1 ? " %6.3f" : " %6.2f", v);
}

static void print_folded(FILE *f, const char *text) {
        size_t column = 0, n;

        for (; *text; text += n) {
                text += strspn(text, " ");
                n = strcspn(text, " ");
                if (column && column + n > 98) {
                        fputc('\n', f);
                        column = 0;
                }
                column += (size_t)fprintf(f, "%s%.*s", column ? " " : "", (int)n, text);
        }
        fputc('\n', f);
}

static void print_subject(FILE *f, const subject *s, tally t[N_PINS][ROWS_MAX]) {
        bool peers = s->unit != UNIT_HELD && s->unit != UNIT_SECONDS;
        int how, i;

        fprintf(f, "\n%s [%s]\n", s->title, s->key);
        print_folded(f, s->about);
        fprintf(f, "  %-26s", "");
        for (how = 0; how < N_PINS; how++)
                fprintf(f, "   %-31s", pin_names[how]);
        fprintf(f, "\n  %-26s", "");
        for (how = 0; how < N_PINS; how++)
                fprintf(f, " %11s %6s %8s %5s", unit_name(s->unit), peers ? "x 1st" : "", "cpu us",
                        "alloc");
        fputc('\n', f);
        for (i = 0; i < ROWS_MAX && s->rows[i].name; i++) {
                fprintf(f, "  %-26s", s->rows[i].name);
                for (how = 0; how < N_PINS; how++) {
                        const tally *p = &t[how][i];

                        if (p->absent || p->error[0] || !p->n) {
                                fprintf(f, " %-33.33s",
                                        p->absent     ? "   not installed"
                                        : p->error[0] ? p->error
                                                      : "");
                                continue;
                        }
                        print_value(f, s->unit, MIDDLE(p, value), MIDDLE(p, other));
                        if (peers)
                                print_ratio(f, compare(p, &t[how][0], true));
                        else
                                fprintf(f, " %6s", "");
                        if (s->unit == UNIT_HELD)
                                fprintf(f, " %8s %5s", "", "");
                        else
                                fprintf(f, " %8.3f %5.2f", MIDDLE(p, cpu), MIDDLE(p, allocs));
                }
                fputc('\n', f);
        }
        print_goals(f, s, t);
}

static void print_json(const subject *s, tally t[N_PINS][ROWS_MAX]) {
        static bool begun;
        int how, i, k;

        for (i = 0; i < ROWS_MAX && s->rows[i].name; i++)
                for (how = 0; how < N_PINS; how++) {
                        const tally *p = &t[how][i];

                        if (!p->n || p->error[0])
                                continue;
                        printf("%s\n{\"subject\":\"%s\",\"row\":\"%s\",\"pinned\":%s,\"unit\":\"%"
                               "s\","
                               "\"value\":%.6g,\"other\":%.6g,\"cpu_us\":%.6g,\"allocs\":%.4g,"
                               "\"switches\":%.4g,\"rounds\":[",
                               begun ? "," : "[", s->key, s->rows[i].name,
                               how == PINNED ? "true" : "false", unit_name(s->unit),
                               MIDDLE(p, value), MIDDLE(p, other), MIDDLE(p, cpu),
                               MIDDLE(p, allocs), MIDDLE(p, switches));
                        for (k = 0; k < p->n; k++)
                                printf("%s%.6g", k ? "," : "", p->samples[k].value);
                        printf("]}");
                        begun = true;
                }
}

static void run_subject(FILE *f, const subject *s) {
        static tally t[N_PINS][ROWS_MAX];
        int round, how, i;

        memset(t, 0, sizeof(t));
        if (isatty(2))
                fprintf(stderr, "\r%-70.70s\r", s->title);
        for (round = 0; round < opts.rounds; round++)
                for (how = 0; how < N_PINS; how++)
                        for (i = 0; i < ROWS_MAX && s->rows[i].name; i++)
                                if (how == UNPINNED || !(s->rows[i].flags & ROW_FREE))
                                        run_row(s, &s->rows[i], how, &t[how][i]);
        if (isatty(2))
                fprintf(stderr, "\r%-70s\r", "");
        if (opts.json) {
                print_json(s, t);
                return;
        }
        print_subject(f, s, t);
}

static void head(FILE *f, const subject *unused) {
        char model[128] = "", line[256], *p;
        time_t now = time(NULL);
        struct utsname u;
        double load = 0;
        struct tm tm;
        FILE *cpu;

        (void)unused;
        cpu = fopen("/proc/cpuinfo", "re");
        while (cpu && fgets(line, sizeof(line), cpu))
                if (!strncmp(line, "model name", 10) && (p = strchr(line, ':'))) {
                        snprintf(model, sizeof(model), "%.100s", p + 2);
                        model[strcspn(model, "\n")] = '\0';
                        break;
                }
        if (cpu)
                fclose(cpu);
        strftime(line, sizeof(line), "%Y-%m-%d", gmtime_r(&now, &tm));
        uname(&u);
        getloadavg(&load, 1);
        fprintf(f,
                "Beam and its peers, %s: %ld x %s, Linux %s, load %.1f before;\n"
                "%d rounds of %d ms, medians.\n"
                "\"x 1st\" is the ratio to the subject's first row; cpu us is CPU time of both "
                "sides\n"
                "for each, which is also seconds for a million; alloc is calls of malloc() for "
                "each.\n",
                line, sysconf(_SC_NPROCESSORS_ONLN), model, u.release, load, opts.rounds, opts.ms);
}

static void tail(FILE *f, const subject *unused) {
        (void)unused;
        fprintf(f, "\ngoals reached: %d of %d", n_reached, n_goals);
        if (n_unknown)
                fprintf(f, ", not known: %d", n_unknown);
        fputc('\n', f);
        if (missed[0])
                fprintf(f, "not reached:\n%s", missed);
}

/* Have a part of the table written, to stdout and to the copy. */
static void say(FILE *copy, void (*part)(FILE *f, const subject *s), const subject *s) {
        char *text = NULL;
        size_t n = 0;
        FILE *f = open_memstream(&text, &n);

        if (!f)
                exit(1);
        part(f, s);
        fclose(f);
        fputs(text, stdout);
        fflush(stdout);
        if (copy) {
                fputs(text, copy);
                fflush(copy);
        }
        free(text);
}

static int usage(void) {
        fprintf(stderr, "usage: beam-bench [--quick] [--only TEXT] [--rounds N] [--ms N] [--list]\n"
                        "                  [--apart] [--json] [--markdown FILE] [--dir DIRECTORY]\n"
                        "  --quick     2 rounds of 40 ms\n"
                        "  --only      subjects whose key contains TEXT\n"
                        "  --apart     instead of unpinned: a core for each side's own thread\n"
                        "  --markdown  write the table to FILE as well, within a page\n");
        return 2;
}

int main(int argc, char **argv) {
        char dir[4096], *slash;
        FILE *copy = NULL;
        size_t i;
        int a;

        for (a = 1; a < argc; a++) {
                bool more = a + 1 < argc;

                if (!strcmp(argv[a], "--quick"))
                        opts.rounds = 2, opts.ms = 40;
                else if (!strcmp(argv[a], "--json"))
                        opts.json = true;
                else if (!strcmp(argv[a], "--apart"))
                        opts.apart = true, pin_names[UNPINNED] = "a core each";
                else if (!strcmp(argv[a], "--list"))
                        opts.list = true;
                else if (!strcmp(argv[a], "--only") && more)
                        opts.only = argv[++a];
                else if (!strcmp(argv[a], "--rounds") && more)
                        opts.rounds = atoi(argv[++a]);
                else if (!strcmp(argv[a], "--ms") && more)
                        opts.ms = atoi(argv[++a]);
                else if (!strcmp(argv[a], "--markdown") && more)
                        opts.markdown = argv[++a];
                else if (!strcmp(argv[a], "--dir") && more)
                        opts.dir = argv[++a];
                else
                        return usage();
        }
        if (opts.rounds < 1 || opts.rounds > ROUNDS_MAX || opts.ms < 1)
                return usage();

        if (!opts.dir) {
                snprintf(dir, sizeof(dir), "%s", argv[0]);
                slash = strrchr(dir, '/');
                if (slash)
                        *slash = '\0';
                opts.dir = slash ? dir : ".";
        }
        if (opts.list) {
                for (i = 0; i < n_subjects; i++)
                        printf("%-12s %s\n", subjects[i].key, subjects[i].title);
                return 0;
        }
        if (opts.markdown) {
                copy = fopen(opts.markdown, "we");
                if (!copy) {
                        fprintf(stderr, "beam-bench: %s: %s\n", opts.markdown, strerror(errno));
                        return 1;
                }
                fprintf(copy, "# The bench's table\n\nWritten by `make bench`; what it means is in "
                              "[speed.md](../docs/explain/speed.md).\n\n```\n");
        }
        if (!opts.json)
                say(copy, head, NULL);
        for (i = 0; i < n_subjects; i++)
                if (!opts.only || strstr(subjects[i].key, opts.only))
                        say(copy, run_subject, &subjects[i]);
        if (opts.json)
                printf("\n]\n");
        else
                say(copy, tail, NULL);
        if (copy) {
                fprintf(copy, "```\n");
                fclose(copy);
        }
        return 0;
}
