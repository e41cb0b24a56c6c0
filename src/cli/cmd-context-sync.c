/* SPDX-License-Identifier: Apache-2.0 */

/* beam context sync URL [PREFIX...]: all that is there, and what changes. */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli.h"
#include "print.h"
#include "say.h"
#include "wait.h"

enum { PREFIXES_MAX = 64 };

/* Whether somebody reads what is printed: a pipe says when nobody does, long before the next
 * change would. */
typedef struct outlet {
        wait_fd fd;
        bool is_gone;
} outlet;

static void on_gone(wait_fd *w, short revents) {
        (void)revents;
        w->events = 0;
        container_of(w, outlet, fd)->is_gone = true;
}

/* Until it is told to stop, nobody reads, or nothing has changed for as long as --timeout says. */
static int print_changes(const cli_opts *o, const char *url, beam_follower *f, const outlet *out) {
        int db = 0;

        while (!wait_stops() && !out->is_gone) {
                int64_t quiet = beam_after(o->timeout);
                beam_change change;
                int r;

                while ((r = beam_follower_next(f, &change, BEAM_NOW)) == -ETIMEDOUT &&
                       beam_now() < quiet && !wait_stops() && !out->is_gone)
                        wait_turn(quiet);
                if (r == -ETIMEDOUT)
                        return wait_stops() || out->is_gone ? CLI_DONE : CLI_TIMEOUT;
                if (r < 0)
                        return cli_failed("following", url, r, NULL);
                r = print_change(o, &change, &db);
                if (r == -EPIPE)
                        return CLI_DONE; /* whoever read our stdout has enough */
                if (r < 0) {
                        say_error("cannot write to stdout: %s", strerror(-r));
                        return CLI_FAILED;
                }
                if (change.kind == BEAM_CHANGE_WHOLE)
                        say_note(o, "that is all there is; what changes follows");
        }
        return CLI_DONE;
}

static int follow(const cli_opts *o, int n_words, char **words) {
        _cleanup_(beam_follower_freep) beam_follower *f = NULL;
        const char *prefixes[PREFIXES_MAX + 1] = { NULL };
        const beam_follow_options options = {
                .size = sizeof(options),
                .position = o->position,
                .prefixes = n_words > 1 ? prefixes : NULL,
                .user = o->service,
                .password = o->password || !o->service ? o->password : "",
        };
        outlet out = { .fd = { .fd = STDOUT_FILENO, .events = POLLERR, .fn = on_gone } };
        int status, r;

        if (n_words < 1 || n_words > 1 + PREFIXES_MAX) {
                say_error("context sync wants a URL, and up to %d prefixes; see `beam help context "
                          "sync`",
                          PREFIXES_MAX);
                return CLI_MISUSE;
        }
        for (int i = 1; i < n_words; i++)
                prefixes[i - 1] = words[i];
        r = wait_init();
        if (r < 0) {
                say_error("cannot set up signals: %s", strerror(-r));
                return CLI_FAILED;
        }
        status = cli_follow(words[0], o, &options, &f, beam_after(o->timeout));
        if (status != CLI_DONE)
                return status;
        wait_add(&out.fd);
        status = print_changes(o, words[0], f, &out);
        wait_remove(&out.fd);
        return status;
}

const cli_command cmd_context_sync = {
        .name = "context sync",
        .bit = CLI_CONTEXT_SYNC,
        .synopsis = "URL [PREFIX...]",
        .summary = "Follow a context, or a part",
        .text = "All that the context, or the Redis, at URL holds, and then each change, as lines\n"
                "that redis-cli executes; with PREFIX only keys that begin with one. Where\n"
                "something was missed there is a FLUSHALL, and all comes anew. --timeout: end "
                "when\n"
                "nothing has changed for so long.\n",
        .run = follow,
};
