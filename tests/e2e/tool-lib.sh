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
export BEAM_E2E=$tmp # by which whoever is left over is found

# How many seconds anything may take. What is waited for in vain fails the test by its
# name, and ends it.
patience=60
give_up() { # WHAT
        ok 1 "waited $patience s for $1"
        exit 1
}

# What hangs is ended with 124, which is never expected of a call without --timeout.
beam() {
        timeout -k 5 "$patience" "$beam" "$@"
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

# Wait for our child PID, which is killed if that is in vain; its status is in $status.
mkfifo never
in_time() { # PID
        local clock
        (
                read -r -t "$patience" _ <> "$tmp/never"
                : > "$tmp/late"
                kill -KILL "$1"
        ) &
        clock=$!
        wait "$1"
        status=$?
        kill -KILL "$clock"
        wait "$clock"
        [ ! -e "$tmp/late" ]
} 2>/dev/null # the shell's words for who was killed

# The end of PID, which is WHAT; its status is returned.
ended() { # PID WHAT
        in_time "$1" || give_up "the end of $2"
        return "$status"
}

# A line from FIFO, in $heard, and a line into one.
hear() { # FIFO
        heard=$(timeout "$patience" head -n 1 "$1") || give_up "a line from $1"
}
tell() { # FIFO LINE
        timeout "$patience" sh -c 'echo "$2" > "$1"' - "$1" "$2" || give_up "a reader of $1"
}

# Start `beam VERB ARGS`, which listens at any address: its real URL is in $url, its process
# in $server. What it and its children print after that goes to the file FILE, which is
# whole after `printed`.
n_servers=0
readers=()
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
        readers+=($!)
        "$beam" "$@" > "$fifo.out" &
        server=$!
        hear "$fifo.url"
        url=${heard#'{"url":"'} # as --json has it
        url=${url%'"}'}
}

serve() { # URL -- CMD... | OPTIONS URL --echo
        listening served.out serve --print-url "$@"
}

printed() {
        local reader
        for reader in "${readers[@]}"; do
                ended "$reader" 'all that could print to stdout'
        done
        readers=()
}

stop() { # PID: as a supervisor would; its status is returned
        kill -TERM "$1" 2>/dev/null
        ended "$1" "process $1, which got SIGTERM"
}

# Whoever was started from here, however far from here, and is still there.
left_over() {
        grep -lszFx "BEAM_E2E=$tmp" /proc/[0-9]*/environ | cut -d/ -f3
}

finish() {
        local pid pids moment
        for pid in $(jobs -p); do
                kill -TERM "$pid" 2>/dev/null
        done
        for pid in $(jobs -p); do
                in_time "$pid" || ok 1 "waited $patience s for a process that got SIGTERM"
        done
        # those that are on their way out get a moment
        unset BEAM_E2E # or what looks would be seen
        for moment in {1..50}; do
                pids=$(left_over)
                [ -n "$pids" ] || break
                sleep 0.1
        done
        for pid in $pids; do
                ok 1 "left running: $(tr '\0' ' ' 2>/dev/null < "/proc/$pid/cmdline")"
                kill -KILL "$pid"
        done
        cd /
        rm -rf "$tmp"
        echo "1..$n_tests"
        [ "$n_failed" -eq 0 ]
}
# Bash runs this in a child too, if a signal ends that between fork and exec.
trap '[ "$BASHPID" != $$ ] || { finish; exit $?; }' EXIT
