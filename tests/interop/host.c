/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer made with the library, for peers that are not
 *
 *     host serve URL [OPTION=NUMBER...]    says the URL, then echoes: each message on its
 *                                          last thing, streams into themselves
 *     host call URL SERVICE TEXT [MS]      asks, says the answer or the call that failed
 *     host read URL                        opens a stream, says what comes and how it ends
 *
 * Options are the fields of beam_options; hello_timeout is in milliseconds.
 */

#include <beam/beam.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int report(const char *call, int r) {
        printf("%s %s\n", call, r < 0 ? strerrorname_np(-r) : "0");
        return r < 0;
}

/* serve */

typedef struct guest {
        beam_session *s;
} guest;

static void on_message(void *data, beam_receiver *rx) {
        beam_msg *msg = NULL, *answer = NULL;
        size_t n;

        (void)data;
        int r = beam_recv(rx, &msg, BEAM_NOW);
        if (r == -ETIMEDOUT)
                return;
        if (r <= 0) {
                beam_receiver_close(rx);
                return;
        }

        /* The answer has the bytes, and all the things but the way back. */
        size_t last = beam_msg_things(msg) - 1;
        beam_sender *back = last < SIZE_MAX ? beam_msg_take_sender(msg, last) : NULL;
        const void *p = beam_msg_data(msg, &n);
        if (back && beam_msg_new(p, n, &answer) >= 0) {
                beam_msg_set_label(answer, beam_msg_label(msg));
                for (size_t i = 0; i < last; i++)
                        switch (beam_msg_kind(msg, i)) {
                        case BEAM_SENDER:
                                beam_msg_put_sender(answer, beam_msg_take_sender(msg, i));
                                break;
                        case BEAM_RECEIVER:
                                beam_msg_put_receiver(answer, beam_msg_take_receiver(msg, i));
                                break;
                        case BEAM_STREAM:
                                beam_msg_put_stream(answer, beam_msg_take_stream(msg, i));
                                break;
                        case BEAM_FD:
                                beam_msg_put_fd(answer, beam_msg_take_fd(msg, i));
                                break;
                        case BEAM_NOTHING:
                                break;
                        }
                if (beam_send(back, answer, beam_after(BEAM_SECOND)) < 0)
                        beam_msg_free(answer);
        }
        beam_sender_close(back);
        beam_msg_free(msg);
}

static void echo_stream(beam_stream *st) {
        int p[2];

        if (pipe2(p, O_CLOEXEC) == 0) {
                if (beam_stream_join(st, p[0], p[1], NULL, NULL) == 0)
                        return;
                close(p[0]);
                close(p[1]);
        }
        beam_stream_fail(st, BEAM_CODE_INTERNAL, "no pipe");
}

static void on_open(void *data, beam_receiver *opens) {
        beam_msg *msg = NULL;
        guest *g = data;

        int r = beam_recv(opens, &msg, BEAM_NOW);
        if (r == -ETIMEDOUT)
                return;
        if (r <= 0) {
                /* Nothing new comes; what is open goes on until it ends. */
                if (r == 0 && beam_session_drain(g->s, BEAM_NOW) == -ETIMEDOUT) {
                        beam_receiver_watch(opens, NULL, NULL);
                        return;
                }
                beam_session_close(g->s);
                free(g);
                return;
        }
        beam_receiver *rx = beam_msg_take_receiver(msg, 0);
        if (rx)
                beam_receiver_watch(rx, on_message, NULL);
        beam_stream *st = beam_msg_take_stream(msg, 0);
        if (st)
                echo_stream(st);
        beam_msg_free(msg);
}

static void on_guest(void *data, beam_listener *l) {
        guest *g = calloc(1, sizeof(*g));

        (void)data;
        if (!g || beam_accept(l, &g->s, BEAM_NOW) < 0) {
                free(g);
                return;
        }
        beam_receiver_watch(beam_session_opens(g->s), on_open, g);
}

