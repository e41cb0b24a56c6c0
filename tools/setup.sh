#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Install what is missing for the given purposes, and nothing that is there. Needs root
# and apt-get for that; otherwise says what to install.
#     setup.sh build|check|fuzz|bench...
set -euo pipefail

missing=()
packages=() # of node

command_from() { # COMMAND PACKAGE
        command -v "$1" >/dev/null || missing+=("$2")
}

header_from() { # HEADER PACKAGE; there is no compiler to ask on a bare system
        local dir
        for dir in /usr/include /usr/local/include /usr/include/*-linux-gnu; do
                [ -e "$dir/$1" ] && return
        done
        missing+=("$2")
}

node_package() { # NAME VERSION; for all, where node looks if it is told to
        [ -d "$(npm root -g 2>/dev/null)/$1" ] || packages+=("$1@$2")
}

clang_runtime() { # clang with its sanitizers, and what makes their traces readable
        command_from clang clang
        command_from llvm-symbolizer llvm
        compgen -G '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a' >/dev/null ||
                missing+=(libclang-rt-dev)
}

for purpose; do
        case $purpose in
        build)
                command_from gcc gcc
                command_from ar binutils
                header_from stdio.h libc6-dev
                command_from meson meson
                command_from ninja ninja-build
                command_from pkg-config pkg-config
                header_from uv.h libuv1-dev
                ;;
        check)
                clang_runtime
                command_from clang-format clang-format
                command_from g++ g++ # for the header, which is C++ too
                command_from mandoc mandoc
                command_from python3 python3
                command_from redis-server redis-server # what the answers are compared with
                command_from redis-cli redis-tools
                # the libraries that programs talk to a Redis with
                header_from hiredis/hiredis.h libhiredis-dev
                command_from node nodejs
                command_from npm npm
                node_package redis 6.3.1
                node_package ioredis 6.0.0
                node_package ws 8.23.0
                /usr/bin/python3 -c 'import redis' 2>/dev/null || missing+=(python3-redis)
                # the thread sanitizer wants the layout of memory to be the old one
                command_from setarch util-linux
                ;;
        fuzz)
                clang_runtime
                ;;
        bench)
                header_from zmq.h libzmq3-dev
                header_from nng/nng.h libnng-dev
                header_from nanomsg/nn.h libnanomsg-dev
                header_from hiredis/hiredis.h libhiredis-dev
                command_from go golang-go
                command_from python3 python3
                command_from redis-server redis-server
                command_from redis-benchmark redis-tools
                ;;
        *)
                echo "setup.sh: no purpose '$purpose': build, check, fuzz or bench" >&2
                exit 2
                ;;
        esac
done

debian() { # PACKAGE...
        local install="apt-get install -y --no-install-recommends $*" log
        if ! command -v apt-get >/dev/null; then
                echo "These Debian packages, or what your system calls them, are missing: $*" >&2
                exit 1
        fi
        if [ "$(id -u)" -ne 0 ]; then
                echo "Packages are missing. Run this and try again:" >&2
                echo "    sudo $install" >&2
                exit 1
        fi

        echo "Installing $*"
        export DEBIAN_FRONTEND=noninteractive
        log=$(mktemp)
        # the lists may be missing or old: then once more, with new ones
        if ! $install >"$log" 2>&1 && ! { apt-get update && $install; } >"$log" 2>&1; then
                cat "$log" >&2
                rm -f "$log"
                echo "Could not install: $install" >&2
                exit 1
        fi
        rm -f "$log"
}

node() { # PACKAGE...: tests do without, and say so
        echo "Installing for node: $*"
        npm install -g --no-audit --no-fund "$@" >/dev/null 2>&1 ||
                echo "Could not install for node: $*" >&2
}

[ ${#missing[@]} -eq 0 ] || debian "${missing[@]}"
[ ${#packages[@]} -eq 0 ] || node "${packages[@]}"
