/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The removal of a job that has ended: its name, and all of its keys (rule J25)
 */

#include "asker.h"

/* In one transaction, of which @fn is told. */
int removal_say(asker *a, const char *id, asker_fn *fn, void *data);
