#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# beam run and beam job: a command at a worker of a context, as if it ran here.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/tool-lib.sh"

n_places=0
head -c 3000000 /dev/urandom > bytes
(cat bytes && echo end) > more

allowed=sh,cat,printf,seq,sleep,true,wc

# A context of ours, which may run jobs itself, or a Redis, at $at.
place() { # ours|jobs|redis
        n_places=$((n_places + 1))
        at=unix:$tmp/place.$n_places
        if [ "$1" = redis ]; then
                redis-server --port 0 --unixsocket "${at#unix:}" --save '' --dir "$tmp" \
                        --logfile "$tmp/redis.log" &
        elif [ "$1" = jobs ]; then
                "$beam" context serve --allow-jobs "$allowed" "$at" &
        else
                "$beam" context serve "$at" &
        fi
        server=$!
        until beam context exec --wait "$at" PING > said 2>&1; do
                kill -0 $server || give_up "a context of the kind $1"
        done
}

how=() # options of all that is run
run() {
        beam run "${how[@]}" "$at" "$@"
}

# Our own client, which a signal can be sent to. Bash starts what is in the background
# with SIGINT ignored.
client() { # FIFO-OR-FILE ARGS
        local file=$1
        shift
        env --default-signal=INT,QUIT "$beam" run "${how[@]}" "$at" "$@" <&0 > "$file" 2> said &
        client=$!
}

# Processes with this mark in their environment.
marked() {
        grep -lszFx "MARK=$1" /proc/[0-9]*/environ
}

# What is the same whoever serves the jobs, $kind, and whichever way they come.
as_here() {
        out=$(run -- sh -c 'echo out; echo err >&2; exit 3' < /dev/null 2> err)
        is "$kind: status" $? 3
        is "$kind: stdout" "$out" out
        is "$kind: stderr" "$(cat err)" err
        run -- true < /dev/null > out 2> err
        is "$kind: well" "$? $(cat out err)" '0 '
        run -- cat < bytes | cmp -s - bytes
        is "$kind: binary, there and back" "${PIPESTATUS[*]}" '0 0'
        run -- sh -c 'cat >&2' < bytes 2> err
        cmp -s err bytes
        is "$kind: binary, to stderr" $? 0
        is "$kind: arguments" "$(run -- printf '[%s]' 'a b' '' '*' '$HOME' < /dev/null)" '[a b][][*][$HOME]'
        is "$kind: environment" "$(HERE=2 run --env A=1 --env B= --env HERE --env C=x=y -- \
                sh -c 'echo "$A,$B,$HERE,$C"' < /dev/null)" '1,,2,x=y'
        is "$kind: no input" "$(run -- wc -c <&- | tr -d ' ')" 0
        is "$kind: half-close" "$( (echo one && cat "$tmp/never" > /dev/null &) | true; echo one | run -- sh -c 'cat; echo two')" "$(printf 'one\ntwo')"
        run -- sh -c 'kill -SEGV $$' < /dev/null 2> err
        is "$kind: a signal: status" $? 139
        like "$kind: a signal: words" "$(cat err)" 'signal 11 (Segmentation fault)'
        run -- /nonexistent/program < /dev/null 2> err
        is "$kind: no such program: status" $? 127
        like "$kind: no such program: words" "$(cat err)" 'no such'

        # who reads us has seen enough
        run -- seq 1 100000000 < /dev/null | head -n 2 > out
        is "$kind: a pipe that closes: status" "${PIPESTATUS[*]}" '141 0'
        is "$kind: a pipe that closes: output" "$(cat out)" "$(printf '1\n2')"
        # what is wrong with our own descriptors we say, or who has them
        local ours=255 write='cannot write stdout' read='cannot read stdin'
        if [[ $kind == passed* ]]; then
                ours=1 write='seq: ' read='cat: '
        fi
        run -- seq 1 100000 < /dev/null > /dev/full 2> err
        is "$kind: a full disk: status" $? $ours
        like "$kind: a full disk: words" "$(cat err)" "$write"
        run -- cat < / 2> err
        is "$kind: input that cannot be read: status" $? $ours
        like "$kind: input that cannot be read: words" "$(cat err)" "$read"

        # signals
        mkfifo "lines.$kind"
        client "lines.$kind" -- sh -c 'trap "echo got; exit 7" USR1; echo ready; while :; do sleep 0.1; done' < /dev/null
        exec 7< "lines.$kind"
        read -r -t "$patience" line <&7 || give_up 'a line of a job'
        kill -USR1 $client
        read -r -t "$patience" line <&7 || give_up 'a line of a job'
        is "$kind: a signal is handed on" "$line" got
        ended $client 'a client'
        is "$kind: and its status comes back" $? 7

        client "lines.$kind" --env "MARK=$tmp.$kind" -- \
                sh -c 'sleep 1000 & sh -c "sleep 1000 & echo ready; wait" & wait' < /dev/null
        exec 7< "lines.$kind"
        read -r -t "$patience" line <&7 || give_up 'a line of a job'
        is "$kind: children are there" "$(marked "$tmp.$kind" | wc -l)" 4
        kill -INT $client
        ended $client 'a client that was interrupted'
        is "$kind: interrupted: status" $? 130
        is "$kind: interrupted: nobody is left" "$(marked "$tmp.$kind")" ''
        exec 7<&-

        run --timeout 0.3 --env "MARK=$tmp.late" -- sh -c 'sleep 1000; :' < /dev/null 2> err
        is "$kind: a time limit: status" $? 124
        like "$kind: a time limit: words" "$(cat err)" 'not done in time'
        is "$kind: a time limit: nobody is left" "$(marked "$tmp.late")" ''

        # nothing is left of them
        is "$kind: removed at the end" "$(beam job ls "$at")" ''
}

