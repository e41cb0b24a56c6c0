/* SPDX-License-Identifier: Apache-2.0 */
#include "out.h"

#include <assert.h>
#include <string.h>

#include "../../base/utf8.h"
#include "mask.h"

size_t ws_put_head(uint8_t out[static WS_HEAD_MAX], ws_opcode opcode, bool fin, uint64_t length,
                   const uint8_t *mask) {
        size_t n_length = length <= WS_CONTROL_MAX ? 0 : length <= UINT16_MAX ? 2 : 8, n = 2;

        out[0] = (uint8_t)((fin ? 0x80 : 0) | opcode);
        out[1] = (uint8_t)((mask ? 0x80 : 0) | (n_length == 0   ? length
                                                : n_length == 2 ? 126
                                                                : 127));
        for (size_t i = n_length; i--;)
                out[n++] = (uint8_t)(length >> 8 * i);
        if (mask) {
                memcpy(out + n, mask, WS_MASK_SIZE);
                n += WS_MASK_SIZE;
        }
        return n;
}

size_t ws_put_control(uint8_t out[static WS_CONTROL_FRAME_MAX], ws_opcode opcode, const void *p,
                      size_t n, const uint8_t *mask) {
        static const uint8_t none[WS_MASK_SIZE];
        uint8_t head[WS_HEAD_MAX];
        size_t n_head;

        assert(opcode >= WS_CLOSE && n <= WS_CONTROL_MAX);
        n_head = ws_put_head(head, opcode, true, n, mask);
        memcpy(out, head, n_head);
        ws_mask(out + n_head, p, n, mask ? mask : none, 0);
        return n_head + n;
}

size_t ws_put_close(uint8_t out[static WS_CONTROL_FRAME_MAX], uint16_t code, const char *reason,
                    const uint8_t *mask) {
        uint8_t payload[WS_CONTROL_MAX] = { (uint8_t)(code >> 8), (uint8_t)code };
        size_t n = utf8_cut(reason, strlen(reason), WS_REASON_MAX);

        if (code == WS_NO_CODE)
                return ws_put_control(out, WS_CLOSE, payload, 0, mask);
        assert(ws_code_is_valid(code));
        memcpy(payload + 2, reason, n);
        return ws_put_control(out, WS_CLOSE, payload, 2 + n, mask);
}
