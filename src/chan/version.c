/* SPDX-License-Identifier: Apache-2.0 */
#include "beam/version.h"

#include "../loop/loop.h"
#include "msg.h"
#include "out.h"

const char *beam_version(void) {
        return BEAM_VERSION " (libuv " BEAM_LIBUV_VERSION "; links: mem unix tcp ws fd)";
}

/* For tests, before they count: give back what this thread keeps for later. */
void beam_test_trim(void);

void beam_test_trim(void) {
        msg_trim();
        out_trim();
        loop_trim();
}
