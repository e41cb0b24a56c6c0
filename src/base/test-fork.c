/* SPDX-License-Identifier: Apache-2.0 */
#include "fork.h"

#include "help.h"
#include "test.h"

#include <fcntl.h>
#include <unistd.h>

static int n_called;

static void called(void) {
        n_called++;
}

typedef struct both {
        int kept, closed;
        uint32_t count;
} both;

static void look(void *arg) {
        const both *b = arg;

        assert_eq(fork_count(), b->count + 1);
        assert_lt(fcntl(b->closed, F_GETFD), 0);
        assert_ge(fcntl(b->kept, F_GETFD), 0);
        assert_eq(n_called, 1);
}

TEST(a_child_knows_and_holds_nothing_open) {
        both b = { .kept = open("/", O_RDONLY), .closed = open("/", O_RDONLY), fork_count() };
        fork_fd kept, closed;

        fork_in_child(called);
        fork_close(&kept, b.kept);
        fork_close(&closed, b.closed);
        fork_forget(&kept);
        assert_eq(test_wait(test_fork(look, &b)), 0);

        /* and nothing has changed here */
        assert_eq(fork_count(), b.count);
        assert_eq(n_called, 0);
        assert_ge(fcntl(b.closed, F_GETFD), 0);
        fork_forget(&closed);
        fork_forget(&closed);
        close(b.kept);
        close(b.closed);
}

static void forget(void *arg) {
        fork_fd *f = arg;

        fork_forget(f); /* of the parent: no harm */
        fork_close(f, open("/", O_RDONLY));
        close(f->fd);
        fork_forget(f);
}

TEST(a_child_may_begin_anew) {
        fork_fd f;
        int fd = open("/", O_RDONLY);

        fork_close(&f, fd);
        assert_eq(test_wait(test_fork(forget, &f)), 0);
        fork_forget(&f);
        close(fd);
}
