/* SPDX-License-Identifier: Apache-2.0 */
#include "subjects.h"

#define OURS (ROW_OURS | ROW_STEADY)

static const char ping_about[] =
        "Two processes, 64 bytes there and 64 back, one in flight. Bare: blocking write() and "
        "read(). The libraries: a pair of sockets, each waiting in its receive call. Call: a "
        "fresh channel for each answer. Background: the dialling side's session on a thread of "
        "its own. Still listening: the accepting side keeps its listener open, as the other "
        "libraries do; the bare pair has none. Go: two goroutines of one process.";

#define PING(link_)                                                                               \
        {                                                                                         \
                .key = link_ "-ping", .title = "ping-pong over " link_ " sockets",                \
                .about = ping_about, .unit = UNIT_TIME,                                           \
                .rows = { { "bare write and read", "bare", link_ "-ping", 0 },                    \
                          { "Beam", "beam", link_ "-ping", OURS },                                \
                          { "Beam, call", "beam", link_ "-call", ROW_OURS },                      \
                          { "Beam, still listening", "beam", link_ "-ping-listening", ROW_OURS }, \
                          { "Beam, background", "beam", link_ "-ping-background", 0 },            \
                          { "ZeroMQ", "zmq", link_ "-ping", ROW_PEER },                           \
                          { "nng", "nng", link_ "-ping", ROW_PEER },                              \
                          { "nanomsg", "nanomsg", link_ "-ping", ROW_PEER },                      \
                          { "Go", "go", link_ "-ping", 0 } },                                     \
                .goals = {                                                                        \
                        { GOAL_AT_MOST, 1, 1.2, 0, 0 },                                           \
                        { GOAL_AT_MOST, 1, 1.0 / 3, 5, 0 },                                       \
                        { GOAL_AT_MOST, 2, 1.5, 0, 0 }                                            \
                }                                                                                 \
        }

static const char one_way_about[] =
        "Two processes. Bare: 1,024 messages copied into a block of 64 KiB and written, or one "
        "write() for each; read by 64 KiB. Beam: 1,024 sends between cork and uncork; a plain "
        "loop of sends into a session in the background; a plain loop without, each send "
        "leaving at once. The other libraries gather by themselves. Depth 4,096 (Beam), 1,024 "
        "(others).";

#define ONE_WAY(link_)                                                                        \
        {                                                                                     \
                .key = link_ "-one-way", .title = "one way over " link_ " sockets, 64 bytes", \
                .about = one_way_about, .unit = UNIT_RATE,                                    \
                .rows = { { "bare, 64 KiB writes", "bare", link_ "-batch", 0 },               \
                          { "bare, a write each", "bare", link_ "-each", 0 },                 \
                          { "Beam, gathered", "beam", link_ "-gather", OURS },                \
                          { "Beam, background", "beam", link_ "-background", OURS },          \
                          { "Beam, plain", "beam", link_ "-plain", ROW_STEADY },              \
                          { "ZeroMQ", "zmq", link_ "-one-way", ROW_PEER },                    \
                          { "nng", "nng", link_ "-one-way", ROW_PEER },                       \
                          { "nanomsg", "nanomsg", link_ "-one-way", ROW_PEER } },             \
                .goals = {                                                                    \
                        { GOAL_AT_LEAST, 2, 3, 5, 0 },                                        \
                        { GOAL_AT_LEAST, 3, 1, 5, 0 },                                        \
                        { GOAL_AT_LEAST, 4, 1, 1, 0 }                                         \
                }                                                                             \
        }

static const char large_about[] =
        "Two processes; the sender marks each message, the receiver looks at it in place. "
        "Bare: the same 64 KiB written again and again, read into the same block. Beam and "
        "ZeroMQ borrow the sender's memory; Beam, copied: beam_msg_new() of it. nng and "
        "nanomsg allocate each message, uncopied.";

