/* SPDX-License-Identifier: Apache-2.0 */
/* A service in one call. */
#include "help.h"
#include "side.h"
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { N_CLIENTS = 3, N_QUESTIONS = 10 };

typedef struct tally {
        int n;
} tally;

static void on_message(void *data, const char *service, beam_msg *msg) {
        beam_msg *answer = NULL;
        tally *t = data;
        char text[64];
        size_t n;

        const char *p = beam_msg_data(msg, &n);
        int n_text = snprintf(text, sizeof(text), "%s:%.*s", service, (int)n, p);
        assert_ok(beam_msg_new(text, (size_t)n_text, &answer));
        assert_r(beam_reply(msg, answer, until(LONG)), 0);
        beam_msg_free(msg);
        if (++t->n == N_CLIENTS * N_QUESTIONS)
                beam_loop_stop();
}

static void *client(void *data) {
        beam_session *s = NULL;
        beam_sender *tx = NULL;

        assert_r(beam_dial(data, NULL, &s, until(LONG)), 0);
        assert_r(beam_session_open(s, "greet", 4, &tx, until(LONG)), 0);
        for (int i = 0; i < N_QUESTIONS; i++) {
                beam_msg *msg = NULL, *answer = NULL;
                size_t n;

                assert_ok(beam_msg_new("me", 2, &msg));
                assert_r(beam_call(tx, msg, &answer, NULL, until(LONG)), 0);
                const void *p = beam_msg_data(answer, &n);
                assert_mem(p, n, "greet:me", 8);
                beam_msg_free(answer);
        }
        beam_sender_close(tx);
        beam_session_close(s);
        return NULL;
}

/* The socket listens before the service does, so nobody dials too early. */
static int listening(struct sockaddr_un *un) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        *un = (struct sockaddr_un){ .sun_family = AF_UNIX };
        snprintf(un->sun_path, sizeof(un->sun_path), "%s/serve", test_dir());
        assert_eq(bind(fd, (void *)un, sizeof(*un)), 0);
        assert_eq(listen(fd, 8), 0);
        return fd;
}

static void serve(int background) {
        beam_options opt = { .size = sizeof(opt), .background = background };
        pthread_t threads[N_CLIENTS];
        struct sockaddr_un un;
        char url[32], at[128];
        tally t = { 0 };

        snprintf(url, sizeof(url), "fd:%d", listening(&un));
        snprintf(at, sizeof(at), "unix:%s", un.sun_path);
        for (int i = 0; i < N_CLIENTS; i++)
                assert_eq(pthread_create(&threads[i], NULL, client, at), 0);
        assert_r(beam_serve(url, &opt, on_message, &t), 0);
        /* What was answered last may still have to leave; the loop of this thread is
         * that of the service. */
        for (int i = 0; i < N_CLIENTS; i++)
                pthread_join(threads[i], NULL);
        assert_eq(t.n, N_CLIENTS * N_QUESTIONS);
        unlink(un.sun_path);
}

TEST(serve_on_this_thread) {
        serve(0);
}

TEST(serve_in_the_background) {
        serve(1);
}

TEST(serve_where_it_cannot) {
        tally t = { 0 };

        assert_lt(beam_serve("unix:/no/such/place/s", NULL, on_message, &t), 0);
        assert_lt(beam_serve("nonsense", NULL, on_message, &t), 0);
        assert_eq(t.n, 0);
}
