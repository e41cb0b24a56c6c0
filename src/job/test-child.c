/* SPDX-License-Identifier: Apache-2.0 */
#include "test-child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "help.h"
#include "test.h"

/* The first argument, which no name of a test is. */
static const char mark[] = "/play";

__attribute__((constructor)) static void play(int argc, char **argv) {
        if (argc < 3 || strcmp(argv[1], mark) != 0)
                return;
        for (const test_part *part = test_parts; part->name; part++)
                if (!strcmp(part->name, argv[2]))
                        _exit(part->play(argc > 3 ? argv[3] : ""));
        _exit(126);
}

void test_play(process_options *o, const char *argv[5], const char *part, const char *arg) {
        argv[0] = "test";
        argv[1] = mark;
        argv[2] = part;
        argv[3] = arg;
        argv[4] = NULL;
        o->program = "/proc/self/exe";
        o->argv = argv;
}

static void on_ended(process *p, void *data) {
        test_child *c = data;

        assert_eq(p == c->p, 1);
        c->end = *process_ended(p);
        c->n_ended++;
}

int test_start(test_child *c, process_options o) {
        *c = (test_child){ 0 };
        o.ended = on_ended;
        o.data = c;
        return process_start(&o, loop_get(), &c->failed, &c->p);
}

void test_end(test_child *c) {
        int64_t deadline = test_deadline();

        while (!c->n_ended) {
                assert_lt(clock_now(), deadline);
                loop_turn(loop_get(), deadline);
        }
        assert_eq(c->n_ended, 1);
}

static int status_of(const process_end *end) {
        assert_ne(end->kind, PROCESS_LOST);
        return end->kind == PROCESS_EXITED ? end->status : 128 + end->status;
}

int test_whole(process_options o) {
        test_child c;

        assert_ok(test_start(&c, o));
        test_end(&c);
        process_free(c.p);
        return status_of(&c.end);
}

const char *test_output(process_options o, int to, int *ret_status) {
        process_stream streams[9];
        char text[8192];
        test_child c;
        int fds[2];
        size_t n;

        test_pipe(fds);
        assert_lt(o.n_streams, n_of(streams));
        if (o.n_streams)
                memcpy(streams, o.streams, o.n_streams * sizeof(*streams));
        streams[o.n_streams++] = (process_stream){ to, fds[1] };
        o.streams = streams;
        assert_ok(test_start(&c, o));
        close(fds[1]);
        n = test_read(fds[0], text, sizeof(text));
        close(fds[0]);
        test_end(&c);
        process_free(c.p);
        if (ret_status)
                *ret_status = status_of(&c.end);
        else
                assert_eq(status_of(&c.end), 0);
        return test_text(text, n);
}

void test_pipe(int fds[2]) {
        assert_ok(pipe2(fds, O_CLOEXEC));
}

void test_hung_up(int fd) {
        char byte;

        while (test_read(fd, &byte, 1) == 1)
                continue;
}
