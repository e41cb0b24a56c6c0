/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "job/order.h"
#include "job/unread.h"
#include "test.h"
#include "wire/resp/out.h"

/* An array of these, up to NULL, as a reply. */
static resp_cursor reply_of(resp_out *out, const char *const *texts) {
        size_t n = 0;

        while (texts[n])
                n++;
        resp_out_cut(out, 0);
        resp_out_array(out, n);
        for (size_t i = 0; i < n; i++)
                resp_out_bulk_text(out, texts[i]);
        return (resp_cursor){ (const char *)out->p, (const char *)out->p + out->n };
}

TEST(fields) {
        static const struct {
                const char *field, *value;
                bool is_good;
        } cases[] = {
                { "output", "list", true },
                { "output", "log", true },
                { "output", "", false },
                { "output", "LOG", false },
                { "keep", "1", true },
                { "keep", "1073741824", true },
                { "keep", "0", false },
                { "keep", "1073741825", false },
                { "keep", "-1", false },
                { "keep", "1e3", false },
                { "keep", "", false },
                { "timeout", "0", true },
                { "timeout", "1000", true },
                { "timeout", "01", false },
                { "timeout", "1 ", false },
                { "timeout", "9223372036854775807", false },
                { "grace", "0", true },
                { "grace", "x", false },
                { "owner", "some:key", true },
                { "state", "started", true },
                { "state", "running", false },
                { "cwd", "/tmp", true },
                { "cwd", "below", true },
                { "cwd", "", false },
                { "user", "nobody", true },
                { "user", "", false },
                { "umask", "0", true },
                { "umask", "0777", true },
                { "umask", "1000", false },
                { "umask", "08", false },
                { "umask", "00000", false },
                { "umask", "", false },
                { "limit.nofile", "100:200", true },
                { "limit.nofile", "200:100", false },
                { "limit.files", "100", false },
                { "limit.", "100", false },
                { "limit", "100", false },
                { "inputs", "", true },
                { "inputs", "0,3,255", true },
                { "inputs", "0,", false },
                { "inputs", ",0", false },
                { "inputs", "0,,1", false },
                { "inputs", "256", false },
                { "inputs", "-1", false },
                { "inputs", "00", false },
                { "inputs", "1,1", false },
                { "inputs", "1, 2", false },
                { "outputs", "2,1", true },
                { "outputs", "x", false },
                { "Output", "list", false },
                { "", "", false },
                { "retries", "3", false },
        };
        resp_out out;

        resp_out_init(&out, 2);
        for (size_t i = 0; i < n_of(cases); i++) {
                order o;

                order_init(&o);
                assert_r(order_take_fields(
                                 &o, reply_of(&out, (const char *const[]){ cases[i].field,
                                                                           cases[i].value, NULL })),
                         0);
                assert_eq(!*o.why, cases[i].is_good);
                order_deinit(&o);
        }
        resp_out_deinit(&out);
}

TEST(environment) {
        static const struct {
                const char *name;
                bool is_good;
        } cases[] = {
                { "A", true },
                { "a.b", true },
                { "PAT", true },
                { "PATHS", true },
                { "PATH", false },
                { "LD_PRELOAD", false },
                { "LD_", false },
                { "LD", true },
                { "GLIBC_TUNABLES", false },
                { "", false },
                { "A=B", false },
                { "BEAM_DEADLINE", false },
                { "BEAM_JOB_MARK", false },
        };
        resp_out out;

        resp_out_init(&out, 2);
        for (size_t i = 0; i < n_of(cases); i++) {
                order o;

                order_init(&o);
                assert_r(order_give(&o, "PATH", "/bin"), 0);
                assert_r(order_take_env(&o, reply_of(&out, (const char *const[]){ cases[i].name,
                                                                                  "v=w", NULL })),
                         0);
                assert_eq(!*o.why, cases[i].is_good);
                assert_str(o.env.p[0], "PATH=/bin");
                assert_eq(o.env.n, cases[i].is_good ? 2u : 1u);
                order_deinit(&o);
        }
        resp_out_deinit(&out);
}

TEST(traces) {
        static const char good[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        static const struct {
                const char *text;
                bool is_good;
        } cases[] = {
                { good, true },
                { "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-more", true },
                { "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false },
                { "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00more", false },
                { "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false },
                { "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false },
                { "00-00000000000000000000000000000000-00f067aa0ba902b7-01", false },
                { "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false },
                { "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false },
                { "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", false },
                { "", false },
        };
        resp_out out;

        resp_out_init(&out, 2);
        for (size_t i = 0; i < n_of(cases); i++) {
                order o;

                order_init(&o);
                assert_r(order_take_env(
                                 &o,
                                 reply_of(&out, (const char *const[]){ "TRACEPARENT", cases[i].text,
                                                                       "A", "b", NULL })),
                         0);
                assert_str(o.why, "");
                assert_eq(o.env.n, cases[i].is_good ? 2u : 1u);
                order_deinit(&o);
        }
        resp_out_deinit(&out);
}

TEST(arguments) {
        static const char *texts[ORDER_WORDS_MAX + 2];
        resp_out out;
        order o;

        resp_out_init(&out, 2);
        for (size_t i = 0; i < ORDER_WORDS_MAX; i++)
                texts[i] = "";
        order_init(&o);
        assert_r(order_take_args(&o, reply_of(&out, texts)), 0);
        assert_str(o.why, "");
        assert_eq(o.argv.n, (size_t)ORDER_WORDS_MAX);
        assert_null(o.argv.p[ORDER_WORDS_MAX]);
        order_deinit(&o);

        texts[ORDER_WORDS_MAX] = "";
        order_init(&o);
        assert_r(order_take_args(&o, reply_of(&out, texts)), 0);
        assert_str(o.why, "arguments: more than 4096");
        order_deinit(&o);

        /* none at all: the name */
        order_init(&o);
        assert_r(order_take_args(&o, reply_of(&out, (const char *const[]){ NULL })), 0);
        assert_r(order_close(&o, "date"), 0);
        assert_eq(o.argv.n, 1u);
        assert_str(o.argv.p[0], "date");
        order_deinit(&o);

        /* what no program can be given */
        resp_out_cut(&out, 0);
        resp_out_array(&out, 1);
        resp_out_bulk(&out, "a\0b", 3);
        order_init(&o);
        assert_r(order_take_args(&o,
                                 (resp_cursor){ (const char *)out.p, (const char *)out.p + out.n }),
                 0);
        assert_str(o.why, "arguments: there is a zero byte in them");
        order_deinit(&o);

        /* of another type */
        resp_out_cut(&out, 0);
        resp_out_error(&out, "WRONGTYPE of it");
        order_init(&o);
        assert_r(order_take_args(&o,
                                 (resp_cursor){ (const char *)out.p, (const char *)out.p + out.n }),
                 0);
        assert_str(o.why, "arguments: WRONGTYPE of it");
        order_deinit(&o);
        resp_out_deinit(&out);
}

TEST(unread_frames) {
        unread u = { 0 };

        for (uint32_t i = 0; i < 1000; i++)
                assert_r(unread_put(&u, i), 0);
        assert_eq(u.n_bytes, 64u * 64 + (64 + 999) * 936 / 2);
        /* 10 are there, but for 5 that had not been put when that was counted */
        assert_eq(unread_left(&u, 10, 5), 1);
        assert_eq(u.n_bytes, (985u + 999) * 15 / 2);
        assert_eq(unread_left(&u, 20, 0), 0);
        assert_eq(unread_left(&u, 0, 0), 1);
        assert_eq(u.n_bytes, 0u);
        unread_deinit(&u);
}
