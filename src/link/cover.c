/* SPDX-License-Identifier: Apache-2.0 */
#include "cover.h"

#include "../base/grow.h"
#include "../base/mem.h"

uint8_t *cover_room(cover *c, size_t n) {
        uint8_t *p;

        if (!c->p) {
                /* just as much as is asked for: nearly always that is all there is to send */
                p = mem_new(n);
                c->cap = p ? n : 0;
        } else {
                p = grow(c->p, &c->cap, c->n, n);
        }
        if (!p)
                return NULL;
        c->p = p;
        return p + c->n;
}

void cover_sent(cover *c, size_t n) {
        c->at += n;
        if (c->at == c->n) {
                c->p = mem_free(c->p);
                c->at = c->n = c->cap = 0;
        }
}
