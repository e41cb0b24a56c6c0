/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation fails in turn: an error of some call, and all else is closed. */
#include "base/mem.h"
#include "help.h"
#include "scenario.h"
#include "test.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static struct run {
        const char *name, *act;
        uint64_t nth;
        int r;
        bool failed;
} * run;

static void once(void *arg) {
        (void)arg;
        mem_fail_at(run->nth);
        run->r = scenario_case(run->name);
        run->failed = mem_has_failed();
        run->act = scenario_act();
        mem_fail_at(0);
}

TEST_EACH(each_allocation_fails, name, scenario_cases, .timeout = 240) {
        uint64_t n_errors = 0;
        int n_wrong = 0;

        run = mmap(NULL, sizeof(*run), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_true(run != MAP_FAILED);
        run->name = name;
        for (run->nth = 1, run->failed = true; run->failed && n_wrong < 8; run->nth++) {
                int status;

                run->failed = true;
                status = test_wait(test_fork(once, NULL));
                n_errors += run->r < 0;
                if (status == 0 && (run->r >= 0 || scenario_may_fail_with(run->r)))
                        continue;
                n_wrong++;
                test_say("allocation %llu fails: to %s: %s, status %d",
                         (unsigned long long)run->nth, run->act,
                         run->r < 0 ? strerrorname_np(-run->r) : "0", status);
        }
        assert_eq(n_wrong, 0);
        assert_eq(run->r, 0);
        test_say("%llu allocations, %llu of them seen by a call", (unsigned long long)run->nth - 2,
                 (unsigned long long)n_errors);
        assert_gt(n_errors, 3);
        munmap(run, sizeof(*run));
}
