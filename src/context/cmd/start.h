/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Starting a job by SET: what the server does for jobs
 *
 * SET /jobs/ID "" puts the ID to those that are to be run. Source: seed 001, "Creating a
 * job", and rule J6 of spec/jobs.md.
 */

#include "../call.h"

/* Whether this SET starts a job; then start_job() answers it. */
bool start_is_asked(call *c);
void start_job(call *c);
