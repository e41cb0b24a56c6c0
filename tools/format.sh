#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Whether the C sources are as clang-format has them; with --write, make them so.
set -euo pipefail

cd "${BEAM_TREE:-$(dirname "$0")/..}"
mapfile -t files < <(find bench examples fuzz include src tests -name '*.[ch]' 2>/dev/null | sort)
[ ${#files[@]} -gt 0 ] || { echo "format: no sources in $PWD" >&2; exit 1; }

if [ "${1-}" = --write ]; then
        clang-format -i "${files[@]}"
elif ! clang-format --dry-run -Werror "${files[@]}"; then
        echo "format: run 'make fmt'" >&2
        exit 1
fi
