/* SPDX-License-Identifier: Apache-2.0 */
#include "msg.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include "../base/cleanup.h"
#include "../base/fds.h"
#include "../base/fork.h"
#include "../base/lock.h"
#include "../base/mem.h"
#include "end.h"
#include "stream.h"

enum {
        FIRST_SHIFT = 6, /* the smallest block has 64 bytes beside its head */
        N_CLASSES = 15,  /* up to 1 MiB; larger ones are not kept */
        NOT_KEPT = N_CLASSES,
        BUNDLE_BYTES = 64 * 128, /* 64 of the smallest */
        BUNDLE_MAX = 64,
        /* Picked: a burst of a thousand small messages or a dozen large ones. */
        DEPOT_BYTES = 4 << 20,
};

/* What a thread keeps of a size: less than a bundle, and perhaps a whole one. */
typedef struct shelf {
        beam_msg *first, *bundle;
        int32_t room; /* so many more are a bundle; 0: nothing is kept, or not yet */
} shelf;

static __thread shelf shelves[N_CLASSES + 1];
static __thread bool shelves_known; /* will be emptied when the thread ends */
static __thread bool freeing;
static __thread beam_msg *to_free;

/* What any thread may have, by bundles. */
static struct depot {
        lock guard;
        uint32_t n;
        beam_msg *bundles;
} depots[N_CLASSES];

static pthread_key_t exit_key;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;

static size_t class_size(uint32_t c) {
        return (size_t)1 << (FIRST_SHIFT + c);
}

static int32_t class_bundle(uint32_t c) {
        size_t n = BUNDLE_BYTES >> (FIRST_SHIFT + c);

        return n > BUNDLE_MAX ? BUNDLE_MAX : n < 1 ? 1 : (int32_t)n;
}

static uint32_t class_of(size_t n) {
        if (n <= class_size(0))
                return 0;
        if (n > class_size(N_CLASSES - 1))
                return NOT_KEPT;
        return (uint32_t)(64 - __builtin_clzll(n - 1)) - FIRST_SHIFT;
}

/* shelves */

static void chain_free(beam_msg *msg) {
        while (msg) {
                beam_msg *next = msg->next;

                mem_free(msg);
                msg = next;
        }
}

static void shelf_empty(uint32_t c) {
        chain_free(shelves[c].first);
        chain_free(shelves[c].bundle);
        shelves[c] = (shelf){ 0 };
}

static void on_thread_exit(void *unused) {
        (void)unused;
        for (uint32_t c = 0; c < N_CLASSES; c++)
                shelf_empty(c);
        shelves_known = false;
}

static void depots_after_fork(void) {
        /* Another thread may have been in the middle of one: what lay there is lost. */
        for (uint32_t c = 0; c < N_CLASSES; c++)
                depots[c] = (struct depot){ 0 };
}

static void exit_install(void) {
        pthread_key_create(&exit_key, on_thread_exit);
        fork_in_child(depots_after_fork);
}

static __attribute__((noinline)) void shelves_announce(void) {
        pthread_once(&exit_once, exit_install);
        pthread_setspecific(exit_key, shelves);
        for (uint32_t c = 0; c < N_CLASSES; c++)
                shelves[c].room = class_bundle(c);
        shelves_known = true;
}

void msg_trim(void) {
        on_thread_exit(NULL);
        for (uint32_t c = 0; c < N_CLASSES; c++) {
                beam_msg *bundle;

                lock_take(&depots[c].guard);
                while ((bundle = depots[c].bundles)) {
                        depots[c].bundles = bundle->next_bundle;
                        chain_free(bundle);
                }
                depots[c].n = 0;
                lock_give(&depots[c].guard);
        }
}

/* Returns whether it has taken the bundle. */
static bool depot_put(uint32_t c, beam_msg *bundle) {
        struct depot *d = &depots[c];
        bool kept;

        lock_take(&d->guard);
        kept = (size_t)d->n * (size_t)class_bundle(c) * class_size(c) < DEPOT_BYTES;
        if (kept) {
                bundle->next_bundle = d->bundles;
                d->bundles = bundle;
                d->n++;
        }
        lock_give(&d->guard);
        return kept;
}

