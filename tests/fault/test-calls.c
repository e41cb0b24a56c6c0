/* SPDX-License-Identifier: Apache-2.0 */
/* Every system call fails in turn, in each way that the kernel has for it. What only
 * takes longer must not show; what breaks the link is an error of some call. */
#include "calls.h"
#include "help.h"
#include "scenario.h"
#include "test.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static struct run {
        const char *name, *act;
        fault_kind kind;
        unsigned nth, every;
        int r;
        bool happened;
} * run;

static void once(void *arg) {
        (void)arg;
        fault_at(run->kind, run->nth, run->every);
        run->r = scenario_case(run->name);
        run->happened = fault_has_happened();
        run->act = scenario_act();
        fault_at(FAULT_NONE, 0, 0);
}

static void run_make(const char *name, fault_kind kind) {
        run = mmap(NULL, sizeof(*run), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_true(run != MAP_FAILED);
        run->name = name;
        run->kind = kind;
}

/* Returns whether that was wrong. */
static bool run_once(bool may_fail) {
        run->happened = true;

        int status = test_wait(test_fork(once, NULL));

        if (status == 0 && (run->r >= 0 || (may_fail && scenario_may_fail_with(run->r))))
                return false;
        test_say("call %u fails: to %s: %s, status %d", run->nth, run->act,
                 run->r < 0 ? strerrorname_np(-run->r) : "0", status);
        return true;
}

static void each(const char *name, fault_kind kind, bool may_fail) {
        unsigned n_errors = 0, n_wrong = 0;

        run_make(name, kind);
        run->nth = 1;
        do {
                n_wrong += run_once(may_fail);
                n_errors += run->r < 0;
                run->nth++;
        } while (run->happened && n_wrong < 8);
        assert_eq(n_wrong, 0);
        test_say("%u calls, %u seen by a call of the library", run->nth - 2, n_errors);
        munmap(run, sizeof(*run));
}

TEST_EACH(each_is_short, name, scenario_cases, .timeout = 240) {
        each(name, FAULT_SHORT, false);
}

TEST_EACH(each_is_interrupted, name, scenario_cases, .timeout = 240) {
        each(name, FAULT_EINTR, false);
}

TEST_EACH(each_would_block, name, scenario_cases, .timeout = 240) {
        each(name, FAULT_EAGAIN, false);
}

TEST_EACH(each_is_reset, name, scenario_cases, .timeout = 240) {
        each(name, FAULT_RESET, true);
}

TEST_EACH(each_finds_no_descriptor, name, scenario_cases, .timeout = 240) {
        each(name, FAULT_NO_FDS, true);
}

TEST_EACH(each_finds_no_memory, name, scenario_cases, .timeout = 240) {
        each(name, FAULT_NO_MEM, true);
}

/* Not one call but all of them, or every second one. */
static void storm(const char *name, fault_kind kind, unsigned every) {
        run_make(name, kind);
        run->nth = 1;
        run->every = every;
        assert_false(run_once(false));
        munmap(run, sizeof(*run));
}

TEST_EACH(all_are_short, name, scenario_cases, .timeout = 240) {
        storm(name, FAULT_SHORT, 1);
}

TEST_EACH(every_second_is_interrupted, name, scenario_cases, .timeout = 240) {
        storm(name, FAULT_EINTR, 2);
}

TEST_EACH(every_second_would_block, name, scenario_cases, .timeout = 240) {
        storm(name, FAULT_EAGAIN, 2);
}