# What needs that its output is in the context.
common() {
        as_here
        run --keep --json -- sh -c 'echo kept; echo too >&2; exit 4' < /dev/null > out 2> err
        is "$kind: kept: status" $? 4
        job=$(sed -n 's/.*"job":\([0-9]*\),"exit":"exited","status":4.*/\1/p' err)
        [ -n "$job" ]
        ok $? "$kind: kept: JSON"
        is "$kind: ls" "$(beam job ls --json "$at")" \
                "{\"job\":$job,\"name\":\"sh\",\"state\":\"ended\",\"exit\":\"exited\",\"status\":4}"
        is "$kind: logs" "$(beam job logs "$at" "$job" 2> err) $(cat err)" 'kept too'
        is "$kind: and once more" "$(beam job logs "$at" "$job" 2> err) $(cat err)" 'kept too'
        like "$kind: show" "$(beam job show "$at" "$job")" 'args.1         -c'
        beam job wait "$at" "$job"
        is "$kind: wait" $? 4
        out=$(beam job attach "$at" "$job" 2> err)
        is "$kind: attach: status" $? 4
        is "$kind: attach: output" "$out $(cat err)" 'kept too'
        beam job rm "$at" "$job"
        is "$kind: rm" "$? $(beam job ls "$at")" '0 '
        is "$kind: nothing is left of any" \
                "$(beam context exec "$at" KEYS '*jobs/[0-9]*' | grep -v /reader/)" ''
        beam job wait "$at" "$job" 2> err
        is "$kind: wait for none: status" $? 255
        like "$kind: wait for none: words" "$(cat err)" "no job $job"

        # on its own, looked on at by several
        job=$(run --detach -- sh -c 'while [ ! -e "$0" ]; do sleep 0.05; done; cat "$1"; exit 5' \
                "$tmp/go.$kind" "$tmp/more")
        for i in 1 2 3; do
                "$beam" job attach "$at" "$job" > "seen.$i" &
                watchers[i]=$!
        done
        "$beam" job wait --json "$at" "$job" > waited &
        waiter=$!
        until [ "$(beam context exec "$at" SCARD "/beam/jobs/$job/readers")" = 3 ]; do
                kill -0 $waiter || give_up 'three watchers'
        done
        beam job rm "$at" "$job" 2> err
        is "$kind: rm of one that runs: status" $? 1
        : > "go.$kind"
        for i in 1 2 3; do
                ended "${watchers[i]}" 'a watcher'
                is "$kind: watcher $i: status" $? 5
                cmp -s "seen.$i" more
                is "$kind: watcher $i: output" $? 0
        done
        ended $waiter 'who waits'
        is "$kind: wait --json: status" $? 5
        is "$kind: wait --json: line" "$(cat waited)" "{\"job\":$job,\"exit\":\"exited\",\"status\":5}"
        beam job signal "$at" "$job" TERM 2> err
        is "$kind: a signal to one that has ended: status" $? 1

        job=$(run --detach -- sleep 1000)
        beam job signal "$at" "$job" TERM
        is "$kind: a signal: status" $? 0
        beam job wait "$at" "$job" 2> err
        is "$kind: a signal has ended it" $? 143
        job=$(run --detach -- sleep 1000)
        beam job signal "$at" "$job" cancel
        beam job wait "$at" "$job" 2> err
        is "$kind: cancel has ended it" $? 143
}

