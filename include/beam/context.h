/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Contexts: the state of a service, as a Redis database
 *
 * A context is a set of databases that hold what Redis's hold and answer what Redis 7.0
 * answers (docs/explain/limits.md says what is not there yet). The program that made it
 * executes commands on it without a socket; served at a URL, any client of Redis does.
 * Seed 001 of Beam; RESP2 and RESP3 of Redis.
 *
 * Owning:   what was made of a context, its clients and servers, is freed before it.
 * Threads:  a context belongs to the thread that made it, and all that was made of it
 *           too. Servers move on with the loop of that thread (beam.h).
 * Failing:  below zero is a negative errno: the command was not executed, or nobody knows.
 *           What Redis calls an error is a result like any other, of its own kind.
 */

#include <beam/beam.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct beam_context beam_context;
typedef struct beam_context_server beam_context_server;
typedef struct beam_client beam_client;

/* the context */

/* An empty context, kept in memory: 16 databases. -ENOMEM. */
BEAM_API int beam_context_new(beam_context **ret);

/* With all that it holds. NULL is fine; NULL comes back. */
BEAM_API beam_context *beam_context_free(beam_context *ctx);

/* Keep it in a file, an RDB as Redis has them. What is in there, if it is there, is loaded
 * now, and from here on SAVE, BGSAVE and @rules save to it: "3600 1 300 100" is after 3600
 * seconds with a change, after 300 with 100; NULL is Redis's own rules, "" none. A file that
 * is replaced is there whole at any time. Freeing the context does not save. -EEXIST: @ctx
 * is not empty; -EINVAL: the rules; -ENOENT: there is no such directory; -EPROTO, -EBADMSG:
 * the file is broken, -ENOTSUP: of a later version; else of open(2), as -EACCES where nothing
 * can be written. Then it is empty, and kept as before. */
BEAM_API int beam_context_keep(beam_context *ctx, const char *path, const char *rules);

/* Save to that file now, whatever else is saving to it. -EBUSY: a follower is being sent all
 * of it; else of write(2) and its like, and the file is as it was. */
BEAM_API int beam_context_save(beam_context *ctx);

/* Let clients end the program: @fn is called from the loop after SHUTDOWN, when what was to be
 * saved is saved and replicas have what they could be told. Nobody is served any more then, and
 * the program is to end. NULL, as at first: SHUTDOWN is refused. */
BEAM_API void beam_context_on_shutdown(beam_context *ctx, void (*fn)(void *data), void *data);

/* serving */

/* Be reached by clients of Redis at @url: mem:name unix:/path unix:@abstract tcp://host:port
 * fd:N, as of beam_listen(), whose errors it has; at NULL by those alone that are taken, below.
 * All of them share @ctx. Who dials @url with beam_dial() instead opens streams of the service
 * "context" or without one, and each is such a client. */
BEAM_API int beam_context_serve(beam_context *ctx, const char *url, beam_context_server **ret);

/* What a context that a server makes begins with: keys, commands that are executed on it.
 * @name is "" for that of one connection. Below zero turns away whoever asked for it. */
typedef int beam_context_setup(void *data, beam_context *ctx, const char *name);

/* The same with a context for each connection, made on the fly, which ends with it. @setup
 * may be NULL: it is empty. */
BEAM_API int beam_context_serve_each(const char *url, beam_context_setup *setup, void *data,
                                     beam_context_server **ret);

/* The same with contexts by name, made when they are first asked for, 1,024 at most, which
 * end with the server. A client says the name as its user, AUTH NAME anything; until then
 * it has the one named "". */
BEAM_API int beam_context_serve_named(const char *url, beam_context_setup *setup, void *data,
                                      beam_context_server **ret);

/* Where it is reached, with the port in it; borrowed. */
BEAM_API const char *beam_context_server_url(const beam_context_server *s);

/* One more connection: at the other end of @fd, an open stream of any kind; or of a byte
 * stream, over a session or in memory. It is the server's when this succeeds. -ECONNREFUSED:
 * there are as many as there may be (CONFIG SET maxclients), and it was told so. -EBADF;
 * -EPROTOTYPE: a socket, but of datagrams; -ENOMEM. */
BEAM_API int beam_context_server_take(beam_context_server *s, int fd);
BEAM_API int beam_context_server_take_stream(beam_context_server *s, beam_stream *st);

/* Its connections end with it. NULL is fine; NULL comes back. */
BEAM_API beam_context_server *beam_context_server_free(beam_context_server *s);

/* From now on hold what the context, or the Redis, at @url holds, and nothing of one's own:
 * writes are refused (unless CONFIG SET replica-read-only no), and who follows this one follows
 * that. A link that is lost is looked for again, and while there is none what was known is
 * still served; INFO says how it is. NULL: no longer, and go on from there. Errors as of an
 * address; CONFIG SET masteruser and masterauth say a password. Serve it over TCP before, if who
 * is followed is to know where it is reached, as for FAILOVER. */
BEAM_API int beam_context_follow(beam_context *ctx, const char *url);

