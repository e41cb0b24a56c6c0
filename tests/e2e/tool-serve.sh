#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# beam serve: a child for each message, stream and reader, over each link.
. "$(dirname "$0")/tool-lib.sh"

for link in "unix:$tmp/s" "unix:@beam-e2e-$$-s" tcp://127.0.0.1:0 'tcp://[::1]:0' \
        ws://127.0.0.1:0/a/path; do
        name=${link%%:*}
        [ "$link" != 'tcp://[::1]:0' ] || name=tcp6
        [ "$link" = "unix:$tmp/s" ] || [ "$name" != unix ] || name=abstract
        if [ $name = tcp6 ] && [ ! -e /proc/sys/net/ipv6 ]; then
                skip tcp6 'no IPv6 here'
                continue
        fi

        serve "$link" -- tr a-z A-Z
        is "$name: a message" "$(beam call "$url" hello)" HELLO
        is "$name: a stream" "$(printf 'one\ntwo\n' | beam pipe "$url")" "$(printf 'ONE\nTWO\n')"
        is "$name: an empty stream" "$(beam pipe "$url" < /dev/null)" ''
        for i in 1 2 3 4 5 6 7 8; do
                beam call "$url" "caller $i" > "answer.$i" &
                calls[i]=$!
        done
        for i in 1 2 3 4 5 6 7 8; do
                ended "${calls[i]}" "call $i of eight"
        done
        is "$name: eight at once" "$(cat answer.?)" "$(seq -f 'CALLER %g' 8 | tr -d '\n')"
        stop "$server"
        is "$name: ends in order" $? 0

        serve "$link" -- sh -c 'echo partly; exit 3'
        said=$(beam call "$url" hello 2>&1)
        is "$name: a failing child: status" $? 1
        like "$name: a failing child: reason" "$said" 'exited 3 (code 259)'
        out=$(beam pipe "$url" < /dev/null 2> said)
        is "$name: a failing stream: status" $? 1
        is "$name: a failing stream: what it wrote comes" "$out" partly
        like "$name: a failing stream: reason" "$(cat said)" 'exited 3 (code 259)'
        out=$(beam recv --dial "$url" 2> said)
        is "$name: a failing feed: status" $? 1
        is "$name: a failing feed: what it wrote comes" "$out" partly
        like "$name: a failing feed: reason" "$(cat said)" 'exited 3 (code 259)'
        stop "$server"
done

serve tcp://127.0.0.1:0 -- sh -c 'kill -KILL $$'
like 'a killed child' "$(beam call "$url" x 2>&1)" 'killed by signal 9 (Killed) (code 393)'
stop "$server"

# what a child is told
serve "unix:$tmp/env" -- sh -c 'echo "$BEAM_SERVICE/$BEAM_LABEL/$BEAM_PEER/$BEAM_PEER_UID"'
is 'environment' "$(beam call -s greet -l text "$url" x)" "greet/text/unix/$(id -u)"
stop "$server"

# names
serve --service billing "unix:$tmp/name" -- cat
is 'the right name' "$(beam call --service billing "$url" x)" x
said=$(beam call --service other "$url" x 2>&1)
is 'the wrong name: status' $? 1
like 'the wrong name: reason' "$said" 'no service "other" here'
beam pipe "$url" < /dev/null > /dev/null 2> said
is 'no name for a stream: status' $? 1
like 'no name for a stream: reason' "$(cat said)" 'no service "" here'
stop "$server"

# deadlines and limits
serve "unix:$tmp/slow" -- sh -c 'read -r never < /dev/zero'
said=$(beam call --timeout 0.3 "$url" x 2>&1)
is 'a call that takes too long: status' $? 124
stop "$server"
is 'and nothing is left over' $? 0
serve --timeout 0.2 "unix:$tmp/slow2" -- sh -c 'read -r never < /dev/zero'
said=$(beam call "$url" x 2>&1)
is 'a child that takes too long: status' $? 124
like 'a child that takes too long: reason' "$said" 'took too long (code 7)'
stop "$server"
serve "unix:$tmp/flood" -- cat /dev/zero
said=$(beam call "$url" x 2>&1)
like 'an answer without end' "$said" 'more than the 16 MiB'
stop "$server"
mkfifo go
ones=()
serve --max 1 "unix:$tmp/one" -- sh -c 'read -r word; echo "$word" >> order; read -r _ < go; echo "$word"'
for word in a b c; do
        echo $word | beam call "$url" > "one.$word" &
        ones+=($!)
done
exec 3<> go # whoever comes to read finds it there
printf '1\n2\n3\n' >&3
for one in "${ones[@]}"; do
        ended "$one" 'a call to --max 1'
done
exec 3>&-
is 'max 1: each gets its answer' "$(cat one.a one.b one.c)" "$(printf 'a\nb\nc\n')"
is 'max 1: each ran once' "$(sort order)" "$(printf 'a\nb\nc\n')"
stop "$server"

# messages one way
: > served.out
serve "unix:$tmp/log" -- sh -c 'echo "$(cat)"'
seq 1 20 | beam send "$url"
is 'send: status' $? 0
stop "$server"
printed
is 'what ran for messages one way' "$(sort -n served.out)" "$(seq 1 20)"

# a feed
serve "unix:$tmp/feed" -- seq 1 5000
is 'a feed' "$(beam recv --dial "$url")" "$(seq 1 5000)"
is 'the first of a feed' "$(beam recv --dial -n 2 "$url")" "$(seq 1 2)"
stop "$server"
serve "unix:$tmp/feed2" -- sh -c 'while echo more; do :; done'
is 'a feed without end, cut' "$(beam recv --dial -n 3 "$url" | wc -l)" 3
is 'and cut by whoever reads' "$(beam recv --dial "$url" | head -n 2 | wc -l)" 2
stop "$server"
is 'and the service ends' $? 0

# whoever asked goes away, and his child with him, and whatever that has started: who was
# being forked when the signal came has not heard it, which is as if he ignored it
mkfifo up gone hang held
serve "unix:$tmp/away" -- sh -c '
        trap "echo gone > gone; exit" TERM
        (trap "" TERM; echo up > up; exec cat hang > held) &
        wait'
"$beam" call "$url" x &
caller=$!
hear up
kill -KILL $caller
ended $caller 'a call that was killed'
hear gone
is 'a caller that goes away' "$heard" gone
timeout "$patience" cat held
is 'and what his child had started' $? 0
stop "$server"

# end in order while a child is at work
mkfifo begun work
serve "unix:$tmp/at-work" -- sh -c 'echo > begun; read -r line < work; echo "did $line"'
beam call "$url" x > answer &
caller=$!
hear begun
kill -TERM "$server"
tell work it
ended $caller 'a call that is under way'
is 'an answer after SIGTERM: status' $? 0
is 'an answer after SIGTERM' "$(cat answer)" 'did it'
ended "$server" 'the service'
is 'and then the end' $? 0
