#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Who may know whom. An include points down only, and siblings do not include each
# other; some headers and calls belong to one folder. What is beside the code for its
# tests (test-*, and say.*, which writes events down) may look anywhere.
set -euo pipefail

cd "${BEAM_TREE:-$(dirname "$0")/..}"

# from the bottom up; those on one line are siblings
layers=(
        "base"
        "wire/mux wire/spdy wire/http1 wire/http2 wire/ws wire/resp wire/rdb wire/proxy wire/flat codec context/data loop"
        "chan"
        "link"
        "context"
        "context/cmd"
        "job"
        "edge hub gateway"
        "cli"
)
declare -A height
for i in "${!layers[@]}"; do
        for folder in ${layers[i]}; do
                height[$folder]=$i
        done
done

n_bad=0
n_files=0
bad() { # FILE:LINE MESSAGE
        echo "$1: $2" >&2
        n_bad=$((n_bad + 1))
}

folder_of() { # the known folder at the beginning of a path below src/, or nothing
        local IFS=/
        # shellcheck disable=SC2086
        set -- $1
        folder=
        if [ -n "${height[$1/${2-}]-}" ]; then
                folder=$1/$2
        elif [ -n "${height[$1]-}" ]; then
                folder=$1
        fi
}

check_include() { # FILE LINE FOLDER INCLUDED
        local file=$1 at=$1:$2 here=$3 included=$4
        case $included in
        '<uv.h>' | '<sys/epoll.h>')
                [ "$here" = loop ] || bad "$at" "only src/loop may name $included"
                return
                ;;
        '<beam/'* | '"beam/'*)
                case $here in
                base | wire/* | codec | loop) bad "$at" "$here knows nothing of Beam: $included" ;;
                esac
                return
                ;;
        '<'*)
                case $here:$included in
                wire/*:'<sys/types.h>') ;;
                wire/*:'<sys/'* | wire/*:'<unistd.h>' | wire/*:'<fcntl.h>' | wire/*:'<time.h>' | \
                        wire/*:'<stdio.h>' | wire/*:'<poll.h>' | wire/*:'<pthread.h>' | \
                        codec:'<sys/socket.h>' | codec:'<unistd.h>' | codec:'<time.h>')
                        bad "$at" "a pure machine has no use for $included"
                        ;;
                chan:'<sys/socket.h>' | chan:'<sys/un.h>' | chan:'<netinet/'* | chan:'<arpa/'* | \
                        chan:'<netdb.h>' | chan:'<poll.h>')
                        bad "$at" "there is no socket in src/chan: $included"
                        ;;
                esac
                return
                ;;
        esac

        # "file.h" beside it, or "folder/file.h" from src/, or "../folder/file.h"
        included=${included//\"/}
        [[ $included != */* ]] && [ -e "${file%/*}/$included" ] && return
        if [[ $included == *../* ]] || [ -e "${file%/*}/$included" ]; then
                included=$(realpath -m --relative-to=src "${file%/*}/$included")
        fi
        folder_of "$included"
        if [ -z "$folder" ]; then
                bad "$at" "\"$included\" is neither beside the file nor of a known layer"
        elif [ "$folder" = "$here" ]; then
                :
        elif [ "${height[$folder]}" -gt "${height[$here]}" ]; then
                bad "$at" "$here is below $folder: \"$included\" points up"
        elif [ "${height[$folder]}" -eq "${height[$here]}" ]; then
                bad "$at" "$here and $folder are siblings: \"$included\""
        fi
}

while IFS= read -r file; do
        n_files=$((n_files + 1))
        folder_of "${file#src/}"
        here=$folder
        if [ -z "$here" ]; then
                bad "$file" "its folder is in no layer (tools/check-layers.sh)"
                continue
        fi
        while IFS=: read -r line included; do
                check_include "$file" "$line" "$here" "$included"
        done < <(sed -n -E '/^[ \t]*#[ \t]*include/{=;s/^[ \t]*#[ \t]*include[ \t]*(<[^>]*>|"[^"]*").*/\1/p}' "$file" |
                paste -d: - -)

        case $here in
        loop) ;;
        *)
                while IFS=: read -r line text; do
                        bad "$file:$line" "only src/loop may call libuv or epoll: ${text## }"
                done < <(grep -nE '\b(uv_[a-z_]+|epoll_[a-z_]+) *\(' "$file" || true)
                ;;
        esac
        case $here in
        chan | wire/* | codec)
                while IFS=: read -r line text; do
                        bad "$file:$line" "no socket calls in src/$here: ${text## }"
                done < <(grep -nE '(^|[^_a-z.>])(socket|socketpair|bind|listen|accept4?|connect|sendmsg|recvmsg|getsockopt|setsockopt) *\(' "$file" |
                        grep -vE '^[0-9]+: *(/?\*|//)' || true)
                ;;
        esac
done < <(find src -name '*.[ch]' ! -name 'test-*' ! -name 'say.[ch]' | sort)

[ "$n_files" -gt 0 ] || { echo "layers: no sources in $PWD/src" >&2; exit 1; }
[ "$n_bad" -eq 0 ] || { echo "layers: $n_bad broken in $n_files files" >&2; exit 1; }
