#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the tool says and with which status it exits, when it is used well and badly.
. "$(dirname "$0")/tool-lib.sh"

# help and version
out=$(beam --version)
is 'version: status' $? 0
like 'version names Beam' "$out" 'beam 0.'
like 'version names the links' "$out" 'unix'
out=$(beam help)
is 'help: status' $? 0
for verb in serve call send recv pipe ping run bench help; do
        like "help lists $verb" "$out" "  beam $verb"
        one=$(beam help $verb)
        is "help $verb: status" $? 0
        like "help $verb has options" "$one" '--help'
        is "$verb --help is the same" "$(beam $verb --help)" "$one"
done
is '--help is help' "$(beam --help)" "$out"
out=$(beam help context)
is 'help of verbs of two words: status' $? 0
for verb in serve exec sync; do
        like "help context lists $verb" "$out" "  beam context $verb"
done
is 'context --help is the same' "$(beam context --help)" "$out"
is 'context help is the same' "$(beam context help)" "$out"
out=$(beam help job)
for verb in ls show logs attach signal wait rm; do
        like "help job lists $verb" "$out" "  beam job $verb"
done
is 'no line of help is wide' "$(for verb in serve call send recv pipe ping bench \
        'context serve' 'context exec' 'context sync' run 'job ls' 'job show' 'job logs' \
        'job attach' 'job signal' 'job wait' 'job rm'; do
        # shellcheck disable=SC2086 # a name of two words
        beam help $verb | sed -n '/^.\{93\}/p'
done)" ''
for verb in job context edge kv hub; do
        beam $verb > /dev/null 2>&1
        is "$verb is not a verb" $? 2
done

# misuse: status 2, on stderr, with a hint, and nothing on stdout
misuse() { # NAME HINT ARGS...
        local name=$1 hint=$2 said
        shift 2
        said=$(beam "$@" 2>&1 > out)
        is "$name: status" $? 2
        like "$name: says what to do" "$said" "$hint"
        is "$name: nothing on stdout" "$(cat out)" ''
}
misuse 'no verb' 'beam help'
misuse 'an unknown verb' 'no such command' sing
misuse 'an unknown option' 'beam help call' call --loud unix:/nowhere
misuse 'an unknown letter' '-z: no such option' call -z unix:/nowhere
misuse 'an option of another verb' 'no such option' call --echo unix:/nowhere
misuse 'an option without its value' '--timeout SECONDS' call --timeout
misuse 'a value where none belongs' 'takes no value' call --json=yes unix:/nowhere
misuse 'a timeout that is no number' '"soon": it has to be seconds' call --timeout soon unix:/nowhere
misuse 'a negative timeout' 'cannot be "-1"' call --timeout -1 unix:/nowhere
misuse 'no URL' 'wants a URL' call
misuse 'too many words' 'beam help call' call unix:/nowhere one two
misuse 'no command' '-- CMD' serve unix:/nowhere
misuse 'a command that is not there' 'cannot run' serve "unix:$tmp/x" -- no-such-command
misuse 'a command and an echo' '-- CMD' serve --echo "unix:$tmp/x" -- cat
misuse 'what is no URL' 'not an address' call nonsense hello
misuse 'a path that is not whole' 'whole path' call unix:x.sock hello
misuse 'a path that is too long' '107 bytes' call "unix:/$(printf '%0150d' 0)" hello
misuse 'a link that is not in' 'not an address' call wss://localhost/ hello
misuse 'an address of everybody' 'not allowed' serve tcp://0.0.0.0:0 --echo
misuse 'a WebSocket of everybody' 'not allowed' serve ws://0.0.0.0:0 --echo
misuse 'help for what is not there' 'no such command' help sing
misuse 'half a name' 'beam help context' context
misuse 'half a name, and another word' 'beam help context' context sing
misuse 'no pings' 'a number from 1 on' ping --count 0 unix:/nowhere
misuse 'an option that would mean nothing' 'no such option' ping --service x unix:/nowhere
misuse 'listening where nobody gets' 'within one process' serve mem:name --echo
misuse 'a socket unit that is not there' 'LISTEN_FDS' serve fd:systemd --echo
misuse 'listening at what is no socket' 'not an open socket' serve fd:99 --echo

# nobody there: status 3
nobody() { # NAME HINT URL
        local said
        said=$(beam call "$3" hello 2>&1)
        is "$1: status" $? 3
        like "$1: says what to do" "$said" "$2"
}
nobody 'no socket' "no such file; is the service started? try: beam serve unix:$tmp/no.sock --echo" "unix:$tmp/no.sock"
nobody 'no listener' 'nobody listens there; is the service started?' tcp://127.0.0.1:1
nobody 'no abstract name' 'nobody listens there' "unix:@beam-e2e-$$-nobody"
nobody 'memory of another process' 'within one process' mem:name

# somebody who does not speak Beam
if command -v python3 > /dev/null; then
        mkfifo port
        python3 -c '
import socket
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
c, _ = s.accept()
c.recv(1)
c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
c.recv(1 << 20)
' > port &
        hear port
        said=$(beam call "tcp://127.0.0.1:$heard" hello 2>&1)
        is 'a stranger: status' $? 3
        like 'a stranger: says so' "$said" 'does not speak Beam'