/* results */

typedef enum beam_result_kind {
        BEAM_RESULT_NULL,
        BEAM_RESULT_STATUS,  /* data: "OK" */
        BEAM_RESULT_ERROR,   /* data: "ERR syntax error" */
        BEAM_RESULT_INTEGER, /* integer; data as it was written */
        BEAM_RESULT_REAL,    /* real; data as it was written */
        BEAM_RESULT_BOOL,    /* integer: 0 or 1 */
        BEAM_RESULT_BYTES,   /* data */
        BEAM_RESULT_ARRAY,   /* count values within it */
        BEAM_RESULT_SET,     /* count values */
        BEAM_RESULT_MAP,     /* count values: a key, what belongs to it, the next key */
} beam_result_kind;

/* A result, or one within it. Borrowed from its client until that executes again. */
typedef struct beam_result {
        beam_result_kind kind;
        const char *data; /* n bytes, without a 0 behind them */
        size_t n;
        int64_t integer;
        double real;
        size_t count;
        /* private */
        const char *at, *end;
        size_t n_left;
} beam_result;

/* The values within @parent, one after the other. Returns 1 with the next, 0 at the end. */
BEAM_API int beam_result_next(beam_result *parent, beam_result *ret);

/* executing */

typedef struct beam_arg {
        const char *data;
        size_t n;
} beam_arg;

/* An argument that is written out in the code. */
#define BEAM_ARG(text) ((beam_arg){ (text), sizeof(text) - 1 })

/* One who executes commands on @ctx, with a database it has selected and a transaction of
 * its own, as a connection has. -ENOMEM. */
BEAM_API int beam_client_new(beam_context *ctx, beam_client **ret);

/* The same on a context, or a Redis, that is served at @url, mem:name too. Errors as of
 * beam_dial(). */
BEAM_API int beam_client_dial(const char *url, beam_client **ret, int64_t deadline);

/* The same at the other end of a byte stream, which is the client's when this succeeds. */
BEAM_API int beam_client_take_stream(beam_stream *st, beam_client **ret);

/* Execute one command and wait for its result. -EINVAL: no arguments. -ETIMEDOUT: the
 * deadline passed; a command that waits (BLPOP) has taken nothing then in a context of this
 * process, and over a link nobody knows: that client is of no use any more (-ENOTCONN).
 * -ECONNRESET: the link was lost, nobody knows. -EPROTO: what answers is no Redis. */
BEAM_API int beam_client_exec(beam_client *c, const beam_arg *argv, size_t argc, beam_result *ret,
                              int64_t deadline);

/* The next of what the client is told without asking: messages of channels that it has
 * subscribed to, and of keyspace notifications there; keys that have changed (CLIENT
 * TRACKING); lines of MONITOR. It waits for one, and what comes while a command is executed
 * is kept until then. Over a link execute HELLO 3 first, or what is told cannot be told from
 * results. -ETIMEDOUT: nothing yet. -ENOTCONN, here and from then on: it was told more than
 * it took (client-output-buffer-limit). Others as above. */
BEAM_API int beam_client_next(beam_client *c, beam_result *ret, int64_t deadline);

/* Its transaction and what it waits for end with it. NULL is fine; NULL comes back. */
BEAM_API beam_client *beam_client_free(beam_client *c);

/* computed keys */

/* Names that begin with a prefix, whose values the program makes when they are asked for.
 * They are keys to every command, beside the stored ones, but for this: they do not
 * expire, FLUSHALL leaves them, and one command changes computed keys or stored ones. */
typedef struct beam_mount beam_mount;
typedef struct beam_value beam_value;
typedef struct beam_names beam_names;

typedef enum beam_type {
        BEAM_TYPE_NONE, /* there is no such key */
        BEAM_TYPE_STRING,
        BEAM_TYPE_LIST,
        BEAM_TYPE_SET,
        BEAM_TYPE_ZSET,
        BEAM_TYPE_HASH,
} beam_type;

/* The functions that make them. @name is what stands behind the prefix, with a 0 behind it.
 * They are called in the middle of a command: they do not wait, and call nothing of their
 * context. */
typedef struct beam_mount_calls {
        size_t size; /* sizeof(beam_mount_calls), so that it may grow */

        /* Say by beam_value_...() what the value is. -ENOENT: there is none. Any other error
         * is what the command answers. */
        int (*read)(void *data, beam_arg name, beam_value *ret);

        /* A command has made @value of it. A string is INTEGER if it is a whole number, else
         * BYTES; a list ARRAY, a set SET, a hash MAP, a sorted set MAP from members to REAL;
         * what is to be gone NULL. Below zero refuses it, for the reason *@ret_why, a text
         * that lives on, if there is one. Without this function they can only be read. */
        int (*write)(void *data, beam_arg name, beam_result *value, const char **ret_why);

        /* Say by beam_names_add() which there are, for KEYS, SCAN and the like, which see
         * none without this function. */
        int (*list)(void *data, beam_names *ret);

        /* For TYPE and SCAN, where reading just for that would cost too much. */
        beam_type (*type)(void *data, beam_arg name);
} beam_mount_calls;

