/* SPDX-License-Identifier: Apache-2.0 */
/* CLIENT TRACKING and its kin: clients that keep what they have read. */
#include "../../base/mem.h"
#include "../store.h"
#include "context/commands.h"

/* Words of CLIENT TRACKING; prefixes are places among the arguments. */
typedef struct options {
        tracker how;
        bytes *prefixes;
        size_t n_prefixes;
} options;

static bool read_redirect(call *c, int i, uint64_t *ret) {
        int64_t id;

        if (*ret) {
                call_fail(c, "ERR A client can only redirect to a single other client");
                return false;
        }
        if (!call_integer(c, i, &id, NULL))
                return false;
        if (!client_find(c->store, (uint64_t)id)) {
                call_fail(c, "ERR The client ID you want redirect to does not exist");
                return false;
        }
        *ret = (uint64_t)id;
        return true;
}

static bool read_options(call *c, options *o) {
        for (int i = 3; i < c->argc; i++) {
                bool more = i + 1 < c->argc;

                if (more && call_is(c, i, "REDIRECT")) {
                        if (!read_redirect(c, ++i, &o->how.redirect))
                                return false;
                } else if (call_is(c, i, "BCAST")) {
                        o->how.broadcasts = true;
                } else if (call_is(c, i, "OPTIN")) {
                        o->how.opts_in = true;
                } else if (call_is(c, i, "OPTOUT")) {
                        o->how.opts_out = true;
                } else if (call_is(c, i, "NOLOOP")) {
                        o->how.no_loop = true;
                } else if (more && call_is(c, i, "PREFIX")) {
                        o->prefixes[o->n_prefixes++] = c->argv[++i];
                } else {
                        call_fail_syntax(c);
                        return false;
                }
        }
        return true;
}

static bool overlap(bytes a, bytes b) {
        size_t n = a.n < b.n ? a.n : b.n;

        return n == 0 || memcmp(a.p, b.p, n) == 0;
}

static bool fail_overlap(call *c, bytes a, const char *which, bytes b) {
        call_failf(c,
                   "ERR Prefix '%.*s' overlaps with %s prefix '%.*s'. Prefixes for a single client "
                   "must not overlap.",
                   call_shown(a), a.p, which, call_shown(b), b.p);
        return false;
}

/* Or it would be told twice. */
static bool check_prefixes(call *c, const options *o) {
        for (size_t i = 0; i < o->n_prefixes; i++) {
                bytes one = o->prefixes[i], other;
                const list *at = NULL;

                while ((at = tracking_prefix(c->client, at, &other)))
                        if (overlap(one, other))
                                return fail_overlap(c, one, "an existing", other);
                for (size_t k = i + 1; k < o->n_prefixes; k++)
                        if (overlap(one, o->prefixes[k]))
                                return fail_overlap(c, one, "another provided", o->prefixes[k]);
        }
        return true;
}

/* Whether these go together, and with what it has already. */
static bool check_options(call *c, const options *o) {
        const tracker *new = &o->how, *old = c->client->tracker;
        const char *error = NULL;

        if (!new->broadcasts && o->n_prefixes > 0)
                error = "ERR PREFIX option requires BCAST mode to be enabled";
        else if (old && old->broadcasts != new->broadcasts)
                error = "ERR You can't switch BCAST mode on/off before disabling tracking for this "
                        "client, and then re-enabling it with a different mode.";
        else if (new->broadcasts && (new->opts_in || new->opts_out))
                error = "ERR OPTIN and OPTOUT are not compatible with BCAST";
        else if (new->opts_in &&new->opts_out)
                error = "ERR You can't specify both OPTIN mode and OPTOUT mode";
        else if (old && ((new->opts_in && old->opts_out) || (new->opts_out && old->opts_in)))
                error = "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this "
                        "client, and then re-enabling it with a different mode.";
        if (error)
                call_fail(c, error);
        return !error && check_prefixes(c, o);
}

static void track(call *c, options *o) {
        if (!read_options(c, o))
                return;
        if (call_is(c, 2, "ON")) {
                if (!check_options(c, o))
                        return;
                if (tracking_on(c->client, &o->how, o->prefixes, o->n_prefixes) < 0) {
                        call_fail_memory(c);
                        return;
                }
        } else if (call_is(c, 2, "OFF")) {
                tracking_off(c->client);
        } else {
                call_fail_syntax(c);
                return;
        }
        resp_out_ok(c->out);
}

void cmd_client_tracking(call *c) {
        options o = { .prefixes = mem_array((size_t)c->argc, sizeof(bytes)) };

        if (o.prefixes)
                track(c, &o);
        else
                call_fail_memory(c);
        mem_free(o.prefixes);
}

void cmd_client_caching(call *c) {
        tracker *t = c->client->tracker;

        if (!t) {
                call_fail(c, "ERR CLIENT CACHING can be called only when the client is in tracking "
                             "mode with OPTIN or OPTOUT mode enabled");
        } else if (call_is(c, 2, "YES") && !t->opts_in) {
                call_fail(c, "ERR CLIENT CACHING YES is only valid when tracking is enabled in "
                             "OPTIN mode.");
        } else if (call_is(c, 2, "NO") && !t->opts_out) {
                call_fail(c, "ERR CLIENT CACHING NO is only valid when tracking is enabled in "
                             "OPTOUT mode.");
        } else if (call_is(c, 2, "YES") || call_is(c, 2, "NO")) {
                t->says_caching = true;
                resp_out_ok(c->out);
        } else {
                call_fail_syntax(c);
        }
}

static int64_t redirect_of(const client *c) {
        return c->tracker ? (int64_t)c->tracker->redirect : -1;
}

void cmd_client_getredir(call *c) {
        resp_out_integer(c->out, redirect_of(c->client));
}

static void say_flags(call *c) {
        static const tracker off;
        const tracker *t = c->client->tracker ? c->client->tracker : &off;
        const struct {
                const char *name;
                bool is_so;
        } flags[] = {
                { "on", t != &off },
                { "off", t == &off },
                { "bcast", t->broadcasts },
                { "optin", t->opts_in },
                { "caching-yes", t->opts_in && t->says_caching },
                { "optout", t->opts_out },
                { "caching-no", t->opts_out && t->says_caching },
                { "noloop", t->no_loop },
                { "broken_redirect", t->is_broken },
        };
        size_t later = resp_out_later(c->out), n = 0;

        for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
                if (flags[i].is_so) {
                        resp_out_bulk_text(c->out, flags[i].name);
                        n++;
                }
        }
        resp_out_head(c->out, later, RESP_SET, n);
}

void cmd_client_trackinginfo(call *c) {
        const list *at = NULL;
        size_t later, n = 0;
        bytes prefix;

        resp_out_map(c->out, 3);
        resp_out_bulk_text(c->out, "flags");
        say_flags(c);
        resp_out_bulk_text(c->out, "redirect");
        resp_out_integer(c->out, redirect_of(c->client));
        resp_out_bulk_text(c->out, "prefixes");
        later = resp_out_later(c->out);
        for (; (at = tracking_prefix(c->client, at, &prefix)); n++)
                resp_out_bulk(c->out, prefix.p, prefix.n);
        resp_out_head(c->out, later, RESP_ARRAY, n);
}
