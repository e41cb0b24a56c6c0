/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Times to live, as commands are given them
 *
 * EX, PX, EXAT, PXAT and their kin: seconds or milliseconds, from now or of Unix time.
 */

#include "call.h"

typedef enum expiry_unit {
        EXPIRY_SECONDS,
        EXPIRY_MS,
        EXPIRY_AT_SECONDS,
        EXPIRY_AT_MS,
} expiry_unit;

/* The point in time that argument @i says, in milliseconds of Unix time. False if it is no
 * number, or (unless @any) not above zero, or too far; that has been answered. */
bool expiry_read(call *c, int i, expiry_unit unit, bool any, int64_t *ret);

/* Whether argument @i is a word for a unit: EX PX EXAT PXAT. */
bool expiry_word(const call *c, int i, expiry_unit *ret);
