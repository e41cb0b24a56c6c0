#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Whether the shared library, and the static one beside it, show what the public
# headers declare and nothing else.
#     check-symbols.sh LIBBEAM.so
set -euo pipefail

library=$(realpath "$1")
cd "${BEAM_TREE:-$(dirname "$0")/..}"

# a declaration marked for export, on as many lines as it takes
declared=$(sed '/^#/d' include/beam/*.h | tr '\n' ' ' |
        grep -oE '(BEAM_API|__attribute__\(\(visibility\("default"\)\)\)) [^;(]*\(' |
        grep -oE '[a-z_0-9]+ *\($' | tr -d ' (' | sort -u)
[ -n "$declared" ] || { echo "symbols: include/beam declares nothing" >&2; exit 1; }

r=0
compare() { # NAME SYMBOLS
        local lacking extra
        lacking=$(comm -23 <(echo "$declared") <(echo "$2"))
        extra=$(comm -13 <(echo "$declared") <(echo "$2"))
        [ -z "$lacking" ] || { echo "$1: declared and not exported: ${lacking//$'\n'/ }" >&2; r=1; }
        [ -z "$extra" ] || { echo "$1: exported and not declared: ${extra//$'\n'/ }" >&2; r=1; }
}

compare "$library" "$(nm -D --defined-only "$library" | awk '{ print $3 }' | sort -u)"
archive=${library%.so*}.a
if [ -e "$archive" ]; then
        compare "$archive" "$(nm -g --defined-only "$archive" | awk 'NF == 3 { print $3 }' | sort -u)"
fi
exit $r
