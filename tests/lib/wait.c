/* SPDX-License-Identifier: Apache-2.0 */
#include "help.h"
#include "place.h"
#include "test.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int64_t test_deadline(void) {
        /* well before the runner's own timeout, so that the call that hangs is named */
        return clock_add(clock_now(), 10 * CLOCK_SECOND * test_slowness());
}

static short poll_one(int fd, short events, int ms) {
        struct pollfd p = { .fd = fd, .events = events };
        int r;

        do
                r = poll(&p, 1, ms);
        while (r < 0 && errno == EINTR);
        if (r < 0)
                test_fail("poll of %d: %s", fd, strerror(errno));
        if (p.revents & POLLNVAL)
                test_fail("poll of %d, which is not open", fd);
        return r ? p.revents : 0;
}

short test_poll(int fd, short events) {
        short got = poll_one(fd, events, 10000 * test_slowness());

        if (!got)
                test_fail("descriptor %d: nothing of events %#x came", fd, (unsigned)events);
        return got;
}

short test_poll_now(int fd, short events) {
        return poll_one(fd, events, 0);
}

size_t test_read(int fd, void *buf, size_t n) {
        size_t at = 0;

        while (at < n) {
                ssize_t r = read(fd, (char *)buf + at, n - at);

                if (r == 0)
                        break;
                if (r > 0)
                        at += (size_t)r;
                else if (errno == EAGAIN)
                        test_poll(fd, POLLIN);
                else if (errno != EINTR)
                        test_fail("read of %d: %s", fd, strerror(errno));
        }
        return at;
}

void test_write(int fd, const void *data, size_t n) {
        size_t at = 0;

        while (at < n) {
                ssize_t r = write(fd, (const char *)data + at, n - at);

                if (r > 0)
                        at += (size_t)r;
                else if (r < 0 && errno == EAGAIN)
                        test_poll(fd, POLLOUT);
                else if (r < 0 && errno != EINTR)
                        test_fail("write to %d: %s", fd, strerror(errno));
        }
}

int test_gate(void) {
        int gate = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);

        if (gate < 0)
                test_fail("eventfd: %s", strerror(errno));
        return gate;
}

void test_gate_open(int gate) {
        test_write(gate, &(uint64_t){ 1 }, sizeof(uint64_t));
}

void test_gate_wait(int gate) {
        uint64_t n;

        test_poll(gate, POLLIN);
        test_read(gate, &n, sizeof(n));
}

void test_until(int (*is_so)(void *arg), void *arg) {
        long long deadline = real_deadline(10);

        while (!is_so(arg)) {
                if (real_is_over(deadline))
                        test_fail("what was waited for has not come");
                real_pause();
        }
}
