/* SPDX-License-Identifier: Apache-2.0 */
#include "stats.h"

#include <errno.h>
#include <string.h>

#include "../base/mem.h"

/* Codes are words in our own errors; Redis's bound, for those that a program adds. */
enum { CODES_MAX = 128 };

int stats_init(stats *s) {
        *s = (stats){ 0 };
        s->commands = mem_array(n_all_commands, sizeof(*s->commands));
        return s->commands ? 0 : -ENOMEM;
}

static void forget_places(stats *s) {
        for (unsigned i = 0; s->commands && i < n_all_commands; i++)
                mem_free(s->commands[i].places);
}

void stats_deinit(stats *s) {
        forget_places(s);
        mem_free(s->commands);
        mem_free(s->errors);
        *s = (stats){ 0 };
}

void stats_reset(stats *s) {
        command_stats *commands = s->commands;

        forget_places(s);
        mem_free(s->errors);
        memset(commands, 0, n_all_commands * sizeof(*commands));
        *s = (stats){ .commands = commands };
}

static unsigned place_of(int64_t ns) {
        unsigned place = ns < 1024 ? 0 : 64 - 10 - (unsigned)__builtin_clzll((uint64_t)ns);

        if (place >= STATS_PLACES)
                return STATS_PLACES - 1;
        return place > 0 && ns <= stats_place_end(place - 1) ? place - 1 : place;
}

void stats_note_time(stats *s, const command *cmd, int64_t ns, bool in_places) {
        command_stats *of = &s->commands[cmd->number];

        of->ns += (uint64_t)ns;
        if (!in_places)
                return;
        if (!of->places)
                of->places = mem_array(STATS_PLACES, sizeof(*of->places));
        if (of->places)
                of->places[place_of(ns)]++;
}

int64_t stats_rate(stats *s, int64_t now) {
        int64_t ms = now - s->when;

        if (s->when && ms > 0 && ms < 1000)
                return s->per_second;
        s->per_second = s->when && ms > 0 ? (int64_t)(s->n_commands - s->n_before) * 1000 / ms : 0;
        s->n_before = s->n_commands;
        s->when = now;
        return s->per_second;
}

void stats_note_error(stats *s, const char *text) {
        size_t n = strcspn(text, " ");
        error_stats *grown;

        s->n_errors++;
        for (size_t i = 0; i < s->n_error_codes; i++) {
                if (strlen(s->errors[i].code) == n && memcmp(s->errors[i].code, text, n) == 0) {
                        s->errors[i].n++;
                        return;
                }
        }
        if (n >= sizeof(grown->code) || s->n_error_codes == CODES_MAX)
                return;
        grown = mem_resize(s->errors, (s->n_error_codes + 1) * sizeof(*grown));
        if (!grown)
                return;
        s->errors = grown;
        grown[s->n_error_codes] = (error_stats){ .n = 1 };
        memcpy(grown[s->n_error_codes++].code, text, n);
}
