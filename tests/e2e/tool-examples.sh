#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each example is run, and what it prints is looked at.
. "$(dirname "$0")/tool-lib.sh"
examples=${EXAMPLES:?where they were built}

run() { # EXAMPLE ARGS
        local name=$1
        shift
        timeout -k 5 "$patience" "$examples/$name" "$@"
}

n_links=0
for link in unix:$tmp/ex unix:@beam-e2e-$$-ex tcp://127.0.0.1:; do
        # a port that nobody has is what the kernel gives to a listener that goes away
        at() {
                case $link in
                tcp:*)
                        serve "${link}0" --echo
                        stop "$server"
                        ;;
                *)
                        url=$link$((n_links += 1))
                        ;;
                esac
        }

        at
        "$examples/hello-server" "$url" &
        pid=$!
        beam ping --wait --timeout 20 "$url" > /dev/null
        is "hello at ${link%%[0-9]*}" "$(run hello-client "$url" Ada)" 'hello, Ada'
        is "hello, by the tool" "$(beam call "$url" Bob)" 'hello, Bob'
        kill $pid

        at
        "$examples/rexec-server" "$url" &
        pid=$!
        beam ping --wait --timeout 20 "$url" > /dev/null
        is 'rexec: stdout' "$(run rexec "$url" echo one two < /dev/null)" 'one two'
        is 'rexec: stdin' "$(echo shout | run rexec "$url" tr a-z A-Z)" SHOUT
        run rexec "$url" sh -c 'echo out; echo err >&2; exit 7' < /dev/null > out 2> err
        is 'rexec: status' $? 7
        is 'rexec: stdout apart' "$(cat out)" out
        is 'rexec: stderr apart' "$(cat err)" err
        seq 1 200000 | run rexec "$url" cat > got
        is 'rexec: much' "$(md5sum < got)" "$(seq 1 200000 | md5sum)"
        run rexec "$url" no-such-command < /dev/null 2> /dev/null
        is 'rexec: no such command' $? 127
        kill $pid

        at
        workers=()
        run workers boss "$url" 3 > sum 2> hired &
        boss=$!
        for name in ada bob cy; do
                run workers worker "$url" $name > "did.$name" &
                workers+=($!)
        done
        ended $boss 'the boss'
        is 'workers: status' $? 0
        is 'workers: the sum' "$(cat sum)" 'the squares of 1 to 20 add up to 2870'
        is 'workers: three registered' "$(grep -c 'wants work' hired)" 3
        for worker in "${workers[@]}"; do
                ended "$worker" 'a worker'
        done
        is 'workers: together they did it all' "$(awk '{ n += $3 } END { print n }' did.*)" 20

        at
        echo 'in the file' > file
        "$examples/passfd" give "$url" "$tmp/file" &
        pid=$!
        beam ping --wait --timeout 20 "$url" > /dev/null
        is 'passfd: the file' "$(run passfd take "$url" 2> said)" 'in the file'
        case $link in
        tcp:*) is 'passfd: bridged' "$(cat said)" 'passfd: got a bridge to it' ;;
        *) is 'passfd: itself' "$(cat said)" 'passfd: got the file itself' ;;
        esac
        kill $pid

        at
        "$examples/split" "$url" count &
        pid=$!
        is 'split: two processes' "$(run split "$url" ask | cut -d: -f1)" "$(printf '3 words\n7 words\n5 words\n')"
        kill $pid

        at
        mkfifo "lines"
        "$examples/embed" "$url" < lines > seen &
        pid=$!
        exec 3> lines
        beam send --wait --timeout 20 "$url" message
        is 'embed: takes messages' $? 0
        echo line >&3
        exec 3>&-
        ended $pid embed
        is 'embed: status' $? 0
        is 'embed: both' "$(sort seen)" "$(printf 'line: line\nmessage: message\n')"
        rm lines
done
is 'split: two threads' "$(run split mem:words count ask | cut -d: -f1)" "$(printf '3 words\n7 words\n5 words\n')"
run hello-client "unix:$tmp/nobody" > out 2>&1
is 'hello: nobody there' $? 1

# over TCP, since that is how a redis-server follows
serve tcp://127.0.0.1:0 --echo
stop "$server"
"$examples/counters" "$url" &
pid=$!
is 'counters: a setting' "$(beam context exec --wait --timeout 20 "$url" SET app:limit 42)" OK
is 'counters: it is the program that has it' "$(beam context exec "$url" INCR app:limit)" 43
is 'counters: what it refuses' "$(beam context exec "$url" SET app:limit 101)" \
        'ERR app:limit: it has to be a whole number from 0 to 100'
is 'counters: beside what is stored' "$(beam context exec "$url" SET mine 1)" OK
is 'counters: listed' "$(beam context exec "$url" KEYS '*' | sort)" "$(printf 'app:limit\napp:seconds\nmine')"
if command -v redis-server > /dev/null && command -v redis-cli > /dev/null; then
        exec 6< <(exec redis-server --port 0 --unixsocket "$tmp/replica" --save '' --dir "$tmp" \
                --notify-keyspace-events KEA --replicaof 127.0.0.1 "${url##*:}")
        replica=$!
        until [[ ${line:-} == *'Finished with success'* ]]; do
                read -r -t "$patience" line <&6 || give_up 'a replica that has all'
        done
        exec 5< <(exec redis-cli -s "$tmp/replica" PSUBSCRIBE '__keyspace@0__:app:*')
        listener=$!
        read -r -t "$patience" line <&5 || give_up 'being told of changes'
        at_replica() { # NAME NUMBER WHAT: waits until it is that large there
                until [ "$(redis-cli -s "$tmp/replica" GET "$1")" -ge "$2" ]; do
                        read -r -t "$patience" line <&5 || give_up "$1 at a replica"
                done
                ok 0 "counters: $3"
        }
        at_replica app:limit 43 'a redis-server that follows has them'
        beam context exec "$url" SET app:limit 44 > /dev/null
        at_replica app:limit 44 'what clients write goes there'
        seconds=$(beam context exec "$url" GET app:seconds)
        at_replica app:seconds $((seconds + 1)) 'what the program changes too'
        stop $listener
        stop $replica
        is 'counters: the replica ends' $? 0
else
        skip 'counters: a redis-server that follows' 'not installed'
fi
kill $pid

url=unix:$tmp/function
"$examples/function" "$url" &
pid=$!
is 'function: as a command would' "$(echo hello | beam run --wait "$url" -- shout)" HELLO
seq 1 200000 | beam run "$url" -- shout > got
is 'function: much' "$(md5sum < got)" "$(seq 1 200000 | md5sum)"
stop $pid
