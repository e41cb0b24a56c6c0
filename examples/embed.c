/* SPDX-License-Identifier: Apache-2.0 */

/*
 * embed: channels under a loop of one's own
 *
 *     embed unix:/tmp/embed.sock              and type lines; Ctrl-D ends it
 *     beam send unix:/tmp/embed.sock hello    in another terminal
 *
 * The program owns its poll(); here it waits for lines on stdin. Beam adds one
 * descriptor to it, whatever the number of peers: poll that for beam_loop_events() until
 * beam_loop_wake() at most, then call beam_loop_dispatch(), which never waits.
 */

#include <beam/beam.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

/* From here on it is callbacks: a peer, a channel of his, a message on that. What a
 * session brings lives as long as the session, so these few keep no list of it. */
static void on_message(void *data, beam_receiver *rx) {
        beam_msg *msg = NULL;
        size_t n;
        const char *text;

        (void)data;
        if (beam_recv(rx, &msg, BEAM_NOW) <= 0) {
                beam_receiver_close(rx);
                return;
        }
        text = beam_msg_data(msg, &n);
        printf("message: %.*s\n", (int)n, text);
        beam_msg_free(msg);
}

static void on_open(void *session, beam_receiver *opens) {
        beam_msg *open = NULL;
        beam_receiver *rx;

        (void)opens;
        if (beam_session_accept(session, &open, BEAM_NOW) <= 0) {
                beam_session_close(session);
                return;
        }
        rx = beam_msg_take_receiver(open, 0);
        if (rx)
                beam_receiver_watch(rx, on_message, NULL);
        beam_msg_free(open); /* and with it whatever we have no use for */
}

static void on_peer(void *data, beam_listener *l) {
        beam_session *s = NULL;

        (void)data;
        if (beam_accept(l, &s, BEAM_NOW) == 0)
                beam_receiver_watch(beam_session_opens(s), on_open, s);
}

static int wait_ms(int64_t wake) {
        int64_t left = wake == BEAM_FOREVER ? -1 : wake - beam_now();

        if (wake == BEAM_FOREVER)
                return -1;
        return left <= 0 ? 0 : left / 1000000 >= INT_MAX ? INT_MAX : (int)(left / 1000000) + 1;
}

int main(int argc, char **argv) {
        beam_listener *l = NULL;
        int r;

        r = beam_listen(argc > 1 ? argv[1] : "unix:@embed", NULL, &l);
        if (r == 0)
                r = beam_listener_watch(l, on_peer, NULL);
        if (r < 0) {
                fprintf(stderr, "embed: %s\n", beam_strerror(r));
                return 1;
        }
        setvbuf(stdout, NULL, _IOLBF, 0);

        for (;;) {
                struct pollfd polls[] = {
                        { .fd = STDIN_FILENO, .events = POLLIN },
                        { .fd = beam_loop_fd(), .events = beam_loop_events() },
                };
                char line[256];
                ssize_t n;

                if (poll(polls, 2, wait_ms(beam_loop_wake())) < 0 && errno != EINTR)
                        return 1;
                if (polls[0].revents) {
                        n = read(STDIN_FILENO, line, sizeof(line));
                        if (n <= 0)
                                break;
                        printf("line: %.*s", (int)n, line);
                }
                r = beam_loop_dispatch();
                if (r < 0)
                        return 1;
        }
        beam_listener_close(l);
        return 0;
}
