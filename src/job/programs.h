/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a worker may run: names, and the program or function that each stands for
 *
 * Nothing but what was put here. Programs are looked up once, when that is done, so that
 * what a job brings along (its arguments, its PATH) has no say in which one it is.
 */

#include <beam/job.h>
#include <stddef.h>

#include "../base/bytes.h"

enum {
        PROGRAMS_MAX = 256, /* a worker holds a connection for each; picked */
        PROGRAMS_NAME_MAX = 255,
};

typedef struct program {
        char *name, *path; /* absolute; or NULL: it is */
        beam_work_fn *fn;
        void *data;
} program;

typedef struct programs {
        program *all;
        size_t n;
} programs;

void programs_deinit(programs *p); /* may run twice */

/* One more: "NAME" as found along our PATH, or "NAME=PROGRAM", a path or a name like that.
 * -ENOENT, -EACCES: there is none that could be run; -EINVAL: no name; -EEXIST: that name is
 * there; -E2BIG; -ENOMEM. */
int programs_add(programs *p, const char *text);

/* A function of this program. Errors are the same, but the first two. */
int programs_add_function(programs *p, const char *name, beam_work_fn *fn, void *data);

/* NULL: it is not to be run. */
const program *programs_find(const programs *p, bytes name);
