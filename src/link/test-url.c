/* SPDX-License-Identifier: Apache-2.0 */

/*
 * URLs: what each says, and above all what is not one
 */

#include "url.h"

#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
        const char *text;
        url_kind kind;
        const char *name;
        int number; /* port or fd */
        const char *printed;
} good[] = {
/* clang-format off */
#define CASE(text, kind, name, number) { text, kind, name, number, text }
        CASE("mem:a", URL_MEM, "a", 0),
        CASE("mem:a b:c/d@e", URL_MEM, "a b:c/d@e", 0),
        CASE("mem:@", URL_MEM, "@", 0),
        CASE("unix:/a", URL_UNIX, "/a", 0),
        CASE("unix:/run/user/1000/a b.sock", URL_UNIX, "/run/user/1000/a b.sock", 0),
        CASE("unix:/a//b", URL_UNIX, "/a//b", 0),
        CASE("unix:/@a", URL_UNIX, "/@a", 0),
        CASE("unix:/\xc3\xa4\xff", URL_UNIX, "/\xc3\xa4\xff", 0),
        { "unix:///run/a", URL_UNIX, "/run/a", 0, "unix:/run/a" },
        { "unix://////run//a", URL_UNIX, "/run//a", 0, "unix:/run//a" },
        CASE("unix:@a", URL_ABSTRACT, "a", 0),
        CASE("unix:@/run/a/", URL_ABSTRACT, "/run/a/", 0),
        CASE("unix:@@", URL_ABSTRACT, "@", 0),
        CASE("tcp://a:1", URL_TCP, "a", 1),
        CASE("tcp://localhost:0", URL_TCP, "localhost", 0),
        CASE("tcp://127.0.0.1:65535", URL_TCP, "127.0.0.1", 65535),
        CASE("tcp://0.0.0.0:80", URL_TCP, "0.0.0.0", 80),
        CASE("tcp://a-b_c.D.example.:80", URL_TCP, "a-b_c.D.example.", 80),
        CASE("tcp://1.2.3.example:80", URL_TCP, "1.2.3.example", 80),
        CASE("tcp://1a:80", URL_TCP, "1a", 80),
        CASE("tcp://xn--bcher-kva.example:80", URL_TCP, "xn--bcher-kva.example", 80),
        CASE("tcp://[::1]:80", URL_TCP, "::1", 80),
        CASE("tcp://[::]:0", URL_TCP, "::", 0),
        CASE("tcp://[2001:DB8::1]:80", URL_TCP, "2001:DB8::1", 80),
        CASE("tcp://[::ffff:127.0.0.1]:80", URL_TCP, "::ffff:127.0.0.1", 80),
        CASE("tcp://[fe80::1%eth0]:80", URL_TCP, "fe80::1%eth0", 80),
        CASE("tcp://[fe80::1%123456789012345]:80", URL_TCP, "fe80::1%123456789012345", 80),
        CASE("ws://a:1", URL_WS, "a", 1),
        CASE("ws://[::1]:0", URL_WS, "::1", 0),
        CASE("ws://a:80/b/c:d@e", URL_WS, "a", 80),
        CASE("fd:0", URL_FD, "", 0),
        CASE("fd:3", URL_FD, "", 3),
        CASE("fd:2147483647", URL_FD, "", 2147483647),
        CASE("fd:systemd", URL_SYSTEMD, "", 0),
#undef CASE
        /* clang-format on */
};

