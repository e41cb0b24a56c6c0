/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the tool says
 *
 * Results go to stdout, everything else to stderr, as "beam: what, where, what to
 * do". say_note() is for people: it is silent in pipes unless --verbose was given.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli.h"

/* "beam: ..." and a newline on stderr. */
void say_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Likewise, when @o asks for it or stderr is a terminal. */
void say_note(const cli_opts *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The bytes to stdout at once, however often the kernel takes only a part of them.
 * Returns 0 or -errno; -EPIPE when nobody reads any more. */
int say_bytes(const void *data, size_t n);

/* Likewise with a newline behind them, in one write. */
int say_line(const void *data, size_t n);

/* One line of JSON, made bit by bit: say_json_open(), the fields, say_json_close().
 * Bytes that are not UTF-8 go into the field "base64" instead of @name. */
typedef struct say_json {
        char *text;
        size_t n;
        FILE *file;
        bool more;
} say_json;

int say_json_open(say_json *j);
void say_json_text(say_json *j, const char *name, const char *text);
void say_json_data(say_json *j, const char *name, const void *data, size_t n);
void say_json_number(say_json *j, const char *name, long long value);
void say_json_real(say_json *j, const char *name, double value);

/* Print the line to @fd, stdout or stderr; frees what it used. Returns as say_bytes(). */
int say_json_close(say_json *j, int fd);
