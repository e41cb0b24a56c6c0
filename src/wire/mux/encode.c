/* SPDX-License-Identifier: Apache-2.0 */
#include "mux.h"

#include <assert.h>
#include <string.h>

#include "base/utf8.h"

static uint8_t *put(uint8_t *out, uint64_t v, size_t n) {
        while (n > 0)
                *out++ = (uint8_t)(v >> 8 * --n);
        return out;
}

static uint8_t *put_bytes(uint8_t *out, const void *p, size_t n) {
        if (n)
                memcpy(out, p, n);
        return out + n;
}

/* Write the head once the end of the payload is known. */
static size_t finish(uint8_t *out, const uint8_t *end, mux_type type, uint8_t flags, uint8_t n_fds,
                     uint64_t channel) {
        size_t n = (size_t)(end - out);

        assert(channel <= MUX_CHANNEL_MAX);
        mux_put_head(out, &(mux_head){
                                  .length = (uint32_t)(n - MUX_HEAD_SIZE),
                                  .type = (uint8_t)type,
                                  .flags = flags,
                                  .n_fds = n_fds,
                                  .channel = channel,
                          });
        return n;
}

/* A text may be a user's, of any length; half a character helps nobody. */
static uint8_t *put_text(uint8_t *out, mux_bytes text) {
        return put_bytes(out, text.p, utf8_cut(text.p, text.n, MUX_NAME_MAX));
}

static uint8_t *put_field(uint8_t *out, unsigned key, uint64_t v, size_t n) {
        return put(put(put(out, key, 2), n, 2), v, n);
}

size_t mux_put_hello(uint8_t out[static MUX_FIXED_MAX], const mux_hello *hello) {
        uint8_t *p = out + MUX_HEAD_SIZE;

        p = put_field(p, 1, hello->role, 1);
        p = put_field(p, 2, hello->fds, 1);
        p = put_bytes(put(put(p, 3, 2), 16, 2), hello->id, 16);
        p = put_field(p, 4, hello->max_frame, 4);
        p = put_field(p, 5, hello->max_msg, 8);
        p = put_field(p, 6, hello->max_things, 4);
        p = put_field(p, 7, hello->max_opens, 4);
        p = put_field(p, 8, hello->window, 4);
        p = put_field(p, 9, hello->features, 8);
        return finish(out, p, MUX_HELLO, 0, 0, 0);
}

size_t mux_put_open(uint8_t out[static MUX_FIXED_MAX], uint64_t channel, mux_kind kind,
                    uint32_t depth, mux_bytes name) {
        uint8_t *p = out + MUX_HEAD_SIZE;

        assert(name.n <= MUX_NAME_MAX && depth <= MUX_DEPTH_MAX);
        p = put(p, kind, 1);
        p = put(p, kind == MUX_STREAM ? 0 : depth, 4);
        p = put_bytes(p, name.p, name.n);
        return finish(out, p, MUX_OPEN, 0, 0, channel);
}

size_t mux_put_thing(uint8_t out[static MUX_SMALL_MAX], uint64_t parent, mux_kind kind,
                     uint8_t ways, uint64_t channel, uint32_t depth) {
        uint8_t *p = out + MUX_HEAD_SIZE;
        bool has_depth = kind == MUX_SENDER || kind == MUX_RECEIVER;

        assert(depth <= MUX_DEPTH_MAX && channel <= MUX_CHANNEL_MAX);
        p = put(p, kind, 1);
        p = put(p, kind == MUX_FD_BRIDGE ? ways : 0, 1);
        p = put(p, has_depth ? depth : 0, 4);
        p = put(p, kind == MUX_FD ? 0 : channel, 6);
        return finish(out, p, MUX_THING, 0, kind == MUX_FD, parent);
}

size_t mux_put_credit(uint8_t out[static MUX_SMALL_MAX], uint64_t channel, uint8_t flags,
                      uint32_t n_msgs, uint64_t n_bytes) {
        uint8_t *p = out + MUX_HEAD_SIZE;

        p = put(put(p, n_msgs, 4), n_bytes, 8);
        return finish(out, p, MUX_CREDIT, flags, 0, channel);
}

size_t mux_put_close(uint8_t out[static MUX_FIXED_MAX], mux_type type, uint64_t channel,
                     uint32_t code, mux_bytes text) {
        uint8_t *p = out + MUX_HEAD_SIZE;

        if (code)
                p = put_text(put(p, code, 4), text);
        return finish(out, p, type, 0, 0, channel);
}

size_t mux_put_away(uint8_t out[static MUX_FIXED_MAX], uint32_t code, uint64_t last,
                    mux_bytes text) {
        uint8_t *p = out + MUX_HEAD_SIZE;

        p = put_text(put(put(p, code, 4), last, 6), text);
        return finish(out, p, MUX_AWAY, 0, 0, 0);
}

size_t mux_put_ask(uint8_t out[static MUX_SMALL_MAX], uint64_t channel) {
        return finish(out, out + MUX_HEAD_SIZE, MUX_ASK, 0, 0, channel);
}

size_t mux_put_ping(uint8_t out[static MUX_SMALL_MAX], mux_type type,
                    const uint8_t data[static 8]) {
        return finish(out, put_bytes(out + MUX_HEAD_SIZE, data, 8), type, 0, 0, 0);
}

size_t mux_put_msg_head(uint8_t out[static MUX_FIXED_MAX], uint64_t channel, uint8_t flags,
                        uint64_t total, uint64_t left, mux_bytes label, uint32_t n_part) {
        uint8_t *p = out + MUX_HEAD_SIZE;

        assert(label.n <= MUX_LABEL_MAX);
        p = put(put(put(p, total, 8), left, 8), label.n, 1);
        p = put_bytes(p, label.p, label.n);

        uint32_t n = (uint32_t)(p - out);
        assert(n_part <= MUX_FRAME_MAX - (n - MUX_HEAD_SIZE));
        mux_put_head(out, &(mux_head){
                                  .length = n - MUX_HEAD_SIZE + n_part,
                                  .type = MUX_MSG,
                                  .flags = flags | MUX_MSG_HEAD,
                                  .channel = channel,
                          });
        return n;
}
