#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The checks of the house, each on a tree that it must pass and on trees that it must
# not: a check that cannot fail checks nothing. Speaks TAP.
set -uo pipefail

tools=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0
n_bad=0

say() { # ok|"not ok" NAME
        n=$((n + 1))
        echo "$1 $n - $2"
        [ "$1" = ok ] || n_bad=$((n_bad + 1))
}

# A small tree that is in order.
tree() {
        rm -rf "$work/tree"
        mkdir -p "$work"/tree/src/{base,wire/mux,wire/ws,loop,chan,link,cli} "$work/tree/include/beam"
        cd "$work/tree" || exit 1
        export BEAM_TREE=$work/tree
        printf '#include <stddef.h>\n' >src/base/mem.h
        printf '#include "mux.h"\n#include "base/mem.h"\n#include <errno.h>\n' >src/wire/mux/mux.c
        printf '#include <stdint.h>\n' | tee src/wire/mux/mux.h >src/wire/ws/ws.h
        printf '#include <uv.h>\n#include <sys/epoll.h>\n' >src/loop/loop.c
        printf '#include <stdint.h>\n' >src/loop/loop.h
        printf '#include "wire/mux/mux.h"\n#include "loop/loop.h"\n#include <beam/beam.h>\n' >src/chan/session.h
        printf '#include "chan/session.h"\n#include <sys/socket.h>\n' >src/link/unix.c
        printf '#include "link/none.h"\n#include <sys/epoll.h>\n' >src/link/test-unix.c
        printf '#include <beam/beam.h>\n#include "base/mem.h"\n' >src/cli/main.c
        {
                printf '#define BEAM_API __attribute__((visibility("default")))\n'
                printf 'BEAM_API int beam_one(void);\n/* BEAM_API is for export */\n'
                printf 'BEAM_API int beam_two(int a,\n                      int b);\n'
                printf 'BEAM_API const char *beam_three(void (*fn)(void *));\n'
        } >include/beam/beam.h
}

passes() { # NAME COMMAND...
        local name=$1 out
        shift
        if out=$("$@" 2>&1); then
                say ok "$name"
        else
                say 'not ok' "$name"
                sed 's/^/# /' <<<"$out"
        fi
}

fails() { # NAME WORDS COMMAND...: it fails, and says why
        local name=$1 words=$2 out
        shift 2
        if ! out=$("$@" 2>&1) && grep -qF -- "$words" <<<"$out"; then
                say ok "$name"
        else
                say 'not ok' "$name"
                sed 's/^/# /' <<<"$out"
        fi
}

layer() { # NAME WORDS FILE LINE: one line too many in that file
        tree
        printf '%s\n' "$4" >>"$3"
        fails "layers: $1" "$2" "$tools/check-layers.sh"
}

