/* SPDX-License-Identifier: Apache-2.0 */
#include "spell.h"

#include "../../wire/rdb/out.h"
#include "../file/snapshot.h"
#include "../test-ask.h"

#include "../../base/mem.h"

#include <stdio.h>
#include <stdlib.h>

/* The file of a store that these lines have filled. */
static bytes file_of(const char *const *lines) {
        rdb_out out = { 0 };
        snapshot *snap;
        bytes piece;
        client *c;
        store *s;
        int r;

        assert_ok(store_new(NULL, &s));
        c = client_new(s);
        for (; *lines; lines++)
                assert_ne(ask(c, *lines)[0], '-');
        assert_ok(snapshot_new(s, &snap));
        do {
                r = snapshot_next(snap, 1000, &piece);
                assert_ok(r);
                rdb_out_raw(&out, piece.p, piece.n);
        } while (r > 0);
        snapshot_free(snap);
        client_free(c);
        store_free(s);
        return (bytes){ (char *)out.p, out.n };
}

static bool wants(void *data, bytes name) {
        return name.n > 0 && name.p[0] == *(const char *)data;
}

/* Its commands, a line each with the database first, when it comes in pieces of @step. */
static const char *spelled(bytes file, size_t step, const char *only) {
        static char text[65536];
        size_t from = 0, to = 0, n = 0;
        spell s = { .wants = only ? wants : NULL, .data = (void *)(uintptr_t)only };
        int r = 1;

        spell_init(&s);
        text[0] = '\0';
        while (r > 0 || to < file.n) {
                uint8_t *piece;

                if (r == 0)
                        to = to + step < file.n ? to + step : file.n;
                piece = malloc(to - from + 1);
                memcpy(piece, file.p + from, to - from);
                r = spell_next(&s, piece, to - from);
                free(piece);
                assert_ok(r);
                from += s.consumed;
                if (r == 0)
                        continue;
                n += (size_t)sprintf(text + n, "%d", s.db);
                for (size_t i = 0; i < s.argc; i++)
                        n += (size_t)sprintf(text + n, " %.*s", (int)s.argv[i].n, s.argv[i].p);
                n += (size_t)sprintf(text + n, "\n");
                assert_lt(n, sizeof(text) / 2);
        }
        assert_true(spell_is_whole(&s));
        assert_eq(from, file.n);
        spell_deinit(&s);
        spell_deinit(&s);
        return text;
}

TEST(each_type_at_every_cut) {
        static const char *const lines[] = {
                "SET a 1",
                "SET b x PXAT 99999999999999",
                "SELECT 3",
                "RPUSH l x y 3",
                "PEXPIREAT l 88888888888888",
                "SELECT 4",
                "HSET h f v",
                "SELECT 5",
                "ZADD z 1.5 m",
                "SELECT 6",
                "SADD s m",
                NULL,
        };
        bytes file = file_of(lines);

        for (size_t step = 1; step < 70; step++)
                assert_str(spelled(file, step, "a"), "0 SET a 1\n");
        for (size_t step = 1; step <= file.n; step++) {
                const char *said = spelled(file, step, NULL);

                assert_not_null(strstr(said, "0 SET a 1\n"));
                assert_not_null(strstr(said, "0 SET b x PXAT 99999999999999\n"));
                assert_not_null(strstr(said, "3 RPUSH l x y 3\n3 PEXPIREAT l 88888888888888\n"
                                             "4 HSET h f v\n5 ZADD z 1.5 m\n6 SADD s m\n"));
        }
        mem_free((char *)file.p);
}

/* A large collection comes in parts, which hold all of it in order. */
TEST(a_large_list) {
        char lines[50][600];
        const char *pointers[51];
        const char *at;
        bytes file;
        int next = 0;

        for (int i = 0; i < 50; i++) {
                size_t n = (size_t)sprintf(lines[i], "RPUSH l");

                for (int k = 0; k < 20; k++)
                        n += (size_t)sprintf(lines[i] + n, " e%d", 20 * i + k);
                pointers[i] = lines[i];
        }
        pointers[50] = NULL;
        file = file_of(pointers);
        at = spelled(file, 100, NULL);
        for (const char *line = at; *line; line = strchr(line, '\n') + 1) {
                assert_eq(strncmp(line, "0 RPUSH l ", 10), 0);
                for (const char *p = line + 9; *p == ' '; p = strpbrk(p + 1, " \n"))
                        assert_eq(atoi(p + 2), next++);
        }
        assert_eq(next, 1000);
        mem_free((char *)file.p);
}
