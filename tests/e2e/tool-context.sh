#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# beam context: a Redis database served, and commands executed on one.
. "$(dirname "$0")/tool-lib.sh"

# Start `beam context ARGS`, which goes on, in $teller; its next line is in $line.
n_tellers=0
telling() { # ARGS
        local fifo=telling.$((n_tellers += 1))
        mkfifo $fifo
        "$beam" context "$@" > $fifo &
        teller=$!
        exec 7< $fifo
}
told() { # WHAT
        read -r -t "$patience" line <&7 || give_up "$1"
}

for at in "unix:$tmp/c" "unix:@beam-e2e-$$-c" tcp://127.0.0.1:0; do
        listening said context serve --print-url "$at"
        name=${at%%:*}
        [ "$at" = "unix:$tmp/c" ] || [ "$name" != unix ] || name=abstract
        is "$name: set" "$(beam context exec "$url" SET a 'two words')" OK
        is "$name: get" "$(beam context exec "$url" GET a)" 'two words'
        is "$name: a list" "$(beam context exec "$url" RPUSH l -1 x)" 2
        is "$name: its elements, a line each" "$(beam context exec "$url" LRANGE l 0 -1)" "$(printf '%s\nx' -1)"
        is "$name: as JSON" "$(beam context exec --json "$url" LRANGE l 0 -1)" '["-1", "x"]'
        is "$name: nothing" "$(beam context exec --json "$url" GET none)" null
        said=$(beam context exec "$url" NONSENSE)
        is "$name: an error of the command: status" $? 1
        like "$name: an error of the command: words" "$said" "ERR unknown command 'NONSENSE'"
        beam context exec --timeout 0.2 "$url" BLPOP nobody 0 2> said
        is "$name: a command that waits in vain: status" $? 124
        beam context exec "$url" BLPOP q 0 > popped &
        waiter=$!
        until [ "$(beam context exec "$url" RPUSH q 1)" = 0 ] || [ -s popped ]; do
                kill -0 $waiter 2> /dev/null || break
        done
        ended $waiter 'the client that waits'
        is "$name: a command that waits" "$(cat popped)" "$(printf 'q\n1')"
        stop "$server"
        is "$name: ends in order" $? 0
done

listening said context serve --print-url --each "unix:$tmp/each"
is 'each: set' "$(beam context exec "$url" SET a 1)" OK
is 'each: gone with its connection' "$(beam context exec --json "$url" GET a)" null
stop "$server"

listening said context serve --print-url --named "unix:$tmp/named"
is 'named: set' "$(beam context exec --service ada "$url" SET a 1)" OK
is 'named: the same again' "$(beam context exec --service ada "$url" GET a)" 1
is 'named: another' "$(beam context exec --service bob --json "$url" GET a)" null
is 'named: none' "$(beam context exec --json "$url" GET a)" null
telling sync --service ada "$url"
told 'a gap'
told 'what there is'
is 'named: sync' "$line" 'SET a 1'
stop $teller
first=$server named=$url
listening said context serve --print-url --service ada --follow "$named" "unix:$tmp/of-ada"
is 'named: a copy' "$(beam context exec --service ada "$named" WAIT 1 60000)" 1
is 'named: has what it has' "$(beam context exec "$url" GET a)" 1
stop "$server"
server=$first
stop "$server"

listening said context serve --print-url "unix:$tmp/one"
beam context exec --service ada "$url" PING 2> said
is 'a name where there are none: status' $? 1
like 'a name where there are none: words' "$(cat said)" 'no context of the name ada'
stop "$server"
beam context serve --named "unix:$tmp/1" "unix:$tmp/2" 2> said
is 'named at two places: status' $? 2

# kept in a file
listening said context serve --print-url --file "$tmp/kept.rdb" "unix:$tmp/kept"
is 'kept: set' "$(beam context exec "$url" SET a 1)" OK
stop "$server"
is 'kept: ends in order' $? 0
listening said context serve --print-url --file "$tmp/kept.rdb" "unix:$tmp/kept"
is 'kept: what was there' "$(beam context exec "$url" GET a)" 1
stop "$server"
echo broken > "$tmp/broken.rdb"
beam context serve --file "$tmp/broken.rdb" "unix:$tmp/kept" 2> said
is 'a broken file: status' $? 1
like 'a broken file: words' "$(cat said)" 'it is no RDB, or a broken one'
is 'a broken file: stays' "$(cat "$tmp/broken.rdb")" broken

beam context serve --file "$tmp/nowhere/kept.rdb" "unix:$tmp/kept" 2> said
is 'a file where nothing can be: status' $? 1
like 'a file where nothing can be: words' "$(cat said)" 'no such directory'
for serves in 'context serve' 'worker --allow date'; do
        beam $serves --directory "$tmp/nowhere" "unix:$tmp/kept" 2> said
        is "$serves in no directory: status" $? 2
        like "$serves in no directory: words" "$(cat said)" 'No such file or directory'
        beam $serves --directory "$tmp/broken.rdb" "unix:$tmp/kept" 2> said
        is "$serves in a file: status" $? 2
        like "$serves in a file: words" "$(cat said)" 'Not a directory'
done
beam context serve --follow nonsense "unix:$tmp/kept" 2> said
is 'following what is no address: status' $? 2
like 'following what is no address: words' "$(cat said)" 'not an address'

