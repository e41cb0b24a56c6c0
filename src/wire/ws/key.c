/* SPDX-License-Identifier: Apache-2.0 */
#include "key.h"

#include <string.h>

#include "../../base/base64.h"
#include "../../base/sha1.h"

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

bool ws_key_is_valid(const char *key, size_t n) {
        uint8_t bytes[WS_KEY_TEXT / 4 * 3];

        return n == WS_KEY_TEXT && base64_read(key, n, bytes) == WS_KEY_SIZE;
}

void ws_key_accept(const char key[static WS_KEY_TEXT], char ret[static WS_ACCEPT_TEXT]) {
        char both[WS_KEY_TEXT + sizeof(guid) - 1];
        uint8_t sum[SHA1_SIZE];

        memcpy(both, key, WS_KEY_TEXT);
        memcpy(both + WS_KEY_TEXT, guid, sizeof(guid) - 1);
        sha1(both, sizeof(both), sum);
        base64_print(sum, sizeof(sum), ret);
}