else
        skip 'a stranger' 'no python3'
fi

# somebody who is there, and what each verb prints
serve "unix:$tmp/echo.sock" --echo
is 'print-url of a socket' "$url" "unix:$tmp/echo.sock"
is 'call' "$(beam call "$url" hello)" hello
is 'call reads stdin' "$(printf 'a\nb' | beam call "$url")" "$(printf 'a\nb')"
is 'call: bytes are bytes' "$(printf '\0\377\n\n' | beam call "$url" | od -An -tx1)" ' 00 ff 0a 0a'
is 'call: nothing' "$(beam call "$url" '' | wc -c)" 0
is 'call --json' "$(beam call --json --label text/plain "$url" 'say "hi"')" \
        '{"label":"text/plain","bytes":8,"data":"say \"hi\""}'
is 'call --json of bytes' "$(printf '\377\1' | beam call --json "$url")" '{"bytes":2,"base64":"/wE="}'
head -c 3000000 /dev/urandom > big
beam call "$url" < big | cmp - big
ok $? 'call: 3 MB there and back'
said=$(head -c 17000000 /dev/zero | beam call "$url" 2>&1)
is 'call: too much is misuse' $? 2
like 'call: too much says how much' "$said" '16 MiB'
said=$(beam ping -n 3 "$url")
is 'ping: a line each' "$(printf '%s\n' "$said" | grep -c "^$url: [0-9.]* us$")" 3
like 'ping --json' "$(beam ping --json "$url")" "{\"url\":\"$url\",\"us\":"
is 'pipe --json' "$(echo hi | beam pipe --json "$url" 2>&1)" "hi
{\"url\":\"$url\",\"taken\":\"all\"}"
is 'send' "$(beam send --json "$url" a b c)" "{\"url\":\"$url\",\"taken\":3}"
is 'send is quiet' "$(beam send "$url" a 2>&1)" ''
like 'send --verbose is not' "$(beam send --verbose "$url" a 2>&1)" '1 taken'
beam recv --dial "$url" 2> said
is 'recv --dial of an echo: status' $? 1
like 'recv --dial of an echo: reason' "$(cat said)" 'says nothing of its own'

# the config file
printf '# all\n json = yes \nmax=3\nlabel = json\n' > conf
is 'config file' "$(beam call --config conf "$url" 1)" '{"label":"json","bytes":1,"data":"1"}'
is 'the command line wins' "$(beam call --label xml -c conf "$url" 1)" '{"label":"xml","bytes":1,"data":"1"}'
misconf() { # NAME TEXT HINT
        printf '%b' "$2" > conf
        misuse "config: $1" "$3" call -c conf "$url" 1
}
misconf 'an unknown name' 'json = yes\nloud = 3\n' 'conf:2: there is no option "loud"'
misconf 'no value' 'timeout\n' 'conf:1: timeout needs a value'
misconf 'a bad value' 'timeout = never\n' 'conf:1: timeout cannot be "never"'
misconf 'a bad switch' 'json = maybe\n' 'conf:1: json cannot be "maybe": it has to be yes or no'
misuse 'config: no file' 'No such file' call -c nowhere.conf "$url" 1

# for people: on a terminal, or when asked
"$beam" serve --verbose "unix:$tmp/people" --echo 2> said &
people=$!
is 'call in a pipe adds nothing' "$(beam call --wait "unix:$tmp/people" hi | wc -c)" 2
stop $people
is 'serve --verbose says what to try' "$(cat said)" \
        "beam: serving echo at unix:$tmp/people, try: beam call unix:$tmp/people hello"
if command -v python3 > /dev/null; then
        on_terminal='
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
out = b""
try:
    while True:
        data = os.read(fd, 1000)
        if not data:
            break
        out += data
        if b"try:" in data:
            os.write(fd, b"\x03")
except OSError:
    pass
sys.stdout.write(out.decode().replace("\r\n", "|"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
'
        is 'call on a terminal ends its line' \
                "$(timeout 20 python3 -c "$on_terminal" "$beam" call "$url" hi)" 'hi|'
        said=$(timeout 20 python3 -c "$on_terminal" "$beam" serve "unix:$tmp/tty" --echo)
        is 'serve on a terminal ends with 0 on Ctrl-C' $? 0
        like 'serve on a terminal says what to try' "$said" "try: beam call unix:$tmp/tty hello|"
        # what a shell would find: the terminal as it was
        flags='
import fcntl, os, pty, subprocess, sys
a, b = pty.openpty()
p = subprocess.Popen(sys.argv[1:], stdin=b, stdout=b, stderr=subprocess.DEVNULL)
os.write(a, b"hello\n")
out = b""
while out.count(b"hello") < 2:  # what was typed, and the answer
    out += os.read(a, 1000)
p.terminate()
p.wait()
print("blocking" if os.get_blocking(b) else "left non-blocking")
'
        is 'pipe leaves the terminal as it was' \
                "$(timeout 20 python3 -c "$flags" "$beam" pipe "$url")" blocking
else
        skip 'on a terminal' 'no python3'
fi

# an end in order
stop "$server"
is 'serve ends with 0 on SIGTERM' $? 0
[ ! -e echo.sock ]
ok $? 'serve takes its socket away'
