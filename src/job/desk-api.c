/* SPDX-License-Identifier: Apache-2.0 */
/* What a program calls of a desk. */
#include <beam/job.h>
#include <errno.h>

#include "../base/fork.h"
#include "../base/mem.h"
#include "desk.h"

struct beam_desk {
        desk *desk;
        uint32_t forks;
};

int beam_desk_open(beam_context *ctx, beam_desk **ret) {
        beam_desk *b;
        int r;

        if (ctx->forks != fork_count())
                return -ECHILD;
        if (ctx->annex)
                return -EALREADY;
        b = mem_zero(sizeof(*b));
        if (!b)
                return -ENOMEM;
        b->forks = fork_count();
        r = desk_open(ctx, &b->desk);
        if (r < 0) {
                mem_free(b);
                return r;
        }
        *ret = b;
        return 0;
}

beam_desk *beam_desk_free(beam_desk *b) {
        if (!b)
                return NULL;
        if (b->forks == fork_count())
                desk_close(b->desk);
        return mem_free(b);
}
