#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# beam pipe through a service that runs cat, over each link: identical, every time.
#     tool-pipe.sh [ROUNDS [LINES]]
. "$(dirname "$0")/tool-lib.sh"
rounds=${1:-3}
lines=${2:-2000000}
patience=300

seq 1 "$lines" > wanted
for link in "unix:$tmp/p" "unix:@beam-e2e-$$-p" tcp://127.0.0.1:0; do
        serve "$link" -- cat
        bad=0
        for ((i = 0; i < rounds; i++)); do
                seq 1 "$lines" | beam pipe "$url" > got || bad=$((bad + 1))
                cmp -s wanted got || bad=$((bad + 1))
        done
        is "$link: $rounds times $lines lines, and how many differed" $bad 0
        beam pipe "$url" < wanted > got
        is "$link: from a file to a file: status" $? 0
        cmp wanted got
        ok $? "$link: from a file to a file"
        stop "$server"

        serve "$link" --echo
        beam pipe "$url" < wanted | cmp - wanted
        ok $? "$link: an echo"
        stop "$server"
done

# half-close, each way
serve "unix:$tmp/half" -- sh -c 'cat > all; echo "had $(wc -l < all)"'
is 'an answer after the end of what was asked' "$(seq 1 100 | beam pipe "$url")" 'had 100'
stop "$server"
serve "unix:$tmp/first" -- head -n 1
out=$( (echo one; cat wanted) | beam pipe "$url" 2> said)
is 'who reads no more: what it wrote comes' "$out" one
stop "$server"

# a reader that has enough
serve "unix:$tmp/enough" -- cat wanted
is 'our reader has enough' "$(beam pipe "$url" < /dev/null 2> /dev/null | head -n 1)" 1
stop "$server"
is 'and the service ends' $? 0

# a service that is killed
mkfifo up
serve "unix:$tmp/killed" -- sh -c 'echo > up; cat'
mkfifo in
"$beam" pipe "$url" < in > out 2> said &
client=$!
exec 3> in
echo begun >&3
hear up
kill -KILL "$server"
ended "$server" 'the service, which was killed'
ended $client 'pipe, whose service was killed'
is 'the service is killed: status' $? 1
like 'the service is killed: said' "$(cat said)" 'the link was lost'
exec 3>&-
