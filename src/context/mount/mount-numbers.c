/* SPDX-License-Identifier: Apache-2.0 */
/* A program's own numbers, as a mount reads, writes and lists them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "../../base/mem.h"
#include "mount.h"

typedef struct numbers {
        const beam_number *all; /* up to one without a name */
        char why[96];           /* one of them was not set */
} numbers;

static const beam_number *find(const numbers *ns, beam_arg name) {
        for (const beam_number *i = ns->all; i->name; i++)
                if (strlen(i->name) == name.n && memcmp(i->name, name.data, name.n) == 0)
                        return i;
        return NULL;
}

static int read_number(void *data, beam_arg name, beam_value *ret) {
        const beam_number *n = find(data, name);

        return n ? beam_value_integer(ret, *n->value) : -ENOENT;
}

static int write_number(void *data, beam_arg name, beam_result *value, const char **ret_why) {
        numbers *ns = data;
        const beam_number *n = find(ns, name);

        if (!n) {
                *ret_why = "there is no such number";
                return -ENOENT;
        }
        if (n->min >= n->max) {
                *ret_why = "it can only be read";
                return -EROFS;
        }
        if (value->kind != BEAM_RESULT_INTEGER || value->integer < n->min ||
            value->integer > n->max) {
                snprintf(ns->why, sizeof(ns->why),
                         "it has to be a whole number from %" PRId64 " to %" PRId64, n->min,
                         n->max);
                *ret_why = ns->why;
                return -EINVAL;
        }
        *n->value = value->integer;
        return 0;
}

static int list_numbers(void *data, beam_names *ret) {
        const numbers *ns = data;
        int r = 0;

        for (const beam_number *i = ns->all; i->name && r == 0; i++)
                r = beam_names_add(ret, i->name, strlen(i->name));
        return r;
}

static beam_type type_of(void *data, beam_arg name) {
        return find(data, name) ? BEAM_TYPE_STRING : BEAM_TYPE_NONE;
}

int mount_numbers(db *d, bytes prefix, const beam_number *all, mount **ret) {
        static const beam_mount_calls calls = { .size = sizeof(calls),
                                                .read = read_number,
                                                .write = write_number,
                                                .list = list_numbers,
                                                .type = type_of };
        numbers *ns = mem_new(sizeof(*ns));
        int r;

        if (!ns)
                return -ENOMEM;
        ns->all = all;
        r = mount_new(d, prefix, &calls, ns, ret);
        if (r < 0)
                mem_free(ns);
        else
                (*ret)->owned = ns;
        return r;
}
