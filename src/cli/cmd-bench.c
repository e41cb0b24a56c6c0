/* SPDX-License-Identifier: Apache-2.0 */

/*
 * beam bench: what channels cost here, beside a bare socket
 *
 * Two processes, once over a bare socket and once over a session on the same kind of
 * socket, one right after the other, so that the ratio means something though the
 * machine is busy. `make bench` compares with more, and longer.
 */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli.h"
#include "say.h"

#define ROUND (BEAM_SECOND / 4) /* for one figure: enough to tell, and a few seconds in all */

enum { SMALL = 64, LARGE = 64 * 1024, CORKED = 1000, DEPTH = 8192 };

typedef enum pattern {
        PING_PONG,
        ONE_WAY,
        ONE_WAY_CORKED,
        ONE_WAY_LARGE,
        N_PATTERNS,
} pattern;

static const struct {
        const char *name;
        size_t size;
        bool back;
} patterns[] = {
        [PING_PONG] = { "ping-pong of 64 bytes", SMALL, true },
        [ONE_WAY] = { "one way, 64 bytes, each at once", SMALL, false },
        [ONE_WAY_CORKED] = { "one way, 64 bytes, corked", SMALL, false },
        [ONE_WAY_LARGE] = { "one way, 64 KiB", LARGE, false },
};

static void closep(int *fd) {
        if (*fd >= 0)
                close(*fd);
}

/* bare sockets */

static int read_full(int fd, char *p, size_t n) {
        while (n > 0) {
                ssize_t k = read(fd, p, n);

                if (k <= 0)
                        return k < 0 ? -errno : 0;
                p += k;
                n -= (size_t)k;
        }
        return 1;
}

static int write_full(int fd, const char *p, size_t n) {
        while (n > 0) {
                ssize_t k = write(fd, p, n);

                if (k < 0)
                        return -errno;
                p += k;
                n -= (size_t)k;
        }
        return 0;
}

