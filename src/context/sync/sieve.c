/* SPDX-License-Identifier: Apache-2.0 */
#include "sieve.h"

#include <errno.h>
#include <limits.h>

#include "../../base/mem.h"

void sieve_deinit(sieve *s) {
        words_deinit(&s->words);
        s->places = mem_free(s->places);
        s->cap = 0;
}

bool sieve_wants(const sieve *s, bytes name) {
        for (size_t i = 0; i < s->n_prefixes; i++)
                if (name.n >= s->prefixes[i].n &&
                    memcmp(name.p, s->prefixes[i].p, s->prefixes[i].n) == 0)
                        return true;
        return s->n_prefixes == 0;
}

/* How many keys of each kind a command has. */
typedef struct tally {
        size_t changed_in, changed_out, read_in, read_out;
        bool is_open; /* there may be more that cannot be told */
} tally;

static int room_for(sieve *s, size_t n) {
        int *grown;

        if (n <= s->cap)
                return 0;
        grown = mem_resize(s->places, n * sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        s->places = grown;
        s->cap = n;
        return 0;
}

static int count(sieve *s, const command *cmd, const bytes *argv, size_t argc, tally *ret) {
        *ret = (tally){ 0 };
        if (argc > INT_MAX || room_for(s, argc) < 0)
                return -ENOMEM;
        for (unsigned i = 0; i < cmd->n_specs; i++) {
                const key_spec *spec = &cmd->specs[i];
                int n = command_spec_keys(spec, argv, (int)argc, s->places);

                if (spec->begins_unknown || spec->find == KEYS_UNKNOWN || n < 0 ||
                    spec->flags & KEYSPEC_INCOMPLETE)
                        ret->is_open = true;
                for (int k = 0; k < n; k++) {
                        bool is_in = sieve_wants(s, argv[s->places[k]]);
                        bool is_read = spec->flags & KEYSPEC_RO;

                        *(is_read ? is_in ? &ret->read_in : &ret->read_out
                          : is_in ? &ret->changed_in
                                  : &ret->changed_out) += 1;
                }
        }
        return 0;
}

/* Of a command that does the same to each of its keys, with @step - 1 words behind each. */
static int keep_some(sieve *s, const bytes *argv, size_t argc, size_t step) {
        words_add(&s->words, argv[0]);
        for (size_t i = 1; i + step <= argc; i += step)
                for (size_t k = 0; sieve_wants(s, argv[i]) && k < step; k++)
                        words_add(&s->words, argv[i + k]);
        words_end(&s->words);
        return 1;
}

/* Some of the keys that it changes are of interest, and some of its keys are not. */
static int part(sieve *s, const bytes *argv, size_t argc) {
        if (bytes_is(argv[0], "DEL") || bytes_is(argv[0], "UNLINK"))
                return keep_some(s, argv, argc, 1);
        if (bytes_is(argv[0], "MSET") || bytes_is(argv[0], "MSETNX"))
                return keep_some(s, argv, argc, 2);
        if ((bytes_is(argv[0], "RENAME") || bytes_is(argv[0], "RENAMENX")) &&
            sieve_wants(s, argv[1])) {
                words_add(&s->words, BYTES("DEL"));
                words_add(&s->words, argv[1]);
                words_end(&s->words);
                return 1;
        }
        return -ESTALE;
}

int sieve_next(sieve *s, const bytes *argv, size_t argc, const bytes **ret_argv, size_t *ret_argc) {
        const command *cmd = command_find(argv[0]), *sub = NULL;
        tally t;
        int r;

        *ret_argv = argv;
        *ret_argc = argc;
        if (!cmd)
                return s->n_prefixes == 0 ? 1 : -ESTALE; /* of a later Redis */
        if (cmd->n_subs > 0 && argc > 1)
                sub = command_find_sub(cmd, argv[1]);
        if (sub)
                cmd = sub;
        if (!(cmd->flags & CMD_WRITE))
                return 0;
        if (s->n_prefixes == 0 || cmd->n_specs == 0)
                return 1;
        r = count(s, cmd, argv, argc, &t);
        if (r < 0)
                return r;
        if (t.is_open)
                return -ESTALE;
        if (t.changed_in == 0)
                return 0;
        if (t.changed_out + t.read_out == 0)
                return 1;
        r = part(s, argv, argc);
        if (r > 0)
                *ret_argc = words_take(&s->words, ret_argv);
        return s->words.failed ? -ENOMEM : r;
}
