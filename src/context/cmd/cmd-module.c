/* SPDX-License-Identifier: Apache-2.0 */
/* MODULE: there are none, and none is let in, as in a Redis that was not told otherwise. */
#include "../call.h"
#include "context/commands.h"

void cmd_module_list(call *c) {
        resp_out_array(c->out, 0);
}

/* Refused before it is queued in a transaction (client.c), so that it never runs. */
void cmd_refuse(call *c) {
        call_fail(c, "ERR MODULE command not allowed. If the enable-module-command option is set "
                     "to \"local\", you can run it from a local connection, otherwise you need to "
                     "set this option in the configuration file, and then restart the server.");
}
