/* SPDX-License-Identifier: Apache-2.0 */
#include "roster.h"

#include <errno.h>

#include "../../base/mem.h"

void roster_deinit(roster *r) {
        mem_free(r->things);
        *r = (roster){ 0 };
}

static bytes name_at(const roster *r, size_t i) {
        return *(const bytes *)r->things[i];
}

/* The place of the first whose name is @name or behind it. */
static size_t place_of(const roster *r, bytes name) {
        size_t low = 0, high = r->n;

        while (low < high) {
                size_t middle = (low + high) / 2;

                if (bytes_compare(name_at(r, middle), name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

void *roster_find(const roster *r, bytes name) {
        size_t i = place_of(r, name);

        return i < r->n && bytes_equal(name_at(r, i), name) ? r->things[i] : NULL;
}

int roster_add(roster *r, void *thing) {
        size_t i = place_of(r, *(bytes *)thing);

        if (r->n == r->n_room) {
                size_t more = r->n_room + r->n_room / 2 + 1;
                void **things = mem_resize(r->things, more * sizeof(*things));

                if (!things)
                        return -ENOMEM;
                r->things = things;
                r->n_room = more;
        }
        memmove(r->things + i + 1, r->things + i, (r->n - i) * sizeof(*r->things));
        r->things[i] = thing;
        r->n++;
        return 0;
}

void roster_take(roster *r, void *thing) {
        size_t i = place_of(r, *(bytes *)thing);

        r->n--;
        memmove(r->things + i, r->things + i + 1, (r->n - i) * sizeof(*r->things));
        if (r->n == 0)
                roster_deinit(r);
}
