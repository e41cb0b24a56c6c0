/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Cleanup: locals that own
 *
 *     _cleanup_(mem_freep) char *path = NULL;
 *     _cleanup_(fd_closep) int fd = -1;
 *     ...
 *     *ret_path = take_ptr(&path);
 *     *ret_fd = take_fd(&fd);
 *     return 0;
 *
 * The function named gets the address of the local when it goes out of scope.
 */

#define _cleanup_(f) __attribute__((cleanup(f)))

/* The pointer in *@p, which is NULL from then on: whoever gets it owns it. A
 * statement expression, since the type is the caller's. */
#define take_ptr(p)                                       \
        (__extension__({                                  \
                __typeof__(p) take_p = (p);               \
                __typeof__(*take_p) take_value = *take_p; \
                *take_p = NULL;                           \
                take_value;                               \
        }))

/* Likewise a descriptor, -1 from then on. */
static inline int take_fd(int *fd) {
        int value = *fd;

        *fd = -1;
        return value;
}
