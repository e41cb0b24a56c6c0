/* SPDX-License-Identifier: Apache-2.0 */
#include "test-numbered.h"

#include <string.h>

#include "test.h"

beam_msg *numbered(size_t n) {
        beam_msg *msg;

        assert_eq(beam_msg_new(&n, sizeof(n), &msg), 0);
        return msg;
}

size_t number_of(beam_msg *msg) {
        size_t n;

        memcpy(&n, beam_msg_data(msg, NULL), sizeof(n));
        beam_msg_free(msg);
        return n;
}

int put(chan_pipe *p, size_t n) {
        beam_msg *msg = numbered(n);
        int r = pipe_put(p, msg);

        if (r < 0)
                beam_msg_free(msg);
        return r;
}

void take(chan_pipe *p, size_t n) {
        beam_msg *msg;

        assert_r(pipe_take(p, &msg), 1);
        assert_eq(number_of(msg), n);
}
