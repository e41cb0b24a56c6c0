#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# All that has to hold before a change goes in: builds with gcc and with clang without
# a warning, then every suite, the checks of the house among them. The last line is
# "N passed, N failed".
#     check.sh DIR
set -uo pipefail

dir=$1
cd "$(dirname "$0")/.." || exit
counted=()

step() { # NAME COMMAND...
        local name=$1
        shift
        echo "== $name"
        if "$@"; then
                counted+=(--passed "$name")
        else
                counted+=(--failed "$name")
                return 1
        fi
}

step 'build with clang' env CC=clang tools/build.sh "$dir/clang" --werror
if step 'build with gcc' env CC=gcc tools/build.sh "$dir/gcc" --werror; then
        echo '== tests'
        log=$dir/gcc/meson-logs/testlog.json
        rm -f "$log"
        # what failed is told by the count, with what it printed
        # most wait for something most of the time: more of them at once than cores
        meson test -C "$dir/gcc" --no-rebuild --print-errorlogs \
                --num-processes $((2 * $(nproc))) || true
        [ -e "$log" ] && counted+=("$log")
fi
tools/count-tests "${counted[@]}"
