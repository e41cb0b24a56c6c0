/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include "help.h"
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char dir[80];

/* Texts handed out. Never freed: they are a test's until its process ends, and from
 * here they stay within reach of the leak checker's eye. */
typedef struct text text;
static struct text {
        text *next;
        bool may_stay;
        char s[];
} * texts;

static text *text_new(size_t n) {
        text *t = calloc(1, sizeof(*t) + n + 1);

        if (!t)
                test_fail("no memory");
        t->next = texts;
        texts = t;
        return t;
}

const char *test_text(const char *s, size_t n) {
        text *t = text_new(n);

        if (n)
                memcpy(t->s, s, n);
        return t->s;
}

bool place_make(void) {
        const char *tmp = getenv("TMPDIR");

        /* a socket's path is at most 107 bytes, and wants some for its name */
        if (!tmp || tmp[0] != '/' || strlen(tmp) > 48)
                tmp = "/tmp";
        snprintf(dir, sizeof(dir), "%s/beam-test-XXXXXX", tmp);
        return mkdtemp(dir);
}

void place_enter(void) {
        setenv("TMPDIR", dir, 1);
}

static bool may_stay(const char *name) {
        for (text *t = texts; t; t = t->next)
                if (t->may_stay && !strcmp(t->s + strlen(dir) + 1, name))
                        return true;
        return false;
}

bool place_leaks(void) {
        bool leaks = false;
        DIR *d = opendir(dir);

        if (!d)
                return false; /* the test has removed it: so be it */
        for (struct dirent *e; (e = readdir(d));) {
                if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || may_stay(e->d_name))
                        continue;
                test_say("leak: %s/%s is still there", dir, e->d_name);
                leaks = true;
        }
        closedir(d);
        return leaks;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        (void)st;
        (void)type;
        (void)ftw;
        remove(path);
        return 0;
}

void place_remove(void) {
        nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *test_dir(void) {
        return dir;
}

const char *test_path(const char *name) {
        text *t = text_new(sizeof(dir) + 1 + strlen(name));

        sprintf(t->s, "%s/%s", dir, name);
        return t->s;
}

const char *test_file(const char *name, const void *data, size_t n) {
        const char *path = test_path(name);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

        if (fd < 0)
                test_fail("%s: %s", path, strerror(errno));
        texts->may_stay = true;
        test_write(fd, data, n);
        close(fd);
        return path;
}

const char *test_url(const char *pattern) {
        static unsigned n_ids;
        char *s = NULL;
        const char *made;
        size_t n_s;
        FILE *f = open_memstream(&s, &n_s);

        if (!f)
                test_fail("no memory");
        while (*pattern) {
                if (!strncmp(pattern, "{dir}", 5)) {
                        fputs(dir, f);
                        pattern += 5;
                } else if (!strncmp(pattern, "{id}", 4)) {
                        fprintf(f, "beam-test-%d-%u", (int)getpid(), n_ids++);
                        pattern += 4;
                } else {
                        fputc(*pattern++, f);
                }
        }
        fclose(f);
        made = test_text(s, n_s);
        free(s);
        return made;
}

const char *const test_urls[] = {
        "mem:{id}", "unix:{dir}/s", "unix:@{id}", "tcp://127.0.0.1:0", NULL,
};

int test_has_ipv6(void) {
        struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
        int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

        if (fd < 0)
                return 0;
        r = bind(fd, (struct sockaddr *)&a, sizeof(a));
        close(fd);
        return r == 0;
}
