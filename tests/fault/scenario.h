/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A whole session, both sides in this thread, in which everything happens once:
 * listening and dialling, channels and streams, messages that carry each kind of
 * thing, large ones, callbacks, questions, reasons, ending in order.
 *
 * Returns 0 when all of it was as it should be. Below zero is the first error that a
 * call gave; all is closed by then. Data that is wrong, a call that came to its
 * deadline, and a result that the header does not allow fail the test at once.
 */

#include <stdbool.h>

int scenario(const char *url, bool background);

/* What is run in which case, up to NULL: a URL for test_url(), "bg " before it. */
extern const char *const scenario_cases[];
int scenario_case(const char *name);

/* How far the last run in this process has come: "meet", "take things", ... */
const char *scenario_act(void);

/* Whether @r is what a call may say when the machine fails under it. */
bool scenario_may_fail_with(int r);