#define LARGE(link_)                                                                       \
        {                                                                                  \
                .key = link_ "-64k", .title = "messages of 64 KiB over " link_ " sockets", \
                .about = large_about, .unit = UNIT_BYTES, .size = 65536,                   \
                .rows = { { "bare, 64 KiB writes", "bare", link_ "-64k", 0 },              \
                          { "Beam", "beam", link_ "-64k", OURS },                          \
                          { "Beam, copied", "beam", link_ "-64k-copy", OURS },             \
                          { "ZeroMQ", "zmq", link_ "-64k", ROW_PEER },                     \
                          { "nng", "nng", link_ "-64k", ROW_PEER },                        \
                          { "nanomsg", "nanomsg", link_ "-64k", ROW_PEER } },              \
                .goals = {                                                                 \
                        { GOAL_AT_LEAST, 1, 0.85, 0, 0 }                                   \
                }                                                                          \
        }

static const char bytes_about[] =
        "Two processes; writes of 64 KiB, reads of up to 64 KiB, from and into the caller's "
        "memory.";

#define BYTES(link_)                                                                    \
        {                                                                               \
                .key = link_ "-bytes", .title = "a byte stream over " link_ " sockets", \
                .about = bytes_about, .unit = UNIT_BYTES, .size = 65536,                \
                .rows = { { "bare, 64 KiB writes", "bare", link_ "-bytes", 0 },         \
                          { "Beam", "beam", link_ "-bytes", OURS } },                   \
                .goals = {                                                              \
                        { GOAL_AT_LEAST, 1, 0.85, 0, 0 }                                \
                }                                                                       \
        }

