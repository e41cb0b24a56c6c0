/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What LMPOP and ZMPOP are told, and those that wait: numkeys key... END [COUNT n]; and what
 * those are that pop of one key: key [n]
 */

#include "../call.h"

typedef struct mpop {
        int n_keys; /* behind their number */
        bool is_second;
        int64_t n; /* elements, at the most */
} mpop;

/* From argument @i on. @first and @second are the words for the ends. False, and it has been
 * answered. */
bool mpop_read(call *c, int i, const char *first, const char *second, mpop *ret);

/* The count in argument 2, or 1 without it. False, and it has been answered. */
bool mpop_read_count(call *c, int64_t *ret);
