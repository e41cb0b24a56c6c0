/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * For tests: commands as one would type them
 */

#include "store.h"
#include "test.h"

/* Words separated by blanks; what is answered, with its line ends as "\n", until the next
 * call. It must be answered at once. */
const char *ask(client *c, const char *line);

/* The same with a format, and the answer as it is. */
bytes say(client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
