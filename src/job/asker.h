/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Asking a context without waiting for it
 *
 * Commands leave one behind the other as they are asked, and are answered in that order, by
 * calls from the loop. A command that blocks (BLPOP) answers late, and all that were asked
 * behind it with it: whoever waits for a key has an asker of his own for that.
 *
 *     static void on_status(void *data, int r, resp_cursor reply) { ... }
 *
 *     asker_say(a, on_status, job, BYTES("GET"), key);
 *
 * The context is in this process, or at a URL, where a Redis may be as well; whoever asks
 * cannot tell. Replies are of version 2 of the protocol.
 *
 *     REACHING --reached, AUTH--> OPEN        any state --lost, no memory--> LOST
 *
 * Once it is lost, each question that has not been answered is told so, once, and nobody
 * knows what of them was executed.
 */

#include "../link/url.h"
#include "../wire/resp/cursor.h"

typedef struct asker asker;
struct store;

/* @reply is a whole one, for the length of the call. @r is 0, or what it was lost by: -ECONNRESET;
 * -EACCES: the password is wrong; -EPROTO: that is no Redis; -ENOMEM; an error of reach.h, if it
 * was never reached. Then there is no reply. It may ask, and free the asker. */
typedef void asker_fn(void *data, int r, resp_cursor reply);

/* Ask @s, which stays until the asker is freed. */
int asker_new(struct store *s, asker **ret);

/* Ask who is at @at, from this moment on, whether reached yet or not. @password may be NULL, and
 * @user too, even with a password. Returns 0, or why it cannot even be tried. */
int asker_open(const url *at, const char *user, const char *password, asker **ret);

/* The same; but where one of this thread is open there already, it is that one. Whoever shares one
 * frees it, forgets his own questions before, and leaves no transaction open. */
int asker_share(const url *at, const char *user, const char *password, asker **ret);

/* Nobody is told anything any more. NULL is fine, and comes back. */
asker *asker_free(asker *a);

/* Tell @fn too once it is lost, after all that was asked; also where nothing was. */
void asker_tell_loss(asker *a, asker_fn *fn, void *data);

/* Ask; @fn, which may be NULL, is told what comes of it. -ENOTCONN: it is lost; -ENOMEM: it is
 * now, as a transaction with a hole in it would be worse. So whoever has another question under
 * way, or is told of the loss, need not look. */
int asker_ask(asker *a, asker_fn *fn, void *data, const bytes *argv, size_t argc);

/* The same, with the words of the command as the rest of the arguments. */
#define asker_say(a, fn, data, ...)                            \
        asker_ask(a, fn, data, (const bytes[]){ __VA_ARGS__ }, \
                  sizeof((const bytes[]){ __VA_ARGS__ }) / sizeof(bytes))

/* Tell @data nothing any more: it is no longer there. */
void asker_forget(asker *a, const void *data);

/* Bytes that were asked and have not left. */
size_t asker_unsent(const asker *a);
