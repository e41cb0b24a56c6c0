/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Writes that count only while a job's lock is held by whom it should be (rule J12)
 *
 * What several jobs have to write at a time shares one transaction, and so the round trip
 * that it takes to look at the locks first. Nobody else may use transactions on that asker.
 *
 *     WAITING --WATCH, MGET--> LOOKED AT --MULTI...EXEC--> done(), or WAITING again
 */

#include "../base/list.h"
#include "asker.h"

typedef struct deed deed;
struct deed {
        const char *id;                      /* of the job */
        const char *holder;                  /* a token; "" is nobody */
        void (*say)(deed *d, asker *a);      /* ask for what is to be written; maybe once more */
        void (*done)(deed *d, bool is_done); /* false: the lock is another's */
        const char *watched;                 /* a key that is not to change meanwhile, or NULL; */
        void (*look)(deed *d, asker *a);     /* and asks what is there, before say(); or NULL */

        /* private */
        list node;
};

typedef struct fence {
        void (*lost)(struct fence *f, int r); /* the asker is; nothing more will be done */

        /* private */
        asker *asker;
        list waiting, looked_at;
        bool is_looking;
} fence;

/* Its lost() has been set. */
void fence_init(fence *f, asker *a);
void fence_deinit(fence *f); /* may run twice; deeds are forgotten */

void fence_put(fence *f, deed *d);
/* It is not to be done, unless it is already under way. May run twice. */
void fence_forget(deed *d);

/* Now and then: what the context had no memory for is tried again. */
void fence_retry(fence *f);
