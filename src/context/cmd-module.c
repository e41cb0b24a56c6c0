/* SPDX-License-Identifier: Apache-2.0 */
/* MODULE: there are none, and none is let in, as in a Redis that was not told otherwise. */
#include "call.h"
#include "context/commands.h"

void cmd_module_list(call *c) {
        resp_out_array(c->out, 0);
}

static void refuse(call *c) {
        call_fail(c, "ERR MODULE command not allowed. If the enable-module-command option is set "
                     "to \"local\", you can run it from a local connection, otherwise you need to "
                     "set this option in the configuration file, and then restart the server.");
}

void cmd_module_load(call *c) {
        refuse(c);
}

void cmd_module_loadex(call *c) {
        refuse(c);
}

void cmd_module_unload(call *c) {
        refuse(c);
}
