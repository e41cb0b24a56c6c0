/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

#include "msg.h"

bool ring_is_empty(const ring *r) {
        for (size_t i = 0; i < r->depth; i++)
                if (atomic_load(&r->slots[i]))
                        return false;
        return true;
}

beam_msg *ring_sweep(ring *r, bool *ret_some) {
        beam_msg *all = NULL;

        *ret_some = false;
        for (size_t i = 0; i < r->depth; i++) {
                /* most are empty, and to look costs less than to exchange */
                beam_msg *msg =
                        atomic_load(&r->slots[i]) ? atomic_exchange(&r->slots[i], NULL) : NULL;

                if (!msg)
                        continue;
                *ret_some = true;
                if (msg != RING_PULLED) {
                        msg->next = all;
                        all = msg;
                }
        }
        return all;
}
