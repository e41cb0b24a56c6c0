/* SPDX-License-Identifier: Apache-2.0 */

/*
 * split: one program as threads, as processes, or on two machines
 *
 *     split mem:words count ask                 two threads of one process
 *
 *     split unix:/tmp/words.sock count          two processes, each in a terminal
 *     split unix:/tmp/words.sock ask
 *
 *     split tcp://127.0.0.1:4711 count          two processes, or two machines
 *     split tcp://127.0.0.1:4711 ask
 *
 * Each part that is named runs in a thread of its own, and the last one, when it is
 * done, ends the process. The parts know nothing of each other but the address: where
 * they run is decided on the command line, and not one line of count() or ask() knows.
 */

#include <beam/beam.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* The part that works: counts the words of each message. */
static void on_text(void *data, const char *service, beam_msg *msg) {
        size_t n, n_words = 0;
        const char *text = beam_msg_data(msg, &n);
        beam_msg *answer = NULL;
        char number[32];

        (void)data, (void)service;
        for (size_t i = 0; i < n; i++)
                n_words += text[i] != ' ' && (i == 0 || text[i - 1] == ' ');
        snprintf(number, sizeof(number), "%zu", n_words);
        if (beam_msg_new(number, strlen(number), &answer) == 0 &&
            beam_reply(msg, answer, beam_after(BEAM_SECOND)) < 0)
                beam_msg_free(answer);
        beam_msg_free(msg);
}

static int count(const char *url) {
        return beam_serve(url, NULL, on_text, NULL);
}

/* The part that wants something done. */
static int ask_one(beam_sender *tx, const char *text, int64_t deadline) {
        beam_msg *msg = NULL, *answer = NULL;
        size_t n;
        const char *number;
        int r;

        r = beam_msg_new(text, strlen(text), &msg);
        if (r == 0)
                r = beam_call(tx, msg, &answer, NULL, deadline);
        if (r == 0) {
                number = beam_msg_data(answer, &n);
                printf("%.*s words: %s\n", (int)n, number, text);
        }
        beam_msg_free(answer);
        return r;
}

static int ask(const char *url) {
        int64_t deadline = beam_after(10 * BEAM_SECOND);
        beam_session *s = NULL;
        beam_sender *tx = NULL;
        int r;

        /* The other part may start a moment later than this one. */
        do
                r = beam_dial(url, NULL, &s, deadline);
        while ((r == -ENOENT || r == -ECONNREFUSED) && beam_now() < deadline);
        if (r == 0)
                r = beam_session_open(s, "", 1, &tx, deadline);
        if (r == 0)
                r = ask_one(tx, "write it once", deadline);
        if (r == 0)
                r = ask_one(tx, "run it as threads or as processes", deadline);
        if (r == 0)
                r = ask_one(tx, "the calls stay the same", deadline);
        beam_sender_close(tx);
        beam_session_close(s);
        return r;
}

typedef struct part {
        const char *name, *url;
} part;

static void *run(void *arg) {
        const part *p = arg;
        int r = strcmp(p->name, "count") == 0 ? count(p->url) : ask(p->url);

        if (r < 0)
                fprintf(stderr, "split: %s at %s: %s\n", p->name, p->url, beam_strerror(r));
        return r < 0 ? (void *)p : NULL;
}

int main(int argc, char **argv) {
        part parts[8] = { 0 };
        int n = argc - 2;

        for (int i = 0; i < n && n <= 8; i++) {
                parts[i] = (part){ .name = argv[2 + i], .url = argv[1] };
                if (strcmp(argv[2 + i], "count") != 0 && strcmp(argv[2 + i], "ask") != 0)
                        n = 0;
        }
        if (n < 1 || n > 8) {
                fputs("usage: split URL count|ask ...\n", stderr);
                return 2;
        }

        for (int i = 0; i < n - 1; i++) {
                pthread_t thread;

                if (pthread_create(&thread, NULL, run, &parts[i]) != 0)
                        return 1;
                pthread_detach(thread);
        }
        return run(&parts[n - 1]) != NULL;
}
