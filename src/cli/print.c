/* SPDX-License-Identifier: Apache-2.0 */
#include "print.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/utf8.h"

/* In quotes, with what is not printable spelled out. */
static void print_quoted(const char *p, size_t n) {
        putchar('"');
        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char)p[i];

                if (c == '"' || c == '\\')
                        printf("\\%c", c);
                else if (c == '\n' || c == '\r' || c == '\t')
                        printf("\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
                else if (c < 0x20 || c >= 0x7f)
                        printf("\\x%02x", c);
                else
                        putchar(c);
        }
        putchar('"');
}

/* One value; those within it stand @indent further to the right. */
static void print_for_people(const beam_result *r, int indent) {
        static const char marks[] = {
                [BEAM_RESULT_ARRAY] = ')', [BEAM_RESULT_SET] = '~', [BEAM_RESULT_MAP] = '#'
        };
        beam_result rest = *r, in;
        size_t n = 0;

        switch (r->kind) {
        case BEAM_RESULT_NULL:
                fputs("(nil)", stdout);
                break;
        case BEAM_RESULT_STATUS:
                fwrite(r->data, 1, r->n, stdout);
                break;
        case BEAM_RESULT_ERROR:
                printf("(error) %.*s", (int)r->n, r->data);
                break;
        case BEAM_RESULT_INTEGER:
                printf("(integer) %" PRId64, r->integer);
                break;
        case BEAM_RESULT_REAL:
                printf("(double) %.*s", (int)r->n, r->data);
                break;
        case BEAM_RESULT_BOOL:
                fputs(r->integer ? "(true)" : "(false)", stdout);
                break;
        case BEAM_RESULT_BYTES:
                print_quoted(r->data, r->n);
                break;
        case BEAM_RESULT_ARRAY:
        case BEAM_RESULT_SET:
        case BEAM_RESULT_MAP:
                if (r->count == 0)
                        fputs("(empty)", stdout);
                while (beam_result_next(&rest, &in)) {
                        int width;

                        if (n > 0)
                                printf("\n%*s", indent, "");
                        width = printf("%zu%c ", ++n, marks[r->kind]);
                        print_for_people(&in, indent + width);
                        if (r->kind == BEAM_RESULT_MAP && beam_result_next(&rest, &in)) {
                                fputs(" => ", stdout);
                                print_for_people(&in, indent + width + 4);
                        }
                }
                break;
        }
}

static void print_bare(const beam_result *r) {
        beam_result rest = *r, in;

        switch (r->kind) {
        case BEAM_RESULT_ARRAY:
        case BEAM_RESULT_SET:
        case BEAM_RESULT_MAP:
                while (beam_result_next(&rest, &in))
                        print_bare(&in);
                return;
        case BEAM_RESULT_INTEGER:
        case BEAM_RESULT_BOOL:
                printf("%" PRId64, r->integer);
                break;
        case BEAM_RESULT_NULL:
                break;
        default:
                fwrite(r->data, 1, r->n, stdout);
        }
        putchar('\n');
}