static beam_msg *depot_take(uint32_t c) {
        struct depot *d = &depots[c];
        beam_msg *bundle;

        lock_take(&d->guard);
        bundle = d->bundles;
        if (bundle) {
                d->bundles = bundle->next_bundle;
                d->n--;
        }
        lock_give(&d->guard);
        return bundle;
}

/* There was no room for the one that was put last. What has come together is a bundle; the
 * one before it goes to the depot, or back to the heap. */
static __attribute__((noinline)) void shelf_is_full(uint32_t c) {
        shelf *s = &shelves[c];

        if (c == NOT_KEPT) {
                mem_free(s->first);
                *s = (shelf){ 0 };
                return;
        }
        if (!shelves_known) {
                shelves_announce();
                if (--s->room)
                        return;
        }
        if (s->bundle && !depot_put(c, s->bundle))
                chain_free(s->bundle);
        *s = (shelf){ .bundle = s->first, .room = class_bundle(c) };
}

/* Aligned: head and a small message are two cache lines, not three. */
static beam_msg *block_make(uint32_t c, size_t n_lines) {
        beam_msg *msg = n_lines < UINT32_MAX ? mem_aligned(64, sizeof(*msg) + 64 * n_lines) : NULL;

        if (msg) {
                msg->size_class = c;
                msg->n_lines = (uint32_t)n_lines;
        }
        return msg;
}

static __attribute__((noinline)) beam_msg *shelf_is_empty(uint32_t c) {
        shelf *s = &shelves[c];
        beam_msg *msg = s->bundle;

        if (!shelves_known)
                shelves_announce();
        if (!msg)
                msg = depot_take(c);
        if (!msg)
                return block_make(c, class_size(c) / 64);
        *s = (shelf){ .first = msg->next, .room = 1 };
        return msg;
}

static inline __attribute__((always_inline)) beam_msg *block_new(size_t n) {
        uint32_t c = class_of(n);
        beam_msg *msg;

        if (c == NOT_KEPT)
                return block_make(c, n / 64 + 1);

        msg = shelves[c].first;
        if (__builtin_expect(!msg, 0))
                return shelf_is_empty(c);
        shelves[c].first = msg->next;
        shelves[c].room++;
        return msg;
}

static inline __attribute__((always_inline)) void block_free(beam_msg *msg) {
        shelf *s = &shelves[msg->size_class];

        msg->next = s->first;
        s->first = msg;
        if (__builtin_expect(--s->room <= 0, 0))
                shelf_is_full(msg->size_class);
}

/* life */

static inline __attribute__((always_inline)) beam_msg *make(size_t n) {
        beam_msg *msg = block_new(n);

        if (!msg)
                return NULL;
        msg->next = NULL;
        msg->data = (uint8_t *)(msg + 1);
        msg->n = n;
        msg->deadline = BEAM_FOREVER;
        msg->extra = NULL;
        msg->pins = 0;
        msg->freed = false;
        return msg;
}

beam_msg *msg_new(size_t n) {
        return make(n);
}

int msg_reserve(beam_msg **ret_msg, size_t n) {
        beam_msg *old = *ret_msg, *msg;

        if (old && n <= msg_room(old))
                return 0;
        msg = msg_new(n);
        if (!msg)
                return -ENOMEM;
        *ret_msg = msg;
        msg->n = 0;
        if (!old)
                return 0;
        memcpy(msg->data, old->data, old->n);
        msg->n = old->n;
        msg->deadline = old->deadline;
        msg->extra = old->extra;
        msg->left = old->left;
        block_free(old);
        return 0;
}

int beam_msg_new(const void *data, size_t n, beam_msg **ret) {
        beam_msg *msg = make(n);

        if (!msg)
                return -ENOMEM;
        if (data && n)
                memcpy(msg->data, data, n);
        *ret = msg;
        return 0;
}

static msg_extra *extra_get(beam_msg *msg) {
        beam_msg *block;

        if (!msg->extra && (block = block_new(sizeof(msg_extra)))) {
                msg->extra = (msg_extra *)(void *)(block + 1);
                *msg->extra = (msg_extra){ .size_things = 1, .things = &msg->extra->one };
        }
        return msg->extra;
}

