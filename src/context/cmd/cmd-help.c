/* SPDX-License-Identifier: Apache-2.0 */
/* The sub-command HELP of those that have sub-commands, out of the table. */
#include <ctype.h>

#include "../../base/mem.h"
#include "context/commands.h"
#include "syntax.h"

static void add_upper(text *t, const char *name) {
        for (; *name; name++)
                text_add(t, "%c", toupper((unsigned char)*name));
}

/* Lines of a status each, as Redis sends them. */
static void reply_lines(text *t, call *c) {
        size_t n = 0;

        if (t->failed) {
                call_fail_memory(c);
                return;
        }
        for (size_t i = 0; i < t->n; i++)
                n += t->p[i] == '\n';
        resp_out_array(c->out, n);
        for (char *line = t->p, *end; n > 0; n--, line = end + 1) {
                end = strchr(line, '\n');
                *end = '\0';
                resp_out_status(c->out, line);
        }
}

void cmd_help(call *c) {
        const command *parent = command_find(c->argv[0]);
        size_t skip = strlen(parent->name) + 1;
        text t = { 0 };

        add_upper(&t, parent->name);
        text_add(&t, " and one of:\n");
        for (unsigned i = 0; i < parent->n_subs; i++) {
                const command *sub = &parent->subs[i];

                add_upper(&t, sub->name + skip);
                text_add(&t, "%s", sub->n_args ? " " : "");
                syntax_print(&t, sub);
                text_add(&t, "\n    %s\n", sub->summary);
        }
        reply_lines(&t, c);
        mem_free(t.p);
}
