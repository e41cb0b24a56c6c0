/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include "test.h"

#include <dirent.h>
#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int n_told;
static atomic_bool telling;

/* Not what a handler may do, but the process is lost already, and most often all of
 * its threads sleep. */
static void tell(void) {
        void *frames[64];
        char text[64];
        int n;

        n = snprintf(text, sizeof(text), "thread %d is in\n", gettid());
        if (write(STDERR_FILENO, text, (size_t)n) == n)
                backtrace_symbols_fd(frames, backtrace(frames, (int)n_of(frames)), STDERR_FILENO);
        atomic_fetch_add(&n_told, 1);
}

static void on_abort(int sig) {
        DIR *dir;
        int n;

        if (atomic_exchange(&telling, true)) {
                tell();
                for (;;)
                        pause();
        }

        tell();
        dir = opendir("/proc/self/task");
        for (struct dirent *e; dir && (e = readdir(dir));) {
                int tid = atoi(e->d_name);

                if (!tid || tid == gettid())
                        continue;
                n = atomic_load(&n_told);
                syscall(SYS_tgkill, getpid(), tid, sig);
                /* one after the other, and those that block the signal not at all */
                for (int i = 0; i < 200 && atomic_load(&n_told) == n; i++)
                        real_pause();
        }
        _exit(128 + SIGABRT);
}

void stack_on_abort(void) {
        void *frame;

        backtrace(&frame, 1); /* loads what it needs, which a handler should not */
        signal(SIGABRT, on_abort);
}

bool stack_place(const char *line, char ret[static 512]) {
        const char *offset = strstr(line, "(+0x"), *end = offset ? strchr(offset, ')') : NULL;
        char command[1024];
        bool known;
        FILE *f;

        if (!end || line[0] != '/' || strchr(line, '\'') || strncmp(line, "/lib/", 5) == 0)
                return false;
        /* a return address is of the call before it */
        snprintf(command, sizeof(command), "addr2line -fpe '%.*s' %#lx 2>/dev/null",
                 (int)(offset - line), line, strtoul(offset + 2, NULL, 16) - 1);
        f = popen(command, "r");
        if (!f)
                return false;
        known = fgets(ret, 512, f) && !strchr(ret, '?');
        pclose(f);
        ret[strcspn(ret, "\n")] = '\0';
        return known;
}