static const char *const broken[] = {
        /* clang-format off */
        "", " ", ":", ":a", "a", "mem", "unix", "tcp", "fd", "/run/a", "@a", "3", "127.0.0.1:80",
        " mem:a", "\tmem:a", "1mem:a", "-mem:a", "me m:a", "m\xc3\xa4m:a", "[::1]:80", "mem/a:b",
        "mem\n:a",
        /* mem */
        "mem:", "mem:\x01", "mem:a\n", "mem:a\x7f",
        /* unix */
        "unix:", "unix:a", "unix:./a", "unix:../a", "unix: /a", "unix:/", "unix:/a/", "unix://",
        "unix://a", "unix://run/a", "unix://@a", "unix:///", "unix:////", "unix:/a\nb",
        "unix:/\x1b[0m", "unix:@", "unix:@\n", "unix:\\run\\a",
        /* tcp: the shape */
        "tcp:", "tcp:/", "tcp://", "tcp://:", "tcp://:80", "tcp://a", "tcp://a:", "tcp:a:80",
        "tcp:/a:80", "tcp:///a:80", "tcp://a:80/", "tcp://a:80/b", "tcp://a/:80", "tcp://a:80?b",
        "tcp://a:80#b", "tcp://b@a:80", "tcp://b:c@a:80", "tcp://a:80:80", "tcp://a::80",
        /* tcp: the port */
        "tcp://a:+80", "tcp://a:-1", "tcp://a:-0", "tcp://a: 80", "tcp://a:80 ", "tcp://a:8 0",
        "tcp://a:080", "tcp://a:00", "tcp://a:0x50", "tcp://a:80a", "tcp://a:http",
        "tcp://a:65536", "tcp://a:99999", "tcp://a:4294967376", "tcp://a:18446744073709551696",
        "tcp://a:8.0", "tcp://a:80\n", "tcp://a:\xd9\xa1",
        /* tcp: the host */
        "tcp://.:80", "tcp://.a:80", "tcp://a..:80", "tcp://a..b:80", "tcp:// a:80",
        "tcp://a :80", "tcp://a b:80", "tcp://a%20b:80", "tcp://-a:80", "tcp://a-:80",
        "tcp://a-.b:80", "tcp://a.-b:80", "tcp://a!:80", "tcp://*:80", "tcp://a,b:80",
        "tcp://\xc3\xa4:80", "tcp://a\\b:80",
        /* tcp: numbers that are addresses to some */
        "tcp://1:80", "tcp://0:80", "tcp://127.1:80", "tcp://127.0.1:80", "tcp://2130706433:80",
        "tcp://0x7f000001:80", "tcp://0x7f.1:80", "tcp://127.0.0.0x1:80", "tcp://0177.0.0.1:80",
        "tcp://127.0.0.01:80", "tcp://127.0.0.1.:80", "tcp://127.0.0.1.1:80",
        "tcp://256.0.0.1:80", "tcp://1.2.3.4.5:80", "tcp://a.1:80", "tcp://a.0x1:80",
        "tcp://a.0x:80", "tcp://127.0.0.-1:80", "tcp://127.0.0.1%lo:80",
        /* tcp: IPv6 */
        "tcp://::1:80", "tcp://[]:80", "tcp://[:80", "tcp://]:80", "tcp://[::1:80", "tcp://[::1]",
        "tcp://[::1]80", "tcp://[::1]:", "tcp://[::1] :80", "tcp://[[::1]]:80", "tcp://[ ::1]:80",
        "tcp://[:::]:80", "tcp://[1:2:3:4:5:6:7]:80", "tcp://[1:2:3:4:5:6:7:8:9]:80",
        "tcp://[1::2::3]:80", "tcp://[::12345]:80", "tcp://[::g]:80", "tcp://[127.0.0.1]:80",
        "tcp://[::127.0.0.256]:80", "tcp://[localhost]:80", "tcp://[v1.a]:80", "tcp://[::1%]:80",
        "tcp://[%lo]:80", "tcp://[fe80::1%a b]:80", "tcp://[fe80::1%a/b]:80",
        "tcp://[fe80::1%a%b]:80", "tcp://[fe80::1%1234567890123456]:80", "tcp://a[::1]:80",
        "tcp://[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc]:80",
        /* ws: what tcp has not */
        "ws:", "ws://", "ws://a", "ws://a/b", "ws:/a:1", "ws://a:1?b", "ws://a:1/b?c", "ws://a:1/#",
        "ws://a:1/b c", "ws://a:1/\xc3\xa4", "ws://a:1/b\n", "ws://:1/b", "ws://b@a:1/", "ws://a:/b",
        /* fd */
        "fd:", "fd:-1", "fd:+1", "fd: 1", "fd:1 ", "fd:01", "fd:0x3", "fd:3,4", "fd:2147483648",
        "fd:4294967296", "fd:18446744073709551619", "fd:stdin", "fd:system", "fd:systemd:",
        "fd:systemd:web", "fd:Systemd", "fd://3", "fd:/3",
        /* clang-format on */
};

static const struct {
        const char *text;
        bool planned;
} absent[] = {
        { "tls://a:1", true },      { "tls:", true },      { "wss://a/b", true },
        { "h2://a", true },         { "h2s://a", true },   { "spdy+tcp://a:1", true },
        { "spdy+tls://a:1", true }, { "http://a", false }, { "spdy://a:1", false },
        { "spdy+ws://a:1", false }, { "memory:a", false }, { "me:a", false },
        { "TCP://a:1", false },     { "Unix:/a", false },  { "unix+tls:/a", false },
        { "tcp4://a:1", false },    { "a:", false },       { "localhost.:80", false },
};

/* Each text in a block of its own, so that a sanitizer sees a look past its end. */
static int parse(const char *text, url *ret) {
        char *copy = strdup(text);
        int r;

        assert_not_null(copy);
        r = url_parse(copy, ret);
        assert_true(r >= 0 ? !url_is_planned(copy) : true);
        free(copy);
        return r;
}

TEST(url_says_what_it_names) {
        for (size_t i = 0; i < n_of(good); i++) {
                char text[URL_TEXT_MAX];
                url u, again;

                test_say("%s", good[i].text);
                assert_r(parse(good[i].text, &u), 0);
                assert_eq(u.kind, good[i].kind);
                assert_str(u.name, good[i].name);
                assert_eq(u.kind == URL_FD ? u.fd : u.port, good[i].number);

                assert_eq(url_print(&u, text, sizeof(text)), strlen(good[i].printed));
                assert_str(text, good[i].printed);
                assert_r(parse(text, &again), 0);
                assert_mem(&again, sizeof(again), &u, sizeof(u));
        }
}

