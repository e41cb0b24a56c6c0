#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Run each fuzz target for some seconds, as many at once as there are cores, beginning
# with its corpus. What is found on the way stays in DIR; crashes in DIR/crashes.
#     fuzz.sh DIR SECONDS [TARGET...]
set -euo pipefail

dir=$1
seconds=$2
shift 2
cd "$(dirname "$0")/.."

CC=clang tools/build.sh "$dir" -Dfuzz=true -Dtests=false -Dexamples=false \
        -Db_sanitize=address,undefined -Doptimization=1
dir=$(cd "$dir" && pwd)
mkdir -p "$dir/crashes"

if [ $# -eq 0 ]; then
        for program in "$dir"/fuzz/fuzz-*; do
                [ -f "$program" ] && [ -x "$program" ] && set -- "$@" "${program##*/fuzz-}"
        done
fi
[ $# -gt 0 ] || { echo "fuzz: no targets" >&2; exit 1; }

run_one() { # TARGET
        local corpus=fuzz/corpus/$1 log=$dir/$1.log
        mkdir -p "$dir/found/$1"
        [ -d "$corpus" ] || corpus=$dir/found/$1
        if "$dir/fuzz/fuzz-$1" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
                -artifact_prefix="$dir/crashes/$1-" -print_final_stats=1 \
                "$dir/found/$1" "$corpus" >"$log" 2>&1; then
                echo "$1: nothing found in $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs"
        else
                echo "$1: FOUND something; input in $dir/crashes, log $log:"
                grep -aE 'ERROR|SUMMARY|Assertion|artifact|runtime error' "$log" | head -8
                return 1
        fi
}

# Two at a time on two cores; each is waited for by name, for its result
n_cores=$(nproc)
r=0
while [ $# -gt 0 ]; do
        pids=()
        while [ $# -gt 0 ] && [ ${#pids[@]} -lt "$n_cores" ]; do
                run_one "$1" &
                pids+=($!)
                shift
        done
        for pid in "${pids[@]}"; do
                wait "$pid" || r=1
        done
done
exit $r
