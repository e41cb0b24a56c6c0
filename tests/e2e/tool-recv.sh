#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# beam send to beam recv, over each link; how each learns what became of it.
. "$(dirname "$0")/tool-lib.sh"

receive() { # ARGS: $url, $receiver, and what it prints in the file got
        rm -f got
        listening got recv --print-url "$@"
        receiver=$server
}

for link in "unix:$tmp/r" "unix:@beam-e2e-$$-r" tcp://127.0.0.1:0; do
        receive -n 100000 "$link"
        seq 1 100000 | beam send "$url"
        is "$link: lines: status of send" $? 0
        ended $receiver recv
        is "$link: lines: status of recv" $? 0
        printed
        cmp got <(seq 1 100000)
        ok $? "$link: lines: all, in order"

        receive -n 1000 "$link"
        seq 1 1000 | beam send --depth 0 "$url"
        is "$link: depth 0: status of send" $? 0
        printed
        cmp got <(seq 1 1000)
        ok $? "$link: depth 0: all, in order"

        receive --raw -n 1 "$link"
        head -c 5000000 /dev/urandom > big
        tr -d '\n' < big > line
        beam send "$url" < line
        is "$link: one large message: status" $? 0
        printed
        cmp got line
        ok $? "$link: one large message"

        receive -n 2 "$link"
        said=$(seq 1 100000 | beam send "$url" 2>&1)
        is "$link: a receiver that has enough: status of send" $? 1
        like "$link: a receiver that has enough: reason" "$said" 'the service is ending'
        ended $receiver recv
        is "$link: a receiver that has enough: status of recv" $? 0
        printed
        is "$link: a receiver that has enough" "$(cat got)" "$(seq 1 2)"
done

receive -n 3 --json "unix:$tmp/json"
beam send -s name -l text "$url" 'say "hi"'
printf 'a\tb\n\377\n' | beam send "$url"
printed
is 'recv --json' "$(sed 's/"peer":"unix",//' got)" '{"service":"name","label":"text","things":0,"bytes":8,"data":"say \"hi\""}
{"service":"","things":0,"bytes":3,"data":"a\u0009b"}
{"service":"","things":0,"bytes":1,"base64":"/w=="}'

receive --service one "unix:$tmp/service"
said=$(beam send --service two "$url" x 2>&1)
is 'a service that is not there: status' $? 1
like 'a service that is not there: reason' "$said" 'no service "two" here'
beam send --service one "$url" y
is 'and one that is' $? 0
stop $receiver
is 'recv ends with 0 on SIGTERM' $? 0
printed
is 'and has printed what it took' "$(cat got)" y

beam recv --timeout 0.1 "unix:$tmp/timeout" > /dev/null
is 'recv: out of time' $? 124
said=$(beam recv -n 1 --timeout 0.1 "unix:$tmp/timeout" 2>&1)
like 'recv: how much came in time' "$said" '0 of 1 messages came in time'
said=$(beam send --wait --timeout 0.1 "unix:$tmp/nobody" x 2>&1)
is 'send --wait: out of time' $? 3
like 'send --wait: out of time' "$said" 'no such file'

# a signal while there is nothing to be read: what was read is sent, and taken
receive -n 1 "unix:$tmp/signal"
mkfifo lines
"$beam" send "$url" < lines &
sender=$!
exec 3> lines
echo first >&3
ended $receiver recv
is 'send: a line leaves at once' $? 0
stop $sender
is 'send dies of the signal it got' $? 143
exec 3>&-

# a receiver that is killed
mkfifo printed
"$beam" recv --print-url "unix:$tmp/killed" > printed &
receiver=$!
exec 4< printed
read -r -t "$patience" url <&4 || give_up 'the URL of recv'
"$beam" send "$url" < lines 2> said &
sender=$!
exec 3> lines
echo first >&3
read -r -t "$patience" _ <&4 || give_up 'a message from recv'
kill -KILL $receiver
ended $receiver 'recv, which was killed'
echo second >&3
exec 3>&-
ended $sender send
is 'a receiver that is killed: status' $? 1
like 'a receiver that is killed: said' "$(cat said)" 'the link was lost'

# descriptors that were inherited
if command -v python3 > /dev/null; then
        out=$(timeout 20 python3 -c '
import socket, subprocess, sys
a, b = socket.socketpair()
beam = sys.argv[1]
serve = subprocess.Popen([beam, "serve", "fd:%d" % a.fileno(), "--", "tr", "a-z", "A-Z"], pass_fds=[a.fileno()])
a.close()
call = subprocess.run([beam, "call", "fd:%d" % b.fileno(), "hello"], pass_fds=[b.fileno()], stdout=subprocess.PIPE)
b.close()
print(call.stdout.decode(), call.returncode, serve.wait())
' "$beam")
        is 'fd: over a socket pair, and then the end' "$out" 'HELLO 0 0'
        out=$(timeout 20 python3 -c '
import os, socket, subprocess, sys
beam, path = sys.argv[1:]
s = socket.socket(socket.AF_UNIX)
s.bind(path)
s.listen()
def child():
    os.dup2(s.fileno(), 3)
    os.set_inheritable(3, True)
serve = subprocess.Popen(["sh", "-c", "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\"", beam, "serve", "fd:systemd", "--echo"],
                         preexec_fn=child, close_fds=False)
s.close()
call = subprocess.run([beam, "call", "unix:" + path, "hello"], stdout=subprocess.PIPE)
serve.terminate()
print(call.stdout.decode(), call.returncode, serve.wait())
' "$beam" "$tmp/systemd")
        is 'fd:systemd' "$out" 'hello 0 0'
else
        skip 'fd:' 'no python3'
fi
