/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * MONITOR: clients that are told of every command
 *
 * One line for each command that has been executed, in that order, but for those of
 * administration. Passwords are left out. Who listens so may not touch keys until RESET.
 */

typedef struct call call;
typedef struct client client;

/* for client.c: @c has been executed; and a client is freed, or begins anew */
void monitor_tell(const call *c);
void monitor_forget(client *c);
