#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every suite, built with sanitizers. The checks of the house have nothing to do with
# them and are left out. The last line is "N passed, N failed".
#     check-sanitized.sh DIR SANITIZERS [MESON-TEST-ARG...]
set -uo pipefail

dir=$1
sanitizers=$2
shift 2
cd "$(dirname "$0")/.." || exit

wrap=()
case $sanitizers in
thread)
        # gcc's does not know of fences, and clang's is also the one that is kept up
        export CC=${SANITIZER_CC:-clang}
        # its shadow needs the addresses where they were before kernels had 32 random
        # bits for them
        setarch -R true 2>/dev/null && wrap=(--wrap 'setarch -R')
        export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=1:second_deadlock_stack=1:die_after_fork=0}
        ;;
*)
        export CC=${SANITIZER_CC:-gcc}
        export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1}
        export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
        ;;
esac

# Warnings are not errors here: with sanitizers gcc sees some that are not there.
echo "== build with $CC, $sanitizers"
if ! tools/build.sh "$dir" -Db_sanitize="$sanitizers" -Doptimization=1; then
        tools/count-tests --failed "build with $CC, $sanitizers"
        exit 1
fi
log=$dir/meson-logs/testlog${wrap:+-setarch}.json
rm -f "$log"
# what is checked at each access takes several times as long
meson test -C "$dir" --no-rebuild --print-errorlogs --num-processes $((2 * $(nproc))) \
        --timeout-multiplier 4 --no-suite house "${wrap[@]}" "$@" || true
tools/count-tests "$log"