int beam_msg_wrap(const void *data, size_t n, void (*release)(void *arg), void *arg,
                  beam_msg **ret) {
        beam_msg *msg = msg_new(0);

        if (!msg)
                return -ENOMEM;
        if (!extra_get(msg)) {
                block_free(msg);
                return -ENOMEM;
        }
        /* never written through: beam_msg_buffer() answers NULL for these */
        msg->data = (uint8_t *)(uintptr_t)data;
        msg->n = n;
        msg->extra->release = release;
        msg->extra->arg = arg;
        *ret = msg;
        return 0;
}

void thing_close(thing *t) {
        thing was = *t;

        t->kind = BEAM_NOTHING;
        switch (was.kind) {
        case BEAM_SENDER:
                beam_sender_fail(was.tx, BEAM_CODE_GONE, NULL);
                break;
        case BEAM_RECEIVER:
                beam_receiver_fail(was.rx, BEAM_CODE_GONE, NULL);
                break;
        case BEAM_STREAM:
                beam_stream_fail(was.st, BEAM_CODE_GONE, NULL);
                break;
        case BEAM_FD:
                fd_close(was.fd);
                break;
        case BEAM_NOTHING:
                break;
        }
}

static void extra_free(msg_extra *extra) {
        for (size_t i = 0; i < extra->n_things; i++)
                thing_close(&extra->things[i]);
        if (extra->release)
                extra->release(extra->arg);
        if (extra->things != &extra->one)
                mem_free(extra->things);
        block_free((beam_msg *)(void *)extra - 1);
}

/* A thing that is closed may free messages that carry things in their turn: they
 * wait in a list, so that the depth of nesting is not the depth of the stack. */
static __attribute__((noinline)) void msg_free_deep(beam_msg *msg) {
        msg->next = to_free;
        to_free = msg;
        if (freeing)
                return;

        freeing = true;
        while ((msg = to_free)) {
                msg_extra *extra = msg->extra;

                to_free = msg->next;
                msg->extra = NULL;
                block_free(msg);
                extra_free(extra);
        }
        freeing = false;
}

beam_msg *beam_msg_free(beam_msg *msg) {
        if (!msg)
                return NULL;
        if (msg->pins)
                msg->freed = true;
        else if (msg->extra)
                msg_free_deep(msg);
        else
                block_free(msg);
        return NULL;
}

void msg_unpin(beam_msg *msg) {
        if (--msg->pins == 0 && msg->freed)
                beam_msg_free(msg);
}

/* bytes */

const void *beam_msg_data(const beam_msg *msg, size_t *ret_n) {
        if (ret_n)
                *ret_n = msg->n;
        return msg->data;
}

void *beam_msg_buffer(beam_msg *msg) {
        return msg->data == (uint8_t *)(msg + 1) ? msg->data : NULL;
}

int beam_msg_set_label(beam_msg *msg, const char *label) {
        size_t n = strlen(label);

        if (n > BEAM_LABEL_MAX)
                return -EINVAL;
        if (n == 0 && !msg->extra)
                return 0;
        if (!extra_get(msg))
                return -ENOMEM;
        memcpy(msg->extra->label, label, n + 1);
        return 0;
}

const char *beam_msg_label(const beam_msg *msg) {
        return msg->extra ? msg->extra->label : "";
}

void beam_msg_set_deadline(beam_msg *msg, int64_t deadline) {
        msg->deadline = deadline;
}

int64_t beam_msg_deadline(const beam_msg *msg) {
        return msg->deadline;
}

/* things */

int msg_put(beam_msg *msg, const thing *t) {
        msg_extra *extra = extra_get(msg);

        if (!extra)
                return -ENOMEM;
        if (extra->n_things >= INT_MAX)
                return -E2BIG;
        if (extra->n_things == extra->size_things) {
                bool first = extra->things == &extra->one;
                size_t size = first ? 4 : 2 * extra->size_things;
                thing *things = mem_resize(first ? NULL : extra->things, size * sizeof(*things));

                if (!things)
                        return -ENOMEM;
                if (first)
                        things[0] = extra->one;
                extra->things = things;
                extra->size_things = size;
        }
        extra->things[extra->n_things] = *t;
        return (int)extra->n_things++;
}

