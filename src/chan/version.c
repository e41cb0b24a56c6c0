/* SPDX-License-Identifier: Apache-2.0 */
#include "beam/version.h"

#include <stdio.h>

#include "../loop/loop.h"
#include "msg.h"
#include "out.h"

const char *beam_version(void) {
        static char text[128];

        /* the same each time, so that two threads write the same */
        snprintf(text, sizeof(text), "%s (libuv %s; links: mem unix tcp fd)", BEAM_VERSION,
                 loop_version());
        return text;
}

/* For tests, before they count: give back what this thread keeps for later. */
void beam_test_trim(void);

void beam_test_trim(void) {
        msg_trim();
        out_trim();
        loop_trim();
}
