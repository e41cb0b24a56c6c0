/* SPDX-License-Identifier: Apache-2.0 */
/* SAVE, BGSAVE, LASTSAVE: all of it, to a file. */
#include "context/commands.h"

#include <errno.h>

#include "../store.h"

static const char *const in_progress = "ERR Background save already in progress";

void cmd_save(call *c) {
        int r = c->store->save.saving ? -EBUSY : save_now(c->store);

        if (r == -EBUSY)
                call_fail(c, in_progress);
        else if (r < 0)
                call_fail(c, "ERR");
        else
                resp_out_ok(c->out);
}

/* Not in the middle of a transaction, which is saved whole. */
static int begin(call *c) {
        return c->client->flags & CLIENT_IN_EXEC ? -EBUSY : save_begin(c->store);
}

void cmd_bgsave(call *c) {
        bool may_wait = c->argc == 2 && call_is(c, 1, "SCHEDULE");
        int r;

        if (c->argc > 1 && !may_wait) {
                call_fail_syntax(c);
                return;
        }
        r = c->store->save.saving ? -EALREADY : begin(c);
        if (r == -EBUSY && (may_wait || c->client->flags & CLIENT_IN_EXEC)) {
                c->store->save.is_scheduled = true;
                save_wake(c->store);
                resp_out_status(c->out, "Background saving scheduled");
        } else if (r == -EALREADY) {
                call_fail(c, in_progress);
        } else if (r == -EBUSY) {
                call_fail(c, "ERR Another child process is active (AOF?): can't BGSAVE right now. "
                             "Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever "
                             "possible.");
        } else if (r < 0) {
                call_fail(c, "ERR");
        } else {
                resp_out_status(c->out, "Background saving started");
        }
}

void cmd_lastsave(call *c) {
        resp_out_integer(c->out, c->store->save.last);
}
