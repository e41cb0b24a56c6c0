/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The bare limits: what the kernel and the cores give without any library. */

#include "bench.h"

extern const bench_case bare_ring_cases[], bare_socket_cases[];
extern const size_t n_bare_ring_cases, n_bare_socket_cases;
