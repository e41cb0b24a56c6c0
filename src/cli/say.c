/* SPDX-License-Identifier: Apache-2.0 */
#include "say.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/utf8.h"

static void say(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* One write for the whole line, so that lines of several processes do not mix. */
static void say(const char *format, va_list args) {
        char line[2048];
        int n;

        n = vsnprintf(line, sizeof(line), format, args);
        if (n >= (int)sizeof(line))
                n = (int)sizeof(line) - 1;
        fprintf(stderr, "beam: %.*s\n", n, line);
        fflush(stderr);
}

void say_error(const char *format, ...) {
        va_list args;

        va_start(args, format);
        say(format, args);
        va_end(args);
}

void say_note(const cli_opts *o, const char *format, ...) {
        va_list args;

        if (!o->verbose && !isatty(STDERR_FILENO))
                return;
        va_start(args, format);
        say(format, args);
        va_end(args);
}

static int say_all(int fd, struct iovec *iov, int n_iov) {
        while (n_iov > 0) {
                ssize_t k = writev(fd, iov, n_iov);

                if (k < 0 && errno == EAGAIN) {
                        /* Whoever shares it with us has made it non-blocking. */
                        struct pollfd out = { .fd = fd, .events = POLLOUT };

                        (void)poll(&out, 1, -1);
                        continue;
                }
                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                for (; n_iov > 0 && (size_t)k >= iov->iov_len; iov++, n_iov--)
                        k -= (ssize_t)iov->iov_len;
                if (n_iov > 0) {
                        iov->iov_base = (char *)iov->iov_base + k;
                        iov->iov_len -= (size_t)k;
                }
        }
        return 0;
}

int say_bytes(const void *data, size_t n) {
        struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = n };

        return say_all(STDOUT_FILENO, &iov, 1);
}

int say_line(const void *data, size_t n) {
        struct iovec iov[] = {
                { .iov_base = (void *)(uintptr_t)data, .iov_len = n },
                { .iov_base = (char[]){ '\n' }, .iov_len = 1 },
        };

        return say_all(STDOUT_FILENO, iov, 2);
}

int say_json_open(say_json *j) {
        *j = (say_json){ 0 };
        j->file = open_memstream(&j->text, &j->n);
        if (!j->file)
                return -ENOMEM;
        fputc('{', j->file);
        return 0;
}

static void json_string(FILE *f, const char *text, size_t n) {
        fputc('"', f);
        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char)text[i];

                if (c == '"' || c == '\\')
                        fprintf(f, "\\%c", c);
                else if (c == '\n')
                        fputs("\\n", f);
                else if (c < 0x20 || c == 0x7f)
                        fprintf(f, "\\u%04x", c);
                else
                        fputc(c, f);
        }
        fputc('"', f);
}

static void json_name(say_json *j, const char *name) {
        if (j->more)
                fputc(',', j->file);
        j->more = true;
        json_string(j->file, name, strlen(name));
        fputc(':', j->file);
}

void say_json_text(say_json *j, const char *name, const char *text) {
        say_json_data(j, name, text, strlen(text));
}

void say_json_data(say_json *j, const char *name, const void *data, size_t n) {
        static const char digits[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const unsigned char *p = data;

        if (utf8_is_valid(data, n)) {
                json_name(j, name);
                json_string(j->file, data, n);
                return;
        }

        json_name(j, "base64");
        fputc('"', j->file);
        for (size_t i = 0; i < n; i += 3) {
                size_t left = n - i;
                unsigned v = (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0) |
                             (left > 2 ? p[i + 2] : 0u);

                fputc(digits[v >> 18], j->file);
                fputc(digits[v >> 12 & 63], j->file);
                fputc(left > 1 ? digits[v >> 6 & 63] : '=', j->file);
                fputc(left > 2 ? digits[v & 63] : '=', j->file);
        }
        fputc('"', j->file);
}

void say_json_number(say_json *j, const char *name, long long value) {
        json_name(j, name);
        fprintf(j->file, "%lld", value);
}

void say_json_real(say_json *j, const char *name, double value) {
        json_name(j, name);
        fprintf(j->file, "%.3f", value);
}

int say_json_close(say_json *j, int fd) {
        int r = -ENOMEM;

        fputs("}\n", j->file);
        if (fclose(j->file) == 0) {
                struct iovec iov = { .iov_base = j->text, .iov_len = j->n };

                r = say_all(fd, &iov, 1);
        }
        free(j->text);
        *j = (say_json){ 0 };
        return r;
}
