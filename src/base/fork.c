/* SPDX-License-Identifier: Apache-2.0 */
#include "fork.h"

#include <assert.h>
#include <pthread.h>
#include <unistd.h>

#include "lock.h"

enum { N_HOOKS = 8 };

uint32_t fork_counter;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static lock guard;
static list fds = LIST_INIT(fds);
static void (*hooks[N_HOOKS])(void);
static unsigned n_hooks;

static void before(void) {
        lock_take(&guard);
}

static void after_in_parent(void) {
        lock_give(&guard);
}

static void after_in_child(void) {
        list *node;

        fork_counter++;
        while ((node = list_take_first(&fds)))
                close(container_of(node, fork_fd, node)->fd);
        for (unsigned i = 0; i < n_hooks; i++)
                hooks[i]();
        lock_give(&guard);
}

static void install(void) {
        /* fails only without memory; then the child keeps descriptors that it cannot use */
        (void)pthread_atfork(before, after_in_parent, after_in_child);
}

void fork_close(fork_fd *f, int fd) {
        pthread_once(&once, install);
        list_init(&f->node);
        f->fd = fd;
        lock_take(&guard);
        list_append(&fds, &f->node);
        lock_give(&guard);
}

void fork_forget(fork_fd *f) {
        lock_take(&guard);
        list_remove(&f->node);
        lock_give(&guard);
}

void fork_in_child(void (*fn)(void)) {
        pthread_once(&once, install);
        lock_take(&guard);
        assert(n_hooks < N_HOOKS);
        hooks[n_hooks++] = fn;
        lock_give(&guard);
}
