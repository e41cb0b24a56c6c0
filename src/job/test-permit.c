/* SPDX-License-Identifier: Apache-2.0 */
#include "job/permit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "test.h"

TEST(limits_in_words) {
        static const struct {
                const char *text;
                bool is_good;
                rlim_t soft, hard;
        } cases[] = {
                { "nofile=1024", true, 1024, 1024 },
                { "nofile=0:unlimited", true, 0, RLIM_INFINITY },
                { "core=unlimited", true, RLIM_INFINITY, RLIM_INFINITY },
                { "sigpending=1:2", true, 1, 2 },
                { "nofile=2:1", false, 0, 0 },
                { "nofile=unlimited:1", false, 0, 0 },
                { "nofile=1:", false, 0, 0 },
                { "nofile=:1", false, 0, 0 },
                { "nofile=1:2:3", false, 0, 0 },
                { "nofile=-1", false, 0, 0 },
                { "nofile=9223372036854775808", false, 0, 0 },
                { "nofile=", false, 0, 0 },
                { "nofile", false, 0, 0 },
                { "NOFILE=1", false, 0, 0 },
                { "nofiles=1", false, 0, 0 },
                { "=1", false, 0, 0 },
                { "", false, 0, 0 },
        };

        for (size_t i = 0; i < n_of(cases); i++) {
                process_limit l = { 0 };

                assert_eq(limit_read(bytes_of(cases[i].text), &l), cases[i].is_good);
                if (!cases[i].is_good)
                        continue;
                assert_eq(l.soft, cases[i].soft);
                assert_eq(l.hard, cases[i].hard);
                assert_ge(limit_resource(l.name), 0);
        }
        assert_r(limit_resource("nofiles"), -EINVAL);
}

static void ask(order *o, const char *name, rlim_t soft, rlim_t hard) {
        o->limits[o->n_limits++] = (process_limit){ limit_name(bytes_of(name)), soft, hard };
}

TEST(no_more_than_is_permitted) {
        struct rlimit low = { 100, 100 };
        permit p = { 0 };
        order o;

        assert_ok(setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }));
        assert_ok(setrlimit(RLIMIT_NOFILE, &low));
        assert_r(permit_add_limit(&p, "nofile=50"), 0);
        assert_r(permit_add_limit(&p, "cpu=10:20"), 0);
        assert_r(permit_add_limit(&p, "cpu=10"), -EEXIST);
        assert_r(permit_add_limit(&p, "cpus=10"), -EINVAL);

        /* what is not asked for it gets, and what is lower it keeps */
        order_init(&o);
        ask(&o, "cpu", 1, 20);
        assert_r(permit_apply(&p, &o), 0);
        assert_str(o.why, "");
        assert_eq(o.n_limits, 2u);
        assert_str(o.limits[0].name, "cpu");
        assert_eq(o.limits[0].soft, 1u);
        assert_str(o.limits[1].name, "nofile");
        assert_eq(o.limits[1].hard, 50u);
        order_deinit(&o);

        order_init(&o);
        ask(&o, "nofile", 50, 51);
        assert_r(permit_apply(&p, &o), 0);
        assert_str(o.why, "limit.nofile: it is more than is permitted");
        order_deinit(&o);

        /* and no more than we have, without a word of it */
        order_init(&o);
        ask(&o, "core", 0, 1);
        assert_r(permit_apply(&p, &o), 0);
        assert_str(o.why, "limit.core: it is more than is permitted");
        order_deinit(&o);
        permit_deinit(&p);
}

static const char *variable(const order *o, const char *name) {
        for (size_t i = 0; i < o->env.n; i++)
                if (!strncmp(o->env.p[i], name, strlen(name)) && o->env.p[i][strlen(name)] == '=')
                        return o->env.p[i] + strlen(name) + 1;
        return NULL;
}

TEST(users) {
        char user[] = "root", other[] = "nobody";
        permit p = { 0 };
        order o;

        assert_r(permit_add_user(&p, "no-such-user-here"), -ENOENT);
        assert_r(permit_add_user(&p, "root"), 0);

        order_init(&o);
        assert_r(order_give(&o, "HOME", "/elsewhere"), 0);
        assert_r(order_give(&o, "LANG", "C"), 0);
        assert_r(permit_apply(&p, &o), 0);
        assert_str(variable(&o, "HOME"), "/elsewhere");
        o.user = user;
        assert_r(permit_apply(&p, &o), 0);
        assert_str(o.why, "");
        assert_str(variable(&o, "HOME"), "/root");
        assert_str(variable(&o, "USER"), "root");
        assert_str(variable(&o, "LANG"), "C");
        assert_eq(o.env.n, 5u);
        o.user = other;
        assert_r(permit_apply(&p, &o), 0);
        assert_str(o.why, "user: nobody is not permitted");
        o.user = NULL;
        order_deinit(&o);
        permit_deinit(&p);
}
