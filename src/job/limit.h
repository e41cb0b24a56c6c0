/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Limits of what a process may use, in words: "nofile" and "1024", "512:1024", "unlimited"
 */

#include <stdbool.h>
#include <sys/resource.h>

#include "../base/bytes.h"

enum { LIMIT_KINDS = 16 }; /* that there are on Linux */

typedef struct process_limit {
        const char *name;  /* "nofile", "nproc", "as", ...: RLIMIT_* without its beginning */
        rlim_t soft, hard; /* RLIM_INFINITY */
} process_limit;

/* Its name, which lives on; NULL if there is none of that name. */
const char *limit_name(bytes name);
int limit_resource(const char *name); /* -EINVAL */

/* SOFT:HARD, or one for both. False if it is none. */
bool limit_read_value(bytes text, process_limit *ret);

/* Of NAME=... */
bool limit_read(bytes text, process_limit *ret);
