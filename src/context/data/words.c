/* SPDX-License-Identifier: Apache-2.0 */
#include "words.h"

#include <inttypes.h>
#include <stdio.h>

#include "../../base/decimal.h"
#include "../../base/mem.h"

void words_deinit(words *w) {
        mem_free(w->text);
        mem_free(w->ends);
        mem_free(w->argv);
        *w = (words){ 0 };
}

/* Room for @n things of @size in *@p, of which there is room for *@cap. */
static bool grow(void *p, size_t *cap, size_t n, size_t size) {
        size_t twice = 2 * *cap > n ? 2 * *cap : n;
        void **at = p;
        void *grown;

        if (n <= *cap)
                return true;
        grown = mem_resize(*at, twice * size);
        if (!grown)
                return false;
        *at = grown;
        *cap = twice;
        return true;
}

/* Where the word behind the first @n begins. */
static size_t start_of(const words *w, size_t n) {
        return n > 0 ? w->ends[n - 1].end : 0;
}

/* What has been taken is done with: the rest moves to the front. */
static void forget_taken(words *w) {
        size_t from = start_of(w, w->n_taken);

        if (w->n_taken == 0)
                return;
        memmove(w->text, w->text + from, w->n - from);
        w->n -= from;
        w->n_words -= w->n_taken;
        memmove(w->ends, w->ends + w->n_taken, w->n_words * sizeof(*w->ends));
        for (size_t i = 0; i < w->n_words; i++)
                w->ends[i].end -= from;
        w->n_taken = 0;
}

void words_add(words *w, bytes word) {
        forget_taken(w);
        if (w->failed || !grow(&w->text, &w->size, w->n + word.n, 1) ||
            !grow(&w->ends, &w->cap, w->n_words + 1, sizeof(*w->ends))) {
                w->failed = true;
                return;
        }
        if (word.n > 0)
                memcpy(w->text + w->n, word.p, word.n);
        w->n += word.n;
        w->ends[w->n_words++] = (struct word){ .end = w->n };
}

void words_add_integer(words *w, int64_t number) {
        char text[DECIMAL_MAX];

        words_add(w, (bytes){ text, decimal_print(number, text) });
}

void words_add_id(words *w, uint64_t ms, uint64_t seq) {
        char text[48];
        int n = snprintf(text, sizeof(text), "%" PRIu64 "-%" PRIu64, ms, seq);

        words_add(w, (bytes){ text, (size_t)n });
}

/* The first word of the command in progress. */
static size_t current(const words *w) {
        size_t i = w->n_words;

        while (i > 0 && !w->ends[i - 1].is_last)
                i--;
        return i;
}

size_t words_count(const words *w) {
        return w->n_words - current(w);
}

size_t words_size(const words *w) {
        return w->n - start_of(w, current(w));
}

void words_end(words *w) {
        if (w->n_words > 0)
                w->ends[w->n_words - 1].is_last = true;
}

size_t words_take(words *w, const bytes **ret) {
        size_t n = 0;

        forget_taken(w);
        while (n < w->n_words && !w->ends[n].is_last)
                n++;
        if (n == w->n_words)
                return 0;
        n++;
        if (!grow(&w->argv, &w->argv_cap, n, sizeof(*w->argv))) {
                w->failed = true;
                return 0;
        }
        for (size_t i = 0, at = 0; i < n; at = w->ends[i++].end)
                w->argv[i] = (bytes){ w->text + at, w->ends[i].end - at };
        w->n_taken = n;
        *ret = w->argv;
        return n;
}