static int tcp_pair(int ret[static 2]) {
        _cleanup_(closep) int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        _cleanup_(closep) int a = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in at = { .sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t n = sizeof(at);
        int b, one = 1;

        if (l < 0 || a < 0 || bind(l, (struct sockaddr *)&at, n) < 0 || listen(l, 1) < 0 ||
            getsockname(l, (struct sockaddr *)&at, &n) < 0 ||
            connect(a, (struct sockaddr *)&at, n) < 0)
                return -errno;
        b = accept4(l, NULL, NULL, SOCK_CLOEXEC);
        if (b < 0)
                return -errno;
        setsockopt(a, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        setsockopt(b, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        ret[0] = take_fd(&a);
        ret[1] = b;
        return 0;
}

/* Start a process that runs @fn; it never returns here. */
static pid_t start(void (*fn)(int fd, size_t size, bool back), int fd, int close_first, size_t size,
                   bool back) {
        pid_t pid;

        fflush(NULL);
        pid = fork();
        if (pid == 0) {
                if (close_first >= 0)
                        close(close_first);
                fn(fd, size, back);
                _exit(0);
        }
        return pid < 0 ? -errno : pid;
}

static void finish(pid_t pid) {
        if (pid > 0)
                (void)waitpid(pid, NULL, 0);
}

static void bare_peer(int fd, size_t size, bool back) {
        static char buf[LARGE];

        while (read_full(fd, buf, size) > 0)
                if (back && write_full(fd, buf, size) < 0)
                        return;
        /* The far end measures until all has been read. */
        (void)write_full(fd, buf, 1);
}

static int bare(bool tcp, pattern p, double *ret) {
        size_t size = patterns[p].size;
        bool back = patterns[p].back;
        static char buf[LARGE];
        int fds[2], r;
        int64_t begin, end;
        uint64_t n = 0;
        pid_t pid;

        r = tcp                                                           ? tcp_pair(fds)
            : socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 ? -errno
                                                                          : 0;
        if (r < 0)
                return r;
        pid = start(bare_peer, fds[1], fds[0], size, back);
        close(fds[1]);
        r = pid < 0 ? (int)pid : 0;

        begin = beam_now();
        end = begin + ROUND;
        while (r >= 0 && (n % 64 != 0 || beam_now() < end)) {
                r = write_full(fds[0], buf, size);
                if (r == 0 && back)
                        r = read_full(fds[0], buf, size);
                n++;
        }
        shutdown(fds[0], SHUT_WR);
        if (r >= 0)
                r = read_full(fds[0], buf, 1);
        *ret = (double)n * 1e9 / (double)(beam_now() - begin);
        close(fds[0]);
        finish(pid);
        return r < 0 ? r : 0;
}

/* channels */

static void send_url(int fd, const char *url) {
        (void)write_full(fd, url, strlen(url) + 1);
        close(fd);
}

/* Take the channels of one session one after the other, and receive all that comes. */
static void serve_session(beam_session *s) {
        beam_msg *open;

        while (beam_session_accept(s, &open, BEAM_FOREVER) > 0) {
                beam_receiver *rx = beam_msg_take_receiver(open, 0);
                beam_sender *back = NULL;
                beam_msg *msg;

                beam_msg_free(open);
                while (rx && beam_recv(rx, &msg, BEAM_FOREVER) > 0) {
                        if (beam_msg_things(msg) > 0)
                                back = beam_msg_take_sender(msg, 0);
                        else if (back && beam_send(back, msg, BEAM_FOREVER) == 0)
                                msg = NULL;
                        beam_msg_free(msg);
                }
                beam_sender_close(back);
                beam_receiver_close(rx);
        }
}

static void beam_peer_process(int fd, size_t size, bool tcp) {
        _cleanup_(beam_listener_closep) beam_listener *l = NULL;
        _cleanup_(beam_session_closep) beam_session *s = NULL;
        char url[64];

        (void)size;
        snprintf(url, sizeof(url), tcp ? "tcp://127.0.0.1:0" : "unix:@beam-bench-%d",
                 (int)getpid());
        if (beam_listen(url, NULL, &l) < 0)
                return;
        send_url(fd, beam_listener_url(l));
        if (beam_accept(l, &s, beam_after(10 * BEAM_SECOND)) == 0)
                serve_session(s);
}

static int make(size_t size, beam_msg **ret) {
        int r = beam_msg_new(NULL, size, ret);

        if (r == 0)
                memset(beam_msg_buffer(*ret), 'x', size);
        return r;
}

static int send_new(beam_sender *tx, size_t size) {
        beam_msg *msg;
        int r = make(size, &msg);

        if (r < 0)
                return r;
        r = beam_send(tx, msg, BEAM_FOREVER);
        if (r < 0)
                beam_msg_free(msg);
        return r;
}

static int run_ping_pong(beam_sender *tx, int64_t end, uint64_t *ret_n) {
        _cleanup_(beam_receiver_closep) beam_receiver *back = NULL;
        beam_sender *reply = NULL;
        beam_msg *msg = NULL;
        uint64_t n = 0;
        int r;

        r = beam_pipe(1, &reply, &back);
        if (r == 0)
                r = beam_msg_new("", 0, &msg);
        if (r == 0 && (r = beam_msg_put_sender(msg, reply)) >= 0) {
                reply = NULL;
                r = beam_send(tx, msg, BEAM_FOREVER);
                if (r == 0)
                        msg = NULL;
        }
        beam_sender_close(reply);
        beam_msg_free(msg);

        if (r == 0)
                r = make(SMALL, &msg);
        while (r == 0 && (n % 64 != 0 || beam_now() < end)) {
                r = beam_send(tx, msg, BEAM_FOREVER);
                if (r < 0) {
                        beam_msg_free(msg);
                        break;
                }
                r = beam_recv(back, &msg, BEAM_FOREVER);
                r = r > 0 ? 0 : r == 0 ? -EPIPE : r;
                n++;
        }
        if (r == 0)
                beam_msg_free(msg);
        *ret_n = n;
        return r;
}

static int run_one_way(beam_sender *tx, pattern p, int64_t end, uint64_t *ret_n) {
        uint64_t n = 0, batch = p == ONE_WAY_CORKED ? CORKED : 1;
        int r = 0;

        while (r == 0 && (n % 64 != 0 || beam_now() < end)) {
                if (batch > 1)
                        beam_cork();
                for (uint64_t i = 0; i < batch && r == 0; i++, n++)
                        r = send_new(tx, patterns[p].size);
                if (batch > 1)
                        (void)beam_uncork(BEAM_FOREVER);
        }
        if (r == 0)
                r = beam_sender_drain(tx, BEAM_FOREVER);
        *ret_n = n;
        return r;
}

static int channels(bool tcp, pattern p, double *ret) {
        _cleanup_(beam_sender_closep) beam_sender *tx = NULL;
        _cleanup_(beam_session_closep) beam_session *s = NULL;
        int fds[2], r;
        char url[128] = "";
        int64_t begin;
        uint64_t n = 0;
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        pid = start(beam_peer_process, fds[1], fds[0], 0, tcp);
        close(fds[1]);
        r = pid < 0 ? (int)pid : read(fds[0], url, sizeof(url) - 1) > 0 ? 0 : -EPIPE;
        close(fds[0]);

        if (r == 0)
                r = beam_dial(url, NULL, &s, beam_after(10 * BEAM_SECOND));
        if (r == 0)
                r = beam_session_open(s, "bench", DEPTH, &tx, BEAM_FOREVER);
        begin = beam_now();
        if (r == 0)
                r = p == PING_PONG ? run_ping_pong(tx, begin + ROUND, &n)
                                   : run_one_way(tx, p, begin + ROUND, &n);
        *ret = (double)n * 1e9 / (double)(beam_now() - begin);
        tx = beam_sender_close(tx);
        s = beam_session_close(s);
        finish(pid);
        return r;
}

static int row(const cli_opts *o, bool tcp, pattern p) {
        /* Corked, many messages share a write: the bare socket that writes each alone is
         * what one would have without. */
        double with = 0, without = 0;
        say_json j;
        int r;

        r = bare(tcp, p, &without);
        if (r == 0)
                r = channels(tcp, p, &with);
        if (r < 0) {
                say_error("%s over %s: %s", patterns[p].name, tcp ? "tcp" : "unix",
                          beam_strerror(r));
                return CLI_FAILED;
        }
        if (!o->json) {
                printf("%-5s %-34s %12.0f /s %12.0f /s %8.2f\n", tcp ? "tcp" : "unix",
                       patterns[p].name, with, without, with / without);
                fflush(stdout);
                return CLI_DONE;
        }
        r = say_json_open(&j);
        if (r < 0)
                return CLI_FAILED;
        say_json_text(&j, "link", tcp ? "tcp" : "unix");
        say_json_text(&j, "pattern", patterns[p].name);
        say_json_real(&j, "per_second", with);
        say_json_real(&j, "bare_per_second", without);
        say_json_real(&j, "ratio", with / without);
        return say_json_close(&j, STDOUT_FILENO) < 0 ? CLI_FAILED : CLI_DONE;
}

static int bench(const cli_opts *o, int n_words, char **words) {
        int64_t deadline = beam_after(o->timeout);
        int status;

        (void)words;
        if (n_words != 0) {
                say_error("bench takes no address; see `beam help bench`");
                return CLI_MISUSE;
        }
        signal(SIGPIPE, SIG_IGN);
        if (!o->json)
                printf("%-5s %-34s %15s %15s %8s\n", "link", "pattern", "channel", "bare socket",
                       "ratio");
        for (int tcp = 0; tcp < 2; tcp++)
                for (int p = 0; p < N_PATTERNS; p++) {
                        if (beam_now() >= deadline) {
                                say_error("bench: not done in time");
                                return CLI_TIMEOUT;
                        }
                        status = row(o, tcp, (pattern)p);
                        if (status != CLI_DONE)
                                return status;
                }
        return CLI_DONE;
}

const cli_command cmd_bench = {
        .name = "bench",
        .bit = CLI_BENCH,
        .synopsis = "",
        .summary = "Measure channels here, beside bare sockets",
        .text = "Two processes over unix and over TCP on this machine, a quarter of a second for\n"
                "each figure. The ratio is what counts: above 1, channels are faster than a bare\n"
                "socket with one write for each message.\n",
        .run = bench,
};
