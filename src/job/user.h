/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who a program runs as: names and numbers made into what the kernel wants
 *
 * A name is looked up where the system keeps them, which may be a file or another machine.
 * A number that nobody has is fine, with a group.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct user {
        bool has_user, has_group, has_groups; /* is to be changed; not, if it is so already */
        uid_t uid;
        gid_t gid;
        gid_t *groups; /* besides */
        size_t n_groups;
} user;

/* NULL: @name as we are; @group and @groups as we are or as the user has. @ret is to be
 * deinitialised in any case. -ENOENT: there is no such user, or with *@ret_group no such
 * group; -EINVAL: a number without a user has no group of its own. */
int user_find(const char *name, const char *group, const char *const *groups, user *ret,
              bool *ret_group);
void user_deinit(user *u);

/* Where a user lives, and its shell: the caller's. -ENOENT: there is no such user; -ENOMEM. */
int user_look_up(const char *name, char **ret_home, char **ret_shell);