# what goes on being told
listening said context serve --print-url "unix:$tmp/told"
telling exec --json "$url" SUBSCRIBE one two
told SUBSCRIBE
is 'exec SUBSCRIBE' "$line" '["subscribe", "one", 1]'
told SUBSCRIBE
is 'exec SUBSCRIBE: each channel' "$line" '["subscribe", "two", 2]'
is 'exec PUBLISH' "$(beam context exec "$url" PUBLISH two hello)" 1
told 'a message'
is 'exec SUBSCRIBE: a message' "$line" '["message", "two", "hello"]'
stop $teller
is 'exec SUBSCRIBE: ends in order' $? 0
telling exec "$url" monitor
told MONITOR
is 'exec MONITOR' "$line" OK
beam context exec "$url" SET seen 1 > said
told 'a command'
like 'exec MONITOR: a command' "$line" '"SET" "seen" "1"'
stop $teller
is 'exec SUBSCRIBE: --timeout' "$(beam context exec --timeout 0.1 "$url" SUBSCRIBE none > said; echo $?)" 124

# with a password
is 'a password' "$(beam context exec "$url" CONFIG SET requirepass secret)" OK
like 'without it' "$(beam context exec "$url" PING)" NOAUTH
is 'with it' "$(beam context exec --password secret "$url" PING)" PONG
beam context exec --password wrong "$url" PING 2> said
is 'with another: status' $? 1
like 'with another: words' "$(cat said)" WRONGPASS
echo 'password = secret' > conf
is 'from a file' "$(beam context exec --config conf "$url" PING)" PONG
telling sync --config conf "$url"
told 'a gap'
told 'what there is'
is 'sync with it' "$line" 'SET seen 1'
stop $teller
beam context sync "$url" 2> said
is 'sync without it: status' $? 3
like 'sync without it: words' "$(cat said)" '--password'
first=$server
listening said context serve --print-url --config conf --follow "$url" "unix:$tmp/copy"
is 'a copy of it' "$(beam context exec --config conf "unix:$tmp/told" WAIT 1 60000)" 1
is 'has what it has' "$(beam context exec "$url" GET seen)" 1
stop "$server"
stop "$first"
beam context serve --password secret "unix:$tmp/told" 2> said
is 'a password for nobody: status' $? 2
like 'a password for nobody: words' "$(cat said)" requirepass

# following one: what there is, then what changes
listening said context serve --print-url "unix:$tmp/m"
beam context exec "unix:$tmp/m" SET a 'two words' > said
beam context exec "unix:$tmp/m" RPUSH b:l 1 2 > said
telling sync --json "unix:$tmp/m" b:
told 'a gap'
is 'sync: a gap first' "$line" '{"kind": "gap"}'
told 'what there was'
is 'sync: what there was' "$line" '{"kind": "command", "db": 0, "command": ["RPUSH", "b:l", "1", "2"]}'
told 'all of it'
like 'sync: all of it' "$line" '"whole"'
position=$(sed 's/.*"position": "\([^"]*\)".*/\1/' <<< "$line")
beam context exec "unix:$tmp/m" SET a 3 > said
beam context exec "unix:$tmp/m" RPUSH b:l 3 > said
told 'what has changed'
like 'sync: what has changed' "$line" '"RPUSH", "b:l", "3"'
stop $teller
is 'sync: ends in order' $? 0
telling sync --position "$position" "unix:$tmp/m"
told 'a change'
is 'sync: from a position on' "$line" 'SET a 3'
told 'the change behind it'
exec 7<&-
ended $teller 'one that nobody reads'
is 'sync: ends when nobody reads' $? 0
beam context sync --position x "unix:$tmp/m" 2> said
is 'sync: no position: status' $? 2
beam context sync 2> said
is 'misuse of sync: status' $? 2
stop "$server"

if command -v redis-cli > /dev/null; then
        listening said context serve --print-url "unix:$tmp/r"
        is 'redis-cli writes' "$(redis-cli -s "$tmp/r" MSET a 1 b 2)" OK
        is 'redis-cli counts' "$(redis-cli -s "$tmp/r" INCR a)" 2
        is 'redis-cli --scan' "$(redis-cli -s "$tmp/r" --scan | sort)" "$(printf 'a\nb')"
        # a megabyte, longer than any buffer
        head -c 1000000 /dev/zero | tr '\0' x > large
        is 'redis-cli -x' "$(redis-cli -s "$tmp/r" -x SET large < large)" OK
        is 'and back' "$(redis-cli -s "$tmp/r" GET large | cksum)" "$( (cat large && echo) | cksum)"
        seq 10000 | sed 's/.*/SET k& &/' | redis-cli -s "$tmp/r" --pipe > piped
        like 'redis-cli --pipe' "$(cat piped)" 'errors: 0, replies: 10000'
        is 'all of it is there' "$(beam context exec "unix:$tmp/r" DBSIZE)" 10003
        like 'redis-cli -3' "$(redis-cli -3 -s "$tmp/r" CLIENT INFO)" 'resp=3'
        like 'redis-cli help' "$(redis-cli -s "$tmp/r" help lpush)" 'LPUSH'
        like 'what it is told of commands' "$(redis-cli -s "$tmp/r" COMMAND DOCS lpush)" 'summary'
        like 'INFO' "$(redis-cli -s "$tmp/r" INFO keyspace)" 'db0:keys=10003,expires=0'
        is 'CONFIG' "$(redis-cli -s "$tmp/r" CONFIG SET notify-keyspace-events KEA)" OK
        stop "$server"
else
        skip 'redis-cli' 'not installed'
fi

beam context exec "unix:$tmp/nobody" PING 2> said
is 'nobody there: status' $? 3
like 'nobody there: words' "$(cat said)" 'beam context serve'
beam context 2> said
is 'misuse: status' $? 2
beam context exec "unix:$tmp/c" 2> said
is 'misuse of exec: status' $? 2
beam context serve 2> said
is 'misuse of serve: status' $? 2
beam context serve tcp://0.0.0.0:0 2> said
is 'any address: status' $? 2
