/* SPDX-License-Identifier: Apache-2.0 */
#include "cover.h"

#include "../base/mem.h"

uint8_t *cover_room(cover *c, size_t n) {
        if (c->cap - c->n < n) {
                /* just as much as is asked for: nearly always that is all there is to send */
                uint8_t *p = mem_resize(c->p, c->n + n);

                if (!p)
                        return NULL;
                c->p = p;
                c->cap = c->n + n;
        }
        return c->p + c->n;
}

void cover_sent(cover *c, size_t n) {
        c->at += n;
        if (c->at == c->n) {
                c->p = mem_free(c->p);
                c->at = c->n = c->cap = 0;
        }
}
