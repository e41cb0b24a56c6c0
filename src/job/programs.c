/* SPDX-License-Identifier: Apache-2.0 */
#include "programs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/mem.h"

void programs_deinit(programs *p) {
        for (size_t i = 0; i < p->n; i++) {
                mem_free(p->all[i].name);
                mem_free(p->all[i].path);
        }
        p->all = mem_free(p->all);
        p->n = 0;
}

const program *programs_find(const programs *p, bytes name) {
        for (size_t i = 0; i < p->n; i++)
                if (bytes_equal(bytes_of(p->all[i].name), name))
                        return &p->all[i];
        return NULL;
}

/* A program that could be run at @path, as a path from the root: where we are is ours to
 * change. Not what a link leads to: many programs are told by that name which they are. */
static int look_at(const char *path, char **ret) {
        char here[PATH_MAX], whole[2 * PATH_MAX];
        struct stat st;

        if (stat(path, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || access(path, X_OK) < 0)
                return -EACCES;
        if (*path != '/' && !getcwd(here, sizeof(here)))
                return -errno;
        if (*path != '/' && snprintf(whole, sizeof(whole), "%s/%s", here, path) > 0)
                path = whole;
        *ret = mem_text(path);
        return *ret ? 0 : -ENOMEM;
}

/* The first along PATH; what could not be run is passed over, as a shell does. */
static int look_up(const char *name, char **ret) {
        const char *at = getenv("PATH");
        int r, worst = -ENOENT;

        for (at = at ? at : ""; *at; at += *at == ':') {
                size_t n = strcspn(at, ":");
                char path[PATH_MAX];

                r = snprintf(path, sizeof(path), "%.*s%s%s", (int)n, at, n ? "/" : "./", name);
                r = r < (int)sizeof(path) ? look_at(path, ret) : -ENAMETOOLONG;
                if (r == 0 || r == -ENOMEM)
                        return r;
                if (r == -EACCES)
                        worst = r;
                at += n;
        }
        return worst;
}

/* A name is a part of the names of keys, and of a command line. */
static int check_name(const programs *p, bytes name) {
        if (name.n == 0 || name.n > PROGRAMS_NAME_MAX || memchr(name.p, '/', name.n) ||
            memchr(name.p, '=', name.n))
                return -EINVAL;
        if (programs_find(p, name))
                return -EEXIST;
        return p->n == PROGRAMS_MAX ? -E2BIG : 0;
}

static int add(programs *p, bytes name, program what) {
        program *grown = mem_resize(p->all, (p->n + 1) * sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        p->all = grown;
        what.name = mem_zero(name.n + 1);
        if (!what.name)
                return -ENOMEM;
        memcpy(what.name, name.p, name.n);
        p->all[p->n++] = what;
        return 0;
}

int programs_add(programs *p, const char *text) {
        const char *equals = strchr(text, '='), *where = equals ? equals + 1 : text;
        bytes name = { text, equals ? (size_t)(equals - text) : strlen(text) };
        _cleanup_(mem_freep) char *path = NULL;
        int r = *where ? check_name(p, name) : -EINVAL;

        if (r == 0)
                r = strchr(where, '/') ? look_at(where, &path) : look_up(where, &path);
        if (r == 0)
                r = add(p, name, (program){ .path = path });
        if (r == 0)
                path = NULL;
        return r;
}

int programs_add_function(programs *p, const char *name, beam_work_fn *fn, void *data) {
        int r = check_name(p, bytes_of(name));

        return r < 0 ? r : add(p, bytes_of(name), (program){ .fn = fn, .data = data });
}
