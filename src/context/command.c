/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <errno.h>

/* An index of the table by name: open addressing, made once a process. Twice as many
 * places as there are names, and a power of two. */
enum { PLACES = 512 };

static const command *places[PLACES];

static uint32_t hash_of(bytes name) {
        uint32_t h = 2166136261u; /* FNV-1a, over small letters */

        for (size_t i = 0; i < name.n; i++)
                h = (h ^ ((uint8_t)name.p[i] | 0x20u)) * 16777619u;
        return h ^ h >> 15;
}

__attribute__((constructor)) static void fill_places(void) {
        for (unsigned i = 0; i < n_commands; i++) {
                const command *cmd = &command_table[i];
                uint32_t at = hash_of(bytes_of(cmd->name));

                while (places[at % PLACES])
                        at++;
                places[at % PLACES] = cmd;
        }
}

const command *command_find(bytes name) {
        const command *cmd;

        for (uint32_t at = hash_of(name); (cmd = places[at % PLACES]); at++)
                if (bytes_is(name, cmd->name))
                        return cmd;
        return NULL;
}

const command *command_find_sub(const command *parent, bytes name) {
        size_t skip = strlen(parent->name) + 1;

        for (unsigned i = 0; i < parent->n_subs; i++)
                if (bytes_is(name, parent->subs[i].name + skip))
                        return &parent->subs[i];
        return NULL;
}

const command *command_find_full(bytes name) {
        const char *bar = memchr(name.p, '|', name.n);
        size_t n = bar ? (size_t)(bar - name.p) : name.n;
        const command *cmd = command_find((bytes){ name.p, n });

        if (!cmd || !bar)
                return cmd;
        return command_find_sub(cmd, (bytes){ bar + 1, name.n - n - 1 });
}

/* The place where @spec begins, or -1 if its word is not there. */
static int begin_of(const key_spec *spec, const bytes *argv, int argc) {
        if (!spec->keyword)
                return spec->index;
        if (spec->index > 0) {
                for (int i = spec->index; i < argc; i++)
                        if (bytes_is(argv[i], spec->keyword))
                                return i + 1;
        } else {
                for (int i = argc + spec->index; i > 0; i--)
                        if (bytes_is(argv[i], spec->keyword))
                                return i + 1;
        }
        return -1;
}

static int add_range(const key_spec *spec, int first, int argc, int *ret_places) {
        int last = first + spec->last, n = 0;

        if (spec->last < 0) {
                last = argc + spec->last;
                /* of what is left only so much is keys: as XREAD's, half */
                if (spec->limit > 1)
                        last = first + (argc - first) / spec->limit + spec->last;
        }
        if (last >= argc)
                return -EINVAL;
        for (int i = first; i <= last; i += spec->step)
                ret_places[n++] = i;
        return n;
}

static int add_number(const key_spec *spec, int begin, const bytes *argv, int argc,
                      int *ret_places) {
        int at = begin + spec->number, first = begin + spec->first, n = 0;
        long many = 0;

        if (at >= argc)
                return -EINVAL;
        if (argv[at].n == 0 || argv[at].n > 10)
                return -EINVAL;
        for (size_t i = 0; i < argv[at].n; i++) {
                if (argv[at].p[i] < '0' || argv[at].p[i] > '9')
                        return -EINVAL;
                many = many * 10 + (argv[at].p[i] - '0');
        }
        if (many > (argc - first + spec->step - 1) / spec->step)
                return -EINVAL;
        for (int i = first; n < many; i += spec->step)
                ret_places[n++] = i;
        return n;
}

int command_spec_keys(const key_spec *spec, const bytes *argv, int argc, int *ret_places) {
        int begin;

        if (spec->begins_unknown || spec->find == KEYS_UNKNOWN || spec->flags & KEYSPEC_NOT_KEY)
                return 0;
        begin = begin_of(spec, argv, argc);
        if (begin < 0)
                return 0;
        if (begin >= argc)
                return -EINVAL;
        return spec->find == KEYS_RANGE ? add_range(spec, begin, argc, ret_places)
                                        : add_number(spec, begin, argv, argc, ret_places);
}

int command_keys(const command *cmd, const bytes *argv, int argc, int *ret_places) {
        int n = 0;

        for (unsigned i = 0; i < cmd->n_specs; i++) {
                const key_spec *spec = &cmd->specs[i];
                int r = command_spec_keys(spec, argv, argc, ret_places + n);

                if (r < 0)
                        return r;
                /* streams and IDs that do not pair: COMMAND GETKEYS takes them, and nobody else */
                if (r > 0 && spec->limit > 1 && (argc - ret_places[n]) % spec->limit != 0)
                        continue;
                n += r;
        }
        return n;
}
