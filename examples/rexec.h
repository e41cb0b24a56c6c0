/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the two sides of rexec say to each other
 *
 * The bytes of a request are the words of a command, each ended by a zero byte. It
 * carries what the command needs: three streams, and a channel for its status. The
 * status is one message of text, sent when all output has been handed over.
 */

enum {
        REXEC_STDIN,
        REXEC_STDOUT,
        REXEC_STDERR,
        REXEC_STATUS,
};
