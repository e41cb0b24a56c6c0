/* SPDX-License-Identifier: Apache-2.0 */

/*
 * passfd: hand an open file to another process
 *
 *     passfd give unix:/tmp/give.sock /etc/hostname     one terminal
 *     passfd take unix:/tmp/give.sock                   another
 *
 * The taker reads a file that it never opened and might not be allowed to. Over unix:
 * it gets the descriptor itself; over tcp: the same calls give it one end of a socket
 * pair, which Beam fills from the far file. It says on stderr which of the two it was.
 */

#include <beam/beam.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Any question is answered with the file, freshly opened. */
static void on_question(void *data, const char *service, beam_msg *question) {
        const char *path = data;
        int fd = open(path, O_RDONLY | O_CLOEXEC), r;
        beam_msg *answer = NULL;

        (void)service;
        r = fd < 0 ? -errno : beam_msg_new(path, strlen(path), &answer);
        if (r == 0 && (r = beam_msg_put_fd(answer, fd)) >= 0)
                fd = -1; /* the message has it now, and closes it */
        if (r >= 0 && (r = beam_reply(question, answer, beam_after(BEAM_SECOND))) == 0)
                answer = NULL;
        if (r < 0)
                fprintf(stderr, "passfd: %s: %s\n", path, beam_strerror(r));
        if (fd >= 0)
                close(fd);
        beam_msg_free(answer);
        beam_msg_free(question);
}

static int copy(int from, int to) {
        char buf[4096];
        ssize_t n;

        while ((n = read(from, buf, sizeof(buf))) > 0)
                if (write(to, buf, (size_t)n) != n)
                        return -errno;
        return n < 0 ? -errno : 0;
}

static int take(const char *url) {
        /* In the background: what comes over a bridge has to be moved by somebody while
         * this thread sits in read(). */
        beam_options opt = { .size = sizeof(opt), .background = 1 };
        int64_t deadline = beam_after(5 * BEAM_SECOND);
        beam_session *s = NULL;
        beam_sender *tx = NULL;
        beam_msg *question = NULL, *answer = NULL;
        int r;

        r = beam_dial(url, &opt, &s, deadline);
        if (r == 0)
                r = beam_session_open(s, "", 1, &tx, deadline);
        if (r == 0)
                r = beam_msg_new("the file, please", 16, &question);
        if (r == 0 && (r = beam_call(tx, question, &answer, NULL, deadline)) == 0) {
                int bridged = beam_msg_fd_bridged(answer, 0), fd = beam_msg_take_fd(answer, 0);

                fprintf(stderr, "passfd: got %s\n",
                        bridged > 0 ? "a bridge to it" : "the file itself");
                r = fd < 0 ? -EBADF : copy(fd, STDOUT_FILENO);
                if (fd >= 0)
                        close(fd);
        }
        beam_msg_free(answer);
        beam_sender_close(tx);
        beam_session_close(s);
        return r;
}

int main(int argc, char **argv) {
        int r;

        if (argc == 4 && strcmp(argv[1], "give") == 0)
                r = beam_serve(argv[2], NULL, on_question, argv[3]);
        else if (argc == 3 && strcmp(argv[1], "take") == 0)
                r = take(argv[2]);
        else
                return fputs("usage: passfd give URL FILE | passfd take URL\n", stderr), 2;

        if (r < 0)
                fprintf(stderr, "passfd: %s: %s\n", argv[2], beam_strerror(r));
        return r < 0;
}
