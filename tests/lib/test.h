/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tests
 *
 *     TEST(pipe_keeps_order) { assert_eq(f(2), 4); }
 *     TEST(pipe_is_long, .timeout = 60) { ... }
 *     TEST_EACH(echo, url, test_urls) { ... test_url(url) ... }
 *
 * A test is a function that returns. A file of them is a program: the runner has
 * main(), and says TAP. Each test runs in a process of its own, which leads a
 * process group, and fails when
 *
 *     an assertion fails, here or in a process it forked; it crashes; or a
 *     sanitizer says something
 *     it is not over in time: the whole group is killed then
 *     it leaves open a descriptor that was not open before, or closes one that was
 *     it leaves memory of base/mem alive
 *     it leaves a child, running or not waited for
 *     it leaves anything in its directory but what test_file() wrote
 *
 * The library's caches are given back first, by beam_test_trim() if it is there.
 * Tests never sleep: they wait for the event (help.h) or move the clock
 * (base/clock.h). Assertions hold in a build with NDEBUG too.
 *
 *     test-x [-l] [-v] [-n] [PART-OF-A-NAME...]   list; show output of what passes
 *                                                 too; no fork, for a debugger
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct test_case test_case;
struct test_case {
        const char *name;
        void (*fn)(const char *param);
        const char *const *params; /* one test for each, up to NULL */
        int timeout;               /* seconds; 0 is 20. Longer under a sanitizer. */

        /* private */
        test_case *next;
};

void test_register(test_case *t);

#define TEST(test, ...) TEST_CASE(test, const char *unused_##test, __VA_ARGS__)
#define TEST_EACH(test, param, list, ...) \
        TEST_CASE(test, const char *param, .params = (list), __VA_ARGS__)
#define TEST_CASE(test, param_decl, ...)                                         \
        static void test(param_decl);                                            \
        __attribute__((constructor)) static void register_##test(void) {         \
                static test_case t = { .name = #test, .fn = test, __VA_ARGS__ }; \
                test_register(&t);                                               \
        }                                                                        \
        static void test(__attribute__((unused)) param_decl)

/* Leave this test: it cannot be run here, and why. */
_Noreturn void test_skip(const char *why, ...) __attribute__((format(printf, 1, 2)));

/* End this test as failed. */
#define test_fail(...) test_failed(__FILE__, __LINE__, __VA_ARGS__)
_Noreturn void test_failed(const char *file, int line, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

/* A remark in the test's output. */
void test_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* How much slower than a plain build: 1, or more under a sanitizer or valgrind. For
 * counts of rounds, and in every timeout of here already. */
int test_slowness(void);

/* Random, but the same in each run; BEAM_TEST_SEED changes it. */
uint32_t test_random(void);

#define n_of(array) (sizeof(array) / sizeof((array)[0]))

/* assertions; of integers of any type, compared as the numbers they are */

#define assert_eq(a, b) TEST_COMPARE(a, ==, b)
#define assert_ne(a, b) TEST_COMPARE(a, !=, b)
#define assert_lt(a, b) TEST_COMPARE(a, <, b)
#define assert_le(a, b) TEST_COMPARE(a, <=, b)
#define assert_gt(a, b) TEST_COMPARE(a, >, b)
#define assert_ge(a, b) TEST_COMPARE(a, >=, b)

#define assert_true(x) ((x) ? (void)0 : test_failed(__FILE__, __LINE__, "%s", #x))
#define assert_false(x) ((x) ? test_failed(__FILE__, __LINE__, "not: %s", #x) : (void)0)
#define assert_null(p) assert_true(!(p))
#define assert_not_null(p) assert_true(p)
#define assert_str(a, b) test_assert_str(__FILE__, __LINE__, #a " is " #b, a, b)
#define assert_mem(a, n_a, b, n_b) test_assert_mem(__FILE__, __LINE__, #a " is " #b, a, n_a, b, n_b)

/* A result in the manner of the library: 0 or more; or exactly this one, shown by
 * the error's name. */
#define assert_ok(r) test_assert_ok(__FILE__, __LINE__, #r, (long long)(r))
#define assert_r(r, want) test_assert_r(__FILE__, __LINE__, #r, (long long)(r), want)

/* private: what the macros are made of */

typedef struct test_number {
        bool negative;
        uintmax_t n; /* less than zero as two's complement */
} test_number;

static inline test_number test_signed(intmax_t n) {
        return (test_number){ .negative = n < 0, .n = (uintmax_t)n };
}
static inline test_number test_unsigned(uintmax_t n) {
        return (test_number){ .n = n };
}
static inline test_number test_pointer(const volatile void *p) {
        return (test_number){ .n = (uintptr_t)p };
}

#define TEST_NUMBER(x)                               \
        _Generic((x), char                           \
                 : test_signed, signed char          \
                 : test_signed, short                \
                 : test_signed, int                  \
                 : test_signed, long                 \
                 : test_signed, long long            \
                 : test_signed, bool                 \
                 : test_unsigned, unsigned char      \
                 : test_unsigned, unsigned short     \
                 : test_unsigned, unsigned           \
                 : test_unsigned, unsigned long      \
                 : test_unsigned, unsigned long long \
                 : test_unsigned, default            \
                 : test_pointer)(x)
#define TEST_COMPARE(a, op, b) \
        test_compare(__FILE__, __LINE__, #a " " #op " " #b, #op, TEST_NUMBER(a), TEST_NUMBER(b))

void test_compare(const char *file, int line, const char *what, const char *op, test_number a,
                  test_number b);
void test_assert_str(const char *file, int line, const char *what, const char *a, const char *b);
void test_assert_mem(const char *file, int line, const char *what, const void *a, size_t n_a,
                     const void *b, size_t n_b);
long long test_assert_ok(const char *file, int line, const char *what, long long r);
void test_assert_r(const char *file, int line, const char *what, long long r, long long want);
