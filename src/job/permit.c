/* SPDX-License-Identifier: Apache-2.0 */
#include "permit.h"

#include <errno.h>

#include "../base/mem.h"
#include "user.h"

static void user_forget(permit_user *u) {
        mem_free(u->name);
        mem_free(u->home);
        mem_free(u->shell);
}

void permit_deinit(permit *p) {
        for (size_t i = 0; i < p->n_users; i++)
                user_forget(&p->users[i]);
        mem_free(p->users);
        *p = (permit){ 0 };
}

int permit_add_user(permit *p, const char *name) {
        permit_user u = { 0 }, *more;
        int r;

        if (p->n_users == PERMIT_USERS_MAX)
                return -E2BIG;
        r = user_look_up(name, &u.home, &u.shell);
        if (r < 0)
                return r;
        u.name = mem_text(name);
        more = u.name ? mem_resize(p->users, (p->n_users + 1) * sizeof(*more)) : NULL;
        if (!more) {
                user_forget(&u);
                return -ENOMEM;
        }
        p->users = more;
        p->users[p->n_users++] = u;
        return 0;
}

static const process_limit *find_limit(const process_limit *limits, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (limits[i].name == name)
                        return &limits[i];
        return NULL;
}

int permit_add_limit(permit *p, const char *text) {
        process_limit limit;

        if (!limit_read(bytes_of(text), &limit))
                return -EINVAL;
        if (find_limit(p->limits, p->n_limits, limit.name))
                return -EEXIST;
        p->limits[p->n_limits++] = limit;
        return 0;
}

/* From root the kernel takes more than we have ourselves. */
static void check_limit(const permit *p, order *o, const process_limit *limit) {
        const process_limit *most = find_limit(p->limits, p->n_limits, limit->name);
        struct rlimit ours;

        if (getrlimit((__rlimit_resource_t)limit_resource(limit->name), &ours) < 0 ||
            limit->hard > ours.rlim_max || (most && limit->hard > most->hard))
                order_refuse(o, "limit.%s: it is more than is permitted", limit->name);
}

static void apply_limits(const permit *p, order *o) {
        for (size_t i = 0; i < o->n_limits; i++)
                check_limit(p, o, &o->limits[i]);
        for (size_t i = 0; i < p->n_limits; i++)
                if (!find_limit(o->limits, o->n_limits, p->limits[i].name))
                        o->limits[o->n_limits++] = p->limits[i];
}

/* What programs take for theirs. */
static int give_home(const permit_user *u, order *o) {
        const struct {
                const char *name, *value;
        } variables[] = {
                { "HOME", u->home },
                { "SHELL", u->shell },
                { "USER", u->name },
                { "LOGNAME", u->name },
        };
        int r = 0;

        for (size_t i = 0; r == 0 && i < sizeof(variables) / sizeof(variables[0]); i++)
                r = order_give(o, variables[i].name, variables[i].value);
        return r;
}

static int apply_user(const permit *p, order *o) {
        if (!o->user)
                return 0;
        for (size_t i = 0; i < p->n_users; i++)
                if (strcmp(p->users[i].name, o->user) == 0)
                        return give_home(&p->users[i], o);
        order_refuse(o, "user: %.100s is not permitted", o->user);
        return 0;
}

int permit_apply(const permit *p, order *o) {
        apply_limits(p, o);
        return apply_user(p, o);
}
