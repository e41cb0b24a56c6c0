#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The libraries that programs talk to a Redis with, at a context: context_clients.sh [HIREDIS]
# HIREDIS is clients/hiredis.c, built, or nothing where there is no hiredis.
here=$(cd "$(dirname "$0")" && pwd)
hiredis=${1:+$(realpath "$1")}
. "$here/../e2e/tool-lib.sh"

listening said context serve --print-url tcp://127.0.0.1:0
port=${url##*:}

client() { # NAME COMMAND...
        local name=$1
        shift
        timeout -k 5 "$patience" "$@" 127.0.0.1 "$port" > client.out 2>&1
        ok $? "$name"
        [ ! -s client.out ] || sed 's/^/# /' client.out | head -n 20
}

# node's own packages are where npm puts what is installed for all
NODE_PATH=$(npm root -g 2> /dev/null)
export NODE_PATH
for package in redis:node_redis ioredis:ioredis; do
        name="node: ${package%:*}"
        if node -e "require('${package%:*}')" > /dev/null 2>&1; then
                client "$name" node "$here/clients/${package#*:}.js"
        else
                skip "$name" 'not installed'
        fi
done

# Debian's packages of python are for its own python
python=
for candidate in python3 /usr/bin/python3; do
        [ -n "$python" ] || ! "$candidate" -c 'import redis' > /dev/null 2>&1 || python=$candidate
done
if [ -n "$python" ]; then
        client 'python: redis' "$python" "$here/clients/redis_py.py"
else
        skip 'python: redis' 'not installed'
fi

if [ -n "$hiredis" ]; then
        client 'C: hiredis' "$hiredis"
else
        skip 'C: hiredis' 'not installed'
fi
stop "$server"
