/* SPDX-License-Identifier: Apache-2.0 */
/* Slips of jobs over channels, as anybody may send them: one that is taken for an order lies whole
 * within its message, and says what each thing of that is. */
#undef NDEBUG
#include "job/order.h"
#include "job/slip.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* With as many streams as the first byte says. */
static beam_msg *make(const uint8_t *data, size_t n, size_t n_streams) {
        beam_receiver *rx;
        beam_sender *tx;
        beam_stream *a, *b;
        beam_msg *msg;

        assert(beam_msg_new(n ? data : NULL, n, &msg) == 0);
        assert(beam_pipe(1, &tx, &rx) == 0);
        assert(beam_msg_put_sender(msg, tx) == SLIP_TELL);
        assert(beam_msg_put_receiver(msg, rx) == SLIP_WORDS);
        while (n_streams-- > 0) {
                assert(beam_stream_pair(&a, &b) == 0);
                beam_stream_close(b);
                assert(beam_msg_put_stream(msg, a) >= SLIP_STREAMS);
        }
        return msg;
}

static bool lies_in(const beam_msg *msg, bytes text) {
        size_t n;
        const char *p = beam_msg_data(msg, &n);

        return text.p >= p && text.p + text.n <= p + n;
}

static void check_order(const beam_msg *msg, bool has_id) {
        bool has[256] = { false };
        slip_order o;
        order taken;
        int r = slip_read_order(msg, has_id, &o);

        assert(r == 0 || r == -EPROTO);
        if (r < 0)
                return;
        assert(lies_in(msg, o.text) && lies_in(msg, o.name) && o.name.n > 0);
        assert(!has_id || lies_in(msg, o.id));
        assert(o.n_streams + SLIP_STREAMS == beam_msg_things(msg));
        for (size_t i = 0; i < o.n_streams; i++) {
                assert(!has[o.streams[i]]);
                has[o.streams[i]] = true;
        }
        order_init(&taken);
        assert(order_take_args(&taken, o.args) == 0);
        assert(order_take_env(&taken, o.env) == 0);
        assert(order_take_fields(&taken, o.fields) == 0);
        order_deinit(&taken);
}

static void check_texts(const beam_msg *msg) {
        bytes text;
        slip s;
        int r = slip_open(msg, &s);

        assert(r == 0 || r == -EPROTO);
        if (r < 0)
                return;
        assert(s.n_left > 0);
        for (size_t left = s.n_left; left > 0; left--) {
                assert(slip_next(&s, &text));
                assert(lies_in(msg, text));
        }
        assert(!slip_next(&s, &text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        size_t n_streams = n > 0 && data[0] != '*' && data[0] != '$' ? data[0] % 4 : 0;
        beam_msg *msg;

        if (n > 0 && data[0] != '*' && data[0] != '$') {
                data++;
                n--;
        }
        msg = make(data, n, n_streams);
        check_order(msg, false);
        check_order(msg, true);
        check_texts(msg);
        beam_msg_free(msg);
        return 0;
}
