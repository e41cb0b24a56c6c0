/* SPDX-License-Identifier: Apache-2.0 */

/*
 * rexec, the server: run commands for others
 *
 *     rexec-server unix:/tmp/rexec.sock
 *     rexec unix:/tmp/rexec.sock tr a-z A-Z
 *
 * A request brings its own streams and its own way back, so the server keeps no table
 * of who asked for what. Each command has a thread here, with a loop of its own: the
 * ends move to it inside the message, over a channel in memory.
 */

#include <beam/beam.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rexec.h"

enum { MAX_WORDS = 64 };

extern char **environ;

/* The words of the request, pointing into its bytes. */
static int read_words(const beam_msg *msg, char *words[static MAX_WORDS + 1]) {
        size_t n, n_words = 0;
        const char *data = beam_msg_data(msg, &n), *end = data + n;

        if (n == 0 || end[-1] != '\0')
                return -EINVAL;
        for (const char *p = data; p < end; p += strlen(p) + 1) {
                if (n_words == MAX_WORDS)
                        return -E2BIG;
                words[n_words++] = (char *)p;
        }
        words[n_words] = NULL;
        return 0;
}

/* One of the command's three descriptors: the end for the child in @ret_child, the other
 * joined to the stream of the request. */
static int join(beam_msg *msg, size_t place, int *n_open, void (*done)(void *, int),
                int *ret_child) {
        beam_stream *st = beam_msg_take_stream(msg, place);
        int fds[2], ours, r;

        if (!st)
                return -EINVAL;
        if (pipe2(fds, O_CLOEXEC) < 0) {
                beam_stream_close(st);
                return -errno;
        }
        *ret_child = fds[place == REXEC_STDIN ? 0 : 1];
        ours = fds[place == REXEC_STDIN ? 1 : 0];
        r = place == REXEC_STDIN ? beam_stream_join(st, -1, ours, NULL, NULL)
                                 : beam_stream_join(st, ours, -1, done, n_open);
        if (r < 0) {
                close(ours);
                beam_stream_close(st);
        } else if (place != REXEC_STDIN) {
                (*n_open)++;
        }
        return r;
}

static void on_output_done(void *data, int r) {
        int *n_open = data;

        (void)r; /* whoever asked has gone: the command will notice */
        if (--*n_open == 0)
                beam_loop_stop();
}

static int spawn(char **words, const int fds[static 3], pid_t *ret) {
        posix_spawn_file_actions_t actions;
        int r;

        posix_spawn_file_actions_init(&actions);
        for (int i = 0; i < 3; i++)
                posix_spawn_file_actions_adddup2(&actions, fds[i], i);
        r = posix_spawnp(ret, words[0], &actions, NULL, words, environ);
        posix_spawn_file_actions_destroy(&actions);
        return -r;
}

/* Run the command, return its status as the shell counts it. */
static int execute(beam_msg *msg) {
        char *words[MAX_WORDS + 1];
        int fds[3] = { -1, -1, -1 }, n_open = 0, status = 0, r;
        pid_t pid = 0;

        r = read_words(msg, words);
        for (size_t i = 0; i < 3 && r == 0; i++)
                r = join(msg, i, &n_open, on_output_done, &fds[i]);
        if (r == 0)
                r = spawn(words, fds, &pid);
        for (int i = 0; i < 3; i++)
                if (fds[i] >= 0)
                        close(fds[i]);

        /* Until both outputs have ended: the status must not overtake them. */
        while (n_open > 0)
                if (beam_loop_run(BEAM_FOREVER) < 0)
                        break;
        if (r < 0)
                return r == -ENOENT ? 127 : 126;
        if (waitpid(pid, &status, 0) < 0)
                return 126;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void *run(void *arg) {
        beam_receiver *rx = arg;
        beam_msg *msg = NULL, *answer = NULL;
        beam_sender *status_tx;
        char text[16];

        if (beam_recv(rx, &msg, BEAM_FOREVER) > 0 &&
            (status_tx = beam_msg_take_sender(msg, REXEC_STATUS))) {
                snprintf(text, sizeof(text), "%d", execute(msg));
                if (beam_msg_new(text, strlen(text), &answer) == 0 &&
                    beam_send(status_tx, answer, beam_after(BEAM_SECOND)) < 0)
                        beam_msg_free(answer);
                beam_sender_close(status_tx);
        }
        beam_msg_free(msg);
        beam_receiver_close(rx);
        return NULL;
}

/* A thread for each request; it gets the message, with all that is in it, whole. */
static void on_request(void *data, const char *service, beam_msg *msg) {
        beam_sender *tx = NULL;
        beam_receiver *rx = NULL;
        pthread_t thread;

        (void)data, (void)service;
        if (beam_pipe(1, &tx, &rx) == 0 && beam_send(tx, msg, BEAM_NOW) == 0) {
                msg = NULL;
                if (pthread_create(&thread, NULL, run, rx) == 0) {
                        pthread_detach(thread);
                        rx = NULL;
                }
        }
        beam_sender_close(tx);
        beam_receiver_close(rx);
        beam_msg_free(msg);
}

int main(int argc, char **argv) {
        int r = beam_serve(argc > 1 ? argv[1] : "unix:@rexec", NULL, on_request, NULL);

        fprintf(stderr, "rexec-server: %s\n", beam_strerror(r));
        return 1;
}
