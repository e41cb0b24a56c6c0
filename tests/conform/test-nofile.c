/* SPDX-License-Identifier: Apache-2.0 */
/* No descriptors left: an error of the call, and all is well once there are again. */
#include "help.h"
#include "talk.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static struct rlimit saved;
static int filled[256], n_filled;

/* Leave room for @n descriptors. The limit is a number and no count, so the gaps below
 * the highest one in use are filled first. */
static void leave_fds(int n) {
        struct rlimit lim;
        int fd, highest = -1;

        assert_eq(getrlimit(RLIMIT_NOFILE, &saved), 0);
        for (fd = 0; fd < 1024; fd++)
                if (fcntl(fd, F_GETFD) >= 0)
                        highest = fd;
        while ((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) < highest) {
                assert_ge(fd, 0);
                filled[n_filled++] = fd;
        }
        close(fd);
        lim = (struct rlimit){ (rlim_t)(highest + 1 + n), saved.rlim_max };
        assert_eq(setrlimit(RLIMIT_NOFILE, &lim), 0);
}

/* Enough for what works, in a case that may have to be given up. */
static int64_t a_while(void) {
        return beam_after(10 * SHORT * test_slowness());
}

static void restore_fds(void) {
        assert_eq(setrlimit(RLIMIT_NOFILE, &saved), 0);
        while (n_filled > 0)
                close(filled[--n_filled]);
}

static void works(beam_listener *l) {
        beam_session *s = NULL, *p = NULL;
        int64_t rtt;

        assert_r(beam_dial(beam_listener_url(l), NULL, &s, test_deadline()), 0);
        do { /* what was dialled in vain may still be in the line */
                p = beam_session_close(p);
                assert_r(beam_accept(l, &p, test_deadline()), 0);
        } while (beam_session_ping(p, &rtt, test_deadline()) < 0);
        assert_r(beam_session_ping(s, &rtt, test_deadline()), 0);
        beam_session_close(s);
        beam_session_close(p);
}

/* Dialling and listening with so many left: either it works or it says that there
 * are too few; in the end enough are enough. */
TEST_EACH(dial_without_descriptors, url, test_urls) {
        beam_listener *l = NULL;
        int worked = 0;

        assert_r(beam_listen(test_url(url), NULL, &l), 0);
        works(l);
        for (int n = 0; n < 16 && worked < 2; n++) {
                beam_session *s = NULL, *p = NULL;

                leave_fds(n);
                int r = beam_dial(beam_listener_url(l), NULL, &s, a_while());
                if (r == 0) {
                        r = beam_accept(l, &p, a_while());
                        worked += r == 0;
                }
                if (r < 0)
                        assert_true(r == -EMFILE || r == -ETIMEDOUT || r == -ECONNRESET);
                restore_fds();
                beam_session_close(s);
                beam_session_close(p);
        }
        assert_gt(worked, 0);
        works(l);
        beam_listener_close(l);
}

TEST_EACH(listen_without_descriptors, url, test_urls) {
        beam_listener *l = NULL;
        int r = -EMFILE;

        for (int n = 0; n < 8 && r < 0; n++) {
                leave_fds(n);
                r = beam_listen(test_url(url), NULL, &l);
                restore_fds();
                if (r < 0) {
                        assert_r(r, -EMFILE);
                        assert_null(l);
                }
        }
        assert_r(r, 0);
        works(l);
        beam_listener_close(l);
}

TEST_EACH(background_without_descriptors, url, test_urls) {
        beam_options opt = { .size = sizeof(opt), .background = 1 };
        beam_listener *l = NULL;
        int r = -EMFILE;

        assert_r(beam_listen(test_url(url), NULL, &l), 0);
        for (int n = 0; n < 16 && r < 0; n++) {
                beam_session *s = NULL, *p = NULL;

                leave_fds(n);
                r = beam_dial(beam_listener_url(l), &opt, &s, a_while());
                if (r == 0)
                        r = beam_accept(l, &p, a_while());
                if (r < 0)
                        assert_true(r == -EMFILE || r == -ETIMEDOUT || r == -ECONNRESET);
                restore_fds();
                beam_session_close(s);
                beam_session_close(p);
        }
        assert_r(r, 0);
        works(l);
        beam_listener_close(l);
}

/* The listener's thread has none left while others dial: accept says so, without
 * spinning, and takes them later. */
TEST_EACH(accept_without_descriptors, url, test_urls) {
        beam_listener *l = NULL;
        beam_session *p = NULL;

        assert_r(beam_listen(test_url(url), NULL, &l), 0);
        works(l);
        leave_fds(0);
        int r = beam_accept(l, &p, beam_after(SHORT));
        assert_true(r == -ETIMEDOUT || r == -EMFILE);
        restore_fds();
        works(l);
        beam_listener_close(l);
}

/* Memory needs none. */
TEST(pipes_without_descriptors) {
        beam_sender *tx = NULL;
        beam_receiver *rx = NULL;
        beam_msg *msg = NULL;

        leave_fds(0);
        assert_r(beam_pipe(1, &tx, &rx), 0);
        assert_ok(beam_msg_new("x", 1, &msg));
        assert_r(beam_send(tx, msg, until(LONG)), 0);
        assert_r(beam_recv(rx, &msg, until(LONG)), 1);
        assert_r(beam_recv(rx, &msg, until(SHORT)), -ETIMEDOUT);
        beam_msg_free(msg);
        beam_sender_close(tx);
        beam_receiver_close(rx);
        int r = beam_loop_fd();
        assert_true(r >= 0 || r == -EMFILE);
        restore_fds();
        assert_ge(beam_loop_fd(), 0);
}

/* Descriptors come in and there is no place for them. */
static void step_leave(side *s, call *c) {
        (void)s;
        leave_fds((int)c->n[0]);
}

static void step_restore(side *s, call *c) {
        (void)s;
        (void)c;
        restore_fds();
}

LAW(fds_come_and_there_is_no_place, LAW_PROCESSES | LAW_DIRECT) {
        channel(t, A, B, 4, 0);
        channel(t, A, B, 4, 1);
        at(t, B, step_leave, &(call){ .n = { 2 } });
        assert_ok(msg_at(t, A, 0, "fds"));
        for (int i = 0; i < 5; i++) {
                assert_r(fd_file(t, A, i, "x"), 0);
                assert_r(put(t, A, 0, BEAM_FD, i), i);
        }
        assert_r(send_msg(t, A, 0, 0, LONG), 0);
        /* The message is refused, or the session ends: the kernel has thrown some away. A
         * bridge is there, but what it takes may be missing. */
        int r = recv_text(t, B, 0, LONG);
        if (r != 1)
                assert_true(r == -ECONNRESET || r == -EPIPE || r == -EMFILE);
        at(t, B, step_restore, NULL);
        if (r != 1) {
                r = drain_tx(t, A, 0, LONG);
                assert_true(r == -EPIPE || r == -ECONNRESET);
        }
        if (session_state(t, B) == 0) {
                assert_r(send_text(t, A, 1, "alive", LONG), 0);
                assert_r(recv_text(t, B, 1, LONG), 1);
        }
}
