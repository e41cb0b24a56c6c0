#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One object out of an archive, with the hidden names made local: what a program sees
# of the static library is what it would see of the shared one.
#     make-static.sh IN.a OUT.a COMPILER [FLAG...]
set -euo pipefail

in=$1 out=$2
shift 2
object=${out%.a}.o

"$@" -r -nostdlib -o "$object" -Wl,--whole-archive "$in" -Wl,--no-whole-archive
objcopy --localize-hidden "$object"
rm -f "$out"
ar rcs "$out" "$object"
rm -f "$object"