TEST(url_refuses_what_is_broken) {
        for (size_t i = 0; i < n_of(broken); i++) {
                url u, untouched;

                memset(&u, 0xa5, sizeof(u));
                untouched = u;
                test_say("%s", broken[i]);
                assert_r(parse(broken[i], &u), -EINVAL);
                assert_mem(&u, sizeof(u), &untouched, sizeof(u));
        }

        assert_r(url_parse(NULL, &(url){ 0 }), -EINVAL);
        assert_false(url_is_planned(NULL));
}

TEST(url_knows_no_other_scheme) {
        for (size_t i = 0; i < n_of(absent); i++) {
                test_say("%s", absent[i].text);
                assert_r(parse(absent[i].text, &(url){ 0 }), -EAFNOSUPPORT);
                assert_eq(url_is_planned(absent[i].text), absent[i].planned);
        }
}

/* What url_parse() says to @before, @n bytes of a name, and @after. */
static int parse_long(const char *before, size_t n, const char *after) {
        char text[2 * URL_TEXT_MAX], *p = stpcpy(text, before);
        url u;
        int r;

        for (size_t i = 0; i < n; i++)
                *p++ = i % 64 == 63 ? '.' : 'a'; /* labels of 63 */
        strcpy(p, after);

        r = parse(text, &u);
        if (r >= 0) {
                char printed[URL_TEXT_MAX];

                assert_eq(url_print(&u, printed, sizeof(printed)), strlen(text));
                assert_str(printed, text);
        }
        return r;
}

TEST(url_has_limits) {
        assert_r(parse_long("mem:", URL_NAME_MAX, ""), 0);
        assert_r(parse_long("mem:", URL_NAME_MAX + 1, ""), -EINVAL);
        assert_r(parse_long("unix:@", URL_NAME_MAX, ""), 0);
        assert_r(parse_long("unix:@", URL_NAME_MAX + 1, ""), -EINVAL);
        assert_r(parse_long("unix:/", URL_NAME_MAX - 1, ""), 0);
        assert_r(parse_long("unix:/", URL_NAME_MAX, ""), -EINVAL);
        assert_r(parse_long("unix:///", URL_NAME_MAX, ""), -EINVAL);
        assert_r(parse_long("tcp://", URL_HOST_MAX, ":65535"), 0);
        assert_r(parse_long("tcp://", URL_HOST_MAX + 1, ":65535"), -EINVAL);
        assert_r(parse_long("tcp://", 63, "a:1"), -EINVAL); /* a label of 64 */
        assert_r(parse_long("tcp://", 400, ":1"), -EINVAL);
        assert_r(parse_long("tcp://[", 400, "]:1"), -EINVAL);
        assert_r(parse_long("tcp://[::1%", 400, "]:1"), -EINVAL);
        assert_r(parse_long("unix:@", 400, ""), -EINVAL);
        assert_r(parse_long("ws://", URL_HOST_MAX, ":65535"), 0);
        assert_r(parse_long("ws://", URL_HOST_MAX + 1, ":65535"), -EINVAL);
        assert_r(parse_long("ws://a:1/", URL_PATH_MAX - 1, ""), 0);
        assert_r(parse_long("ws://a:1/", URL_PATH_MAX, ""), -EINVAL);
        assert_r(parse_long("", 400, ":"), -EAFNOSUPPORT);
}

TEST(url_of_a_websocket_has_a_path) {
        char text[URL_TEXT_MAX];
        url u;

        assert_r(url_parse("ws://a:1", &u), 0);
        assert_str(u.path, "/");
        assert_r(url_parse("ws://a:1/", &u), 0);
        assert_str(u.path, "/");
        assert_eq(url_print(&u, text, sizeof(text)), 8);
        assert_str(text, "ws://a:1");
        assert_r(url_parse("ws://[::1]:1/b//c/", &u), 0);
        assert_str(u.path, "/b//c/");
        assert_eq(url_print(&u, text, sizeof(text)), 18);
        assert_str(text, "ws://[::1]:1/b//c/");
}

TEST(url_prints_only_whole_ones) {
        url u = { 0 };
        char text[16];

        assert_r(url_parse("tcp://[::1]:80", &u), 0);
        assert_eq(url_print(&u, text, 15), 14);
        assert_r(url_print(&u, text, 14), -ENOBUFS);
        assert_r(url_print(&u, text, 1), -ENOBUFS);
        assert_r(url_print(&u, NULL, 0), -ENOBUFS);
        assert_r(url_print(&(url){ 0 }, text, sizeof(text)), -EINVAL);
}
