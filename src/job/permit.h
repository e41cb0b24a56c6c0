/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a worker permits of how a job is run: as whom, and how much it may use (rules J33 and J34)
 *
 * Nobody else and no more than we ourselves, unless it was put here.
 */

#include <stddef.h>

#include "limit.h"
#include "order.h"

enum { PERMIT_USERS_MAX = 256 }; /* picked */

typedef struct permit_user {
        char *name, *home, *shell;
} permit_user;

typedef struct permit {
        permit_user *users;
        size_t n_users;
        process_limit limits[LIMIT_KINDS]; /* of each job, which may have them lower */
        size_t n_limits;
} permit;

void permit_deinit(permit *p); /* may run twice */

/* A user, by name or number. -ENOENT: there is none; -E2BIG; -ENOMEM. */
int permit_add_user(permit *p, const char *name);
/* "nofile=1024". -EINVAL: that is no limit; -EEXIST: it has been said. */
int permit_add_limit(permit *p, const char *text);

/* Refuse what @o may not, and give it what it gets without asking. -ENOMEM. */
int permit_apply(const permit *p, order *o);
