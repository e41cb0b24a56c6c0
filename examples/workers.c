/* SPDX-License-Identifier: Apache-2.0 */

/*
 * workers: they register themselves
 *
 *     workers boss unix:/tmp/work.sock 3          waits for 3 workers, then gives out work
 *     workers worker unix:/tmp/work.sock ada      three of these
 *
 * Nobody tells the boss where his workers are. A worker dials in, makes a channel, and
 * sends the boss the end on which it wants work. From then on the boss sends there, to
 * whoever can take the next piece: that is one beam_select() over all of them.
 */

#include <beam/beam.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORKERS = 16, N_PIECES = 20 };

typedef struct boss {
        beam_listener *l;
        beam_session *sessions[MAX_WORKERS];
        beam_arm arms[MAX_WORKERS]; /* of each worker, the end on which it wants work */
        size_t n;
} boss;

/* Wait for the next worker, and take the end that it sends. */
static int hire(boss *b, int64_t deadline) {
        beam_session *s = NULL;
        beam_receiver *rx = NULL;
        beam_msg *open = NULL, *msg = NULL;
        int r;

        r = beam_accept(b->l, &s, deadline);
        if (r < 0)
                return r;
        b->sessions[b->n] = s;

        r = beam_session_accept(s, &open, deadline);
        if (r > 0 && (rx = beam_msg_take_receiver(open, 0)))
                r = beam_recv(rx, &msg, deadline);
        if (r > 0) {
                size_t n;
                const char *name = beam_msg_data(msg, &n);

                fprintf(stderr, "boss: %.*s wants work\n", (int)n, name);
                b->arms[b->n++].tx = beam_msg_take_sender(msg, 0);
        }
        beam_msg_free(msg);
        beam_msg_free(open);
        beam_receiver_close(rx);
        return r > 0 ? 0 : r == 0 ? -EPIPE : r;
}

/* Each piece goes to a worker that has room for it, with the end on which its result
 * is to come: all the same channel, made once and duplicated. */
static int give_out(boss *b, beam_sender *results, int64_t deadline) {
        for (int i = 1; i <= N_PIECES; i++) {
                beam_sender *result = NULL;
                beam_msg *msg = NULL;
                int r, chosen;

                r = beam_sender_dup(results, &result);
                if (r == 0)
                        r = beam_msg_new(&i, sizeof(i), &msg);
                if (r == 0)
                        r = beam_msg_put_sender(msg, result);
                for (size_t k = 0; k < b->n; k++)
                        b->arms[k].msg = msg;
                chosen = r < 0 ? r : beam_select(b->arms, b->n, deadline);
                if (chosen < 0)
                        return chosen;
                if (b->arms[chosen].r < 0)
                        return b->arms[chosen].r; /* a real boss would try another */
        }
        return 0;
}

static int be_boss(const char *url, size_t n_workers) {
        int64_t deadline = beam_after(30 * BEAM_SECOND);
        boss b = { 0 };
        beam_sender *results = NULL;
        beam_receiver *rx = NULL;
        long sum = 0;
        int r;

        r = beam_listen(url, NULL, &b.l);
        while (r == 0 && b.n < n_workers)
                r = hire(&b, deadline);
        if (r == 0)
                r = beam_pipe(N_PIECES, &results, &rx);
        if (r == 0)
                r = give_out(&b, results, deadline);

        /* Ours was the last end but those under way: the results end with the last. */
        beam_sender_close(results);
        for (beam_msg *msg = NULL; r >= 0 && (r = beam_recv(rx, &msg, deadline)) > 0;) {
                size_t n;
                const int *square = beam_msg_data(msg, &n);

                sum += n == sizeof(*square) ? *square : 0;
                beam_msg_free(msg);
        }
        if (r == 0)
                printf("the squares of 1 to %d add up to %ld\n", N_PIECES, sum);

        /* No more work: the workers go home, and their going ends the sessions. */
        for (size_t i = 0; i < b.n; i++) {
                beam_sender_close(b.arms[i].tx);
                beam_session_drain(b.sessions[i], beam_after(BEAM_SECOND));
                beam_session_close(b.sessions[i]);
        }
        beam_receiver_close(rx);
        beam_listener_close(b.l);
        return r;
}

/* Register: the end on which we want work goes to the boss. */
static int enlist(beam_session *s, const char *name, beam_receiver **ret_work, int64_t deadline) {
        beam_sender *boss_tx = NULL, *work_tx = NULL;
        beam_msg *msg = NULL;
        int r;

        r = beam_session_open(s, "register", 1, &boss_tx, deadline);
        if (r == 0)
                r = beam_pipe(1, &work_tx, ret_work);
        if (r == 0)
                r = beam_msg_new(name, strlen(name), &msg);
        if (r == 0 && (r = beam_msg_put_sender(msg, work_tx)) >= 0)
                work_tx = NULL;
        if (r >= 0 && (r = beam_send(boss_tx, msg, deadline)) == 0)
                msg = NULL;
        beam_msg_free(msg);
        beam_sender_close(work_tx);
        beam_sender_close(boss_tx);
        return r;
}

static int be_worker(const char *url, const char *name) {
        int64_t deadline = beam_after(30 * BEAM_SECOND);
        beam_session *s = NULL;
        beam_receiver *work = NULL;
        beam_msg *msg = NULL;
        int r, n_done = 0;

        do /* the boss may start a moment later */
                r = beam_dial(url, NULL, &s, deadline);
        while ((r == -ENOENT || r == -ECONNREFUSED) && beam_now() < deadline);
        if (r == 0)
                r = enlist(s, name, &work, deadline);

        while (r >= 0 && (r = beam_recv(work, &msg, deadline)) > 0) {
                beam_sender *result = beam_msg_take_sender(msg, 0);
                size_t n;
                const int *i = beam_msg_data(msg, &n);
                int square = n == sizeof(*i) ? *i * *i : 0;
                beam_msg *answer = NULL;

                r = beam_msg_new(&square, sizeof(square), &answer);
                if (r == 0 && (r = beam_send(result, answer, deadline)) == 0)
                        answer = NULL;
                n_done++;
                beam_msg_free(answer);
                beam_sender_close(result);
                beam_msg_free(msg);
        }
        if (r == 0)
                printf("%s did %d\n", name, n_done);
        beam_receiver_close(work);
        beam_session_drain(s, beam_after(BEAM_SECOND));
        beam_session_close(s);
        return r;
}

int main(int argc, char **argv) {
        long n;
        int r;

        if (argc == 4 && strcmp(argv[1], "boss") == 0 && (n = strtol(argv[3], NULL, 10)) > 0 &&
            n <= MAX_WORKERS)
                r = be_boss(argv[2], (size_t)n);
        else if (argc == 4 && strcmp(argv[1], "worker") == 0)
                r = be_worker(argv[2], argv[3]);
        else
                return fputs("usage: workers boss URL COUNT | workers worker URL NAME\n", stderr),
                       2;

        if (r < 0)
                fprintf(stderr, "workers: %s: %s\n", argv[2], beam_strerror(r));
        return r < 0;
}
