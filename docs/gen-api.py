#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make a page of the reference from a public header.

    docs/gen-api.py include/beam/beam.h docs/reference/api.md
    docs/gen-api.py --check include/beam/beam.h docs/reference/api.md

The header is the source: a comment with a blank line behind it is a heading, any other
belongs to the declarations that follow it. --check only says whether the page is stale.
"""

import os
import re
import sys


def words(comment):
    """The text of a C comment, without its stars."""
    lines = comment.strip()[2:-2].split("\n")
    lines[0] = "*" + lines[0]
    return [re.sub(r"^\s*\* ?", "", line).rstrip() for line in lines]


def prose(comment):
    """Paragraphs as they are, tables of two columns as preformatted text."""
    lines = words(comment)
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    if any(re.search(r"\S {3,}\S", line) for line in lines):
        return ["```text"] + lines + ["```"]
    # a < would begin a tag
    return [line.strip().replace("<", "\\<") for line in lines]


def names(code):
    code = re.sub(r"/\*.*?\*/", "", code, flags=re.S)
    found = re.findall(r"\b(beam_\w+)\(", re.sub(r"__attribute__\(\(.*?\)\)", "", code))
    found += re.findall(r"^#define (BEAM_(?!API)\w+)", code, re.M)
    found += re.findall(r"^\} (beam_\w+);", code, re.M)
    found += re.findall(r"^typedef struct (beam_\w+) \w+;", code, re.M)
    found += re.findall(r"^ {8}(BEAM_CODE_\w+) =", code, re.M)
    seen = []
    for name in found:
        if name not in seen:
            seen.append(name)
    return seen


def blocks(text):
    """(comment, code) pairs: runs of lines between blank ones, braces kept whole."""
    comment, code, depth = "", [], 0
    inside = False
    for line in text.split("\n") + [""]:
        if inside:
            comment += "\n" + line
            inside = "*/" not in line
            continue
        if not line and depth == 0:
            if comment or code:
                yield comment, "\n".join(code)
            comment, code = "", []
            continue
        if line.startswith("/*") and not code:
            comment = comment + "\n" + line if comment else line
            inside = "*/" not in line
            continue
        if 'extern "C"' not in line:
            depth += line.count("{") - line.count("}")
        code.append(line)


def page(name, header):
    out = [
        "# The calls of `<beam/%s>`" % name,
        "",
        "Made from `include/beam/%s` by `docs/gen-api.py`; edit the header, then run that." % name,
        "",
    ]
    body = header.split("#pragma once", 1)[1]
    body = body.split("/* for __attribute__((cleanup)) */")[0]
    started = False
    for comment, code in blocks(body):
        # what only the compiler reads
        if not comment and re.match(r"#(include|ifdef|endif|define BEAM_API)", code):
            continue
        if comment and not code:
            text = words(comment)
            if not started:
                started = True
                lines = [line for line in text if line]
                out += ["## The rules", ""]
                at = text.index(lines[0]) + 1
                rest = "\n".join(text[at:]).strip("\n").split("\n\n")
                for part in rest:
                    if re.match(r"\w+: {2,}", part):
                        out += ["```text", part, "```", ""]
                    else:
                        out += [part, ""]
                continue
            heading = " ".join(text).strip()
            out += ["## " + heading[0].upper() + heading[1:], ""]
            continue
        found = names(code)
        if found:
            out += ["### " + ", ".join("`%s`" % name for name in found), ""]
        # what was aligned behind the mark moves with it
        code = re.sub(r"(?<=\n) {9}(?= {12})", "", code).replace("BEAM_API ", "")
        out += ["```c", code, "```", ""]
        if comment:
            out += prose(comment) + [""]
    cleanups = re.findall(r"static inline void (beam_\w+p)\(", header)
    out += [
        "## Cleanup",
        "",
        "To be used as `__attribute__((cleanup(%s)))`:" % cleanups[0],
        ", ".join("`%s`" % each for each in cleanups) + ".",
        "",
    ]
    return "\n".join(out)


def main(args):
    check = args[:1] == ["--check"]
    if check:
        args = args[1:]
    if len(args) != 2:
        sys.exit("usage: gen-api.py [--check] HEADER PAGE")
    with open(args[0], encoding="utf-8") as f:
        made = page(os.path.basename(args[0]), f.read())
    if not check:
        with open(args[1], "w", encoding="utf-8") as f:
            f.write(made)
        return
    try:
        with open(args[1], encoding="utf-8") as f:
            stale = f.read() != made
    except FileNotFoundError:
        stale = True
    if stale:
        sys.exit("%s is stale: run docs/gen-api.py %s %s" % (args[1], args[0], args[1]))


main(sys.argv[1:])
