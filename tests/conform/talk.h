/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Links under test
 *
 * A law is a function that tells two sides, A and B, what to do, and checks what
 * comes back. It is run over every link of the table in talk.c: each URL, plain and
 * in the background, with both sides in one thread, in two threads and in two
 * processes, and over bridges, where a third side M passes on what it gets:
 *
 *     A ---- url ---- B             A ---- url ---- M ---- url2 ---- B
 *
 * later() makes the next call only start; finish() waits for it, and blocked() for
 * the moment from which it waits itself. A law that needs that is a LAW_TWO.
 */

#include "side.h"
#include "test.h"

#include <sys/types.h>

enum { A, B, M, N_SIDES };

typedef enum link_where { IN_ONE, IN_THREADS, IN_PROCESSES } link_where;

typedef struct link_case {
        char name[48];
        const char *url, *url2; /* as of test_url(); url2 of bridges */
        bool background;
        link_where where;
        unsigned not_for;
} link_case;

typedef struct talk talk;

enum {
        LAW_TWO = 1,        /* needs sides that can wait at the same time */
        LAW_DIRECT = 2,     /* not over bridges */
        LAW_PROCESSES = 4,  /* in processes only */
        LAW_SAME = 8,       /* in one process only */
        LAW_PLAIN = 16,     /* not in the background */
        LAW_FEW = 32,       /* dear: one of each kind will do */
        LAW_NET = 64,       /* over sockets only */
        LAW_REAL_FDS = 128, /* where descriptors themselves come through */
        LAW_TCP = 256,      /* where they do not */
        LAW_BRIDGE = 512,   /* over bridges only */
        LAW_AGAIN = 1024,   /* with two sessions: s2 of both sides, over bridges s2 of M */
};

/* LAW(name, flags, options of both sides...) { what has to hold of talk *t } */
#define LAW(law, law_flags, ...)                                                        \
        static void law(talk *t);                                                       \
        static void law##_over(const char *what) {                                      \
                link_run(law, what, law_flags,                                          \
                         &(beam_options){ .size = sizeof(beam_options), __VA_ARGS__ }); \
        }                                                                               \
        __attribute__((constructor)) static void register_##law(void) {                 \
                static test_case t = { .name = #law, .fn = law##_over, .timeout = 60 }; \
                t.params = link_names(law_flags);                                       \
                test_register(&t);                                                      \
        }                                                                               \
        static void law(talk *t)

/* The names of the cases for which a law of these flags is meant. */
const char *const *link_names(unsigned flags);
void link_run(void (*law)(talk *t), const char *what, unsigned flags, const beam_options *opt);

const link_case *talk_what(const talk *t);
side *talk_side(talk *t, int who);    /* only in one process */
const call *talk_out(const talk *t);  /* what the last step brought back */
const char *talk_text(const talk *t); /* its text */
int64_t talk_value(const talk *t, int i);
bool talk_passes_fds(const talk *t); /* themselves, all the way from A to B */
bool talk_shows_fds(const talk *t);  /* on the last part of it, which is all that B knows */

/* Run @f at side @who. Returns its r. */
int at(talk *t, int who, step *f, const call *c);
void later(talk *t);
int finish(talk *t, int who);
void blocked(talk *t, int who);

/* Wait until a step of @who's that counts in side.progress has come so far. */
void talk_progress(talk *t, int who, int64_t n);

/* End the process of a side at once, and wait for it. */
void talk_kill(talk *t, int who);
pid_t talk_pid(const talk *t, int who);

/* A channel from one side to the other in the slots of that number, whatever lies
 * between; opened by the sending side, or by the receiving one. */
void channel(talk *t, int from, int to, size_t depth, int slot);
void channel_back(talk *t, int from, int to, size_t depth, int slot);
void stream(talk *t, int from, int to, int slot);

/* words: see the steps of side.h for what they bring back */
int pipe_at(talk *t, int who, size_t depth, int slot);
int send_text(talk *t, int who, int slot, const char *text, int64_t wait);
int recv_text(talk *t, int who, int slot, int64_t wait);
int recv_msg(talk *t, int who, int slot, int msg, int64_t wait);
int dup_tx(talk *t, int who, int slot, int to);
int dup_rx(talk *t, int who, int slot, int to);
int drain_tx(talk *t, int who, int slot, int64_t wait);
int close_tx(talk *t, int who, int slot);
int close_rx(talk *t, int who, int slot);
int fail_tx(talk *t, int who, int slot, uint32_t code, const char *text);
int fail_rx(talk *t, int who, int slot, uint32_t code, const char *text);
int reason_tx(talk *t, int who, int slot); /* talk_value(t, 1) is the code */
int reason_rx(talk *t, int who, int slot);

int msg_at(talk *t, int who, int msg, const char *text);
int msg_sized(talk *t, int who, int msg, size_t n, uint64_t seed);
int check_msg(talk *t, int who, int msg, size_t n, uint64_t seed);
int put(talk *t, int who, int msg, beam_kind kind, int slot);
int take(talk *t, int who, int msg, size_t place, beam_kind kind, int slot);
int kind_at(talk *t, int who, int msg, size_t place);
int send_msg(talk *t, int who, int slot, int msg, int64_t wait);
int free_msg(talk *t, int who, int msg);

int write_text(talk *t, int who, int slot, const char *text, int64_t wait);
int read_text(talk *t, int who, int slot, int64_t wait);
int write_all(talk *t, int who, int slot, int64_t n, uint64_t seed, int64_t wait);
int read_all(talk *t, int who, int slot, uint64_t seed, int64_t wait); /* value 4: how many */
int shutdown_st(talk *t, int who, int slot);
int drain_st(talk *t, int who, int slot, int64_t wait);
int close_st(talk *t, int who, int slot);
int fail_st(talk *t, int who, int slot, uint32_t code, const char *text);
int reason_st(talk *t, int who, int slot);

int fd_pipe(talk *t, int who, int to_read, int to_write);
int fd_socketpair(talk *t, int who, int slot, int other);
int fd_file(talk *t, int who, int slot, const char *text);
int write_fd(talk *t, int who, int slot, const char *text);
int read_fd(talk *t, int who, int slot, size_t n); /* n 0: to the end */
int close_fd(talk *t, int who, int slot);
int shutdown_fd(talk *t, int who, int slot, int how);
int fd_bridged(talk *t, int who, int msg, size_t place);

int session_drain(talk *t, int who, int64_t wait);
int session_close(talk *t, int who);
int session_state(talk *t, int who);
