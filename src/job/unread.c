/* SPDX-License-Identifier: Apache-2.0 */
#include "unread.h"

#include <errno.h>

#include "../base/mem.h"

void unread_deinit(unread *u) {
        mem_free(u->sizes);
        *u = (unread){ 0 };
}

int unread_put(unread *u, uint32_t n) {
        if (n < UNREAD_LEAST)
                n = UNREAD_LEAST;
        if (u->n == u->size) {
                size_t size = u->size ? 2 * u->size : 64;
                uint32_t *grown = mem_array(size, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                for (size_t i = 0; i < u->n; i++)
                        grown[i] = u->sizes[(u->first + i) & (u->size - 1)];
                mem_free(u->sizes);
                u->sizes = grown;
                u->size = size;
                u->first = 0;
        }
        u->sizes[(u->first + u->n++) & (u->size - 1)] = n;
        u->n_bytes += n;
        return 0;
}

int unread_left(unread *u, size_t n_frames, size_t n_later) {
        size_t before = u->n;

        while (u->n > n_frames + n_later) {
                u->n_bytes -= u->sizes[u->first];
                u->first = (u->first + 1) & (u->size - 1);
                u->n--;
        }
        return u->n < before;
}