void msg_trim_things(beam_msg *msg) {
        while (msg_n_things(msg) && msg_thing(msg, msg_n_things(msg) - 1)->kind == BEAM_NOTHING)
                msg->extra->n_things--;
}

uint32_t msg_n_fds(const beam_msg *msg) {
        uint32_t n = 0;

        for (size_t i = 0; i < msg_n_things(msg); i++)
                n += msg_thing(msg, i)->kind == BEAM_FD;
        return n;
}

int msg_take_extra(beam_msg *to, beam_msg *from) {
        msg_extra *had = from->extra, *has;

        if (!had)
                return 0;
        has = extra_get(to);
        if (!has)
                return -ENOMEM;
        memcpy(has->label, had->label, sizeof(has->label));
        has->one = had->one;
        if (had->things != &had->one)
                has->things = had->things;
        has->n_things = had->n_things;
        has->size_things = had->size_things;
        had->things = &had->one;
        had->n_things = 0;
        had->size_things = 1;
        return 0;
}

int beam_msg_put_sender(beam_msg *msg, beam_sender *tx) {
        if (tx && sender_is_of_parent(tx))
                return -ECHILD;
        return tx ? msg_put(msg, &(thing){ .kind = BEAM_SENDER, .tx = tx }) : -EINVAL;
}

int beam_msg_put_receiver(beam_msg *msg, beam_receiver *rx) {
        if (rx && receiver_is_of_parent(rx))
                return -ECHILD;
        return rx ? msg_put(msg, &(thing){ .kind = BEAM_RECEIVER, .rx = rx }) : -EINVAL;
}

int beam_msg_put_stream(beam_msg *msg, beam_stream *st) {
        if (st && stream_is_of_parent(st))
                return -ECHILD;
        return st ? msg_put(msg, &(thing){ .kind = BEAM_STREAM, .st = st }) : -EINVAL;
}

int beam_msg_put_fd(beam_msg *msg, int fd) {
        return fd >= 0 ? msg_put(msg, &(thing){ .kind = BEAM_FD, .fd = fd }) : -EBADF;
}

size_t beam_msg_things(const beam_msg *msg) {
        return msg_n_things(msg);
}

static thing *thing_at(const beam_msg *msg, size_t place, beam_kind kind) {
        if (place >= msg_n_things(msg) || msg_thing(msg, place)->kind != kind)
                return NULL;
        return msg_thing(msg, place);
}

beam_kind beam_msg_kind(const beam_msg *msg, size_t place) {
        return place < msg_n_things(msg) ? msg_thing(msg, place)->kind : BEAM_NOTHING;
}

beam_sender *beam_msg_take_sender(beam_msg *msg, size_t place) {
        thing *t = thing_at(msg, place, BEAM_SENDER);

        if (!t)
                return NULL;
        t->kind = BEAM_NOTHING;
        return t->tx;
}

beam_receiver *beam_msg_take_receiver(beam_msg *msg, size_t place) {
        thing *t = thing_at(msg, place, BEAM_RECEIVER);

        if (!t)
                return NULL;
        t->kind = BEAM_NOTHING;
        return t->rx;
}

beam_stream *beam_msg_take_stream(beam_msg *msg, size_t place) {
        thing *t = thing_at(msg, place, BEAM_STREAM);

        if (!t)
                return NULL;
        t->kind = BEAM_NOTHING;
        return t->st;
}

int beam_msg_take_fd(beam_msg *msg, size_t place) {
        thing *t = thing_at(msg, place, BEAM_FD);

        if (!t)
                return -1;
        t->kind = BEAM_NOTHING;
        return t->fd;
}

int beam_msg_fd_bridged(const beam_msg *msg, size_t place) {
        thing *t = thing_at(msg, place, BEAM_FD);

        return t ? t->bridged : -ENOENT;
}
