/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A command's arguments, as people write them: key value [NX | XX] [EX seconds]
 */

#include "../command.h"
#include "../text.h"

void syntax_print(text *t, const command *cmd);