/* Bytes that are no text become {"base64": ...}, as elsewhere in this tool. */
static void print_json_bytes(const char *p, size_t n) {
        static const char digits[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

        if (utf8_is_valid(p, n)) {
                putchar('"');
                for (size_t i = 0; i < n; i++) {
                        unsigned char c = (unsigned char)p[i];

                        if (c == '"' || c == '\\')
                                printf("\\%c", c);
                        else if (c < 0x20)
                                printf("\\u%04x", c);
                        else
                                putchar(c);
                }
                putchar('"');
                return;
        }
        fputs("{\"base64\": \"", stdout);
        for (size_t i = 0; i < n; i += 3) {
                size_t left = n - i;
                uint32_t three = 0;

                for (size_t k = 0; k < 3; k++)
                        three = three << 8 | (k < left ? (unsigned char)p[i + k] : 0u);
                for (size_t k = 0; k < 4; k++)
                        putchar(k > left ? '=' : digits[three >> (18 - 6 * k) & 63]);
        }
        fputs("\"}", stdout);
}

static void print_json(const beam_result *r) {
        beam_result rest = *r, in;
        bool more = false;

        switch (r->kind) {
        case BEAM_RESULT_NULL:
                fputs("null", stdout);
                break;
        case BEAM_RESULT_INTEGER:
                printf("%" PRId64, r->integer);
                break;
        case BEAM_RESULT_BOOL:
                fputs(r->integer ? "true" : "false", stdout);
                break;
        case BEAM_RESULT_ERROR:
                fputs("{\"error\": ", stdout);
                print_json_bytes(r->data, r->n);
                putchar('}');
                break;
        case BEAM_RESULT_REAL: /* JSON has no name for inf and nan */
                if (r->real - r->real == 0)
                        fwrite(r->data, 1, r->n, stdout);
                else
                        print_json_bytes(r->data, r->n);
                break;
        case BEAM_RESULT_STATUS:
        case BEAM_RESULT_BYTES:
                print_json_bytes(r->data, r->n);
                break;
        case BEAM_RESULT_ARRAY:
        case BEAM_RESULT_SET:
        case BEAM_RESULT_MAP: /* keys may be anything: a list of pairs */
                putchar('[');
                while (beam_result_next(&rest, &in)) {
                        if (more)
                                fputs(", ", stdout);
                        more = true;
                        if (r->kind != BEAM_RESULT_MAP) {
                                print_json(&in);
                                continue;
                        }
                        putchar('[');
                        print_json(&in);
                        fputs(", ", stdout);
                        beam_result_next(&rest, &in);
                        print_json(&in);
                        putchar(']');
                }
                putchar(']');
                break;
        }
}

int print_result(const cli_opts *o, const beam_result *r) {
        if (o->json) {
                print_json(r);
                putchar('\n');
        } else if (isatty(STDOUT_FILENO)) {
                print_for_people(r, 0);
                putchar('\n');
        } else {
                print_bare(r);
        }
        return fflush(stdout) == 0 ? 0 : -errno;
}

static bool is_plain(beam_arg word) {
        for (size_t i = 0; i < word.n; i++)
                if (word.data[i] <= ' ' || word.data[i] > '~' || word.data[i] == '"' ||
                    word.data[i] == '\'' || word.data[i] == '\\')
                        return false;
        return word.n > 0;
}

static void print_words(const beam_arg *argv, size_t argc) {
        for (size_t i = 0; i < argc; i++) {
                if (i > 0)
                        putchar(' ');
                if (is_plain(argv[i]))
                        fwrite(argv[i].data, 1, argv[i].n, stdout);
                else
                        print_quoted(argv[i].data, argv[i].n);
        }
        putchar('\n');
}

static void print_change_json(const beam_change *change) {
        static const char *const kinds[] = { "gap", "command", "whole" };

        printf("{\"kind\": \"%s\"", kinds[change->kind]);
        if (change->kind == BEAM_CHANGE_COMMAND) {
                printf(", \"db\": %d, \"command\": [", change->db);
                for (size_t i = 0; i < change->argc; i++) {
                        if (i > 0)
                                fputs(", ", stdout);
                        print_json_bytes(change->argv[i].data, change->argv[i].n);
                }
                putchar(']');
        }
        if (change->position)
                printf(", \"position\": \"%s\"", change->position);
        puts("}");
}

int print_change(const cli_opts *o, const beam_change *change, int *db) {
        if (o->json) {
                print_change_json(change);
        } else if (change->kind == BEAM_CHANGE_GAP) {
                puts("FLUSHALL");
        } else if (change->kind == BEAM_CHANGE_COMMAND) {
                if (change->db != *db)
                        printf("SELECT %d\n", change->db);
                *db = change->db;
                print_words(change->argv, change->argc);
        }
        return fflush(stdout) == 0 ? 0 : -errno;
}
