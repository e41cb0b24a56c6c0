/* SPDX-License-Identifier: Apache-2.0 */
#include "user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/decimal.h"
#include "../base/mem.h"

/* What an entry may take at most, its list of members too; picked. */
enum { ENTRY_MIN = 1024, ENTRY_MAX = 16 * 1024 * 1024 };

/* The largest number stands for none. */
static bool read_id(const char *text, uint32_t *ret) {
        int64_t number;

        if (!decimal_read(text, strlen(text), &number) || number < 0 || number >= UINT32_MAX)
                return false;
        *ret = (uint32_t)number;
        return true;
}

/* An entry's texts lie in *@buf, which grows until they fit. */
static int buffer_grow(char **buf, size_t *n) {
        size_t more = *n ? *n * 4 : ENTRY_MIN;
        char *p = more <= ENTRY_MAX ? mem_resize(*buf, more) : NULL;

        if (!p)
                return -ENOMEM;
        *buf = p;
        *n = more;
        return 0;
}

/* Some systems say ENOENT and the like where POSIX wants 0 and no entry. */
static int missing(int error) {
        return error == ENOMEM || error == EIO || error == EMFILE || error == ENFILE ? -error
                                                                                     : -ENOENT;
}

static int find_passwd(const char *name, bool by_id, uid_t uid, struct passwd *ret, char **buf) {
        struct passwd *found = NULL;
        size_t n = 0;
        int r = ERANGE;

        while (r == ERANGE) {
                int grown = buffer_grow(buf, &n);

                if (grown < 0)
                        return grown;
                do
                        r = by_id ? getpwuid_r(uid, ret, *buf, n, &found)
                                  : getpwnam_r(name, ret, *buf, n, &found);
                while (r == EINTR);
        }
        return found ? 0 : missing(r);
}

static int find_group(const char *name, gid_t *ret) {
        _cleanup_(mem_freep) char *buf = NULL;
        struct group entry, *found = NULL;
        size_t n = 0;
        int r = ERANGE;

        if (read_id(name, ret))
                return 0;
        while (r == ERANGE) {
                int grown = buffer_grow(&buf, &n);

                if (grown < 0)
                        return grown;
                do
                        r = getgrnam_r(name, &entry, buf, n, &found);
                while (r == EINTR);
        }
        if (!found)
                return missing(r);
        *ret = found->gr_gid;
        return 0;
}

/* Those that the system lists the user in. */
static int groups_of(const char *name, user *u) {
        int n = 16, had = 0;

        do {
                gid_t *more = mem_resize(u->groups, (size_t)n * sizeof(*more));

                if (!more)
                        return -ENOMEM;
                u->groups = more;
                had = n;
        } while (getgrouplist(name, u->gid, u->groups, &n) < 0 && n > had);
        u->n_groups = (size_t)(n < had ? n : had);
        return 0;
}

static int groups_given(const char *const *groups, user *u) {
        size_t n = 0;

        while (groups[n])
                n++;
        u->groups = mem_array(n, sizeof(*u->groups));
        if (!u->groups)
                return -ENOMEM;
        for (; u->n_groups < n; u->n_groups++) {
                int r = find_group(groups[u->n_groups], &u->groups[u->n_groups]);

                if (r < 0)
                        return r;
        }
        return 0;
}

static bool is_uid(uid_t uid) {
        uid_t real, effective, saved;

        return getresuid(&real, &effective, &saved) == 0 && real == uid && effective == uid &&
               saved == uid;
}

static bool is_gid(gid_t gid) {
        gid_t real, effective, saved;

        return getresgid(&real, &effective, &saved) == 0 && real == gid && effective == gid &&
               saved == gid;
}

int user_find(const char *name, const char *group, const char *const *groups, user *ret,
              bool *ret_group) {
        _cleanup_(mem_freep) char *buf = NULL;
        struct passwd entry = { 0 };
        bool has_entry = false;
        int r;

        *ret = (user){ 0 };
        *ret_group = false;
        if (name) {
                bool by_id = read_id(name, &ret->uid);

                r = find_passwd(name, by_id, ret->uid, &entry, &buf);
                if (r < 0 && !(by_id && r == -ENOENT))
                        return r;
                has_entry = r == 0;
                if (has_entry) {
                        ret->uid = entry.pw_uid;
                        ret->gid = entry.pw_gid;
                }
                ret->has_user = !is_uid(ret->uid);
        }
        *ret_group = true;
        if (group) {
                r = find_group(group, &ret->gid);
                if (r < 0)
                        return r;
        } else if (name && !has_entry)
                return -EINVAL;
        ret->has_group = (name || group) && !is_gid(ret->gid);

        if (groups) {
                ret->has_groups = true;
                return groups_given(groups, ret);
        }
        /* Only who changes gets the groups of the other: these are not for everybody to set. */
        ret->has_groups = ret->has_user;
        return ret->has_user && has_entry ? groups_of(entry.pw_name, ret) : 0;
}

void user_deinit(user *u) {
        u->groups = mem_free(u->groups);
        u->n_groups = 0;
}

int user_look_up(const char *name, char **ret_home, char **ret_shell) {
        _cleanup_(mem_freep) char *buf = NULL, *home = NULL;
        struct passwd entry = { 0 };
        uid_t uid = 0;
        bool by_id = read_id(name, &uid);
        int r = find_passwd(name, by_id, uid, &entry, &buf);

        if (r < 0)
                return r;
        home = mem_text(entry.pw_dir);
        *ret_shell = home ? mem_text(entry.pw_shell) : NULL;
        if (!*ret_shell)
                return -ENOMEM;
        *ret_home = home;
        home = NULL;
        return 0;
}