static int serve(const char *url, beam_options *opt) {
        beam_listener *l = NULL;
        int r = beam_listen(url, opt, &l);

        if (r < 0)
                return report("listen", r);
        printf("%s\n", beam_listener_url(l));
        fflush(stdout);
        beam_listener_watch(l, on_guest, NULL);
        r = beam_loop_run(BEAM_FOREVER);
        beam_listener_close(l);
        return report("run", r);
}

/* call and read */

static int call(const char *url, const char *service, const char *text, int64_t deadline) {
        beam_msg *msg = NULL, *answer = NULL;
        beam_session *s = NULL;
        beam_sender *tx = NULL;
        size_t n;
        int r;

        r = beam_dial(url, NULL, &s, deadline);
        if (r < 0)
                return report("dial", r);
        r = beam_session_open(s, service, 1, &tx, deadline);
        if (r < 0)
                return report("open", r);
        r = beam_msg_new(text, strlen(text), &msg);
        if (r >= 0)
                r = beam_call(tx, msg, &answer, NULL, deadline);
        if (r < 0)
                return report("call", r);
        const char *p = beam_msg_data(answer, &n);
        printf("answer %.*s\n", (int)n, p);
        beam_msg_free(answer);
        beam_sender_close(tx);
        r = beam_session_drain(s, deadline);
        beam_session_close(s);
        return report("drain", r);
}

static int read_stream(const char *url, int64_t deadline) {
        beam_session *s = NULL;
        beam_stream *st = NULL;
        char buf[4096];
        ssize_t n;
        int r;

        r = beam_dial(url, NULL, &s, deadline);
        if (r < 0)
                return report("dial", r);
        r = beam_session_open_stream(s, "read", &st, deadline);
        if (r < 0)
                return report("open", r);
        while ((n = beam_stream_read(st, buf, sizeof(buf), deadline)) > 0)
                printf("read %.*s\n", (int)n, buf);
        beam_stream_close(st);
        beam_session_close(s);
        return report("end", (int)n);
}

static int option(beam_options *opt, const char *arg) {
        static const struct {
                const char *name;
                size_t offset;
        } fields[] = {
                { "max_msg=", offsetof(beam_options, max_msg) },
                { "max_things=", offsetof(beam_options, max_things) },
                { "max_channels=", offsetof(beam_options, max_channels) },
                { "max_queued=", offsetof(beam_options, max_queued) },
                { "max_fds=", offsetof(beam_options, max_fds) },
                { "max_nesting=", offsetof(beam_options, max_nesting) },
        };

        for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
                size_t n = strlen(fields[i].name);

                if (!strncmp(arg, fields[i].name, n)) {
                        *(size_t *)((char *)opt + fields[i].offset) = strtoul(arg + n, NULL, 10);
                        return 0;
                }
        }
        if (!strncmp(arg, "hello_timeout=", 14)) {
                opt->hello_timeout = strtol(arg + 14, NULL, 10) * (BEAM_SECOND / 1000);
                return 0;
        }
        return -EINVAL;
}

int main(int argc, char **argv) {
        beam_options opt = { .size = sizeof(opt) };
        int64_t deadline = beam_after(20 * BEAM_SECOND);

        setlinebuf(stdout);
        if (argc >= 3 && !strcmp(argv[1], "serve")) {
                for (int i = 3; i < argc; i++)
                        if (option(&opt, argv[i]) < 0)
                                return 2;
                return serve(argv[2], &opt);
        }
        if (argc >= 5 && !strcmp(argv[1], "call")) {
                if (argc > 5)
                        deadline = beam_after(strtol(argv[5], NULL, 10) * (BEAM_SECOND / 1000));
                return call(argv[2], argv[3], argv[4], deadline);
        }
        if (argc == 3 && !strcmp(argv[1], "read"))
                return read_stream(argv[2], deadline);
        return 2;
}
