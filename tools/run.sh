#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A first look: one service, on a unix socket and on TCP of this machine, and a context
# that runs jobs; a first reply from each, and what to try next. Ctrl-C ends it.
#     run.sh BEAM
set -euo pipefail

beam=$(realpath "$1")
dir=$(mktemp -d "${XDG_RUNTIME_DIR:-/tmp}/beam-XXXXXX")
pids=()

end() {
        local pid
        trap - EXIT
        trap '' INT TERM # make sends them once more
        for pid in "${pids[@]}"; do
                kill "$pid" 2>/dev/null || true
        done
        wait || true
        rm -rf "$dir"
}
trap end EXIT
trap 'exit 0' INT TERM

start() { # WORDS OF BEAM...: sets url, with the port that the kernel gave
        local out
        exec {out}< <(exec "$beam" "$@")
        pids+=($!)
        if ! read -r -t 10 -u "$out" url; then
                echo "run: it does not start: beam $*" >&2
                exit 1
        fi
}

serve() { # URL COMMAND...
        start serve --print-url "$1" -- "${@:2}"
}

say() { # URL WORDS: and the reply
        local reply
        printf "\$ beam call %s '%s'\n" "$1" "$2"
        reply=$("$beam" call --timeout 10 "$1" "$2")
        printf '%s\n' "$reply"
}

"$beam" --version
echo
serve "unix:$dir/upper.sock" tr a-z A-Z
unix=$url
serve tcp://127.0.0.1:0 tr a-z A-Z
tcp=$url
start context serve --print-url --allow-jobs seq,sort,wc "unix:$dir/state.sock"
state=$url

say "$unix" 'hello over a unix socket'
say "$tcp" 'hello over tcp: only the URL is another'
printf '$ beam context exec %s SET greeting hello\n' "$state"
"$beam" context exec --timeout 10 "$state" SET greeting hello
printf '$ beam run %s -- seq 3\n' "$state"
"$beam" run --timeout 10 "$state" -- seq 3 < /dev/null
cat <<TEXT

All go on until Ctrl-C. Try, in another terminal:

    alias beam=$beam
    beam call $unix 'what you like'
    echo 'from a pipe' | beam call $tcp
    seq 1 100000 | beam pipe $unix | tail -n 1
    beam ping $tcp
    redis-cli -s $dir/state.sock GET greeting
    beam context exec $state INCR visits
    seq 1 100000 | beam run $state -- wc -l
    beam help
TEXT

wait
