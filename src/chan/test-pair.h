/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Two sessions of one thread, joined by memory
 *
 * What one has to write waits for a turn of the loop, and is fed to the other in pieces
 * of a size, each in a block of its own. Whatever goes wrong in here fails the test.
 */

#include "test-link.h"

typedef struct test_side {
        test_link link; /* first */
        struct test_side *other;
        post deliver;
        uint8_t *bytes;
        size_t n, size, cut;
        int fds[64];
        size_t n_fds;
        bool gone; /* no more bytes will come from here */
} test_side;

typedef struct test_pair {
        test_side a, b;
        beam_session *sa, *sb; /* a dials */
} test_pair;

/* One side by itself: what it writes goes to @other, which may be itself. */
void test_side_open(test_side *d, test_side *other, const beam_options *opt, bool dials, size_t cut,
                    session **ret);
/* @n bytes for @s, in pieces of @cut. */
void test_side_feed(session *s, const uint8_t *p, size_t n, size_t cut);
void test_side_deinit(test_side *d);

/* Both have said hello. What b takes may be limited; @opt_b may be NULL. */
void test_pair_open(test_pair *p, size_t cut, const beam_options *opt_b);
void test_pair_close(test_pair *p);

/* The loop, until all that follows has come to the other side. */
void test_turn(void);

/* What the other side has opened; thing 0 of it, by its kind. */
void *test_accept(beam_session *s, const char *service, beam_kind kind);
/* A channel from a to b. */
void test_channel(test_pair *p, size_t depth, beam_sender **ret_tx, beam_receiver **ret_rx);

/* One message without waiting: what the call says; what is received has to be @data. */
int test_send(beam_sender *tx, const void *data, size_t n);
int test_recv(beam_receiver *rx, const void *data, size_t n);
