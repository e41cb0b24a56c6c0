/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>

#include "../base/grow.h"
#include "../base/mem.h"

void text_add(text *t, const char *format, ...) {
        va_list args, again;
        char *grown;
        int n;

        va_start(args, format);
        va_copy(again, args);
        n = vsnprintf(NULL, 0, format, args);
        va_end(args);
        /* vsnprintf() writes an end, too */
        grown = n < 0 ? NULL : grow(t->p, &t->cap, t->n, (size_t)n + 1);
        if (!grown) {
                t->failed = true;
        } else {
                t->p = grown;
                vsnprintf(t->p + t->n, (size_t)n + 1, format, again);
                t->n += (size_t)n;
        }
        va_end(again);
}

static void end(text *t) {
        mem_free(t->p);
        *t = (text){ 0 };
}

void text_reply(text *t, call *c) {
        if (t->failed)
                call_fail_memory(c);
        else
                resp_out_verbatim(c->out, "txt", t->p, t->n);
        end(t);
}

void text_reply_bulk(text *t, call *c) {
        if (t->failed)
                call_fail_memory(c);
        else
                resp_out_bulk(c->out, t->p, t->n);
        end(t);
}
