/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which Beam this is. The macros are the header's, the call is the library's: a
 * program may compare them. The numbers follow semver.org.
 */

#define BEAM_VERSION_MAJOR 0
#define BEAM_VERSION_MINOR 1
#define BEAM_VERSION_PATCH 0
#define BEAM_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0 (libuv 1.44.2; links: mem unix tcp fd)": the version, what it was built
 * with, and the links that are in. */
__attribute__((visibility("default"))) const char *beam_version(void);

#ifdef __cplusplus
}
#endif
