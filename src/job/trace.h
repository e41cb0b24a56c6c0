/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The trace that a job is part of: TRACEPARENT, as "Trace Context" of the W3C writes it (rule J35)
 */

#include "../base/bytes.h"

/* VERSION-TRACE-PARENT-FLAGS in lower-case hex, of which neither trace nor parent is all zero.
 * Later versions than 0 may say more behind another dash. */
bool trace_is_parent(bytes text);
