/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Patterns for names: * ? [a-z] [^a] \x
 *
 * As Redis has them, over bytes: * is any run, also an empty one; ? any one; a bracket
 * without an end reaches to the end; a backslash makes what follows plain.
 */

#include "bytes.h"

/* Whether all of @text is what @pattern says; @any_case takes ASCII letters as equal. The
 * work is at most the product of both lengths. */
bool glob_match(bytes pattern, bytes text, bool any_case);