/* Mount them in database @db under @prefix. @calls is copied. -EEXIST: there are such names
 * already, or another mount's prefix begins with this one, or this one with that. -EINVAL: no
 * such database, no read(), or a prefix beyond 512 MiB. -EBUSY: from within such a call. -ENOMEM.
 */
BEAM_API int beam_context_mount(beam_context *ctx, int db, const char *prefix,
                                const beam_mount_calls *calls, void *data, beam_mount **ret);

/* A number of the program's own: read when a command asks for it, and set by one that gives it
 * a whole number from @min to @max. Where these are equal it can only be read. */
typedef struct beam_number {
        const char *name; /* behind the prefix */
        int64_t *value;
        int64_t min, max;
} beam_number;

/* The same with functions for @numbers, up to one without a name. They are not copied, and
 * live as long as the mount. Errors as above. */
BEAM_API int beam_context_mount_numbers(beam_context *ctx, int db, const char *prefix,
                                        const beam_number *numbers, beam_mount **ret);

/* The program has changed what is under @name, without the prefix: tell those who watch it,
 * wait for it or follow the context. Not needed for what a command has written. -EBUSY: from
 * within read(), write() and the like; -ENOMEM. */
BEAM_API int beam_mount_changed(beam_mount *m, beam_arg name);

/* What is left ends with its context. NULL is fine; NULL comes back. */
BEAM_API beam_mount *beam_mount_free(beam_mount *m);

/* What a name is: once for a string, else once for each element. -EINVAL: that is of another
 * type than what was said before. -ENOMEM. */
BEAM_API int beam_value_string(beam_value *v, const void *data, size_t n);
BEAM_API int beam_value_integer(beam_value *v, int64_t n);
BEAM_API int beam_value_element(beam_value *v, const void *data, size_t n); /* of a list */
BEAM_API int beam_value_member(beam_value *v, const void *data, size_t n);  /* of a set */
BEAM_API int beam_value_score(beam_value *v, beam_arg member, double score);
BEAM_API int beam_value_field(beam_value *v, beam_arg field, beam_arg value);

/* One more name, without the prefix. -ENOMEM. */
BEAM_API int beam_names_add(beam_names *names, const void *data, size_t n);

/* following */

typedef struct beam_follower beam_follower;

typedef enum beam_change_kind {
        /* What was known is void: a snapshot of everything follows. The first change, unless one
         * goes on at a position; and later only if the master no longer has what was missed. */
        BEAM_CHANGE_GAP,
        BEAM_CHANGE_COMMAND, /* of the snapshot, or of what has changed since */
        BEAM_CHANGE_WHOLE,   /* the snapshot is: what is known is the state at this position */
} beam_change_kind;

/* Borrowed from its follower until the next one is asked for. */
typedef struct beam_change {
        beam_change_kind kind;
        int db;
        const beam_arg *argv; /* to be executed there, with the same result */
        size_t argc;
        const char *position; /* behind it; NULL in a snapshot, and within a transaction */
} beam_change;

typedef struct beam_follow_options {
        size_t size;                 /* sizeof(beam_follow_options) */
        const char *position;        /* of an earlier follower, to go on there; or NULL */
        const char *const *prefixes; /* up to NULL: only keys that begin with one; or NULL */
        const char *user, *password; /* or NULL */
} beam_follow_options;

/* Be told all that the context, or the Redis, at @url holds, and then each change in order:
 * a copy that executes them is what the master was, and misses nothing. The commands of a
 * transaction stand between MULTI and EXEC. What a RENAME or the like makes of keys without the
 * prefixes is a gap, since only a snapshot tells it. Errors as of beam_dial(); -EACCES: it
 * wants another password; -EINVAL: no such position. */
BEAM_API int beam_follow(const char *url, const beam_follow_options *opt, beam_follower **ret,
                         int64_t deadline);

/* The next change. A link that is lost is looked for again meanwhile. -ETIMEDOUT: nothing
 * more has changed, as far as is known; others: it cannot go on, as what comes is no Redis's. */
BEAM_API int beam_follower_next(beam_follower *f, beam_change *ret, int64_t deadline);

/* 1 while there is a link, 0 while what is known may be old. */
BEAM_API int beam_follower_is_linked(const beam_follower *f);
BEAM_API beam_follower *beam_follower_free(beam_follower *f);

/* for __attribute__((cleanup)) */

static inline void beam_context_freep(beam_context **p) {
        *p = beam_context_free(*p);
}
static inline void beam_context_server_freep(beam_context_server **p) {
        *p = beam_context_server_free(*p);
}
static inline void beam_mount_freep(beam_mount **p) {
        *p = beam_mount_free(*p);
}
static inline void beam_client_freep(beam_client **p) {
        *p = beam_client_free(*p);
}

static inline void beam_follower_freep(beam_follower **p) {
        *p = beam_follower_free(*p);
}

#ifdef __cplusplus
}
#endif
