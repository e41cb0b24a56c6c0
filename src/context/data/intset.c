/* SPDX-License-Identifier: Apache-2.0 */
#include "intset.h"

#include <errno.h>
#include <string.h>

#include "../../base/mem.h"

struct intset {
        uint32_t n;
        uint32_t width;
        uint8_t numbers[]; /* in this machine's order; aligned for 8 bytes */
};

static size_t width_for(int64_t number) {
        if (number >= INT16_MIN && number <= INT16_MAX)
                return sizeof(int16_t);
        return number >= INT32_MIN && number <= INT32_MAX ? sizeof(int32_t) : sizeof(int64_t);
}

static int64_t get(const intset *s, size_t i) {
        const void *at = s->numbers + i * s->width;

        switch (s->width) {
        case sizeof(int16_t):
                return *(const int16_t *)at;
        case sizeof(int32_t):
                return *(const int32_t *)at;
        default:
                return *(const int64_t *)at;
        }
}

static void set(intset *s, size_t i, int64_t number) {
        void *at = s->numbers + i * s->width;

        switch (s->width) {
        case sizeof(int16_t):
                *(int16_t *)at = (int16_t)number;
                break;
        case sizeof(int32_t):
                *(int32_t *)at = (int32_t)number;
                break;
        default:
                *(int64_t *)at = number;
        }
}

/* How many are less than @number. */
static size_t rank_of(const intset *s, int64_t number) {
        size_t low = 0, high = s->n;

        while (low < high) {
                size_t middle = (low + high) / 2;

                if (get(s, middle) < number)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* How large the block is with @n numbers; it follows from them, as with packs. */
static size_t room_for(size_t n, size_t width) {
        size_t n_bytes = n * width;
        size_t step = n_bytes < 128 ? 16 : (size_t)1 << (63 - __builtin_clzll(n_bytes) - 3);

        return sizeof(intset) + (n_bytes ? (n_bytes + step - 1) & ~(step - 1) : step);
}

static bool resize(intset **s, size_t n) {
        intset *other;

        if (room_for(n, (*s)->width) == room_for((*s)->n, (*s)->width))
                return true;
        other = mem_resize(*s, room_for(n, (*s)->width));
        if (!other)
                return false;
        *s = other;
        return true;
}

/* A copy with room for @n numbers of @width bytes. */
static intset *copy_as(const intset *s, size_t n, size_t width) {
        intset *copy = mem_new(room_for(n, width));

        if (!copy)
                return NULL;
        *copy = (intset){ .n = s->n, .width = (uint32_t)width };
        for (size_t i = 0; i < s->n; i++)
                set(copy, i, get(s, i));
        return copy;
}

intset *intset_new(void) {
        intset *s = mem_new(room_for(0, sizeof(int16_t)));

        if (s)
                *s = (intset){ .width = sizeof(int16_t) };
        return s;
}

intset *intset_free(intset *s) {
        return mem_free(s);
}

intset *intset_copy(const intset *s) {
        return copy_as(s, s->n, s->width);
}

size_t intset_count(const intset *s) {
        return s->n;
}

size_t intset_size(const intset *s) {
        return room_for(s->n, s->width);
}

size_t intset_width(const intset *s) {
        return s->width;
}

bool intset_has(const intset *s, int64_t number) {
        size_t i = rank_of(s, number);

        return i < s->n && get(s, i) == number;
}

int64_t intset_at(const intset *s, size_t i) {
        return get(s, i);
}

int intset_add(intset **s, int64_t number) {
        size_t i = rank_of(*s, number), n = (*s)->n;

        if (i < n && get(*s, i) == number)
                return 0;
        if (width_for(number) > (*s)->width) {
                intset *wider = copy_as(*s, n + 1, width_for(number));

                if (!wider)
                        return -ENOMEM;
                mem_free(*s);
                *s = wider;
        } else if (!resize(s, n + 1))
                return -ENOMEM;
        memmove((*s)->numbers + (i + 1) * (*s)->width, (*s)->numbers + i * (*s)->width,
                (n - i) * (*s)->width);
        set(*s, i, number);
        (*s)->n++;
        return 1;
}

bool intset_remove(intset **s, int64_t number) {
        size_t i = rank_of(*s, number), n = (*s)->n, width = (*s)->width;

        if (i == n || get(*s, i) != number)
                return false;
        memmove((*s)->numbers + i * width, (*s)->numbers + (i + 1) * width, (n - i - 1) * width);
        /* without memory for less, there is more room than anybody knows of */
        resize(s, n - 1);
        (*s)->n--;
        return true;
}
