/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>

#include "../base/mem.h"

/* Room for @n bytes more and the end that vsnprintf() writes. */
static bool make_room(text *t, size_t n) {
        size_t cap = t->cap ? t->cap : 256;
        char *grown;

        if (t->cap - t->n > n)
                return true;
        while (cap - t->n <= n)
                cap *= 2;
        grown = mem_resize(t->p, cap);
        if (!grown)
                return false;
        t->p = grown;
        t->cap = cap;
        return true;
}

void text_add(text *t, const char *format, ...) {
        va_list args, again;
        int n;

        va_start(args, format);
        va_copy(again, args);
        n = vsnprintf(NULL, 0, format, args);
        va_end(args);
        if (n < 0 || !make_room(t, (size_t)n)) {
                t->failed = true;
        } else {
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
