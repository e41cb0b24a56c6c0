/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A link without a socket, for tests and the fuzzer
 *
 * What its session has to write is handed to @take as a kernel would get it, and bytes
 * that come in are fed from blocks of their own, so that a sanitizer sees a read past
 * their end. Streams that stand for descriptors are closed instead of joined.
 */

#include "session.h"

typedef struct test_link {
        session_link link; /* first */
        session *s;        /* NULL once it has let go of the link */
        bool stalled;      /* takes nothing */
        size_t n_writes;   /* so often it has taken something */
        void (*take)(struct test_link *l, const struct iovec *iov, size_t n_iov, const int *fds,
                     size_t n_fds); /* the descriptors are borrowed */
        void (*shut)(struct test_link *l);
        void (*close)(struct test_link *l);
} test_link;

/* A session over @l, whose three calls are set. */
int test_link_open(test_link *l, const beam_options *opt, bool dials, bool passes_fds);

/* Bytes come in; @in_place: as far as they can be read right to where they belong. */
void test_link_feed(session *s, const uint8_t *p, size_t n, bool in_place);
