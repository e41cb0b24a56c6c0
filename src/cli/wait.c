/* SPDX-License-Identifier: Apache-2.0 */
#include "wait.h"

#include <beam/beam.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

static list waits = LIST_INIT(waits);
static size_t n_waits;
static struct pollfd *polls; /* of the library, of signals, of the waits in turn */
static size_t polls_size;
static int signal_fd = -1;
static unsigned stops;
static int stop_signal;
static bool child_ended;

int wait_init(void) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGCHLD);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
                return -errno;
        signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return signal_fd < 0 ? -errno : 0;
}

void wait_add(wait_fd *w) {
        list_append(&waits, &w->in_waits);
        n_waits++;
}

void wait_remove(wait_fd *w) {
        if (!w->in_waits.next || !list_is_linked(&w->in_waits))
                return;
        list_remove(&w->in_waits);
        n_waits--;
}

static void read_signals(void) {
        struct signalfd_siginfo info;

        while (read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
                if (info.ssi_signo == SIGCHLD) {
                        child_ended = true;
                } else {
                        stops++;
                        if (!stop_signal)
                                stop_signal = (int)info.ssi_signo;
                }
        }
}

/* Milliseconds for poll(), rounded up so that it does not wake just too early. */
static int poll_time(int64_t deadline) {
        int64_t wake = beam_loop_wake(), left;

        if (wake < deadline)
                deadline = wake;
        if (deadline == BEAM_FOREVER)
                return -1;
        left = deadline - beam_now();
        if (left <= 0)
                return 0;
        left = (left + 999999) / 1000000;
        return left > INT_MAX ? INT_MAX : (int)left;
}

int wait_turn(int64_t deadline) {
        list ready = LIST_INIT(ready);
        size_t n = 2;
        int r;

        if (polls_size < n_waits + 2) {
                size_t size = 2 * (n_waits + 2);
                struct pollfd *p = realloc(polls, size * sizeof(*p));

                if (!p)
                        return -ENOMEM;
                polls = p;
                polls_size = size;
        }
        polls[0] = (struct pollfd){ .fd = beam_loop_fd(), .events = beam_loop_events() };
        polls[1] = (struct pollfd){ .fd = signal_fd, .events = POLLIN };
        list_each(i, &waits) {
                wait_fd *w = container_of(i, wait_fd, in_waits);

                polls[n++] = (struct pollfd){
                        .fd = w->events ? w->fd : -1,
                        .events = w->events,
                };
        }

        r = poll(polls, (nfds_t)n, poll_time(deadline));
        if (r < 0 && errno != EINTR)
                return -errno;
        if (r < 0)
                return 0;

        if (polls[1].revents)
                read_signals();

        n = 2;
        list_each(i, &waits)
                container_of(i, wait_fd, in_waits)->revents = polls[n++].revents;

        /* Whatever is called may remove any other: each goes back into the list before
         * its turn, and nobody who left is met. */
        list_move(&ready, &waits);
        for (list *i; (i = list_take_first(&ready));) {
                wait_fd *w = container_of(i, wait_fd, in_waits);

                list_append(&waits, i);
                if (w->revents)
                        w->fn(w, w->revents);
        }
        r = beam_loop_dispatch();
        return r < 0 ? r : 0;
}

/* The one signal that counts closes this, which a handler may. */
static volatile sig_atomic_t told_fd = -1;

static void on_signal(int sig) {
        int fd = told_fd;

        stop_signal = sig;
        told_fd = -1;
        if (fd >= 0)
                close(fd);
}

static void on_told(void *data, int r) {
        (void)data, (void)r;
        beam_loop_stop();
}

int wait_run(void) {
        struct sigaction action = { .sa_handler = on_signal };
        beam_stream *told, *other;
        sigset_t set;
        int fds[2], r = beam_stream_pair(&told, &other);

        if (r < 0)
                return r;
        if (pipe2(fds, O_CLOEXEC) < 0) {
                r = -errno;
                beam_stream_close(told);
        } else {
                told_fd = fds[1];
                r = beam_stream_join(told, fds[0], -1, on_told, NULL);
        }
        if (r == 0) {
                sigaction(SIGINT, &action, NULL);
                sigaction(SIGTERM, &action, NULL);
                sigemptyset(&set);
                sigaddset(&set, SIGINT);
                sigaddset(&set, SIGTERM);
                sigprocmask(SIG_UNBLOCK, &set, NULL);
                r = beam_loop_run(BEAM_FOREVER);
                sigprocmask(SIG_BLOCK, &set, NULL); /* the next is for wait_turn() again */
                stops += told_fd < 0;
        }
        beam_stream_close(other);
        return r;
}

unsigned wait_stops(void) {
        return stops;
}

int wait_stop_signal(void) {
        return stop_signal;
}

bool wait_child(void) {
        bool ended = child_ended;

        child_ended = false;
        return ended;
}

static void readable(wait_fd *w, short revents) {
        (void)revents;
        w->events = 0;
}

int wait_readable(int fd, int64_t deadline) {
        wait_fd w = { .fd = fd, .events = POLLIN, .fn = readable };
        int r = 0;

        wait_add(&w);
        while (r >= 0 && w.events && !stops && beam_now() < deadline)
                r = wait_turn(deadline);
        wait_remove(&w);
        if (r < 0)
                return r;
        return !w.events ? 1 : stops ? 0 : -ETIMEDOUT;
}

void wait_die(void) {
        sigset_t set;

        signal(stop_signal, SIG_DFL);
        sigemptyset(&set);
        sigaddset(&set, stop_signal);
        raise(stop_signal);
        sigprocmask(SIG_UNBLOCK, &set, NULL);
        _exit(128 + stop_signal);
}
