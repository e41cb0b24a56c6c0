/* SPDX-License-Identifier: Apache-2.0 */
/* SHUTDOWN: who is here already hears nothing more, and the others that it did not work. */
#include "../../base/clock.h"
#include "../block.h"
#include "../store.h"
#include "context/commands.h"

enum { ABORT = 1 << 8 };

static bool read_flags(const call *c, unsigned *ret) {
        static const struct {
                const char *name;
                unsigned flag;
        } names[] = {
                { "NOSAVE", SHUTDOWN_NOSAVE }, { "SAVE", SHUTDOWN_SAVE }, { "NOW", SHUTDOWN_NOW },
                { "FORCE", SHUTDOWN_FORCE },   { "ABORT", ABORT },
        };
        unsigned flags = 0;

        for (int i = 1; i < c->argc; i++) {
                unsigned flag = 0;

                for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++)
                        if (call_is(c, i, names[k].name))
                                flag = names[k].flag;
                if (!flag)
                        return false;
                flags |= flag;
        }
        *ret = flags;
        return !(flags & SHUTDOWN_NOSAVE && flags & SHUTDOWN_SAVE) &&
               !(flags & ABORT && flags != ABORT);
}

static void stop(call *c) {
        if (shutdown_abort(c->store) < 0)
                call_fail(c, "ERR No shutdown in progress.");
        else
                resp_out_ok(c->out);
}

void cmd_shutdown(call *c) {
        shutdown_plan *d = &c->store->shutdown;
        unsigned flags;

        if (!read_flags(c, &flags)) {
                call_fail_syntax(c);
                return;
        }
        if (flags & ABORT) {
                stop(c);
                return;
        }
        if (!c->is_again)
                shutdown_begin(c->store, flags);
        switch (d->state) {
        case SHUTDOWN_RUNS:
                call_fail(c, "ERR Errors trying to SHUTDOWN. Check logs.");
                break;
        case SHUTDOWN_WAITS:
                call_wait_in(c, &d->waiting, CLOCK_NEVER);
                break;
        case SHUTDOWN_OVER:
                /* a connection ends without an answer */
                if (c->client->fd >= 0)
                        client_close(c->client, true);
                else
                        resp_out_ok(c->out);
                break;
        }
}
