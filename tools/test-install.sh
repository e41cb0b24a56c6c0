#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What was installed is enough: a program builds with what pkg-config says, against the
# shared library and against the static one, in C99 and in C++, and runs.
#     test-install.sh BUILD-DIR
set -euo pipefail

build=$(realpath "$1")
cc=${CC:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

meson install -C "$build" --no-rebuild --quiet --destdir "$work/root" >install.log 2>&1 || {
        cat install.log >&2
        exit 1
}
pc=$(find root -name beam.pc)
library=$(dirname "$(find "$PWD/root" -name libbeam.so.0)")
export PKG_CONFIG_PATH
PKG_CONFIG_PATH=$(dirname "$PWD/$pc")
# by hand, since a sysroot would be put before the directories of libuv too
prefix=$(sed -n 's/^prefix=//p' "$pc")
sed -i "s|^prefix=.*|prefix=$PWD/root$prefix|" "$pc"

cat >say.c <<'TEXT'
#include <beam/beam.h>
#include <beam/version.h>
#include <stdio.h>
#include <string.h>

/* the library has one of that name inside */
void *mem_new(size_t n);
void *mem_new(size_t n) {
        (void)n;
        return NULL;
}

int main(void) {
        beam_sender *tx = NULL;
        beam_receiver *rx = NULL;
        beam_msg *msg = NULL;
        size_t n = 0;
        int ok;

        ok = !mem_new(1) && beam_pipe(1, &tx, &rx) == 0 && beam_msg_new("hello", 5, &msg) == 0 &&
             beam_send(tx, msg, BEAM_NOW) == 0 && beam_recv(rx, &msg, BEAM_NOW) == 1 &&
             !memcmp(beam_msg_data(msg, &n), "hello", 5) && n == 5 &&
             !strncmp(beam_version(), BEAM_VERSION, strlen(BEAM_VERSION));
        beam_msg_free(msg);
        beam_sender_close(tx);
        beam_receiver_close(rx);
        puts(ok ? "hello" : "not hello");
        return !ok;
}
TEXT

say() { # COMMAND...: it has to print hello
        local out
        out=$("$@") && [ "$out" = hello ] || { echo "$* says: $out" >&2; exit 1; }
}

read -ra flags <<<"$(pkg-config --cflags beam)"
read -ra shared <<<"$(pkg-config --libs beam)"
read -ra static <<<"$(pkg-config --static --libs beam)"

"$cc" -std=c99 -pedantic -Wall -Wextra -Werror "${flags[@]}" say.c -o say-shared "${shared[@]}"
say env LD_LIBRARY_PATH="$library" ./say-shared
[ -z "$(ldd say-shared | grep 'libbeam.so => /usr' || true)" ]

"$cc" -std=c99 "${flags[@]}" say.c -o say-static "${static[@]/#-lbeam/-l:libbeam.a}"
say ./say-static
if ldd say-static | grep -q libbeam; then
        echo "say-static is not static" >&2
        exit 1
fi

for cxx in g++ clang++; do
        if command -v "$cxx" >/dev/null; then
                echo '#include <beam/beam.h>' >header.cc
                echo '#include <beam/version.h>' >>header.cc
                "$cxx" -std=c++11 -Wall -Wextra -pedantic -Werror "${flags[@]}" -fsyntax-only header.cc
        fi
done