const subject subjects[] = {
        { .key = "mem-1024",
          .title = "memory, one way between two threads, depth 1,024",
          .about = "64 bytes copied in by the sender, looked at by the receiver. Bare: a ring of "
                   "1,024 slots, copied in and out, that sleeps on a futex when empty or full; the "
                   "other one spins and yields. ZeroMQ, nng, nanomsg: inproc, buffers that add up "
                   "to the depth. Go: two goroutines.",
          .unit = UNIT_RATE,
          .rows = { { "bare ring", "bare", "mem-1024", 0 },
                    { "bare ring, spinning", "bare", "mem-1024-spin", 0 },
                    { "Beam", "beam", "mem-1024", OURS },
                    { "ZeroMQ", "zmq", "mem-1024", ROW_PEER },
                    { "nng", "nng", "mem-1024", ROW_PEER },
                    { "nanomsg", "nanomsg", "mem-1024", ROW_PEER },
                    { "Go", "go", "mem-1024", 0 } },
          .goals = { { GOAL_AT_LEAST, 2, 0.7, 0, 0 }, { GOAL_AT_LEAST, 2, 2.5, 3, 0 } } },
        { .key = "mem-128",
          .title = "memory, one way between two threads, depth 128",
          .about = "As above. The ring that spins a little does so for 2,000 pauses before it "
                   "sleeps.",
          .unit = UNIT_RATE,
          .rows = { { "bare ring", "bare", "mem-128", 0 },
                    { "bare ring, spins a little", "bare", "mem-128-short", ROW_FREE },
                    { "Beam", "beam", "mem-128", OURS },
                    { "ZeroMQ", "zmq", "mem-128", ROW_PEER },
                    { "nng", "nng", "mem-128", ROW_PEER },
                    { "nanomsg", "nanomsg", "mem-128", ROW_PEER },
                    { "Go", "go", "mem-128", 0 } },
          .goals = { { GOAL_AT_LEAST, 2, 0.8, 0, 0 } } },
        { .key = "mem-0",
          .title = "memory, one way between two threads, depth 0",
          .about = "Each send waits until its message was received. Bare: one slot and a futex, "
                   "without spinning. nng: inproc with no buffers, which lets one or two be on "
                   "their way. Go: two goroutines, an unbuffered channel.",
          .unit = UNIT_TIME,
          .rows = { { "bare futex", "bare", "mem-0", 0 },
                    { "Beam", "beam", "mem-0", OURS },
                    { "nng", "nng", "mem-0", ROW_PEER },
                    { "Go", "go", "mem-0", 0 } },
          .goals = { { GOAL_AT_MOST, 1, 1.2, 0, 0 } } },
        { .key = "mem-ping",
          .title = "memory, ping-pong between two threads",
          .about =
                  "64 bytes there and 64 back. Bare: two words and a futex, without spinning; the "
                  "other one spins for 2,000 pauses first. Beam: two channels of depth 1; call: a "
                  "fresh channel for each answer. The libraries: a pair of inproc sockets. Go: two "
                  "goroutines, unbuffered; call: a fresh channel of 1 for each answer.",
          .unit = UNIT_TIME,
          .rows = { { "bare futex", "bare", "mem-ping", 0 },
                    { "bare, spins a little", "bare", "mem-ping-short", ROW_FREE },
                    { "Beam", "beam", "mem-ping", OURS },
                    { "Beam, call", "beam", "mem-call", ROW_OURS },
                    { "ZeroMQ", "zmq", "mem-ping", ROW_PEER },
                    { "nng", "nng", "mem-ping", ROW_PEER },
                    { "nanomsg", "nanomsg", "mem-ping", ROW_PEER },
                    { "Go", "go", "mem-ping", 0 },
                    { "Go, call", "go", "mem-reply", 0 } },
          .goals = { { GOAL_AT_MOST, 2, 1.2, 0, 0 }, { GOAL_BEYOND, 3, 0.5, 2, GOAL_PINNED } } },
        { .key = "alone",
          .title = "memory, one way within one thread",
          .about = "128 sends, then 128 receives, depth 128. Bare: the ring without a futex. Go: "
                   "one "
                   "goroutine.",
          .unit = UNIT_RATE,
          .rows = { { "bare ring", "bare", "alone", 0 },
                    { "Beam", "beam", "alone", OURS },
                    { "Go", "go", "alone", ROW_PEER } },
          .goals = { { GOAL_FIGURE_AT_LEAST, 1, 15, 0, 0 } } },
        { .key = "alone-ping",
          .title = "memory, ping-pong within one thread",
          .about =
                  "Send and receive there, send and receive back. Reply: the way back is a fresh "
                  "channel, made, put into the message, used once and dropped. Go: two goroutines, "
                  "unbuffered channels.",
          .unit = UNIT_TIME,
          .rows = { { "Beam", "beam", "alone-ping", OURS },
                    { "Beam, reply", "beam", "alone-reply", ROW_OURS },
                    { "Go", "go", "mem-ping", ROW_PEER },
                    { "Go, reply", "go", "mem-reply", ROW_PEER } },
          .goals = { { GOAL_AT_MOST, 0, 1, 2, 0 }, { GOAL_BEYOND, 1, 0.5, 0, 0 } } },
        PING("unix"),
        PING("tcp"),
        ONE_WAY("unix"),
        ONE_WAY("tcp"),
        LARGE("unix"),
        LARGE("tcp"),
        BYTES("unix"),
        BYTES("tcp"),
        { .key = "unix-fd",
          .title = "descriptors over unix sockets, one in a message",
          .about = "Two processes; the sender makes a duplicate and hands it over, the receiver "
                   "closes it. Bare: sendmsg() and recvmsg() with SCM_RIGHTS.",
          .unit = UNIT_RATE,
          .rows = { { "bare SCM_RIGHTS", "bare", "unix-fd", 0 },
                    { "Beam", "beam", "unix-fd", ROW_OURS } },
          .goals = { { GOAL_AT_LEAST, 1, 0.7, 0, 0 } } },
        { .key = "unix-fds",
          .title = "descriptors over unix sockets, 64 in a message",
          .about = "As above, 64 at a time; counted by descriptor.",
          .unit = UNIT_RATE,
          .rows = { { "bare SCM_RIGHTS", "bare", "unix-fds", 0 },
                    { "Beam", "beam", "unix-fds", ROW_OURS } },
          .goals = { { GOAL_AT_LEAST, 1, 0.7, 0, 0 } } },
        { .key = "sessions",
          .title = "memory of an idle session",
          .about = "1,000 sessions over unix sockets: bytes of heap for each, on the dialling and "
                   "on "
                   "the accepting side. ZeroMQ: 1,000 connections of one PUSH to one PULL.",
          .unit = UNIT_HELD,
          .rows = { { "Beam", "beam", "unix-sessions", ROW_OURS },
                    { "ZeroMQ", "zmq", "unix-sessions", ROW_PEER } },
          .goals = { { GOAL_FIGURE_AT_MOST, 0, 1024, 0, 0 } } },
        { .key = "channels",
          .title = "memory of an idle channel",
          .about =
                  "10,000 channels open on one session, each of which has carried a message: bytes "
                  "of heap for each, on the opening and on the accepting side.",
          .unit = UNIT_HELD,
          .rows = { { "Beam", "beam", "unix-channels", ROW_OURS } },
          .goals = { { GOAL_FIGURE_AT_MOST, 0, 256, 0, 0 } } },
        { .key = "open-close",
          .title = "10,000 channels opened, accepted and closed",
          .about = "On one session; all are open at once.",
          .unit = UNIT_SECONDS,
          .rows = { { "Beam, unix", "beam", "unix-open-close", ROW_OURS },
                    { "Beam, tcp", "beam", "tcp-open-close", ROW_OURS } },
          .goals = { { GOAL_FIGURE_AT_MOST, 0, 1, 0, 0 }, { GOAL_FIGURE_AT_MOST, 1, 1, 0, 0 } } },
        { .key = "resp-read",
          .title = "RESP, requests of three arguments read",
          .about = "SET and two texts of 3 to 16 bytes, 64 requests lying together. As requests: "
                   "what a server does. As replies: read, and then walked over value by value. "
                   "hiredis: read, which makes an object of each value, and freed.",
          .unit = UNIT_RATE,
          .rows = { { "Beam, as requests", "resp", "request", OURS },
                    { "Beam, as replies", "resp", "reply", OURS },
                    { "hiredis, as replies", "hiredis", "reply", ROW_PEER } },
          .goals = { { GOAL_AT_LEAST, 0, 8, 2, 0 }, { GOAL_AT_LEAST, 1, 2, 2, 0 } } },
        { .key = "resp-write",
          .title = "RESP, requests of three arguments written",
          .about = "Beam: 64 after one another into one buffer. hiredis: each into a new one.",
          .unit = UNIT_RATE,
          .rows = { { "Beam", "resp", "write", OURS },
                    { "hiredis", "hiredis", "write", ROW_PEER } },
          .goals = { { GOAL_AT_LEAST, 0, 3, 1, 0 } } },
        { .key = "context",
          .title = "a context in the program itself",
          .about = "GET and SET of three bytes among a thousand keys, by beam_client_exec().",
          .unit = UNIT_RATE,
          .rows = { { "Beam, GET", "context", "get", OURS },
                    { "Beam, SET", "context", "set", OURS } },
          .goals = { { GOAL_FIGURE_AT_LEAST, 0, 8, 0, GOAL_PINNED },
                     { GOAL_FIGURE_AT_LEAST, 1, 8, 0, GOAL_PINNED } } },
        { .key = "process",
          .title = "a program from its start to its exit status",
          .about = "/bin/true, one after the other, in the caller's environment. Bare: then "
                   "waitpid(). Beam: a process of a job, with a descriptor to know its end by.",
          .unit = UNIT_TIME,
          .rows = { { "posix_spawn", "process", "spawn", 0 },
                    { "vfork and exec", "process", "vfork", 0 },
                    { "fork and exec", "process", "fork", 0 },
                    { "Beam", "process", "beam", ROW_OURS } },
          .goals = { { GOAL_AT_MOST, 3, 1.5, 0, 0 } } },
        { .key = "process-256m",
          .title = "the same, with 256 MiB in use",
          .about = "As above; what starts it has that much memory which it has written to.",
          .unit = UNIT_TIME,
          .rows = { { "posix_spawn", "process", "spawn-256m", 0 },
                    { "vfork and exec", "process", "vfork-256m", 0 },
                    { "fork and exec", "process", "fork-256m", 0 },
                    { "Beam", "process", "beam-256m", ROW_OURS } },
          .goals = { { GOAL_AT_MOST, 3, 1.5, 0, 0 } } },
        { .key = "job",
          .title = "a job from its start to its exit status",
          .about = "true, one after the other: started, waited for, and all of its keys removed "
                   "again. The limit is one and a half times the first row and a round trip. Beam: "
                   "the worker is in the context's process. beam run: the tool is started anew "
                   "for each. redis-cli: a shell script is the worker, which calls it six times, "
                   "and ours the client. ssh: to localhost.",
          .unit = UNIT_TIME,
          .rows = { { "posix_spawn", "process", "spawn", 0 },
                    { "the limit", "job", "limit", 0 },
                    { "Beam, unix", "job", "true-unix", 0 },
                    { "Beam, tcp", "job", "true-tcp", 0 },
                    { "Beam, a channel", "job", "true-channel", 0 },
                    { "Beam, beam run", "job", "true-tool", 0 },
                    { "Beam, at redis-server", "job", "true-redis", 0 },
                    { "redis-cli as worker", "job", "true-shell", 0 },
                    { "ssh", "job", "ssh", 0 } },
          .goals = { { GOAL_AT_MOST, 2, 1, 1, 0 }, { GOAL_AT_MOST, 4, 1, 1, 0 } } },
        { .key = "jobs",
          .title = "short jobs, sixteen at once",
          .about = "true again. Bare: sixteen that were begun by posix_spawn and are waited for in "
                   "turn.",
          .unit = UNIT_OFTEN,
          .rows = { { "posix_spawn", "job", "spawn-at-once", 0 },
                    { "Beam", "job", "true-at-once", 0 },
                    { "Beam, channels", "job", "true-at-once-channel", 0 },
                    { "Beam, at redis-server", "job", "true-at-once-redis", 0 },
                    { "redis-cli as worker", "job", "true-at-once-shell", 0 } },
          .goals = { { GOAL_FIGURE_AT_LEAST, 1, 2000, 0, GOAL_PINNED } } },
        { .key = "job-output",
          .title = "what a job prints",
          .about = "head -c of /dev/zero, counted and its checksum compared by the client. Bare: a "
                   "pipe, read by 64 KiB. A channel: a byte stream of a session. The pipe passed: "
                   "the "
                   "process gets it itself. beam run: the tool, and then a pipe.",
          .unit = UNIT_BYTES,
          .size = 65536,
          .rows = { { "bare pipe", "job", "print", 0 },
                    { "Beam, unix", "job", "print-unix", 0 },
                    { "Beam, tcp", "job", "print-tcp", 0 },
                    { "Beam, a channel, unix", "job", "print-channel", 0 },
                    { "Beam, a channel, tcp", "job", "print-channel-tcp", 0 },
                    { "Beam, the pipe passed", "job", "print-passed", 0 },
                    { "Beam, beam run", "job", "print-tool", 0 },
                    { "Beam, at redis-server", "job", "print-redis", 0 },
                    { "ssh", "job", "ssh-out", 0 } },
          .goals = { { GOAL_FIGURE_AT_LEAST, 1, 0.2, 0, GOAL_UNPINNED },
                     { GOAL_FIGURE_AT_LEAST, 6, 0.2, 0, GOAL_UNPINNED },
                     { GOAL_AT_LEAST, 3, 0.7, 0, 0 },
                     { GOAL_AT_LEAST, 5, 0.98, 0, 0 } } },
};
const size_t n_subjects = sizeof(subjects) / sizeof(*subjects);
