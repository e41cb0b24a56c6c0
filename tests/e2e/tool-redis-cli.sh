#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# redis-cli at a context: what a person does first, and what redis-cli asks for by itself.
. "$(dirname "$0")/tool-lib.sh"
