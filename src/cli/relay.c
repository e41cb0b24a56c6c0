/* SPDX-License-Identifier: Apache-2.0 */
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

static const int signals[] = { SIGINT,  SIGTERM,  SIGHUP,  SIGQUIT, SIGUSR1,
                               SIGUSR2, SIGWINCH, SIGALRM, SIGTSTP, SIGCONT };

enum { N_SIGNALS = sizeof(signals) / sizeof(signals[0]) };

/* A handler and a pipe, and no signalfd(2): to look up a name the library may have started
 * a thread already, which does not block what we do. */
static int told_fd = -1;

/* There is nobody yet to hand them on to. */
static volatile sig_atomic_t is_early;

static bool ends_early(int number) {
        return is_early &&
               (number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT);
}

static void on_signal(int number) {
        int saved = errno;
        char c = (char)number;

        if (ends_early(number)) {
                signal(number, SIG_DFL);
                raise(number); /* which comes when this has returned */
                return;
        }
        /* a full pipe holds so many already that one more says nothing new */
        (void)!write(told_fd, &c, 1);
        errno = saved;
}

static void on_told(wait_fd *w, short revents) {
        relay *r = container_of(w, relay, wait);
        char c;

        (void)revents;
        while (read(w->fd, &c, 1) == 1)
                r->fn(r, c);
}

static void take(int signal) {
        struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART }, old;

        if (sigaction(signal, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
                sigaction(signal, &action, NULL);
}

int relay_init(relay *r) {
        int fds[2];

        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        r->wait = (wait_fd){ .fd = fds[0], .fn = on_told, .events = POLLIN };
        wait_add(&r->wait);
        told_fd = fds[1];
        is_early = true;
        signal(SIGPIPE, SIG_IGN);
        for (int i = 0; i < N_SIGNALS; i++)
                take(signals[i]);
        return 0;
}

void relay_begin(void) {
        is_early = false;
}

void relay_deinit(relay *r) {
        for (int i = 0; i < N_SIGNALS; i++) {
                struct sigaction old;

                if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == on_signal)
                        signal(signals[i], SIG_DFL);
        }
        wait_remove(&r->wait);
        close(r->wait.fd);
        close(told_fd);
        told_fd = -1;
}

void relay_die(int number) {
        const struct rlimit no_core = { 0 };
        sigset_t set;

        setrlimit(RLIMIT_CORE, &no_core); /* the image that matters is that of the job */
        signal(number, SIG_DFL);
        sigemptyset(&set);
        sigaddset(&set, number);
        sigprocmask(SIG_UNBLOCK, &set, NULL);
        raise(number);
        _exit(128 + number);
}