place ours
python3 "$here/job_worker.py" "${at#unix:}" &
kind=plain common
stop "$server"

place jobs
kind=ours common
bad=0
for i in {1..100}; do
        [ "$(run -- seq 1 2000000 < /dev/null | tail -n 1; echo "${PIPESTATUS[*]}")" = "2000000
0 0" ] || bad=$((bad + 1))
done
is 'a hundred times the whole output' $bad 0
beam run "$at" --on-exit go-on -- sh -c 'exit 6' < /dev/null
is 'options behind the address' $? 6

# how it is run
is 'how it is run' "$(run --directory / --umask 027 --limit nofile=64:128 --limit core=0 -- \
        sh -c 'pwd; umask; ulimit -Sn; ulimit -Hn; ulimit -c' < /dev/null | tr '\n' ' ')" '/ 0027 64 128 0 '
run --user nobody -- true < /dev/null 2> err
is 'a user that is not permitted: status' $? 126
like 'a user that is not permitted: words' "$(cat err)" 'nobody is not permitted'
run --limit nofile=x -- true < /dev/null 2> err
is 'a limit that is none: status' $? 126
like 'a limit that is none: words' "$(cat err)" 'limit.nofile'
run --limit nofile -- true < /dev/null 2> err
is 'no limit at all: status' $? 2
beam worker --allow sh --limit files=3 "$at" 2> err
is 'a limit of a worker that is none: status' $? 2
beam worker --allow sh --user no-such-user-here "$at" 2> err
is 'a user of a worker that is not there: status' $? 2

parent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
is 'a trace' "$(TRACEPARENT=$parent TRACESTATE=a=b run -- sh -c 'echo $TRACEPARENT $TRACESTATE' < /dev/null)" "$parent a=b"
is 'a trace that is none' "$(TRACEPARENT=none run -- sh -c 'echo "<$TRACEPARENT>"' < /dev/null)" '<>'
is 'another trace' "$(TRACEPARENT=none run --env TRACEPARENT=$parent -- sh -c 'echo $TRACEPARENT' < /dev/null)" $parent

# more streams than three
mkfifo there back
head -c 30000 bytes > less
run --fd 3,4,5,9 -- sh -c 'cat <&3 >&4; cat <&9 >&5; echo said' 3< bytes 4> four 5> five 9< less \
        < /dev/null > out 2> err
is 'streams of any number: status' "$? $(cat out err)" '0 said'
cmp -s four bytes && cmp -s five less
is 'streams of any number: all of it' $? 0
tr a-z A-Z < there > back &
"$beam" run --fd 7,8 "$at" -- sh -c 'echo ask >&7; exec 7>&-; cat <&8' 7> there 8< back < /dev/null > out
is 'a stream ends before the job' "$? $(cat out)" '0 ASK'
python3 - "$beam" "$at" << 'END' > out
import socket, subprocess, sys
ours, theirs = socket.socketpair()
fd = theirs.fileno()
p = subprocess.Popen([sys.argv[1], 'run', '--fd', str(fd), sys.argv[2], '--',
                      'sh', '-c', f'cat <&{fd} >&{fd}'], pass_fds=[fd], stdin=subprocess.DEVNULL)
theirs.close()
ours.sendall(b'both ways')
ours.shutdown(socket.SHUT_WR)
got = b''
while piece := ours.recv(100):
    got += piece
print(got.decode(), p.wait())
END
is 'a stream that goes both ways' "$(cat out)" 'both ways 0'
is 'as it is' "$(run --direct --fd 5 -- sh -c 'cat <&5' 5< four < /dev/null | cksum)" "$(cksum < bytes)"
run --fd 17 -- true < /dev/null 2> err
is 'a descriptor that is not open: status' $? 2
like 'a descriptor that is not open: words' "$(cat err)" '--fd 17'
run --fd 2 -- true < /dev/null 2> err
is 'one that it has anyway: status' $? 2

# ^Z and fg: both are stopped, and both go on
state_of() { # PID
        sed 's/.*) \(.\).*/\1/' "/proc/$1/stat"
}
mkfifo input
exec 6<> input
client lines.ours -- sh -c 'echo $$; while :; do read -r line || exit 8; done' < input 6>&-
exec 7< lines.ours
read -r -t "$patience" pid <&7 || give_up 'a line of a job'
kill -TSTP $client
until [ "$(state_of $client)" = T ] && [ "$(state_of "$pid")" = T ]; do
        kill -0 $client || give_up 'a client that is stopped'
done
kill -CONT $client
until [ "$(state_of "$pid")" != T ]; do
        kill -0 $client || give_up 'a job that goes on'
done
exec 6>&- # the end of its input
ended $client 'a client that was stopped'
is 'stopped and gone on: status' $? 8

# a client that is killed: its job is ended when it has not been heard of for a while
client lines.ours --env "MARK=$tmp.gone" -- sh -c 'echo ready; sleep 1000; :' < /dev/null
exec 7< lines.ours
read -r -t "$patience" line <&7 || give_up 'a line of a job'
job=$(beam job ls --json "$at" | sed -n 's/.*"job":\([0-9]*\),.*"running".*/\1/p')
kill -KILL $client
beam job wait "$at" "$job" 2> err
is 'a client that is killed: its job is cancelled' $? 143
is 'a client that is killed: nobody is left' "$(marked "$tmp.gone")" ''
exec 7<&-
stop "$server"

# over channels: to a worker in the context's process, with our own descriptors and without; and
# to one elsewhere
how=(--direct)
place jobs
kind=passed as_here
client lines.passed --env "MARK=$tmp.direct" -- sh -c 'echo ready; sleep 1000; :' < /dev/null
exec 7< lines.passed
read -r -t "$patience" line <&7 || give_up 'a line of a job'
kill -KILL $client
wait $client 2> /dev/null
until [ -z "$(beam job ls "$at")" ]; do
        kill -0 "$server" || give_up 'the end of a job'
done
is 'passed: a client that is killed: nobody is left' "$(marked "$tmp.direct")" ''
exec 7<&-
run --keep -- sh -c 'exit 4' < /dev/null
beam job wait "$at" "$(beam job ls --json "$at" | sed -n 's/.*"job":\([0-9]*\),.*/\1/p')"
is 'passed: kept: wait' $? 4
run --detach -- true 2> err
is 'passed: --detach: status' $? 2
client lines.passed --env "MARK=$tmp.direct" -- sh -c 'echo ready; sleep 1000; :' < /dev/null
exec 7< lines.passed
read -r -t "$patience" line <&7 || give_up 'a line of a job'
kill -KILL "$server"
wait "$server" 2> /dev/null
ended $client 'a client whose context is killed'
is 'passed: a context that is killed: status' $? 255
exec 7<&-

listening said.server context serve --print-url --allow-jobs "$allowed" tcp://127.0.0.1:0
at=$url
kind=pumped as_here
bad=0
for i in {1..20}; do
        [ "$(run -- seq 1 2000000 < /dev/null | tail -n 1; echo "${PIPESTATUS[*]}")" = "2000000
0 0" ] || bad=$((bad + 1))
done
is 'pumped: twenty times the whole output' $bad 0
stop "$server"

place ours
run -- true < /dev/null 2> err
is 'nobody serves it: status' $? 127
"$beam" worker --allow "$allowed" "$at" &
first=$!
until run -- true < /dev/null 2> err; do
        kill -0 $first || give_up 'a worker that takes jobs over channels'
done
kind=passed.far as_here
client lines.passed.far -- sh -c 'echo ready; sleep 1000; :' < /dev/null
exec 7< lines.passed.far
read -r -t "$patience" line <&7 || give_up 'a line of a job'
kill -KILL $first
wait $first 2> /dev/null
ended $client 'a client whose worker was killed'
is 'elsewhere: a worker that is killed: status' $? 255
like 'elsewhere: a worker that is killed: words' "$(cat said)" 'was lost with its worker'
exec 7<&-
stop "$server"
how=()

if command -v redis-server > /dev/null; then
        place redis
        "$beam" worker --allow "$allowed" "$at" &
        first=$!
        kind=redis common

        # a worker that is killed
        client lines.redis -- sh -c 'echo ready; sleep 1000; :' < /dev/null
        exec 7< lines.redis
        read -r -t "$patience" line <&7 || give_up 'a line of a job'
        "$beam" worker --allow "$allowed" "$at" &
        kill -KILL $first
        wait $first 2> /dev/null
        ended $client 'a client whose worker was killed'
        is 'a worker that is killed: status' $? 255
        like 'a worker that is killed: words' "$(cat said)" 'was lost with its worker'
        exec 7<&-
        run --direct -- true < /dev/null 2> err
        is 'a Redis has no channels: status' $? 255
        like 'a Redis has no channels: words' "$(cat err)" 'without --direct'
        stop "$server"
else
        skip 'jobs on a Redis' 'not installed'
fi

# progress: a job writes a key, and goes on when both who look on have seen it
place jobs
beam context exec "$at" CONFIG SET notify-keyspace-events KEA > /dev/null
cat > work << 'END'
for n in 1 2 3 4 5; do
        "$TOOL" context exec "$AT" SET progress $n
        "$TOOL" context exec "$AT" BLPOP seen 0
done
END
exec 7< <(exec "$beam" context sync "$at" progress)
follower=$!
exec 8< <(exec "$beam" context exec "$at" SUBSCRIBE __keyspace@0__:progress)
listener=$!
sees() { # LINE DESCRIPTOR
        until [[ ${line:-} == *"$1" ]]; do
                read -r -t "$patience" line <&"$2" || give_up "$1 to be seen"
        done
        line=
}
sees 1 8
client said.out --env "TOOL=$beam" --env "AT=$at" -- sh "$tmp/work" < /dev/null
for n in 1 2 3 4 5; do
        sees "SET progress $n" 7
        sees set 8
        is 'progress: what is there' "$(beam context exec "$at" GET progress)" $n
        beam context exec "$at" RPUSH seen yes > /dev/null
done
ended $client 'a job that tells its progress'
is 'progress: status' $? 0
exec 7<&- 8<&-
stop $follower
stop $listener
stop "$server"

# what goes wrong here
at=unix:$tmp/nobody
run -- true 2> err
is 'nobody there: status' $? 255
like 'nobody there: words' "$(cat err)" 'beam context serve'
beam run "$at" 2> err
is 'no command: status' $? 2
beam run "$at" true 2> err
is 'no --: status' $? 2
beam run --on-exit never "$at" -- true 2> err
is 'a wrong option: status' $? 2
beam run --env =1 "$at" -- true 2> err
is 'a wrong variable: status' $? 2
beam job ls 2> err
is 'misuse of ls: status' $? 2
beam job show "$at" x 2> err
is 'misuse of show: status' $? 2
beam job signal "$at" 1 NONE 2> err
is 'misuse of signal: status' $? 2

# a link that is lost; a context that jobs wait at in vain
place ours
run --timeout 0.2 -- true 2> err
is 'no worker: status' $? 124
client said.out -- true < /dev/null
until [ "$(beam context exec "$at" LLEN /jobs/start)" = 1 ]; do
        kill -0 $client || give_up 'a job to be started'
done
kill -KILL "$server"
wait "$server" 2> /dev/null
ended $client 'a client whose context is gone'
is 'a lost link: status' $? 255
like 'a lost link: words' "$(cat said)" 'the link to'
