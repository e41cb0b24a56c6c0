/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor.h"

#include <inttypes.h>
#include <stdio.h>

#include "../../base/clock.h"
#include "../store.h"
#include "context/commands.h"

static void put_word(resp_out *line, bytes word) {
        static const char named[] = "\\\\\"\"\nn\rr\tt\aa\bb"; /* a byte, and how it is written */

        resp_out_raw(line, " \"", 2);
        for (size_t i = 0; i < word.n; i++) {
                char byte = word.p[i], text[8];
                const char *name = named;

                while (*name && *name != byte)
                        name += 2;
                if (*name)
                        snprintf(text, sizeof(text), "\\%c", name[1]);
                else if (byte >= ' ' && byte <= '~')
                        snprintf(text, sizeof(text), "%c", byte);
                else
                        snprintf(text, sizeof(text), "\\x%02x", (unsigned char)byte);
                resp_out_raw(line, text, strlen(text));
        }
        resp_out_raw(line, "\"", 1);
}

/* When, in which database, from where. A path goes without the port that it has elsewhere. */
static void put_head(resp_out *line, const client *who) {
        const char *address = who->address ? who->address : "program";
        bool is_path = who->flags & CLIENT_UNIX && *address == '/';
        int64_t us = clock_wall() / 1000;
        char text[64];

        snprintf(text, sizeof(text), "+%" PRId64 ".%06" PRId64 " [%d ", us / 1000000, us % 1000000,
                 who->db->number);
        resp_out_raw(line, text, strlen(text));
        if (is_path)
                resp_out_raw(line, "unix:", 5);
        resp_out_raw(line, address, strlen(address) - (is_path ? strlen(":0") : 0));
        resp_out_raw(line, "]", 1);
}

void monitor_tell(const call *c) {
        resp_out line;

        if (c->cmd->flags & (CMD_SKIP_MONITOR | CMD_ADMIN))
                return;
        resp_out_init(&line, 2);
        put_head(&line, c->client);
        for (int i = 0; i < c->argc; i++)
                put_word(&line, call_is_secret(c, i) ? BYTES("(redacted)") : c->argv[i]);
        resp_out_raw(&line, "\r\n", 2);
        list_each(node, &c->store->monitors) {
                client *one = container_of(node, client, monitoring);

                if (one->flags & CLIENT_REPLY_OFF || !client_hears(one))
                        continue;
                resp_out_raw(&one->out, line.p, line.n);
                if (line.failed) /* what it sees would have a hole */
                        client_close(one, true);
                else
                        client_push(one);
        }
        resp_out_deinit(&line);
}

void monitor_forget(client *c) {
        list_remove(&c->monitoring);
        c->flags &= ~(uint32_t)CLIENT_MONITOR;
}

/* For the second time it is not even answered, as in Redis. */
void cmd_monitor(call *c) {
        client *who = c->client;

        if (who->flags & CLIENT_IN_EXEC) {
                call_fail(c, "ERR MONITOR isn't allowed for DENY BLOCKING client");
                return;
        }
        if (who->flags & CLIENT_MONITOR)
                return;
        who->flags |= CLIENT_MONITOR;
        list_append(&c->store->monitors, &who->monitoring);
        resp_out_ok(c->out);
}