tree
passes 'layers: a tree in order' "$tools/check-layers.sh"
layer 'up' 'chan is below link' src/chan/session.h '#include "link/unix.h"'
layer 'from base' 'base is below chan' src/base/mem.h '#include "chan/session.h"'
layer 'siblings of wire' 'siblings' src/wire/mux/mux.c '#include "wire/ws/ws.h"'
layer 'wire and loop' 'siblings' src/wire/mux/mux.c '#include "loop/loop.h"'
layer 'libuv' 'only src/loop may name <uv.h>' src/link/unix.c '  #  include <uv.h>'
layer 'libuv in the tool' 'only src/loop may name <uv.h>' src/cli/main.c '#include <uv.h>'
layer 'epoll' 'only src/loop may name <sys/epoll.h>' src/chan/session.h '#include <sys/epoll.h>'
layer 'a call of libuv' 'only src/loop may call' src/link/unix.c 'int f(void) { return uv_run(0, 0); }'
layer 'sockets in chan' 'no socket in src/chan' src/chan/session.h '#include <sys/socket.h>'
layer 'socket calls in chan' 'no socket calls' src/chan/session.h 'int f(void) { return socketpair(0); }'
layer 'system calls in a machine' 'pure machine' src/wire/mux/mux.c '#include <unistd.h>'
layer 'Beam in base' 'knows nothing of Beam' src/base/mem.h '#include <beam/beam.h>'
layer 'around the corner' 'chan is below link' src/chan/session.h '#include "../link/unix.h"'
layer 'unknown' 'neither beside the file' src/chan/session.h '#include "nowhere.h"'
tree
mkdir src/attic
echo >src/attic/old.c
fails 'layers: a folder in no layer' 'in no layer' "$tools/check-layers.sh"
tree
rm -r src/*
fails 'layers: nothing there' 'no sources' "$tools/check-layers.sh"

library() { # C of the library, made both ways
        tree
        printf '%s\n' '#define API __attribute__((visibility("default")))' "$1" >beam.c
        "${CC:-cc}" -shared -fPIC -fvisibility=hidden -w -o libbeam.so beam.c &&
                "${CC:-cc}" -c -fPIC -fvisibility=hidden -w -o beam.o beam.c &&
                ar rcs inner.a beam.o &&
                "$tools/make-static.sh" inner.a libbeam.a "${CC:-cc}"
}

all='API void beam_one(void){} API void beam_two(void){} API void beam_three(void){} void hidden(void){}'
library "$all"
passes 'symbols: as declared' "$tools/check-symbols.sh" "$work/tree/libbeam.so"
ar rcs libbeam.a beam.o
fails 'symbols: hidden ones in the archive' 'libbeam.a: exported and not declared: hidden' \
        "$tools/check-symbols.sh" "$work/tree/libbeam.so"
library "$all API int beam_extra;"
fails 'symbols: one too many' 'exported and not declared: beam_extra' \
        "$tools/check-symbols.sh" "$work/tree/libbeam.so"
library "${all/API void beam_two/static void beam_two}"
fails 'symbols: one too few' 'declared and not exported: beam_two' \
        "$tools/check-symbols.sh" "$work/tree/libbeam.so"

if command -v clang-format >/dev/null; then
        tree
        find . -name '*.[ch]' -delete
        cp "$tools/../.clang-format" .
        printf 'int f(void);\n' >src/a.h
        passes 'format: in order' "$tools/format.sh"
        printf 'int   f( void );\n' >src/a.h
        fails 'format: out of order' "run 'make fmt'" "$tools/format.sh"
        passes 'format: is mended' "$tools/format.sh" --write
        passes 'format: and stays so' "$tools/format.sh"
else
        say ok 'format # SKIP no clang-format'
fi

counts() { # NAME STATUS LAST-LINE LOG [ARG...]
        local name=$1 status=$2 last=$3 log=$4 out r
        shift 4
        printf '%s\n' "$log" >"$work/log.json"
        out=$("$tools/count-tests" "$@" "$work/log.json" 2>&1)
        r=$?
        if [ "$r" -eq "$status" ] && [ "$(tail -n 1 <<<"$out")" = "$last" ]; then
                say ok "count: $name"
        else
                say 'not ok' "count: $name"
                sed 's/^/# /' <<<"$out"
        fi
}

entry() { # RESULT STDOUT
        printf '{"name": "t", "result": "%s", "stdout": "%s"}' "$1" "$2"
}

counts 'each test of TAP' 0 '2 passed, 0 failed' "$(entry OK '1..2\nok 1 - a\nok 2 - b\n')"
counts 'a failed one' 1 '1 passed, 1 failed' "$(entry FAIL '1..2\nok 1 - a\nnot ok 2 - b\n')"
counts 'skipped is neither' 0 '1 passed, 0 failed' "$(entry OK '1..2\nok 1 - a\nok 2 - b # SKIP no b\n')"
counts 'a crash after good ones' 1 '1 passed, 1 failed' "$(entry ERROR '1..2\nok 1 - a\n')"
counts 'a program' 0 '1 passed, 0 failed' "$(entry OK 'ok\nnot ok\n')"
counts 'a failed program' 1 '0 passed, 1 failed' "$(entry FAIL '')"
counts 'one that hung' 1 '0 passed, 1 failed' "$(entry TIMEOUT '')"
counts 'all skipped' 1 '0 passed, 0 failed' "$(entry SKIP '1..0 # SKIP none')"
counts 'other checks' 1 '3 passed, 1 failed' "$(entry OK '1..2\nok 1 - a\nok 2 - b\n')" --passed x --failed y
counts 'nothing ran' 1 '0 passed, 0 failed' ''

echo "1..$n"
[ "$n_bad" -eq 0 ]
