#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Configure a directory the first time, or again when its options have changed, and
# build it. Says little unless it fails.
#     build.sh DIR [MESON-OPTION...]
set -euo pipefail

dir=$1
shift
cd "$(dirname "$0")/.."

# what it was configured with, so that a stale one is made anew
stamp=$dir/beam-options
want="${CC:-cc} $*"
if [ ! -f "$dir/build.ninja" ] || [ "$(cat "$stamp" 2>/dev/null)" != "$want" ]; then
        rm -rf "$dir"
        mkdir -p "$dir"
        if ! meson setup "$dir" "$@" >"$dir/setup.log" 2>&1; then
                cat "$dir/setup.log" >&2
                exit 1
        fi
        printf '%s\n' "$want" >"$stamp"
fi

log=$dir/ninja.log
if ! ninja -C "$dir" >"$log" 2>&1; then
        cat "$log" >&2
        exit 1
fi
grep -A6 'warning:' "$log" >&2 || true
