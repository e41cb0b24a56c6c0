# SPDX-License-Identifier: Apache-2.0
# For the tests of the tool, which are bash and speak TAP. Sourced, it makes a directory
# of the test's own, $tmp, and the test stands in it; at the end it ends what the test
# started, looks for children left over, and prints the plan.

set -uo pipefail

n_tests=0
n_failed=0
tmp=$(mktemp -d "${TMPDIR:-/tmp}/beam-e2e.XXXXXX")
cd "$tmp" || exit 1
beam=${BEAM_TOOL:?the tool to be tested}

# Nothing here takes long; what hangs is ended with 124, which no test expects.
beam() {
        timeout "${patience:-60}" "$beam" "$@"
}

ok() { # STATUS NAME: 0 is fine
        n_tests=$((n_tests + 1))
        if [ "$1" -eq 0 ]; then
                echo "ok $n_tests - $2"
        else
                echo "not ok $n_tests - $2"
                n_failed=$((n_failed + 1))
        fi
}

is() { # NAME GOT WANTED
        [ "$2" = "$3" ]
        ok $? "$1"
        [ "$2" = "$3" ] || {
                printf '%s\n' "$2" | head -n 20 | sed 's/^/#    got: /'
                printf '%s\n' "$3" | head -n 20 | sed 's/^/# wanted: /'
        }
}

like() { # NAME GOT PATTERN
        [[ $2 == *$3* ]]
        ok $? "$1"
        [[ $2 == *$3* ]] || {
                printf '%s\n' "$2" | head -n 20 | sed 's/^/#    got: /'
                echo "# wanted: ...$3..."
        }
}

skip() { # NAME WHY
        n_tests=$((n_tests + 1))
        echo "ok $n_tests - $1 # SKIP $2"
}

# Start `beam VERB ARGS`, which listens at any address: its real URL is in $url, its process
# in $server. What it prints after that goes to the file FILE, which is whole after a
# plain `wait`.
n_servers=0
listening() { # FILE VERB ARGS
        local file=$1 fifo
        shift
        fifo=fifo.$((n_servers += 1))
        mkfifo "$fifo.out" "$fifo.url"
        {
                read -r line
                echo "$line" > "$fifo.url"
                exec cat >> "$file"
        } < "$fifo.out" &
        "$beam" "$@" > "$fifo.out" &
        server=$!
        read -r url < "$fifo.url"
        url=${url#'{"url":"'} # as --json has it
        url=${url%'"}'}
}

serve() { # URL -- CMD... | OPTIONS URL --echo
        listening served.out serve --print-url "$@"
}

stop() { # PID: as a supervisor would; its status is returned
        kill -TERM "$1" 2>/dev/null
        wait "$1"
}

finish() {
        local pid
        for pid in $(jobs -p); do
                kill -TERM "$pid" 2>/dev/null
        done
        wait 2>/dev/null
        cd /
        rm -rf "$tmp"
        echo "1..$n_tests"
        [ "$n_failed" -eq 0 ]
}
trap 'finish; exit $?' EXIT
