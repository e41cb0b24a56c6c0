#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# redis-cli at a context: the things that it does by itself.
. "$(dirname "$0")/tool-lib.sh"

if ! command -v redis-cli > /dev/null; then
        skip 'redis-cli' 'not installed'
        exit
fi

listening said context serve --print-url "unix:$tmp/r"
cli() {
        timeout -k 5 "$patience" redis-cli -s "$tmp/r" "$@"
}

is 'keys of some types' "$(cli DEBUG POPULATE 30 k 20)" OK
cli SET k:longest 0123456789012345678901234 > set
cli RPUSH l a b c > set
cli SADD s a b > set
cli HSET h f v > set
cli ZADD z 1 a > set

is '--scan' "$(cli --scan --pattern 'k:1?' | sort)" "$(seq -f 'k:%g' 10 19)"
is '--scan --quoted-pattern' "$(cli --scan --quoted-pattern '"k:\x6congest"')" k:longest
big=$(cli --bigkeys)
like '--bigkeys: all' "$big" 'Sampled 35 keys'
like '--bigkeys: strings' "$big" "string found '\"k:longest\"' has 25 bytes"
like '--bigkeys: lists' "$big" "list found '\"l\"' has 3 items"
like '--bigkeys: sets' "$big" "set found '\"s\"' has 2 members"
memory=$(cli --memkeys --memkeys-samples 2)
like '--memkeys: all' "$memory" 'Sampled 35 keys'
like '--memkeys: lists' "$memory" '1 lists with'
cli CONFIG SET maxmemory-policy allkeys-lfu > set
cli SET hot 1 > set
for _ in {1..40}; do echo GET hot; done | cli > set
like '--hotkeys' "$(cli --hotkeys)" 'hot key found with counter:'

read -r lowest highest mean n <<< "$(cli --latency --raw -i 0.1)"
[ "$lowest" -le "$highest" ] && [ -n "$mean" ] && [ "$n" -gt 0 ]
ok $? '--latency'
like '--stat' "$(timeout "$patience" stdbuf -oL redis-cli -s "$tmp/r" --stat -i 0.01 | head -n 3)" 'keys'

printf 'SET piped:%d x\n' {1..500} | cli --pipe > piped
like '--pipe' "$(cat piped)" 'errors: 0, replies: 500'
is '-x' "$(printf 'a\0b' | cli -x SET zero)" OK
is '-X' "$(printf 'c' | cli -X VALUE SET given VALUE)" OK
is '-r' "$(cli -r 3 INCR times | tail -n 1)" 3
is '-n' "$(cli -n 3 DBSIZE)" 0
is '--csv' "$(cli --csv LRANGE l 0 -1)" '"a","b","c"'
is '--json' "$(cli --json HGETALL h)" '{"f":"v"}'
is '-e: the status of an error' "$(cli -e NONSENSE > said 2>&1; echo $?)" 1
echo 'return 1' > script
like '--eval: why not' "$(cli --eval script)" 'no Lua'
like 'HELP of a container' "$(cli CLIENT HELP)" 'CLIENT'

# one that goes on, and prints as it is told
telling() { # COMMAND...
        exec {told}< <(cli "$@")
        teller=$!
}
told() { # N: as many lines of it, with blanks between
        local line all=()
        for ((i = 0; i < $1; i++)); do
                read -r -t "$patience" line <&"$told" || give_up 'what redis-cli is told'
                all+=("$line")
        done
        heard=${all[*]}
}
telling SUBSCRIBE news
told 3
is 'SUBSCRIBE' "$heard" 'subscribe news 1'
is 'PUBLISH' "$(cli PUBLISH news hello)" 1
told 3
is 'a message' "$heard" 'message news hello'
stop "$teller"
telling MONITOR
told 1
is 'MONITOR' "$heard" OK
cli SET seen "by all" > set
told 1
like 'a command' "$heard" '"SET" "seen" "by all"'
stop "$teller"

is 'a password' "$(cli CONFIG SET requirepass secret)" OK
like 'without it' "$(cli GET seen 2>&1)" NOAUTH
is 'with it' "$(cli -a secret --no-auth-warning GET seen)" 'by all'
is 'and no more' "$(cli --user default --pass secret --no-auth-warning CONFIG SET requirepass '')" OK

if command -v redis-server > /dev/null; then
        like '--rdb' "$(cli --rdb dump.rdb 2>&1)" 'Transfer finished with success'
        is 'the dump is one' "$(redis-check-rdb dump.rdb > checked 2>&1; echo $?)" 0
        like '--functions-rdb' "$(cli --functions-rdb none.rdb 2>&1)" 'Transfer finished with success'
else
        skip '--rdb' 'no redis-server'
fi
stop "$server"
