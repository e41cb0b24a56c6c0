#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The reference says what is there: the pages fit the header and the tool, the links lead
# somewhere.
tree=$(cd "$(dirname "$0")/../.." && pwd)
. "$(dirname "$0")/tool-lib.sh"

for page in api:beam context:context job:job; do
        "$tree/docs/gen-api.py" --check "$tree/include/beam/${page#*:}.h" \
                "$tree/docs/reference/${page%:*}.md"
        ok $? "docs/reference/${page%:*}.md fits ${page#*:}.h"
done

"$tree/docs/gen-commands-page.py" --check "$tree/docs/reference/commands.md"
ok $? 'docs/reference/commands.md fits the table of commands'

for page in "$tree"/docs/man/*; do
        name=${page##*/}
        if command -v mandoc > /dev/null; then
                is "$name: mandoc has nothing to say" "$(mandoc -T lint -W warning "$page")" ''
        else
                skip "$name: mandoc has nothing to say" 'no mandoc'
        fi
done

# each option of each verb, with its letter
verbs=(serve call send recv pipe ping 'context serve' 'context exec' 'context sync' worker run
        'job ls' 'job show' 'job logs' 'job attach' 'job signal' 'job wait' 'job rm' bench)
for verb in "${verbs[@]}" help; do
        grep -q "^\.It Cm $verb" "$tree/docs/man/beam.1"
        ok $? "beam.1 has $verb"
done
for verb in "${verbs[@]}"; do
        # shellcheck disable=SC2086 # a name of two words
        beam help $verb
done | sed -n 's/^  -\(.\), --\([a-z-]*\).*/\1 \2/p' | sort -u > flags
while read -r letter name; do
        grep -q "^\.It Fl $letter , Fl -$name\( \|$\)" "$tree/docs/man/beam.1"
        ok $? "beam.1 has --$name"
done < flags
[ "$(wc -l < flags)" -gt 10 ]
ok $? 'the options were found'
grep '^\.It Fl . ,' "$tree/docs/man/beam.1" | sed 's/^.It Fl \(.\) , Fl -\([a-z-]*\).*/\1 \2/' | sort > said
is 'beam.1 has no other' "$(comm -13 flags said)" ''

# what the man page of the library names is exported
for name in $(grep -o '^\.Fn beam_[a-z_]*' "$tree/docs/man/libbeam.3" | cut -c5- | sort -u); do
        grep -q "\b$name(" "$tree/include/beam/beam.h"
        ok $? "beam.h has $name"
done

# links within the pages
broken=$(cd "$tree" && for page in README.md NEWS.md CONTRIBUTING.md SECURITY.md docs/*/*.md; do
        [ -e "$page" ] || continue
        grep -o '](\([^)#]*\)' "$page" | cut -c3- | grep -v '^[a-z]*:' | sort -u | while read -r to; do
                [ -e "$(dirname "$page")/$to" ] || echo "$page: $to"
        done
done)
is 'no broken links' "$broken" ''
